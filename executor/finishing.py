"""From the sums of each slice to its metrics, and to records of the result."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import numpy as np

from microtome.executor.account import COUNTS_OUTPUT, Stopwatch
from microtome.executor.shared_model import WorkerModel
from microtome.results.blocks import MetricsBlock
from microtome.results.names import EXAMPLE_COUNT, EXAMPLE_WEIGHT
from microtome.slicing.keys import SliceKey
from microtome.slicing.table import SliceTable

if TYPE_CHECKING:
    from microtome.model.plan import Plan

_COMPACT_AT = 8
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
        weights: the name of the output that each of the plan's weights is for; '' for all.
    """

    def __init__(self, weights: Sequence[str]):
        self._weights = tuple(weights)

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
            block = self._block(SliceTable.from_bytes(merged), plan, listed or {})
        yield block
        yield beam.pvalue.TaggedOutput(COUNTS_OUTPUT, stopwatch.told())

    def _block(
        self, table: SliceTable, plan: Plan, listed: Mapping[SliceKey, Mapping[str, Any]]
    ) -> MetricsBlock:
        columns = {**self._counts(table.sums), **plan.lower.finish(table.sums)}
        further = {key: listed[key] for key in table.keys if key in listed} if listed else {}
        return MetricsBlock(table.keys, columns, further)

    def _counts(self, sums: np.ndarray) -> dict[str, np.ndarray]:
        counts = {EXAMPLE_COUNT: sums[:, 0]}
        for column, output in enumerate(self._weights, start=1):
            name = f"post_export_metrics/{output}/example_weight" if output else EXAMPLE_WEIGHT
            counts[name] = sums[:, column]
        if not self._weights:
            counts[EXAMPLE_WEIGHT] = sums[:, 0]
        return counts


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
