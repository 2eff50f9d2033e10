"""Sums that several metrics are made of."""

from __future__ import annotations

import numpy as np

from microtome.metrics.metric import Floats, Rows, Sum


def one(rows: Rows) -> Floats:
    """1 each."""
    return np.ones(len(rows.weights))


def label(rows: Rows) -> Floats:
    """The label."""
    return rows.labels


def prediction(rows: Rows) -> Floats:
    """The prediction."""
    return rows.predictions


def label_squared(rows: Rows) -> Floats:
    """label²."""
    return np.square(rows.labels)


def prediction_squared(rows: Rows) -> Floats:
    """prediction²."""
    return np.square(rows.predictions)


def product(rows: Rows) -> Floats:
    """The product of label and prediction."""
    return rows.labels * rows.predictions


def absolute_error(rows: Rows) -> Floats:
    """|label - prediction|."""
    return np.abs(rows.labels - rows.predictions)


def squared_error(rows: Rows) -> Floats:
    """(label - prediction)²."""
    return np.square(rows.labels - rows.predictions)


EXAMPLES = Sum(one, is_weighted=False)
WEIGHTS = Sum(one)
LABELS = Sum(label)
PREDICTIONS = Sum(prediction)
LABELS_SQUARED = Sum(label_squared)
PREDICTIONS_SQUARED = Sum(prediction_squared)
PRODUCTS = Sum(product)
ABSOLUTE_ERRORS = Sum(absolute_error)
SQUARED_ERRORS = Sum(squared_error)
