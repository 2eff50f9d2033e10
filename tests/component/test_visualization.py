"""What TFX's InteractiveContext shows of the component's outputs, in an executed notebook."""

from __future__ import annotations

import html
import pathlib

import nbclient
import nbformat
import pytest
from tfx.orchestration.experimental.interactive import visualizations
from tfx.types import standard_artifacts

from microtome.component import SlicedMetrics, visualization

pytestmark = pytest.mark.e2e

CELLS = """
from microtome.component import SlicedEvaluator
from tfx.dsl.components.common import importer
from tfx.orchestration.experimental.interactive.interactive_context import InteractiveContext
from tfx.types import standard_artifacts
context = InteractiveContext(pipeline_name="people", pipeline_root={root!r})
model = importer.Importer({model!r}, standard_artifacts.Model).with_id("model")
examples = importer.Importer(
    {examples!r}, standard_artifacts.Examples, properties={{"split_names": '["eval", "next"]'}}
).with_id("examples")
context.run(model)
context.run(examples)
evaluator = SlicedEvaluator(
    examples.outputs["result"],
    model.outputs["result"],
    eval_config={{"slicing_specs": [{{}}, {{"feature_keys": ["country"]}}]}},
)
context.run(evaluator)
# registers TFX's own visualizations once more
InteractiveContext(pipeline_name="others", pipeline_root={root!r})
---
context.show(evaluator.outputs["evaluation"])
---
context.show(evaluator.outputs["sliced_metrics"])
"""


def test_interactive_context_shows_our_views(
    model_uri: str, examples_uri: str, tmp_path: pathlib.Path
) -> None:
    text = CELLS.format(root=str(tmp_path), model=model_uri, examples=examples_uri)
    cells = [nbformat.v4.new_code_cell(cell) for cell in text.split("---\n")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=240).execute()

    shown = shown_html(cells[1])
    assert "<iframe" in shown
    assert "Content-Security-Policy" in html.unescape(shown)
    assert "country:" in shown
    assert "<details>" in shown

    tables = shown_html(cells[2])
    assert "Overall" in tables
    assert "example_count" in tables
    # InteractiveContext knows only the first of several artifacts, which is Overall's
    assert "<iframe" in tables


def shown_html(cell: nbformat.NotebookNode) -> str:
    return "".join(
        output["data"].get("text/html", "") for output in cell["outputs"] if "data" in output
    )


def test_evaluations_of_others_are_shown_as_before(tmp_path: pathlib.Path) -> None:
    seen = []

    class Other(visualizations.ArtifactVisualization):
        ARTIFACT_TYPE = standard_artifacts.ModelEvaluation

        def display(self, artifact):
            seen.append(artifact.uri)

    registry = visualizations.get_registry()
    registry.register(Other)
    visualization.register()
    visualization.register()
    artifact = standard_artifacts.ModelEvaluation()
    artifact.uri = str(tmp_path)
    registry.get_visualization("ModelEvaluation").display(artifact)
    assert seen == [str(tmp_path)]
    shown = registry.get_visualization(SlicedMetrics.TYPE_NAME)
    assert isinstance(shown, visualization.SlicedMetricsVisualization)
