"""The result as pandas DataFrames."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from microtome.errors import ConfigError
from microtome.messages import nearest
from microtome.results.eval_result import count_of, flat
from microtome.results.records import named_plots, withheld
from microtome.results.slice_keys import AnySliceKey, is_cross_slice_key, slice_text
from microtome.results.values import array_of, bounds_of, number_of
from microtome.slicing.keys import SliceKey

if TYPE_CHECKING:
    from microtome.results.eval_result import EvalResult

_COLUMNS = (
    "slice",
    "example_count",
    "output_name",
    "sub_key",
    "metric",
    "value",
    "lower_bound",
    "upper_bound",
    "array",
)


def to_dataframe(result: EvalResult) -> pd.DataFrame:
    """See `EvalResult.to_dataframe`."""
    shown = [item for item in result.slicing_metrics if withheld(item[1]) is None]
    metrics = [list(flat(slice_metrics)) for _, slice_metrics in shown]
    slice_of_row = np.repeat(np.arange(len(shown)), [len(items) for items in metrics])
    counts = [count_of(slice_metrics) for _, slice_metrics in shown]

    columns = _slice_columns([key for key, _ in shown], slice_of_row, _COLUMNS)
    columns["example_count"] = np.array(counts, dtype=np.float64)[slice_of_row]
    rows = [_row(*item) for items in metrics for item in items]
    for index, name in enumerate(_COLUMNS[2:]):
        columns[name] = [row[index] for row in rows]
    frame = pd.DataFrame(columns)
    bounds = ["value", "lower_bound", "upper_bound"]
    frame[bounds] = frame[bounds].astype(np.float64)
    return frame


def plots_to_dataframe(result: EvalResult, kind: str | None) -> pd.DataFrame:
    """See `EvalResult.plots_dataframe`."""
    if kind is not None and kind not in _PLOTS:
        raise ConfigError(
            f"There are no plots of kind {kind!r}{nearest(kind, _PLOTS)}; kinds are: "
            f"{', '.join(_PLOTS)}."
        )
    kinds = _PLOTS if kind is None else {kind: _PLOTS[kind]}
    numbers = list(dict.fromkeys(name for of_kind in kinds.values() for name in of_kind.fields))
    names = ["output_name", "sub_key", "plot", "kind"]
    rows: list[tuple[Any, ...]] = []
    slice_of_row: list[int] = []
    for index, (_, plots) in enumerate(result.plots):
        for output, sub_key, name, data in named_plots(plots):
            for kind_name, of_kind in kinds.items():
                head = output, sub_key, name, kind_name
                found = [(*head, *row) for row in of_kind.rows(data, numbers)]
                slice_of_row += [index] * len(found)
                rows += found
    columns = _slice_columns(
        [key for key, _ in result.plots],
        np.array(slice_of_row, np.int64),
        ["slice", *names, *numbers],
    )
    for index, name in enumerate(names):
        columns[name] = pd.Series([row[index] for row in rows], dtype=object)
    values = np.array([row[len(names) :] for row in rows], np.float64)
    values = values.reshape(len(rows), len(numbers))
    for index, name in enumerate(numbers):
        columns[name] = values[:, index]
    return pd.DataFrame(columns)


@dataclasses.dataclass(frozen=True)
class _PlotKind:
    """Where the rows of a kind of plot stand in its JSON.

    Attributes:
        path: Fields of nested lists of items; those of the last are the rows.
        fields: The JSON field of each column; rows take them from all items that they are in.
    """

    path: tuple[str, ...]
    fields: Mapping[str, str]

    def rows(self, data: Mapping[str, Any], columns: Sequence[str]) -> list[tuple[float, ...]]:
        """Rows of the columns, NaN in those of other kinds."""
        top, *lists = self.path
        items: list[Mapping[str, Any]] = [data.get(top, {})]
        for name in lists:
            items = [{**item, **inner} for item in items for inner in item.get(name, [])]
        # proto3 JSON leaves out zeros
        found = [
            (self.fields[name], 0.0) if name in self.fields else ("", np.nan) for name in columns
        ]
        return [tuple(float(item.get(field, unset)) for field, unset in found) for item in items]


_COUNTS = {
    "false_negatives": "falseNegatives",
    "true_negatives": "trueNegatives",
    "false_positives": "falsePositives",
    "true_positives": "truePositives",
}
_CLASSES = {
    "threshold": "threshold",
    "actual_class_id": "actualClassId",
    "predicted_class_id": "predictedClassId",
}
_PLOTS = {
    "calibration_histogram_buckets": _PlotKind(
        ("calibrationHistogramBuckets", "buckets"),
        {
            "lower_threshold_inclusive": "lowerThresholdInclusive",
            "upper_threshold_exclusive": "upperThresholdExclusive",
            "num_weighted_examples": "numWeightedExamples",
            "total_weighted_label": "totalWeightedLabel",
            "total_weighted_refined_prediction": "totalWeightedRefinedPrediction",
        },
    ),
    "confusion_matrix_at_thresholds": _PlotKind(
        ("confusionMatrixAtThresholds", "matrices"),
        {
            "threshold": "threshold",
            **_COUNTS,
            "precision": "precision",
            "recall": "recall",
            "false_positive_rate": "falsePositiveRate",
            "f1": "f1",
            "accuracy": "accuracy",
            "false_omission_rate": "falseOmissionRate",
        },
    ),
    "multi_class_confusion_matrix_at_thresholds": _PlotKind(
        ("multiClassConfusionMatrixAtThresholds", "matrices", "entries"),
        {**_CLASSES, "num_weighted_examples": "numWeightedExamples"},
    ),
    "multi_label_confusion_matrix_at_thresholds": _PlotKind(
        ("multiLabelConfusionMatrixAtThresholds", "matrices", "entries"),
        {**_CLASSES, **_COUNTS},
    ),
}


def _slice_columns(
    keys: Sequence[AnySliceKey], slice_of_row: npt.NDArray[np.int64], taken: Collection[str]
) -> dict[str, Any]:
    """The slices of rows: their text, and a column a feature, renamed where its name is taken."""
    columns: dict[str, Any] = {"slice": _take([slice_text(key) for key in keys], slice_of_row)}
    for feature, of_slices in _features(keys).items():
        name = f"slice_key.{feature}" if feature in taken else feature
        columns[name] = pd.Series(_take(of_slices, slice_of_row), dtype=object)
    return columns


def _row(output: str, sub_key: str, name: str, value: dict[str, Any]) -> tuple[Any, ...]:
    array = array_of(value["arrayValue"]) if "arrayValue" in value else None
    return output, sub_key, name, number_of(value), *bounds_of(value), array


def _features(keys: Sequence[AnySliceKey]) -> dict[str, list[Any]]:
    """The value of each slicing feature in each slice, None where it has none."""
    features: dict[str, list[Any]] = {}
    for index, key in enumerate(keys):
        if is_cross_slice_key(key):
            continue
        for column, value in cast(SliceKey, key):
            if column not in features:
                features[column] = [None] * len(keys)
            features[column][index] = value
    return features


def _take(of_slices: Sequence[Any], slice_of_row: npt.NDArray[np.int64]) -> list[Any]:
    return [of_slices[index] for index in slice_of_row.tolist()]
