"""What a run tells of the confidence intervals of its metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from microtome.executor.intervals import Intervals
from microtome.results.blocks import MetricsBlock
from microtome.results.metric_keys import MetricName, metric_order
from microtome.results.records import label, places_of


class IntervalAccount:
    """Gathers, of the blocks that go by, which metrics have intervals, and why others have none.

    Args:
        intervals: which are computed; None: none.
        baseline: name of the model that others are compared with; None for none.
    """

    def __init__(self, intervals: Intervals | None, baseline: str | None = None):
        self._intervals = intervals
        self._baseline = baseline
        self._methods: dict[MetricName, set[str]] = {}
        self._missing: dict[MetricName, int] = {}
        self._reasons: dict[MetricName, str] = {}

    def add(self, block: MetricsBlock) -> None:
        """Takes note of a block."""
        self._reasons.update(block.without_intervals)
        for name, interval in block.intervals.items():
            self._methods.setdefault(name, set()).add(interval.method)
            has_value = np.isfinite(np.asarray(block.columns[name], np.float64))
            missing = np.count_nonzero(has_value & ~interval.is_there)
            self._missing[name] = self._missing.get(name, 0) + missing

    def told(self) -> dict[str, Any]:
        """For `run.json`: the settings, and by metric the method or why there is none.

        `slices_without` counts the slices that have a value and no interval, since some replicate
        has no value. Of several models it is told of the first that is no baseline; where another
        differs, `by_model` has what is so of each.
        """
        if self._intervals is None:
            return {}
        names = sorted({*self._methods, *self._reasons}, key=metric_order)
        of_models: dict[str, dict[str, dict[str, Any]]] = {}
        for name, place in zip(names, places_of(names), strict=True):
            of_models.setdefault(label(*place[1:]), {})[place.model_name] = self._of(name)
        metrics = {name: self._joined(models) for name, models in of_models.items()}
        return {"confidence_intervals": {**self._intervals.told(), "metrics": metrics}}

    def _joined(self, models: dict[str, dict[str, Any]]) -> dict[str, Any]:
        first = min(models, key=lambda model: model == self._baseline)
        differ = any(told != models[first] for told in models.values())
        return {**models[first], **({"by_model": models} if differ else {})}

    def _of(self, name: MetricName) -> dict[str, Any]:
        if name not in self._methods:
            return {"method": None, "reason": self._reasons[name]}
        missing = self._missing[name]
        # some slices may have counts that allow a closed form, others not
        method = ", ".join(sorted(self._methods[name]))
        return {"method": method, **({"slices_without": missing} if missing else {})}
