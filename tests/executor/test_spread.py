"""How work spreads over workers, and what bounds a worker's memory."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions

import microtome
from microtome.errors import RefusedExampleError
from microtome.executor import summing
from microtome.model.evaluator import ModelEvaluator
from microtome.model.planning import make_plan
from microtome.model.width import widest_row_bytes
from microtome.slicing.table import SliceTable
from tests.model import graphs

pytestmark = pytest.mark.current

FILES = 8
WIDE = 5_000


def total(x: tf.Tensor) -> dict[str, graphs.Metric]:
    return {"total": graphs.summed(tf.reduce_sum(x))}


def wide_total(x: tf.Tensor) -> dict[str, graphs.Metric]:
    """As `total`, by way of a tensor of WIDE numbers a row; x must not be negative."""
    with tf.control_dependencies([tf.debugging.assert_non_negative(x)]):
        wide = tf.tile(x, [1, WIDE])
    return {"total": graphs.summed(tf.reduce_sum(tf.reduce_max(wide, axis=1)))}


def tables_of(bundle: list[tuple[int, bytes]]) -> SliceTable:
    return SliceTable.merge([SliceTable.from_bytes(data) for _, data in bundle])


def test_files_go_to_several_workers(committed_model: Any, tmp_path: pathlib.Path) -> None:
    model = committed_model("dnn_regression_v1")
    for number in range(FILES):
        with tf.io.TFRecordWriter(str(tmp_path / f"data-{number}")) as writer:
            for record in model.records * 10:
                writer.write(record)
    result = microtome.run_model_analysis(
        microtome.default_eval_shared_model(model.model_path),
        str(tmp_path / "data-*"),
        output_path=str(tmp_path / "out"),
        pipeline_options=PipelineOptions(
            ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
        ),
    )
    workers = json.loads((tmp_path / "out/run.json").read_text())["workers"]
    assert workers == result.run_info["workers"]
    assert len(workers) == 2
    assert sum(worker["examples"] for worker in workers.values()) == result.example_count()
    # a file is a unit of work: each has its share of them
    assert min(worker["examples"] for worker in workers.values()) >= 10 * len(model.records)


@pytest.fixture(scope="module")
def evaluator() -> ModelEvaluator:
    plan = make_plan(graphs.make_model(1, total), graphs.examples(range(8)))
    return ModelEvaluator(graphs.make_model(1, total), plan, ["group"])


def test_what_a_bundle_hands_on_does_not_grow_with_its_rows(evaluator: ModelEvaluator) -> None:
    """One slice that nearly all rows stand in is no more to shuffle than any other."""
    sizes = []
    for rows in (100, 10_000):
        groups = np.where(np.arange(rows) < 50, np.arange(rows), 0)
        batches = np.array_split(np.array(graphs.examples(np.ones(rows), groups), object), 5)
        bundle, _ = graphs.bundle_outputs(graphs.Loaded(evaluator), evaluator.plan, batches)
        assert len(bundle) <= summing.NUM_SHARDS
        sizes.append(sum(len(data) for _, data in bundle))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("max_slices", [0, 7, 40, 1_000])
def test_slices_of_a_worker_are_bounded(evaluator: ModelEvaluator, max_slices: int) -> None:
    rows, a_batch = 400, 10
    groups = np.arange(rows) % 200
    records = graphs.examples(np.arange(rows), groups)
    batches = [records[start : start + a_batch] for start in range(0, rows, a_batch)]
    bundle, _ = graphs.bundle_outputs(
        graphs.Loaded(evaluator), evaluator.plan, batches, max_state_slices=max_slices
    )
    # what is handed on at once: the slices of the batch that went beyond the limit, and Overall
    assert max(len(SliceTable.from_bytes(data)) for _, data in bundle) <= max_slices + a_batch + 1
    table = tables_of(bundle)
    assert len(table) == 201
    found = dict(zip(table.keys, table.sums[:, 0].tolist(), strict=True))
    assert found[()] == rows
    assert {count for key, count in found.items() if key} == {2}
    whole, _ = graphs.bundle_outputs(graphs.Loaded(evaluator), evaluator.plan, batches)
    expected = tables_of(whole)
    sums = dict(zip(expected.keys, expected.sums, strict=True))
    for key, sum_of_slice in zip(table.keys, table.sums, strict=True):
        np.testing.assert_allclose(sum_of_slice, sums[key], rtol=1e-12)


def test_the_widest_tensor_on_the_way() -> None:
    with tf.Graph().as_default():
        rows = tf.compat.v1.placeholder(tf.float32, [None, 3])
        wide = tf.matmul(rows, tf.ones([3, 100]))
        turned = tf.transpose(tf.cast(wide, tf.float64))
        narrow = tf.reduce_sum(turned, axis=0)
        elsewhere = tf.tile(rows, [1, 10_000])
        words = tf.as_string(rows)
        assert widest_row_bytes([rows]) == 12
        assert widest_row_bytes([narrow]) == 8 * 100
        assert widest_row_bytes([words]) == 24 * 3
        assert widest_row_bytes([narrow, elsewhere]) == 4 * 30_000
        assert widest_row_bytes([tf.constant(1.0)]) == 1


class Counted:
    """The examples of each run of the session."""

    def __init__(self, evaluator: ModelEvaluator, monkeypatch: pytest.MonkeyPatch):
        self.sizes: list[int] = []
        run = evaluator._fetcher._runner._run

        def counted(records: np.ndarray) -> Any:
            self.sizes.append(len(records))
            return run(records)

        monkeypatch.setattr(evaluator._fetcher._runner, "_run", counted)


def test_a_wide_model_gets_few_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    records = graphs.examples(np.arange(1_000), np.arange(1_000) % 3)
    plan = make_plan(graphs.make_model(1, wide_total), records[:20])
    whole = ModelEvaluator(graphs.make_model(1, wide_total), plan, ["group"])
    parts = ModelEvaluator(graphs.make_model(1, wide_total), plan, ["group"], 300 * 4 * WIDE)
    runs = Counted(whole, monkeypatch), Counted(parts, monkeypatch)
    expected, found = whole.contributions(records), parts.contributions(records)
    assert [run.sizes for run in runs] == [[1_000], [300, 300, 300, 100]]
    assert found.num_rows == expected.num_rows
    np.testing.assert_array_equal(found.dense, expected.dense)
    np.testing.assert_array_equal(found.columns["group"].flat, expected.columns["group"].flat)


def test_a_refused_example_keeps_its_number_in_a_batch_that_is_parted() -> None:
    numbers = np.arange(1_000.0)
    numbers[777] = -1
    plan = make_plan(graphs.make_model(1, wide_total), graphs.examples(range(20)))
    parts = ModelEvaluator(graphs.make_model(1, wide_total), plan, ["group"], 300 * 4 * WIDE)
    with pytest.raises(RefusedExampleError) as caught:
        parts.contributions(graphs.examples(numbers))
    assert caught.value.number == 777
