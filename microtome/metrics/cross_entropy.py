"""Losses of probabilities, of one class or of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from microtome.metrics.metric import Floats, Metric, Part, Rows, Sum, Sums, divide, register
from microtome.metrics.sums import WEIGHTS
from microtome.metrics.views import one_hot

# Keras keeps probabilities so far from 0 and 1
_EPSILON = 1e-7


@dataclass(frozen=True)
class _Loss:
    """-(y ln p + (1 - y) ln(1 - p)), the label y smoothed towards a half."""

    from_logits: bool
    label_smoothing: float

    def __call__(self, rows: Rows) -> Floats:
        labels = rows.labels * (1 - self.label_smoothing) + self.label_smoothing / 2
        if self.from_logits:
            z = rows.predictions
            # ln(1 + e^-|z|) does not overflow
            return np.maximum(z, 0) - z * labels + np.log1p(np.exp(-np.abs(z)))
        p = np.clip(rows.predictions, _EPSILON, 1 - _EPSILON)
        return -(labels * np.log(p) + (1 - labels) * np.log1p(-p))


@register
@dataclass(frozen=True)
class BinaryCrossEntropy(Metric):
    """The weighted mean of -(y ln p + (1 - y) ln(1 - p)); NaN without weight.

    Attributes:
        from_logits: whether predictions are logits.
        label_smoothing: labels become y (1 - s) + s / 2.
    """

    from_logits: bool = False
    label_smoothing: float = 0.0
    name: str = "binary_crossentropy"

    @property
    def parts(self) -> tuple[Part, ...]:
        return self._losses, WEIGHTS

    def compute(self, sums: Sums) -> Floats:
        return divide(sums[self._losses], sums[WEIGHTS])

    @property
    def _losses(self) -> Sum:
        return Sum(_Loss(self.from_logits, self.label_smoothing))


@dataclass(frozen=True)
class _CategoricalLoss:
    """-Σ y ln p over classes, the labels smoothed towards even ones."""

    from_logits: bool
    label_smoothing: float

    def __call__(self, rows: Rows) -> Floats:
        predictions = rows.predictions
        classes = predictions.shape[1]
        labels = one_hot(rows.labels, classes)
        labels = labels * (1 - self.label_smoothing) + self.label_smoothing / classes
        if self.from_logits:
            z = predictions - predictions.max(axis=1, keepdims=True)
            return -np.sum(labels * (z - np.log(np.exp(z).sum(axis=1, keepdims=True))), axis=1)
        p = predictions / predictions.sum(axis=1, keepdims=True)
        return -np.sum(labels * np.log(np.clip(p, _EPSILON, 1 - _EPSILON)), axis=1)


@register
@dataclass(frozen=True)
class CategoricalCrossEntropy(Metric):
    """The weighted mean of -Σ y ln p over classes; NaN without weight.

    Labels are class numbers or `[rows, classes]`; probabilities are made to sum to 1, as in Keras.

    Attributes:
        from_logits: whether predictions are logits.
        label_smoothing: labels become y (1 - s) + s / classes.
    """

    from_logits: bool = False
    label_smoothing: float = 0.0
    name: str = "categorical_crossentropy"
    of_classes: ClassVar[bool] = True

    @property
    def parts(self) -> tuple[Part, ...]:
        return self._losses, WEIGHTS

    def compute(self, sums: Sums) -> Floats:
        """`[slices]`."""
        return divide(sums[self._losses], sums[WEIGHTS])

    @property
    def _losses(self) -> Sum:
        return Sum(_CategoricalLoss(self.from_logits, self.label_smoothing))
