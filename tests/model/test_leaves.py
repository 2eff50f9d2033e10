"""Every form of reduction over rows, cut, gives for each slice what numpy gives for its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from microtome.errors import DataError, RefusedExampleError
from microtome.model.evaluator import ModelEvaluator
from microtome.model.plan import Path
from tests.model import graphs
from tests.model.graphs import summed, v1, variable

pytestmark = pytest.mark.current

WIDTH, GROUPS = 6, 5
# two of them equal scores of rows, none in order
THRESHOLDS = [0.5, -1.0, 1.75, -0.3, 0.0, 2.5, -2.5, 1.0, 0.125]
INTEGERS = [0, 3, -8, 20, 16, 1, 2, -16]


def rows_of_numbers() -> tuple[np.ndarray, np.ndarray]:
    """Multiples of 1/8 from -2 to 2, so that 32-bit sums and products of them are exact."""
    rng = np.random.default_rng(5)
    numbers = rng.integers(-16, 17, size=(90, WIDTH)) / 8
    groups = rng.integers(0, GROUPS - 1, size=90)
    groups[7] = GROUPS - 1  # a slice of one row
    return numbers, groups


def ids_of(x: Any, lib: Any) -> Any:
    """A segment from -2 to 2 for each number, of a tensor or an array."""
    return lib.floor(x)


def nan_where_high(x: Any, lib: Any) -> Any:
    return lib.where(x > 1.5, float("nan") * lib.ones_like(x), x)


def segments(ids: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Sums `values`, by id along the first axis; negative ids are dropped."""
    found = np.zeros((count, *values.shape[1:]))
    for i, value in zip(ids.astype(int), values, strict=True):
        if i >= 0:
            found[i] += value
    return found


def at_thresholds(compare: Callable[..., Any], score: Any, thresholds: Any) -> np.ndarray:
    """`[thresholds, rows]` of 0 and 1."""
    with np.errstate(invalid="ignore"):
        return compare(score[np.newaxis], np.asarray(thresholds)[:, np.newaxis]).astype(float)


def tile(
    compare: Callable[..., tf.Tensor],
    score: tf.Tensor,
    factor: tf.Tensor | None = None,
    negate: bool = False,
    swapped: bool = False,
) -> tf.Tensor:
    """Sums over rows of `factor` where the score and the thresholds compare, as tf.metrics does."""
    flat = tf.reshape(score, [1, -1])
    column = tf.constant(THRESHOLDS)[:, tf.newaxis]
    scores = tf.tile(flat, [len(THRESHOLDS), 1])
    thresholds = tf.tile(column, tf.stack([1, tf.shape(flat)[1]]))
    held = compare(thresholds, scores) if swapped else compare(scores, thresholds)
    held = tf.logical_not(held) if negate else held
    tiled = tf.cast(held, tf.float32)
    if factor is not None:
        tiled *= tf.tile(tf.reshape(factor, [1, -1]), [len(THRESHOLDS), 1])
    return tf.reduce_sum(tiled, axis=1)


def integer_tile(x: tf.Tensor) -> tf.Tensor:
    scores = tf.cast(8 * x, tf.int32)[tf.newaxis, :]
    held = tf.greater_equal(tf.tile(scores, [len(INTEGERS), 1]), tf.constant(INTEGERS)[:, None])
    return tf.reduce_sum(tf.cast(held, tf.float32), axis=1)


def masked_tile(x: tf.Tensor) -> tf.Tensor:
    """As tf.metrics.auc has it: conditions and weights joined before the sum."""
    size = [len(THRESHOLDS), 1]
    label = tf.tile(tf.cast(x[:, 1:2] > 0, tf.bool)[tf.newaxis, :, 0], size)
    scores = tf.tile(tf.reshape(x[:, 0], [1, -1]), size)
    above = tf.greater(scores, tf.constant(THRESHOLDS)[:, tf.newaxis])
    hits = tf.cast(tf.logical_and(label, tf.logical_not(above)), tf.float32)
    return tf.reduce_sum(hits * tf.tile(tf.reshape(x[:, 2], [1, -1]), size), axis=1)


