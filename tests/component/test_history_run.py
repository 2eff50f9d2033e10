"""Runs held against earlier ones, by TFX's local runner and by Airflow."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest
import tensorflow as tf
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.common import importer
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local import local_dag_runner
from tfx.types import standard_artifacts

from microtome.component import SlicedEvaluator, last_evaluations
from microtome.errors import HistoryError
from tests import zoo
from tests.component.conftest import write_records

pytestmark = pytest.mark.e2e

Execution = metadata_store_pb2.Execution
Artifact = metadata_store_pb2.Artifact

NODE = "SlicedEvaluator"
CONFIG = {
    "slicing_specs": [{}, {"feature_keys": ["country"]}],
    "tracking": {
        "history_checks": [
            {
                "metric": "average_loss",
                "max_relative_drop": 0.2,
                "slicing_specs": [{"feature_keys": ["country"]}],
                "min_examples": 5,
            }
        ]
    },
}


class Pipeline:
    """A pipeline of one evaluation that knows its last ones."""

    def __init__(self, folder: pathlib.Path, model_uri: str, name: str = "people") -> None:
        self._folder = folder
        self._model_uri = model_uri
        self._name = name
        self._connection = metadata.sqlite_metadata_connection_config(str(folder / "mlmd.sqlite"))

    def made(self, examples_uri: str, **tracking: Any) -> pipeline.Pipeline:
        model = importer.Importer(
            source_uri=self._model_uri, artifact_type=standard_artifacts.Model
        ).with_id("model")
        examples = importer.Importer(
            source_uri=examples_uri,
            artifact_type=standard_artifacts.Examples,
            properties={"split_names": '["eval"]'},
        ).with_id("examples")
        inputs = {"model": model.outputs["result"], "examples": examples.outputs["result"]}
        history = last_evaluations(2, NODE, **inputs)
        evaluator = SlicedEvaluator(
            **inputs,
            history=history.outputs["history"],
            eval_config={**CONFIG, "tracking": {**CONFIG["tracking"], **tracking}},
        )
        return pipeline.Pipeline(
            pipeline_name=self._name,
            pipeline_root=str(self._folder / "root"),
            components=[model, examples, history, evaluator],
            enable_cache=True,
            metadata_connection_config=self._connection,
        )

    def run(self, examples_uri: str, **tracking: Any) -> None:
        local_dag_runner.LocalDagRunner().run(self.made(examples_uri, **tracking))

    @property
    def store(self) -> metadata_store.MetadataStore:
        return metadata_store.MetadataStore(self._connection)

    def executions(self) -> list[Execution]:
        name = "microtome.component.component.SlicedEvaluator"
        return sorted(self.store.get_executions_by_type(name), key=lambda one: one.id)

    def states(self) -> list[int]:
        return [execution.last_known_state for execution in self.executions()]

    def evaluations(self) -> list[Artifact]:
        found = self.store.get_artifacts_by_type("ModelEvaluation")
        return sorted(found, key=lambda one: one.id)

    def verdicts(self) -> list[str]:
        return [one.custom_properties["verdict"].string_value for one in self.evaluations()]

    def last_reasons(self) -> list[dict[str, Any]]:
        return json.loads(self.evaluations()[-1].custom_properties["reasons"].string_value)

    def last_history(self) -> list[int]:
        """Ids of the evaluations that the last execution was given."""
        events = self.store.get_events_by_execution_ids([self.executions()[-1].id])
        return sorted(
            event.artifact_id
            for event in events
            if event.type == metadata_store_pb2.Event.INPUT and event.path.steps[0].key == "history"
        )


@pytest.fixture(scope="module")
def data(model: zoo.ZooModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Three days: much the same, and then country `de` is not what it was."""
    folder = tmp_path_factory.mktemp("days")
    days = {"first": (0.0, 0.0), "second": (1e-4, 1e-4), "third": (0.0, 50.0)}
    for day, (shift, shift_of_de) in days.items():
        moved = [_moved(record, shift, shift_of_de) for record in model.records]
        write_records(folder / day / "Split-eval" / "data_tfrecord-00000-of-00001.gz", moved)
    return {day: str(folder / day) for day in days}


