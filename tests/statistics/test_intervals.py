"""Intervals against SciPy, brute force and cases by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from microtome.statistics.intervals import delong, jackknife, poisson_bootstrap, quantile, wilson
from microtome.statistics.multiple import benjamini_hochberg

pytestmark = pytest.mark.current


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (5, 5), (1, 2), (37, 120), (999, 1000)])
def test_wilson_is_that_of_scipy(successes, trials, level):
    found = wilson(np.array([float(successes)]), np.array([float(trials)]), level).of(0)
    expected = scipy.stats.binomtest(successes, trials).proportion_ci(level, "wilson")
    assert found.lower == pytest.approx(expected.low, abs=1e-12)
    assert found.upper == pytest.approx(expected.high, abs=1e-12)
    assert found.lower <= successes / trials <= found.upper
    assert found.standard_error > 0


def test_no_trials_no_interval():
    assert wilson(np.array([0.0]), np.array([0.0]), 0.95).of(0) is None


@pytest.mark.parametrize("seed", range(4))
def test_delong_is_the_variance_of_placements(seed):
    generator = np.random.default_rng(seed)
    bins = 12
    positives = generator.integers(0, bins, 40)
    negatives = np.minimum(generator.integers(0, bins, 60), generator.integers(0, bins, 60))
    wins = np.sign(positives[:, None] - negatives) / 2 + 0.5
    area = wins.mean()
    variance = wins.mean(axis=1).var(ddof=1) / 40 + wins.mean(axis=0).var(ddof=1) / 60
    histograms = [
        np.bincount(each, minlength=bins)[None].astype(float) for each in (positives, negatives)
    ]
    found = delong(*histograms, 0.95).of(0)
    assert found.standard_error == pytest.approx(np.sqrt(variance), rel=1e-12)
    half = scipy.stats.norm.ppf(0.975) * np.sqrt(variance)
    assert (found.lower, found.upper) == pytest.approx(
        (area - half, min(1, area + half)), rel=1e-12
    )


def test_no_interval_of_an_area_that_is_none_or_has_no_spread():
    positives = np.array([[0.0, 0, 3], [0, 0, 1], [0, 0, 0], [2, 3, 4]])
    negatives = np.array([[4.0, 0, 0], [1, 2, 3], [1, 2, 3], [4, 3, 2]])
    assert delong(positives, negatives, 0.95).is_there.tolist() == [False, False, False, True]


def test_the_jackknife_of_a_mean_over_equal_partitions_is_the_standard_error_of_their_means():
    means = np.random.default_rng(0).normal(size=20)
    others = (means.sum() - means) / 19
    found = jackknife(np.array([means.mean()]), others[None], 0.9).of(0)
    error = means.std(ddof=1) / np.sqrt(20)
    assert found.standard_error == pytest.approx(error, rel=1e-12)
    expected = scipy.stats.t.interval(0.9, 19, means.mean(), error)
    assert (found.lower, found.upper) == pytest.approx(expected, rel=1e-12)
    assert found.degrees_of_freedom == 19


def test_the_bootstrap_is_around_the_value():
    replicates = np.array([[1.0, 2, 4, 5]])
    found = poisson_bootstrap(np.array([2.5]), replicates, 0.95).of(0)
    error = np.std([1, 2, 4, 5], ddof=1)
    expected = scipy.stats.t.interval(0.95, 3, 2.5, error)
    assert (found.lower, found.upper) == pytest.approx(expected, rel=1e-12)
    assert (found.standard_error, found.degrees_of_freedom) == (pytest.approx(error), 3)


@pytest.mark.parametrize("method", [jackknife, poisson_bootstrap])
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_a_replicate_without_value_gives_no_interval(method, odd):
    replicates = np.array([[1.0, 2, 3], [1, odd, 3]])
    assert method(np.array([2.0, 2]), replicates, 0.95).is_there.tolist() == [True, False]


def test_quantiles():
    assert quantile(0.95) == pytest.approx(1.959964, abs=1e-6)
    assert quantile(0.95, 19) == pytest.approx(2.093024, abs=1e-6)


def test_benjamini_hochberg_by_hand():
    # the example of Benjamini & Hochberg (1995): of 15 tests the first four are rejected at 0.05
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    p_values += [0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    order = np.random.default_rng(0).permutation(15)
    adjusted = np.empty(15)
    adjusted[order] = benjamini_hochberg(np.array(p_values)[order])
    assert (adjusted < 0.05).tolist() == [True] * 4 + [False] * 11
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)


def test_what_was_not_tested_does_not_count():
    found = benjamini_hochberg(np.array([0.01, np.nan, 0.04]))
    assert found[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(found[1])
