"""SavedModels as Keras 2 and Estimators write them, beside those that both lines can make."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from microtome.errors import ConfigError
from microtome.model.serving import (
    ServingModel,
    check_serving_model,
    is_eval_saved_model,
    model_kind,
)
from microtome.proto.config_pb2 import ModelSpec
from tests.model.test_serving import AGE, EXAMPLES, FLAT, LISTS, PARSED, SCORES, functional

ROWS = [[1.0], [], [2.0, 3.0, 0.5], [4.0, 4.0]] * 5
RAGGED = pa.RecordBatch.from_arrays(
    [
        pa.array(np.arange(20)),
        pa.array(ROWS, pa.list_(pa.float32())),
        pa.array([row or None for row in ROWS[::-1]], pa.list_(pa.float64())),
    ],
    ["a", "r", "s"],
)


def saved(model: tf.keras.Model, folder, **arguments) -> str:
    path = os.path.join(folder, "saved")
    model.save(path, save_format="tf", **arguments)
    return path


@pytest.mark.parametrize("multi", [False, True])
def test_features_of_keras(tmp_path, multi):
    model = functional(multi)
    path = saved(model, tmp_path)
    assert model_kind(path, ModelSpec()) == "tf_keras"
    assert not is_eval_saved_model(path)
    assert check_serving_model(path, ModelSpec(), {"age": None, "scores": None}) == "tf_keras"
    with pytest.raises(ConfigError, match=r"'scores'.*has no column"):
        check_serving_model(path, ModelSpec(), {"age": None})
    with pytest.raises(ConfigError, match="'age' takes floats"):
        check_serving_model(path, ModelSpec(), {"age": pa.string(), "scores": None})
    served = ServingModel.load(path)
    assert set(served.needed_columns) == {"age", "scores"}
    direct = model({"age": AGE[:, None], "scores": SCORES}, training=False)
    # the layers' names are the signature's; TFMA has the dict's keys unless the signature is named
    result = served.predict(EXAMPLES, LISTS)
    by_layer = ServingModel.load(path, ModelSpec(signature_name="serving_default")).predict(FLAT)
    assert set(by_layer) == ({"first", "second"} if multi else {"", "second"})
    assert set(result) >= ({"click", "kind"} if multi else {""})
    kind = direct["kind"] if multi else direct
    np.testing.assert_allclose(result["kind" if multi else ""], kind, rtol=1e-5)
    np.testing.assert_allclose(by_layer["second"], kind, rtol=1e-5)
    if multi:
        np.testing.assert_allclose(result["click"], direct["click"][:, 0], rtol=1e-5)
        np.testing.assert_allclose(by_layer["first"], direct["click"][:, 0], rtol=1e-5)


def test_sparse_and_ragged_features_go_to_the_model_itself(tmp_path):
    def total(name: str, reduce) -> tf.Tensor:
        return tf.keras.layers.Lambda(lambda x: tf.reshape(reduce(x), [-1, 1]))(inputs[name])

    inputs = {
        "a": tf.keras.Input([1], name="a"),
        "r": tf.keras.Input([None], name="r", ragged=True),
        "s": tf.keras.Input([None], name="s", sparse=True),
    }
    ragged = total("r", lambda x: tf.reduce_sum(x, 1))
    sparse = total("s", lambda x: tf.sparse.reduce_sum(x, 1))
    outputs = [inputs["a"] + ragged - 3 * sparse, tf.keras.layers.Dense(2, name="d")(inputs["a"])]
    model = tf.keras.Model(inputs, {"sum": outputs[0], "other": outputs[1]})
    path = saved(model, tmp_path)
    spec = ModelSpec(prediction_key="sum")
    with pytest.raises(ConfigError, match=r"'s'.*has no column.*have: a, r"):
        check_serving_model(path, spec, {"a": None, "r": None})
    check_serving_model(path, spec, {"a": None, "r": None, "s": None})
    served = ServingModel.load(path, spec, max_tensor_bytes=40)
    assert set(served.needed_columns) == {"a", "r", "s"}
    sums = np.array([sum(row) for row in ROWS])
    result = served.predict(RAGGED)
    np.testing.assert_allclose(result[""], np.arange(20) + sums - 3 * sums[::-1], rtol=1e-6)


class Transform(tf.keras.Model):
    """As the layer that TensorFlow Transform gives: from raw features to transformed ones."""

    def call(self, features):
        return {
            "age_xf": features["age"] / 100,
            "label_xf": tf.cast(features["age"] > 50, tf.int64),
        }


def test_model_as_tfx_trains_it(tmp_path):
    tf.keras.utils.set_random_seed(5)
    inner = tf.keras.Sequential([tf.keras.Input([1], name="age_xf"), tf.keras.layers.Dense(1)])
    inner.tft_layer = Transform()
    inner.tft_layer({"age": tf.constant(AGE[:, None])})

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="raw")])
    def serve(raw):
        parsed = tf.io.parse_example(raw, PARSED)
        return {"outputs": inner(inner.tft_layer({"age": parsed["age"][:, None]})["age_xf"])}

    path = saved(inner, tmp_path, signatures={"serving_default": serve})
    spec = ModelSpec(preprocessing_function_names=["tft_layer"])
    check_serving_model(path, spec, {"age": pa.float32()})
    served = ServingModel.load(path, spec)
    assert served.takes_examples
    assert served.needed_columns == ("age",)
    result = served.predict(EXAMPLES)
    np.testing.assert_allclose(result[""], inner(AGE[:, None] / 100)[:, 0], rtol=1e-5)
    transformed = served.preprocess(EXAMPLES, FLAT)
    np.testing.assert_array_equal(transformed["label_xf"], AGE > 50)
    np.testing.assert_allclose(transformed["age_xf"], AGE / 100, rtol=1e-6)


def test_export_of_an_estimator(tmp_path):
    columns = [tf.feature_column.numeric_column("scores", [3])]
    estimator = tf.estimator.LinearClassifier(columns, str(tmp_path / "train"), n_classes=4)
    labels = np.arange(len(SCORES)) % 4
    estimator.train(lambda: ({"scores": tf.constant(SCORES)}, tf.constant(labels)), steps=2)
    parsing = tf.estimator.export.build_parsing_serving_input_receiver_fn(
        {"scores": PARSED["scores"]}
    )
    path = estimator.export_saved_model(str(tmp_path / "export"), parsing).decode()
    assert model_kind(path, ModelSpec()) == "tf_generic"
    predictions = estimator.predict(
        lambda: tf.data.Dataset.from_tensors({"scores": SCORES}), yield_single_examples=False
    )
    (expected,) = (batch["probabilities"] for batch in predictions)
    served = ServingModel.load(path)
    assert served.takes_examples
    result = served.predict(EXAMPLES)
    assert set(result) == {"classes", "scores"}
    np.testing.assert_allclose(result["scores"], expected, rtol=1e-5)
    spec = ModelSpec(signature_name="predict", prediction_key="probabilities")
    alone = ServingModel.load(path, spec).predict(EXAMPLES)
    np.testing.assert_allclose(alone[""], expected, rtol=1e-5)
