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
    """

    def __init__(self, intervals: Intervals | None):
        self._intervals = intervals
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
        has no value.
        """
        if self._intervals is None:
            return {}
        names = sorted({*self._methods, *self._reasons}, key=metric_order)
        metrics: dict[str, dict[str, Any]] = {}
        for name, place in zip(names, places_of(names), strict=True):
            # models have the same of each
            told = metrics.setdefault(label(*place[1:]), {})
            told.update(self._of(name, told.get("slices_without", 0)))
        return {"confidence_intervals": {**self._intervals.told(), "metrics": metrics}}

    def _of(self, name: MetricName, missing: int) -> dict[str, Any]:
        if name not in self._methods:
            return {"method": None, "reason": self._reasons[name]}
        missing += self._missing[name]
        # some slices may have counts that allow a closed form, others not
        method = ", ".join(sorted(self._methods[name]))
        return {"method": method, **({"slices_without": missing} if missing else {})}
