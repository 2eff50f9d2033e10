"""Gathers the values of runs into the columns of one report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from microtome.results.records import Attributions, Metrics, label, withheld
from microtome.results.slice_keys import AnySliceKey, is_cross_slice_key, short_key, slice_text
from microtome.results.values import JsonValue, bounds_of, number_of
from microtome.slicing.keys import SliceKey
from microtome.view.metrics import MetricPath, complex_kind, describe, metric_id, weight_metric
from microtome.view.numbers import Floats, bounds, numbers
from microtome.view.texts import clean, clean_json

OVERALL = "Overall"
# of TFMA's intervals
DEFAULT_LEVEL = 0.95
_NOT_AN_INTERVAL = "RIEMANN_SUM"


class SliceRows:
    """The slices of a report, in order of their rows."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.pairs: list[list[list[str]]] = []
        self._row: dict[AnySliceKey, int] = {}
        self._taken: dict[str, int] = {}

    def row(self, key: AnySliceKey) -> int:
        """The row of a slice; a new one for a slice that was not there."""
        row = self._row.get(key)
        if row is None:
            row = self._row[key] = len(self.names)
            shown = short_key(key)
            self.names.append(self._unique(clean(slice_text(shown))))
            self.pairs.append(_pairs(shown))
        return row

    def name(self, key: AnySliceKey) -> str:
        """The name of a slice, as a new slice's too."""
        return self.names[self.row(key)]

    def _unique(self, name: str) -> str:
        """The name; of a second slice with the same text, such as the number 5, with `~2`."""
        count = self._taken.get(name, 0) + 1
        self._taken[name] = count
        return name if count == 1 else self._unique(f"{name}~{count}")


class ReportBuilder:
    """Collects runs, then makes the parts of a report that hold their numbers.

    Example:
        >>> builder = ReportBuilder()
        >>> builder.add_metrics("7", result.slicing_metrics)
        >>> builder.parts()["values"]["7"]["auc"]
    """

    def __init__(self) -> None:
        self.slices = SliceRows()
        self.plots: list[dict[str, Any]] = []
        self.plot_slices: dict[str, list[str]] = {}
        self.omitted: list[dict[str, str]] = []
        # in the order in which they are met
        self._kinds: dict[MetricPath, str] = {}
        self._values: dict[str, dict[str, dict[str, Any]]] = {}
        self._complex: dict[str, dict[str, dict[str, Any]]] = {}
        self._attributions: dict[str, dict[str, dict[str, Any]]] = {}

    def add_metrics(
        self,
        run: str,
        slicing_metrics: Iterable[tuple[AnySliceKey, Metrics]],
        method: str = "",
        methods: Mapping[str, str] = MappingProxyType({}),
        level: float = DEFAULT_LEVEL,
    ) -> None:
        """Adds the metrics of a run.

        Args:
            run: Its id.
            slicing_metrics: As `EvalResult` has them.
            method: How intervals were computed, where the values do not say.
            methods: As `method`, by label, of metrics that have another.
            level: The share of intervals that cover.
        """
        columns: dict[MetricPath, _Column] = {}
        for key, metrics in slicing_metrics:
            why = withheld(metrics)
            if why is not None:
                name = clean(slice_text(short_key(key)))
                self.omitted.append({"slice": name, "why": clean(why)})
                continue
            row = self.slices.row(key)
            for output, sub_keys in metrics.items():
                for sub_key, named in sub_keys.items():
                    for name, value in named.items():
                        path = (output, sub_key, name)
                        column = columns.get(path)
                        if column is None:
                            column = columns[path] = _Column()
                        number = value.get("doubleValue")
                        # by far the commonest case
                        if type(number) is float:
                            column.rows.append(row)
                            column.values.append(number)
                        else:
                            column.add(row, value)
        of_run = self._values.setdefault(run, {})
        for path, column in columns.items():
            name = metric_id(path)
            if column.values:
                how = methods.get(label(*path), method)
                of_run[name] = column.finished(len(self.slices.names), how, level)
            if column.others:
                self._complex.setdefault(run, {})[name] = column.others
            self._note_kind(path, column.kind)

    def add_numbers(
        self,
        run: str,
        keys: Sequence[SliceKey],
        names: Sequence[str],
        values: Floats,
    ) -> None:
        """Adds numbers of a run.

        Args:
            run: Its id.
            keys: The slices.
            names: Ids of the metrics.
            values: float64 `[slices, metrics]`; NaN where there is none.
        """
        rows = np.array([self.slices.row(key) for key in keys], np.int64)
        of_run = self._values.setdefault(run, {})
        for index, name in enumerate(names):
            column = np.full(len(self.slices.names), np.nan)
            column[rows] = values[:, index]
            # a NaN may mean as well that the slice does not have the metric
            of_run[clean(name)] = {
                "v": numbers(column),
                **_why(column, rows[np.isinf(values[:, index])]),
            }
            self._note_kind(("", "", name), "float")

    def add_attributions(
        self, run: str, attributions: Iterable[tuple[AnySliceKey, Attributions]]
    ) -> None:
        """Adds feature attributions of a run, as `EvalResult` has them."""
        for key, outputs in attributions:
            for output, sub_keys in outputs.items():
                for sub_key, named in sub_keys.items():
                    for name, features in named.items():
                        # a slice without attributions, such as a withheld one, gets no row
                        row = str(self.slices.row(key))
                        path = (output, sub_key, name)
                        of_run = self._attributions.setdefault(run, {})
                        of_run.setdefault(metric_id(path), {})[row] = {
                            clean(feature): _finite(number_of(value))
                            for feature, value in features.items()
                        }

    def parts(self) -> dict[str, Any]:
        """`metrics`, `slices`, `values`, and, where there are some, the others."""
        known = self._kinds.keys()
        found: dict[str, Any] = {
            "metrics": [describe(path, known, kind) for path, kind in self._kinds.items()],
            "slices": {"name": self.slices.names, "keys": self.slices.pairs},
            "values": self._values,
        }
        others = {
            "complex": self._complex,
            "attributions": self._attributions,
            "plots": self.plots,
            "plot_slices": self.plot_slices,
            "omitted": self.omitted,
        }
        found.update({name: value for name, value in others.items() if value})
        if OVERALL in self.slices.names:
            found["baseline_slice"] = OVERALL
        return found

    def weight(self, config: Any, named: str | None = None) -> str | None:
        """See `metrics.weight_metric`."""
        return weight_metric(
            (path for path, kind in self._kinds.items() if kind == "float"), config, named
        )

    def _note_kind(self, path: MetricPath, kind: str) -> None:
        """A metric that is a number anywhere counts as one."""
        if kind == "float" or path not in self._kinds:
            self._kinds[path] = kind


