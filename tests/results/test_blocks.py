"""Blocks of slices: the same files as slice by slice."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

import microtome
from microtome.metrics.keys import MetricKey
from microtome.proto import config_pb2, result_pb2
from microtome.results import names
from microtome.results.blocks import MetricsBlock
from microtome.results.records import metrics_of, size_of
from microtome.results.slice_keys import record_slice_key
from microtome.results.stencil import read_metrics
from microtome.results.values import metrics_for_slice
from microtome.results.writer import ResultsWriter
from microtome.statistics.intervals import Interval

pytestmark = pytest.mark.current

COUNT = names.EXAMPLE_COUNT
NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, -0.0])
VALUES = st.text(max_size=3) | st.integers(-(2**63), 2**63 - 1) | st.floats(width=32)
KEYS = st.lists(st.tuples(st.sampled_from("abc"), VALUES), max_size=2, unique_by=lambda kv: kv[0])


@st.composite
def blocks(draw: Any) -> MetricsBlock:
    keys = draw(st.lists(KEYS.map(sorted).map(tuple), max_size=5, unique_by=repr))
    metrics = draw(st.lists(st.text(max_size=4), max_size=4, unique=True))
    columns = {
        name: np.array([draw(NUMBERS) for _ in keys], np.float64)
        for name in [*metrics, *draw(st.sampled_from([[], [COUNT]]))]
    }
    return MetricsBlock(keys, columns)


def one_by_one(block: MetricsBlock) -> list[result_pb2.MetricsForSlice]:
    return [
        metrics_for_slice(
            key,
            {
                **{name: block.columns[name][i] for name in block.metrics},
                **block.further.get(key, {}),
            },
            {name: interval.of(i) for name, interval in block.intervals.items()},
        )
        for i, key in enumerate(block.keys)
    ]


def parsed(block: MetricsBlock) -> list[result_pb2.MetricsForSlice]:
    return [result_pb2.MetricsForSlice.FromString(data) for data in block.serialized()]


@given(blocks())
def test_records_are_those_of_each_slice(block: MetricsBlock) -> None:
    expected = one_by_one(block)
    for found, wanted in zip(parsed(block), expected, strict=True):
        # NaN is not equal to itself
        assert found.slice_key.SerializeToString() == wanted.slice_key.SerializeToString()
        assert set(found.metrics) == set(wanted.metrics)
        for name, value in wanted.metrics.items():
            same = np.array([found.metrics[name].double_value.value, value.double_value.value])
            # to the bit: -0.0, and NaN
            assert same.view(np.uint64)[0] == same.view(np.uint64)[1] or np.isnan(same).all()
    assert block.sizes() == [size_of(record) for record in expected]


MIXED = MetricsBlock(
    [(), (("a", 0.1),), (("b", "x"),)],
    {
        COUNT: np.array([3.0, 2.0, 1.0]),
        "auc": np.array([0.5, math.nan, 0.0], np.float32),
        "whole": np.array([1, 2, 3]),
    },
)
WITH_ARRAYS = MetricsBlock(
    MIXED.keys,
    {**MIXED.columns, "matrix": np.arange(6.0).reshape(3, 2)},
    {(("b", "x"),): {"auc": np.asarray(0.25), "name": b"text"}},
)


BOUNDS = np.array([[0.5, 0.25, 0.0], [0.75, 0.5, math.nan], [0.125, 0.0, math.nan]])
WITH_INTERVALS = dataclasses.replace(
    MIXED.with_keys(),
    intervals={
        MetricKey("auc"): Interval("jackknife", *BOUNDS, 19),
        MetricKey("whole"): Interval("wilson", *BOUNDS[:, ::-1]),
    },
)
WITH_ALL = dataclasses.replace(WITH_ARRAYS.with_keys(), intervals=WITH_INTERVALS.intervals)


@pytest.mark.parametrize(
    "block",
    [MIXED, WITH_ARRAYS, WITH_INTERVALS, WITH_ALL],
    ids=["numbers", "arrays", "intervals", "all"],
)
def test_files_are_those_of_each_slice(block: MetricsBlock, tmp_path: Any) -> None:
    for folder, add in (
        ("block", lambda writer: writer.add_block(block)),
        ("each", lambda writer: writer.add_metrics(one_by_one(block))),
    ):
        with ResultsWriter(tmp_path / folder) as writer:
            add(writer)
            writer.finish(config_pb2.EvalRun())
    found, expected = (microtome.load_eval_result(str(tmp_path / f)) for f in ("block", "each"))
    assert repr(found.slicing_metrics) == repr(expected.slicing_metrics)
    tables = [pq.read_table(tmp_path / f / names.METRICS_TABLE) for f in ("block", "each")]
    assert tables[0].schema == tables[1].schema
    pd.testing.assert_frame_equal(tables[0].to_pandas(), tables[1].to_pandas())


@pytest.mark.parametrize("rows", [[1], [0, 1, 2]])
def test_intervals_are_read_at_once_as_one_by_one(rows: list[int]) -> None:
    """Alike where every slice has all intervals, which the middle one has."""
    block = WITH_INTERVALS.taken(np.array([*rows, *rows[:1]]))
    messages = one_by_one(block)
    expected = [(record_slice_key(one), metrics_of(one, None)) for one in messages]
    assert list(read_metrics(block.serialized(), None)) == expected
    bounded = [str(metrics).count("boundedValue") for _, metrics in expected]
    assert bounded == ([2, 2] if rows == [1] else [1, 2, 1, 1])


def test_a_block_larger_than_a_row_group(tmp_path: Any) -> None:
    size = 40_000
    keys = [(("n", number),) for number in range(size)]
    block = MetricsBlock(keys, {"a": np.arange(size) / 7, COUNT: np.ones(size)})
    with ResultsWriter(tmp_path / "out") as writer:
        writer.add_block(block)
        writer.add_block(MetricsBlock([], {"a": np.zeros(0)}))
        writer.finish(config_pb2.EvalRun())
    table = pq.read_table(tmp_path / "out" / names.METRICS_TABLE).to_pandas()
    assert len(table) == 2 * size
    np.testing.assert_array_equal(table[table.metric == "a"].value, np.arange(size) / 7)
    assert pq.ParquetFile(tmp_path / "out" / names.METRICS_TABLE).num_row_groups == 2


@given(blocks())
def test_read_at_once_as_one_by_one(block: MetricsBlock) -> None:
    records = block.serialized()
    messages = [result_pb2.MetricsForSlice.FromString(data) for data in records]
    expected = [(record_slice_key(one), metrics_of(one, None)) for one in messages]
    assert repr(list(read_metrics(records, None))) == repr(expected)


def test_records_of_other_metrics_or_of_none_are_read() -> None:
    one, other = (
        metrics_for_slice((("a", 1),), {name: 0.5}).SerializeToString() for name in ("x", "y")
    )
    key_alone = metrics_for_slice((("a", 2),), {}).SerializeToString()
    found = [metrics for _, metrics in read_metrics([one, other, key_alone, one], None)]
    of_x = {"": {"": {"x": {"doubleValue": 0.5}}}}
    assert found == [of_x, {"": {"": {"y": {"doubleValue": 0.5}}}}, {}, of_x]


@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_a_record_that_is_none_is_told_where_it_stands(damaged: int) -> None:
    records = MetricsBlock([(("a", i),) for i in range(3)], {"x": np.arange(1.0, 4.0)}).serialized()
    # what the end looks like does not help where the slice key is no message
    records[damaged] = b"\xff" + records[damaged][1:]
    found = read_metrics(records, None)
    for _ in range(damaged):
        next(found)
    with pytest.raises(DecodeError):
        next(found)
