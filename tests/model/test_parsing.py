"""Which features a graph parses from its examples, and which of them examples have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import tensorflow as tf

from microtome.messages import nearest_feature
from microtome.model import parsing
from microtome.model.signature import read_signature

pytestmark = pytest.mark.current

SPEC = {
    "age": tf.io.FixedLenFeature([1], tf.float32),
    "language": tf.io.VarLenFeature(tf.string),
    "scores": tf.io.RaggedFeature(tf.float32),
}


def names(graph: tf.Graph) -> frozenset[str]:
    return parsing.parsed_names(graph.as_graph_def(), ["examples:0"])


@pytest.fixture
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


@pytest.fixture
def examples(graph) -> tf.Tensor:
    return tf.compat.v1.placeholder(tf.string, [None], name="examples")


def example(features: Mapping[str, Any]) -> bytes:
    message = tf.train.Example()
    for name, value in features.items():
        message.features.feature[name].float_list.value.append(value)
    return message.SerializeToString()


def test_all_kinds_of_features(graph, examples):
    tf.io.parse_example(examples, SPEC)
    assert names(graph) == set(SPEC)


def test_several_parsers_also_behind_other_ops(graph, examples):
    tf.io.parse_example(tf.identity(tf.reshape(examples, [-1])), {"age": SPEC["age"]})
    tf.io.parse_example(examples, {"a": SPEC["age"], "b": SPEC["age"]})
    assert names(graph) == {"age", "a", "b"}


def test_the_op_of_older_models(graph, examples):
    tf.raw_ops.ParseExample(
        serialized=examples,
        names=[],
        sparse_keys=["language"],
        dense_keys=["age", "height"],
        dense_defaults=[[0.0], [0.0]],
        sparse_types=[tf.string],
        dense_shapes=[[1], [1]],
    )
    assert names(graph) == {"age", "height", "language"}


def test_what_is_parsed_of_something_else(graph, examples):
    other = tf.compat.v1.placeholder(tf.string, [None], name="other")
    tf.io.parse_example(other, SPEC)
    tf.io.decode_csv(examples, [[0.0]])
    assert names(graph) == frozenset()


@pytest.mark.parametrize(
    "model", ["linear_binary_v1", "handmade_collections_tf1", "handmade_serve_tf1"]
)
def test_every_era(committed_model, model):
    signature = read_signature(committed_model(model).model_path)
    assert signature.parsed == set(signature.features) - {"age_group"}


def test_compared():
    parsed = frozenset(["a", "b"])
    assert parsing.compared(parsed, example({"a": 1, "b": 1, "c": 1})) == (
        "The model parses the features a, b."
    )
    assert parsing.compared(parsed, example({"b": 1, "c": 1})) == (
        "The model parses the features a, b. The example has not a; it has: b, c."
    )
    assert parsing.compared(parsed, example({"c": 1, "d": 1})) == (
        "The model parses the features a, b. The example has none of these; it has: c, d."
    )
    assert parsing.compared(parsed, b"poison") == "The model parses the features a, b."


def test_examples_of_other_features():
    parsed = frozenset(["a", "b"])
    other, empty = example({"c": 1}), example({})
    assert parsing.are_of_other_features(parsed, [other, empty])
    assert not parsing.are_of_other_features(parsed, [other, example({"b": 1})])
    # features that may be missing, and all are
    assert not parsing.are_of_other_features(parsed, [empty])
    assert not parsing.are_of_other_features(parsed, [b"poison"])
    # it is not known what the model parses
    assert not parsing.are_of_other_features(frozenset(), [other])


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("country", ["count", "country_xf", "country_bucket_xf"], "country_xf"),
        ("country_xf", ["count", "xf", "country"], "country"),
        ("carrier", ["xf/carrier", "carriage"], "xf/carrier"),
        ("contry", ["count", "country", "country_xf"], "country"),
        ("haul", ["distance"], None),
    ],
)
def test_the_nearest_feature(name, known, found):
    hint = f" (did you mean {found!r}?)" if found else ""
    assert nearest_feature(name, known) == hint
