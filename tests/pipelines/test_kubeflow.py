"""The pipeline for Kubeflow v2: what is compiled, and that TFX's compiler was given our type."""

from __future__ import annotations

import json
import pathlib
import re

import pytest
import yaml
from google.protobuf import json_format
from kfp import components
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.components.common import importer
from tfx.orchestration import pipeline
from tfx.types import artifact, standard_artifacts

from microtome.component import SlicedEvaluator
from microtome.component.kubeflow import COMMAND, write_pipeline
from microtome.pipelines import kubeflow

NODES = {"ImportExampleGen", "Trainer", "SlicedEvaluator-hold-out", "SlicedEvaluator-next-month"}
EVALUATORS = sorted(node for node in NODES if node.startswith("SlicedEvaluator"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("kubeflow")
    for name in ("flights.yaml", "flights.json"):
        output = str(folder / name)
        kubeflow.compile_pipeline(
            "gs://bucket/root", "gs://bucket/data", "image:1", output, vertex=name.endswith("json")
        )
    return folder


@pytest.fixture(scope="module")
def open_source(folder: pathlib.Path) -> dict:
    """The specification of schema 2.1."""
    return dict(yaml.safe_load((folder / "flights.yaml").read_text()))


@pytest.fixture(scope="module")
def vertex(folder: pathlib.Path) -> dict:
    """The job, with the specification of schema 2.0."""
    return dict(json.loads((folder / "flights.json").read_text()))


@pytest.fixture(params=["open-source", "vertex"])
def spec(request: pytest.FixtureRequest, open_source: dict, vertex: dict) -> dict:
    return open_source if request.param == "open-source" else vertex["pipelineSpec"]


def executors(spec: dict) -> dict:
    return dict(spec["deploymentSpec"]["executors"])


def test_it_is_valid(spec: dict) -> None:
    # strict: fields that the messages have not are errors
    parsed = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    deployment = pipeline_spec_pb2.PipelineDeploymentConfig()
    json_format.ParseDict(spec["deploymentSpec"], deployment)
    assert {executor.container.image for executor in deployment.executors.values()} == {"image:1"}
    assert set(parsed.components) == NODES


def test_schemas(open_source: dict, vertex: dict) -> None:
    assert open_source["schemaVersion"] == "2.1.0"
    assert open_source["defaultPipelineRoot"] == "gs://bucket/root"
    job = json_format.ParseDict(vertex, pipeline_spec_pb2.PipelineJob())
    assert job.runtime_config.gcs_output_directory == "gs://bucket/root"
    assert vertex["pipelineSpec"]["schemaVersion"] == "2.0.0"


def test_kubeflows_client_loads_it(folder: pathlib.Path) -> None:
    loaded = components.load_component_from_file(str(folder / "flights.yaml"))
    assert loaded.name == "flights"
    assert set(loaded.pipeline_spec.components) == NODES


def test_all_nodes(spec: dict) -> None:
    assert set(spec["root"]["dag"]["tasks"]) == NODES


def test_argo_takes_the_names(spec: dict) -> None:
    names = [spec["pipelineInfo"]["name"], *spec["root"]["dag"]["tasks"]]
    assert [name for name in names if not re.fullmatch("[a-zA-Z][-a-zA-Z0-9]*", name)] == []


@pytest.mark.parametrize("node", EVALUATORS)
def test_the_metrics_are_of_the_type_that_kubeflow_shows(spec: dict, node: str) -> None:
    outputs = spec["components"][node]["outputDefinitions"]["artifacts"]
    schema = yaml.safe_load(outputs["sliced_metrics"]["artifactType"]["instanceSchema"])
    assert schema == {"title": "system.Metrics", "type": "object"}
    others = yaml.safe_load(outputs["evaluation"]["artifactType"]["instanceSchema"])
    assert others["title"] == "tfx.ModelEvaluation"


def test_every_command_is_our_entry_point(spec: dict) -> None:
    commands = {tuple(told["container"]["command"]) for told in executors(spec).values()}
    assert commands == {COMMAND}


def test_only_what_has_no_driver_is_cached(open_source: dict, vertex: dict) -> None:
    """A new span is no new parameter; where no driver tells of it, a cache would hide it."""
    tasks = open_source["root"]["dag"]["tasks"]
    cached = {name for name, task in tasks.items() if task.get("cachingOptions")}
    assert cached == NODES - {"ImportExampleGen"}
    tasks = vertex["pipelineSpec"]["root"]["dag"]["tasks"]
    assert all(task["cachingOptions"] == {"enableCache": True} for task in tasks.values())
    driver = executors(vertex["pipelineSpec"])["ImportExampleGen_executor"]["container"]
    assert "preCacheCheck" in driver["lifecycle"]


def test_a_single_artifact_is_published(open_source: dict) -> None:
    task = open_source["root"]["dag"]["tasks"]["SlicedEvaluator-hold-out"]
    parameters = task["inputs"]["parameters"]
    config = json.loads(parameters["eval_config"]["runtimeValue"]["constant"])
    assert config["tracking"]["publish"] == "SINGLE"
    assert {"feature_keys": ["origin", "carrier"]} in config["slicing_specs"]


def test_a_baseline_comes_in_by_an_importer(tmp_path: pathlib.Path) -> None:
    def imported(name: str, kind: type[artifact.Artifact]) -> importer.Importer:
        node = importer.Importer(source_uri=f"gs://bucket/{name}", artifact_type=kind)
        return node.with_id(name)

    model = imported("model", standard_artifacts.Model)
    baseline = imported("baseline", standard_artifacts.Model)
    examples = imported("examples", standard_artifacts.Examples)
    evaluator = SlicedEvaluator(
        examples=examples.outputs["result"],
        model=model.outputs["result"],
        baseline_model=baseline.outputs["result"],
        eval_config={"slicing_specs": [{}], "tracking": {"publish": "SINGLE"}},
    )
    made = pipeline.Pipeline(
        pipeline_name="compared",
        pipeline_root="gs://root",
        components=[model, baseline, examples, evaluator],
    )
    write_pipeline(made, str(tmp_path / "compared.yaml"), image="image:1")
    spec = yaml.safe_load((tmp_path / "compared.yaml").read_text())
    inputs = spec["root"]["dag"]["tasks"]["SlicedEvaluator"]["inputs"]["artifacts"]
    assert inputs["baseline_model"]["taskOutputArtifact"]["producerTask"] == "baseline"
    assert set(spec["components"]["SlicedEvaluator"]["inputDefinitions"]["artifacts"]) == {
        *("examples", "model", "baseline_model")
    }
