"""Metrics that are computed outside a model's graph; one small class each.

A metric of one's own is a class, or two functions: see `metric` and `functions`. Every registered
class is here by its name: `microtome.metrics.AUC(curve="PR")`.
"""

from __future__ import annotations

import importlib
from typing import Any

from microtome.metrics.functions import register_metric
from microtome.metrics.metric import Floats, Metric, Part, Rows, Sum, Sums, divide, register
from microtome.metrics.sums import EXAMPLES, LABELS, PREDICTIONS, WEIGHTS

__all__ = [
    "EXAMPLES",
    "LABELS",
    "PREDICTIONS",
    "WEIGHTS",
    "Floats",
    "Metric",
    "Part",
    "Rows",
    "Sum",
    "Sums",
    "default_binary_classification_specs",
    "default_multi_class_classification_specs",
    "default_regression_specs",
    "divide",
    "register",
    "register_metric",
    "specs_from_metrics",
]

_SPECS = [name for name in __all__ if name.endswith("specs") or name.startswith("specs")]


def __getattr__(name: str) -> Any:
    """Registered classes, and what makes specs of them, once they are asked for."""
    if name in _SPECS:
        return getattr(importlib.import_module(f"{__name__}.to_specs"), name)
    if not name.startswith("_"):
        from microtome.metrics.metric import registered_metrics

        if name in registered_metrics():
            return registered_metrics()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
