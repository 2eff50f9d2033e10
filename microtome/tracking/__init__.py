"""Evaluations tracked across runs: in ML Metadata, or in folders of results.

history = History.open("metadata.sqlite", pipeline="flights")
history.table(slices=["carrier:UA"], metrics=["auc"])      # one row a run, slice and metric
history.regressions(against="previous")                    # what fell, beyond noise
record(result, "metadata.sqlite", pipeline="flights", run="2024-06-01")
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "History": "history",
    "record": "recording",
}

__all__ = ["History", "record"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
