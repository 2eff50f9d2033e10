"""The same pipeline for Kubeflow v2 and for Airflow: compiled and loaded, not run."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

import microtome.pipelines
from microtome.pipelines import kubeflow

NODES = {"ImportExampleGen", "Trainer", "SlicedEvaluator-hold-out", "SlicedEvaluator-next-month"}
HISTORY = "LastEvaluations-SlicedEvaluator-next-month"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict:
    output = tmp_path_factory.mktemp("kubeflow") / "flights.yaml"
    kubeflow.compile_pipeline("gs://bucket/root", "gs://bucket/data", "image:1", str(output))
    return yaml.safe_load(output.read_text())


def test_kubeflow_specification_is_valid(compiled: dict) -> None:
    spec = json_format.ParseDict(compiled, pipeline_spec_pb2.PipelineSpec())
    assert spec.schema_version == "2.1.0"
    deployment = pipeline_spec_pb2.PipelineDeploymentConfig()
    json_format.ParseDict(compiled["deploymentSpec"], deployment)
    assert all(executor.container.image == "image:1" for executor in deployment.executors.values())


def test_kubeflow_has_all_nodes(compiled: dict) -> None:
    assert set(compiled["root"]["dag"]["tasks"]) == NODES


def test_argo_takes_the_names(compiled: dict) -> None:
    names = [compiled["pipelineInfo"]["name"], *compiled["root"]["dag"]["tasks"]]
    assert [name for name in names if not re.fullmatch("[a-zA-Z][-a-zA-Z0-9]*", name)] == []


def test_kubeflow_artifact_type_is_ours(compiled: dict) -> None:
    outputs = compiled["components"]["SlicedEvaluator-hold-out"]["outputDefinitions"]["artifacts"]
    schema = yaml.safe_load(outputs["sliced_metrics"]["artifactType"]["instanceSchema"])
    assert schema["title"] == "microtome.SlicedMetrics"


def test_kubeflow_publishes_a_single_artifact(compiled: dict) -> None:
    task = compiled["root"]["dag"]["tasks"]["SlicedEvaluator-hold-out"]
    parameters = task["inputs"]["parameters"]
    config = json.loads(parameters["eval_config"]["runtimeValue"]["constant"])
    assert config["tracking"]["publish"] == "SINGLE"
    assert {"feature_keys": ["origin", "carrier"]} in config["slicing_specs"]


_LOAD_DAG = """
import json, os, sys
from airflow.models.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[1], include_examples=False)
print(json.dumps({
    "errors": bag.import_errors,
    "dags": {name: {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks}
             for name, dag in bag.dags.items()},
    "retries": sorted({task.retries for dag in bag.dags.values() for task in dag.tasks}),
}))
"""


@pytest.mark.slow
def test_airflow_loads_the_dag(tmp_path: pathlib.Path) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    source = pathlib.Path(microtome.pipelines.__file__).with_name("airflow_dag.py")
    (dags / "flights.py").symlink_to(source)
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "240",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
        "MICROTOME_ROOT": str(tmp_path / "root"),
        "MICROTOME_DATA": str(tmp_path / "data"),
    }
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _LOAD_DAG, str(dags)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    loaded = json.loads(process.stdout.splitlines()[-1])
    assert loaded["errors"] == {}
    tasks = loaded["dags"]["flights"]
    assert set(tasks) == {*NODES, HISTORY}
    assert set(tasks["SlicedEvaluator-next-month"]) == {"ImportExampleGen", "Trainer", HISTORY}
    assert tasks["SlicedEvaluator-hold-out"] == ["ImportExampleGen", "Trainer"]
    assert loaded["retries"] == [0]
