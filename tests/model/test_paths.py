"""What cannot be cut takes the path it needs, says why, and is right.

The oracle is the graph itself, run on all rows of a slice in one batch, and numpy where the graph
gives no value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from microtome.model.evaluator import ModelEvaluator
from microtome.model.plan import Path
from microtome.model.planning import make_plan
from tests.model import graphs
from tests.model.graphs import summed, v1, variable

pytestmark = pytest.mark.current

WIDTH = 3


def assigned_maximum(x: tf.Tensor) -> graphs.Metric:
    state = variable(initial=-9)
    update = state.assign(tf.maximum(state.read_value(), tf.reduce_max(x)))
    return tf.identity(state.read_value()), tf.identity(update)


def running_mean(x: tf.Tensor) -> graphs.Metric:
    """What is added depends on the mean so far."""
    count, mean = variable(), variable()
    before = [tf.identity(count.read_value()), tf.identity(mean.read_value())]
    rows = tf.cast(tf.shape(x)[0], tf.float32)
    with tf.control_dependencies(before):
        delta = (tf.reduce_mean(x[:, 0]) - before[1]) * rows / (before[0] + rows)
        update = tf.group(count.assign_add(rows), mean.assign_add(delta))
    with tf.control_dependencies([update]):
        updated = tf.identity(rows)
    return tf.identity(mean.read_value()), updated


def read_after_update(x: tf.Tensor) -> graphs.Metric:
    """The value cannot be read without a batch."""
    _, update = summed(tf.reduce_sum(x))
    return tf.identity(update), update


def of_the_batch(x: tf.Tensor) -> graphs.Metric:
    """The value is computed from the examples, not from the variable alone."""
    value, update = summed(tf.reduce_sum(x))
    return value / tf.cast(tf.shape(x)[0], tf.float32), update


def branching_value(x: tf.Tensor, switch: bool) -> graphs.Metric:
    """The value is chosen by what stands in the variable."""
    value, update = summed(tf.reduce_sum(x[:, 0]))
    if switch:
        v1.disable_control_flow_v2()
    try:
        return tf.cond(value > 0, lambda: value, lambda: -2 * value), update
    finally:
        v1.enable_control_flow_v2()


def chosen_value(x: tf.Tensor) -> graphs.Metric:
    """The value's shape depends on what stands in the variable."""
    value, update = summed(tf.reduce_sum(x, axis=0))
    return tf.reduce_sum(tf.boolean_mask(value, value > 0)), update


def unlinked(x: tf.Tensor) -> graphs.Metric:
    """The update writes nothing that the value reads."""
    value, _ = summed(tf.reduce_sum(x))
    return value, tf.identity(tf.reduce_sum(x))


def positive_rows(x: tf.Tensor) -> graphs.Metric:
    return summed(tf.reduce_sum(tf.boolean_mask(x, x[:, 0] > 0)))


def clipped_sum(x: tf.Tensor) -> graphs.Metric:
    """Not linear after the sum over rows."""
    return summed(tf.minimum(tf.reduce_sum(x[:, 0]), 1.0))


def centred(x: tf.Tensor) -> graphs.Metric:
    return summed(tf.reduce_sum(tf.square(x - tf.reduce_mean(x))))


def normalized(x: tf.Tensor) -> graphs.Metric:
    """What a row adds depends on its whole batch."""
    return summed(tf.reduce_sum(tf.nn.softmax(x[:, 0]) * x[:, 1]))


def in_python(x: tf.Tensor) -> graphs.Metric:
    amount = tf.numpy_function(lambda values: np.float32(np.sum(values)), [x], tf.float32)
    amount.set_shape(())
    return summed(amount)


def counted(x: tf.Tensor) -> graphs.Metric:
    amount = tf.math.bincount(tf.cast(tf.abs(x[:, 0]), tf.int32), minlength=3, maxlength=3)
    amount.set_shape([3])
    return summed(amount)


# name: (the metric, its path, what the reason says)
CASES: dict[str, tuple[Callable[[Any], graphs.Metric], Path, str]] = {
    "assigned_maximum": (assigned_maximum, Path.REFERENCE_ROWS, "which is not an addition"),
    "running_mean": (running_mean, Path.REFERENCE_ROWS, "depends on a metric variable"),
    "centred": (centred, Path.REFERENCE_ROWS, "depends on the other rows of its batch"),
    "normalized": (normalized, Path.REFERENCE_ROWS, "depends on the other rows of its batch"),
    "branching_value": (
        lambda x: branching_value(x, switch=True),
        Path.REFERENCE_ROWS,
        "with control flow",
    ),
    "branching_function": (
        lambda x: branching_value(x, switch=False),
        Path.REFERENCE_ROWS,
        "with control flow",
    ),
    "positive_rows": (positive_rows, Path.REFERENCE_SUMS, "its dimension 0 is "),
    "in_python": (in_python, Path.REFERENCE_SUMS, "PyFunc"),
    "counted": (counted, Path.REFERENCE_SUMS, "DenseBincount"),
    "clipped_sum": (clipped_sum, Path.ONE_BATCH, "averages over batches"),
    "mean_of_batches": (
        lambda x: v1.metrics.mean(tf.reduce_mean(x)),
        Path.ONE_BATCH,
        "averages over batches",
    ),
    "sum_of_means": (
        lambda x: summed(tf.reduce_mean(x)),
        Path.ONE_BATCH,
        "averages over batches",
    ),
    "read_after_update": (read_after_update, Path.UNAVAILABLE, "depends on the examples directly"),
    "of_the_batch": (of_the_batch, Path.UNAVAILABLE, "depends on the examples directly"),
    "chosen_value": (chosen_value, Path.CUT, ""),
    "unlinked": (unlinked, Path.CUT, ""),
    "mean": (lambda x: v1.metrics.mean(x), Path.CUT, ""),
}


