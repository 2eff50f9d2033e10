"""The metrics of many slices, by metric: what an evaluation hands to those who write its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from microtome.proto import result_pb2
from microtome.results.metric_keys import MetricName, metric_order
from microtome.results.records import EXAMPLE_COUNTS
from microtome.results.slice_keys import AnySliceKey, record_slice_key, set_slice_key
from microtome.results.stencil import stencil_of
from microtome.results.values import metrics_for_slice, plots_for_slice
from microtome.slicing.keys import OVERALL

Columns = Mapping[MetricName, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class MetricsBlock:
    """Metrics of several slices.

    Attributes:
      keys: the slices.
      columns: by metric, `[slices]` of numbers, or `[slices, ...]` of arrays and texts.
      further: by slice, metrics that stand in no column, or in place of a column's.
      plots: keys, each with `[slices]` of `PlotData`. Those of one key are merged.
    """

    keys: Sequence[AnySliceKey]
    columns: Columns
    further: Mapping[AnySliceKey, Mapping[MetricName, Any]] = field(default_factory=dict)
    plots: Sequence[tuple[MetricName, npt.NDArray[Any]]] = ()

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def has_numbers_alone(self) -> bool:
        """Whether there are metrics, and each is a number in every slice."""
        return (
            bool(self.columns) and not self.further and all(map(_is_numbers, self.columns.values()))
        )

    @cached_property
    def metrics(self) -> tuple[MetricName, ...]:
        """The metrics of the columns, in order of name."""
        return tuple(sorted(self.columns, key=metric_order))

    def numbers(self) -> npt.NDArray[np.float64]:
        """`[slices, metrics]`, the metrics in order of name, where there are numbers alone."""
        columns = [self.columns[name] for name in self.metrics]
        return np.stack([np.asarray(each, np.float64) for each in columns], axis=1)

    def keys_as_written(self) -> list[AnySliceKey]:
        """The keys as records hold them, in which a float has 32 bits."""
        return [record_slice_key(message) for message in self._key_messages]

    @property
    def example_counts(self) -> npt.NDArray[Any] | None:
        """The number of each slice's examples; None where no metric says it."""
        counts = {_name(name): self.columns[name] for name in reversed(self.metrics)}
        return next((counts[name] for name in EXAMPLE_COUNTS if name in counts), None)

    def sizes(self) -> list[float]:
        """As `records.size_of` of each slice."""
        counts = np.zeros(len(self)) if self.example_counts is None else self.example_counts
        is_overall = np.array([key == OVERALL for key in self.keys], bool)
        sizes = np.where(np.isnan(counts), 0.0, counts)
        return list(np.where(is_overall, np.inf, sizes).tolist())

    def serialized(self) -> list[bytes]:
        """A serialized `MetricsForSlice` each slice."""
        if self.has_numbers_alone and len(self):
            return self._by_stencil()
        return [
            self._record(i, key).SerializeToString(deterministic=True)
            for i, key in enumerate(self.keys)
        ]

    def serialized_plots(self) -> list[bytes]:
        """A serialized `PlotsForSlice` each slice that has plots."""
        if not self.plots:
            return []
        return [
            plots_for_slice(
                key, [(name, column[i]) for name, column in self.plots]
            ).SerializeToString(deterministic=True)
            for i, key in enumerate(self.keys)
        ]

    def _record(self, i: int, key: AnySliceKey) -> result_pb2.MetricsForSlice:
        metrics = {name: column[i] for name, column in self.columns.items()}
        return metrics_for_slice(key, {**metrics, **self.further.get(key, {})})

    def _by_stencil(self) -> list[bytes]:
        """Fills the numbers into a record that was serialized once."""
        filled = stencil_of(self.metrics).filled(self.numbers())
        # concatenated messages are one message with the fields of both
        return [
            message.SerializeToString() + row
            for message, row in zip(self._key_messages, filled, strict=True)
        ]

    @cached_property
    def _key_messages(self) -> list[result_pb2.MetricsForSlice]:
        """Records of the keys alone."""
        messages = [result_pb2.MetricsForSlice() for _ in self.keys]
        for message, key in zip(messages, self.keys, strict=True):
            set_slice_key(message, key)
        return messages


def _name(metric: MetricName) -> str:
    return metric if isinstance(metric, str) else metric.name


def _is_numbers(column: npt.NDArray[Any]) -> bool:
    return column.ndim == 1 and column.dtype.kind in "biuf"
