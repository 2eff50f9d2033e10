"""Keras' means over rows are those that Keras computes over all rows at once."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from microtome.errors import ConfigError
from microtome.metrics.views import Examples, Source
from microtome.model.keras_metrics import keras_metric
from tests.metrics.summed import part_of, value_of

pytestmark = pytest.mark.current

ROWS, CLASSES = 50, 4
LABEL, SCORE, WEIGHT = Source("labels"), Source("predictions"), Source("features", "w")
GENERATOR = np.random.default_rng(1)
NUMBERS = GENERATOR.integers(0, CLASSES, ROWS).astype(float)
WEIGHTS = GENERATOR.random(ROWS)
OF_CLASSES = Examples(
    ROWS,
    {LABEL: NUMBERS, SCORE: GENERATOR.dirichlet(np.ones(CLASSES), ROWS), WEIGHT: WEIGHTS},
)
OF_ONE = Examples(
    ROWS, {LABEL: (NUMBERS > 1).astype(float), SCORE: GENERATOR.random(ROWS), WEIGHT: WEIGHTS}
)

CASES: list[tuple[str, dict[str, Any]]] = [
    ("SparseCategoricalAccuracy", {}),
    ("SparseTopKCategoricalAccuracy", {"k": 2}),
    ("SparseCategoricalCrossentropy", {}),
    ("CategoricalAccuracy", {}),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}),
    ("CategoricalHinge", {}),
    ("CosineSimilarity", {}),
    ("KLDivergence", {}),
    ("TopKCategoricalAccuracy", {"k": 3, "name": "third"}),
    ("Hinge", {}),
    ("LogCoshError", {}),
    ("Poisson", {}),
]


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_as_keras_computes_it(name: str, settings: dict[str, Any]) -> None:
    metric = pickle.loads(pickle.dumps(keras_metric(name, "", settings)))
    examples = OF_CLASSES if metric.of_classes else OF_ONE
    oracle = getattr(tf.keras.metrics, name)(**settings)
    labels, scores = examples.columns[LABEL], examples.columns[SCORE]
    if metric.of_classes and not name.startswith("Sparse"):
        labels = np.eye(CLASSES)[labels.astype(int)]
    if not metric.of_classes:
        labels, scores = labels[:, None], scores[:, None]
    oracle.update_state(labels, np.float32(scores), sample_weight=WEIGHTS)
    assert metric.name == oracle.name
    assert value_of(metric, examples, weight=WEIGHT) == pytest.approx(
        float(oracle.result()), rel=1e-5
    )


def test_losses_are_means_as_well() -> None:
    metric = keras_metric("CategoricalCrossentropy", "tf.keras.losses", {"from_logits": True})
    assert metric is not None
    labels = np.eye(CLASSES)[NUMBERS.astype(int)]
    expected = tf.keras.losses.CategoricalCrossentropy(from_logits=True)(
        labels, OF_CLASSES.columns[SCORE]
    )
    assert value_of(metric, OF_CLASSES) == pytest.approx(float(expected), rel=1e-5)


def test_labels_side_by_side_serve_as_numbers() -> None:
    metric = keras_metric("SparseCategoricalAccuracy", "", {})
    assert metric is not None
    side_by_side = Examples(
        ROWS, {**OF_CLASSES.columns, LABEL: np.eye(CLASSES)[NUMBERS.astype(int)]}
    )
    assert value_of(metric, side_by_side) == value_of(metric, OF_CLASSES)


def test_no_rows_give_no_number() -> None:
    metric = keras_metric("Poisson", "", {})
    assert metric is not None
    assert np.isnan(value_of(metric, part_of(OF_ONE, slice(0, 0))))


def test_what_keras_does_not_have_is_none() -> None:
    assert keras_metric("NoSuchThing", "", {}) is None


@pytest.mark.parametrize(
    ("name", "module", "settings", "message"),
    [
        ("MeanIoU", "", {"num_classes": 2}, r"'MeanIoU' is no mean over rows.*CategoricalAccuracy"),
        ("Hinge", "", {"edge": 1}, r"Hinge cannot be made with \{'edge': 1\}"),
        ("Mine", "no_such_module", {}, "module 'no_such_module' of the metric 'Mine' cannot be"),
    ],
)
def test_errors(name: str, module: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        keras_metric(name, module, settings)
