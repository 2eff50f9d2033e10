"""Which way a metric is better, told by its name."""

from __future__ import annotations

import re

_NEITHER = re.compile(
    r"(^|/)(label/mean|prediction/mean|example_count|example_weight|accuracy_baseline"
    r"|(true|false)_(positives|negatives)|calibration|mean_label|mean_prediction)($|/)"
)
_LOWER = re.compile(
    r"loss|error|mse|rmse|mae|mape|brier|cross_?entropy|hinge|divergence|deviance"
    r"|false_(positive|negative|discovery|omission)_rate|\bfpr\b|\bfnr\b|fall_out|miss_rate"
)
_RATE = re.compile(
    r"(^|/)(binary_|categorical_|sparse_categorical_)?"
    r"(accuracy|precision|recall|auc|auc_precision_recall|auc_pr|specificity|sensitivity|f1_score"
    r"|(true|false)_(positive|negative)_rate|precision_at\w*|recall_at\w*|mean_iou|hit_rate)($|[/@])"
)


def higher_is_better(metric: str) -> bool | None:
    """False for losses and errors, None for what only describes (counts, means), else True."""
    if _NEITHER.search(metric):
        return None
    return not _LOWER.search(metric.lower())


def is_rate(metric: str) -> bool:
    """Whether the metric is, or behaves like, a mean over examples of numbers between 0 and 1."""
    return _RATE.search(metric.lower()) is not None
