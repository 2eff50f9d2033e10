"""Keys of metrics as messages and back."""

from __future__ import annotations

from typing import TypeAlias

from microtome.metrics.keys import MetricKey, SubKey
from microtome.proto import result_pb2

# Metrics of an EvalSavedModel have names alone.
MetricName: TypeAlias = str | MetricKey


def metric_order(name: MetricName) -> tuple[bool, str, str]:
    """Sorts names before keys, each in an order that is the same everywhere."""
    return (False, name, "") if isinstance(name, str) else (True, name.name, repr(name))


def metric_key_to_proto(key: MetricKey) -> result_pb2.MetricKey:
    """The message of a metric's key."""
    message = result_pb2.MetricKey(
        name=key.name, model_name=key.model_name, output_name=key.output_name, is_diff=key.is_diff
    )
    _set_sub_key(message, key.sub_key)
    if key.aggregation:
        setattr(message.aggregation_type, key.aggregation, True)
    if key.example_weighted is not None:
        message.example_weighted.value = key.example_weighted
    return message


def metric_key_from_proto(message: result_pb2.MetricKey) -> MetricKey:
    """The key of a message."""
    weighted = message.example_weighted.value if message.HasField("example_weighted") else None
    has_aggregation = message.HasField("aggregation_type")
    return MetricKey(
        message.name,
        message.model_name,
        message.output_name,
        _sub_key(message.sub_key),
        (message.aggregation_type.WhichOneof("type") or "") if has_aggregation else "",
        weighted,
        message.is_diff,
    )


def plot_key_to_proto(key: MetricKey) -> result_pb2.PlotKey:
    """The message of a plot's key. Plots that only have default names share one."""
    message = result_pb2.PlotKey(
        name=key.name, model_name=key.model_name, output_name=key.output_name
    )
    _set_sub_key(message, key.sub_key)
    if key.example_weighted is not None:
        message.example_weighted.value = key.example_weighted
    return message


def _set_sub_key(message: result_pb2.MetricKey | result_pb2.PlotKey, sub_key: SubKey) -> None:
    for name, value in sub_key._asdict().items():
        if value is not None:
            getattr(message.sub_key, name).value = value


def _sub_key(message: result_pb2.SubKey) -> SubKey:
    return SubKey(
        *(getattr(message, n).value if message.HasField(n) else None for n in SubKey._fields)
    )
