"""Built-in data for `demo`: made-up flights in four months, and how a made-up model rates them.

Labels and predictions are drawn with a fixed seed; all metrics are computed from them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from microtome.results.eval_result import EvalResult
from microtome.results.values import JsonValue
from microtome.slicing.keys import SliceKey
from microtome.tracking import schema
from microtome.view import contract, verdicts

_CARRIERS = ("AA", "AS", "B6", "DL", "EV", "HA", "MQ", "UA", "US", "WN")
_ORIGINS = ("EWR", "JFK", "LGA")
_MONTHS = ("January", "February", "March", "April")
_ROWS = 12_000
_THRESHOLDS = (0.3, 0.5, 0.7)
_Z = 1.959964
_LIMIT = 0.6


@dataclasses.dataclass(frozen=True)
class _Flights:
    """The flights of a month, `[rows]` each."""

    carrier: npt.NDArray[np.int64]
    origin: npt.NDArray[np.int64]
    hour: npt.NDArray[np.int64]
    late: npt.NDArray[np.bool_]
    predicted: npt.NDArray[np.float64]


def demo_report() -> contract.Report:
    """The report that `demo` shows."""
    results = {month: _result(number, month) for number, month in enumerate(_MONTHS, start=1)}
    report = contract.report_of(results, title="Late flights (made up)", mode="data_centric_mode")
    last = report["runs"][-1]["id"]
    report["verdicts"] = {last: _verdict(results[_MONTHS[-1]])}
    report["initial"] = "v=slices"
    return report


def _result(number: int, month: str) -> EvalResult:
    flights = _flights(number)
    slices = list(_slices(flights))
    return EvalResult(
        slicing_metrics=[(key, {"": {"": _metrics(flights, rows)}}) for key, rows in slices],
        plots=[
            (key, {"": {"": _plots(flights, rows)}})
            for key, rows in slices
            if not key or key[0][0] == "origin"
        ],
        model_location="models/flights/4",
        data_location=f"data/2013/{month}",
        file_format="tfrecords",
    )


def _flights(number: int) -> _Flights:
    generator = np.random.default_rng(number)
    shares = np.arange(len(_CARRIERS), 0, -1) ** 2.0
    carrier = generator.choice(len(_CARRIERS), _ROWS, p=shares / shares.sum())
    origin = generator.choice(len(_ORIGINS), _ROWS, p=(0.36, 0.33, 0.31))
    hour = np.clip(np.round(generator.normal(14, 4.5, _ROWS)), 5, 23).astype(np.int64)
    score = -1.9 + 0.12 * (hour - 12) + 0.35 * (carrier % 3) + 0.2 * origin
    score = score + generator.normal(0, 1.1, _ROWS)
    late = generator.random(_ROWS) < 1 / (1 + np.exp(-score))
    # the model sees the score through noise, which grows for one carrier from month to month
    noise = np.where(carrier == 2, 0.5 + 0.7 * number, 0.6)
    seen = score + generator.normal(0, 1, _ROWS) * noise
    return _Flights(carrier, origin, hour, late, 1 / (1 + np.exp(-seen)))


def _slices(flights: _Flights) -> Iterator[tuple[SliceKey, npt.NDArray[np.int64]]]:
    yield (), np.arange(_ROWS)
    for index, name in enumerate(_CARRIERS):
        yield (("carrier", name),), np.flatnonzero(flights.carrier == index)
    for index, name in enumerate(_ORIGINS):
        yield (("origin", name),), np.flatnonzero(flights.origin == index)
    for hour in range(5, 24):
        yield (("hour", hour),), np.flatnonzero(flights.hour == hour)
    for index, name in enumerate(_CARRIERS):
        for place, airport in enumerate(_ORIGINS):
            rows = np.flatnonzero((flights.carrier == index) & (flights.origin == place))
            yield (("carrier", name), ("origin", airport)), rows


def _metrics(flights: _Flights, rows: npt.NDArray[np.int64]) -> dict[str, JsonValue]:
    late, predicted = flights.late[rows], flights.predicted[rows]
    clipped = np.clip(predicted, 1e-7, 1 - 1e-7)
    found = {
        "auc": _auc(late, predicted),
        "accuracy": _share(np.sum((predicted >= 0.5) == late), len(rows)),
        "precision": _share(np.sum(late & (predicted >= 0.5)), np.sum(predicted >= 0.5)),
        "recall": _share(np.sum(late & (predicted >= 0.5)), np.sum(late)),
        "average_loss": _number(-np.mean(np.where(late, np.log(clipped), np.log1p(-clipped)))),
        "label/mean": _number(np.mean(late)),
        "prediction/mean": _number(np.mean(predicted)),
        "example_count": _number(len(rows)),
    }
    for threshold in _THRESHOLDS:
        flagged = predicted >= threshold
        for name, among in (("false_positive_rate", ~late), ("false_negative_rate", late)):
            wrong = np.sum(among & (flagged != late))
            found[f"{name}@{threshold}"] = _share(wrong, np.sum(among))
    return found


def _plots(flights: _Flights, rows: npt.NDArray[np.int64]) -> dict[str, Any]:
    late, predicted = flights.late[rows], flights.predicted[rows]
    bucket = np.minimum((predicted * 20).astype(np.int64), 19)
    sums = [np.bincount(bucket, weights, 20) for weights in (None, late, predicted)]
    thresholds = np.linspace(0, 1, 51)
    flagged = predicted[None, :] >= thresholds[:, None]
    true = (flagged & late).sum(axis=1)
    false = (flagged & ~late).sum(axis=1)
    return {
        "calibrationHistogramBuckets": {
            "buckets": [
                {
                    "lowerThresholdInclusive": index / 20,
                    "upperThresholdExclusive": (index + 1) / 20,
                    "numWeightedExamples": float(sums[0][index]),
                    "totalWeightedLabel": float(sums[1][index]),
                    "totalWeightedRefinedPrediction": float(sums[2][index]),
                }
                for index in range(20)
            ]
        },
        "confusionMatrixAtThresholds": {
            "matrices": [
                {
                    "threshold": float(threshold),
                    "truePositives": float(true[index]),
                    "falsePositives": float(false[index]),
                    "falseNegatives": float(late.sum() - true[index]),
                    "trueNegatives": float((~late).sum() - false[index]),
                }
                for index, threshold in enumerate(thresholds)
            ]
        },
    }


def _auc(late: npt.NDArray[np.bool_], predicted: npt.NDArray[np.float64]) -> JsonValue:
    """With the interval of Hanley and McNeil (1982)."""
    positives, negatives = int(late.sum()), int((~late).sum())
    if not positives or not negatives:
        return {"doubleValue": "NaN"}
    ranks = np.empty(len(predicted))
    ranks[np.argsort(predicted, kind="stable")] = np.arange(1, len(predicted) + 1)
    area = (ranks[late].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (positives - 1) * (q1 - area**2)
    spread += (negatives - 1) * (q2 - area**2)
    half = _Z * np.sqrt(max(spread, 0.0) / (positives * negatives))
    return _bounded(area, max(area - half, 0.0), min(area + half, 1.0))


def _share(part: Any, of: Any) -> JsonValue:
    """With the interval of Wilson (1927)."""
    part, of = float(part), float(of)
    if not of:
        return {"doubleValue": "NaN"}
    share = part / of
    middle = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z * np.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2)) / (1 + _Z**2 / of)
    return _bounded(share, min(middle - half, share), max(middle + half, share))


def _bounded(value: float, lower: float, upper: float) -> JsonValue:
    bounds = {"value": value, "lowerBound": lower, "upperBound": upper}
    return {"boundedValue": {name: float(number) for name, number in bounds.items()}}


def _number(value: Any) -> JsonValue:
    return {"doubleValue": float(value) if np.isfinite(value) else "NaN"}


def _verdict(result: EvalResult) -> dict[str, Any]:
    """What a check of the AUC against a limit says."""
    reasons = []
    for key, metrics in result.slices():
        value = metrics["auc"]
        if value < _LIMIT and metrics["example_count"] >= 100:
            name = contract.slice_name(key)
            message = f"{name}: auc is {value:.4g}; at least {_LIMIT} passes."
            reasons.append(
                {
                    "rule": "value_lower",
                    "failed": True,
                    "slice": name,
                    "metric": "auc",
                    "value": value,
                    "limit": _LIMIT,
                    "message": message,
                }
            )
    return verdicts.of_reasons(schema.NOT_BLESSED if reasons else schema.BLESSED, reasons)
