"""Many tests at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def benjamini_hochberg(p_values: Floats) -> Floats:
    """p-values adjusted for their number: q-values.

    Of those below q, at most a share q is false in expectation (Benjamini & Hochberg 1995,
    Controlling the false discovery rate).

    Args:
        p_values: float64 `[tests]`; NaN where there was no test.

    Returns:
        float64 `[tests]`, NaN as given.
    """
    # half a second, which other questions need not wait for
    import scipy.stats

    adjusted = np.full(len(p_values), np.nan)
    known = ~np.isnan(p_values)
    if known.any():
        adjusted[known] = scipy.stats.false_discovery_control(p_values[known])
    return adjusted
