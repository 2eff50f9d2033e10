"""Every task of the compiled pipeline, run through the command that Kubeflow v2 would run."""

from __future__ import annotations

import json
import pathlib
import time
from typing import Any

import kfp
import pandas as pd
import pytest
import tfx
from ml_metadata import metadata_store
from tfx.orchestration import metadata

import microtome
from microtome.pipelines import kubeflow
from microtome.pipelines.flights import data, pipeline
from microtome.proto import config_pb2
from microtome.results.eval_result import EvalResult
from microtome.results.loader import load_eval_result
from microtome.tracking import History
from tests.pipelines.kubeflow_launcher import Launcher, run_together

# seven processes that each import TFX
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

MONTHS = (2, 3)
ROWS_PER_MONTH = 300
SPLITS = {
    pipeline.HOLD_OUT_EVALUATOR: data.EVAL,
    pipeline.NEXT_MONTH_EVALUATOR: data.NEXT_MONTH,
}
NAMES = ("accuracy", "auc", "average_loss")


class Run:
    """Both forms of the pipeline, run on the same data and recorded in one store.

    Attributes:
        folder: Where all of it is.
        store: ML Metadata.
        open_source: The launcher of the one form, on open-source Kubeflow.
        vertex: Of the other, on Vertex.
        counts: Rows in each split of the newest span.
    """

    def __init__(self, flights: pd.DataFrame, folder: pathlib.Path) -> None:
        self.folder = folder
        for month in MONTHS:
            self.counts = data.write_span(
                flights, str(folder / "data"), month, rows_per_month=ROWS_PER_MONTH
            )
        config = metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite"))
        self.store = metadata_store.MetadataStore(config)
        self.open_source = self._launcher("flights.yaml", "run-1")
        self.vertex = self._launcher("flights.json", "run-2")

    def _launcher(self, name: str, run_id: str) -> Launcher:
        work = self.folder / run_id
        work.mkdir()
        kubeflow.compile_pipeline(
            str(self.folder / "root"),
            str(self.folder / "data"),
            "image:1",
            str(work / name),
            vertex=name.endswith("json"),
            train_steps=5,
        )
        return Launcher(work / name, work, self.store, run_id)


