"""Plots, rates and flips by hand, and over any split into batches."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microtome.metrics.calibration import CalibrationPlot
from microtome.metrics.collection import Collection, Computation
from microtome.metrics.cross_entropy import CategoricalCrossEntropy
from microtome.metrics.fairness import FairnessIndicators
from microtome.metrics.flips import BooleanFlipRates, SymmetricPredictionDifference
from microtome.metrics.matrices import ConfusionMatrixPlot, ScoreDistributionPlot
from microtome.metrics.views import Examples, Source, View
from tests.metrics.summed import part_of, sums_of, value_of

pytestmark = pytest.mark.current

LABEL, SCORE, BASELINE = Source("labels"), Source("predictions"), Source("predictions", "", "b")
ROWS = 50


def examples() -> Examples:
    generator = np.random.default_rng(9)
    columns = {
        LABEL: generator.integers(0, 2, ROWS).astype(float),
        SCORE: np.round(generator.random(ROWS), 1),
        BASELINE: generator.random(ROWS),
    }
    return Examples(ROWS, columns)


def test_buckets_take_in_their_lower_edges() -> None:
    scores = np.array([-0.1, 0.0, 0.49, 0.57, 1.0])
    rows = Examples(5, {LABEL: np.array([1.0, 0, 0, 1, 1]), SCORE: scores})
    plot = value_of(CalibrationPlot(100), rows).calibration_histogram_buckets.buckets
    full = {
        (b.lower_threshold_inclusive, b.num_weighted_examples.value, b.total_weighted_label.value)
        for b in plot
        if b.num_weighted_examples.value
    }
    assert full == {(-np.inf, 1, 1), (0.0, 1, 0), (0.49, 1, 0), (0.57, 1, 1), (1.0, 1, 1)}
    assert len(plot) == 102


def test_flips_by_hand() -> None:
    rows = Examples(
        4, {SCORE: np.array([0.2, 0.6, 0.1, 0.0]), BASELINE: np.array([0.6, 0.2, 0.3, 0.0])}
    )
    view = {"label": None, "baseline": BASELINE}
    flips = value_of(BooleanFlipRates(), rows, **view)
    assert flips == {
        "flip_rate": 0.5,
        "neg_to_neg_flip_rate": 0.5,
        "neg_to_pos_flip_rate": 0.25,
        "pos_to_neg_flip_rate": 0.25,
        "pos_to_pos_flip_rate": 0.0,
    }
    # three times 2 · 0.4 / 0.8 or 2 · 0.2 / 0.4, and nothing
    assert value_of(SymmetricPredictionDifference(), rows, **view) == pytest.approx(0.75)


def test_thresholds_are_written_alike() -> None:
    found = value_of(FairnessIndicators((0.5, 0.25)), examples())
    assert {
        "fairness_indicators_metrics/recall@0.50",
        "fairness_indicators_metrics/recall@0.25",
    } < {*found}
    assert len(found) == 20


def test_cross_entropy_of_classes() -> None:
    scores = np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]])
    rows = Examples(2, {LABEL: np.array([2.0, 0.0]), SCORE: scores})
    expected = -(np.log(0.5) + np.log(0.1)) / 2
    assert value_of(CategoricalCrossEntropy(), rows) == pytest.approx(expected)
    logits = Examples(2, {LABEL: np.eye(3)[[2, 0]], SCORE: np.log(scores) + 7})
    assert value_of(CategoricalCrossEntropy(from_logits=True), logits) == pytest.approx(expected)
    smoothed = CategoricalCrossEntropy(label_smoothing=0.3)
    labels = np.eye(3)[[2, 0]] * 0.7 + 0.1
    assert value_of(smoothed, rows) == pytest.approx(-(labels * np.log(scores)).sum() / 2)


@given(st.lists(st.integers(0, ROWS), max_size=5))
def test_batches_add_up(cuts: list[int]) -> None:
    metrics = (
        CalibrationPlot(10),
        ConfusionMatrixPlot(10),
        ScoreDistributionPlot(10),
        BooleanFlipRates(),
        FairnessIndicators(),
    )
    view = (View(baseline=BASELINE),)
    collection = Collection(tuple(Computation(m.name, m, view) for m in metrics))
    edges = [0, *sorted(cuts), ROWS]
    parts = [
        sums_of(collection, part_of(examples(), slice(a, b))) for a, b in itertools.pairwise(edges)
    ]
    np.testing.assert_allclose(sum(parts), sums_of(collection, examples()), rtol=1e-12, atol=1e-12)
