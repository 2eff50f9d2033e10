"""The metrics of many slices, by metric: what an evaluation hands to those who write its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from microtome.metrics.keys import MetricKey
from microtome.proto import result_pb2
from microtome.results.metric_keys import MetricName, metric_order
from microtome.results.records import EXAMPLE_COUNTS
from microtome.results.slice_keys import AnySliceKey, record_slice_key, set_slice_key
from microtome.results.stencil import NO_INTERVAL, NORMAL, stencil_of
from microtome.results.values import metrics_for_slice, plots_for_slice
from microtome.slicing.keys import OVERALL
from microtome.statistics.intervals import Interval

V = TypeVar("V")
Columns = Mapping[MetricName, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class MetricsBlock:
    """Metrics of several slices.

    Attributes:
      keys: the slices.
      columns: by metric, `[slices]` of numbers, or `[slices, ...]` of arrays and texts.
      further: by slice, metrics that stand in no column, or in place of a column's.
      plots: keys, each with `[slices]` of `PlotData`. Those of one key are merged.
      intervals: of metrics of the columns, that are numbers and have keys.
      without_intervals: why other metrics have none, where intervals are computed.
    """

    keys: Sequence[AnySliceKey]
    columns: Columns
    further: Mapping[AnySliceKey, Mapping[MetricName, Any]] = field(default_factory=dict)
    plots: Sequence[tuple[MetricName, npt.NDArray[Any]]] = ()
    intervals: Mapping[MetricName, Interval] = field(default_factory=dict)
    without_intervals: Mapping[MetricName, str] = field(default_factory=dict)

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

    def with_keys(self) -> MetricsBlock:
        """The block with a key for each metric: those that have a name alone hold no interval."""
        return replace(
            self,
            columns=_keyed(self.columns),
            further={key: _keyed(metrics) for key, metrics in self.further.items()},
            intervals=_keyed(self.intervals),
            without_intervals=_keyed(self.without_intervals),
        )

    def bounds(self) -> npt.NDArray[np.float64]:
        """`[slices, metrics, 3]`: lower and upper bound and standard error; NaN for no interval."""
        found = np.full((len(self), len(self.metrics), 3), np.nan)
        for column, name in enumerate(self.metrics):
            if name in self.intervals:
                interval = self.intervals[name]
                parts = [interval.lower, interval.upper, interval.standard_error]
                found[:, column] = np.where(interval.is_there, parts, np.nan).T
        return found

    def serialized(self) -> list[bytes]:
        """A serialized `MetricsForSlice` each slice."""
        if not (self.has_numbers_alone and len(self)):
            return [self._serialized_record(i) for i in range(len(self))]
        if not self.intervals:
            return self._by_stencil()
        is_whole = np.all([interval.is_there for interval in self.intervals.values()], axis=0)
        records = iter(self.taken(np.flatnonzero(is_whole))._by_stencil())
        return [
            next(records) if whole else self._serialized_record(i)
            for i, whole in enumerate(is_whole.tolist())
        ]

    def taken(self, where: npt.NDArray[np.int64]) -> MetricsBlock:
        """The block of some of the slices, by position."""
        keys = [self.keys[i] for i in where.tolist()]
        return MetricsBlock(
            keys,
            {name: column[where] for name, column in self.columns.items()},
            {key: self.further[key] for key in keys if key in self.further},
            [(name, column[where]) for name, column in self.plots],
            {name: interval.taken(where) for name, interval in self.intervals.items()},
            self.without_intervals,
        )

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

    def _serialized_record(self, i: int) -> bytes:
        key = self.keys[i]
        metrics = {name: self.columns[name][i] for name in self.metrics}
        record = metrics_for_slice(
            key,
            {**metrics, **self.further.get(key, {})},
            {name: interval.of(i) for name, interval in self.intervals.items()},
        )
        return record.SerializeToString(deterministic=True)

    def _by_stencil(self) -> list[bytes]:
        """Fills the numbers into a record that was serialized once."""
        intervals = [self.intervals.get(name) for name in self.metrics]
        stencil = stencil_of(self.metrics, tuple(map(_freedom, intervals)))
        numbers = np.concatenate([self.numbers()[:, :, None], self.bounds()], axis=2)
        is_filled = [[True, *[interval is not None] * 3] for interval in intervals]
        filled = stencil.filled(numbers[:, np.array(is_filled)])
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


def _keyed(of_metrics: Mapping[MetricName, V]) -> dict[MetricName, V]:
    return {
        MetricKey(name) if isinstance(name, str) else name: value
        for name, value in of_metrics.items()
    }


def _freedom(interval: Interval | None) -> int:
    """As stencils have it."""
    return NO_INTERVAL if interval is None else interval.degrees_of_freedom or NORMAL


def _is_numbers(column: npt.NDArray[Any]) -> bool:
    return column.ndim == 1 and column.dtype.kind in "biuf"
