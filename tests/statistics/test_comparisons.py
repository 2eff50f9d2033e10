"""Differences of slices from a baseline: formulas against resampling, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from microtome.statistics.comparisons import Estimates, compare
from microtome.statistics.intervals import Bounds

pytestmark = pytest.mark.current


def one(value: float, error: float, count: float, is_part: bool) -> Estimates:
    arrays = (np.array([number], np.float64) for number in (value, error, count))
    return Estimates(*arrays, np.array([is_part]))


def test_a_part_is_compared_with_the_whole_that_it_is_of() -> None:
    """The standard error of a mean less the mean of all, as seen in many samples."""
    generator = np.random.default_rng(0)
    # the slice spreads more than the rest
    part, rest = generator.normal(0, 3, (20_000, 50)), generator.normal(0, 1, (20_000, 150))
    whole = np.concatenate([part, rest], axis=1).mean(axis=1)
    seen = (part.mean(axis=1) - whole).std()
    base = Bounds(0, 0, whole.std())
    found = compare(one(1.0, 3 / np.sqrt(50), 50, True), 0.0, base, 200, 0.95)
    assert found.standard_errors[0] == pytest.approx(seen, rel=0.02)


def test_a_part_without_spread_is_taken_for_a_draw_from_the_whole() -> None:
    """For a rate, it is the score test: five right ones of five, where 80 of 100 are right."""
    error = np.sqrt(0.8 * 0.2 / 100)
    found = compare(one(1.0, 0.0, 5, True), 0.8, Bounds(0, 0, error), 100, 0.95)
    expected = np.sqrt(0.8 * 0.2 / 5 * (1 - 5 / 100))
    assert found.standard_errors[0] == pytest.approx(expected)
    p_value = 2 * scipy.stats.norm.sf(0.2 / expected)
    assert found.p_values[0] == pytest.approx(p_value)
    assert found.effect_lower_bounds[0] == 0


def test_other_slices_are_independent() -> None:
    found = compare(one(1.0, 3.0, 50, False), 6.0, Bounds(0, 0, 4.0, 19), 50, 0.95)
    # a draw of as many would spread as both of the baseline
    assert found.standard_errors[0] == pytest.approx(np.sqrt(32))
    found = compare(one(1.0, 3.0, 500, False), 6.0, Bounds(0, 0, 4.0, 19), 50, 0.95)
    assert found.standard_errors[0] == pytest.approx(5)
    half = scipy.stats.t.ppf(0.975, 19) * 5
    assert (found.lower[0], found.upper[0]) == pytest.approx((-5 - half, -5 + half))
    assert found.p_values[0] == pytest.approx(2 * scipy.stats.t.sf(1, 19))


def test_the_least_effect() -> None:
    found = compare(one(-5.0, 0.1, 1e6, False), 0.0, Bounds(0, 0, 0.1), 1e6, 0.95)
    assert found.effect_lower_bounds[0] == pytest.approx(-found.upper[0])
    assert 0 < found.effect_lower_bounds[0] < 5


def test_what_is_not_known() -> None:
    for estimates in (one(np.nan, 1, 5, True), one(1, np.nan, 5, True), one(1, 0, 0, True)):
        found = compare(estimates, 0.5, Bounds(0, 0, 0.1), 100, 0.95)
        assert np.isnan([each[0] for each in found[1:]]).all() or np.isnan(found.p_values[0])
    # all are alike
    found = compare(one(1, 0, 5, True), 1, Bounds(1, 1, 0.0), 100, 0.95)
    assert np.isnan(found.p_values[0])
