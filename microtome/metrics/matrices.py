"""Confusion matrices as messages: at thresholds that are named, and over all of [0, 1] as plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from microtome.errors import ConfigError
from microtome.metrics.calibration import check_count
from microtome.metrics.histogram import Confusion, Thresholds
from microtome.metrics.messages import objects
from microtome.metrics.metric import Floats, Metric, Part, Rows, Sums, Values, divide, register
from microtome.proto import result_pb2
from microtome.slicing.sums import Scattered

# what TFMA writes as the threshold at which all is predicted positive
_BELOW = -1e-6
_COUNTS = ("false_negatives", "true_negatives", "false_positives", "true_positives")
_RATES = ("false_positive_rate", "f1", "accuracy", "false_omission_rate")


@register
@dataclass(frozen=True)
class ConfusionMatrixAtThresholds(Metric):
    """The confusion matrix at each threshold, as a message.

    As in TFMA, precision is 1 where nothing is predicted positive, recall 0 where nothing is
    labelled so, and f1 is of these two; other quotients with a denominator of zero are NaN.

    Attributes:
        thresholds: at least one; a prediction greater than it is positive.
    """

    thresholds: tuple[float, ...] = ()
    name: str = "confusion_matrix_at_thresholds"

    def __post_init__(self) -> None:
        if not self.thresholds:
            raise ConfigError(f"The metric {self.name!r} has no thresholds; give at least one.")

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self._part,)

    @cached_property
    def _part(self) -> Thresholds:
        return Thresholds.of(self.thresholds)

    def compute(self, sums: Sums) -> Values:
        """`[slices]` of `ConfusionMatrixAtThresholds`, in the order of `thresholds`."""
        where = np.searchsorted(self._part.thresholds, self.thresholds)
        found = Confusion.at(sums[self._part]).taken(where)
        return matrices(self.thresholds, _fields(found))


@dataclass(frozen=True)
class _OverInterval(Metric):
    """Confusion matrices over [0, 1].

    Attributes:
        num_thresholds: the number of even steps from 0 to 1.
    """

    num_thresholds: int = 1000
    is_plot: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_count(self.name, "num_thresholds", self.num_thresholds)

    @property
    def _inner(self) -> tuple[float, ...]:
        return tuple((np.arange(1, self.num_thresholds) / self.num_thresholds).tolist())

    def _plots(self, fields: dict[str, Floats]) -> Values:
        found = matrices((_BELOW, 0.0, *self._inner, 1.0), fields)
        return objects([result_pb2.PlotData(confusion_matrix_at_thresholds=item) for item in found])


@register
@dataclass(frozen=True)
class ConfusionMatrixPlot(_OverInterval):
    """Confusion matrices at thresholds over [0, 1], for ROC and other curves.

    As in TFMA, predictions of 0 and 1 count as positive at the thresholds 0 and 1.
    """

    name: str = "confusion_matrix_plot"

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self._part,)

    @cached_property
    def _part(self) -> Thresholds:
        ends = np.nextafter([0.0, 1.0], -1).tolist()
        return Thresholds((-np.inf, ends[0], *self._inner, ends[1]))

    def compute(self, sums: Sums) -> Values:
        """`[slices]` of `PlotData`, with `num_thresholds + 2` matrices."""
        return self._plots(_fields(Confusion.at(sums[self._part])))


@dataclass(frozen=True)
class _OfScores(Part):
    """The `Thresholds` of predictions that are their own labels."""

    thresholds: Thresholds

    @property
    def shape(self) -> tuple[int, ...]:
        return self.thresholds.shape

    def added(self, rows: Rows) -> Scattered:
        return self.thresholds.added(Rows(rows.predictions, rows.predictions, rows.weights))


@register
@dataclass(frozen=True)
class ScoreDistributionPlot(_OverInterval):
    """How much weight of predictions lies above and below thresholds, whatever the labels.

    True positives are the weight above, true negatives the rest; predictions stand in for labels in
    the rates, as in TFMA. A prediction p is p positive and 1 - p negative.
    """

    name: str = "score_distribution_plot"
    needs_labels: ClassVar[bool] = False

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self._part,)

    @cached_property
    def _part(self) -> _OfScores:
        return _OfScores(Thresholds((_BELOW, 0.0, *self._inner, 1.0)))

    def compute(self, sums: Sums) -> Values:
        """`[slices]` of `PlotData`, with `num_thresholds + 2` matrices."""
        c = Confusion.at(sums[self._part])
        fields = _fields(c)
        above = {"true_positives": c.tp + c.fp, "true_negatives": c.tn + c.fn}
        return self._plots({**{name: fields[name] for name in _RATES}, **above})


def matrices(thresholds: Sequence[float], fields: dict[str, Floats]) -> Values:
    """`[slices]` of `ConfusionMatrixAtThresholds`.

    Args:
        thresholds: of the matrices.
        fields: their further fields, each `[slices, thresholds]`.
    """
    stacked = np.stack(list(fields.values()), axis=2)
    messages = []
    for of_slice in stacked.tolist():
        message = result_pb2.ConfusionMatrixAtThresholds()
        for threshold, values in zip(thresholds, of_slice, strict=True):
            message.matrices.add(threshold=threshold, **dict(zip(fields, values, strict=True)))
        messages.append(message)
    return objects(messages)


def _fields(c: Confusion) -> dict[str, Floats]:
    precision = np.where(c.tp + c.fp == 0, 1.0, c.ppv)
    recall = np.where(c.tp + c.fn == 0, 0.0, c.tpr)
    f1 = divide(2 * precision * recall, precision + recall)
    accuracy = divide(c.tp + c.tn, c.total)
    omission = divide(c.fn, c.fn + c.tn)
    return {
        **dict(zip(_COUNTS, (c.fn, c.tn, c.fp, c.tp), strict=True)),
        "precision": precision,
        "recall": recall,
        **dict(zip(_RATES, (c.fpr, f1, accuracy, omission), strict=True)),
    }
