"""From the sums of each slice to its metrics, and to records of the result."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt

from microtome.errors import DataError, MetricError
from microtome.executor.account import COUNTS_OUTPUT, Stopwatch
from microtome.executor.intervals import BY_THE_GRAPH, Intervals, why_none
from microtome.executor.shared_model import WorkerModel
from microtome.executor.subject import Subject
from microtome.metrics.differences import compared_keys, differences
from microtome.proto import result_pb2
from microtome.results.blocks import MetricsBlock
from microtome.results.metric_keys import MetricName
from microtome.results.records import WITHHELD
from microtome.results.slice_keys import AnySliceKey
from microtome.slicing.keys import OVERALL, SliceKey, stringify_slice_key
from microtome.slicing.table import SliceTable
from microtome.statistics.intervals import Floats, Interval

if TYPE_CHECKING:
    from microtome.executor.subject import Plan

_COMPACT_AT = 8
# of sums that are finished at once: 64 MB, where there are histograms of ten thousand thresholds
_NUMBERS_AT_ONCE = 8 << 20
# tables, and the seconds of work on them
_Accumulator = tuple[list[SliceTable], float]


class MergeTables(beam.CombineFn):
    """Adds up serialized `SliceTable`s; gives one, and the seconds that it took."""

    def create_accumulator(self) -> _Accumulator:
        return [], 0.0

    def add_input(self, accumulator: _Accumulator, element: bytes) -> _Accumulator:
        start = time.perf_counter()
        tables, seconds = accumulator
        tables.append(SliceTable.from_bytes(element))
        added = tables, seconds + time.perf_counter() - start
        return added if len(tables) < _COMPACT_AT else self.compact(added)

    def merge_accumulators(self, accumulators: Iterable[_Accumulator]) -> _Accumulator:
        lists, seconds = zip(*accumulators, strict=True)
        return self.compact(([table for tables in lists for table in tables], sum(seconds)))

    def compact(self, accumulator: _Accumulator) -> _Accumulator:
        start = time.perf_counter()
        tables, seconds = accumulator
        merged = [SliceTable.merge(tables)] if tables else []
        return merged, seconds + time.perf_counter() - start

    def extract_output(self, accumulator: _Accumulator) -> tuple[bytes, float]:
        start = time.perf_counter()
        tables, seconds = accumulator
        merged = SliceTable.merge(tables).to_bytes()
        return merged, seconds + time.perf_counter() - start


class FinishSlices(beam.DoFn):
    """Computes the metrics of a shard of the slices.

    Input: (shard, what `MergeTables` gives). Output: a `MetricsBlock` a shard. Output `counts`:
        what an `account.Stopwatch` tells.

    Args:
        subject: what is evaluated.
        min_slice_size: slices of fewer rows are withheld, but for Overall.
        intervals: which are computed, of slices that were resampled so; None where none are.
    """

    def __init__(
        self, subject: Subject, min_slice_size: int = 0, intervals: Intervals | None = None
    ):
        self._subject = subject
        self._intervals = intervals
        self._min_slice_size = min_slice_size

    def process(
        self,
        shard: tuple[int, tuple[bytes, float]],
        plan: Plan,
        listed: Mapping[SliceKey, Mapping[str, Any]] | None = None,
    ) -> Iterator[Any]:
        merged, seconds = shard[1]
        stopwatch = Stopwatch()
        stopwatch.seconds["combine"] = seconds
        with stopwatch.timing("finish"):
            blocks = [
                block
                for part in SliceTable.from_bytes(merged).parts(_NUMBERS_AT_ONCE)
                for block in self._blocks(part, plan, listed or {})
            ]
        yield from (block for block in blocks if len(block))
        yield beam.pvalue.TaggedOutput(COUNTS_OUTPUT, stopwatch.told())

    def _blocks(
        self, table: SliceTable, plan: Plan, listed: Mapping[SliceKey, Mapping[str, Any]]
    ) -> tuple[MetricsBlock, MetricsBlock]:
        sums, resampled = table.sums, None
        if self._intervals is not None:
            sums, resampled = self._intervals.parted(plan, sums)
        told = _is_told(table.keys, sums[:, 0], self._min_slice_size)
        withheld = [key for key, is_told in zip(table.keys, told, strict=True) if not is_told]
        if withheld:
            table, sums = table.taken(np.flatnonzero(told)), sums[told]
            resampled = None if resampled is None else resampled[told]
        return self._block(table.keys, sums, resampled, plan, listed), self._withheld(withheld)

    def _block(
        self,
        keys: Sequence[SliceKey],
        sums: Floats,
        resampled: Floats | None,
        plan: Plan,
        listed: Mapping[SliceKey, Mapping[str, Any]],
    ) -> MetricsBlock:
        counts = {name: sums[:, column] for name, column in self._subject.count_names(plan)}
        intervals: Mapping[MetricName, Interval] = {}
        try:
            columns = {**counts, **plan.values(sums)}
            plots = plan.plots(sums)
            if self._intervals is not None and resampled is not None and len(keys):
                intervals = self._intervals.of(plan, sums, resampled, columns)
        except MetricError as error:
            raise DataError(error.placed(_named_slices(keys))) from error
        further: Mapping[AnySliceKey, Any] = {
            key: _with_differences(listed[key], columns, row, plan.collection.baseline)
            for row, key in enumerate(keys)
            if key in listed
        }
        block = MetricsBlock(keys, columns, further, plots, intervals)
        if self._intervals is None:
            return block
        without = {n: why_none(plan, n, c) for n, c in columns.items() if n not in intervals}
        late = (name for metrics in further.values() for name in metrics)
        without.update(dict.fromkeys((*plan.listed, *late), BY_THE_GRAPH))
        return dataclasses.replace(block, without_intervals=without).with_keys()

    def _withheld(self, keys: Sequence[SliceKey]) -> MetricsBlock:
        text = (
            f"This slice has fewer than the {self._min_slice_size} examples of "
            "options.min_slice_size; its metrics are withheld."
        )
        message = result_pb2.MetricValue(debug_message=text)
        return MetricsBlock(keys, {}, {key: {WITHHELD: message} for key in keys})


def _with_differences(
    listed: Mapping[Any, Any],
    columns: Mapping[Any, np.ndarray],
    row: int,
    baseline: str | None,
) -> Mapping[Any, Any]:
    """The metrics of a slice that needed all its rows, with the differences to the baseline's.

    Args:
        columns: the other metrics `[slices, ...]`, of which one model may have what another lists.
        row: of the slice in them.
    """
    if baseline is None:
        return listed
    keys = compared_keys([*columns, *listed], baseline)
    late = {key for pair in keys if any(key in listed for key in pair) for key in pair}
    known = {key: np.asarray(listed[key] if key in listed else columns[key][row]) for key in late}
    return {**listed, **differences(known, baseline)}


def _named_slices(keys: Sequence[SliceKey]) -> str:
    first = f", {stringify_slice_key(keys[0])!r} first" if keys else ""
    return f"the sums of {len(keys)} slice{'s' * (len(keys) != 1)}{first}"


def _is_told(keys: Sequence[SliceKey], counts: Floats, min_size: int) -> npt.NDArray[np.bool_]:
    """`[slices]`: whether a slice has enough examples to be told."""
    is_overall = np.array([key == OVERALL for key in keys], bool)
    return np.asarray((counts >= min_size) | is_overall)


class FinishRows(beam.DoFn):
    """Computes the metrics that need all rows of a slice.

    Input: (serialized slice key, (records, which of their rows) of each batch). Output: (slice key,
        values by metric). Output `counts`: what an `account.Stopwatch` tells.
    """

    def __init__(self, model: WorkerModel):
        self._model = model

    def process(
        self, element: tuple[bytes, Iterable[tuple[list[bytes], list[int]]]], plan: Plan
    ) -> Iterator[Any]:
        key, batches = element
        evaluator = self._model.get(plan)
        stopwatch = Stopwatch()
        with stopwatch.timing("finish"):
            values = evaluator.reference_values(
                [(records, np.asarray(rows, np.int64)) for records, rows in batches]
            )
        yield SliceTable.from_bytes(key).keys[0], {k: np.asarray(v) for k, v in values.items()}
        yield beam.pvalue.TaggedOutput(COUNTS_OUTPUT, stopwatch.told())
