"""Models that serve predict as they do when they are called themselves, from any form of data."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from microtome.errors import ConfigError, DataError, ModelError, RefusedExampleError
from microtome.model.serving import (
    ServingModel,
    check_serving_model,
    is_eval_saved_model,
    model_kind,
)
from microtome.proto.config_pb2 import ModelSpec

pytestmark = pytest.mark.current

RNG = np.random.default_rng(7)
AGE = RNG.uniform(0, 90, 23).astype(np.float32)
SCORES = RNG.normal(size=(23, 3)).astype(np.float32)
WORDS = RNG.choice([b"red", b"green", b"blue"], 23).astype(object)
PARSED = {
    "age": tf.io.FixedLenFeature([], tf.float32),
    "scores": tf.io.FixedLenFeature([3], tf.float32),
    "word": tf.io.FixedLenFeature([], tf.string),
}


def example(age: float, scores: np.ndarray, word: bytes) -> bytes:
    def floats(values: Any) -> tf.train.Feature:
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    feature = {
        "age": floats([age]),
        "scores": floats(scores),
        "word": tf.train.Feature(bytes_list=tf.train.BytesList(value=[word])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


EXAMPLES = np.array([example(*row) for row in zip(AGE, SCORES, WORDS, strict=True)], dtype=object)
# as examples decode to, and as a table has them
LISTS = pa.RecordBatch.from_arrays(
    [
        pa.array([[x] for x in AGE], pa.list_(pa.float32())),
        pa.array(SCORES.tolist(), pa.large_list(pa.float32())),
        pa.array([[x] for x in WORDS], pa.list_(pa.binary())),
    ],
    ["age", "scores", "word"],
)
FLAT = pa.RecordBatch.from_arrays(
    [
        pa.array(AGE.astype(np.float64)),
        pa.FixedSizeListArray.from_arrays(pa.array(SCORES.reshape(-1)), 3),
        pa.array([x.decode() for x in WORDS]).dictionary_encode(),
    ],
    ["age", "scores", "word"],
)
CLASSES = ["blue", "green", "red"]


class Model(tf.Module):
    """Several heads over three features, with signatures of every form."""

    def __init__(self) -> None:
        self.weights = tf.Variable([[0.2, -1.0, 0.4], [1.0, 0.5, 0.3], [0.1, 0.7, -0.6]])
        self.scale = tf.Variable(0.1)

    def heads(self, age: tf.Tensor, scores: tf.Tensor, word: tf.Tensor) -> dict[str, tf.Tensor]:
        age = tf.reshape(age, [-1, 1])
        length = tf.cast(tf.reshape(tf.strings.length(word), [-1, 1]), tf.float32)
        logits = scores @ self.weights + age * self.scale - length
        return {"age": tf.nn.sigmoid(age * self.scale - 1), "kind": tf.nn.softmax(logits)}

    def parsed(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return tf.io.parse_example(examples, PARSED)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="bytes")])
    def from_examples(self, examples):
        return self.heads(**self.parsed(examples))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="bytes")])
    def classify(self, examples):
        scores = self.heads(**self.parsed(examples))["kind"]
        classes = tf.tile(tf.constant([CLASSES]), [tf.shape(scores)[0], 1])
        return {"classes": classes, "scores": scores}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 1], tf.float32, name="age"),
            tf.TensorSpec([None, 3], tf.float32, name="scores"),
            tf.TensorSpec([None], tf.string, name="word"),
        ]
    )
    def from_features(self, age, scores, word):
        return {"kind": self.heads(age, scores, word)["kind"]}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="word")])
    def from_word(self, word):
        return {"length": tf.strings.length(word)}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, name="scores")])
    def any_width(self, scores):
        return {"sum": tf.reduce_sum(scores, 1)}

    @tf.function(input_signature=[tf.TensorSpec([4], tf.float32, name="age")])
    def of_four(self, age):
        return {"same": age}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="age")])
    def mean(self, age):
        return {"mean": tf.reduce_mean(age), "age": age}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="bytes")])
    def transform_features(self, examples):
        parsed = self.parsed(examples)
        return {
            "old": tf.cast(parsed["age"] > 45, tf.int64)[:, None],
            "word": parsed["word"],
            "positive": tf.sparse.from_dense(tf.nn.relu(parsed["scores"])),
        }

    @tf.function(
        input_signature=[
            {
                "age": tf.TensorSpec([None, 1], tf.float32),
                "scores": tf.SparseTensorSpec([None, None], tf.float32),
            }
        ]
    )
    def tft_layer(self, features):
        ragged = tf.RaggedTensor.from_sparse(features["scores"])
        return {"half": features["age"] / 2, "doubled": ragged * 2}


SIGNATURES = ("classify", "from_features", "from_word", "any_width", "of_four", "mean")


@pytest.fixture(scope="module")
def module() -> Model:
    return Model()


@pytest.fixture(scope="module")
def path(module, tmp_path_factory) -> str:
    folder = str(tmp_path_factory.mktemp("module") / "1")
    signatures = {name: getattr(module, name) for name in SIGNATURES}
    tf.saved_model.save(
        module, folder, signatures={"serving_default": module.from_examples, **signatures}
    )
    return folder


@pytest.fixture(scope="module")
def expected(module) -> Mapping[str, np.ndarray]:
    heads = module.heads(AGE, SCORES, WORDS)
    return {
        "age": heads["age"].numpy()[:, 0].astype(np.float64),
        "kind": heads["kind"].numpy().astype(np.float64),
    }


def predicted(path: str, records: Any, frame: Any = None, **spec: Any) -> dict[str, np.ndarray]:
    model = ServingModel.load(path, ModelSpec(**spec))
    result = model.predict(records, frame)
    assert tuple(result) == model.output_names
    return result


def test_serialized_examples_and_several_outputs(path, expected):
    model = ServingModel.load(path)
    assert model.takes_examples
    assert model.needed_columns == ()
    result = model.predict(EXAMPLES)
    assert set(result) == {"age", "kind"}
    for name, array in result.items():
        assert array.dtype == np.float64
        np.testing.assert_allclose(array, expected[name], rtol=1e-6)
    assert result["age"].shape == (23,)


@pytest.mark.parametrize("frame", [LISTS, FLAT])
def test_features(path, expected, frame):
    spec = ModelSpec(signature_name="from_features")
    model = ServingModel.load(path, spec)
    assert not model.takes_examples
    assert set(model.needed_columns) == {"age", "scores", "word"}
    for result in (model.predict(frame), model.predict(EXAMPLES, frame)):
        assert set(result) == {"", "kind"}
        np.testing.assert_allclose(result[""], expected["kind"], rtol=1e-6)
    np.testing.assert_array_equal(
        model.predict(frame.slice(5, 9))["kind"], model.predict(frame)["kind"][5:14]
    )


def test_names_of_predictions(path, expected):
    alone = predicted(path, EXAMPLES, prediction_key="kind")
    assert set(alone) == {"", "kind"}
    np.testing.assert_allclose(alone[""], expected["kind"], rtol=1e-6)
    several = predicted(path, EXAMPLES, prediction_keys={"head": "age", "other": "kind"})
    assert set(several) == {"head", "other"}
    np.testing.assert_allclose(several["head"], expected["age"], rtol=1e-6)


def test_classes_stay_text(path, expected):
    result = predicted(path, EXAMPLES, signature_name="classify")
    np.testing.assert_allclose(result["scores"], expected["kind"], rtol=1e-6)
    assert result["classes"].tolist() == [[name.encode() for name in CLASSES]] * 23


def test_one_string_a_row_need_not_be_examples(path):
    result = predicted(path, FLAT, signature_name="from_word")
    assert result[""].tolist() == [len(word) for word in WORDS]


def test_width_that_the_model_leaves_open(path):
    result = predicted(path, LISTS, signature_name="any_width")
    np.testing.assert_allclose(result["sum"], SCORES.sum(axis=1), rtol=1e-5, atol=1e-6)
    uneven = pa.RecordBatch.from_arrays([pa.array([[1.0], [1.0, 2.0]])], ["scores"])
    with pytest.raises(DataError, match="from 1 to 2 values in the feature 'scores'"):
        predicted(path, uneven, signature_name="any_width")


def test_parts_of_a_batch_give_the_same(path, expected):
    model = ServingModel.load(path, max_tensor_bytes=64)
    np.testing.assert_allclose(model.predict(EXAMPLES)["kind"], expected["kind"], rtol=1e-6)
    assert model.predict(EXAMPLES[:0])["kind"].shape == (0, 3)


def test_threads(path, expected):
    model = ServingModel.load(path)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: model.predict(EXAMPLES), range(12)):
            np.testing.assert_allclose(result["kind"], expected["kind"], rtol=1e-6)


@pytest.mark.parametrize("bad", [b"no example", b"\xff\xfe\xfd", b""])
def test_a_refused_example_is_found(path, bad):
    records = EXAMPLES.copy()
    records[17] = bad
    with pytest.raises(RefusedExampleError) as caught:
        predicted(path, records)
    assert caught.value.number == 17


@pytest.mark.parametrize(("values", "count"), [([], "no values"), ([1.0, 2.0], "2 values")])
def test_a_row_of_another_length_is_found(path, values, count):
    ages = [[x] for x in AGE]
    ages[13] = values
    column = pa.array(ages, pa.list_(pa.float32()))
    frame = pa.RecordBatch.from_arrays([column, *LISTS.columns[1:]], LISTS.schema.names)
    model = ServingModel.load(path, ModelSpec(signature_name="from_features"), 256)
    with pytest.raises(RefusedExampleError, match=f"'age' has {count} where .* takes 1") as caught:
        model.predict(frame)
    assert caught.value.number == 13


def test_preprocessing(path):
    names = ["transform_features", "tft_layer"]
    model = ServingModel.load(path, ModelSpec(preprocessing_function_names=names))
    assert model.takes_examples
    assert set(model.needed_columns) == {"age", "scores"}
    result = model.preprocess(EXAMPLES, LISTS)
    np.testing.assert_array_equal(result["old"], (AGE > 45).astype(np.int64))
    assert result["old"].dtype == np.int64
    assert result["word"].tolist() == WORDS.tolist()
    assert result["positive"].to_pylist() == [[x for x in row if x > 0] for row in SCORES.tolist()]
    np.testing.assert_array_equal(result["half"], AGE / 2)
    assert result["doubled"].to_pylist() == (SCORES * 2).tolist()
    assert ServingModel.load(path).preprocess(EXAMPLES) == {}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"signature_name": "clasify"},
            r"signature_name.*did you mean 'classify'.*serving_default",
        ),
        ({"prediction_key": "knd"}, r"prediction_key names 'knd'.*'kind'.*age, kind"),
        ({"prediction_keys": {"a": "b"}}, r"prediction_keys\['a'\] names 'b'.*age, kind"),
        ({"preprocessing_function_names": ["tft"]}, "names 'tft'.*signatures.*tft_layer"),
        ({"signature_name": "of_four"}, r"'age' of .*'of_four' is float32 \[4\]"),
    ],
)
def test_what_a_model_has_not(path, spec, words):
    with pytest.raises(ConfigError, match=words):
        ServingModel.load(path, ModelSpec(**spec))
    with pytest.raises(ConfigError, match=words):
        check_serving_model(path, ModelSpec(**spec))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"age": pa.float32(), "word": None}, "input 'scores'.*The data have: age, word"),
        (
            {"age": pa.string(), "scores": np.float64, "word": tf.string},
            "'age' takes floats.*type string",
        ),
        ({"age": np.int64, "scores": None, "word": pa.list_(pa.int64())}, "'word' takes strings"),
    ],
)
def test_columns_that_do_not_fit(path, columns, words):
    spec = ModelSpec(signature_name="from_features")
    with pytest.raises(ConfigError, match=words):
        check_serving_model(path, spec, columns)
    assert check_serving_model(path, spec, {field.name: field.type for field in LISTS.schema}) == (
        "tf_generic"
    )


def test_missing_data(path):
    with pytest.raises(ConfigError, match=r"takes serialized .* but the data are columns"):
        predicted(path, LISTS)
    with pytest.raises(ConfigError, match="takes the features age, scores, word"):
        predicted(path, EXAMPLES, signature_name="from_features")
    columns = pa.RecordBatch.from_arrays(LISTS.columns[:2], ["age", "scores"])
    with pytest.raises(ConfigError, match=r"'word'.*has no column.*have: age, scores"):
        predicted(path, columns, signature_name="from_features")


def test_outputs_that_are_not_of_rows(path):
    with pytest.raises(ModelError, match=r"output 'mean' has the shape \[\] for 23 rows"):
        predicted(path, FLAT, signature_name="mean")
    result = predicted(path, FLAT, signature_name="mean", prediction_key="age")
    np.testing.assert_array_equal(result[""], AGE.astype(np.float64))


def test_the_only_signature_is_the_default(module, tmp_path):
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    tf.saved_model.save(module, one, signatures={"mine": module.from_word})
    assert predicted(one, FLAT)[""].tolist() == [len(word) for word in WORDS]
    tf.saved_model.save(module, two, {"a": module.from_word, "b": module.mean})
    with pytest.raises(ConfigError, match=r"several signatures.*a, b.*signature_name"):
        ServingModel.load(two)


def test_closed(path):
    model = ServingModel.load(path)
    model.close()
    with pytest.raises(ModelError, match="closed"):
        model.predict(EXAMPLES)


@pytest.mark.parametrize("model_type", ["tf_lite", "tf_js", "tf_ranking", "keras"])
def test_other_types_are_refused(path, model_type):
    with pytest.raises(ConfigError, match=f"model_specs.model_type is '{model_type}'.*tf_keras"):
        model_kind(path, ModelSpec(model_type=model_type))


def test_kinds(path, tmp_path):
    assert model_kind(path, ModelSpec()) == "tf_generic"
    assert model_kind(path, ModelSpec(model_type="tf_keras")) == "tf_keras"
    assert not is_eval_saved_model(path)
    with pytest.raises(ModelError, match="there is no such directory"):
        model_kind(str(tmp_path / "none"), ModelSpec())
    with pytest.raises(ModelError, match="there is no such file"):
        check_serving_model(str(tmp_path / "none.keras"), ModelSpec())


@pytest.mark.parametrize(
    "name", ["dnn_binary_v2", "handmade_collections_tf1", "handmade_serve_tf1"]
)
def test_eval_saved_models_are_told(committed_model, name):
    path = str(committed_model(name).model_path)
    assert is_eval_saved_model(path)
    assert model_kind(path, ModelSpec()) == "tfma_eval"
    with pytest.raises(ConfigError, match=r"model_type is 'tf_keras', but .* an EvalSavedModel"):
        model_kind(path, ModelSpec(model_type="tf_keras"))
    with pytest.raises(ConfigError, match="evaluated as an EvalSavedModel"):
        check_serving_model(path, ModelSpec())
    with pytest.raises(ModelError, match="without a meta graph for serving"):
        ServingModel.load(path)


def functional(multi: bool) -> tf.keras.Model:
    tf.keras.utils.set_random_seed(3)
    inputs = {
        "age": tf.keras.Input([1], name="age"),
        "scores": tf.keras.Input([3], name="scores"),
    }
    hidden = tf.keras.layers.Concatenate()([inputs["scores"], inputs["age"]])
    first = tf.keras.layers.Dense(1, activation="sigmoid", name="first")(hidden)
    second = tf.keras.layers.Dense(4, activation="softmax", name="second")(hidden)
    return tf.keras.Model(inputs, {"click": first, "kind": second} if multi else second)


@pytest.mark.parametrize("multi", [False, True])
def test_files_of_keras(tmp_path, multi):
    model = functional(multi)
    path = os.path.join(tmp_path, "model.keras")
    model.save(path)
    assert check_serving_model(path, ModelSpec()) == "tf_keras"
    served = ServingModel.load(path)
    assert set(served.needed_columns) == {"age", "scores"}
    direct = model({"age": AGE[:, None], "scores": SCORES}, training=False)
    result = served.predict(FLAT)
    if multi:
        assert set(result) == {"click", "kind"}
        np.testing.assert_allclose(result["click"], direct["click"].numpy()[:, 0], rtol=1e-5)
        direct = direct["kind"]
    else:
        assert set(result) == {"", "second"}
    np.testing.assert_allclose(result["kind" if multi else ""], direct, rtol=1e-5)
    with pytest.raises(ConfigError, match=r"signature_name is set, but .* is a file of Keras"):
        ServingModel.load(path, ModelSpec(signature_name="serving_default"))


def test_exports_of_keras(tmp_path):
    tf.keras.utils.set_random_seed(3)
    layers = [tf.keras.layers.Dense(5, "tanh"), tf.keras.layers.Dense(1)]
    model = tf.keras.Sequential([tf.keras.Input([3], name="scores"), *layers])
    path = os.path.join(tmp_path, "export")
    model.export(path)
    served = ServingModel.load(path)
    (name,) = served.needed_columns
    frame = pa.RecordBatch.from_arrays([LISTS.column(1)], [name])
    np.testing.assert_allclose(served.predict(frame)[""], model(SCORES)[:, 0], rtol=1e-5)
