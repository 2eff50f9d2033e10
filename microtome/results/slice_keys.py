"""Slice keys as messages and back."""

from __future__ import annotations

import math
from typing import TypeAlias, cast

import numpy as np

from microtome.errors import OutputError
from microtome.proto import result_pb2
from microtome.slicing.keys import SliceKey, SliceValue, slice_value, stringify_slice_key

# A slice compared with another: the keys of the baseline and of the comparison.
CrossSliceKey: TypeAlias = tuple[SliceKey, SliceKey]
AnySliceKey: TypeAlias = SliceKey | CrossSliceKey

_INT64 = np.iinfo(np.int64)


def slice_key_to_proto(key: SliceKey) -> result_pb2.SliceKey:
    """The message of a slice key.

    A float is kept with the 32 bits that the message has for it. An integer beyond 64 bits becomes
    text.
    """
    message = result_pb2.SliceKey()
    for column, value in key:
        _set_value(message.single_slice_keys.add(column=column), value)
    return message


def slice_key_from_proto(message: result_pb2.SliceKey) -> SliceKey:
    """The slice key of a message, its columns in the message's order.

    Raises:
        OutputError: A column has no value.
    """
    return tuple((single.column, _value(single)) for single in message.single_slice_keys)


def set_slice_key(
    record: result_pb2.MetricsForSlice | result_pb2.PlotsForSlice, key: AnySliceKey
) -> None:
    """Sets the slice that a record is about."""
    if is_cross_slice_key(key):
        baseline, comparison = cast(CrossSliceKey, key)
        record.cross_slice_key.baseline_slice_key.CopyFrom(slice_key_to_proto(baseline))
        record.cross_slice_key.comparison_slice_key.CopyFrom(slice_key_to_proto(comparison))
    else:
        record.slice_key.CopyFrom(slice_key_to_proto(cast(SliceKey, key)))


def record_slice_key(
    record: result_pb2.MetricsForSlice
    | result_pb2.PlotsForSlice
    | result_pb2.AttributionsForSlice
    | result_pb2.MetricsValidationForSlice,
) -> AnySliceKey:
    """The slice that a record of a result file is about."""
    if record.HasField("cross_slice_key"):
        cross = record.cross_slice_key
        baseline = slice_key_from_proto(cross.baseline_slice_key)
        return baseline, slice_key_from_proto(cross.comparison_slice_key)
    return slice_key_from_proto(record.slice_key)


def is_cross_slice_key(key: AnySliceKey) -> bool:
    """Whether a key compares two slices."""
    # The second of a pair is a text in a column of a slice key, a tuple in a key of two slices.
    return len(key) == 2 and _is_slice_key(key[0]) and _is_slice_key(key[1])


def _is_slice_key(part: object) -> bool:
    # all items are like the first
    return isinstance(part, tuple) and (not part or isinstance(part[0], tuple))


def _set_value(single: result_pb2.SingleSliceKey, value: SliceValue) -> None:
    value = slice_value(value)
    if isinstance(value, float):
        with np.errstate(over="ignore"):
            single.float_value = float(np.float32(value))
    elif isinstance(value, int) and _INT64.min <= value <= _INT64.max:
        single.int64_value = value
    else:
        single.bytes_value = str(value).encode("utf-8")


def _value(single: result_pb2.SingleSliceKey) -> SliceValue:
    kind = single.WhichOneof("kind")
    if kind is None:
        raise OutputError(f"A slice key has no value for its column {single.column!r}.")
    return slice_value(getattr(single, kind))


def slice_text(key: AnySliceKey) -> str:
    """A key as text; that of two slices as `baseline__XX__comparison`."""
    if is_cross_slice_key(key):
        return "__XX__".join(stringify_slice_key(part) for part in cast(CrossSliceKey, key))
    return stringify_slice_key(cast(SliceKey, key))


def short_key(key: AnySliceKey) -> AnySliceKey:
    """A key for people: floats that came from 32 bits have the digits that they had there: 0.1."""
    if is_cross_slice_key(key):
        baseline, comparison = cast(CrossSliceKey, key)
        return _short(baseline), _short(comparison)
    return _short(cast(SliceKey, key))


def _short(key: SliceKey) -> SliceKey:
    return tuple((column, _short_value(value)) for column, value in key)


def _short_value(value: SliceValue) -> SliceValue:
    if isinstance(value, float) and math.isfinite(value):
        with np.errstate(over="ignore"):
            single = np.float32(value)
        return float(str(single)) if float(single) == value else value
    return value
