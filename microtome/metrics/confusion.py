"""Metrics of the confusion matrix at thresholds.

tp, fp, tn and fn are weights of rows: a row is predicted positive where its prediction is greater
than the threshold. A quotient whose denominator is zero is NaN.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from microtome.errors import ConfigError
from microtome.metrics.closed_forms import of_rate
from microtome.metrics.histogram import Confusion, Thresholds
from microtome.metrics.metric import Floats, Metric, Part, Sums, divide, register
from microtome.statistics.intervals import Interval

_THRESHOLD = 0.5


@dataclass(frozen=True)
class AtThresholds(Metric):
    """A value of the confusion matrix at each threshold.

    Attributes:
        thresholds: by default 0.5 alone, or a hundredth of the interval each with
            `num_thresholds=101`.
        num_thresholds: so many from 0 to 1, evenly.
    """

    thresholds: float | tuple[float, ...] | None = None
    num_thresholds: int | None = None

    def __post_init__(self) -> None:
        if self.thresholds is not None and self.num_thresholds is not None:
            raise ConfigError(
                f"The metric {self.name!r} has both thresholds and num_thresholds; give one."
            )

    def for_top_k(self) -> Metric:
        """By default all of the highest predictions are positive, as in Keras."""
        is_default = self.thresholds is None and self.num_thresholds is None
        return replace(self, thresholds=-np.inf) if is_default else self

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self._part,)

    @cached_property
    def _part(self) -> Thresholds:
        return Thresholds.of(np.atleast_1d(self._wanted).tolist())

    @property
    def _wanted(self) -> Floats | float:
        if self.num_thresholds is not None:
            return np.linspace(0, 1, self.num_thresholds)
        return _THRESHOLD if self.thresholds is None else np.array(self.thresholds, np.float64)

    def compute(self, sums: Sums) -> Floats:
        """`[slices]` for one threshold, else `[slices, thresholds]`."""
        values = self.of(self._matrices(sums))
        return values[:, 0] if np.ndim(self._wanted) == 0 else values

    def _matrices(self, sums: Sums) -> Confusion:
        where = np.searchsorted(self._part.thresholds, np.atleast_1d(self._wanted))
        return Confusion.at(sums[self._part]).taken(where)

    @abc.abstractmethod
    def of(self, c: Confusion) -> Floats:
        """The values `[slices, thresholds]` of confusion matrices."""


@dataclass(frozen=True)
class Rate(AtThresholds):
    """A share of rows in others, at each threshold."""

    def of(self, c: Confusion) -> Floats:
        return divide(*self.counts(c))

    def closed_form(self, sums: Sums, level: float) -> Interval | None:
        """Wilson's, for one threshold."""
        if np.ndim(self._wanted):
            return None
        part, rows = self.counts(self._matrices(sums))
        return of_rate(part[:, 0], rows[:, 0], level)

    @abc.abstractmethod
    def counts(self, c: Confusion) -> tuple[Floats, Floats]:
        """How many rows of how many, each `[slices, thresholds]`."""


@register
@dataclass(frozen=True)
class BinaryAccuracy(Rate):
    """(tp + tn) / all.

    Attributes:
        threshold: another name for the only one of `thresholds`.
    """

    threshold: float | None = None
    name: str = "binary_accuracy"

    @property
    def _wanted(self) -> Floats | float:
        return super()._wanted if self.threshold is None else self.threshold

    def counts(self, c: Confusion) -> tuple[Floats, Floats]:
        return c.tp + c.tn, c.total


@register
@dataclass(frozen=True)
class Precision(Rate):
    """tp / (tp + fp)."""

    name: str = "precision"

    def counts(self, c: Confusion) -> tuple[Floats, Floats]:
        return c.tp, c.tp + c.fp


@register
@dataclass(frozen=True)
class Recall(Rate):
    """tp / (tp + fn)."""

    name: str = "recall"

    def counts(self, c: Confusion) -> tuple[Floats, Floats]:
        return c.tp, c.tp + c.fn


