"""How a model's predictions differ from those of the baseline model, whatever the labels."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from microtome.metrics.metric import Floats, Metric, Part, Rows, Sum, Sums, Values, divide, register
from microtome.metrics.sums import WEIGHTS


@dataclass(frozen=True)
class _Flip:
    """1 for a row whose decision goes from one to another, else 0."""

    threshold: float
    was_positive: bool
    is_positive: bool

    def __call__(self, rows: Rows) -> Floats:
        was = (_baseline(rows) > self.threshold) == self.was_positive
        now = (rows.predictions > self.threshold) == self.is_positive
        return (was & now).astype(np.float64)


@dataclass(frozen=True)
class _Flips(Metric):
    """Shares of the weight of rows, by the decisions of the baseline model and of the model.

    Attributes:
        threshold: a prediction greater than it is positive.
    """

    threshold: float = 0.5
    needs_labels: ClassVar[bool] = False
    needs_baseline: ClassVar[bool] = True

    @property
    def parts(self) -> tuple[Part, ...]:
        return (*(self._flip(was, now) for was in (False, True) for now in (False, True)), WEIGHTS)

    def _flip(self, was_positive: bool, is_positive: bool) -> Sum:
        return Sum(_Flip(self.threshold, was_positive, is_positive))

    def _share(self, sums: Sums, *flips: tuple[bool, bool]) -> Floats:
        flipped = np.sum([sums[self._flip(was, now)] for was, now in flips], axis=0)
        return divide(flipped, sums[WEIGHTS])


_NEG_TO_NEG, _NEG_TO_POS = (False, False), (False, True)
_POS_TO_NEG, _POS_TO_POS = (True, False), (True, True)


@register
@dataclass(frozen=True)
class BooleanFlipRates(_Flips):
    """All shares of decisions that flip, or do not, from the baseline model to the model.

    Attributes:
        threshold: a prediction greater than it is positive.
        flip_rate_name: of the share that flips either way; the others are named likewise.
    """

    flip_rate_name: str = "flip_rate"
    neg_to_neg_flip_rate_name: str = "neg_to_neg_flip_rate"
    neg_to_pos_flip_rate_name: str = "neg_to_pos_flip_rate"
    pos_to_neg_flip_rate_name: str = "pos_to_neg_flip_rate"
    pos_to_pos_flip_rate_name: str = "pos_to_pos_flip_rate"
    name: str = "boolean_flip_rates"

    def compute(self, sums: Sums) -> Mapping[str, Values]:
        """By name `[slices]`; NaN without weight."""
        return {
            self.flip_rate_name: self._share(sums, _NEG_TO_POS, _POS_TO_NEG),
            self.neg_to_neg_flip_rate_name: self._share(sums, _NEG_TO_NEG),
            self.neg_to_pos_flip_rate_name: self._share(sums, _NEG_TO_POS),
            self.pos_to_neg_flip_rate_name: self._share(sums, _POS_TO_NEG),
            self.pos_to_pos_flip_rate_name: self._share(sums, _POS_TO_POS),
        }


@dataclass(frozen=True)
class _FlipRate(_Flips):
    """One share of the weight."""

    @property
    @abc.abstractmethod
    def flips(self) -> tuple[tuple[bool, bool], ...]:
        """Pairs of whether the baseline model and the model decide for positive."""

    def compute(self, sums: Sums) -> Floats:
        """`[slices]`; NaN without weight."""
        return self._share(sums, *self.flips)


@register
@dataclass(frozen=True)
class SymmetricFlipRate(_FlipRate):
    """The share of decisions that flip, either way."""

    name: str = "symmetric_flip_rate"
    flips = (_NEG_TO_POS, _POS_TO_NEG)


@register
@dataclass(frozen=True)
class NegToNegFlipRate(_FlipRate):
    """The share of decisions that stay negative."""

    name: str = "neg_to_neg_flip_rate"
    flips = (_NEG_TO_NEG,)


@register
@dataclass(frozen=True)
class NegToPosFlipRate(_FlipRate):
    """The share of decisions that turn from negative to positive."""

    name: str = "neg_to_pos_flip_rate"
    flips = (_NEG_TO_POS,)


@register
@dataclass(frozen=True)
class PosToNegFlipRate(_FlipRate):
    """The share of decisions that turn from positive to negative."""

    name: str = "pos_to_neg_flip_rate"
    flips = (_POS_TO_NEG,)


@register
@dataclass(frozen=True)
class PosToPosFlipRate(_FlipRate):
    """The share of decisions that stay positive."""

    name: str = "pos_to_pos_flip_rate"
    flips = (_POS_TO_POS,)


def symmetric_difference(rows: Rows) -> Floats:
    """2 |p - b| / |p + b|, b being the baseline model's prediction; 0 where both are 0."""
    baseline = _baseline(rows)
    total = np.abs(rows.predictions + baseline)
    apart = 2 * np.abs(rows.predictions - baseline)
    return np.divide(apart, total, out=np.zeros_like(apart), where=apart != 0)


@register
@dataclass(frozen=True)
class SymmetricPredictionDifference(Metric):
    """The weighted mean of 2 |p - b| / |p + b|, b being the baseline model's prediction."""

    name: str = "symmetric_prediction_difference"
    parts = (Sum(symmetric_difference), WEIGHTS)
    needs_labels: ClassVar[bool] = False
    needs_baseline: ClassVar[bool] = True

    def compute(self, sums: Sums) -> Floats:
        """`[slices]`; NaN without weight."""
        return divide(sums[Sum(symmetric_difference)], sums[WEIGHTS])


def _baseline(rows: Rows) -> Floats:
    assert rows.baseline is not None
    return rows.baseline