@pytest.fixture(scope="module")
def run(flights: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(flights, tmp_path_factory.mktemp("kubeflow"))
    started = time.monotonic()
    # of the other form only what differs there: the driver, and the form of the parameters
    run_together((run.open_source, "ImportExampleGen"), (run.vertex, "ImportExampleGen"))
    run_together((run.open_source, "Trainer"))
    run.vertex.outputs["Trainer"] = run.open_source.outputs["Trainer"]
    run_together(
        *((run.open_source, node) for node in SPLITS),
        (run.vertex, pipeline.NEXT_MONTH_EVALUATOR),
    )
    print(f"\nTFX {tfx.__version__}, kfp {kfp.__version__}: {time.monotonic() - started:.0f} s")
    for form, launcher in (("2.1", run.open_source), ("2.0", run.vertex)):
        for task, seconds in launcher.seconds.items():
            print(f"  schema {form} {task}: {seconds:.1f} s")
    return run


@pytest.fixture(scope="module")
def expected(run: Run) -> dict[str, EvalResult]:
    """What Microtome alone says of the same model and files, by node."""
    model = pathlib.Path(run.open_source.outputs["Trainer"]["model"]["uri"]) / "Format-TFMA"
    examples = run.open_source.outputs["ImportExampleGen"]["examples"]["uri"]
    return {
        node: microtome.run_model_analysis(
            microtome.default_eval_shared_model(str(model)),
            str(pathlib.Path(examples) / f"Split-{split}" / "*"),
            file_format="tfrecords",
            eval_config=pipeline.eval_config(config_pb2.Tracking.SINGLE),
        )
        for node, split in SPLITS.items()
    }


def table(result: EvalResult) -> pd.Series:
    frame = result.to_dataframe()
    return frame.set_index(["slice", "metric"])["value"].sort_index()


def output(launcher: Launcher, task: str, key: str) -> dict[str, Any]:
    """An artifact as the entry point told of it."""
    (artifact,) = launcher.executor_output(task)["artifacts"][key]["artifacts"]
    return dict(artifact)


def test_every_task_ran(run: Run) -> None:
    assert run.open_source.tasks == ["ImportExampleGen", "Trainer", *SPLITS]
    assert set(run.open_source.outputs) == set(run.open_source.tasks)


@pytest.mark.parametrize("form", ["open_source", "vertex"])
def test_the_newest_span_is_ingested(run: Run, form: str) -> None:
    """By TFX's driver: on Vertex run beforehand, elsewhere by our entry point."""
    launcher = getattr(run, form)
    examples = launcher.outputs["ImportExampleGen"]["examples"]
    assert examples["metadata"]["custom:span"] == MONTHS[-1]
    assert "input_fingerprint" in examples["metadata"]
    splits = {path.name for path in pathlib.Path(examples["uri"]).iterdir()}
    assert splits == {f"Split-{split}" for split in data.SPLITS}
    assert (run.folder / "run-2" / "ImportExampleGen-driver.log").exists()


@pytest.mark.parametrize("node", SPLITS)
def test_result_files_have_the_numbers(
    run: Run, expected: dict[str, EvalResult], node: str
) -> None:
    uri = run.open_source.outputs[node]["evaluation"]["uri"]
    found = load_eval_result(uri)
    pd.testing.assert_series_equal(table(found), table(expected[node]), check_exact=True)
    assert found.run_info["counts"]["rows"] == run.counts[SPLITS[node]]
    assert (pathlib.Path(uri) / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize("node", SPLITS)
def test_kubeflows_page_has_the_numbers(
    run: Run, expected: dict[str, EvalResult], node: str
) -> None:
    shown = output(run.open_source, node, "sliced_metrics")["metadata"]
    numbers = table(expected[node])
    for name in NAMES:
        assert shown[name] == pytest.approx(numbers["Overall", name], abs=5.1e-7)
    assert shown["example_count"] == run.counts[SPLITS[node]]
    for origin in ("EWR", "JFK", "LGA"):
        row = shown[f"slice origin:{origin}"]
        auc = numbers[f"origin:{origin}", "auc"]
        count = numbers[f"origin:{origin}", "post_export_metrics/example_count"]
        assert row.startswith(f"{int(count)} examples, ")
        assert f", auc {round(auc, 6):g}, " in row
    rows = [name for name in shown if name.startswith("slice ")]
    assert len(rows) == shown["tracked_slice_count"] - 1 > 40
    # values that a person reads: a number, or a line
    assert all(isinstance(value, float | str) for value in shown.values())
    assert max(len(value) for value in shown.values() if isinstance(value, str)) < 400
    assert run.open_source.outputs[node]["sliced_metrics"]["type"] == {
        "schemaTitle": "system.Metrics"
    }


def test_vertex_form_gives_the_same(run: Run) -> None:
    """Evaluated on examples of its own ingestion, so the files are in another order."""
    node = pipeline.NEXT_MONTH_EVALUATOR
    first, second = (
        table(load_eval_result(launcher.outputs[node]["evaluation"]["uri"]))
        for launcher in (run.open_source, run.vertex)
    )
    pd.testing.assert_series_equal(first, second, rtol=1e-12, atol=0)
    told = [
        output(launcher, node, "sliced_metrics")["metadata"]
        for launcher in (run.open_source, run.vertex)
    ]
    assert [one["auc"] for one in told] == [told[0]["auc"]] * 2


def test_the_history_reads_what_kubeflow_recorded(
    run: Run, expected: dict[str, EvalResult]
) -> None:
    history = History.open(run.folder / "metadata.sqlite", pipeline=kubeflow.PIPELINE_NAME)
    assert history.runs == ["run-1", "run-2"]
    assert [one.node for one in history.evaluations] == [*SPLITS, pipeline.NEXT_MONTH_EVALUATOR]
    for one in history.evaluations:
        numbers = table(expected[one.node])
        for name in NAMES:
            assert one.number((), name) == pytest.approx(numbers["Overall", name], rel=1e-12)
        assert one.provenance.span == str(MONTHS[-1])
        assert one.provenance.split == SPLITS[one.node]
    first = history.evaluations[0]
    told = {found.type.rpartition(".")[2]: found for found in history.lineage(0, first.node)}
    assert {"ModelEvaluation", "Model", "Examples"} <= set(told)
    assert first.provenance.model_id == run.open_source.outputs["Trainer"]["model"]["name"]
    assert first.provenance.model_uri == told["Model"].name


def test_beam_is_given_no_arguments_that_are_none(run: Run) -> None:
    """With any, Beam's executors pack TFX anew at each start, and leave the package behind."""
    for task in run.open_source.tasks:
        assert "tfx_ephemeral" not in run.open_source.log(task)


def test_the_files_hold_all_slices(run: Run, expected: dict[str, EvalResult]) -> None:
    for node in SPLITS:
        uri = run.open_source.outputs[node]["sliced_metrics"]["uri"]
        slices = json.loads((pathlib.Path(uri) / "metrics.json").read_text())["slices"]
        numbers = table(expected[node])
        assert {one["slice_key"]: one["metrics"]["auc"] for one in slices} == {
            one["slice_key"]: numbers[one["slice_key"], "auc"] for one in slices
        }
