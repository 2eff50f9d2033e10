"""The result as a pandas DataFrame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from microtome.results.eval_result import count_of, flat
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
    keys = result.get_slice_names()
    metrics = [list(flat(slice_metrics)) for _, slice_metrics in result.slicing_metrics]
    slice_of_row = np.repeat(np.arange(len(keys)), [len(items) for items in metrics])
    counts = [count_of(slice_metrics) for _, slice_metrics in result.slicing_metrics]

    columns: dict[str, Any] = {"slice": _take([slice_text(key) for key in keys], slice_of_row)}
    for feature, of_slices in _features(keys).items():
        name = f"slice_key.{feature}" if feature in _COLUMNS else feature
        columns[name] = pd.Series(_take(of_slices, slice_of_row), dtype=object)
    columns["example_count"] = np.array(counts, dtype=np.float64)[slice_of_row]
    rows = [_row(*item) for items in metrics for item in items]
    for index, name in enumerate(_COLUMNS[2:]):
        columns[name] = [row[index] for row in rows]
    frame = pd.DataFrame(columns)
    bounds = ["value", "lower_bound", "upper_bound"]
    frame[bounds] = frame[bounds].astype(np.float64)
    return frame


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
