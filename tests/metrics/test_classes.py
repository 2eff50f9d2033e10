"""Confusion matrices of several classes, by hand and over any split into batches."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from microtome.errors import ConfigError, DataError
from microtome.metrics import classes
from microtome.metrics.collection import Collection, Computation
from microtome.metrics.views import Examples, Source, View
from tests.metrics.summed import part_of, sums_of, value_of

pytestmark = pytest.mark.current

LABEL, SCORE = Source("labels"), Source("predictions")
ROWS, CLASSES = 60, 3


def examples() -> Examples:
    generator = np.random.default_rng(5)
    scores = generator.dirichlet(np.ones(CLASSES), ROWS)
    labels = generator.integers(0, CLASSES, ROWS).astype(float)
    return Examples(ROWS, {LABEL: labels, SCORE: scores})


def entries_of(message: Any) -> dict[tuple[int, int], float]:
    (matrix,) = message.matrices
    return {
        (entry.actual_class_id, entry.predicted_class_id): entry.num_weighted_examples
        for entry in matrix.entries
    }


def test_without_a_threshold_it_is_the_confusion_matrix() -> None:
    metric = classes.MultiClassConfusionMatrixAtThresholds((-1.0,)).for_classes(CLASSES)
    found = entries_of(value_of(metric, examples()))
    columns = examples().columns
    table = sk.confusion_matrix(columns[LABEL], np.argmax(columns[SCORE], axis=1))
    expected = {(int(a), int(p)): float(table[a, p]) for a, p in np.argwhere(table)}
    assert found == expected


def test_low_predictions_are_of_no_class() -> None:
    rows = Examples(2, {LABEL: np.array([1.0, 0.0]), SCORE: np.array([[0.5, 0.5], [0.6, 0.4]])})
    metric = classes.MultiClassConfusionMatrixAtThresholds().for_classes(2)
    # the first is not greater than a half
    assert entries_of(value_of(metric, rows)) == {(1, -1): 1.0, (0, 0): 1.0}


def test_rows_count_for_each_of_their_labels() -> None:
    labels, scores = np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([[0.9, 0.1], [0.9, 0.9]])
    metric = classes.MultiLabelConfusionMatrixPlot().for_classes(2)
    plot = value_of(metric, Examples(2, {LABEL: labels, SCORE: scores}))
    (matrix,) = plot.multi_label_confusion_matrix_at_thresholds.matrices
    found = {
        (e.actual_class_id, e.predicted_class_id): (
            e.false_negatives,
            e.true_negatives,
            e.false_positives,
            e.true_positives,
        )
        for e in matrix.entries
    }
    hit, miss = (0, 0, 0, 1), (1, 0, 0, 0)
    assert found == {(0, 0): hit, (0, 1): miss, (1, 0): hit, (1, 1): miss}


@given(st.lists(st.integers(0, ROWS), max_size=5))
def test_batches_add_up(cuts: list[int]) -> None:
    metrics = (
        classes.MultiClassConfusionMatrixAtThresholds((0.4, 0.6)).for_classes(CLASSES),
        classes.MultiLabelConfusionMatrixPlot().for_classes(CLASSES),
    )
    view = (View(of_classes=True),)
    collection = Collection(tuple(Computation(m.name, m, view) for m in metrics))
    edges = [0, *sorted(cuts), ROWS]
    parts = [
        sums_of(collection, part_of(examples(), slice(a, b))) for a, b in itertools.pairwise(edges)
    ]
    np.testing.assert_allclose(sum(parts), sums_of(collection, examples()), rtol=1e-12)


def test_labels_beyond_the_classes_are_named() -> None:
    rows = Examples(1, {LABEL: np.array([7.0]), SCORE: np.full((1, CLASSES), 0.3)})
    metric = classes.MultiClassConfusionMatrixAtThresholds().for_classes(CLASSES)
    with pytest.raises(DataError, match=r"label of row 0 of these is 7.*of 3 classes"):
        value_of(metric, rows)


def test_the_number_of_classes_must_be_known() -> None:
    with pytest.raises(ConfigError, match="How many classes"):
        value_of(classes.MultiClassConfusionMatrixAtThresholds(), examples())
