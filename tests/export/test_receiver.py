"""What an EvalInputReceiver puts into the signature and the graph, and what it refuses."""

from __future__ import annotations

import pytest
import tensorflow as tf

from microtome.errors import ConfigError
from microtome.export import EvalInputReceiver, build_parsing_eval_input_receiver_fn
from microtome.version import __version__

pytestmark = pytest.mark.current

SPEC = {
    "age": tf.io.FixedLenFeature([1], tf.float32),
    "language": tf.io.VarLenFeature(tf.string),
    "scores": tf.io.RaggedFeature(tf.float32),
    "label": tf.io.FixedLenFeature([1], tf.float32),
}


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


@pytest.fixture
def examples(graph) -> tf.Tensor:
    return tf.compat.v1.placeholder(tf.string, [None], name="examples")


@pytest.fixture
def parsed(examples) -> dict:
    return tf.io.parse_example(examples, SPEC)


def receiver(examples, features, **more) -> EvalInputReceiver:
    return EvalInputReceiver(features=features, receiver_tensors={"examples": examples}, **more)


def evaluated(tensor: tf.Tensor, feed=None):
    with tf.compat.v1.Session() as session:
        return session.run(tensor, feed)


def test_signature_keys(examples, parsed):
    made = receiver(examples, parsed, labels=parsed["label"]).receiver_tensors
    assert set(made) == {
        "inputs/examples",
        "features/age",
        "features/language",
        "features/scores",
        "features/label",
        "labels",
        "input_refs",
        "tfma/version",
        "microtome/version",
    }
    assert made["inputs/examples"] is examples
    assert made["features/age"] is parsed["age"]
    assert made["labels"] is parsed["label"]
    assert evaluated(made["tfma/version"]) == b"0.46.0"
    assert evaluated(made["microtome/version"]) == __version__.encode()


def test_input_refs_count_the_examples(examples, parsed):
    refs = receiver(examples, parsed).receiver_tensors["input_refs"]
    assert refs.dtype == tf.int32
    assert evaluated(refs, {examples: [b"", b"", b""]}).tolist() == [0, 1, 2]


def test_labels_by_name(examples, parsed):
    made = receiver(examples, parsed, labels={"one": parsed["label"], "labels": parsed["age"]})
    assert made.receiver_tensors["labels/one"] is parsed["label"]
    assert made.receiver_tensors["labels/labels"] is parsed["age"]
    assert set(made.labels) == {"one", "labels"}


def test_no_labels(examples, parsed):
    made = receiver(examples, parsed)
    assert made.labels is None
    assert not [key for key in made.receiver_tensors if key.startswith("labels")]


def test_bare_features(examples, parsed):
    made = receiver(examples, parsed["age"], labels=parsed["label"])
    assert made.receiver_tensors["features"] is parsed["age"]
    assert isinstance(made.features, tf.Tensor)


def test_names_that_begin_like_their_group_keep_their_prefix(examples, parsed):
    features = {"features": parsed["age"], "features_x": parsed["language"]}
    made = receiver(examples, features).receiver_tensors
    assert {"features/features", "features/features_x"} <= set(made)


def test_the_model_gets_copies(examples, parsed):
    made = receiver(examples, parsed, labels=parsed["label"])
    assert made.features["age"] is not parsed["age"]
    assert isinstance(made.features["language"], tf.SparseTensor)
    assert isinstance(made.features["scores"], tf.RaggedTensor)
    # fed and fetched at once, as a session does not allow for one tensor
    fed = made.receiver_tensors["features/age"]
    assert evaluated(made.features["age"], {fed: [[3.0]]}).tolist() == [[3.0]]
    assert made.labels is not parsed["label"]


def test_collections_of_old_readers(graph, examples, parsed):
    receiver(examples, parsed, labels={"one": parsed["label"]})
    # the second replaces the first
    receiver(examples, {"age": parsed["age"]}, labels=parsed["label"])
    found = {name: graph.get_collection(name) for name in graph.get_all_collection_keys()}
    base = "evaluation_only/label_graph"
    assert found[f"{base}/features/key"] == [b"$Bytes$age"]
    assert found[f"{base}/labels/key"] == [b"$Bytes$__labels"]
    assert found["evaluation_only/metadata/tfma_version"] == [b"0.46.0"]
    (packed,) = found[f"{base}/features/node"]
    assert packed.type_url == "type.googleapis.com/tensorflow.TensorInfo"
    info = tf.compat.v1.saved_model.build_tensor_info(parsed["age"])
    assert type(info).FromString(packed.value) == info
    (packed,) = found[f"{base}/example_ref"]
    assert type(info).FromString(packed.value).name == "range_1:0"


def test_iterator_initializer_is_named(examples, parsed):
    refs = tf.constant([0, 0])
    initializer = tf.no_op(name="start")
    for given in (initializer, "start"):
        made = receiver(examples, parsed, input_refs=refs, iterator_initializer=given)
        assert evaluated(made.receiver_tensors["iterator_initializer"]) == b"start"
        assert made.receiver_tensors["input_refs"] is refs


def test_parsing_receiver(graph):
    made = build_parsing_eval_input_receiver_fn(SPEC, "label")()
    assert made.receiver_tensors["inputs/examples"].name == "input_example_tensor:0"
    assert made.receiver_tensors["labels"] is made.receiver_tensors["features/label"]
    assert set(made.features) == set(SPEC)
    assert build_parsing_eval_input_receiver_fn(SPEC, None)().labels is None


def test_parsing_receiver_without_that_label():
    with pytest.raises(ConfigError, match=r"'lable' is not in the feature spec.*age, label"):
        build_parsing_eval_input_receiver_fn(SPEC, "lable")


@pytest.mark.parametrize(
    ("receiver_tensors", "match"),
    [
        ({}, "keys given are none"),
        ({"x": None}, "keys given are 'x'"),
        ({"examples": None, "x": None}, "keys given are 'examples', 'x'"),
        ({"examples": b"text"}, "is a bytes"),
        (None, "is a NoneType"),
    ],
)
def test_receiver_tensors_must_be_examples(parsed, receiver_tensors, match):
    with pytest.raises(ConfigError, match=match):
        EvalInputReceiver(features=parsed, receiver_tensors=receiver_tensors)


def test_examples_must_be_a_row_of_strings(parsed):
    for wrong in (tf.constant(1.0), tf.constant([["a"]]), tf.constant([1])):
        with pytest.raises(ConfigError, match="string placeholder of shape"):
            receiver(wrong, parsed)


def test_features_and_labels_must_be_tensors(examples, parsed):
    with pytest.raises(ConfigError, match=r"features\['age'\].* it is a list"):
        receiver(examples, {"age": [1.0]})
    with pytest.raises(ConfigError, match="string names; not 3"):
        receiver(examples, {3: parsed["age"]})
    with pytest.raises(ConfigError, match=r"labels of an .* not a str"):
        receiver(examples, parsed, labels="label")


def test_input_refs_must_be_a_row_of_ints(examples, parsed):
    for wrong in ([0, 1], tf.constant([0.5]), tf.constant([[1]])):
        with pytest.raises(ConfigError, match="input_refs must be an int tensor"):
            receiver(examples, parsed, input_refs=wrong)


def test_an_iterator_needs_input_refs(examples, parsed):
    with pytest.raises(ConfigError, match="needs input_refs"):
        receiver(examples, parsed, iterator_initializer="start")


def test_arguments_are_keywords(examples, parsed):
    with pytest.raises(TypeError, match=r"EvalInputReceiver\(features=\.\.\., receiver_tensors="):
        EvalInputReceiver(parsed, {"examples": examples})
