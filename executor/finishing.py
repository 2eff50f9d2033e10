"""From the sums of each slice to its metrics, and to records of the result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import numpy as np

from microtome.executor.shared_model import WorkerModel
from microtome.results.names import EXAMPLE_COUNT, EXAMPLE_WEIGHT
from microtome.results.values import metrics_for_slice
from microtome.slicing.keys import SliceKey
from microtome.slicing.table import SliceTable

if TYPE_CHECKING:
    from microtome.model.plan import Plan

_COMPACT_AT = 8


class MergeTables(beam.CombineFn):
    """Adds up serialized `SliceTable`s."""

    def create_accumulator(self) -> list[SliceTable]:
        return []

    def add_input(self, accumulator: list[SliceTable], element: bytes) -> list[SliceTable]:
        accumulator.append(SliceTable.from_bytes(element))
        return accumulator if len(accumulator) < _COMPACT_AT else self.compact(accumulator)

    def merge_accumulators(self, accumulators: Iterable[list[SliceTable]]) -> list[SliceTable]:
        return self.compact([table for accumulator in accumulators for table in accumulator])

    def compact(self, accumulator: list[SliceTable]) -> list[SliceTable]:
        return [SliceTable.merge(accumulator)] if len(accumulator) > 1 else accumulator

    def extract_output(self, accumulator: list[SliceTable]) -> bytes:
        return SliceTable.merge(accumulator).to_bytes()


class FinishSlices(beam.DoFn):
    """Computes the metrics of a shard of the slices.

    Input: (shard, serialized `SliceTable`). Output: the slices' serialized `MetricsForSlice`, in
        one list a shard.

    Args:
        weights: the name of the output that each of the plan's weights is for; '' for all.
    """

    def __init__(self, weights: Sequence[str]):
        self._weights = tuple(weights)

    def process(
        self,
        shard: tuple[int, bytes],
        plan: Plan,
        listed: Mapping[SliceKey, Mapping[str, Any]] | None = None,
    ) -> Iterator[list[bytes]]:
        table = SliceTable.from_bytes(shard[1])
        values = self._counts(table.sums)
        values.update(plan.lower.finish(table.sums))
        records = []
        for i, key in enumerate(table.keys):
            metrics = {name: array[i] for name, array in values.items()}
            metrics.update((listed or {}).get(key, {}))
            records.append(metrics_for_slice(key, metrics).SerializeToString(deterministic=True))
        yield records

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
        values by metric).
    """

    def __init__(self, model: WorkerModel):
        self._model = model

    def process(
        self, element: tuple[bytes, Iterable[tuple[list[bytes], list[int]]]], plan: Plan
    ) -> Iterator[tuple[SliceKey, dict[str, Any]]]:
        key, batches = element
        evaluator = self._model.get(plan)
        values = evaluator.reference_values(
            [(records, np.asarray(rows, np.int64)) for records, rows in batches]
        )
        yield SliceTable.from_bytes(key).keys[0], {k: np.asarray(v) for k, v in values.items()}