def _moved(record: bytes, shift: float, shift_of_de: float) -> bytes:
    example = tf.train.Example.FromString(record)
    features = example.features.feature
    is_de = "country" in features and features["country"].bytes_list.value[:] == [b"de"]
    features["target"].float_list.value[0] += shift_of_de if is_de else shift
    return example.SerializeToString()


def test_runs_are_held_against_their_history(
    tmp_path: pathlib.Path, model_uri: str, data: dict[str, str]
) -> None:
    people = Pipeline(tmp_path, model_uri)
    people.run(data["first"])
    assert people.verdicts() == ["NOT_VALIDATED"]
    assert [reason["rule"] for reason in people.last_reasons()] == ["no_history"]
    assert people.last_history() == []

    people.run(data["second"])
    assert people.verdicts()[1:] == ["BLESSED"]
    (checked,) = people.last_reasons()
    assert checked["rule"] == "checked"
    assert checked["count"] > 1

    people.run(data["third"])
    first, second, third = people.evaluations()
    assert people.verdicts()[2:] == ["NOT_BLESSED"]
    assert people.last_history() == [first.id, second.id]
    reason, *others = people.last_reasons()
    assert not any(other["failed"] for other in others)
    assert (reason["slice"], reason["metric"]) == ("country:de", "average_loss")
    assert reason["evaluation"] in {str(first.id), str(second.id)}
    assert reason["value"] > reason["limit"] > reason["reference_value"] > 0

    # the same once more is the same evaluation, not history
    people.run(data["third"])
    assert people.states() == [*[Execution.COMPLETE] * 3, Execution.CACHED]

    with pytest.raises(HistoryError, match=r"(?s)NOT_BLESSED.*country:de: average_loss is .*FAIL"):
        people.run(data["third"], on_history_failure="FAIL")
    assert people.states()[-1] == Execution.FAILED
    assert [one.id for one in people.evaluations()] == [first.id, second.id, third.id]

    other = Pipeline(tmp_path, model_uri, name="others")
    other.run(data["second"])
    assert other.last_history() == []


_RUN_ON_AIRFLOW = """
import datetime, json, pathlib, sys
from airflow.utils import db
from tfx.orchestration.airflow import airflow_dag_runner
from tests.component.test_history_run import Pipeline

db.initdb()
folder, model_uri, *days = sys.argv[1:]
people = Pipeline(pathlib.Path(folder), model_uri)
start = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
config = airflow_dag_runner.AirflowPipelineConfig({"schedule_interval": None, "start_date": start})
for number, day in enumerate(days, start=1):
    dag = airflow_dag_runner.AirflowDagRunner(config).run(people.made(day))
    run = dag.test(execution_date=start.replace(day=number))
    assert run.state == "success", run.state
"""


@pytest.mark.slow
def test_runs_of_airflow_are_held_against_their_history(
    tmp_path: pathlib.Path, model_uri: str, data: dict[str, str]
) -> None:
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
    }
    arguments = [str(tmp_path), model_uri, *data.values(), data["third"]]
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _RUN_ON_AIRFLOW, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-5000:]
    people = Pipeline(tmp_path, model_uri)
    assert people.verdicts() == ["NOT_VALIDATED", "BLESSED", "NOT_BLESSED", "NOT_BLESSED"]
    assert {one.state for one in people.evaluations()} == {Artifact.LIVE}
    # What is imported has no state on Airflow, so that the resolver does not find it: the fourth
    # run evaluates the third's data once more. It is no history of itself all the same.
    _, second, third, _ = (one.id for one in people.evaluations())
    assert people.last_history() == [second, third]
    reason, *others = people.last_reasons()
    assert (reason["slice"], reason["evaluation"]) == ("country:de", str(second))
    assert [other["evaluations"] for other in others] == [[str(second)]]
