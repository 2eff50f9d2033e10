"""One rate at the best threshold at which another reaches a bound."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np

from microtome.metrics.curves import OverThresholds
from microtome.metrics.histogram import Confusion
from microtome.metrics.metric import Floats, register

_BEYOND = 1e-7


@dataclass(frozen=True)
class _Constrained(OverThresholds):
    """The largest of one rate over the thresholds at which another is at least a bound.

    0 where no threshold reaches the bound, as in Keras. Of several bounds `[slices, bounds]`.
    """

    def of(self, c: Confusion) -> Floats:
        reached = self.bounded(c)[:, None, :] >= np.atleast_1d(self.bound)[:, None]
        largest = np.where(reached, self.wanted(c)[:, None, :], -np.inf).max(axis=2)
        values = np.where(reached.any(axis=2), largest, 0.0)
        return values[:, 0] if np.ndim(self.bound) == 0 else values

    @property
    @abc.abstractmethod
    def bound(self) -> float | tuple[float, ...]:
        """What the other rate must reach."""

    @abc.abstractmethod
    def bounded(self, c: Confusion) -> Floats:
        """The rate that must reach the bound, `[slices, thresholds]`."""

    @abc.abstractmethod
    def wanted(self, c: Confusion) -> Floats:
        """The rate that is wanted, `[slices, thresholds]`."""


@register
@dataclass(frozen=True)
class PrecisionAtRecall(_Constrained):
    """The largest precision at a recall of at least `recall`."""

    recall: float | tuple[float, ...] = 0.5
    name: str = "precision_at_recall"

    @property
    def bound(self) -> float | tuple[float, ...]:
        return self.recall

    def bounded(self, c: Confusion) -> Floats:
        return c.tpr

    def wanted(self, c: Confusion) -> Floats:
        return c.ppv


@register
@dataclass(frozen=True)
class RecallAtPrecision(_Constrained):
    """The largest recall at a precision of at least `precision`."""

    precision: float | tuple[float, ...] = 0.5
    name: str = "recall_at_precision"

    @property
    def bound(self) -> float | tuple[float, ...]:
        return self.precision

    def bounded(self, c: Confusion) -> Floats:
        return c.ppv

    def wanted(self, c: Confusion) -> Floats:
        return c.tpr


@register
@dataclass(frozen=True)
class SensitivityAtSpecificity(_Constrained):
    """The largest recall at a specificity of at least `specificity`."""

    specificity: float | tuple[float, ...] = 0.5
    name: str = "sensitivity_at_specificity"

    @property
    def bound(self) -> float | tuple[float, ...]:
        return self.specificity

    def bounded(self, c: Confusion) -> Floats:
        return c.tnr

    def wanted(self, c: Confusion) -> Floats:
        return c.tpr


@register
@dataclass(frozen=True)
class SpecificityAtSensitivity(_Constrained):
    """The largest specificity at a recall of at least `sensitivity`."""

    sensitivity: float | tuple[float, ...] = 0.5
    name: str = "specificity_at_sensitivity"

    @property
    def bound(self) -> float | tuple[float, ...]:
        return self.sensitivity

    def bounded(self, c: Confusion) -> Floats:
        return c.tpr

    def wanted(self, c: Confusion) -> Floats:
        return c.tnr


@register
@dataclass(frozen=True)
class MaxRecall(OverThresholds):
    """The recall where all is predicted positive: 1 where there are positives, else NaN."""

    name: str = "max_recall"

    def of(self, c: Confusion) -> Floats:
        return c.tpr.max(axis=1)


@register
@dataclass(frozen=True)
class ThresholdAtRecall(_Constrained):
    """The highest threshold at which the recall is at least `recall`; 0 where there is none."""

    recall: float | tuple[float, ...] = 0.5
    name: str = "threshold_at_recall"

    @property
    def bound(self) -> float | tuple[float, ...]:
        return self.recall

    def bounded(self, c: Confusion) -> Floats:
        return c.tpr

    def wanted(self, c: Confusion) -> Floats:
        # as in Keras, the ends are a little beyond 0 and 1
        thresholds = np.clip(self._part.thresholds, -_BEYOND, 1 + _BEYOND)
        return np.broadcast_to(thresholds, c.tp.shape)