class _Column:
    """A metric of one run."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.values: list[float] = []
        self.others: dict[str, Any] = {}
        self._bounds: dict[int, tuple[float, float]] = {}
        self._missing: dict[str, str] = {}
        self._methods: set[str] = set()

    def add(self, row: int, value: JsonValue) -> None:
        """Adds a value that is not a plain finite number."""
        number = number_of(value)
        if number is None:
            reason = value.get("debugMessage") or value.get("unknownType", {}).get("error")
            if reason:
                self._missing[str(row)] = clean(str(reason))
            self.others[str(row)] = clean_json(value)
            return
        self.rows.append(row)
        self.values.append(number)
        lower, upper = _interval(value)
        if lower is not None and upper is not None:
            self._bounds[row] = lower, upper
            self._methods.add(value.get("boundedValue", {}).get("methodology", ""))

    def finished(self, size: int, method: str, level: float) -> dict[str, Any]:
        """The column for a report.

        What is no number among numbers is a missing value with its reason.
        """
        column = np.full(size, np.nan)
        column[self.rows] = self.values
        found: dict[str, Any] = {"v": numbers(column)}
        if self._bounds:
            rows = list(self._bounds)
            lower, upper = np.full(size, np.nan), np.full(size, np.nan)
            lower[rows], upper[rows] = zip(*self._bounds.values(), strict=True)
            found["lo"], found["hi"] = bounds(lower, -1), bounds(upper, 1)
            told = sorted(self._methods - {"", "UNKNOWN"})
            if told != [_NOT_AN_INTERVAL]:
                found["level"] = level
            if told or method:
                found["method"] = told[0].lower() if told else method
        why = _why(column, np.array(self.rows, np.int64)).get("why", {})
        if why or self._missing:
            found["why"] = {**why, **self._missing}
        # a reason in a column of numbers is told there already
        self.others = {row: v for row, v in self.others.items() if row not in self._missing}
        return found

    @property
    def kind(self) -> str:
        """As the report's schema names kinds."""
        if self.values or not self.others:
            return "float"
        return complex_kind(next(iter(self.others.values())))


def _why(column: Floats, rows: Any) -> dict[str, dict[str, str]]:
    """Why there is no number, of rows that have a value."""
    odd = rows[~np.isfinite(column[rows])]
    if not len(odd):
        return {}
    return {"why": {str(row): _NAMES.get(column[row], "NaN") for row in odd.tolist()}}


_NAMES = {math.inf: "Infinity", -math.inf: "-Infinity"}


def _interval(value: JsonValue) -> tuple[float | None, float | None]:
    if "tDistributionValue" not in value:
        return bounds_of(value)
    distribution = value["tDistributionValue"]
    try:
        # in JSON 64-bit integers are texts
        freedom = float(distribution["sampleDegreesOfFreedom"])
        error = float(distribution["sampleStandardDeviation"])
        mean = float(distribution["sampleMean"])
    except KeyError:
        return None, None
    from scipy.special import stdtrit

    half = float(stdtrit(freedom, (1 + DEFAULT_LEVEL) / 2)) * error
    return mean - half, mean + half


def _pairs(key: AnySliceKey) -> list[list[str]]:
    if is_cross_slice_key(key):
        baseline, comparison = cast(tuple[SliceKey, SliceKey], key)
        sides = {"slice": comparison, "against": baseline}
        return [[side, clean(slice_text(one))] for side, one in sides.items()]
    return [[clean(column), clean(str(value))] for column, value in cast(SliceKey, key)]


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def names_of(report: Mapping[str, Any]) -> dict[str, int]:
    """The row of each slice of a report, by name."""
    return {name: row for row, name in enumerate(report["slices"]["name"])}