def scattered(x: tf.Tensor, scatter: Callable[..., Any], resource: bool) -> graphs.Metric:
    """Adds rows to the lines of a variable without a dense sum between."""
    state = variable([3, 2], resource=resource)
    index = tf.cast(tf.abs(ids_of(x[:, 0], tf)), tf.int32)
    update = scatter(state, index, x[:, 1:3])
    return tf.identity(state.read_value()), tf.convert_to_tensor(update)


def scatter_nd(x: tf.Tensor) -> tf.Tensor:
    index = tf.cast(tf.abs(ids_of(x[:, :2], tf)), tf.int64)
    return tf.scatter_nd(index, x[:, 2:4], tf.constant([3, 3, 2], tf.int64))


def scatter_nd_of(x: np.ndarray) -> np.ndarray:
    found = np.zeros((3, 3, 2))
    for row in x:
        first, second = np.abs(np.floor(row[:2])).astype(int)
        found[first, second] += row[2:4]
    return found


def subtracted(x: tf.Tensor) -> graphs.Metric:
    state = variable([WIDTH], initial=7)
    update = state.assign_sub(tf.reduce_sum(x, axis=0))
    return tf.identity(state.read_value()), tf.convert_to_tensor(update)


def twice_written(x: tf.Tensor) -> graphs.Metric:
    state = variable()
    with tf.control_dependencies([state.assign_add(tf.reduce_sum(x[:, 0]))]):
        update = tf.convert_to_tensor(state.assign_sub(tf.reduce_sum(x[:, 1])))
    return tf.identity(state.read_value()), update


def count_of(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.size(x), tf.float32)


