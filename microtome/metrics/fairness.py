"""The rates by which Fairness Indicators compare groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np

from microtome.errors import ConfigError
from microtome.metrics.histogram import Confusion, Thresholds
from microtome.metrics.metric import Metric, Part, Sums, Values, divide, register


@register
@dataclass(frozen=True)
class FairnessIndicators(Metric):
    """Ten rates at each threshold, named `<name>/<rate>@<threshold>`; 0 / 0 is NaN.

    Thresholds are written with as many decimals as the longest of them has, as in TFMA.

    Attributes:
        thresholds: at least one, of [0, 1]; a prediction greater than it is positive.
    """

    thresholds: tuple[float, ...] = tuple(round(0.1 * tenths, 1) for tenths in range(1, 10))
    name: str = "fairness_indicators_metrics"

    def __post_init__(self) -> None:
        if not self.thresholds:
            raise ConfigError(f"The metric {self.name!r} has no thresholds; give at least one.")

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self._part,)

    @cached_property
    def _part(self) -> Thresholds:
        return Thresholds.of(self.thresholds)

    def compute(self, sums: Sums) -> Mapping[str, Values]:
        """By name `[slices]`."""
        where = np.searchsorted(self._part.thresholds, self.thresholds)
        c = Confusion.at(sums[self._part]).taken(where)
        rates = {
            "false_positive_rate": c.fpr,
            "false_negative_rate": c.fnr,
            "true_positive_rate": c.tpr,
            "true_negative_rate": c.tnr,
            "positive_rate": divide(c.tp + c.fp, c.total),
            "negative_rate": divide(c.tn + c.fn, c.total),
            "false_discovery_rate": divide(c.fp, c.tp + c.fp),
            "false_omission_rate": divide(c.fn, c.tn + c.fn),
            "precision": c.ppv,
            "recall": c.tpr,
        }
        return {
            f"{self.name}/{rate}@{threshold}": values[:, i]
            for rate, values in rates.items()
            for i, threshold in enumerate(self._written)
        }

    @property
    def _written(self) -> list[str]:
        decimals = max(_decimals(threshold) for threshold in self.thresholds)
        return [f"{threshold:.{decimals}f}" for threshold in self.thresholds]


def _decimals(threshold: float) -> int:
    exponent = Decimal(str(float(threshold))).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(1, -exponent)
