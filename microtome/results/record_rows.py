"""The values of records as rows: columns of equal length, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from google.protobuf.message import Message

from microtome.proto import result_pb2
from microtome.results.values import array_from_proto

Columns: TypeAlias = dict[str, list[Any]]


def wrapped(message: Message, field: str) -> Any:
    """The value of a wrapper such as `DoubleValue`; None where it is unset."""
    return getattr(message, field).value if message.HasField(field) else None


def _scalar(name: str) -> Callable[[Any], Columns]:
    return lambda value: {name: [getattr(value, "value", value)]}


def _wrappers(*names: str) -> Callable[[Any], Columns]:
    """One row of a message of wrappers."""
    return lambda message: {name: [wrapped(message, name)] for name in names}


def _items(field: str, names: Sequence[str]) -> Callable[[Any], Columns]:
    """A row an item of a repeated field."""

    def rows(message: Any) -> Columns:
        items = getattr(message, field)
        return {name: [getattr(item, name) for item in items] for name in names}

    return rows


def _buckets(message: result_pb2.CalibrationHistogramBuckets) -> Columns:
    bounds = ("lower_threshold_inclusive", "upper_threshold_exclusive")
    sums = (
        "num_weighted_examples",
        "total_weighted_label",
        "total_weighted_refined_prediction",
    )
    return {
        **{name: [getattr(bucket, name) for bucket in message.buckets] for name in bounds},
        **{name: [getattr(bucket, name).value for bucket in message.buckets] for name in sums},
    }


def _cells(names: Sequence[str]) -> Callable[[Any], Columns]:
    """A row a pair of classes at a threshold."""

    def rows(message: Any) -> Columns:
        cells = [(matrix.threshold, cell) for matrix in message.matrices for cell in matrix.entries]
        return {
            "threshold": [threshold for threshold, _ in cells],
            **{name: [getattr(cell, name) for _, cell in cells] for name in names},
        }

    return rows


def _cutoffs(message: result_pb2.ValueAtCutoffs) -> Columns:
    return {
        "cutoff": [item.cutoff for item in message.values],
        # with intervals, older TFMA sets the value there only
        "value": [
            item.value
            or item.bounded_value.value.value
            or item.t_distribution_value.unsampled_value.value
            for item in message.values
        ],
    }


def _array(message: result_pb2.ArrayValue) -> Columns:
    return {"array_value": [array_from_proto(message)]}


def _bounded(message: result_pb2.BoundedValue) -> Columns:
    names = ("lower_bound", "upper_bound", "value")
    method = result_pb2.BoundedValue.Methodology.Name(message.methodology)
    return {**_wrappers(*names)(message), "methodology": [method]}


_COUNTS = ("false_negatives", "true_negatives", "false_positives", "true_positives")
_CLASSES = ("actual_class_id", "predicted_class_id")
_RATES = ("precision", "recall", "false_positive_rate", "f1", "accuracy", "false_omission_rate")
_MATRICES = _items("matrices", ("threshold", *_COUNTS, *_RATES))
_MULTI_CLASS = _cells((*_CLASSES, "num_weighted_examples"))

# by field of `MetricValue`
VALUE_ROWS: dict[str, Callable[[Any], Columns]] = {
    "double_value": _scalar("double_value"),
    "bounded_value": _bounded,
    "t_distribution_value": _wrappers(
        "sample_mean",
        "sample_standard_deviation",
        "sample_degrees_of_freedom",
        "unsampled_value",
    ),
    "value_at_cutoffs": _cutoffs,
    "confusion_matrix_at_thresholds": _MATRICES,
    "multi_class_confusion_matrix_at_thresholds": _MULTI_CLASS,
    "bytes_value": _scalar("bytes_value"),
    "array_value": _array,
    "debug_message": _scalar("debug_message"),
    "unknown_type": lambda message: {"error": [message.error], "value": [message.value]},
}
# by field of `PlotData`
PLOT_ROWS: dict[str, Callable[[Any], Columns]] = {
    "calibration_histogram_buckets": _buckets,
    "confusion_matrix_at_thresholds": _MATRICES,
    "multi_class_confusion_matrix_at_thresholds": _MULTI_CLASS,
    "multi_label_confusion_matrix_at_thresholds": _cells((*_CLASSES, *_COUNTS)),
    "debug_message": _scalar("debug_message"),
}
