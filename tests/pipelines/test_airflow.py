"""The flights pipeline on Airflow, and what goes wrong there: runs without a scheduler.

One process makes all runs, as Airflow's start and TFX's imports take longer than they. How a real
scheduler fares, test_airflow_scheduler.py shows.
"""

from __future__ import annotations

import collections
import importlib.metadata
import json
import pathlib
import subprocess
import sys
import time
from typing import Any

import pandas as pd
import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2

import microtome
import microtome.pipelines
from microtome.pipelines.flights import data, pipeline
from microtome.results.loader import load_eval_result
from microtome.tracking import History
from microtome.tracking.stores import open_store
from tests.pipelines import airflow_runs

# runs of whole pipelines, in a fixture
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

Artifact = metadata_store_pb2.Artifact
Event = metadata_store_pb2.Event
Execution = metadata_store_pb2.Execution

ROWS_PER_MONTH = 700
NODES = ("ImportExampleGen", "Trainer", pipeline.HOLD_OUT_EVALUATOR, pipeline.NEXT_MONTH_EVALUATOR)
RESOLVER = f"LastEvaluations-{pipeline.NEXT_MONTH_EVALUATOR}"
COUNTRIES = 6

# DAG files that cannot be made, and what Airflow is to show of each
_REFUSED = """
from tfx.dsl.placeholder import placeholder
from tfx.orchestration import data_types
from tests.pipelines import airflow_traps  # makes a DAG
airflow_traps.evaluation_dag({})
"""
_PARAMETER = "data_types.RuntimeParameter(name='eval_config', ptype=str)"
REFUSED = {
    "no_default.py": (
        f"'no_default', {_PARAMETER}",
        "The RuntimeParameter 'eval_config' for eval_config of SlicedEvaluator has no default",
    ),
    "placeholder.py": (
        "'placeholder', {}, of_node=['--x=' + placeholder.environment_variable('X')]",
        "A Beam argument of SlicedEvaluator is a placeholder",
    ),
    "no_store.py": (
        "'no_store', {}, metadata=None",
        "The pipeline 'no_store' does not say where ML Metadata is",
    ),
}


