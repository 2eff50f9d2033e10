"""Whether intervals hold the truth as often as they say, and discoveries are false as rarely.

The figures stand in docs/statistics.md. It takes some ten minutes, and no make target runs it:
`python -m pytest tests/statistics/test_coverage.py`.
"""

from __future__ import annotations

import math

import pytest

from tests.statistics import simulated

pytestmark = [pytest.mark.slow, pytest.mark.on_demand]

DATA_SETS, EXPERIMENTS = 1000, 1000


@pytest.mark.parametrize("how", simulated.HOW)
@pytest.mark.parametrize("size", simulated.SIZES)
def test_95_of_100_intervals_hold_the_truth(how: str, size: int) -> None:
    shares = simulated.coverage(how, size, DATA_SETS)
    assert set(shares) == set(simulated.TRUTH)
    for metric, share in shares.items():
        assert 0.93 <= share <= 0.97, metric


@pytest.mark.parametrize("how", simulated.HOW)
def test_false_discoveries_are_as_rare_as_asked(how: str) -> None:
    """Where no slice differs, any discovery is false: their share is that of runs with one."""
    shares = simulated.false_discoveries(how, EXPERIMENTS, fdr=0.1)
    error = math.sqrt(0.1 * 0.9 / EXPERIMENTS)
    assert set(shares) == {"binary_accuracy", "mean_squared_error"}
    for metric, share in shares.items():
        assert share <= 0.1 + 3 * error, metric
