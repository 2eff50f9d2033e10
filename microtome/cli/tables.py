"""A result, or a part of it, as text, CSV and JSON."""

from __future__ import annotations

import csv
import fnmatch
import io
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from microtome.errors import ConfigError
from microtome.messages import nearest
from microtome.results import display
from microtome.results.eval_result import EvalResult
from microtome.results.records import Metrics, label
from microtome.results.slice_keys import AnySliceKey, is_cross_slice_key, slice_text
from microtome.results.values import number_of

if TYPE_CHECKING:
    from microtome.slicing.keys import SliceKey

_PREFIX = "post_export_metrics/"
_WIDTH = 100


def to_text(result: EvalResult, max_rows: int | None, in_order: bool = False) -> str:
    """The table for a terminal."""
    width = max(60, shutil.get_terminal_size((_WIDTH, 0)).columns)
    more = f"microtome show {result.output_path} --slices {len(result.slicing_metrics)}"
    return display.to_text(result, max_rows, width, in_order, f"`{more}`")


def to_csv(result: EvalResult) -> str:
    """A line a slice: its name, the features in its key, and its metrics.

    Numbers have full precision; what is not one number is JSON.
    """
    features = _feature_names(result)
    metrics = metric_labels(result)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["slice", *features, *metrics])
    for key, values in result.slices():
        of_key = _plain_key(key)
        cells = [_cell(values[name]) if name in values else "" for name in metrics]
        writer.writerow([slice_text(key), *(of_key.get(name, "") for name in features), *cells])
    return text.getvalue()


def to_json(result: EvalResult) -> str:
    """All of it; numbers that JSON does not have are null."""
    content = {
        "model": result.model_location,
        "data": result.data_location,
        "result": result.output_path,
        "computed": result.metric_paths,
        "slices": [
            {
                "slice": slice_text(key),
                "key": _plain_key(key),
                "metrics": {name: _jsonable(values[name]) for name in sorted(values)},
            }
            for key, values in result.slices()
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def metric_labels(result: EvalResult) -> list[str]:
    """The metrics' names as tables show them, sorted: `output/metric (sub-key)`."""
    return sorted({name for _, metrics in result.slicing_metrics for name in _labelled(metrics)})


def find_metric(result: EvalResult, name: str) -> str:
    """The label of a metric; the prefix of the counts may be left out.

    Raises:
        ConfigError: There is none of this name.
    """
    known = metric_labels(result)
    for candidate in (name, _PREFIX + name):
        if candidate in known:
            return candidate
    short = [label.removeprefix(_PREFIX) for label in known]
    raise ConfigError(
        f"{result.output_path} has no metric {name!r}{nearest(name, short)}; there is: "
        f"{', '.join(short) or 'none'}."
    )


def with_metrics(result: EvalResult, labels: Sequence[str]) -> EvalResult:
    """The result with some of its metrics only."""
    return result.with_slicing_metrics(
        [(key, _only(metrics, frozenset(labels))) for key, metrics in result.slicing_metrics]
    )


def with_slices(result: EvalResult, patterns: Sequence[str]) -> EvalResult:
    """The result with some of its slices only.

    Args:
        patterns: Of slices' names (`*`, `?` and `[...]` as in a shell), or names of features.

    Raises:
        ConfigError: A pattern fits no slice.
    """
    chosen: set[int] = set()
    for pattern in patterns:
        found = {
            index for index, (key, _) in enumerate(result.slicing_metrics) if _matches(key, pattern)
        }
        if not found:
            kinds = sorted({_kind(key) for key in result.get_slice_names()})
            raise ConfigError(
                f"{result.output_path} has no slice {pattern!r}{nearest(pattern, kinds)}. It has "
                f"slices of: {', '.join(kinds) or 'nothing'}."
            )
        chosen |= found
    return result.with_slicing_metrics(
        [item for index, item in enumerate(result.slicing_metrics) if index in chosen]
    )


def by_size(result: EvalResult) -> EvalResult:
    """The result with Overall first, then its largest slices."""
    return result.with_slicing_metrics(display.by_size(result.slicing_metrics))


def by_metric(result: EvalResult, name: str, lowest_first: bool) -> EvalResult:
    """The result with Overall first, then its slices in the order of a metric.

    Slices in which it is not a number come last.
    """

    def order(item: tuple[AnySliceKey, Metrics]) -> tuple[bool, bool, float]:
        key, metrics = item
        value = _labelled(metrics).get(name)
        number = None if value is None else number_of(value)
        if number is None or math.isnan(number):
            return key != (), True, 0.0
        return key != (), False, number if lowest_first else -number

    return result.with_slicing_metrics(sorted(display.by_size(result.slicing_metrics), key=order))


def first_slices(result: EvalResult, count: int | None) -> EvalResult:
    """The result with at most so many slices."""
    return result if count is None else result.with_slicing_metrics(result.slicing_metrics[:count])


def _labelled(metrics: Metrics) -> dict[str, Any]:
    return {
        label(output, sub_key, name): value
        for output, sub_keys in metrics.items()
        for sub_key, named in sub_keys.items()
        for name, value in named.items()
    }


def _only(metrics: Metrics, labels: frozenset[str]) -> Metrics:
    return {
        output: {
            sub_key: {
                name: value
                for name, value in named.items()
                if label(output, sub_key, name) in labels
            }
            for sub_key, named in sub_keys.items()
        }
        for output, sub_keys in metrics.items()
    }


def _matches(key: AnySliceKey, pattern: str) -> bool:
    return fnmatch.fnmatchcase(slice_text(key), pattern) or _kind(key) == ",".join(
        sorted(pattern.split(","))
    )


def _kind(key: AnySliceKey) -> str:
    """What a key slices by: its features, with commas between, or `Overall`."""
    if is_cross_slice_key(key):
        return slice_text(key)
    return ",".join(column for column, _ in cast("SliceKey", key)) or "Overall"


def _plain_key(key: AnySliceKey) -> Mapping[str, Any]:
    if is_cross_slice_key(key):
        return {}
    return {column: _jsonable(value) for column, value in cast("SliceKey", key)}


def _feature_names(result: EvalResult) -> list[str]:
    return sorted({name for key in result.get_slice_names() for name in _plain_key(key)})


def _cell(value: Any) -> Any:
    plain = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    if isinstance(plain, str | int | float):
        return plain
    return json.dumps(_jsonable(plain), ensure_ascii=False)


def _jsonable(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): _jsonable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value
