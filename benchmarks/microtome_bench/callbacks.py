"""Metrics to add to a model, many of which need the same histogram."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class SharingAHistogram:
    """Adds `count` metrics of a binary classifier, all over one histogram of 200 thresholds."""

    def __init__(self, count: int):
        self._count = count

    def __call__(self, features: Any, predictions: Any, labels: Any) -> dict[str, tuple[Any, Any]]:
        import tensorflow as tf

        scores = tf.reshape(predictions["logistic"], [-1])
        truth = tf.reshape(labels["__labels"] if isinstance(labels, Mapping) else labels, [-1])
        metrics = {}
        for number in range(self._count):
            kind, name = _KINDS[number % len(_KINDS)]
            at = 0.05 + 0.9 * number / self._count
            metrics[f"{name}_{number}"] = kind(tf.compat.v1.metrics, truth, scores, at)
        return metrics


_Kind = Callable[[Any, Any, Any, float], tuple[Any, Any]]
_KINDS: tuple[tuple[_Kind, str], ...] = (
    (lambda m, y, p, at: m.sensitivity_at_specificity(y, p, at), "sensitivity_at_specificity"),
    (lambda m, y, p, at: m.specificity_at_sensitivity(y, p, at), "specificity_at_sensitivity"),
    (lambda m, y, p, at: m.auc(y, p, curve="ROC"), "auc"),
    (lambda m, y, p, at: m.auc(y, p, curve="PR"), "auc_pr"),
)