@register
@dataclass(frozen=True)
class Specificity(Rate):
    """tn / (tn + fp)."""

    name: str = "specificity"

    def counts(self, c: Confusion) -> tuple[Floats, Floats]:
        return c.tn, c.tn + c.fp


@register
@dataclass(frozen=True)
class FallOut(Rate):
    """fp / (fp + tn)."""

    name: str = "fall_out"

    def counts(self, c: Confusion) -> tuple[Floats, Floats]:
        return c.fp, c.fp + c.tn


@register
@dataclass(frozen=True)
class MissRate(Rate):
    """fn / (fn + tp)."""

    name: str = "miss_rate"

    def counts(self, c: Confusion) -> tuple[Floats, Floats]:
        return c.fn, c.fn + c.tp


@register
@dataclass(frozen=True)
class NegativePredictiveValue(Rate):
    """tn / (tn + fn)."""

    name: str = "negative_predictive_value"

    def counts(self, c: Confusion) -> tuple[Floats, Floats]:
        return c.tn, c.tn + c.fn


@register
@dataclass(frozen=True)
class FalseDiscoveryRate(Rate):
    """fp / (fp + tp)."""

    name: str = "false_discovery_rate"

    def counts(self, c: Confusion) -> tuple[Floats, Floats]:
        return c.fp, c.fp + c.tp


@register
@dataclass(frozen=True)
class FalseOmissionRate(Rate):
    """fn / (fn + tn)."""

    name: str = "false_omission_rate"

    def counts(self, c: Confusion) -> tuple[Floats, Floats]:
        return c.fn, c.fn + c.tn


@register
@dataclass(frozen=True)
class Prevalence(Rate):
    """(tp + fn) / all."""

    name: str = "prevalence"

    def counts(self, c: Confusion) -> tuple[Floats, Floats]:
        return c.tp + c.fn, c.total


@register
@dataclass(frozen=True)
class PredictedPositiveRate(Rate):
    """(tp + fp) / all."""

    name: str = "predicted_positive_rate"

    def counts(self, c: Confusion) -> tuple[Floats, Floats]:
        return c.tp + c.fp, c.total


@register
@dataclass(frozen=True)
class ThreatScore(Rate):
    """tp / (tp + fn + fp): the Jaccard index."""

    name: str = "threat_score"

    def counts(self, c: Confusion) -> tuple[Floats, Floats]:
        return c.tp, c.tp + c.fn + c.fp


@register
@dataclass(frozen=True)
class F1Score(AtThresholds):
    """2 tp / (2 tp + fp + fn)."""

    name: str = "f1_score"

    def of(self, c: Confusion) -> Floats:
        return divide(2 * c.tp, 2 * c.tp + c.fp + c.fn)


@register
@dataclass(frozen=True)
class BalancedAccuracy(AtThresholds):
    """(recall + specificity) / 2."""

    name: str = "balanced_accuracy"

    def of(self, c: Confusion) -> Floats:
        return (c.tpr + c.tnr) / 2


@register
@dataclass(frozen=True)
class Informedness(AtThresholds):
    """recall + specificity - 1: Youden's J."""

    name: str = "informedness"

    def of(self, c: Confusion) -> Floats:
        return c.tpr + c.tnr - 1


@register
@dataclass(frozen=True)
class Markedness(AtThresholds):
    """precision + negative predictive value - 1."""

    name: str = "markedness"

    def of(self, c: Confusion) -> Floats:
        return c.ppv + c.npv - 1


@register
@dataclass(frozen=True)
class FowlkesMallowsIndex(AtThresholds):
    """sqrt(precision · recall)."""

    name: str = "fowlkes_mallows_index"

    def of(self, c: Confusion) -> Floats:
        return np.sqrt(c.ppv * c.tpr)


