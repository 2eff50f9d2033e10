"""Raw where transformed was looked for, and the other way round."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import microtome
from microtome.errors import ConfigError, DataError

pytestmark = pytest.mark.current


@pytest.fixture
def redeclared(committed_model, tmp_path_factory) -> Callable[..., str]:
    """A function that copies a committed model and renames or drops features of its signature."""

    def redeclare(name: str, **new_names: str | None) -> str:
        home = tmp_path_factory.mktemp("redeclared") / "model"
        shutil.copytree(committed_model(name).model_path, home)
        file = home / "saved_model.pb"
        message = saved_model_pb2.SavedModel.FromString(file.read_bytes())
        inputs = message.meta_graphs[0].signature_def["eval"].inputs
        for old, new in new_names.items():
            info = inputs.pop(f"features/{old}")
            if new:
                inputs[f"features/{new}"].CopyFrom(info)
        file.write_bytes(message.SerializeToString())
        return str(home)

    return redeclare


def renamed(records: list[bytes], suffix: str = "_xf") -> list[bytes]:
    """The examples with all their features renamed, as a transformation may leave them."""
    transformed = []
    for record in records:
        before, after = tf.train.Example.FromString(record), tf.train.Example()
        for name, feature in before.features.feature.items():
            after.features.feature[name + suffix].CopyFrom(feature)
        transformed.append(after.SerializeToString())
    return transformed


def test_a_raw_feature_that_was_dropped(refuse, redeclared):
    path = redeclared("linear_binary_v1", country="country_xf")
    message = refuse(ConfigError, path, slices=["country"])
    assert "no feature 'country' to slice by (did you mean 'country_xf'?)" in message
    assert "It parses 'country' from the examples, but its eval_input_receiver_fn" in message
    assert "EvalInputReceiver(features={**parsed, **transformed}, ...)" in message


def test_a_transformed_feature_that_was_dropped(refuse, redeclared):
    path = redeclared("linear_binary_v1", level=None)
    message = refuse(ConfigError, path, slices=["country_xf"])
    assert "no feature 'country_xf' to slice by (did you mean 'country'?)" in message
    assert "It parses also, but does not hand on: level." in message
    assert "taken from what transform_raw_features returns." in message


def test_a_weight_that_was_dropped(refuse, redeclared):
    path = redeclared("linear_binary_v1", weight="weight_xf")
    message = refuse(ConfigError, path, weight="weight")
    assert "no feature 'weight' to weigh examples by (did you mean 'weight_xf'?)" in message
    assert "It parses 'weight' from the examples" in message


def test_a_label(refuse, committed_model):
    message = refuse(ConfigError, committed_model("multi_head_v2"), slices=["bin"])
    assert "no feature 'bin' to slice by" in message
    assert "'bin' is one of its labels. Add it to the features, too" in message


def test_a_prediction(refuse, committed_model):
    message = refuse(ConfigError, committed_model("linear_binary_v1"), slices=["class_ids"])
    assert "'class_ids' is one of its predictions, which are no features." in message


@pytest.mark.parametrize("collection", [False, True])
def test_transformed_examples_for_a_model_of_raw_ones(
    refuse, people, write_records, tmp_path, collection
):
    records = renamed(people.records)
    if collection:
        message = _refused_collection(people.model_path, records, tmp_path)
    else:
        path = write_records("eval", records)
        message = refuse(DataError, data=path)
        assert f"Example 0 of {path!r} is refused by the model: it has none of" in message
    assert "So are all 48 examples that were tried. The model parses the features age, " in message
    assert "The example has none of these; it has: age_xf, " in message
    assert "ExampleGen's examples and not Transform's transformed_examples" in message


def _refused_collection(model: str, records: list[bytes], folder: pathlib.Path) -> str:
    import apache_beam as beam

    transform = microtome.ExtractEvaluateAndWriteResults(
        microtome.default_eval_shared_model(model), str(folder / "result")
    )
    # runners of other people's pipelines wrap the error
    with pytest.raises(Exception, match="refused") as caught, beam.Pipeline() as pipeline:
        _ = pipeline | beam.Create(records) | transform
    return str(caught.value)


def test_transformed_features_of_raw_names(refuse, people, write_records):
    """Features of the same names, but words are indices now."""

    def indexed(record: bytes) -> bytes:
        example = tf.train.Example.FromString(record)
        example.features.feature["country"].Clear()
        example.features.feature["country"].int64_list.value.append(3)
        return example.SerializeToString()

    path = write_records("eval", [indexed(record) for record in people.records])
    message = refuse(DataError, data=path)
    assert "Key: country" in message
    assert "Data types don't match" in message
    assert "So are all 48 examples that were tried" in message
    assert "Transform's transformed_examples" in message


def test_the_label_was_left_out(refuse, people, write_records):
    """As in examples for a serving model."""

    def unlabelled(record: bytes) -> bytes:
        example = tf.train.Example.FromString(record)
        for name in _LABELS:
            example.features.feature.pop(name, None)
        return example.SerializeToString()

    path = write_records("eval", [unlabelled(record) for record in people.records])
    message = refuse(DataError, data=path)
    assert "is required but could not be found" in message
    assert "The example has not label, " in message


_LABELS: Any = ("label", "label_class", "label_multi", "label_name", "target", "target_pair")
