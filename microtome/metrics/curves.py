"""Areas under curves over thresholds, and one rate where another reaches a bound."""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from microtome.errors import ConfigError
from microtome.metrics.closed_forms import of_area
from microtome.metrics.histogram import Confusion, Thresholds
from microtome.metrics.metric import Floats, Metric, Part, Sums, divide, register
from microtome.statistics.intervals import Interval

# even steps from 0 to 1, as TFMA's
_STEPS = 10_000
# so many at most where states are resampled
_OF_REPLICATES = 500
_METHODS = ("interpolation", "minoring", "majoring")


@dataclass(frozen=True)
class OverThresholds(Metric):
    """A number from the confusion matrices at all of many thresholds.

    Attributes:
        num_thresholds: so many from 0 to 1, evenly, at least 2; by default 10,001.
        thresholds: in place of them, those between 0 and 1.
    """

    num_thresholds: int | None = None
    thresholds: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.num_thresholds is not None and self.num_thresholds < 2:
            raise ConfigError(
                f"The metric {self.name!r} has num_thresholds={self.num_thresholds}; it must be at "
                "least 2."
            )

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self._part,)

    def for_replicates(self) -> Metric:
        """Over some of the thresholds, evenly, where they are not given one by one."""
        every = -(-len(self._inner) // _OF_REPLICATES)
        if self.thresholds is not None or every == 1:
            return self
        return replace(self, num_thresholds=None, thresholds=self._inner[every - 1 :: every])

    @cached_property
    def _part(self) -> Thresholds:
        # at the ends everything and nothing is positive
        return Thresholds.of((-np.inf, *self._inner, np.inf))

    @property
    def _inner(self) -> tuple[float, ...]:
        if self.thresholds is not None:
            return self.thresholds
        return tuple(np.linspace(0, 1, self.num_thresholds or _STEPS + 1)[1:-1].tolist())

    def compute(self, sums: Sums) -> Floats:
        """`[slices]`."""
        return self.of(Confusion.at(sums[self._part]))

    @abc.abstractmethod
    def of(self, c: Confusion) -> Floats:
        """The values `[slices]` of confusion matrices at ascending thresholds."""


@register
@dataclass(frozen=True)
class AUC(OverThresholds):
    """The area under the curve of recall over fall-out, or of precision over recall.

    Attributes:
        curve: "ROC" or "PR".
        summation_method: "interpolation": by trapezoids for ROC, and for PR as in Davis & Goadrich
            (2006), The Relationship Between Precision-Recall and ROC Curves, where between two
            thresholds true positives grow linearly with all that is predicted positive.
            "minoring" and "majoring": by rectangles of the lower or higher side.
    """

    curve: str = "ROC"
    summation_method: str = "interpolation"
    name: str = "auc"

    def __post_init__(self) -> None:
        super().__post_init__()
        for setting, known in (("curve", ("ROC", "PR")), ("summation_method", _METHODS)):
            given = getattr(self, setting)
            if given not in known:
                raise ConfigError(
                    f"The metric {self.name!r} has {setting}={given!r}; known are: "
                    f"{', '.join(known)}."
                )

    def closed_form(self, sums: Sums, level: float) -> Interval | None:
        """DeLong's, of the area by trapezoids under the ROC curve."""
        if self.curve != "ROC" or self.summation_method != "interpolation":
            return None
        return of_area(sums[self._part], level)

    def of(self, c: Confusion) -> Floats:
        if self.curve == "PR" and self.summation_method == "interpolation":
            return _interpolated_precision_recall(c)
        recall = c.tpr
        x, y = (c.fpr, recall) if self.curve == "ROC" else (recall, c.ppv)
        if self.curve == "PR":
            # where nothing is predicted positive any more
            y = np.nan_to_num(y)
        lower, higher = y[:, 1:], y[:, :-1]
        if self.summation_method == "interpolation":
            heights = (lower + higher) / 2
        else:
            choose = np.minimum if self.summation_method == "minoring" else np.maximum
            heights = choose(lower, higher)
        return np.sum((x[:, :-1] - x[:, 1:]) * heights, axis=1)


@register
@dataclass(frozen=True)
class AUCPrecisionRecall(AUC):
    """`AUC` of the curve of precision over recall."""

    curve: str = "PR"
    name: str = "auc_precision_recall"


def _interpolated_precision_recall(c: Confusion) -> Floats:
    """∫ precision d recall, precision being (tp + s·dp) / (p + dp) between two thresholds."""
    predicted = c.tp + c.fp
    gained = c.tp[:, :-1] - c.tp[:, 1:]
    slope = np.nan_to_num(divide(gained, predicted[:, :-1] - predicted[:, 1:]))
    intercept = c.tp[:, 1:] - slope * predicted[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.where(predicted[:, 1:] > 0, predicted[:, :-1] / predicted[:, 1:], 1.0)
        areas = slope * (gained + intercept * np.log(np.where(growth > 0, growth, 1.0)))
    return divide(np.sum(areas, axis=1), (c.tp + c.fn)[:, 0])
