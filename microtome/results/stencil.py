"""Records of metrics that are numbers, many at a time: to serialized bytes and back.

Serialized records of the same metrics differ in their slice keys and in eight bytes a number. What
is the same in all is serialized once.
"""

from __future__ import annotations

import functools
import itertools
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from microtome.proto import result_pb2
from microtome.results.metric_keys import (
    MetricName,
    metric_key_from_proto,
    metric_order,
)
from microtome.results.records import (
    MetricPlace,
    Metrics,
    is_of_model,
    metrics_of,
    places_of,
)
from microtome.results.slice_keys import AnySliceKey, record_slice_key
from microtome.results.values import (
    JsonValue,
    bounded_to_json,
    metrics_for_slice,
    number_to_json,
)
from microtome.slicing.keys import OVERALL
from microtome.statistics.intervals import Bounds

_CHUNK = 2048
# in place of degrees of freedom: of no interval, and of one by the normal distribution
NO_INTERVAL, NORMAL = -1, 0


@dataclass(frozen=True)
class Stencil:
    """A serialized record of numbers without a slice key.

    Attributes:
        metrics: in order of `metric_keys.metric_order`.
        freedoms: of each metric, the degrees of freedom of its interval, NORMAL or NO_INTERVAL.
        data: the record.
        places: where in it each number stands: the value of each metric and, where it has an
            interval, lower and upper bound and standard error.
    """

    metrics: tuple[MetricName, ...]
    freedoms: tuple[int, ...]
    data: bytes
    places: tuple[int, ...]

    def filled(self, numbers: npt.NDArray[np.float64]) -> list[bytes]:
        """Records without keys.

        Args:
            numbers: `[records, numbers]`, as `places` has them.
        """
        rows = np.tile(np.frombuffer(self.data, np.uint8), (len(numbers), 1))
        values = np.ascontiguousarray(numbers, "<f8").view(np.uint8).reshape(*numbers.shape, 8)
        for column, place in enumerate(self.places):
            rows[:, place : place + 8] = values[:, column]
        return [bytes(row) for row in rows]

    def numbers(self, records: Sequence[bytes]) -> npt.NDArray[np.float64] | None:
        """The numbers `[records, numbers]` at the ends of records; None if one ends otherwise."""
        size = len(self.data)
        ends = b"".join(record[-size:] for record in records)
        if len(ends) != size * len(records):
            return None
        rows = np.frombuffer(ends, np.uint8).reshape(len(records), size)
        within = np.add.outer(self.places, np.arange(8)).reshape(-1)
        is_fixed = np.ones(size, bool)
        is_fixed[within] = False
        if np.any(rows[:, is_fixed] != np.frombuffer(self.data, np.uint8)[is_fixed]):
            return None
        return np.ascontiguousarray(rows[:, within]).view("<f8").astype(np.float64)


@functools.lru_cache(maxsize=8)
def stencil_of(metrics: tuple[MetricName, ...], freedoms: tuple[int, ...] = ()) -> Stencil:
    """The stencil of these metrics.

    Args:
        metrics: in order of `metric_keys.metric_order`.
        freedoms: as of `Stencil`; none: no metric has an interval.
    """
    freedoms = freedoms or (NO_INTERVAL,) * len(metrics)
    generator = np.random.default_rng(0)
    while True:
        values: dict[MetricName, object] = {}
        intervals: dict[MetricName, Bounds | None] = {}
        marks: list[float] = []
        for name, freedom in zip(metrics, freedoms, strict=True):
            own = generator.random(1 if freedom == NO_INTERVAL else 4).tolist()
            values[name] = own[0]
            if freedom != NO_INTERVAL:
                _, lower, upper, error = own
                intervals[name] = Bounds(lower, upper, error, freedom or None)
            marks += own
        record = metrics_for_slice(OVERALL, values, intervals)
        record.ClearField("slice_key")
        data = record.SerializeToString(deterministic=True)
        found = [struct.pack("<d", mark) for mark in marks]
        # the name of a metric could hold the same bytes
        if all(data.count(each) == 1 for each in found):
            return Stencil(metrics, freedoms, data, tuple(map(data.index, found)))


