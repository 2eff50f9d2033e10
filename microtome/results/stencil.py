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
from microtome.results.values import JsonValue, metrics_for_slice, number_to_json
from microtome.slicing.keys import OVERALL

_CHUNK = 2048


@dataclass(frozen=True)
class Stencil:
    """A serialized record of numbers without a slice key.

    Attributes:
        metrics: in order of `metric_keys.metric_order`.
        data: the record.
        places: where in it each number stands.
    """

    metrics: tuple[MetricName, ...]
    data: bytes
    places: tuple[int, ...]

    def filled(self, numbers: npt.NDArray[np.float64]) -> list[bytes]:
        """Records without keys.

        Args:
            numbers: `[records, metrics]`.
        """
        rows = np.tile(np.frombuffer(self.data, np.uint8), (len(numbers), 1))
        values = numbers.astype("<f8").view(np.uint8).reshape(*numbers.shape, 8)
        for column, place in enumerate(self.places):
            rows[:, place : place + 8] = values[:, column]
        return [bytes(row) for row in rows]

    def numbers(self, records: Sequence[bytes]) -> npt.NDArray[np.float64] | None:
        """The numbers `[records, metrics]` at the ends of records; None if one ends otherwise."""
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
def stencil_of(metrics: tuple[MetricName, ...]) -> Stencil:
    """The stencil of these metrics, in order of `metric_keys.metric_order`."""
    generator = np.random.default_rng(0)
    while True:
        marks = generator.random(len(metrics)).tolist()
        record = metrics_for_slice(OVERALL, dict(zip(metrics, marks, strict=True)))
        record.ClearField("slice_key")
        data = record.SerializeToString(deterministic=True)
        found = [struct.pack("<d", mark) for mark in marks]
        # the name of a metric could hold the same bytes
        if all(data.count(each) == 1 for each in found):
            return Stencil(metrics, data, tuple(map(data.index, found)))


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
        keys = (metric_key_from_proto(item.key) for item in first.metric_keys_and_values)
        stencil = stencil_of(tuple(sorted([*first.metrics, *keys], key=metric_order)))
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
    columns = [_column_to_json(numbers[:, i]) for i in kept]
    nested = _nested([places[i] for i in kept], list(zip(*columns, strict=True)))
    return [(record_slice_key(part), metrics) for part, metrics in zip(parts, nested, strict=True)]


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
    if np.isfinite(numbers).all():
        return [{"doubleValue": number} for number in numbers.tolist()]
    return [number_to_json(number) for number in numbers.tolist()]
