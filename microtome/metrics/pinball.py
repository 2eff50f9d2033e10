"""The error of predicted quantiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from microtome.errors import ConfigError
from microtome.metrics.metric import Floats, Metric, Part, Rows, Sum, Sums, divide, register
from microtome.metrics.sums import WEIGHTS


@dataclass(frozen=True)
class PinballLoss:
    """alpha (label - prediction) for a label above the prediction, else (alpha - 1) times that."""

    alpha: float

    def __call__(self, rows: Rows) -> Floats:
        errors = rows.labels - rows.predictions
        return np.maximum(self.alpha * errors, (self.alpha - 1) * errors)


@register
@dataclass(frozen=True)
class MeanPinballLoss(Metric):
    """The weighted mean of the pinball loss, as scikit-learn's; NaN without weight.

    Attributes:
        alpha: the quantile that is predicted, between 0 and 1.
    """

    name: str = "mean_pinball_loss"
    alpha: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise ConfigError(f"alpha is {self.alpha}; a quantile is between 0 and 1.")

    @property
    def parts(self) -> tuple[Part, ...]:
        return Sum(PinballLoss(self.alpha)), WEIGHTS

    def compute(self, sums: Sums) -> Floats:
        return divide(sums[Sum(PinballLoss(self.alpha))], sums[WEIGHTS])
