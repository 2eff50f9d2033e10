"""The flights pipeline end to end: two months, then nothing new."""

from __future__ import annotations

import collections
import pathlib

import pandas as pd
import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata

from microtome.pipelines import local
from microtome.pipelines.flights import data, pipeline
from microtome.results.loader import load_eval_result
from microtome.tracking import History

# three runs of a whole pipeline, in a fixture
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

Execution = metadata_store_pb2.Execution

MONTHS = (2, 3)
ROWS_PER_MONTH = 700


@pytest.fixture(scope="module")
def root(flights: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where two runs on successive months, and a third without new data, left everything."""
    folder = tmp_path_factory.mktemp("flights")
    for month in MONTHS:
        data.write_span(flights, str(folder / "data"), month, rows_per_month=ROWS_PER_MONTH)
        local.run(str(folder / "root"), str(folder / "data"), train_steps=20)
    local.run(str(folder / "root"), str(folder / "data"), train_steps=20)
    return folder / "root"


@pytest.fixture(scope="module")
def history(root: pathlib.Path) -> History:
    return History.open(root / local.METADATA_FILE, pipeline=local.PIPELINE_NAME)


@pytest.fixture(scope="module")
def table(history: History) -> pd.DataFrame:
    """One row a run (numbered from 1), node and slice."""
    table = history.table(metrics=["accuracy"])
    numbers = {run: number for number, run in enumerate(history.runs, start=1)}
    columns = [
        tuple(part.partition(":")[0] for part in [text] if text != "Overall")
        for text in table["slice"]
    ]
    return table.assign(
        run=table["run"].map(numbers),
        slice_key=table["slice"],
        example_count=table["n"],
        columns=columns,
    )


def states(root: pathlib.Path) -> dict[int, int]:
    """The last known states of all executions but the resolver's, which every run repeats."""
    config = metadata.sqlite_metadata_connection_config(str(root / local.METADATA_FILE))
    executions = metadata_store.MetadataStore(config).get_executions()
    return collections.Counter(
        execution.last_known_state for execution in executions if "Resolver" not in execution.type
    )


def test_the_third_run_is_cached(root: pathlib.Path) -> None:
    assert states(root) == {Execution.COMPLETE: 8, Execution.CACHED: 4}


def test_every_tracked_slice_of_every_run(table: pd.DataFrame) -> None:
    overall = table[table["slice_key"] == "Overall"].set_index(["run", "node"])
    counts = overall["example_count"].to_dict()
    assert counts[1, pipeline.NEXT_MONTH_EVALUATOR] == ROWS_PER_MONTH
    hold_outs = [counts[run, pipeline.HOLD_OUT_EVALUATOR] for run in (1, 2)]
    assert 0 < hold_outs[0] < hold_outs[1] < 2 * ROWS_PER_MONTH
    columns = {column for columns in table["columns"] for column in columns}
    assert columns == {"carrier", "origin", "dest", "hour", "month", "haul"}
    assert overall["span"].tolist()[:4] == ["2", "2", "3", "3"]


def test_slices_of_a_feature_part_the_rows(table: pd.DataFrame) -> None:
    tracked = table[table["columns"].map(len) == 1]
    by_feature = tracked.groupby(["run", "node", tracked["columns"].map(" ".join)])["example_count"]
    overall = table[table["slice_key"] == "Overall"].set_index(["run", "node"])["example_count"]
    for (run, node, _), count in by_feature.sum().items():
        assert count == overall[run, node]


def test_the_judging_month_was_not_trained_on(table: pd.DataFrame) -> None:
    months = table[table["columns"] == ("month",)].groupby(["run", "node"])["slice_key"].agg(set)
    assert months[1, pipeline.HOLD_OUT_EVALUATOR] == {"month:1"}
    assert months[1, pipeline.NEXT_MONTH_EVALUATOR] == {"month:2"}
    assert months[2, pipeline.HOLD_OUT_EVALUATOR] == {"month:1", "month:2"}
    assert months[2, pipeline.NEXT_MONTH_EVALUATOR] == {"month:3"}


def test_crosses_are_in_the_files_and_not_recorded(table: pd.DataFrame) -> None:
    result = load_eval_result(table["evaluation_uri"].iloc[0])
    keys = {tuple(column for column, _ in key) for key in result.get_slice_names()}
    assert ("carrier", "origin") in keys
    assert ("carrier", "origin") not in set(table["columns"])


def test_an_evaluation_from_the_cache_counts_once(history: History) -> None:
    assert len(history.runs) == 2
    assert len(history) == 4


def test_the_next_month_is_held_against_the_month_before(history: History) -> None:
    first, second = (
        one for one in history.evaluations if one.node == pipeline.NEXT_MONTH_EVALUATOR
    )
    assert first.verdict == "NOT_VALIDATED"
    (checked,) = (reason for reason in second.reasons if reason["rule"] == "checked")
    assert checked["evaluations"] == [first.id]
    large = [
        key
        for key, count in zip(second.block.keys, second.block.counts, strict=True)
        if count >= 500
    ]
    fell = [
        key
        for key in large
        if second.number(key, "auc") < 0.98 * first.number(key, "auc")
        and first.block.counts[first.block.position(key)] >= 500
    ]
    assert () in large
    assert second.verdict == ("NOT_BLESSED" if fell else "BLESSED")
    assert sum(reason["failed"] for reason in second.reasons) == len(fell)


def test_the_recorded_numbers_are_those_of_the_result_files(history: History) -> None:
    for one in history.evaluations:
        found = load_eval_result(one.provenance.evaluation_uri).to_dataframe()
        assert one.block.metrics
        overall = found[found["slice"] == "Overall"].set_index("metric")["value"]
        for name in ("accuracy", "auc", "average_loss"):
            assert one.number((), name) == overall[name]


def test_lineage_leads_from_the_evaluation_to_the_trainer(history: History) -> None:
    found = history.lineage(-1, pipeline.NEXT_MONTH_EVALUATOR)
    told = {one.type.rpartition(".")[2]: one for one in found}
    assert {"ModelEvaluation", "Model", "Examples", "Trainer", "SlicedEvaluator"} <= set(told)
    assert told["Model"].role == "model"
    assert found[0].name == history.one(-1, pipeline.NEXT_MONTH_EVALUATOR).provenance.evaluation_uri