# name: (what is added to the metric's variable, what numpy makes of the rows of a slice)
ADDED: dict[str, tuple[Callable[[Any], Any], Callable[[np.ndarray], Any]]] = {
    "all axes": (tf.reduce_sum, np.sum),
    "rows": (lambda x: tf.reduce_sum(x, axis=0), lambda x: x.sum(axis=0)),
    "rows, kept": (
        lambda x: tf.reduce_sum(x, axis=0, keepdims=True),
        lambda x: x.sum(axis=0, keepdims=True),
    ),
    "all axes, kept": (
        lambda x: tf.reduce_sum(x, keepdims=True),
        lambda x: x.sum(keepdims=True),
    ),
    "rows last": (
        lambda x: tf.reduce_sum(tf.transpose(x), axis=-1),
        lambda x: x.sum(axis=0),
    ),
    "rows and an inner axis": (
        lambda x: tf.reduce_sum(tf.reshape(x, [-1, 3, 2]), axis=[0, 2]),
        lambda x: x.reshape(-1, 3, 2).sum(axis=(0, 2)),
    ),
    "rows and a middle axis, kept": (
        lambda x: tf.reduce_sum(tf.reshape(x, [-1, 3, 2]), axis=[1, 0], keepdims=True),
        lambda x: x.reshape(-1, 3, 2).sum(axis=(0, 1), keepdims=True),
    ),
    "rows in the middle": (
        lambda x: tf.reduce_sum(tf.transpose(tf.reshape(x, [-1, 3, 2]), [1, 0, 2]), axis=1),
        lambda x: x.reshape(-1, 3, 2).sum(axis=0),
    ),
    "dynamic axes": (
        lambda x: tf.ensure_shape(tf.reduce_sum(x, axis=tf.range(tf.rank(x) - 1)), [WIDTH]),
        lambda x: x.sum(axis=0),
    ),
    "flattened": (
        lambda x: tf.reduce_sum(tf.reshape(x, [-1])),
        np.sum,
    ),
    "stacked by column": (
        lambda x: tf.reduce_sum(tf.square(tf.concat([x[:, 0], x[:, 1]], axis=0))),
        lambda x: np.sum(x[:, :2] ** 2),
    ),
    "mean of each row": (
        lambda x: tf.reduce_sum(tf.reduce_mean(tf.reshape(x[:, :4], [-1, 2, 2]), axis=[1, 2])),
        lambda x: np.sum(x[:, :4].mean(axis=1)),
    ),
    "mean times count": (
        lambda x: tf.reduce_mean(x[:, :4]) * count_of(x[:, :4]),
        lambda x: np.sum(x[:, :4]),
    ),
    "size": (lambda x: count_of(x), lambda x: x.size),
    "shape": (
        lambda x: tf.cast(tf.shape(tf.reshape(x, [-1, 3, 2]))[0], tf.float32),
        len,
    ),
    "shape, all of it": (
        lambda x: tf.reduce_prod(tf.cast(tf.shape(x), tf.float32)),
        lambda x: x.size,
    ),
    "number that hold": (
        lambda x: tf.math.count_nonzero(x > 0, dtype=tf.int64),
        lambda x: np.sum(x > 0),
    ),
    "linear after the sum": (
        lambda x: 0.5 * tf.reduce_sum(x[:, 0]) - tf.reduce_sum(x[:, 1]) / 4.0,
        lambda x: 0.5 * np.sum(x[:, 0]) - np.sum(x[:, 1]) / 4,
    ),
    "cumulated": (
        lambda x: tf.cumsum(tf.reduce_sum(x, axis=0), reverse=True),
        lambda x: np.cumsum(x.sum(axis=0)[::-1])[::-1],
    ),
    "gram matrix": (
        lambda x: tf.matmul(x, x[:, :2], transpose_a=True),
        lambda x: x.T @ x[:, :2],
    ),
    "gram matrix, transposed": (
        lambda x: tf.matmul(tf.transpose(x[:, :3]), tf.transpose(x), transpose_b=True),
        lambda x: x[:, :3].T @ x,
    ),
    "dot product": (
        lambda x: tf.tensordot(x[:, 0], x[:, 1], axes=1),
        lambda x: x[:, 0] @ x[:, 1],
    ),
    "segments": (
        lambda x: tf.math.unsorted_segment_sum(x[:, 1], tf.cast(ids_of(x[:, 0], tf), tf.int32), 3),
        lambda x: segments(ids_of(x[:, 0], np), x[:, 1], 3),
    ),
    "segments of vectors": (
        lambda x: tf.math.unsorted_segment_sum(
            tf.reshape(x[:, 1:5], [-1, 2, 2]), tf.cast(ids_of(x[:, 0], tf), tf.int64), 4
        ),
        lambda x: segments(ids_of(x[:, 0], np), x[:, 1:5].reshape(-1, 2, 2), 4),
    ),
    "segments of several a row": (
        lambda x: tf.math.unsorted_segment_sum(tf.square(x), tf.cast(ids_of(x, tf), tf.int32), 3),
        lambda x: segments(ids_of(x, np).reshape(-1), np.square(x).reshape(-1), 3),
    ),
    "segments, transposed": (
        lambda x: tf.math.unsorted_segment_sum(
            tf.transpose(x), tf.cast(ids_of(tf.transpose(x), tf), tf.int32), 3
        ),
        lambda x: segments(ids_of(x, np).reshape(-1), x.reshape(-1), 3),
    ),
    "segments, cumulated": (
        lambda x: tf.cumsum(
            tf.math.unsorted_segment_sum(x[:, 1], tf.cast(ids_of(x[:, 0], tf), tf.int32), 3),
            reverse=True,
        ),
        lambda x: np.cumsum(segments(ids_of(x[:, 0], np), x[:, 1], 3)[::-1])[::-1],
    ),
    "scatter_nd": (scatter_nd, scatter_nd_of),
    "confusion matrix": (
        lambda x: tf.math.confusion_matrix(
            tf.abs(ids_of(x[:, 0], tf)), tf.abs(ids_of(x[:, 1], tf)), 3, x[:, 2], tf.float32
        ),
        lambda x: scatter_nd_of(np.column_stack([x[:, :3], x[:, 2]]))[..., 0],
    ),
    "tile >": (
        lambda x: tile(tf.greater, x[:, 0], x[:, 1]),
        lambda x: at_thresholds(np.greater, x[:, 0], THRESHOLDS) @ x[:, 1],
    ),
    "tile >=": (
        lambda x: tile(tf.greater_equal, x[:, 0], x[:, 1]),
        lambda x: at_thresholds(np.greater_equal, x[:, 0], THRESHOLDS) @ x[:, 1],
    ),
    "tile <": (
        lambda x: tile(tf.less, x[:, 0], x[:, 1]),
        lambda x: at_thresholds(np.less, x[:, 0], THRESHOLDS) @ x[:, 1],
    ),
    "tile <=": (
        lambda x: tile(tf.less_equal, x[:, 0]),
        lambda x: at_thresholds(np.less_equal, x[:, 0], THRESHOLDS).sum(axis=1),
    ),
    "tile, not >": (
        lambda x: tile(tf.greater, x[:, 0], x[:, 1], negate=True),
        lambda x: at_thresholds(np.less_equal, x[:, 0], THRESHOLDS) @ x[:, 1],
    ),
    "tile, thresholds first": (
        lambda x: tile(tf.less, x[:, 0], x[:, 1], swapped=True),
        lambda x: at_thresholds(np.greater, x[:, 0], THRESHOLDS) @ x[:, 1],
    ),
    "tile >, NaN": (
        lambda x: tile(tf.greater, nan_where_high(x[:, 0], tf)),
        lambda x: at_thresholds(np.greater, nan_where_high(x[:, 0], np), THRESHOLDS).sum(axis=1),
    ),
    "tile <=, NaN": (
        lambda x: tile(tf.less_equal, nan_where_high(x[:, 0], tf), x[:, 1]),
        lambda x: at_thresholds(np.less_equal, nan_where_high(x[:, 0], np), THRESHOLDS) @ x[:, 1],
    ),
    "tile, not >, NaN": (
        lambda x: tile(tf.greater, nan_where_high(x[:, 0], tf), negate=True),
        lambda x: np.sum(
            1 - at_thresholds(np.greater, nan_where_high(x[:, 0], np), THRESHOLDS), axis=1
        ),
    ),
    "tile of integers": (
        lambda x: integer_tile(x[:, 0]),
        lambda x: at_thresholds(np.greater_equal, 8 * x[:, 0], INTEGERS).sum(axis=1),
    ),
    "tile of several a row": (
        lambda x: tile(tf.greater, x[:, :3], x[:, 3:]),
        lambda x: (
            at_thresholds(np.greater, x[:, :3].reshape(-1), THRESHOLDS) @ x[:, 3:].reshape(-1)
        ),
    ),
    "tile of stacked columns": (
        lambda x: tile(
            tf.greater,
            tf.concat([x[:, 0], x[:, 1]], axis=0),
            tf.concat([x[:, 2], x[:, 3]], axis=0),
        ),
        lambda x: (
            at_thresholds(np.greater, x[:, :2].T.reshape(-1), THRESHOLDS) @ x[:, 2:4].T.reshape(-1)
        ),
    ),
    "tile of conditions": (
        masked_tile,
        lambda x: (1 - at_thresholds(np.greater, x[:, 0], THRESHOLDS)) @ (x[:, 2] * (x[:, 1] > 0)),
    ),
}
# what makes the metric, what numpy makes of the rows
MADE: dict[str, tuple[Callable[[Any], graphs.Metric], Callable[[np.ndarray], Any]]] = {
    "from -1": (lambda x: summed(tf.reduce_sum(x), initial=-1), lambda x: x.sum() - 1),
    "ref variable": (
        lambda x: summed(tf.reduce_sum(x, axis=0), resource=False),
        lambda x: x.sum(axis=0),
    ),
    "64-bit variable": (
        lambda x: summed(tf.reduce_sum(tf.cast(x, tf.float64))),
        np.sum,
    ),
    "assign_sub": (subtracted, lambda x: 7 - x.sum(axis=0)),
    "two writes": (twice_written, lambda x: x[:, 0].sum() - x[:, 1].sum()),
    "scatter_add": (
        lambda x: scattered(x, v1.scatter_add, resource=False),
        lambda x: segments(np.abs(ids_of(x[:, 0], np)), x[:, 1:3], 3),
    ),
    "scatter_sub, resource": (
        lambda x: scattered(x, v1.scatter_sub, resource=True),
        lambda x: -segments(np.abs(ids_of(x[:, 0], np)), x[:, 1:3], 3),
    ),
    "integer variable": (
        lambda x: summed(tf.reduce_sum(tf.cast(x > 0, tf.int32), axis=0)),
        lambda x: np.sum(x > 0, axis=0),
    ),
}
ORACLES = {name: oracle for name, (_, oracle) in {**ADDED, **MADE}.items()}
# cut, but what batches add is not summed up in the graph as these metrics have it
ONE_BATCH = {"mean times count"}