def read_metrics(
    records: Iterable[bytes], model_name: str | None
) -> Iterator[tuple[AnySliceKey, Metrics | None]]:
    """The slice and the metrics of each serialized `MetricsForSlice`.

    Args:
        model_name: as in `records.metrics_of`.

    Raises:
        DecodeError: the record after those that were yielded is none.
    """
    remaining = iter(records)
    while chunk := list(itertools.islice(remaining, _CHUNK)):
        yield from _read_alike(chunk, model_name) or _read_each(chunk, model_name)


def _read_each(
    records: Iterable[bytes], model_name: str | None
) -> Iterator[tuple[AnySliceKey, Metrics | None]]:
    for data in records:
        record = result_pb2.MetricsForSlice.FromString(data)
        yield record_slice_key(record), metrics_of(record, model_name)


def _read_alike(
    records: Sequence[bytes], model_name: str | None
) -> list[tuple[AnySliceKey, Metrics | None]]:
    """Records of the same numbers; nothing if they are not such."""
    try:
        first = result_pb2.MetricsForSlice.FromString(records[0])
        shapes = {metric_key_from_proto(i.key): _freedom(i) for i in first.metric_keys_and_values}
        shapes.update(dict.fromkeys(first.metrics, NO_INTERVAL))
        metrics = tuple(sorted(shapes, key=metric_order))
        stencil = stencil_of(metrics, tuple(shapes[name] for name in metrics))
        numbers = stencil.numbers(records) if stencil.metrics else None
        if numbers is None:
            return []
        size = len(stencil.data)
        parts = [result_pb2.MetricsForSlice.FromString(record[:-size]) for record in records]
    except DecodeError:
        return []
    if any(part.metrics or part.metric_keys_and_values for part in parts):
        return []
    places = places_of(stencil.metrics)
    kept = [i for i, place in enumerate(places) if is_of_model(place.model_name, model_name)]
    if not kept:
        return [(record_slice_key(part), None) for part in parts]
    ends = np.cumsum([1 if freedom == NO_INTERVAL else 4 for freedom in stencil.freedoms])
    of_metrics = np.split(numbers, ends[:-1], axis=1)
    columns = [_column_to_json(of_metrics[i]) for i in kept]
    nested = _nested([places[i] for i in kept], list(zip(*columns, strict=True)))
    return [(record_slice_key(part), metrics) for part, metrics in zip(parts, nested, strict=True)]


def _freedom(item: result_pb2.MetricsForSlice.MetricKeyAndValue) -> int:
    """The degrees of freedom of a metric's interval, as stencils have it."""
    if not item.HasField("confidence_interval"):
        return NO_INTERVAL
    return item.confidence_interval.degrees_of_freedom.value or NORMAL


def _nested(
    places: Sequence[MetricPlace], rows: Sequence[Sequence[JsonValue]]
) -> Iterator[Metrics]:
    groups: dict[tuple[str, str], list[int]] = {}
    for i, place in enumerate(places):
        groups.setdefault((place.output_name, place.sub_key), []).append(i)
    for row in rows:
        metrics: Metrics = {}
        for (output, sub_key), members in groups.items():
            named = {places[i].metric: row[i] for i in members}
            metrics.setdefault(output, {})[sub_key] = named
        yield metrics


def _column_to_json(numbers: npt.NDArray[np.float64]) -> list[JsonValue]:
    """The values `[records, 1]`, or with bounds and standard errors `[records, 4]`."""
    if numbers.shape[1] > 1:
        return [bounded_to_json(*row) for row in numbers[:, :3].tolist()]
    values = numbers[:, 0]
    if np.isfinite(values).all():
        return [{"doubleValue": number} for number in values.tolist()]
    return [number_to_json(number) for number in values.tolist()]
