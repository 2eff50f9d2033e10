"""How far estimates of slices lie from that of a baseline, and whether that is noise.

A slice that is a part of the baseline is not independent of it, but of the rest. With the share π
of the baseline's examples, θ₀ = π θ + (1 - π) θ' for a mean θ and that of the rest θ', and so to
first order for a metric that is a function of means:

    var(θ - θ₀) = (1 - π)² (var θ + var θ') = (1 - 2 π) var θ + var θ₀

Slices that are no part of the baseline are taken to be independent of it: var θ + var θ₀, which is
too much where they share rows and move together.

Small slices are often all alike, so that they seem to have no spread. Therefore the variance is
taken to be at least what it would be if the slice were a random draw from the baseline, which is
the hypothesis that is tested: var θ₀ (1/π - 1), or var θ₀ (1/π + 1) beside the baseline; here π is
the ratio of the numbers of examples. For a rate this is the score test.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from microtome.statistics.intervals import Bounds, quantile

Floats = npt.NDArray[np.float64]


class Estimates(NamedTuple):
    """Estimates of one metric, float64 `[slices]`; NaN where there is none.

    Attributes:
        values: the estimates.
        standard_errors: of them.
        counts: the examples that they are of.
        is_part: bool, whether the slice is a part of the baseline.
    """

    values: Floats
    standard_errors: Floats
    counts: Floats
    is_part: npt.NDArray[np.bool_]


class Differences(NamedTuple):
    """Estimates less that of the baseline, float64 `[slices]`; NaN where that is not known.

    Attributes:
        differences: of the values.
        standard_errors: of the differences.
        lower, upper: their confidence intervals.
        p_values: two-sided, of there being no difference.
    """

    differences: Floats
    standard_errors: Floats
    lower: Floats
    upper: Floats
    p_values: Floats

    @property
    def effect_lower_bounds(self) -> Floats:
        """The least size of a difference within the interval: 0 where that holds 0."""
        return np.maximum(np.maximum(self.lower, -self.upper), 0.0)


def compare(
    estimates: Estimates, value: float, bounds: Bounds, count: float, level: float
) -> Differences:
    """Compares slices with a baseline. See the head of this module.

    Args:
        estimates: of the slices.
        value: the baseline's estimate.
        bounds: its interval; its degrees of freedom are those of the test.
        count: its examples.
        level: the share of intervals that cover.
    """
    own = estimates.standard_errors**2
    base = bounds.standard_error**2
    with np.errstate(all="ignore"):
        share = estimates.counts / count
        sampled = np.where(estimates.is_part, (1 - 2 * share) * own, own) + base
        drawn = base * (1 / share + np.where(estimates.is_part, -1, 1))
        errors = np.sqrt(np.maximum(np.maximum(sampled, drawn), 0))
        differences = estimates.values - value
        size = np.abs(differences) / errors
    # without any spread nothing can be said
    errors = np.where(errors > 0, errors, np.nan)
    size = np.where(np.isfinite(errors), size, np.nan)
    freedom = bounds.degrees_of_freedom
    tail = special.ndtr(-size) if freedom is None else special.stdtr(freedom, -size)
    half = quantile(level, freedom) * errors
    return Differences(differences, errors, differences - half, differences + half, 2 * tail)
