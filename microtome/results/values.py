"""Metric values as messages, as JSON, and as plain Python values."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from google.protobuf import json_format
from google.protobuf.message import Message

from microtome.proto import result_pb2
from microtome.results.metric_keys import MetricName, metric_key_to_proto, plot_key_to_proto
from microtome.results.slice_keys import AnySliceKey, set_slice_key
from microtome.statistics.intervals import Bounds

# proto3 JSON of a MetricValue, as it stands in `EvalResult.slicing_metrics`.
JsonValue: TypeAlias = dict[str, Any]

_ArrayValue = result_pb2.ArrayValue
_ARRAY_FIELDS = {
    _ArrayValue.BYTES: "bytes_values",
    _ArrayValue.INT32: "int32_values",
    _ArrayValue.INT64: "int64_values",
    _ArrayValue.FLOAT32: "float32_values",
    _ArrayValue.FLOAT64: "float64_values",
}
_DTYPES = {
    _ArrayValue.BYTES: np.dtype(object),
    _ArrayValue.INT32: np.dtype(np.int32),
    _ArrayValue.INT64: np.dtype(np.int64),
    _ArrayValue.FLOAT32: np.dtype(np.float32),
    _ArrayValue.FLOAT64: np.dtype(np.float64),
}
_JSON_FIELDS = {
    json_format.MessageToDict(_ArrayValue(data_type=kind))["dataType"]: (
        _ArrayValue.DESCRIPTOR.fields_by_name[field].json_name,
        _DTYPES[kind],
    )
    for kind, field in _ARRAY_FIELDS.items()
}
_FIELD_OF_TYPE = {
    field.message_type.full_name: field.name
    for field in result_pb2.MetricValue.DESCRIPTOR.fields
    if field.message_type is not None
}
_NUMBERS = (float, int, np.floating, np.integer, np.bool_)
_NON_FINITE = {math.inf: "Infinity", -math.inf: "-Infinity"}


def metrics_for_slice(
    key: AnySliceKey,
    metrics: Mapping[MetricName, object],
    intervals: Mapping[MetricName, Bounds | None] = MappingProxyType({}),
) -> result_pb2.MetricsForSlice:
    """The record of one slice's metrics.

    Args:
        key: The slice, or the two that are compared.
        metrics: Values by metric, each as `to_metric_value` takes it.
        intervals: Of metrics that have a key, not a name alone.
    """
    record = result_pb2.MetricsForSlice()
    set_slice_key(record, key)
    values = record.metrics
    for name, value in metrics.items():
        if isinstance(name, str):
            _set_value(values[name], value)
        else:
            item = record.metric_keys_and_values.add(key=metric_key_to_proto(name))
            _set_value(item.value, value)
            bounds = intervals.get(name)
            if bounds is not None:
                _set_interval(item.confidence_interval, bounds)
    return record


def _set_interval(message: result_pb2.ConfidenceInterval, bounds: Bounds) -> None:
    message.lower_bound.double_value.value = bounds.lower
    message.upper_bound.double_value.value = bounds.upper
    message.standard_error.double_value.value = bounds.standard_error
    if bounds.degrees_of_freedom is not None:
        message.degrees_of_freedom.value = bounds.degrees_of_freedom


def plots_for_slice(
    key: AnySliceKey, plots: Iterable[tuple[MetricName, result_pb2.PlotData]]
) -> result_pb2.PlotsForSlice:
    """The record of one slice's plots.

    Those of one key are one message with the fields of all.
    """
    record = result_pb2.PlotsForSlice()
    set_slice_key(record, key)
    of_keys: dict[bytes, result_pb2.PlotData] = {}
    for name, data in plots:
        if isinstance(name, str):
            record.plots[name].MergeFrom(data)
            continue
        plot_key = plot_key_to_proto(name)
        which = plot_key.SerializeToString(deterministic=True)
        if which not in of_keys:
            of_keys[which] = record.plot_keys_and_values.add(key=plot_key).value
        of_keys[which].MergeFrom(data)
    return record


def to_metric_value(value: object) -> result_pb2.MetricValue:
    """The message of a metric's value.

    Args:
        value: A number, Python's or numpy's or an array without dimensions: becomes a double. An
            array: keeps its shape and its type, or the next wider that the message has. A string or
            bytes. A `MetricValue`, or a message of one of the types that it can hold, such as
            `BoundedValue`. What is none of these is named in the message's `unknown_type`.
    """
    message = result_pb2.MetricValue()
    _set_value(message, value)
    return message


def to_json(message: result_pb2.MetricValue) -> JsonValue:
    """The value as proto3 JSON. As `MessageToDict`, but faster for the commonest kind."""
    if message.WhichOneof("type") != "double_value":
        return dict(json_format.MessageToDict(message))
    return number_to_json(message.double_value.value)


def number_to_json(number: float) -> JsonValue:
    """A number as `to_json` of a value of it."""
    if math.isfinite(number):
        return {"doubleValue": number}
    return {"doubleValue": _NON_FINITE.get(number, "NaN")}


def bounded_to_json(value: float, lower: float, upper: float) -> JsonValue:
    """A number with its interval, as TFMA shows it."""
    bounds = {"lowerBound": lower, "upperBound": upper, "value": value}
    return {"boundedValue": {name: number_to_json(n)["doubleValue"] for name, n in bounds.items()}}


def plain_value(value: JsonValue) -> Any:
    """A metric's value for calculations.

    Returns:
        A float for a double and for the value of a bounded or t-distributed one (NaN where that is
        unset); an array for an array, with objects of bytes for strings; bytes for bytes; the text
        of a debug message; any other kind as its JSON.
    """
    number = number_of(value)
    if number is not None:
        return number
    if "arrayValue" in value:
        return array_of(value["arrayValue"])
    if "bytesValue" in value:
        return base64.b64decode(value["bytesValue"])
    return value.get("debugMessage", value)


def number_of(value: JsonValue) -> float | None:
    """The one number that a value is or stands around; None if it is of another kind."""
    if "doubleValue" in value:
        return float(value["doubleValue"])
    if "boundedValue" in value:
        return float(value["boundedValue"].get("value", "NaN"))
    if "tDistributionValue" in value:
        distribution = value["tDistributionValue"]
        return float(distribution.get("unsampledValue", distribution.get("sampleMean", "NaN")))
    return None


def bounds_of(value: JsonValue) -> tuple[float | None, float | None]:
    """The lower and upper bound of a bounded value."""
    bounded = value.get("boundedValue", {})
    lower, upper = bounded.get("lowerBound"), bounded.get("upperBound")
    return None if lower is None else float(lower), None if upper is None else float(upper)


def array_of(value: Mapping[str, Any]) -> npt.NDArray[Any]:
    """The array of an `ArrayValue` in JSON. Without a known type: empty."""
    field, dtype = _JSON_FIELDS.get(value.get("dataType", ""), ("", np.dtype(np.float64)))
    elements = value.get(field, [])
    if dtype.kind == "O":
        array = np.empty(len(elements), dtype=object)
        array[:] = [base64.b64decode(element) for element in elements]
    elif np.issubdtype(dtype, np.integer):
        array = np.array([int(element) for element in elements], dtype=dtype)
    else:
        array = np.array(elements, dtype=np.float64).astype(dtype)
    return _shaped(array, tuple(value.get("shape", ())))


def _set_value(message: result_pb2.MetricValue, value: object) -> None:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, _NUMBERS):
        message.double_value.value = float(value)
    elif isinstance(value, str):
        message.bytes_value = value.encode("utf-8", "backslashreplace")
    elif isinstance(value, bytes):
        message.bytes_value = value
    elif isinstance(value, result_pb2.MetricValue):
        message.CopyFrom(value)
    elif isinstance(value, Message) and value.DESCRIPTOR.full_name in _FIELD_OF_TYPE:
        getattr(message, _FIELD_OF_TYPE[value.DESCRIPTOR.full_name]).CopyFrom(value)
    elif not (isinstance(value, np.ndarray) and _set_array(message.array_value, value)):
        message.unknown_type.error = f"no field for a value of {_type_name(value)}: {value!r:.200}"


def array_from_proto(message: result_pb2.ArrayValue) -> npt.NDArray[Any]:
    """The array of a message; strings are objects of bytes. Without a known type: empty."""
    kind = message.data_type
    if kind not in _ARRAY_FIELDS:
        return np.empty(0)
    elements = getattr(message, _ARRAY_FIELDS[kind])
    array = np.empty(len(elements), dtype=_DTYPES[kind])
    array[:] = elements
    return _shaped(array, tuple(message.shape))


def _shaped(array: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    return array.reshape(shape) if math.prod(shape) == array.size else array


def _set_array(message: result_pb2.ArrayValue, array: npt.NDArray[Any]) -> bool:
    """Fills the message; False where it has no type for the elements."""
    kind = _array_kind(array)
    if kind is None:
        return False
    message.data_type = kind
    message.shape.extend(array.shape)
    elements = array.reshape(-1)
    if kind == _ArrayValue.BYTES:
        message.bytes_values.extend(_as_bytes(element) for element in elements.tolist())
    else:
        getattr(message, _ARRAY_FIELDS[kind]).extend(elements.astype(_DTYPES[kind]).tolist())
    return True


def _array_kind(array: npt.NDArray[Any]) -> result_pb2.ArrayValue.DataType | None:
    dtype = array.dtype
    if dtype.kind in "SU":
        return _ArrayValue.BYTES
    if dtype.kind == "O":
        is_text = all(isinstance(element, (str, bytes)) for element in array.reshape(-1).tolist())
        return _ArrayValue.BYTES if is_text else None
    if dtype.kind not in "biuf":
        return None
    for kind in (_ArrayValue.INT32, _ArrayValue.INT64, _ArrayValue.FLOAT32):
        if np.can_cast(dtype, _DTYPES[kind]) and (dtype.kind == "f") == (
            kind == _ArrayValue.FLOAT32
        ):
            return kind
    return _ArrayValue.FLOAT64


def _as_bytes(element: str | bytes) -> bytes:
    return element.encode("utf-8", "backslashreplace") if isinstance(element, str) else element


def _type_name(value: object) -> str:
    name = type(value).__name__
    return f"{name} of {value.dtype}" if isinstance(value, np.ndarray) else name
