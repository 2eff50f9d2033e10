"""How TFX's InteractiveContext shows this component's outputs.

`context.show(evaluator.outputs["evaluation"])` is `microtome.view.slicing` of the result.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tfx.orchestration.experimental.interactive import visualizations
from tfx.types import artifact as tfx_artifact
from tfx.types import standard_artifacts

from microtome.component.artifacts import SlicedMetrics
from microtome.executor import publish
from microtome.results import files, names
from microtome.results.display import formatted, html_table, printable
from microtome.results.eval_result import EvalResult
from microtome.tracking import schema


def register() -> None:
    """Makes TFX show our artifacts by our views, and others' as it did before.

    A new InteractiveContext registers TFX's own ones over it, so this is done again when outputs of
    the component are asked for.
    """
    registry = visualizations.get_registry()
    shown = registry.get_visualization(standard_artifacts.ModelEvaluation.TYPE_NAME)
    if not isinstance(shown, EvaluationVisualization):
        registry.register(EvaluationVisualization)
        registry.get_visualization(standard_artifacts.ModelEvaluation.TYPE_NAME).otherwise = shown
        registry.register(SlicedMetricsVisualization)


class EvaluationVisualization(visualizations.ArtifactVisualization):
    """Shows a `ModelEvaluation` that Microtome wrote; leaves others to what showed them before.

    Attributes:
        otherwise: What showed them before; None where nothing did.
    """

    ARTIFACT_TYPE = standard_artifacts.ModelEvaluation
    otherwise: visualizations.ArtifactVisualization | None = None

    def display(self, artifact: tfx_artifact.Artifact) -> None:
        """Shows an artifact as the output of a notebook's cell."""
        if self.otherwise is None or _is_ours(artifact.uri):
            from microtome.view import screens

            _display(screens.slicing(artifact.uri))
        else:
            self.otherwise.display(artifact)


class SlicedMetricsVisualization(visualizations.ArtifactVisualization):
    """Shows a slice's metrics as a table; for Overall, which comes first, the view of all slices.

    An InteractiveContext knows only the first of several artifacts that a component puts out.
    """

    ARTIFACT_TYPE = SlicedMetrics

    def display(self, artifact: tfx_artifact.Artifact) -> None:
        """Shows an artifact as the output of a notebook's cell."""
        from IPython.display import HTML

        content = json.loads(files.read_file(files.join(artifact.uri, publish.METRICS_FILE)))
        if schema.SLICES in content:
            from microtome.view import screens

            _display(screens.slicing(_result(content[schema.SLICES])))
            return
        _display(HTML(_table(content)))
        evaluation = content.get("provenance", {}).get("evaluation_uri", "")
        if not content[schema.SLICE] and evaluation and _is_ours(evaluation):
            from microtome.view import screens

            _display(screens.slicing(evaluation))


def _is_ours(folder: str) -> bool:
    return names.RUN_INFO in (files.list_names(folder) or [])


def _table(record: dict[str, Any]) -> str:
    """The metrics of one slice."""
    counts = {name: record[name] for name in (schema.EXAMPLE_COUNT, schema.EXAMPLE_WEIGHT)}
    numbers = {**counts, **record[schema.METRICS]}
    rows = [
        [printable(name.removeprefix("post_export_metrics/")), _text(value)]
        for name, value in numbers.items()
    ]
    return html_table(printable(record["slice_key"], None), [], [["metric", "value"], *rows])


def _text(value: Any) -> str:
    if isinstance(value, int | float):
        return formatted([float(value)])[0]
    return printable(value if isinstance(value, str) else json.dumps(value))


def _result(slices: Sequence[dict[str, Any]]) -> EvalResult:
    """The numbers of slices as a result."""
    return EvalResult(
        slicing_metrics=[
            (
                tuple((column, value) for column, value in record[schema.SLICE]),
                {"": {"": {name: _value(v) for name, v in record[schema.METRICS].items()}}},
            )
            for record in slices
        ]
    )


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, int | float) or value in ("NaN", "Infinity", "-Infinity"):
        return {"doubleValue": float(value) if isinstance(value, int) else value}
    return {"debugMessage": value if isinstance(value, str) else json.dumps(value)}


def _display(shown: Any) -> None:
    from IPython.display import display

    display(shown)