@pytest.fixture(scope="module")
def planned():
    """The metrics above of one model, its plan, and all their values, in batches of 32 rows."""

    def metrics(x: tf.Tensor) -> dict[str, graphs.Metric]:
        made = {name: summed(add(x)) for name, (add, _) in ADDED.items()}
        return made | {name: make(x) for name, (make, _) in MADE.items()}

    numbers, groups = rows_of_numbers()
    return graphs.evaluate(WIDTH, metrics, graphs.examples(numbers, groups), 32)


@pytest.mark.parametrize("name", ORACLES)
def test_sums_are_exact_in_every_slice(planned, name):
    _, found = planned
    numbers, groups = rows_of_numbers()
    assert len(found) == GROUPS + 1
    for key, metrics in found.items():
        rows = numbers if not key else numbers[groups == key[0][1]]
        expected = np.asarray(ORACLES[name](rows), np.float64)
        assert np.shape(metrics[name]) == expected.shape
        np.testing.assert_allclose(metrics[name], expected, rtol=1e-12, atol=1e-12)
        assert metrics["post_export_metrics/example_count"] == len(rows)


@pytest.mark.parametrize("name", ORACLES)
def test_is_cut(planned, name):
    plan, _ = planned
    (metric,) = (metric for metric in plan.metrics if metric.name == name)
    expected = Path.ONE_BATCH if name in ONE_BATCH else Path.CUT
    assert (metric.path, bool(metric.reason)) == (expected, name in ONE_BATCH)


