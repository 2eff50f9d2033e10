"""Errors of numbers that are predicted, and how much of the labels' variance they explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from microtome.metrics.metric import Floats, Metric, Rows, Sum, Sums, divide, register
from microtome.metrics.sums import (
    ABSOLUTE_ERRORS,
    LABELS,
    LABELS_SQUARED,
    PREDICTIONS,
    PREDICTIONS_SQUARED,
    PRODUCTS,
    SQUARED_ERRORS,
    WEIGHTS,
)

# Keras' smallest denominator
_EPSILON = 1e-7


def percentage_error(rows: Rows) -> Floats:
    """100 |label - prediction| / |label|; 0 for a label of zero."""
    sizes = np.abs(rows.labels)
    errors = 100 * np.abs(rows.labels - rows.predictions)
    return np.divide(errors, sizes, out=np.zeros_like(errors), where=sizes > 0)


def has_label(rows: Rows) -> Floats:
    """1 for a label that is not zero, else 0."""
    return (rows.labels != 0).astype(np.float64)


def squared_logarithmic_error(rows: Rows) -> Floats:
    """(ln(1 + label) - ln(1 + prediction))²."""
    labels, predictions = (
        np.log1p(np.maximum(values, _EPSILON)) for values in (rows.labels, rows.predictions)
    )
    return np.square(labels - predictions)


@register
@dataclass(frozen=True)
class MeanAbsoluteError(Metric):
    """The weighted mean of |label - prediction|; NaN without weight."""

    name: str = "mean_absolute_error"
    parts = (ABSOLUTE_ERRORS, WEIGHTS)

    def compute(self, sums: Sums) -> Floats:
        return divide(sums[ABSOLUTE_ERRORS], sums[WEIGHTS])


@register
@dataclass(frozen=True)
class MeanSquaredError(Metric):
    """The weighted mean of (label - prediction)²; NaN without weight."""

    name: str = "mean_squared_error"
    parts = (SQUARED_ERRORS, WEIGHTS)

    def compute(self, sums: Sums) -> Floats:
        return divide(sums[SQUARED_ERRORS], sums[WEIGHTS])


@register
@dataclass(frozen=True)
class RootMeanSquaredError(Metric):
    """The root of the weighted mean of (label - prediction)²; NaN without weight."""

    name: str = "root_mean_squared_error"
    parts = (SQUARED_ERRORS, WEIGHTS)

    def compute(self, sums: Sums) -> Floats:
        return np.sqrt(divide(sums[SQUARED_ERRORS], sums[WEIGHTS]))


@register
@dataclass(frozen=True)
class MeanAbsolutePercentageError(Metric):
    """The weighted mean of 100 |label - prediction| / |label| over the labels that are not zero.

    NaN without such.
    """

    name: str = "mean_absolute_percentage_error"
    parts = (Sum(percentage_error), Sum(has_label))

    def compute(self, sums: Sums) -> Floats:
        return divide(sums[Sum(percentage_error)], sums[Sum(has_label)])


@register
@dataclass(frozen=True)
class MeanSquaredLogarithmicError(Metric):
    """The weighted mean of (ln(1 + label) - ln(1 + prediction))², both at least 1e-7, as Keras."""

    name: str = "mean_squared_logarithmic_error"
    parts = (Sum(squared_logarithmic_error), WEIGHTS)

    def compute(self, sums: Sums) -> Floats:
        return divide(sums[Sum(squared_logarithmic_error)], sums[WEIGHTS])


@register
@dataclass(frozen=True)
class SquaredPearsonCorrelation(Metric):
    """The squared weighted correlation of labels and predictions; NaN where either is constant."""

    name: str = "squared_pearson_correlation"
    parts = (LABELS, LABELS_SQUARED, PREDICTIONS, PREDICTIONS_SQUARED, PRODUCTS, WEIGHTS)

    def compute(self, sums: Sums) -> Floats:
        weights, labels, predictions = sums[WEIGHTS], sums[LABELS], sums[PREDICTIONS]
        with np.errstate(divide="ignore", invalid="ignore"):
            covariance = sums[PRODUCTS] - labels * predictions / weights
            of_labels = sums[LABELS_SQUARED] - np.square(labels) / weights
            of_predictions = sums[PREDICTIONS_SQUARED] - np.square(predictions) / weights
        return divide(np.square(covariance), np.multiply(of_labels, of_predictions))


@register
@dataclass(frozen=True)
class CoefficientOfDiscrimination(Metric):
    """Tjur's R²: the mean prediction of positives less that of negatives; NaN without either.

    Tjur (2009), Coefficients of Determination in Logistic Regression Models, The American
    Statistician 63(4).
    """

    name: str = "coefficient_of_discrimination"
    parts = (LABELS, PREDICTIONS, PRODUCTS, WEIGHTS)

    def compute(self, sums: Sums) -> Floats:
        of_positives, of_negatives = _means_by_label(sums)
        return of_positives - of_negatives


@register
@dataclass(frozen=True)
class RelativeCoefficientOfDiscrimination(Metric):
    """The mean prediction of positives over that of negatives; NaN without either."""

    name: str = "relative_coefficient_of_discrimination"
    parts = (LABELS, PREDICTIONS, PRODUCTS, WEIGHTS)

    def compute(self, sums: Sums) -> Floats:
        return divide(*_means_by_label(sums))


def _means_by_label(sums: Sums) -> tuple[Floats, Floats]:
    of_positives = divide(sums[PRODUCTS], sums[LABELS])
    negatives = sums[WEIGHTS] - sums[LABELS]
    return of_positives, divide(sums[PREDICTIONS] - sums[PRODUCTS], negatives)
