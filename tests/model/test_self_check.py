"""A leaf that is wrong is found out on the first rows, and its metrics go to the graph itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from microtome.model import check, leaves
from microtome.model.plan import Path
from tests.model import graphs
from tests.model.graphs import summed

pytestmark = pytest.mark.current

THRESHOLDS = np.linspace(-2, 2, 9)


def tiled(x: tf.Tensor) -> tf.Tensor:
    size = [len(THRESHOLDS), 1]
    scores = tf.tile(tf.reshape(x[:, 0], [1, -1]), size)
    held = tf.greater(scores, tf.constant(THRESHOLDS[:, np.newaxis], tf.float32))
    return tf.reduce_sum(tf.cast(held, tf.float32), axis=1)


# the leaf that each metric's update is made of
BY_LEAF = {
    leaves.RowSum: (lambda x: tf.reduce_sum(x, axis=0), lambda x: x.sum(axis=0)),
    leaves.OuterSum: (lambda x: tf.matmul(x, x, transpose_a=True), lambda x: x.T @ x),
    leaves.RowCount: (lambda x: tf.cast(tf.size(x), tf.float32), lambda x: x.size),
    leaves.SegmentSum: (
        lambda x: tf.math.unsorted_segment_sum(x[:, 1], tf.cast(x[:, 0] > 0, tf.int32), 2),
        lambda x: np.array([x[x[:, 0] <= 0, 1].sum(), x[x[:, 0] > 0, 1].sum()]),
    ),
    leaves.ThresholdCounts: (tiled, lambda x: np.sum(x[:, 0] > THRESHOLDS[:, None], axis=1)),
}
NAMES = {leaf: leaf.__name__ for leaf in BY_LEAF}


def metrics(x: tf.Tensor) -> dict[str, graphs.Metric]:
    return {NAMES[leaf]: summed(add(x)) for leaf, (add, _) in BY_LEAF.items()}


def rows_of_numbers() -> np.ndarray:
    return np.random.default_rng(6).integers(-16, 17, size=(40, 2)) / 8


def check_values(found: dict) -> None:
    for leaf, (_, oracle) in BY_LEAF.items():
        np.testing.assert_allclose(found[()][NAMES[leaf]], oracle(rows_of_numbers()), 1e-12)


def test_right_leaves_pass():
    plan, found = graphs.evaluate(2, metrics, graphs.examples(rows_of_numbers()))
    assert {metric.path for metric in plan.metrics} == {Path.CUT}
    check_values(found)


@pytest.mark.parametrize("wrong", BY_LEAF, ids=NAMES.values())
def test_wrong_leaf(wrong, monkeypatch):
    right = wrong.rebuild
    monkeypatch.setattr(wrong, "rebuild", lambda self, sums, rows: 2 * right(self, sums, rows) + 1)
    plan, found = graphs.evaluate(2, metrics, graphs.examples(rows_of_numbers()))
    paths = {metric.name: (metric.path, metric.reason) for metric in plan.metrics}
    path, reason = paths.pop(NAMES[wrong])
    assert path is Path.REFERENCE_SUMS
    assert reason.startswith("the cut gives ")
    assert " where the graph gives " in reason
    assert set(paths.values()) == {(Path.CUT, "")}
    check_values(found)


def test_wrong_leaf_of_small_numbers(monkeypatch):
    """A wrong hundredth of a millionth is wrong where a millionth is all there is."""
    right = leaves.RowSum.rebuild
    monkeypatch.setattr(
        leaves.RowSum, "rebuild", lambda self, sums, rows: 1.01 * right(self, sums, rows)
    )
    plan, _ = graphs.evaluate(
        2,
        lambda x: {"small": summed(1e-9 * tf.reduce_sum(tf.abs(x)))},
        graphs.examples(rows_of_numbers()),
    )
    assert plan.on(Path.REFERENCE_SUMS) == ("small",)


def test_a_row_that_goes_to_another_slice(monkeypatch):
    """Rows told apart wrongly are right in sum: groups of rows show it."""
    fetch = leaves.RowSum.fetch
    monkeypatch.setattr(
        leaves.RowSum, "fetch", lambda self, graph: tf.roll(fetch(self, graph), 1, axis=0)
    )
    plan, found = graphs.evaluate(2, metrics, graphs.examples(rows_of_numbers()))
    (metric,) = (metric for metric in plan.metrics if metric.name == "RowSum")
    assert metric.path is Path.REFERENCE_SUMS
    check_values(found)


@pytest.mark.parametrize(
    ("a", "b", "scale", "expected"),
    [
        (1.0005, 1.0, 1.0, True),
        (1.005, 1.0, 1.0, False),
        # next to nothing, beside others
        (1e-7, 0.0, 1.0, True),
        (1e-7, 0.0, 1e-4, False),
        (1e-17, 0.0, 0.0, True),
        ([1.0, 1e-7], [1.0, 0.0], [1.0, 1.0], True),
        ([1.0, 1e-7], [1.0, 0.0], [1.0, 1e-4], False),
        (np.nan, np.nan, 1.0, True),
        (np.nan, 1.0, 1.0, False),
        (1.0, np.nan, 1.0, False),
        (np.inf, np.inf, 1.0, True),
        (5.0, np.inf, 1.0, False),
        (-np.inf, np.inf, 1.0, False),
        ([1.0], 1.0, 1.0, False),
        (b"few", b"few", 0.0, True),
        (b"few", b"many", 0.0, False),
    ],
)
def test_close(a, b, scale, expected):
    assert check.close(a, b, scale) is expected


def test_layout_is_found_out():
    """Elements of a row that stand apart, one batch of them after the other."""

    def stacked(x: tf.Tensor) -> dict[str, graphs.Metric]:
        columns = tf.concat([x[:, 0], 10 * x[:, 1]], axis=0)
        pairs = tf.reshape(x, [-1])
        return {
            "stacked": summed(tf.reduce_sum(tf.square(columns))),
            "interleaved": summed(tf.reduce_sum(tf.square(pairs))),
        }

    plan, found = graphs.evaluate(2, stacked, graphs.examples(rows_of_numbers(), np.arange(40) % 3))
    layouts = {leaf.layout for leaf in plan.dense}
    assert layouts == {
        leaves.RowLayout(2, interleaved=True),
        leaves.RowLayout(2, interleaved=False),
    }
    for key, values in found.items():
        rows = rows_of_numbers()
        rows = rows if not key else rows[np.arange(40) % 3 == key[0][1]]
        assert values["stacked"] == pytest.approx(np.sum((rows * [1, 10]) ** 2), rel=1e-12)
        assert values["interleaved"] == pytest.approx(np.sum(rows**2), rel=1e-12)


def test_leaves_are_plain_data():
    """They travel to workers, which add the same ops to their own copy of the graph."""
    plan, _ = graphs.evaluate(2, metrics, graphs.examples(rows_of_numbers()))
    for leaf in (*plan.dense, *plan.scattered):
        assert dataclasses.replace(leaf) == leaf
        assert hash(leaf)
