"""Confidence intervals of many estimates at once.

Synopsis:

    interval = jackknife(values, leave_one_out, level=0.95)
    interval = poisson_bootstrap(values, replicates, level=0.95)
    interval = wilson(successes, trials, level=0.95)
    interval = delong(positives, negatives, level=0.95)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]

JACKKNIFE, POISSON_BOOTSTRAP = "jackknife", "poisson_bootstrap"
WILSON, DELONG = "wilson", "delong"


class Bounds(NamedTuple):
    """The confidence interval of one estimate.

    Attributes:
        lower, upper: what it lies between.
        standard_error: of the estimate.
        degrees_of_freedom: of Student's t; None where the normal distribution is used.
    """

    lower: float
    upper: float
    standard_error: float
    degrees_of_freedom: int | None = None


class Interval(NamedTuple):
    """Confidence intervals of estimates; NaN where there is none.

    Attributes:
        method: JACKKNIFE, POISSON_BOOTSTRAP, WILSON or DELONG.
        lower, upper: float64 `[estimates]`.
        standard_error: float64 `[estimates]`.
        degrees_of_freedom: of Student's t; None where the normal distribution is used.
    """

    method: str
    lower: Floats
    upper: Floats
    standard_error: Floats
    degrees_of_freedom: int | None = None

    @property
    def is_there(self) -> npt.NDArray[np.bool_]:
        """`[estimates]`: whether there is an interval."""
        return np.isfinite(self.lower) & np.isfinite(self.upper) & np.isfinite(self.standard_error)

    def of(self, i: int) -> Bounds | None:
        """The interval of one estimate; None where there is none."""
        numbers = float(self.lower[i]), float(self.upper[i]), float(self.standard_error[i])
        if not np.isfinite(numbers).all():
            return None
        return Bounds(*numbers, self.degrees_of_freedom)

    def taken(self, where: npt.NDArray[np.int64]) -> Interval:
        """The intervals of some estimates, by position."""
        bounds = (self.lower[where], self.upper[where], self.standard_error[where])
        return Interval(self.method, *bounds, self.degrees_of_freedom)


def quantile(level: float, degrees_of_freedom: int | None = None) -> float:
    """The half width of a two-sided interval in standard errors.

    Args:
        level: the share of intervals that cover.
        degrees_of_freedom: of Student's t; None: of the normal distribution.
    """
    tail = (1 + level) / 2
    if degrees_of_freedom is None:
        return float(special.ndtri(tail))
    return float(special.stdtrit(degrees_of_freedom, tail))


def jackknife(values: Floats, leave_one_out: Floats, level: float) -> Interval:
    """The grouped jackknife, as in TFMA.

    Pseudo-values are R θ - (R - 1) θ₋ᵢ; their standard deviation over √R is the standard error,
    with R - 1 degrees of freedom (Tukey 1958; Efron & Tibshirani 1993, An Introduction to the
    Bootstrap, chapter 11). The middle of the interval is the mean of the θ₋ᵢ, as in TFMA.

    Args:
        values: float64 `[estimates]`, θ: of all rows.
        leave_one_out: float64 `[estimates, R]`, θ₋ᵢ: of all rows but those of one of R partitions.
        level: the share of intervals that cover.
    """
    number = leave_one_out.shape[1]
    with np.errstate(invalid="ignore", over="ignore"):
        pseudo = number * values[:, None] - (number - 1) * leave_one_out
        errors = pseudo.std(axis=1, ddof=1) / np.sqrt(number)
        middle = leave_one_out.mean(axis=1)
    return _by_t(JACKKNIFE, middle, errors, number, level)


def poisson_bootstrap(values: Floats, replicates: Floats, level: float) -> Interval:
    """The Poisson bootstrap: θ ± t · standard deviation of the replicates.

    The middle is the value of the rows as they are. That of the replicates, which TFMA takes, adds
    the noise of their number: with 20 of them a twentieth of the variance (Hanley & MacGibbon 2006,
    Creating non-parametric bootstrap samples using Poisson frequencies).

    Args:
        values: float64 `[estimates]`.
        replicates: float64 `[estimates, R]`, of rows that count as often as Poisson(1) says.
        level: the share of intervals that cover.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        errors = replicates.std(axis=1, ddof=1)
    return _by_t(POISSON_BOOTSTRAP, values, errors, replicates.shape[1], level)


def wilson(successes: Floats, trials: Floats, level: float) -> Interval:
    """Wilson's interval of a rate (Wilson 1927, Probable inference).

    The standard error is the half width in quantiles of the normal distribution: it is not zero
    where all or no trials succeed.

    Args:
        successes, trials: float64 `[estimates]`, counts.
        level: the share of intervals that cover.
    """
    z = quantile(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = successes / trials
        shrink = 1 + z**2 / trials
        middle = (rate + z**2 / (2 * trials)) / shrink
        half = z / shrink * np.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2))
    # rounding must not put a rate of 0 or 1 outside
    lower, upper = np.minimum(middle - half, rate), np.maximum(middle + half, rate)
    return Interval(WILSON, np.maximum(lower, 0), np.minimum(upper, 1), half / z)


def delong(positives: Floats, negatives: Floats, level: float) -> Interval:
    """DeLong's interval of the area under the ROC curve, from histograms of the predictions.

    V₁₀ of a positive is the share of negatives below it, V₀₁ of a negative that of positives above;
    ties count half. The variance is var(V₁₀) / positives + var(V₀₁) / negatives (DeLong et al.
    1988). Predictions of one bin are ties, as in the area by trapezoids. None where there are
    fewer than two of a class, or where all are apart and the variance is nothing.

    Args:
        positives, negatives: float64 `[estimates, bins]`, counts in bins of ascending predictions.
        level: the share of intervals that cover.
    """
    m, n = positives.sum(axis=1), negatives.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = (np.cumsum(negatives, axis=1) - negatives / 2) / n[:, None]
        above = (m[:, None] - np.cumsum(positives, axis=1) + positives / 2) / m[:, None]
        area = np.einsum("ij,ij->i", positives, below) / m
        of_positives = np.einsum("ij,ij->i", positives, (below - area[:, None]) ** 2) / (m - 1)
        of_negatives = np.einsum("ij,ij->i", negatives, (above - area[:, None]) ** 2) / (n - 1)
        errors = np.sqrt(of_positives / m + of_negatives / n)
    errors = np.where((m > 1) & (n > 1) & (errors > 0), errors, np.nan)
    half = quantile(level) * errors
    return Interval(DELONG, np.maximum(area - half, 0), np.minimum(area + half, 1), errors)


def _by_t(method: str, middle: Floats, errors: Floats, number: int, level: float) -> Interval:
    half = quantile(level, number - 1) * errors
    return Interval(method, middle - half, middle + half, errors, number - 1)
