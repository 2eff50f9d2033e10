"""How rows are split into batches, bundles, files and workers does not matter.

TensorFlow's own kernels may give a row another last digit in another batch, which a model's forward
pass then carries on: so batches of trained models are compared to what 32 bits allow, and graphs
whose rows' values do not round, as everything after the rows, to nine digits and more.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from hypothesis import given, settings
from hypothesis import strategies as st

import microtome
from microtome.executor import finishing
from microtome.executor.shared_model import WorkerModel, default_eval_shared_model
from microtome.executor.summing import MAX_STATE_BYTES
from microtome.executor.transforms import plan_with
from microtome.model.evaluator import ModelEvaluator
from microtome.model.plan import Path
from microtome.model.planning import make_plan
from microtome.slicing import SingleSliceSpec
from tests.model import graphs
from tests.model.graphs import summed, v1, variable

pytestmark = pytest.mark.current

WIDTH, ROWS = 3, 60


@dataclasses.dataclass(frozen=True)
class Split:
    """A way of splitting rows.

    Attributes:
        order: the rows' numbers, in the order in which they come.
        batches: their numbers in each batch.
        bundles: the batches in each bundle.
        merges: which two of the tables of a shard are added up next; the last ones together.
        max_state_bytes: from which size on a bundle hands its sums on.
    """

    order: list[int]
    batches: list[list[int]]
    bundles: list[list[list[int]]]
    merges: list[int]
    max_state_bytes: int


def parts(draw: st.DrawFn, items: Sequence[Any], at_most: int) -> list[list[Any]]:
    """Cuts a sequence at some places."""
    cuts = draw(st.sets(st.integers(1, max(1, len(items) - 1)), max_size=at_most - 1))
    ends = [0, *sorted(cuts), len(items)]
    return [list(items[a:b]) for a, b in itertools.pairwise(ends) if b > a]


@st.composite
def splits(draw: st.DrawFn, rows: int, in_order: bool = False) -> Split:
    order = list(range(rows)) if in_order else draw(st.permutations(range(rows)))
    batches = parts(draw, order, 6)
    return Split(
        order,
        batches,
        parts(draw, batches, 4),
        draw(st.lists(st.integers(0, 9), max_size=6)),
        draw(st.sampled_from([1, MAX_STATE_BYTES])),
    )


def evaluate(
    worker: Any,
    plan: Any,
    records: Sequence[bytes],
    split: Split,
    specs: Sequence[SingleSliceSpec] = graphs.OVERALL_AND_GROUPS,
) -> dict[Any, dict[str, Any]]:
    """Sums each bundle by itself, and adds up what they hand on as the split says."""
    shards: dict[int, list[bytes]] = {}
    rows: list[Any] = []
    for bundle in split.bundles:
        batches = [[records[i] for i in batch] for batch in bundle]
        tables, rows_of_bundle = graphs.bundle_outputs(
            worker, plan, batches, specs, split.max_state_bytes
        )
        rows += rows_of_bundle
        for shard, table in tables:
            shards.setdefault(shard, []).append(table)
    listed = graphs.finish_rows(worker, plan, rows)
    found: dict[Any, dict[str, Any]] = {}
    for tables in shards.values():
        found.update(graphs.finish(plan, merged(tables, split.merges), listed))
    return found


def merged(tables: Sequence[bytes], merges: Sequence[int]) -> bytes:
    """As runners do: some accumulators take several tables, then accumulators are merged."""
    combine = finishing.MergeTables()
    accumulators = [combine.add_input(combine.create_accumulator(), table) for table in tables]
    for number in merges:
        if len(accumulators) < 2:
            break
        first = accumulators.pop(number % len(accumulators))
        second = accumulators.pop(number % len(accumulators))
        accumulators.append(combine.merge_accumulators([first, second]))
        accumulators[0] = combine.compact(accumulators[0])
    return combine.extract_output(combine.merge_accumulators(accumulators))[0]


def assert_same(found: dict, expected: dict, relative: float, but: Sequence[str] = ()) -> None:
    assert set(found) == set(expected)
    for key, values in expected.items():
        assert set(found[key]) == set(values)
        for name, value in values.items():
            if name not in but:
                np.testing.assert_allclose(
                    found[key][name], value, relative, 1e-12, err_msg=f"{name} of {key}"
                )


def metrics(x: tf.Tensor) -> dict[str, graphs.Metric]:
    """A metric of each kind of state and of each path that does not depend on batches."""
    label, score, weight = x[:, 0] > 0, x[:, 1] / 5 + 0.5, tf.abs(x[:, 2])
    largest = variable()
    update = largest.assign(tf.maximum(largest.read_value(), tf.reduce_max(x)))
    segment = tf.cast(tf.abs(x[:, 0]), tf.int32)
    return {
        "mean": v1.metrics.mean(x[:, 0] * x[:, 1], weight),
        "auc": v1.metrics.auc(label, score, weight),
        "recall": v1.metrics.recall_at_thresholds(label, score, [0.2, 0.5, 0.7]),
        "segments": summed(tf.math.unsorted_segment_sum(weight, segment, 4)),
        "products": summed(tf.matmul(x, x, transpose_a=True)),
        "negative part": summed(tf.reduce_sum(tf.boolean_mask(x[:, 1], x[:, 1] < 0))),
        "largest": (tf.identity(largest.read_value()), tf.identity(update)),
    }


@pytest.fixture(scope="module")
def by_hand():
    """A plan, a worker and the examples of a model of exact numbers, and its metrics."""
    numbers = np.random.default_rng(8).integers(-16, 17, size=(ROWS, WIDTH)) / 8
    records = graphs.examples(numbers, np.arange(ROWS) * 7 % 11)
    plan = make_plan(graphs.make_model(WIDTH, metrics), records)
    evaluator = ModelEvaluator(graphs.make_model(WIDTH, metrics), plan, ["group"])
    found = graphs.metrics_by_slice(evaluator, plan, records)
    return plan, graphs.Loaded(evaluator), records, found


def test_all_paths_are_here(by_hand):
    plan, _, _, found = by_hand
    assert plan.on(Path.REFERENCE_SUMS) == ("negative part",)
    assert plan.on(Path.REFERENCE_ROWS) == ("largest",)
    assert len(plan.on(Path.CUT)) == 5
    assert len(found) == 12


@settings(max_examples=40)
@given(split=splits(ROWS))
def test_any_split_of_exact_rows(by_hand, split):
    plan, worker, records, expected = by_hand
    assert_same(evaluate(worker, plan, records, split), expected, 1e-9)


@pytest.fixture(scope="module", params=["dnn_binary_v2", "multi_label_v2"])
def trained(committed_model, request):
    """A trained model, as workers load it."""
    model = committed_model(request.param)
    shared = default_eval_shared_model(
        model.model_path, example_weight_key=model.example_weight_key
    )
    plan = plan_with(model.records, shared)
    specs = [SingleSliceSpec(columns=names) for names in [(), ("country",), ("languages",)]]
    worker = WorkerModel(shared, ["country", "languages"])
    return plan, worker, model.records, specs


@settings(max_examples=12)
@given(data=st.data())
def test_any_bundles_and_merges_of_a_trained_model(trained, data):
    """The same batches: to nine digits."""
    plan, worker, records, specs = trained
    split = data.draw(splits(len(records), in_order=True))
    alone = dataclasses.replace(
        split, bundles=[split.batches], merges=[], max_state_bytes=MAX_STATE_BYTES
    )
    expected = evaluate(worker, plan, records, alone, specs)
    assert_same(evaluate(worker, plan, records, split, specs), expected, 1e-9)


@settings(max_examples=6)
@given(data=st.data())
def test_any_batches_of_a_trained_model(trained, data):
    """TensorFlow's own 32-bit rounding of a row in another batch remains."""
    plan, worker, records, specs = trained
    split = data.draw(splits(len(records)))
    every = list(range(len(records)))
    whole = Split(every, [every], [[every]], [], MAX_STATE_BYTES)
    expected = evaluate(worker, plan, records, whole, specs)
    assert_same(evaluate(worker, plan, records, split, specs), expected, 3e-6)


