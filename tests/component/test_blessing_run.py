"""A model is pushed, or is not, by the verdict of its slices: TFX's Pusher and its resolver."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ml_metadata import metadata_store
from tfx.components.pusher.component import Pusher
from tfx.dsl.components.common import importer, resolver
from tfx.dsl.input_resolution.strategies import latest_blessed_model_strategy
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local import local_dag_runner
from tfx.proto import pusher_pb2
from tfx.types import channel, standard_artifacts

from microtome.component import SlicedEvaluator
from microtome.export import EvalInputReceiver, export_eval_savedmodel
from microtome.results.loader import load_eval_result
from microtome.tracking.evaluations import parse_reasons
from microtome.tracking.texts import read_text
from tests.component.conftest import write_records
from tests.zoo import data

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

# how many of a hundred examples each model is right about
RIGHT = {"steady": {"de": 70, "fr": 70, "lu": 70}, "uneven": {"de": 95, "fr": 95, "lu": 40}}
FEATURES = {
    **{name: tf.io.FixedLenFeature([1], tf.float32) for name in (*RIGHT, "label")},
    "country": tf.io.FixedLenFeature([1], tf.string),
}
CONFIG = {
    "slicing_specs": [{}, {"feature_keys": ["country"]}],
    "metrics_specs": [
        {
            "thresholds": {
                "accuracy": {
                    "value_threshold": {"lower_bound": 0.6},
                    "change_threshold": {"absolute": -0.05, "direction": "HIGHER_IS_BETTER"},
                }
            }
        }
    ],
}


def records() -> list[bytes]:
    """A hundred examples a country, with what each model will predict of them."""
    found = []
    for country in ("de", "fr", "lu"):
        for row in range(100):
            label = float(row % 2)
            scores = {
                name: [label if row < right[country] else 1 - label]
                for name, right in RIGHT.items()
            }
            found.append(data.example({**scores, "label": [label], "country": [country]}))
    return found


def model_fn(features: Any, labels: Any, mode: str, params: Any) -> Any:
    score = features[params["column"]]
    # an Estimator exports from a checkpoint, so there must be a variable
    tf.compat.v1.get_variable("unused", [1])
    step = tf.compat.v1.assign_add(tf.compat.v1.train.get_or_create_global_step(), 1)
    ops = {}
    if labels is not None:
        ops = {"accuracy": tf.compat.v1.metrics.accuracy(labels, tf.round(score))}
    return tf.estimator.EstimatorSpec(
        mode,
        predictions={"logistic": score},
        loss=tf.reduce_mean(score),
        train_op=step,
        eval_metric_ops=ops,
        export_outputs={"serving_default": tf.estimator.export.PredictOutput({"score": score})},
    )


def exported(folder: pathlib.Path, column: str) -> str:
    """A model artifact as a Trainer leaves it: the model to evaluate, and the model to serve."""
    estimator = tf.estimator.Estimator(
        model_fn, str(folder / "train" / column), params={"column": column}
    )

    def train() -> tf.data.Dataset:
        features = {name: np.zeros([1, 1], np.float32) for name in RIGHT}
        return tf.data.Dataset.from_tensors((features, np.zeros([1, 1], np.float32)))

    def receive_to_evaluate() -> EvalInputReceiver:
        serialized = tf.compat.v1.placeholder(tf.string, [None], name="input_example")
        features = tf.io.parse_example(serialized, FEATURES)
        return EvalInputReceiver(
            features=features,
            labels=features["label"],
            receiver_tensors={"examples": serialized},
        )

    def receive_to_serve() -> Any:
        serialized = tf.compat.v1.placeholder(tf.string, [None])
        features = tf.io.parse_example(serialized, {n: FEATURES[n] for n in RIGHT})
        return tf.estimator.export.ServingInputReceiver(features, {"examples": serialized})

    estimator.train(train, steps=1)
    uri = folder / "models" / column
    to_evaluate = export_eval_savedmodel(
        estimator=estimator,
        export_dir_base=str(folder / "eval" / column),
        eval_input_receiver_fn=receive_to_evaluate,
    )
    shutil.copytree(to_evaluate.decode(), uri / "Format-TFMA")
    serving = estimator.export_saved_model(str(folder / "serve" / column), receive_to_serve)
    shutil.copytree(serving.decode(), uri / "Format-Serving")
    return str(uri)


class Shop:
    """A pipeline that evaluates a model and pushes it if it is blessed, and its store."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.pushed = folder / "pushed"
        self._folder = folder
        self._connection = metadata.sqlite_metadata_connection_config(str(folder / "mlmd.sqlite"))
        write_records(folder / "examples" / "Split-eval" / "data-00000-of-00001.gz", records())

    @property
    def store(self) -> metadata_store.MetadataStore:
        return metadata_store.MetadataStore(self._connection)

    def run(self, model_uri: str) -> None:
        model = importer.Importer(
            source_uri=model_uri, artifact_type=standard_artifacts.Model
        ).with_id("model")
        examples = importer.Importer(
            source_uri=str(self._folder / "examples"),
            artifact_type=standard_artifacts.Examples,
            properties={"split_names": '["eval"]'},
        ).with_id("examples")
        blessed = resolver.Resolver(
            strategy_class=latest_blessed_model_strategy.LatestBlessedModelStrategy,
            model=channel.Channel(type=standard_artifacts.Model),
            model_blessing=channel.Channel(type=standard_artifacts.ModelBlessing),
        ).with_id("blessed")
        evaluator = SlicedEvaluator(
            examples=examples.outputs["result"],
            model=model.outputs["result"],
            baseline_model=blessed.outputs["model"],
            eval_config=CONFIG,
        )
        destination = pusher_pb2.PushDestination.Filesystem(base_directory=str(self.pushed))
        pusher = Pusher(
            model=model.outputs["result"],
            model_blessing=evaluator.outputs["blessing"],
            push_destination=pusher_pb2.PushDestination(filesystem=destination),
        )
        local_dag_runner.LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="shop",
                pipeline_root=str(self._folder / "root"),
                components=[model, examples, blessed, evaluator, pusher],
                metadata_connection_config=self._connection,
            )
        )

    def newest(self, type_name: str) -> Any:
        return max(self.store.get_artifacts_by_type(type_name), key=lambda one: one.id)

    def resolved(self) -> list[str]:
        """URIs of the models that the resolver gave in its newest execution."""
        (kind,) = [k.name for k in self.store.get_execution_types() if "Resolver" in k.name]
        newest = max(self.store.get_executions_by_type(kind), key=lambda one: one.id)
        events = self.store.get_events_by_execution_ids([newest.id])
        artifacts = self.store.get_artifacts_by_id([event.artifact_id for event in events])
        models = {artifact.uri for artifact in artifacts if "models" in artifact.uri}
        return sorted(models)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    folder = tmp_path_factory.mktemp("exports")
    return lambda column: exported(folder, column)


