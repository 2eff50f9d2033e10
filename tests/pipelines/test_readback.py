"""Reading recorded metrics back, and the tables that the demo makes of them."""

from __future__ import annotations

import pathlib
from typing import Any

import pandas as pd
import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2

from microtome.component import SlicedMetrics
from microtome.executor import publish
from microtome.pipelines import readback, summary
from microtome.proto import config_pb2
from microtome.tracking import schema
from microtome.tracking import selection as tracking

AUC = {
    1: {"Overall": 0.7, "carrier:AA": 0.6, "carrier:UA": 0.8, "hour:5": 1 / 3},
    2: {"Overall": 0.72, "carrier:AA": 0.65, "carrier:UA": 0.75, "hour:5": float("nan")},
}
COUNTS = {"Overall": 1000, "carrier:AA": 600, "carrier:UA": 400, "hour:5": 20}


def provenance(run: int) -> schema.Provenance:
    return schema.Provenance(
        model_uri=f"models/{run}",
        model_id=str(run),
        model_digest="ab",
        data_uri="examples/3",
        data_id="3",
        data_digest="cd",
        span=str(run + 2),
        data_version="0",
        split="next_month",
        config_digest="ef",
        evaluation_uri=f"evaluation/{run}",
        component_id="SlicedEvaluator-next-month",
        pipeline_name="flights",
        pipeline_run="",
        microtome_version="1",
    )


def selection(run: int) -> tracking.Selection:
    records = []
    for name, auc in AUC[run].items():
        column, _, value = name.partition(":")
        metrics = {**dict.fromkeys(summary.METRICS, 0.5), "auc": tracking.json_value(auc)}
        key: Any = ((column, int(value) if column == "hour" else value),) if value else ()
        records.append(tracking.SliceRecord(key, metrics, COUNTS[name], float(COUNTS[name])))
    return tracking.Selection(tuple(records), computed=4, over_limit=0)


class Store:
    """An ML Metadata store in memory, filled as TFX's launcher would fill it."""

    def __init__(self) -> None:
        config = metadata_store_pb2.ConnectionConfig()
        config.fake_database.SetInParent()
        self.mlmd = metadata_store.MetadataStore(config)
        self._types = {
            "run": self.mlmd.put_context_type(metadata_store_pb2.ContextType(name="pipeline_run")),
            "execution": self.mlmd.put_execution_type(
                metadata_store_pb2.ExecutionType(name="SlicedEvaluator")
            ),
            "artifact": self.mlmd.put_artifact_type(SlicedMetrics().artifact_type),
        }

    def publish(self, run: int, artifacts: list[Any], state: int) -> None:
        context = metadata_store_pb2.Context(type_id=self._types["run"], name=f"run {run}")
        execution = metadata_store_pb2.Execution(type_id=self._types["execution"])
        pairs = []
        for artifact in artifacts:
            artifact.type_id = self._types["artifact"]
            artifact.mlmd_artifact.state = state
            event = metadata_store_pb2.Event(type=metadata_store_pb2.Event.OUTPUT)
            pairs.append((artifact.mlmd_artifact, event))
        self.mlmd.put_execution(execution, pairs, [context])


def filled(
    folder: pathlib.Path, form: Any, state: int = metadata_store_pb2.Artifact.LIVE
) -> pd.DataFrame:
    store = Store()
    for run in AUC:
        base = SlicedMetrics()
        base.uri = str(folder / str(run))
        artifacts, _ = publish.publish_slices(base, selection(run), provenance(run), form)
        store.publish(run, artifacts, state)
    return readback.read_store(store.mlmd)


@pytest.fixture
def table(tmp_path: pathlib.Path) -> pd.DataFrame:
    return filled(tmp_path, config_pb2.Tracking.PER_SLICE)


def test_everything_comes_back_exactly(table: pd.DataFrame) -> None:
    assert len(table) == 8
    for run, expected in AUC.items():
        rows = table[table["run"] == run].set_index("slice_key")
        assert rows["auc"].to_dict() == pytest.approx(expected, abs=0, nan_ok=True)
        assert rows["example_count"].to_dict() == COUNTS
    assert table["span"].tolist() == ["3"] * 4 + ["4"] * 4
    assert set(table["columns"]) == {(), ("carrier",), ("hour",)}


def test_both_forms_of_publishing_are_read_alike(
    table: pd.DataFrame, tmp_path: pathlib.Path
) -> None:
    single = filled(tmp_path / "single", config_pb2.Tracking.SINGLE)
    # a struct of ML Metadata has no order
    pd.testing.assert_frame_equal(
        table.drop(columns="uri"), single.drop(columns="uri"), check_like=True
    )


def test_only_live_artifacts_count(tmp_path: pathlib.Path) -> None:
    table = filled(tmp_path, config_pb2.Tracking.PER_SLICE, metadata_store_pb2.Artifact.ABANDONED)
    assert table.empty


def test_file_that_is_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError):
        readback.read_sqlite(str(tmp_path / "none.sqlite"))
    assert not list(tmp_path.iterdir())


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_overall(table: pd.DataFrame) -> None:
    shown = lines(summary.overall(table, {"SlicedEvaluator-next-month": "next month"}))
    assert shown[0] == ["examples", *summary.METRICS]
    assert [row[:6] for row in shown[1:]] == [
        ["run", "1,", "next", "month", "1000", "0.5000"],
        ["run", "2,", "next", "month", "1000", "0.5000"],
    ]
    assert [row[6] for row in shown[1:]] == ["0.7000", "0.7200"]


def test_worst_leaves_out_small_slices_and_overall(table: pd.DataFrame) -> None:
    shown = lines(summary.worst(table, min_examples=100, count=2))
    assert [row[0] for row in shown[1:]] == ["carrier:AA", "carrier:UA"]


def test_changed_is_sorted_from_fall_to_rise(table: pd.DataFrame) -> None:
    shown = lines(summary.changed(table, min_examples=100))
    assert [(row[0], row[-1]) for row in shown[1:]] == [
        ("carrier:UA", "-0.050"),
        ("carrier:AA", "+0.050"),
    ]