class Runs:
    """What the runs left.

    Attributes:
        told: by DAG, what became of each of its runs.
        log: all that was printed.
        refused: by name of a DAG file, why Airflow could not load it.
        store: ML Metadata, which all the DAGs share.
        folder: where everything is.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        told: dict[str, list[dict[str, Any]]],
        refused: dict[str, str],
        log: str,
    ):
        self.folder = folder
        self.refused = refused
        self.told = told
        self.log = log
        self.store: metadata_store.MetadataStore = open_store(folder / "mlmd.sqlite")

    def history(self, dag: str) -> History:
        return History.open(self.folder / "mlmd.sqlite", pipeline=dag)

    def executions(self, dag: str, node: str) -> list[Execution]:
        context = self.store.get_context_by_type_and_name("pipeline", dag)
        found = self.store.get_executions_by_context(context.id)
        mine = [one for one in found if one.properties["component_id"].string_value == node]
        return sorted(mine, key=lambda one: one.id)

    def outputs(self, execution: Execution) -> list[Artifact]:
        events = self.store.get_events_by_execution_ids([execution.id])
        ids = [event.artifact_id for event in events if event.type == Event.OUTPUT]
        return self.store.get_artifacts_by_id(ids)

    def artifacts(self, dag: str) -> list[Artifact]:
        context = self.store.get_context_by_type_and_name("pipeline", dag)
        return self.store.get_artifacts_by_context(context.id)


@pytest.fixture(scope="module")
def runs(
    flights: pd.DataFrame, committed_model: Any, tmp_path_factory: pytest.TempPathFactory
) -> Runs:
    folder = tmp_path_factory.mktemp("airflow")
    dags = folder / "dags"
    dags.mkdir()
    source = pathlib.Path(microtome.pipelines.__file__).with_name("airflow.py")
    # by the name of Airflow itself
    (dags / "airflow.py").symlink_to(source)
    (dags / "traps.py").symlink_to(pathlib.Path(__file__).with_name("airflow_traps.py"))
    for name, (arguments, _) in REFUSED.items():
        (dags / name).write_text(_REFUSED.format(arguments))
    for root, month in (("data", 2), ("later", 3)):
        data.write_span(flights, str(folder / root), month, rows_per_month=ROWS_PER_MONTH)
    airflow_runs.write_small(committed_model("linear_binary_v1"), folder / "small")

    good = json.dumps({"slicing_specs": [{}]})
    bad = json.dumps({"slicing_specs": [{"feature_keys": ["{{ contry }}"]}]})
    asked = [
        {"dag": "flights", "day": 1},
        {
            "dag": "flights",
            "day": 2,
            "moves": {str(folder / "later" / "span-3"): str(folder / "data" / "span-3")},
        },
        {"dag": "flights", "day": 3},
        {"dag": "templates", "day": 1},
        {"dag": "templates", "day": 2},
        {"dag": "parameter", "day": 1},
        {"dag": "parameter", "day": 2, "conf": {"eval_config": bad}},
        {"dag": "parameter", "day": 3, "conf": {"eval_config": good}},
        {"dag": "retried", "day": 1},
        {"dag": "retried", "day": 1},
        {"dag": "runner", "day": 1},
    ]
    started = time.monotonic()
    log = folder / "log"
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.pipelines.airflow_runs", json.dumps(asked)],
        env=airflow_runs.environment(
            folder / "home",
            dags,
            MICROTOME_ROOT=str(folder / "root"),
            MICROTOME_DATA=str(folder / "data"),
            MICROTOME_METADATA=f"sqlite:///{folder}/mlmd.sqlite",
            MICROTOME_TRAIN_STEPS="20",
            MICROTOME_TRAPS=str(folder / "small"),
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    log.write_text(process.stdout)
    assert process.returncode == 0, f"see {log}:\n{process.stdout[-5000:]}"
    done = json.loads(process.stdout.splitlines()[-1])
    print(
        f"\nAirflow {importlib.metadata.version('apache-airflow')}, {len(asked)} runs of "
        f"dag.test() in {time.monotonic() - started:.0f} s: database {done['initdb']} s, "
        f"imports {done['imports']} s, runs {done['seconds']} s"
    )
    told = collections.defaultdict(list)
    for one, run in zip(asked, done["runs"], strict=True):
        told[one["dag"]].append(run)
    return Runs(folder, dict(told), done["refused"], process.stdout)


def test_every_task_of_every_run_succeeds(runs: Runs) -> None:
    told = runs.told["flights"]
    assert [one["state"] for one in told] == ["success"] * 3
    assert set(told[0]["tasks"]) == {*NODES, RESOLVER}


def test_every_evaluation_is_recorded(runs: Runs) -> None:
    history = runs.history("flights")
    assert history.runs == [f"flights.{one['run_id']}" for one in runs.told["flights"][:2]]
    assert [(one.run, one.node) for one in history.evaluations] == [
        (run, node) for run in history.runs for node in NODES[2:]
    ]
    for one in history.evaluations:
        found = load_eval_result(one.provenance.evaluation_uri).to_dataframe()
        overall = found[found["slice"] == "Overall"].set_index("metric")["value"]
        for name in ("accuracy", "auc", "average_loss"):
            assert one.number((), name) == overall[name]
    next_month = [one for one in history.evaluations if one.node == NODES[3]]
    assert [one.block.counts[one.block.position(())] for one in next_month] == [ROWS_PER_MONTH] * 2


def test_the_numbers_are_those_of_the_library(runs: Runs) -> None:
    last = runs.history("flights").evaluations[-1].provenance
    alone = microtome.run_model_analysis(
        microtome.default_eval_shared_model(f"{last.model_uri}/Format-TFMA"),
        f"{last.data_uri}/Split-{last.split}/*",
        eval_config=pipeline.eval_config(),
    )
    found, expected = (
        result.to_dataframe().set_index(["slice", "metric"])["value"].sort_index()
        for result in (load_eval_result(last.evaluation_uri), alone)
    )
    pd.testing.assert_series_equal(found, expected, check_exact=False, rtol=1e-12, atol=0)


def test_there_is_an_artifact_a_slice_and_no_orphan(runs: Runs) -> None:
    slices = sum(len(one.block.keys) for one in runs.history("flights").evaluations)
    artifacts = runs.artifacts("flights")
    kinds = collections.Counter(one.type for one in artifacts)
    assert kinds["microtome.SlicedMetrics"] == slices > 300
    assert kinds["ModelEvaluation"] == 4
    assert {one.state for one in artifacts} == {Artifact.LIVE}


def test_contexts_name_pipeline_and_run(runs: Runs) -> None:
    for run, execution in zip(
        runs.told["flights"], runs.executions("flights", NODES[3]), strict=True
    ):
        contexts = runs.store.get_contexts_by_execution(execution.id)
        assert {(one.type, one.name) for one in contexts} == {
            ("pipeline", "flights"),
            ("run", f"flights.{run['run_id']}"),
            ("component_run", f"flights.{run['run_id']}.{NODES[3]}"),
        }
        for output in runs.outputs(execution)[:1]:
            found = runs.store.get_contexts_by_artifact(output.id)
            assert "flights" in {one.name for one in found}


def test_the_second_run_is_held_against_the_first(runs: Runs) -> None:
    first, second = (
        one
        for one in runs.history("flights").evaluations
        if one.node == pipeline.NEXT_MONTH_EVALUATOR
    )
    assert first.verdict == "NOT_VALIDATED"
    assert [reason["rule"] for reason in first.reasons] == ["no_history"]
    checked = [reason for reason in second.reasons if reason["rule"] == "checked"]
    assert [reason["evaluations"] for reason in checked] == [[first.id]]
    fell = [reason for reason in second.reasons if reason["failed"]]
    assert second.verdict == ("NOT_BLESSED" if fell else "BLESSED")
    assert checked[0]["count"] >= 1
    execution = runs.executions("flights", NODES[3])[1]
    given = [
        event.artifact_id
        for event in runs.store.get_events_by_execution_ids([execution.id])
        if event.type == Event.INPUT and event.path.steps[0].key == "history"
    ]
    assert given == [int(first.id)]


def test_a_run_without_new_data_comes_from_the_cache_whole(runs: Runs) -> None:
    for node in NODES:
        *_, before, cached = runs.executions("flights", node)
        assert cached.last_known_state == Execution.CACHED
        again, made = ({one.id for one in runs.outputs(run)} for run in (cached, before))
        assert again == made


def test_templates_in_a_config_reach_the_component_as_they_are(runs: Runs) -> None:
    assert runs.told["templates"][0]["state"] == "success"
    execution, _ = runs.executions("templates", "SlicedEvaluator")
    config = json.loads(execution.properties["eval_config"].string_value)
    values = [spec["feature_values"]["country"] for spec in config["slicing_specs"][2:]]
    assert values == ["{{ 1 + 1 }}", "{% if no %}dropped{% endif %}"]
    (found,) = runs.history("templates").evaluations
    assert len(found.block.keys) == 1 + COUNTRIES


def test_a_parameter_of_the_run_is_its_default_or_what_the_run_gives(runs: Runs) -> None:
    default, bad, given = runs.told["parameter"]
    assert (default["state"], given["state"]) == ("success", "success")
    one, _, other = runs.executions("parameter", "SlicedEvaluator")
    config = json.loads(one.properties["eval_config"].string_value)
    assert config["slicing_specs"][2] == {"feature_values": {"country": "{{ 1 + 1 }}"}}
    assert json.loads(other.properties["eval_config"].string_value) == {"slicing_specs": [{}]}
    sizes = [len(one.block.keys) for one in runs.history("parameter").evaluations]
    assert sizes == [1 + COUNTRIES, 1]
    assert bad["state"] == "failed"


def test_a_failure_leaves_nothing_half_done_and_the_next_run_succeeds(runs: Runs) -> None:
    _, bad, _ = runs.told["parameter"]
    assert "'{{ contry }}'" in runs.log
    # a wrong config is not tried again
    assert bad["tries"]["SlicedEvaluator"] == 1
    _, failed, following = runs.executions("parameter", "SlicedEvaluator")
    assert failed.last_known_state == Execution.FAILED
    announced = runs.outputs(failed)
    assert {one.type for one in announced} == {
        "ModelBlessing",
        "ModelEvaluation",
        "microtome.SlicedMetrics",
    }
    for artifact in announced:
        assert artifact.state == Artifact.ABANDONED
        assert not any(pathlib.Path(artifact.uri).iterdir())
    assert following.last_known_state == Execution.COMPLETE
    assert {one.state for one in runs.outputs(following)} == {Artifact.LIVE}


def test_a_second_try_goes_on_with_the_execution_of_the_first(runs: Runs) -> None:
    first, _ = runs.told["retried"]
    assert first["state"] == "success"
    assert first["tries"]["SlicedEvaluator"] == 2
    (execution,) = runs.executions("retried", "SlicedEvaluator")
    assert execution.last_known_state == Execution.COMPLETE
    outputs = runs.outputs(execution)
    kinds = collections.Counter(one.type for one in outputs)
    assert kinds == {
        "ModelBlessing": 1,
        "ModelEvaluation": 1,
        "microtome.SlicedMetrics": 1 + COUNTRIES,
    }
    assert {one.state for one in runs.artifacts("retried")} == {Artifact.LIVE}
    assert len(runs.history("retried")) == 1


def test_a_run_that_is_cleared_is_not_evaluated_twice(runs: Runs) -> None:
    first, cleared = runs.told["retried"]
    assert cleared["run_id"] == first["run_id"]
    assert cleared["state"] == "success"
    assert "SlicedEvaluator is done already in this run" in runs.log


def test_beam_arguments_of_a_component_reach_it(runs: Runs) -> None:
    (run,) = runs.told["runner"]
    assert run["tasks"]["SlicedEvaluator"] == "failed"
    assert "NoSuchRunner" in runs.log
    (execution,) = runs.executions("runner", "SlicedEvaluator")
    assert execution.last_known_state == Execution.FAILED


def test_what_is_imported_is_found_again(runs: Runs) -> None:
    for key in ("model", "examples"):
        first, second = (runs.outputs(one) for one in runs.executions("templates", key))
        assert [one.state for one in first] == [Artifact.LIVE]
        assert [one.id for one in second] == [one.id for one in first]
    states = [one.last_known_state for one in runs.executions("templates", "SlicedEvaluator")]
    assert states == [Execution.COMPLETE, Execution.CACHED]


@pytest.mark.parametrize("name", REFUSED)
def test_what_airflow_cannot_do_is_refused_when_the_dag_is_made(runs: Runs, name: str) -> None:
    assert set(runs.refused) == set(REFUSED)
    assert f"ConfigError: {REFUSED[name][1]}" in runs.refused[name]
