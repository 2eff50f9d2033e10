"""Records as DataFrames in the form that `tfma.experimental.dataframe` has, one for each kind.

Synopsis:

    frames = metrics_as_dataframes(load_metrics(path))
    frames.double_value                  # a row a number
    auto_pivot(frames.double_value)      # a row a slice, a column a metric
    plots_as_dataframes(load_plots(path)).confusion_matrix_at_thresholds
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from microtome.errors import DataError
from microtome.proto import result_pb2
from microtome.results.record_rows import PLOT_ROWS, VALUE_ROWS, Columns, wrapped
from microtome.results.slice_keys import (
    AnySliceKey,
    is_cross_slice_key,
    record_slice_key,
    slice_text,
)
from microtome.slicing.keys import SliceKey, slice_key

_SLICES, _BASELINES = "slices", "baseline_slices"
_METRIC_KEYS, _METRIC_VALUES, _INTERVALS = "metric_keys", "metric_values", "confidence_interval"
_PLOT_KEYS, _PLOT_DATA = "plot_keys", "plot_data"
_OVERALL = "Overall"
_INTERVAL_COLUMNS = ("lower_bound", "upper_bound", "standard_error", "degrees_of_freedom")
# Columns that tell the rows of one value apart.
_PLACES = (
    "threshold",
    "lower_threshold_inclusive",
    "upper_threshold_exclusive",
    "actual_class_id",
    "predicted_class_id",
    "cutoff",
)


@dataclasses.dataclass(frozen=True)
class MetricsDataFrames:
    """Metrics by the kind of their value; None where no metric is of the kind.

    Columns have two levels. `slices`: a column for each slicing feature, the texts as bytes, NA
    where the slice does not name it, and `Overall`, empty text for the whole data.
    `baseline_slices`: likewise, of the slice that another is compared with. `metric_keys`: name,
    model_name, output_name, is_diff, and, where some metric has it, class_id, k, top_k,
    micro_average, macro_average, weighted_macro_average, example_weighted.
    `metric_values`: what the kind has. `confidence_interval`, where there are some: lower_bound,
    upper_bound, standard_error and degrees_of_freedom.

    Attributes:
        double_value: A row a number.
        confusion_matrix_at_thresholds: A row a threshold.
        multi_class_confusion_matrix_at_thresholds: A row a threshold and pair of classes.
        bytes_value: A row a text, as bytes.
        array_value: A row a numpy array.
        bounded_value: A row a number with its bounds.
        t_distribution_value: A row a number with its distribution.
        value_at_cutoffs: A row a cutoff.
        debug_message: A row a text, such as why a slice is withheld.
        unknown_type: A row a value that no other kind holds.
    """

    double_value: pd.DataFrame | None = None
    confusion_matrix_at_thresholds: pd.DataFrame | None = None
    multi_class_confusion_matrix_at_thresholds: pd.DataFrame | None = None
    bytes_value: pd.DataFrame | None = None
    array_value: pd.DataFrame | None = None
    bounded_value: pd.DataFrame | None = None
    t_distribution_value: pd.DataFrame | None = None
    value_at_cutoffs: pd.DataFrame | None = None
    debug_message: pd.DataFrame | None = None
    unknown_type: pd.DataFrame | None = None


@dataclasses.dataclass(frozen=True)
class PlotsDataFrames:
    """Plots by kind; None where there are none.

    Columns are those of `MetricsDataFrames`, with `plot_keys` and `plot_data` for keys and values.

    Attributes:
        debug_message: A row a text.
        calibration_histogram_buckets: A row a bucket.
        confusion_matrix_at_thresholds: A row a threshold.
        multi_class_confusion_matrix_at_thresholds: A row a threshold and pair of classes.
        multi_label_confusion_matrix_at_thresholds: A row a threshold and pair of classes.
    """

    debug_message: pd.DataFrame | None = None
    calibration_histogram_buckets: pd.DataFrame | None = None
    confusion_matrix_at_thresholds: pd.DataFrame | None = None
    multi_class_confusion_matrix_at_thresholds: pd.DataFrame | None = None
    multi_label_confusion_matrix_at_thresholds: pd.DataFrame | None = None


def metrics_as_dataframes(
    metrics: Iterable[result_pb2.MetricsForSlice], *, include_empty_columns: bool = False
) -> MetricsDataFrames:
    """Records of metrics as DataFrames, those in maps by name (of TFMA's `legacy` models) too.

    Args:
        metrics: What `load_metrics` yields.
        include_empty_columns: Whether a frame has columns of keys that none of its rows has.
    """
    tables: dict[str, _Table] = {}
    for record in metrics:
        key = record_slice_key(record)
        for metric_key, message, interval in _metrics_of(record):
            kind = message.WhichOneof("type")
            if kind is None:
                continue
            if kind not in tables:
                tables[kind] = _Table(_METRIC_KEYS, _METRIC_VALUES)
            rows = VALUE_ROWS[kind](getattr(message, kind))
            tables[kind].add(key, _metric_key(metric_key), rows, interval)
    return MetricsDataFrames(**_frames(tables, include_empty_columns))


def plots_as_dataframes(
    plots: Iterable[result_pb2.PlotsForSlice], *, include_empty_columns: bool = False
) -> PlotsDataFrames:
    """Records of plots as DataFrames, those of older releases, without keys, too.

    Args:
        plots: What `load_plots` yields.
        include_empty_columns: As of `metrics_as_dataframes`.
    """
    tables: dict[str, _Table] = {}
    for record in plots:
        key = record_slice_key(record)
        for plot_key, data in _plots_of(record):
            # one message may hold several kinds
            for field, message in data.ListFields():
                if field.name not in tables:
                    tables[field.name] = _Table(_PLOT_KEYS, _PLOT_DATA)
                rows = PLOT_ROWS[field.name](message)
                tables[field.name].add(key, _plot_key(plot_key), rows)
    return PlotsDataFrames(**_frames(tables, include_empty_columns))


def auto_pivot(
    df: pd.DataFrame, stringify_slices: bool = True, collapse_column_names: bool = True
) -> pd.DataFrame:
    """A frame with a row a slice and a column a metric or plot, as far as their keys differ.

    Args:
        df: One of the frames of `metrics_as_dataframes` or `plots_as_dataframes`.
        stringify_slices: Whether the index is the slices' texts, such as `carrier:UA`; else it has
            a level for each slicing feature.
        collapse_column_names: Whether columns are named by keys alone where there is one column of
            values.

    Returns:
        Rows and columns in the order of `df`; NaN where a slice has no such metric. Rows of
        matrices have a further level of the index for each of threshold, bounds of bucket, classes
        and cutoff. Confidence intervals are left out.

    Raises:
        DataError: Two rows of a slice have the same keys.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for column in df.columns:
        groups.setdefault(column[0], []).append((column[0], column[1]))
    keys = groups.get(_METRIC_KEYS) or groups[_PLOT_KEYS]
    values = groups.get(_METRIC_VALUES) or groups[_PLOT_DATA]
    places = [column for column in values if column[1] in _PLACES]
    values = [column for column in values if column not in places]
    # the name always, so that the columns of a single metric have one
    telling = [key for key in keys if key[1] == "name" or df[key].map(repr).nunique() > 1]
    slices = [*groups.get(_SLICES, ()), *groups.get(_BASELINES, ())]
    of_slices = {_SLICES: _texts(df, slices)} if stringify_slices else _lists(df, slices)
    index = {**of_slices, **_lists(df, places)}
    row_of, rows = _numbered(index)
    column_of, columns = _numbered(_lists(df, telling))
    taken = row_of * len(columns) + column_of
    if len(np.unique(taken)) < len(taken):
        (again,) = np.flatnonzero(pd.Series(taken).duplicated())[:1]
        raise DataError(
            f"Rows cannot be told apart by their slice and keys, such as rows like number {again}: "
            f"{df.iloc[again].to_dict()}. Are these records of several results?"
        )
    one = collapse_column_names and len(values) == 1
    wide: dict[tuple[Any, ...], npt.NDArray[Any]] = {}
    for value in values:
        found = df[value].to_numpy()
        cells = np.empty((len(rows), len(columns)), float if found.dtype.kind == "f" else object)
        cells.fill(np.nan)
        cells[row_of, column_of] = found
        for position, label in enumerate(columns):
            wide[label if one else (value, *label)] = cells[:, position]
    frame = pd.DataFrame(dict(enumerate(wide.values())), index=_labels(rows, list(index)))
    frame.columns = _labels(list(wide), telling if one else [None, *telling])
    return frame


def _numbered(
    columns: Mapping[Any, Sequence[Any]],
) -> tuple[npt.NDArray[np.int64], list[tuple[Any, ...]]]:
    """The number of each row's combination of values, and the combinations in order."""
    known: dict[tuple[Any, ...], int] = {}
    numbers = [known.setdefault(row, len(known)) for row in zip(*columns.values(), strict=True)]
    return np.array(numbers, np.int64), list(known)


def _labels(rows: Sequence[tuple[Any, ...]], names: Sequence[Any]) -> pd.Index:
    levels = [pd.Index(list(level), tupleize_cols=False) for level in zip(*rows, strict=True)]
    if len(names) == 1:
        return levels[0].rename(names[0]) if rows else pd.Index([], name=names[0])
    return pd.MultiIndex.from_arrays(levels or [[] for _ in names], names=list(names))


def _lists(df: pd.DataFrame, columns: Sequence[tuple[str, str]]) -> dict[Any, list[Any]]:
    """Columns, None where they have no value."""
    found = {}
    for column in columns:
        values = df[column].to_numpy(dtype=object, copy=True)
        values[df[column].isna().to_numpy()] = None
        found[column] = values.tolist()
    return found


def _texts(df: pd.DataFrame, columns: Sequence[tuple[str, str]]) -> list[str]:
    """The slices' texts, from their columns."""
    texts: dict[tuple[Any, ...], str] = {}
    found = []
    for row in zip(*_lists(df, columns).values(), strict=True):
        if row not in texts:
            texts[row] = slice_text(_key_of(dict(zip(columns, row, strict=True))))
        found.append(texts[row])
    return found


def _key_of(row: Mapping[tuple[str, str], Any]) -> AnySliceKey:
    sides = [
        {name: value for (group, name), value in row.items() if group == side and value is not None}
        for side in (_BASELINES, _SLICES)
    ]
    baseline, comparison = (
        slice_key(item for item in side.items() if item != (_OVERALL, "")) for side in sides
    )
    return (baseline, comparison) if sides[0] else comparison


def _slice_columns(keys: Sequence[AnySliceKey]) -> dict[tuple[str, str], list[Any]]:
    """A column for each feature of slices, None where a slice does not name it."""
    columns: dict[tuple[str, str], list[Any]] = {}
    for index, key in enumerate(keys):
        is_cross = is_cross_slice_key(key)
        sides = {_BASELINES: key[0], _SLICES: key[1]} if is_cross else {_SLICES: key}
        for group, side in sides.items():
            for name, value in cast(SliceKey, side) or ((_OVERALL, ""),):
                column = columns.setdefault((group, name), [None] * len(keys))
                column[index] = value.encode() if isinstance(value, str) and side else value
    return {name: columns[name] for name in sorted(columns, key=lambda n: n[0] != _SLICES)}


def _objects(values: Sequence[Any]) -> npt.NDArray[Any]:
    """The values as they are, arrays among them too."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _frames(tables: Mapping[str, _Table], with_empty: bool) -> dict[str, pd.DataFrame]:
    return {kind: table.frame(with_empty) for kind, table in tables.items()}


class _Table:
    """Rows of values of one kind."""

    def __init__(self, keys: str, values: str):
        self._groups = keys, values
        self._slices: dict[AnySliceKey, int] = {}
        self._heads: list[tuple[int, Mapping[str, Any], Mapping[str, Any]]] = []
        self._head_of_row: list[int] = []
        self._values: Columns = {}

    def add(
        self,
        key: AnySliceKey,
        head: Mapping[str, Any],
        rows: Columns,
        interval: Mapping[str, Any] | None = None,
    ) -> None:
        """Adds the rows of one value.

        Args:
            key: The slice.
            head: The metric's or the plot's key.
            rows: Columns of equal length.
            interval: Around the value.
        """
        count = len(next(iter(rows.values())))
        self._head_of_row += [len(self._heads)] * count
        self._heads.append((self._slices.setdefault(key, len(self._slices)), head, interval or {}))
        for name, column in rows.items():
            self._values.setdefault(name, []).extend(column)

    def frame(self, with_empty: bool) -> pd.DataFrame:
        keys, values = self._groups
        of_row = np.array(self._head_of_row, np.int64)
        slice_of_row = np.array([head[0] for head in self._heads], np.int64)[of_row]
        columns: dict[tuple[str, str], Any] = {}
        for (group, name), column in _slice_columns(list(self._slices)).items():
            columns[group, name] = _objects(column)[slice_of_row]
        for name in self._heads[0][1]:
            column = [head[1][name] for head in self._heads]
            if with_empty or any(value is not None for value in column):
                columns[keys, name] = pd.Series(_objects(column)[of_row]).infer_objects()
        for name, column in self._values.items():
            columns[values, name] = pd.Series(_objects(column)).infer_objects()
        for name in _INTERVAL_COLUMNS:
            column = [head[2].get(name) for head in self._heads]
            if any(value is not None for value in column):
                columns[_INTERVALS, name] = np.array(column, np.float64)[of_row]
        frame = pd.DataFrame({index: columns[key] for index, key in enumerate(columns)})
        frame.columns = pd.MultiIndex.from_tuples(list(columns))
        return frame


def _metrics_of(
    record: result_pb2.MetricsForSlice,
) -> Iterator[tuple[result_pb2.MetricKey, result_pb2.MetricValue, dict[str, Any] | None]]:
    for name in sorted(record.metrics):
        yield result_pb2.MetricKey(name=name), record.metrics[name], None
    for item in record.metric_keys_and_values:
        has_interval = item.HasField("confidence_interval")
        yield item.key, item.value, _interval(item.confidence_interval) if has_interval else None


def _plots_of(
    record: result_pb2.PlotsForSlice,
) -> Iterator[tuple[result_pb2.PlotKey, result_pb2.PlotData]]:
    for name in sorted(record.plots):
        yield result_pb2.PlotKey(name=name), record.plots[name]
    if record.HasField("plot_data"):
        yield result_pb2.PlotKey(), record.plot_data
    for item in record.plot_keys_and_values:
        yield item.key, item.value


def _metric_key(key: result_pb2.MetricKey) -> dict[str, Any]:
    kind = key.aggregation_type
    averages = {field.name: None for field in kind.DESCRIPTOR.fields}
    if key.HasField("aggregation_type"):
        averages = {name: getattr(kind, name) for name in averages}
    return {**_plot_key(key, averages), "is_diff": key.is_diff}


def _plot_key(key: Any, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "name": key.name,
        "model_name": key.model_name,
        "output_name": key.output_name,
        **{name: wrapped(key.sub_key, name) for name in ("class_id", "k", "top_k")},
        **(more or {}),
        "example_weighted": wrapped(key, "example_weighted"),
    }


def _interval(interval: result_pb2.ConfidenceInterval) -> dict[str, Any]:
    found = {
        name: getattr(interval, name).double_value.value
        for name in _INTERVAL_COLUMNS[:3]
        if getattr(interval, name).WhichOneof("type") == "double_value"
    }
    freedom = wrapped(interval, "degrees_of_freedom")
    return {**found, **({} if freedom is None else {"degrees_of_freedom": freedom})}
