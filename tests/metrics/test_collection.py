"""Metrics outside the graph against scikit-learn, over any split into batches."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from microtome.metrics import confusion, cross_entropy, curves, means, regression
from microtome.metrics.collection import Collection, Computation
from microtome.metrics.metric import Metric
from microtome.metrics.views import Examples, Source, View
from tests.metrics.summed import part_of, sums_of, value_of

pytestmark = pytest.mark.current

ROWS = 300
LABEL, SCORE, WEIGHT = Source("labels"), Source("predictions"), Source("features", "w")


def random_examples(seed: int = 0) -> Examples:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, ROWS).astype(np.float64)
    # scores that tie, as rounded ones do
    scores = np.round(np.clip(labels * 0.3 + generator.random(ROWS) * 0.7, 0, 1), 2)
    return Examples(ROWS, {LABEL: labels, SCORE: scores, WEIGHT: generator.random(ROWS)})


ORACLES = [
    (confusion.BinaryAccuracy(), sk.accuracy_score, True),
    (confusion.Precision(), sk.precision_score, True),
    (confusion.Recall(), sk.recall_score, True),
    (confusion.F1Score(), sk.f1_score, True),
    (confusion.ThreatScore(), sk.jaccard_score, True),
    (confusion.BalancedAccuracy(), sk.balanced_accuracy_score, True),
    (confusion.MatthewsCorrelationCoefficient(), sk.matthews_corrcoef, True),
    (cross_entropy.BinaryCrossEntropy(), sk.log_loss, False),
    (curves.AUC(), sk.roc_auc_score, False),
    (regression.MeanAbsoluteError(), sk.mean_absolute_error, False),
    (regression.MeanSquaredError(), sk.mean_squared_error, False),
]


@pytest.mark.parametrize("is_weighted", [True, False])
@pytest.mark.parametrize(
    ("metric", "oracle", "of_decisions"), ORACLES, ids=lambda x: getattr(x, "name", "")
)
def test_as_in_scikit_learn(
    metric: Metric, oracle: Any, of_decisions: bool, is_weighted: bool
) -> None:
    examples = random_examples()
    scores = examples.columns[SCORE]
    given = scores > 0.5 if of_decisions else scores
    weights = examples.columns[WEIGHT] if is_weighted else None
    expected = oracle(examples.columns[LABEL], given, sample_weight=weights)
    assert value_of(metric, examples, weight=WEIGHT if is_weighted else None) == pytest.approx(
        expected, rel=1e-6
    )


@given(st.lists(st.integers(0, ROWS), max_size=6))
def test_batches_add_up(cuts: list[int]) -> None:
    examples = random_examples()
    collection = Collection(
        tuple(Computation(metric.name, metric, (View(),)) for metric, *_ in ORACLES)
    )
    edges = [0, *sorted(cuts), ROWS]
    parts = [
        sums_of(collection, part_of(examples, slice(a, b))) for a, b in itertools.pairwise(edges)
    ]
    np.testing.assert_allclose(sum(parts), sums_of(collection, examples), rtol=1e-12, atol=1e-12)


def test_what_metrics_share_is_summed_once() -> None:
    alone = Collection((Computation("auc", curves.AUC(num_thresholds=200), (View(),)),))
    shared = Collection(
        (
            *alone.computations,
            Computation("pr", curves.AUCPrecisionRecall(num_thresholds=200), (View(),)),
            Computation("recall", confusion.Recall(), (View(),)),
            Computation("mean", means.MeanLabel(), (View(),)),
            Computation("calibration", means.Calibration(), (View(),)),
        )
    )
    # the threshold of a half, and three plain sums
    assert shared.layout.width == alone.layout.width + 2 + 3
    examples = random_examples()
    of_alone = alone.compute(sums_of(alone, examples))["auc"]
    of_shared = shared.compute(sums_of(shared, examples))["auc"]
    np.testing.assert_allclose(of_shared, of_alone, rtol=1e-12)


def test_nothing_gives_no_number() -> None:
    nothing = part_of(random_examples(), slice(0, 0))
    for metric in (confusion.Precision(), curves.AUC(), means.MeanLabel()):
        assert np.isnan(value_of(metric, nothing))
    assert value_of(means.ExampleCount(), nothing) == 0