def test_a_slice_that_falls_keeps_a_better_model_from_being_pushed(
    tmp_path: pathlib.Path, export: Callable[[str], str]
) -> None:
    shop = Shop(tmp_path)
    steady = export("steady")
    shop.run(steady)
    assert len(list(shop.pushed.iterdir())) == 1
    blessing = shop.newest("ModelBlessing")
    model = shop.newest("Model")
    # the first has nothing to be compared with
    first = load_eval_result(shop.newest("ModelEvaluation").uri).verdict
    assert (first.verdict, first.without_baseline) == ("BLESSED", "VALUE_THRESHOLDS_ONLY")
    properties = blessing.custom_properties
    assert "baseline_model" not in properties
    assert properties["blessed"].int_value == 1
    assert properties["current_model"].string_value == steady
    assert properties["current_model_id"].int_value == model.id
    assert properties["component_id"].string_value == "SlicedEvaluator"
    assert [path.name for path in pathlib.Path(blessing.uri).iterdir()] == ["BLESSED"]

    shop.run(export("uneven"))
    evaluation = load_eval_result(shop.newest("ModelEvaluation").uri)
    overall = evaluation.get_metrics_for_slice()["accuracy"]["doubleValue"]
    # the other is right about 0.7
    assert overall == pytest.approx(230 / 300)
    failures = {failure["rule"]: failure for failure in evaluation.verdict.failures}
    assert {failure["slice"] for failure in failures.values()} == {"country:lu"}
    assert failures.keys() == {"value_lower", "change_absolute"}
    failure = failures["value_lower"]
    assert (failure["value"], failure["limit"]) == (pytest.approx(0.4), 0.6)
    fall = failures["change_absolute"]
    assert (fall["reference_value"], fall["change"]) == pytest.approx((0.7, -0.3))
    told = shop.newest("ModelEvaluation").custom_properties
    assert told["verdict"].string_value == "NOT_BLESSED"
    reasons = parse_reasons(read_text(told, "reasons"))
    assert failure["message"] in [reason["message"] for reason in reasons]
    blessing = shop.newest("ModelBlessing")
    assert blessing.custom_properties["blessed"].int_value == 0
    assert blessing.custom_properties["baseline_model"].string_value == steady
    assert blessing.custom_properties["baseline_model_id"].int_value == model.id
    assert [path.name for path in pathlib.Path(blessing.uri).iterdir()] == ["NOT_BLESSED"]
    assert len(list(shop.pushed.iterdir())) == 1

    # the refused model is newer, and still the other is the baseline
    shop.run(steady)
    assert shop.resolved() == [steady]
    again = load_eval_result(shop.newest("ModelEvaluation").uri).verdict
    assert again.verdict == "BLESSED"
    assert again.baseline == "baseline"
