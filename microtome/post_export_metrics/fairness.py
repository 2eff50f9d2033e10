"""Metrics of fairness: rates at thresholds, and areas of subgroups against the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

import numpy as np

from microtome.metrics import confusion
from microtome.metrics.histogram import Confusion
from microtome.metrics.metric import Floats, Metric, Part, Rows, Sums, Values, divide
from microtome.post_export_metrics.values import PROBABILITIES, Areas
from microtome.slicing.sums import Scattered


@dataclass(frozen=True)
class NegativeRate(confusion.AtThresholds):
    """(tn + fn) / all."""

    name: str = "negative_rate"

    def of(self, c: Confusion) -> Floats:
        return divide(c.tn + c.fn, c.total)


_RATES: dict[str, Callable[..., Metric]] = {
    "positive_rate": confusion.PredictedPositiveRate,
    "true_positive_rate": confusion.Recall,
    "false_positive_rate": confusion.FallOut,
    "negative_rate": NegativeRate,
    "true_negative_rate": confusion.Specificity,
    "false_negative_rate": confusion.MissRate,
    "false_discovery_rate": confusion.FalseDiscoveryRate,
    "false_omission_rate": confusion.FalseOmissionRate,
}


def rates(thresholds: Sequence[float]) -> list[tuple[str, Metric]]:
    """The rates at thresholds, each by its name: `<rate>@<threshold>`.

    Names have as many decimals as the longest threshold, and at least two.
    """
    decimals = max([2, *map(_decimals, thresholds)])
    found: list[tuple[str, Metric]] = []
    for threshold in thresholds:
        for rate, metric in _RATES.items():
            name = f"{rate}@{threshold:.{decimals}f}"
            found.append((name, metric(thresholds=float(np.float32(threshold)), name=name)))
    return found


def _decimals(threshold: float) -> int:
    exponent = Decimal(repr(float(threshold))).normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


@dataclass(frozen=True)
class ByGroup(Part):
    """The histograms of a subgroup's positives and negatives, and of the background's.

    Attributes:
        areas: its thresholds.
        subgroup: the feature that is not 0 for those of the subgroup.
    """

    areas: Areas
    subgroup: str

    @property
    def shape(self) -> tuple[int, ...]:
        kinds, bins = self.areas.part.shape
        return 2 * kinds, bins

    def added(self, rows: Rows) -> Scattered:
        added = self.areas.part.added(rows)
        inside = rows.features[self.subgroup].reshape(len(rows.labels), -1)[:, :1] != 0
        return Scattered(added.index, np.hstack([added.values * inside, added.values * ~inside]))


@dataclass(frozen=True)
class GroupArea(Metric):
    """The area for some of a subgroup's rows and some of the others; NaN without either class.

    Borkan et al. (2019), Nuanced Metrics for Measuring Unintended Bias with Real Data for Text
    Classification.

    Attributes:
        group: "subgroup": rows of the subgroup alone; "bpsn": positives of the background and
            negatives of the subgroup; "bnsp": the other way round.
        part: the histograms.
    """

    group: str
    part: ByGroup
    name: str

    # which of the histograms hold positives and negatives
    _PLACES: ClassVar[dict[str, tuple[int, int]]] = {
        "subgroup": (0, 1),
        "bpsn": (2, 1),
        "bnsp": (0, 3),
    }

    @property
    def features(self) -> Sequence[str]:
        return (self.part.subgroup,)

    @property
    def parts(self) -> Sequence[Part]:
        return self.part, PROBABILITIES

    def compute(self, sums: Sums) -> Values:
        """`[slices]` of `BoundedValue`."""
        return self.part.areas.of(sums[self.part][:, self._PLACES[self.group]])


def group_areas(subgroup: str, num_buckets: int) -> list[tuple[str, Metric]]:
    """The three areas of a subgroup, each by its name: `fairness/auc/<area>/<subgroup>`."""
    part = ByGroup(Areas(num_buckets=num_buckets), subgroup)
    found: list[tuple[str, Metric]] = []
    for group in ("subgroup", "bpsn", "bnsp"):
        name = f"fairness/auc/{group}_auc/{subgroup}"
        found.append((name, GroupArea(group, part, name)))
    return found