def rows_of_numbers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    return rng.integers(-16, 17, size=(60, WIDTH)) / 8, rng.integers(0, 3, size=60)


def metrics(x: tf.Tensor) -> dict[str, graphs.Metric]:
    return {name: make(x) for name, (make, _, _) in CASES.items()}


@pytest.fixture(scope="module")
def planned():
    numbers, groups = rows_of_numbers()
    return graphs.evaluate(WIDTH, metrics, graphs.examples(numbers, groups))


@pytest.fixture(scope="module")
def of_the_graph():
    """The value of each metric of another copy of the model, slice by slice."""
    model = graphs.make_model(WIDTH, metrics)
    with model.graph.as_default():
        reset = [v1.global_variables_initializer(), v1.local_variables_initializer()]
        updates = [update for _, update in model.metrics.values()]
        values = {
            name: value
            for name, (value, _) in model.metrics.items()
            if CASES[name][1] is not Path.UNAVAILABLE
        }

    def evaluate(numbers: np.ndarray) -> dict[str, Any]:
        model.session.run(reset)
        model.session.run(updates, {model.inputs[0]: graphs.examples(numbers)})
        return model.session.run(values)

    return evaluate


@pytest.mark.parametrize("name", CASES)
def test_path_and_reason(planned, name):
    plan, _ = planned
    _, path, reason = CASES[name]
    (metric,) = (metric for metric in plan.metrics if metric.name == name)
    assert (metric.path, bool(metric.reason)) == (path, bool(reason)), metric
    assert reason in metric.reason


def test_values_are_those_of_the_graph(planned, of_the_graph):
    _, found = planned
    numbers, groups = rows_of_numbers()
    assert len(found) == 4
    for key, values in found.items():
        rows = numbers if not key else numbers[groups == key[0][1]]
        expected = of_the_graph(rows)
        assert set(expected) | {"post_export_metrics/example_count"} <= set(values)
        for name, value in expected.items():
            np.testing.assert_allclose(values[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_what_depends_on_the_batch_is_left_out(planned):
    _, found = planned
    left_out = {name for name, (_, path, _) in CASES.items() if path is Path.UNAVAILABLE}
    assert all(left_out.isdisjoint(values) for values in found.values())


def test_a_value_of_a_changing_shape_is_computed_slice_by_slice(planned):
    plan, found = planned
    assert plan.lower.looped == {"chosen_value"}
    numbers, _ = rows_of_numbers()
    columns = numbers.sum(axis=0)
    assert found[()]["chosen_value"] == pytest.approx(columns[columns > 0].sum(), rel=1e-12)


def test_summed_metrics_do_not_depend_on_batches():
    """REFERENCE_SUMS: what batches add is summed up; REFERENCE_ROWS: their rows are kept."""
    numbers, groups = rows_of_numbers()
    records = graphs.examples(numbers, groups)

    def two_metrics(x: tf.Tensor) -> dict[str, graphs.Metric]:
        return {"positive": positive_rows(x), "maximum": assigned_maximum(x)}

    plan = make_plan(graphs.make_model(WIDTH, two_metrics), records)
    assert (plan.on(Path.REFERENCE_SUMS), plan.listed) == (("positive",), ("maximum",))
    evaluator = ModelEvaluator(graphs.make_model(WIDTH, two_metrics), plan, ["group"])
    whole = graphs.metrics_by_slice(evaluator, plan, records)
    for size in (1, 7):
        assert graphs.metrics_by_slice(evaluator, plan, records, size) == whole
    for key, values in whole.items():
        rows = numbers if not key else numbers[groups == key[0][1]]
        assert values["positive"] == rows[rows[:, 0] > 0].sum()
        assert values["maximum"] == rows.max()


def test_small_numbers_are_told_apart():
    """What depends on the batch does so in numbers of any size: rates are of 1/10,000s."""

    def variance(x: tf.Tensor) -> dict[str, graphs.Metric]:
        rate = 1e-4 * x
        return {
            "centred": summed(tf.reduce_sum(tf.square(rate - tf.reduce_mean(rate)))),
            "squares": summed(tf.reduce_sum(tf.square(rate))),
        }

    numbers, groups = rows_of_numbers()
    plan, found = graphs.evaluate(WIDTH, variance, graphs.examples(numbers, groups))
    assert plan.on(Path.CUT) == ("squares",)
    assert plan.on(Path.REFERENCE_ROWS) == ("centred",)
    for key, values in found.items():
        rows = 1e-4 * (numbers if not key else numbers[groups == key[0][1]])
        assert values["centred"] == pytest.approx(np.sum((rows - rows.mean()) ** 2), rel=1e-5)
