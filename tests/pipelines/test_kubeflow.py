"""The same pipeline for Kubeflow v2: compiled, not run."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from microtome.pipelines import kubeflow

NODES = {"ImportExampleGen", "Trainer", "SlicedEvaluator-hold-out", "SlicedEvaluator-next-month"}


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
