"""The rates by which Fairness Indicators compare groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np

from microtome.errors import ConfigError
from microtome.metrics.closed_forms import of_rate
from microtome.metrics.histogram import Confusion, Thresholds
from microtome.metrics.metric import Floats, Metric, Part, Sums, Values, divide, register
from microtome.statistics.intervals import Interval


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
        return {name: divide(part, rows) for name, part, rows in self._counts(sums)}

    def closed_form(self, sums: Sums, level: float) -> Mapping[str, Interval]:
        """Wilson's."""
        forms = {name: of_rate(part, rows, level) for name, part, rows in self._counts(sums)}
        return {name: form for name, form in forms.items() if form is not None}

    def _counts(self, sums: Sums) -> Iterator[tuple[str, Floats, Floats]]:
        """Each rate's name, and how many rows of how many it is, `[slices]`."""
        where = np.searchsorted(self._part.thresholds, self.thresholds)
        c = Confusion.at(sums[self._part]).taken(where)
        positives, negatives = c.tp + c.fn, c.tn + c.fp
        above, below = c.tp + c.fp, c.tn + c.fn
        rates = {
            "false_positive_rate": (c.fp, negatives),
            "false_negative_rate": (c.fn, positives),
            "true_positive_rate": (c.tp, positives),
            "true_negative_rate": (c.tn, negatives),
            "positive_rate": (above, c.total),
            "negative_rate": (below, c.total),
            "false_discovery_rate": (c.fp, above),
            "false_omission_rate": (c.fn, below),
            "precision": (c.tp, above),
            "recall": (c.tp, positives),
        }
        for rate, (part, rows) in rates.items():
            for i, threshold in enumerate(self._written):
                yield f"{self.name}/{rate}@{threshold}", part[:, i], rows[:, i]

    @property
    def _written(self) -> list[str]:
        decimals = max(_decimals(threshold) for threshold in self.thresholds)
        return [f"{threshold:.{decimals}f}" for threshold in self.thresholds]


def _decimals(threshold: float) -> int:
    exponent = Decimal(str(float(threshold))).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(1, -exponent)
