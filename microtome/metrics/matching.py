"""Predictions that are the label itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from microtome.metrics.closed_forms import of_rate
from microtome.metrics.metric import Floats, Metric, Rows, Sum, Sums, divide, register
from microtome.metrics.sums import WEIGHTS
from microtome.statistics.intervals import Interval


def is_equal(rows: Rows) -> Floats:
    """1 where label and prediction, or all of a row's, are equal, else 0."""
    if rows.labels.shape != rows.predictions.shape:
        return np.zeros(len(rows.weights))
    equal = rows.labels == rows.predictions
    return equal.all(axis=tuple(range(1, equal.ndim))).astype(np.float64)


@register
@dataclass(frozen=True)
class ExactMatch(Metric):
    """The weighted share of rows whose predictions equal their labels; NaN without weight."""

    name: str = "exact_match"
    parts = (Sum(is_equal), WEIGHTS)

    def compute(self, sums: Sums) -> Floats:
        """`[slices]`."""
        return divide(sums[Sum(is_equal)], sums[WEIGHTS])

    def closed_form(self, sums: Sums, level: float) -> Interval | None:
        """Wilson's."""
        return of_rate(sums[Sum(is_equal)], sums[WEIGHTS], level)
