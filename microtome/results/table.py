"""The result as one Parquet table: a row for each metric of each slice.

For pandas, DuckDB and Polars. Columns:

    slice          the slice as text, `Overall` for the whole data
    slice_key      its columns and their values, each a string, an int or a float
    model_name, output_name, sub_key, metric
    value          the number, for metrics that are one
    lower_bound, upper_bound    its confidence interval, or other bounds
    standard_error, degrees_of_freedom    of the interval; no degrees where it is by the normal
    array_value, array_shape    the numbers of an array, row by row
    text_value     a text, or a structure (matrices, values at cutoffs) as JSON
    example_count  the examples of the slice
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from microtome.proto import result_pb2
from microtome.results.blocks import MetricsBlock
from microtome.results.metric_keys import MetricName
from microtome.results.records import (
    MetricPlace,
    NamedValue,
    example_count,
    named_values,
    places_of,
)
from microtome.results.slice_keys import (
    AnySliceKey,
    is_cross_slice_key,
    record_slice_key,
    slice_text,
)
from microtome.results.values import (
    JsonValue,
    array_from_proto,
    bounds_of,
    number_of,
    plain_value,
)
from microtome.slicing.keys import SliceKey

_KEY_PART = pa.struct(
    [
        ("column", pa.string()),
        ("string_value", pa.string()),
        ("int_value", pa.int64()),
        ("float_value", pa.float64()),
    ]
)
_SLICE_FIELDS = [
    ("slice", pa.string()),
    ("slice_key", pa.list_(_KEY_PART)),
    ("example_count", pa.float64()),
]
_VALUE_FIELDS = [
    ("model_name", pa.string()),
    ("output_name", pa.string()),
    ("sub_key", pa.string()),
    ("metric", pa.string()),
    ("value", pa.float64()),
    ("lower_bound", pa.float64()),
    ("upper_bound", pa.float64()),
    ("standard_error", pa.float64()),
    ("degrees_of_freedom", pa.int64()),
    ("array_value", pa.list_(pa.float64())),
    ("array_shape", pa.list_(pa.int32())),
    ("text_value", pa.string()),
]
_ARRAY = [name for name, _ in _VALUE_FIELDS].index("array_value")
SCHEMA = pa.schema([*_SLICE_FIELDS[:2], *_VALUE_FIELDS, *_SLICE_FIELDS[2:]])

# Rows, and elements of their arrays, in a row group: some megabytes in memory.
_ROWS = 1 << 16


class MetricsTable:
    """Writes records as rows, holding no more than one row group in memory."""

    def __init__(self, path: str):
        """Creates the file."""
        self._writer = pq.ParquetWriter(path, SCHEMA)
        self._slices: list[tuple[Any, ...]] = []
        self._slice_of_row: list[int] = []
        self._rows: list[tuple[Any, ...]] = []
        self._elements = 0

    def add(self, record: result_pb2.MetricsForSlice) -> None:
        """Adds the metrics of one slice."""
        items = list(named_values(record))
        key = record_slice_key(record)
        self._slice_of_row += [len(self._slices)] * len(items)
        for item in items:
            row = _row(item)
            self._rows.append(row)
            self._elements += 0 if row[_ARRAY] is None else len(row[_ARRAY])
        self._slices.append((slice_text(key), _key_parts(key), example_count(items)))
        if len(self._rows) + self._elements >= _ROWS:
            self._flush()

    def add_block(self, block: MetricsBlock) -> None:
        """Adds the metrics of slices that have numbers alone."""
        self._flush()
        metrics = block.metrics
        numbers, keys = block.numbers(), block.keys_as_written()
        counts = block.example_counts
        at_once = max(1, _ROWS // len(metrics))
        for start in range(0, len(block), at_once):
            part = slice(start, start + at_once)
            of_part = numbers[part]
            examples = [None] * len(of_part) if counts is None else counts[part]
            intervals = _intervals(block, part) if block.intervals else {}
            self._write_numbers(keys[part], metrics, of_part, examples, intervals)

    def _write_numbers(
        self,
        keys: Sequence[AnySliceKey],
        metrics: Sequence[MetricName],
        numbers: npt.NDArray[np.float64],
        examples: Sequence[float | None] | npt.NDArray[np.float64],
        intervals: Mapping[str, pa.Array],
    ) -> None:
        slices = [(slice_text(k), _key_parts(k), n) for k, n in zip(keys, examples, strict=True)]
        height, width = numbers.shape
        rows = pa.array(np.repeat(np.arange(height, dtype=np.int32), width))
        columns = {n: array.take(rows) for n, array in _arrays(slices, _SLICE_FIELDS).items()}
        of_row = pa.array(np.tile(np.arange(width, dtype=np.int32), height))
        places = places_of(metrics)
        for name, kind in _VALUE_FIELDS:
            columns[name] = (
                pa.array([getattr(place, name) for place in places], kind).take(of_row)
                if name in MetricPlace._fields
                else pa.nulls(height * width, kind)
            )
        columns["value"] = pa.array(numbers.reshape(-1), pa.float64())
        columns.update(intervals)
        self._write(columns)

    def close(self) -> None:
        """Writes what is left and ends the file."""
        try:
            self._flush()
        finally:
            self._writer.close()

    def discard(self) -> None:
        """Lets go of the file, whatever is in it."""
        self._rows = []
        self.close()

    def _flush(self) -> None:
        if not self._rows:
            return
        # The columns of a slice are built once for all its rows.
        rows = pa.array(self._slice_of_row, pa.int32())
        columns = {
            name: array.take(rows) for name, array in _arrays(self._slices, _SLICE_FIELDS).items()
        }
        columns.update(_arrays(self._rows, _VALUE_FIELDS))
        self._write(columns)
        self._slices, self._slice_of_row, self._rows = [], [], []
        self._elements = 0

    def _write(self, columns: Mapping[str, Any]) -> None:
        arrays = [columns[name] for name in SCHEMA.names]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))


def _arrays(rows: list[tuple[Any, ...]], fields: list[tuple[str, pa.DataType]]) -> dict[str, Any]:
    columns = zip(*rows, strict=True)
    return {
        name: pa.array(column, kind) for (name, kind), column in zip(fields, columns, strict=True)
    }


def _intervals(block: MetricsBlock, part: slice) -> dict[str, pa.Array]:
    """The columns of the intervals of some slices, null where there is none."""
    bounds = block.bounds()[part]
    is_there = np.isfinite(bounds[..., 0])
    freedoms = [
        (block.intervals[name].degrees_of_freedom or 0) if name in block.intervals else 0
        for name in block.metrics
    ]
    degrees = np.where(is_there, freedoms, 0).reshape(-1)
    names = ["lower_bound", "upper_bound", "standard_error"]
    columns = {
        name: pa.array(bounds[..., i].reshape(-1), mask=~is_there.reshape(-1))
        for i, name in enumerate(names)
    }
    return {**columns, "degrees_of_freedom": pa.array(degrees, pa.int64(), mask=degrees == 0)}


def _row(item: NamedValue) -> tuple[Any, ...]:
    where = item.model_name, item.output_name, item.sub_key, item.name
    if item.message.WhichOneof("type") == "array_value":
        array = array_from_proto(item.message.array_value)
        if array.dtype.kind != "O":
            elements = array.reshape(-1).astype(np.float64)
            return *where, *[None] * 5, elements, list(array.shape), None
    value = item.value()
    number = number_of(value)
    text = _text(value) if number is None else None
    return *where, number, *bounds_of(value), *_error_of(item), None, None, text


def _error_of(item: NamedValue) -> tuple[float | None, int | None]:
    """The standard error of a number with an interval, and its degrees of freedom."""
    bounds = item.bounds()
    return (None, None) if bounds is None else (bounds.standard_error, bounds.degrees_of_freedom)


def _text(value: JsonValue) -> str:
    plain = plain_value(value)
    if isinstance(plain, bytes):
        return plain.decode("utf-8", "backslashreplace")
    return plain if isinstance(plain, str) else json.dumps(value)


def _key_parts(key: AnySliceKey) -> list[dict[str, Any]]:
    """The parts of a key; of two slices, those of the baseline first."""
    if is_cross_slice_key(key):
        return [part for side in key for part in _key_parts(cast(SliceKey, side))]
    return [_key_part(column, value) for column, value in cast(SliceKey, key)]


def _key_part(column: str, value: str | int | float) -> dict[str, Any]:
    if isinstance(value, str):
        return {"column": column, "string_value": value}
    return {"column": column, "int_value" if isinstance(value, int) else "float_value": value}