@pytest.fixture(scope="module")
def model(committed_model):
    return committed_model("dnn_binary_v2")


def run(model: Any, data_location: Any, **options: Any) -> dict[Any, dict[str, Any]]:
    result = microtome.run_model_analysis(
        default_eval_shared_model(
            model.model_path,
            add_metrics_callbacks=[mean_age],
            example_weight_key=model.example_weight_key,
        ),
        data_location,
        slice_spec=[SingleSliceSpec(), SingleSliceSpec(columns=["country", "languages"])],
        **options,
    )
    return dict(result.slices())


def mean_age(features, predictions, labels):
    return {"mean_age": v1.metrics.mean(features["age"])}


@pytest.fixture(scope="module")
def files(model, tmp_path_factory) -> str:
    """The data in seven files, one of them empty."""
    folder = tmp_path_factory.mktemp("parts")
    for i, part in enumerate([*np.array_split(np.arange(len(model.records)), 6), []]):
        with tf.io.TFRecordWriter(str(folder / f"part-{i}.tfrecord")) as writer:
            for row in part:
                writer.write(model.records[row])
    return str(folder / "part-*.tfrecord")


def test_many_files_and_small_batches(model, files):
    whole = run(model, model.data_path)
    assert_same(run(model, files, desired_batch_size=5), whole, 3e-6)


@pytest.mark.slow
def test_two_processes(model, files):
    """Two workers, each with its own copy of the model and of the callback's ops.

    To twelve digits, of a model that does not round, in `test_inputs`.
    """
    workers = PipelineOptions(["--direct_running_mode=multi_processing", "--direct_num_workers=2"])
    found = run(model, files, pipeline_options=workers)
    assert_same(found, run(model, files), 3e-6)
