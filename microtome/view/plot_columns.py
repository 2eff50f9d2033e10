"""The plots of a slice as columns of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from microtome.results.records import Plots, named_plots
from microtome.view.numbers import numbers
from microtome.view.texts import clean

# proto3 JSON leaves out zeros, and messages that are not set
_ZERO = 0.0


def plots_of_slice(run: str, slice_name: str, plots: Plots) -> Iterator[dict[str, Any]]:
    """The plots of a slice for a report.

    Args:
        run: The run's id.
        slice_name: The slice's name in the report.
        plots: As `EvalResult` has them.
    """
    for output, sub_key, name, data in named_plots(plots):
        texts = {"name": name, "output": output, "sub_key": sub_key}
        head = {"run": run, "slice": slice_name}
        tail = {field: clean(text) for field, text in texts.items() if text}
        for kind, columns in _columns(data):
            yield {**head, "type": kind, **tail, "columns": columns}


def _columns(data: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for field, (kind, columns) in _KINDS.items():
        found = columns(data[field]) if field in data else None
        if found and len(next(iter(found.values()))):
            yield kind, {name: numbers(np.array(v, np.float64)) for name, v in found.items()}


def _taken(items: Sequence[Mapping[str, Any]], fields: Mapping[str, str]) -> dict[str, list[float]]:
    return {
        name: [float(item.get(field, _ZERO)) for item in items] for name, field in fields.items()
    }


def _calibration(data: Mapping[str, Any]) -> dict[str, list[float]]:
    fields = {
        "lo": "lowerThresholdInclusive",
        "hi": "upperThresholdExclusive",
        "weight": "numWeightedExamples",
        "label": "totalWeightedLabel",
        "prediction": "totalWeightedRefinedPrediction",
    }
    return _taken(data.get("buckets", []), fields)


_COUNTS = {
    "tp": "truePositives",
    "fp": "falsePositives",
    "fn": "falseNegatives",
    "tn": "trueNegatives",
}


def _thresholds(data: Mapping[str, Any]) -> dict[str, list[float]]:
    return _taken(data.get("matrices", []), {"threshold": "threshold", **_COUNTS})


def _classes(fields: Mapping[str, str]) -> Callable[[Mapping[str, Any]], dict[str, list[float]]]:
    def columns(data: Mapping[str, Any]) -> dict[str, list[float]]:
        entries = [
            {"threshold": matrix.get("threshold", _ZERO), **entry}
            for matrix in data.get("matrices", [])
            for entry in matrix.get("entries", [])
        ]
        pair = {"actual": "actualClassId", "predicted": "predictedClassId"}
        return _taken(entries, {"threshold": "threshold", **pair, **fields})

    return columns


_KINDS: dict[str, tuple[str, Callable[[Mapping[str, Any]], dict[str, list[float]]]]] = {
    "calibrationHistogramBuckets": ("calibration", _calibration),
    "confusionMatrixAtThresholds": ("thresholds", _thresholds),
    "multiClassConfusionMatrixAtThresholds": (
        "multi_class",
        _classes({"weight": "numWeightedExamples"}),
    ),
    "multiLabelConfusionMatrixAtThresholds": ("multi_label", _classes(_COUNTS)),
}
