"""The lower half: sums of slices to metric values, exact where 32-bit variables are not."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from microtome.executor.shared_model import WorkerModel, default_eval_shared_model
from microtome.executor.transforms import plan_with
from microtome.model.evaluator import ModelEvaluator
from microtome.model.plan import Path
from microtome.model.planning import make_plan
from microtome.slicing import SingleSliceSpec
from microtome.slicing.table import SliceTable
from tests.model import graphs
from tests.model.graphs import summed, v1, variable

pytestmark = pytest.mark.current

WIDTH = 3


def metrics(x: tf.Tensor) -> dict[str, graphs.Metric]:
    label, score = x[:, 0] > 0, tf.sigmoid(x[:, 1])
    return {
        "mean": v1.metrics.mean(x[:, 0]),
        "count": summed(tf.cast(tf.shape(x)[0], tf.float32)),
        "numbers": summed(tf.cast(tf.size(x), tf.float32)),
        "hits": summed(tf.cast(tf.reduce_sum(tf.cast(label, tf.int32)), tf.float32)),
        "whole number": summed(tf.reduce_sum(tf.cast(label, tf.int64))),
        "auc": v1.metrics.auc(label, score, x[:, 2] + 3),
        "auc_pr": v1.metrics.auc(label, score, x[:, 2] + 3, curve="PR"),
        "per class": v1.metrics.mean_per_class_accuracy(label, x[:, 1] > 0, 2),
        "at thresholds": v1.metrics.recall_at_thresholds(label, score, [0.2, 0.5, 0.8]),
    }


def rows_of_numbers() -> np.ndarray:
    return np.random.default_rng(3).integers(-16, 17, size=(80, WIDTH)) / 8


@pytest.fixture(scope="module")
def plan():
    return make_plan(graphs.make_model(WIDTH, metrics), graphs.examples(rows_of_numbers()))


@pytest.fixture(scope="module")
def table(plan):
    """The sums of all rows and of two groups."""
    numbers = rows_of_numbers()
    records = graphs.examples(numbers, np.arange(len(numbers)) % 2)
    evaluator = ModelEvaluator(graphs.make_model(WIDTH, metrics), plan, ["group"])
    tables, _ = graphs.bundle_outputs(graphs.Loaded(evaluator), plan, [records])
    return SliceTable.merge([SliceTable.from_bytes(part) for _, part in tables])


def many_sums(table: SliceTable, count: int) -> np.ndarray:
    """Sums of `count` slices, each different."""
    weights = np.random.default_rng(4).integers(1, 50, size=(count, len(table)))
    return weights @ table.sums


def test_all_slices_at_once_and_one_by_one(plan, table):
    """More slices than the vectorised function takes in one call, and each of them alone."""
    sums = many_sums(table, 5000)
    together = plan.lower.finish(sums)
    for i in (0, 1, 4095, 4096, 4999):
        alone = plan.lower.finish(sums[i : i + 1])
        for name, values in together.items():
            np.testing.assert_array_equal(values[i], alone[name][0], name)


@pytest.mark.parametrize("name", ["dnn_binary_v2", "tf_metrics", "keras_metrics"])
def test_many_slices_of_a_model_as_few(committed_model, name):
    """The two ways of finishing agree, whatever ops the metrics are made of."""
    model = committed_model(name)
    shared = default_eval_shared_model(model.model_path)
    plan = plan_with(model.records, shared)
    specs = [SingleSliceSpec(columns=["country"])]
    worker = WorkerModel(shared, ["country"])
    tables, _ = graphs.bundle_outputs(worker, plan, [model.records], specs)
    sums = many_sums(SliceTable.merge([SliceTable.from_bytes(part) for _, part in tables]), 600)
    together = plan.lower.finish(sums)
    in_parts = [plan.lower.finish(part) for part in np.split(sums, 6)]
    assert set(together) == set(plan.on(Path.CUT))
    for metric, values in together.items():
        parts = np.concatenate([part[metric] for part in in_parts])
        np.testing.assert_allclose(values, parts, 1e-12, err_msg=metric)


def test_looped_as_vectorized(plan, table):
    sums = many_sums(table, 300)
    names = frozenset(name for name, _ in plan.lower.outputs)
    looped = dataclasses.replace(plan.lower, looped=names)
    for name, values in looped.finish(sums).items():
        np.testing.assert_allclose(values, plan.lower.finish(sums)[name], 1e-14, err_msg=name)


def test_no_slices(plan):
    values = plan.lower.finish(np.zeros([0, plan.width]))
    assert {name: array.shape for name, array in values.items()} == {
        **dict.fromkeys((name for name, _ in plan.lower.outputs), (0,)),
        "at thresholds": (0, 3),
    }


def test_plans_travel(plan, table):
    travelled = pickle.loads(pickle.dumps(plan))
    assert travelled == plan
    sums = many_sums(table, 3)
    for name, values in travelled.lower.finish(sums).items():
        np.testing.assert_array_equal(values, plan.lower.finish(sums)[name])


def test_counts_beyond_32_bit_floats(plan, table):
    """A 32-bit variable stands still at 2^24; so does one that is added up batch by batch."""
    assert np.float32(2**24) + np.float32(1) == np.float32(2**24)
    doubled = table
    for _ in range(24):
        doubled = SliceTable.merge([doubled, doubled])
    total = SliceTable.merge([doubled, table])
    found = graphs.finish(plan, total.to_bytes())[()]
    numbers = rows_of_numbers()
    times = 2**24 + 1
    assert found["count"] == found["post_export_metrics/example_count"] == len(numbers) * times
    hits = np.sum(numbers[:, 0] > 0)
    assert found["whole number"] == found["hits"] == hits * times
    # more than 32-bit integers hold
    assert found["numbers"] == numbers.size * times > 2**31
    assert found["mean"] == pytest.approx(numbers[:, 0].mean(), rel=1e-15)


def test_many_batches_of_a_large_number():
    """40,000 batches of 1000.3: a 32-bit sum would be off by 2e-4."""
    numbers = np.full((64, 1), 1000.3)

    def mean(x: tf.Tensor) -> dict[str, graphs.Metric]:
        return {"mean": v1.metrics.mean(x), "sum": summed(tf.reduce_sum(x))}

    records = graphs.examples(numbers)
    plan = make_plan(graphs.make_model(1, mean), records)
    evaluator = ModelEvaluator(graphs.make_model(1, mean), plan, [])
    batches = [records] * 50
    tables, _ = graphs.bundle_outputs(
        graphs.Loaded(evaluator), plan, batches, specs=[SingleSliceSpec()]
    )
    merged = SliceTable.merge([SliceTable.from_bytes(part) for _, part in tables] * 800)
    found = graphs.finish(plan, merged.to_bytes())[()]
    assert found["mean"] == pytest.approx(np.float32(1000.3), rel=1e-12)
    assert found["sum"] == pytest.approx(np.float64(np.float32(1000.3)) * 64 * 40_000, rel=1e-12)


def test_thresholds_are_met_as_in_32_bits():
    """3 of 5 meets 0.6: in 64 bits the threshold, which the graph has in 32, would be above."""

    def share(x: tf.Tensor) -> dict[str, graphs.Metric]:
        value, update = v1.metrics.mean(x)
        values = tf.stack([value, 2 * value])
        return {
            "tenths": (tf.cast(tf.cast(10 * value, tf.int32), tf.float32), update),
            "met": (tf.cast(value >= 0.6, tf.float32), update),
            "equal": (tf.cast(tf.equal(value, 0.6), tf.float32), update),
            "first": (tf.cast(tf.argmin(tf.abs(values - 0.6)), tf.float32), update),
        }

    _, found = graphs.evaluate(1, share, graphs.examples([1, 1, 1, 0, 0]))
    own = {name: found[()][name] for name in ("met", "equal", "first", "tenths")}
    assert own == {"met": 1, "equal": 1, "first": 0, "tenths": 6}


def test_a_choice_among_equals_is_made_as_in_32_bits():
    """Of two values as far from a half, rounding says which is nearer: so do specificities."""

    def nearest(shares: Any, library: Any) -> Any:
        return library.argmin(library.abs(library.stack(shares) - np.float32(0.5)))

    def chosen(x: tf.Tensor) -> dict[str, graphs.Metric]:
        of_ones, update = v1.metrics.mean(x)
        of_zeros, update_zeros = v1.metrics.mean(1 - x)
        value = tf.cast(nearest([of_ones, of_zeros], tf), tf.float32)
        with tf.control_dependencies([update, update_zeros]):
            return {"nearest": (value, tf.zeros([0]))}

    # what 64 bits, and equals in them, would choose is the first
    counts = [(ones, size) for size in range(3, 20) for ones in range(1, size)]
    ones, size = next(
        (ones, size)
        for ones, size in counts
        if nearest([np.float32(part) / np.float32(size) for part in (ones, size - ones)], np)
    )
    examples = graphs.examples([1] * ones + [0] * (size - ones))
    plan, found = graphs.evaluate(1, chosen, examples)
    assert plan.on(Path.CUT) == ("nearest",)
    assert found[()]["nearest"] == 1


def test_values_that_share_a_part_with_others():
    """A value of one metric that is part of another's, which takes another path."""

    def two(x: tf.Tensor) -> dict[str, graphs.Metric]:
        value, update = summed(tf.reduce_sum(x[:, 0]))
        root = tf.sqrt(tf.abs(value))
        positive = tf.boolean_mask(x[:, 1], x[:, 1] > 0)
        other, update_other = summed(tf.reduce_sum(positive))
        return {"root": (root, update), "both": (root + other, tf.group(update, update_other))}

    def as_tensors(x: tf.Tensor) -> dict[str, graphs.Metric]:
        made = two(x)
        with tf.control_dependencies([made["both"][1]]):
            return made | {"both": (made["both"][0], tf.zeros([0]))}

    numbers = rows_of_numbers()
    plan, found = graphs.evaluate(WIDTH, as_tensors, graphs.examples(numbers))
    assert plan.on(Path.CUT) == ("root",)
    assert plan.on(Path.REFERENCE_SUMS) == ("both",)
    root = np.sqrt(abs(numbers[:, 0].sum()))
    assert found[()]["root"] == pytest.approx(root, rel=1e-12)
    positive = numbers[:, 1][numbers[:, 1] > 0].sum()
    assert found[()]["both"] == pytest.approx(root + positive, rel=1e-6)


def test_integers_do_not_lose_digits():
    """Integer variables count in whole numbers, whatever is added."""

    def count(x: tf.Tensor) -> dict[str, graphs.Metric]:
        state = variable(dtype=tf.int64, initial=2**40)
        update = state.assign_add(tf.reduce_sum(tf.cast(x[:, 0] > 0, tf.int64)))
        return {"count": (tf.identity(state.read_value()), tf.convert_to_tensor(update))}

    _, found = graphs.evaluate(1, count, graphs.examples([1, -1, 1]))
    assert found[()]["count"] == 2**40 + 2


def test_a_text_for_a_value():
    def text(x: tf.Tensor) -> dict[str, graphs.Metric]:
        value, update = summed(tf.reduce_sum(x))
        return {"text": (tf.where(value > 3, "many", "few"), update)}

    plan, found = graphs.evaluate(1, text, graphs.examples([1, 2, 4], [0, 0, 1]))
    assert plan.on(Path.CUT) == ("text",)
    assert {key: values["text"] for key, values in found.items()} == {
        (): b"many",
        (("group", 0),): b"few",
        (("group", 1),): b"many",
    }
