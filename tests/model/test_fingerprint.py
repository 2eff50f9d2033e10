"""Tensors that are always equal are known as one, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from microtome.model.fingerprint import Fingerprints
from microtome.model.plan import Path
from tests.model import graphs
from tests.model.graphs import v1, variable

pytestmark = pytest.mark.current


@pytest.fixture
def graph():
    with tf.Graph().as_default() as graph:
        v1.placeholder(tf.float32, [None, 2], name="x")
        v1.placeholder(tf.float32, [None, 2], name="y")
        yield graph


def x() -> tf.Tensor:
    return v1.get_default_graph().get_tensor_by_name("x:0")


def y() -> tf.Tensor:
    return v1.get_default_graph().get_tensor_by_name("y:0")


def after_another(tensor: tf.Tensor) -> tf.Tensor:
    with tf.control_dependencies([tf.square(tensor)]):
        return tf.abs(tensor)


def read_twice() -> Callable[[], tf.Tensor]:
    state = variable()
    return lambda: state.read_value() + 1


@pytest.mark.parametrize(
    "make",
    [
        x,
        lambda: tf.reduce_sum(x(), axis=1),
        lambda: tf.matmul(x(), y(), transpose_a=True),
        lambda: tf.split(x(), 2, axis=1)[1],
        lambda: tf.constant([1.0, 2.0]) * x(),
    ],
)
def test_made_twice_alike(graph, make):
    prints = Fingerprints()
    first, second = make(), make()
    assert prints.canonical(first) == prints.canonical(second) == first.name


def test_reads_of_one_variable(graph):
    prints, read = Fingerprints(), read_twice()
    assert prints.canonical(read()) == prints.canonical(read())


def test_control_inputs_do_not_count(graph):
    prints = Fingerprints()
    assert prints.canonical(tf.abs(x())) == prints.canonical(after_another(x()))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (x, y),
        (lambda: x() + y(), lambda: y() + x()),
        (lambda: tf.reduce_sum(x(), 1), lambda: tf.reduce_sum(x(), 0)),
        (lambda: tf.reduce_sum(x(), 1), lambda: tf.reduce_sum(x(), 1, keepdims=True)),
        (lambda: tf.reduce_sum(x()), lambda: tf.reduce_mean(x())),
        (
            lambda: tf.matmul(x(), y(), transpose_a=True),
            lambda: tf.matmul(x(), y(), transpose_b=True),
        ),
        (lambda: tf.split(x(), 2, axis=1)[0], lambda: tf.split(x(), 2, axis=1)[1]),
        (lambda: 2.0 * x(), lambda: 3.0 * x()),
        (lambda: tf.cast(x(), tf.int32), lambda: tf.cast(x(), tf.int64)),
        # another number at each call, though made by the same op
        (lambda: v1.random_uniform([2]), lambda: v1.random_uniform([2])),
        (lambda: v1.random_uniform([2], seed=1), lambda: v1.random_uniform([2], seed=1)),
        (lambda: read_twice()(), lambda: read_twice()()),
    ],
)
def test_made_otherwise(graph, first, second):
    prints = Fingerprints()
    assert prints.canonical(first()) != prints.canonical(second())


def test_deep_graphs(graph):
    """No recursion: models have chains of thousands of ops."""
    prints = Fingerprints()
    ends = []
    for _ in range(2):
        tensor = x()
        for _ in range(3000):
            tensor = tf.negative(tensor)
        ends.append(prints.canonical(tensor))
    assert ends[0] == ends[1]


def test_metrics_share_what_they_fetch():
    """Two curves of the same scores: one histogram for the hits, one for the rest."""

    def curves(x: tf.Tensor) -> dict[str, graphs.Metric]:
        made = {}
        for curve in ("ROC", "PR"):
            # each made anew, as heads do
            label, score, weight = x[:, 0] > 0, tf.sigmoid(x[:, 1]), tf.abs(x[:, 2])
            made[curve] = v1.metrics.auc(label, score, weight, curve=curve)
        made["mean"] = v1.metrics.mean(tf.sigmoid(x[:, 1]))
        made["again"] = v1.metrics.mean(tf.sigmoid(x[:, 1]))
        return made

    numbers = np.random.default_rng(1).integers(-16, 17, size=(50, 3)) / 8
    plan, found = graphs.evaluate(3, curves, graphs.examples(numbers))
    assert {metric.path for metric in plan.metrics} == {Path.CUT}
    assert len(plan.scattered) == 2
    assert len(plan.dense) == 1
    assert found[()]["mean"] == found[()]["again"]
