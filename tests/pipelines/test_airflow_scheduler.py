"""The flights pipeline under Airflow's scheduler; Airflow and ML Metadata on PostgreSQL."""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pandas as pd
import psutil
import pytest
from ml_metadata.proto import metadata_store_pb2

import microtome.pipelines
from microtome.pipelines.flights import data, pipeline
from microtome.results.loader import load_eval_result
from microtome.tracking import History
from microtome.tracking.stores import open_store
from microtome.tracking.texts import read_text
from tests.needed import skip_or_fail
from tests.pipelines import airflow_runs, airflow_scheduler
from tests.tracking import servers

# a scheduler that makes two runs of a whole pipeline, in a fixture
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

Artifact = metadata_store_pb2.Artifact
Execution = metadata_store_pb2.Execution

ROWS_PER_MONTH = 700
RUNS = ("first", "second")
ODD = "odd"
KILLED = pipeline.HOLD_OUT_EVALUATOR


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Server]:
    try:
        with servers.postgresql() as running:
            yield running
    except servers.NotInstalledError as error:
        skip_or_fail(str(error))


@pytest.fixture(scope="module")
def url(
    server: servers.Server,
    flights: pd.DataFrame,
    committed_model: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """ML Metadata after two runs; in the first the process of one evaluator was killed."""
    folder = tmp_path_factory.mktemp("scheduler")
    dags = folder / "dags"
    dags.mkdir()
    (dags / "flights.py").symlink_to(
        pathlib.Path(microtome.pipelines.__file__).with_name("airflow.py")
    )
    (dags / "traps.py").symlink_to(pathlib.Path(__file__).with_name("airflow_traps.py"))
    data.write_span(flights, str(folder / "data"), 2, rows_per_month=ROWS_PER_MONTH)
    airflow_runs.write_small(committed_model("linear_binary_v1"), folder / "small")
    url = server.url("mlmd")
    started = time.monotonic()
    airflow = airflow_scheduler.Airflow(
        folder / "home",
        dags,
        server,
        MICROTOME_ROOT=str(folder / "root"),
        MICROTOME_DATA=str(folder / "data"),
        MICROTOME_METADATA=url,
        MICROTOME_TRAIN_STEPS="20",
        MICROTOME_TRAPS=str(folder / "small"),
    )
    airflow.run("db", "migrate")
    airflow.run("dags", "reserialize")
    with airflow.scheduler() as scheduler:
        airflow.run("dags", "trigger", "flights", "--run-id", RUNS[0])
        _kill(airflow, scheduler, folder / "root" / KILLED / "evaluation")
        airflow.wait("the first run", lambda: airflow.states()[RUNS[0]] != "running")
        data.write_span(flights, str(folder / "data"), 3, rows_per_month=ROWS_PER_MONTH)
        airflow.run("dags", "trigger", "flights", "--run-id", RUNS[1])
        airflow.run("dags", "trigger", "odd", "--run-id", ODD)
        airflow.wait(
            "the second run", lambda: {*airflow.states().values()} <= {"success", "failed"}
        )
        workers = len(scheduler.children(recursive=True))
    print(
        f"\nAirflow {importlib.metadata.version('apache-airflow')}, LocalExecutor (parallelism 2) "
        f"on PostgreSQL, two runs in {time.monotonic() - started:.0f} s, {workers} processes under "
        f"the scheduler: {airflow_scheduler.told(airflow.seconds)}"
    )
    tasks = {run: airflow.tasks(run) for run in RUNS}
    assert airflow.states() == dict.fromkeys((*RUNS, ODD), "success"), tasks
    assert tasks[RUNS[0]][KILLED][1] == 2
    return url


def _kill(
    airflow: airflow_scheduler.Airflow, scheduler: psutil.Process, outputs: pathlib.Path
) -> None:
    """Kills the process of the first task that has begun to evaluate."""
    # made when the execution has been registered
    airflow.wait("an evaluation", lambda: outputs.is_dir() and any(outputs.iterdir()))
    victims = airflow.runners(scheduler, f"flights {KILLED}")
    assert victims
    for victim in victims:
        victim.kill()


def _evaluators(url: str, pipeline_name: str) -> list[Execution]:
    name = "microtome.component.component.SlicedEvaluator"
    found = open_store(url).get_executions_by_type(name)
    return [one for one in found if one.properties["pipeline_name"].string_value == pipeline_name]


def test_both_runs_are_read_from_ml_metadata(url: str) -> None:
    history = History.open(url, pipeline="flights")
    assert history.runs == [f"flights.{run}" for run in RUNS]
    assert len(history) == 4
    for one in history.evaluations:
        found = load_eval_result(one.provenance.evaluation_uri).to_dataframe()
        overall = found[found["slice"] == "Overall"].set_index("metric")["value"]
        for name in ("accuracy", "auc", "average_loss"):
            assert one.number((), name) == overall[name]
    table = history.table(slices=["origin:JFK", "origin:EWR", "origin:LGA"], metrics=["auc"])
    by_origin = table[table["node"] == pipeline.NEXT_MONTH_EVALUATOR].groupby("run")["n"].sum()
    assert by_origin.to_dict() == dict.fromkeys(history.runs, ROWS_PER_MONTH)


def test_the_second_run_is_held_against_the_first(url: str) -> None:
    first, second = (
        one
        for one in History.open(url, pipeline="flights").evaluations
        if one.node == pipeline.NEXT_MONTH_EVALUATOR
    )
    (checked,) = (reason for reason in second.reasons if reason["rule"] == "checked")
    assert checked["evaluations"] == [first.id]


def test_a_killed_task_is_tried_again_and_leaves_no_orphan(url: str) -> None:
    store = open_store(url)
    executions = _evaluators(url, "flights")
    assert [one.last_known_state for one in executions] == [Execution.COMPLETE] * 4
    recorded = sum(len(one.block.keys) for one in History.open(url).evaluations)
    slices = store.get_artifacts_by_type("microtome.SlicedMetrics")
    assert len(slices) == recorded > 300
    assert {one.state for one in store.get_artifacts()} == {Artifact.LIVE}


def test_a_long_config_with_any_character_is_recorded_on_postgresql(url: str) -> None:
    (execution,) = _evaluators(url, "odd")
    config = json.loads(read_text(execution.properties, "eval_config"))
    values = [spec["feature_values"]["country"] for spec in config["slicing_specs"][2:]]
    assert values[:2] == ["Zürich", 'say "ja"']
    assert len(values) == 102


@pytest.mark.parametrize(
    "question",
    [
        ["runs"],
        ["metric", "auc", "--slice", "origin:JFK", "--node", pipeline.NEXT_MONTH_EVALUATOR],
        ["verdict", "--run", f"flights.{RUNS[1]}"],
    ],
    ids=lambda question: question[0],
)
def test_the_command_line_tells_of_the_runs(url: str, question: list[str]) -> None:
    text = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "microtome", "history", url, *question],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    asked = RUNS[1:] if question[0] == "verdict" else RUNS
    assert all(f"flights.{run}" in text for run in asked), text
    assert servers.PASSWORD not in text
