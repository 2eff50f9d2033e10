"""What an evaluation does, counted: it must not grow with what it need not grow with."""

from __future__ import annotations

import collections
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

import microtome
from microtome.executor import sources, transforms
from microtome.executor.shared_model import default_eval_shared_model
from microtome.model import evaluator as evaluator_module
from microtome.model import loading
from microtome.model.evaluator import ModelEvaluator
from microtome.model.feeding import BatchRunner
from microtome.model.planning import make_plan
from microtome.slicing import SingleSliceSpec
from microtome.slicing.slicer import Slicer
from microtome.slicing.sums import SliceSums

pytestmark = pytest.mark.current

SPECS = [
    SingleSliceSpec(),
    SingleSliceSpec(columns=["country"]),
    SingleSliceSpec(columns=["country", "level"]),
]
FEATURES = ["country", "level"]


@pytest.fixture(scope="module")
def model(committed_model: Any) -> Any:
    return committed_model("handmade_serve_tf1")


@pytest.fixture(scope="module")
def planned(model: Any) -> Any:
    loaded = default_eval_shared_model(model.model_path).load()
    plan = make_plan(loaded, model.records, features=FEATURES)
    return plan, ModelEvaluator(loaded, plan, FEATURES)


def test_one_load_and_one_run_a_batch(
    model: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the number of slices and metrics."""
    done: collections.Counter[str] = collections.Counter()
    lock, of_batches = threading.Lock(), set[int]()
    load, contributions, run = (
        loading.load_model,
        ModelEvaluator.contributions,
        BatchRunner.__call__,
    )

    def counted_load(*given: Any, **named: Any) -> Any:
        done["loads"] += 1
        return load(*given, **named)

    def counted_contributions(self: ModelEvaluator, records: Any) -> Any:
        # batches are computed in threads of their own
        with lock:
            done["batches"] += 1
            of_batches.add(threading.get_ident())
        return contributions(self, records)

    def counted_run(self: BatchRunner, records: Any) -> Any:
        with lock:
            done["runs of batches"] += threading.get_ident() in of_batches
        return run(self, records)

    monkeypatch.setattr(loading, "load_model", counted_load)
    monkeypatch.setattr(evaluator_module.ModelEvaluator, "contributions", counted_contributions)
    monkeypatch.setattr(BatchRunner, "__call__", counted_run)
    result = microtome.run_model_analysis(
        default_eval_shared_model(model.model_path),
        model.data_path,
        slice_spec=SPECS,
        output_path=str(tmp_path / "result"),
        desired_batch_size=50,
    )
    assert len(result.slicing_metrics) > 10
    assert (done["loads"], done["batches"], done["runs of batches"]) == (1, 3, 3)


def test_bytes_of_a_row(model: Any, planned: Any) -> None:
    """What leaves the session are numbers of a row, and each string of a feature once."""
    plan, evaluator = planned
    found = evaluator.contributions(model.records * 10)
    fetched = found.dense.nbytes + sum(
        item.index.nbytes + item.values.nbytes for item in found.scattered
    )
    assert fetched == plan.bytes_per_row * found.num_rows
    for column in found.columns.values():
        if column.distinct is not None:
            assert column.values.nbytes <= 4 * len(column.values)
            assert len(set(column.distinct)) == len(column.distinct) < found.num_rows / 10


def test_python_calls_of_a_batch(model: Any, planned: Any) -> None:
    """As many for ten times the rows, once the slices are known."""
    plan, evaluator = planned
    slicer, sums = Slicer(SPECS), SliceSums(plan.layout)

    def add(records: list[bytes]) -> Callable[[], None]:
        def run() -> None:
            found = evaluator.contributions(records)
            assignments = slicer.assign(found.columns, found.num_rows)
            sums.add(assignments, len(slicer.keys), found.dense, found.scattered)

        return run

    small, large = add(model.records), add(model.records * 10)
    small()
    calls = calls_of(small)
    assert 0 < calls_of(large) <= calls
    assert sums.sums[0, 0] == 120 * 12


def test_python_calls_of_reading(model: Any, tmp_path: Any) -> None:
    """Python is not called for a record."""

    def read() -> None:
        assert sum(len(batch.records) for batch in sources.read_batches(path, "tfrecords")) == size

    counts = []
    for times in (1, 10):
        path, size = write(tmp_path / f"{times}.tfrecord", model.records * times)
        counts.append(calls_of(read))
    assert counts[1] - counts[0] < len(model.records)


def write(path: Any, records: list[bytes]) -> tuple[str, int]:
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return str(path), len(records)


def test_the_shuffle_does_not_grow_with_rows_or_batches(model: Any, planned: Any) -> None:
    from tests.model import graphs

    plan, evaluator = planned
    worker = graphs.Loaded(evaluator)

    def shuffled(batches: list[list[bytes]]) -> int:
        tables, _ = graphs.bundle_outputs(worker, plan, batches, SPECS)
        return sum(len(table) for _, table in tables)

    once, often = shuffled([model.records]), shuffled([model.records] * 5)
    # a sum that is no longer a whole number takes as many bytes
    assert often == once


def test_metrics_share_what_they_fetch(model: Any) -> None:
    """Metrics over the same thresholds add nothing to what is fetched and summed."""
    import tensorflow as tf

    def add(count: int) -> Callable[[Any, Any, Any], dict[str, Any]]:
        def callback(features: Any, predictions: Any, labels: Any) -> dict[str, Any]:
            score = tf.reshape(predictions["logistic"], [-1])
            truth = tf.reshape(labels, [-1]) > 0
            return {
                f"metric_{number}": tf.compat.v1.metrics.sensitivity_at_specificity(
                    truth, score, 0.1 + 0.8 * number / count
                )
                for number in range(count)
            }

        return callback

    widths = []
    for count in (1, 4):
        shared = default_eval_shared_model(model.model_path, [add(count)])
        plan = transforms.plan_with(model.records, shared)
        assert all(metric.path.is_cut for metric in plan.metrics)
        widths.append((plan.width, plan.bytes_per_row))
    assert widths[0] == widths[1]


def calls_of(function: Callable[[], None]) -> int:
    """Calls of Python functions in this thread."""
    count = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count
