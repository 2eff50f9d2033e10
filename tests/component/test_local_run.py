"""`SlicedEvaluator` in pipelines that TFX's local runner runs, with ML Metadata in SQLite."""

from __future__ import annotations

import collections
import json
import pathlib
from typing import Any

import pytest
from google.protobuf import json_format
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.common import importer
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local import local_dag_runner
from tfx.types import standard_artifacts

from microtome.component import SlicedEvaluator
from microtome.errors import ConfigError
from microtome.results.loader import load_eval_result

pytestmark = pytest.mark.e2e

Execution = metadata_store_pb2.Execution
Artifact = metadata_store_pb2.Artifact

SLICES = [{}, {"feature_keys": ["country"]}, {"feature_keys": ["level"]}]


class Pipeline:
    """A pipeline of one evaluation, and its store."""

    def __init__(self, folder: pathlib.Path, model_uri: str, examples_uri: str) -> None:
        self._folder = folder
        self._uris = model_uri, examples_uri
        self._connection = metadata.sqlite_metadata_connection_config(str(folder / "mlmd.sqlite"))

    def run(self, **config: Any) -> None:
        model = importer.Importer(
            source_uri=self._uris[0], artifact_type=standard_artifacts.Model
        ).with_id("model")
        examples = importer.Importer(
            source_uri=self._uris[1],
            artifact_type=standard_artifacts.Examples,
            properties={"split_names": '["eval", "next"]', "span": 4},
        ).with_id("examples")
        evaluator = SlicedEvaluator(
            examples=examples.outputs["result"],
            model=model.outputs["result"],
            eval_config={"slicing_specs": SLICES, **config},
        )
        local_dag_runner.LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="people",
                pipeline_root=str(self._folder / "root"),
                components=[model, examples, evaluator],
                enable_cache=True,
                metadata_connection_config=self._connection,
            )
        )

    @property
    def store(self) -> metadata_store.MetadataStore:
        return metadata_store.MetadataStore(self._connection)

    def states(self) -> list[int]:
        """The last known states of the evaluator's executions, in order."""
        name = "microtome.component.component.SlicedEvaluator"
        found = self.store.get_executions_by_type(name)
        return [one.last_known_state for one in sorted(found, key=lambda one: one.id)]

    def sliced_metrics(self) -> list[Artifact]:
        return self.store.get_artifacts_by_type("microtome.SlicedMetrics")


def test_every_tracked_slice_is_an_artifact_and_is_cached(
    tmp_path: pathlib.Path, model_uri: str, examples_uri: str
) -> None:
    people = Pipeline(tmp_path, model_uri, examples_uri)
    people.run()
    assert people.states() == [Execution.COMPLETE]
    artifacts = people.sliced_metrics()
    assert {artifact.state for artifact in artifacts} == {Artifact.LIVE}
    assert {artifact.name for artifact in artifacts} == {""}
    check_against_files(artifacts)

    (evaluation,) = people.store.get_artifacts_by_type("ModelEvaluation")
    assert evaluation.custom_properties["tracked_slice_count"].int_value == len(artifacts)

    people.run()
    assert people.states() == [Execution.COMPLETE, Execution.CACHED]
    assert len(people.sliced_metrics()) == len(artifacts)
    check_linked_twice(people, artifacts)

    people.run(tracking={"max_slices": 2})
    assert people.states() == [Execution.COMPLETE, Execution.CACHED, Execution.COMPLETE]
    assert len(people.sliced_metrics()) == len(artifacts) + 2


def check_against_files(artifacts: list[Artifact]) -> None:
    """What is recorded equals the result files, digit for digit; one slice's loss is NaN."""
    uri = artifacts[0].custom_properties["evaluation_uri"].string_value
    result = {
        json.dumps([list(item) for item in key]): m for key, m in load_eval_result(uri).slices()
    }
    assert {a.custom_properties["slice"].string_value for a in artifacts} == set(result)
    for artifact in artifacts:
        properties = artifact.custom_properties
        assert pathlib.Path(artifact.uri).is_dir()
        recorded = json_format.MessageToDict(properties["metrics"].struct_value)
        expected = result[properties["slice"].string_value]
        assert {name: float(value) for name, value in recorded.items()} == pytest.approx(
            expected, rel=0, abs=0, nan_ok=True
        )
        if properties["slice_key"].string_value == "country:xx":
            assert recorded["average_loss"] == "NaN"


def check_linked_twice(people: Pipeline, artifacts: list[Artifact]) -> None:
    """The cached execution gave out the same artifacts."""
    events = people.store.get_events_by_artifact_ids([artifact.id for artifact in artifacts])
    outputs = [
        event.artifact_id for event in events if event.type == metadata_store_pb2.Event.OUTPUT
    ]
    assert set(collections.Counter(outputs).values()) == {2}
    assert len(set(outputs)) == len(artifacts)


def test_single_publishes_one_artifact(
    tmp_path: pathlib.Path, model_uri: str, examples_uri: str
) -> None:
    people = Pipeline(tmp_path, model_uri, examples_uri)
    people.run(tracking={"publish": "SINGLE"})
    (artifact,) = people.sliced_metrics()
    properties = artifact.custom_properties
    slices = json.loads(pathlib.Path(artifact.uri, "metrics.json").read_text())["slices"]
    assert len(slices) == properties["tracked_slice_count"].int_value > 5
    assert {f"slice {one['slice_key']}" for one in slices[1:]} <= set(properties)
    assert properties["component_id"].string_value == "SlicedEvaluator"
    assert properties["pipeline_name"].string_value == "people"
    assert properties["span"].string_value == "4"


def test_failure_is_told_as_itself_and_publishes_nothing(
    tmp_path: pathlib.Path, model_uri: str, examples_uri: str
) -> None:
    people = Pipeline(tmp_path, model_uri, examples_uri)
    with pytest.raises(ConfigError, match="'county'"):
        people.run(slicing_specs=[{"feature_keys": ["county"]}])
    assert people.states() == [Execution.FAILED]
    assert people.sliced_metrics() == []
    assert not list((tmp_path / "root" / "SlicedEvaluator" / "evaluation").rglob("*.tfrecord"))