@pytest.mark.parametrize(
    "add",
    [
        lambda x: tf.math.unsorted_segment_sum(x[:, 1], tf.cast(x[:, 0], tf.int32), 3),
        lambda x: tf.scatter_nd(tf.cast(x[:, :2], tf.int32), x[:, 0], [3, 2]),
        lambda x: tf.scatter_nd(tf.cast(x[:, :1] - 1, tf.int64), x, [5, 3]),
    ],
)
def test_indices_out_of_range_are_refused_as_by_the_graph(add):
    """One place too far, and one below the first."""

    def metrics(x: tf.Tensor) -> dict[str, graphs.Metric]:
        return {"sums": summed(add(x))}

    right = [[1, 1, 0], [2, 0, 0], [2, 1, 0]]
    plan, _ = graphs.evaluate(3, metrics, graphs.examples(right))
    assert plan.on(Path.CUT) == ("sums",)
    evaluator = ModelEvaluator(graphs.make_model(3, metrics), plan, ["group"])
    with pytest.raises(DataError, match=r"An index of .* is outside its") as caught:
        graphs.metrics_by_slice(evaluator, plan, graphs.examples([*right, [0, 2, 0], [3, 0, 0]]))
    assert isinstance(caught.value.__cause__, RefusedExampleError)
    wrong = caught.value.__cause__.number
    model = graphs.make_model(3, metrics)
    update = model.metrics["sums"][1]
    wrong_row = graphs.examples([[0, 2, 0], [3, 0, 0]])[wrong - 3]
    with pytest.raises(tf.errors.InvalidArgumentError):
        model.session.run(update, {model.inputs[0]: [wrong_row]})


def test_tiles_are_fetched_as_histograms(planned):
    """A tile of thresholds × rows is never fetched: one bin and one factor an element are."""
    plan, _ = planned
    widest = max(leaf.width for leaf in plan.dense)
    assert widest < WIDTH * WIDTH
    bins = [leaf.bins for leaf in plan.scattered]
    assert bins.count(len(THRESHOLDS) + 1) >= 10
    assert bins.count(len(INTEGERS) + 1) == 1
