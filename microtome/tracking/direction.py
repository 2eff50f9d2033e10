"""Which way a metric is better, told by its name."""

from __future__ import annotations

import re
from collections.abc import Collection

_NEITHER = re.compile(
    r"(^|/)(label/mean|prediction/mean|(weighted_)?example_count|example_weight|accuracy_baseline"
    r"|(true|false)_(positives|negatives)|(positive|negative)_rate|calibration|mean_label"
    r"|mean_prediction)($|/)"
)
_LOWER = re.compile(
    r"loss|error|mse|rmse|mae|mape|brier|cross_?entropy|hinge|divergence|deviance"
    r"|false_(positive|negative|discovery|omission)_rate|\bfpr\b|\bfnr\b|fall_out|miss_rate"
)
# which examples a rate is a share of
_BASES = (
    (re.compile(r"(^|/)(binary_|categorical_|sparse_categorical_)?accuracy$"), "all"),
    (re.compile(r"(^|/)auc$"), "rarer label"),
    (re.compile(r"(^|/)(recall|sensitivity|true_positive_rate|false_negative_rate)$"), "positives"),
    (re.compile(r"(^|/)(specificity|true_negative_rate|false_positive_rate)$"), "negatives"),
)


def higher_is_better(metric: str) -> bool | None:
    """False for losses and errors, None for what only describes (counts, means), else True."""
    if _NEITHER.search(metric):
        return None
    return not _LOWER.search(metric.lower())


def is_lower_better(metric: str, lower_is_better: Collection[str] = ()) -> bool:
    """Whether less is better: its name tells so, or it is among the given ones."""
    return metric in lower_is_better or higher_is_better(metric) is False


def base_of(metric: str) -> str:
    """Which examples a rate is a share of; empty where that is not known, as for precision.

    "all", "positives", "negatives", or "rarer label": the fewer of both, which bound the variance
    of an AUC: it is at most A (1 - A) / min(positives, negatives) (Birnbaum and Klose, 1957).
    """
    return next((base for name, base in _BASES if name.search(metric.lower())), "")