@register
@dataclass(frozen=True)
class MatthewsCorrelationCoefficient(AtThresholds):
    """(tp tn - fp fn) / sqrt((tp + fp)(tp + fn)(tn + fp)(tn + fn))."""

    name: str = "matthews_correlation_coefficient"
    aliases: ClassVar[tuple[str, ...]] = ("MCC",)

    def of(self, c: Confusion) -> Floats:
        return divide(
            c.tp * c.tn - c.fp * c.fn,
            np.sqrt((c.tp + c.fp) * (c.tp + c.fn) * (c.tn + c.fp) * (c.tn + c.fn)),
        )


@register
@dataclass(frozen=True)
class PositiveLikelihoodRatio(AtThresholds):
    """recall / fall-out."""

    name: str = "positive_likelihood_ratio"

    def of(self, c: Confusion) -> Floats:
        return divide(c.tpr, c.fpr)


@register
@dataclass(frozen=True)
class NegativeLikelihoodRatio(AtThresholds):
    """miss rate / specificity."""

    name: str = "negative_likelihood_ratio"

    def of(self, c: Confusion) -> Floats:
        return divide(c.fnr, c.tnr)


@register
@dataclass(frozen=True)
class DiagnosticOddsRatio(AtThresholds):
    """Positive over negative likelihood ratio."""

    name: str = "diagnostic_odds_ratio"

    def of(self, c: Confusion) -> Floats:
        return divide(divide(c.tpr, c.fpr), divide(c.fnr, c.tnr))


@register
@dataclass(frozen=True)
class PrevalenceThreshold(AtThresholds):
    """(sqrt(recall · fall-out) - fall-out) / (recall - fall-out)."""

    name: str = "prevalence_threshold"

    def of(self, c: Confusion) -> Floats:
        return divide(np.sqrt(c.tpr * c.fpr) - c.fpr, c.tpr - c.fpr)


@register
@dataclass(frozen=True)
class TruePositives(AtThresholds):
    """The weight of positives above the threshold."""

    name: str = "true_positives"

    def of(self, c: Confusion) -> Floats:
        return c.tp


@register
@dataclass(frozen=True)
class TrueNegatives(AtThresholds):
    """The weight of negatives not above the threshold."""

    name: str = "true_negatives"

    def of(self, c: Confusion) -> Floats:
        return c.tn


@register
@dataclass(frozen=True)
class FalsePositives(AtThresholds):
    """The weight of negatives above the threshold."""

    name: str = "false_positives"

    def of(self, c: Confusion) -> Floats:
        return c.fp


@register
@dataclass(frozen=True)
class FalseNegatives(AtThresholds):
    """The weight of positives not above the threshold."""

    name: str = "false_negatives"

    def of(self, c: Confusion) -> Floats:
        return c.fn


@register
@dataclass(frozen=True)
class PPV(Precision):
    """`Precision` by its short name."""

    name: str = "ppv"


@register
@dataclass(frozen=True)
class TPR(Recall):
    """`Recall` by its short name."""

    name: str = "tpr"


@register
@dataclass(frozen=True)
class TNR(Specificity):
    """`Specificity` by its short name."""

    name: str = "tnr"


@register
@dataclass(frozen=True)
class FPR(FallOut):
    """`FallOut` by its short name."""

    name: str = "fpr"


@register
@dataclass(frozen=True)
class FNR(MissRate):
    """`MissRate` by its short name."""

    name: str = "fnr"


@register
@dataclass(frozen=True)
class NPV(NegativePredictiveValue):
    """`NegativePredictiveValue` by its short name."""

    name: str = "npv"


@register
@dataclass(frozen=True)
class TP(TruePositives):
    """`TruePositives` by its short name."""

    name: str = "tp"


@register
@dataclass(frozen=True)
class TN(TrueNegatives):
    """`TrueNegatives` by its short name."""

    name: str = "tn"


@register
@dataclass(frozen=True)
class FP(FalsePositives):
    """`FalsePositives` by its short name."""

    name: str = "fp"


@register
@dataclass(frozen=True)
class FN(FalseNegatives):
    """`FalseNegatives` by its short name."""

    name: str = "fn"
