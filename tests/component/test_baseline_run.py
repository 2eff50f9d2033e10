"""The model of one run is the baseline of the next, as TFX's resolver finds it."""

import pathlib
from typing import Any

import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.common import importer, resolver
from tfx.dsl.input_resolution.strategies import latest_blessed_model_strategy
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local import local_dag_runner
from tfx.types import channel, standard_artifacts

from microtome.component import SlicedEvaluator
from microtome.results.loader import load_eval_result
from tests.component.test_baseline import older_uri  # noqa: F401

pytestmark = pytest.mark.e2e

Execution = metadata_store_pb2.Execution
CONFIG = {
    "model_specs": [{"name": "new"}, {"name": "old", "is_baseline": True}],
    "slicing_specs": [{}, {"feature_keys": ["country"]}],
    "metrics_specs": [{"metrics": [{"class_name": "SymmetricPredictionDifference"}]}],
}


@component
def Blessing(
    model: InputArtifact[standard_artifacts.Model],
    evaluation: InputArtifact[standard_artifacts.ModelEvaluation],
    blessing: OutputArtifact[standard_artifacts.ModelBlessing],
) -> None:
    """Blesses every model that was evaluated."""
    assert evaluation.uri
    blessing.set_int_custom_property("blessed", 1)
    blessing.set_int_custom_property("current_model_id", model.id)


class Pipeline:
    """Evaluates a model against the last one that was blessed, and blesses it."""

    def __init__(self, folder: pathlib.Path, examples_uri: str) -> None:
        self._folder = folder
        self._examples_uri = examples_uri
        self._connection = metadata.sqlite_metadata_connection_config(str(folder / "mlmd.sqlite"))

    def run(self, model_uri: str) -> None:
        model = importer.Importer(
            source_uri=model_uri, artifact_type=standard_artifacts.Model
        ).with_id("model")
        examples = importer.Importer(
            source_uri=self._examples_uri,
            artifact_type=standard_artifacts.Examples,
            properties={"split_names": '["eval", "next"]'},
        ).with_id("examples")
        blessed = resolver.Resolver(
            strategy_class=latest_blessed_model_strategy.LatestBlessedModelStrategy,
            model=channel.Channel(type=standard_artifacts.Model),
            model_blessing=channel.Channel(type=standard_artifacts.ModelBlessing),
        ).with_id("latest_blessed_model")
        evaluator = SlicedEvaluator(
            examples=examples.outputs["result"],
            model=model.outputs["result"],
            baseline_model=blessed.outputs["model"],
            eval_config=CONFIG,
        )
        blessing = Blessing(
            model=model.outputs["result"], evaluation=evaluator.outputs["evaluation"]
        )
        local_dag_runner.LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="people",
                pipeline_root=str(self._folder / "root"),
                components=[model, examples, blessed, evaluator, blessing],
                enable_cache=True,
                metadata_connection_config=self._connection,
            )
        )

    @property
    def store(self) -> metadata_store.MetadataStore:
        return metadata_store.MetadataStore(self._connection)

    def states(self) -> list[int]:
        name = "microtome.component.component.SlicedEvaluator"
        found = self.store.get_executions_by_type(name)
        return [one.last_known_state for one in sorted(found, key=lambda one: one.id)]

    def evaluations(self) -> list[dict[str, Any]]:
        """The texts that are known of each evaluation, in order."""
        found = self.store.get_artifacts_by_type("ModelEvaluation")
        return [
            {name: value.string_value for name, value in one.custom_properties.items()}
            for one in sorted(found, key=lambda one: one.id)
        ]


def test_the_blessed_model_of_the_first_run_is_the_baseline_of_the_second(
    tmp_path: pathlib.Path,
    model_uri: str,
    older_uri: str,  # noqa: F811
    examples_uri: str,
) -> None:
    people = Pipeline(tmp_path, examples_uri)
    people.run(older_uri)
    people.run(model_uri)
    assert people.states() == [Execution.COMPLETE] * 2
    first, second = people.evaluations()
    assert (first["model_uri"], second["model_uri"]) == (older_uri, model_uri)
    assert "baseline_model_uri" not in first
    assert second["baseline_model_uri"] == older_uri
    assert second["baseline_model_id"] == first["model_id"]
    assert second["config_digest"] == first["config_digest"]

    of_first = dict(load_eval_result(first["evaluation_uri"]).slices())
    found = dict(load_eval_result(second["evaluation_uri"]).slices())
    baseline = dict(load_eval_result(second["evaluation_uri"], model_name="old").slices())
    assert set(found) == set(of_first) == set(baseline)
    for key, values in of_first.items():
        assert not [name for name in values if name.endswith("_diff")]
        assert {n: baseline[key][n] for n in values} == pytest.approx(
            values, rel=1e-12, nan_ok=True
        )
        difference = found[key]["average_loss"] - values["average_loss"]
        assert found[key]["average_loss_diff"] == pytest.approx(difference, abs=1e-12, nan_ok=True)
        assert "symmetric_prediction_difference_diff" in found[key]

    slices = people.store.get_artifacts_by_type("microtome.SlicedMetrics")
    overall = [
        one for one in slices if one.custom_properties["slice_key"].string_value == "Overall"
    ]
    compared = {
        one.custom_properties["baseline_model_uri"].string_value
        for one in overall
        if "prediction/mean_diff" in one.custom_properties
    }
    assert len(overall) == 2
    assert compared == {older_uri}
