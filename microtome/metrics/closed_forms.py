"""Closed forms of confidence intervals, of counts as slices have them."""

from __future__ import annotations

import numpy as np

from microtome.metrics.metric import Floats
from microtome.statistics.intervals import Interval, delong, wilson


def of_rate(successes: Floats, trials: Floats, level: float) -> Interval | None:
    """Wilson's intervals of rates `[slices]`; None where rows count in parts, as of soft labels."""
    return wilson(successes, trials, level) if _are_whole(successes, trials) else None


def of_area(sums: Floats, level: float) -> Interval | None:
    """DeLong's intervals of areas under ROC curves; None where rows count in parts.

    Args:
        sums: `[slices, 2, bins]`, of a histogram's positives and negatives.
        level: the share of intervals that cover.
    """
    return delong(sums[:, 0], sums[:, 1], level) if _are_whole(sums) else None


def _are_whole(*counts: Floats) -> bool:
    return all(np.array_equal(each, np.round(each)) for each in counts)
