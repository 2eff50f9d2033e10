"""Confusion matrices of several classes: which is predicted where which is labelled."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from microtome.errors import ConfigError, DataError
from microtome.metrics.messages import objects
from microtome.metrics.metric import Floats, Metric, Part, Rows, Sums, Values, register
from microtome.metrics.views import check_class_numbers, one_hot
from microtome.proto import result_pb2
from microtome.slicing.sums import Scattered

_BEYOND = 1e-7


@dataclass(frozen=True)
class ClassPairs(Part):
    """The weight of rows by threshold, labelled class and predicted class.

    The predicted class is that of the highest prediction (the first of several), if it is greater
    than the threshold; else none.

    Attributes:
        thresholds: ascending.
        classes: their number.
    """

    thresholds: tuple[float, ...]
    classes: int

    @property
    def shape(self) -> tuple[int, ...]:
        return 1, len(self.thresholds) * self.classes * (self.classes + 1)

    def added(self, rows: Rows) -> Scattered:
        _check_classes(rows, self.classes)
        labels = rows.labels if rows.labels.ndim == 1 else np.argmax(rows.labels, axis=1)
        actual = _class_numbers(labels, self.classes)
        predicted = np.argmax(rows.predictions, axis=1)
        highest = np.max(rows.predictions, axis=1, initial=-np.inf)
        is_above = highest[:, None] > np.array(self.thresholds)
        # column 0 is of no class
        column = np.where(is_above, predicted[:, None] + 1, 0)
        cell = actual[:, None] * (self.classes + 1) + column
        index = np.arange(len(self.thresholds)) * self.classes * (self.classes + 1) + cell
        count = len(self.thresholds)
        return Scattered(
            index.reshape(-1),
            np.repeat(rows.weights, count)[:, None],
            np.repeat(np.arange(len(actual)), count),
        )

    def counts(self, sums: Floats) -> Floats:
        """`[slices, thresholds, labelled, none and predicted]`."""
        return sums.reshape(len(sums), len(self.thresholds), self.classes, self.classes + 1)


@dataclass(frozen=True)
class LabelPairs(Part):
    """The confusion of each class, over the rows that have each label.

    Four histograms: false negatives, true negatives, false positives and true positives of a class,
    over the rows of which another label, or the same, is positive; by threshold, label and class.

    Attributes:
        thresholds: ascending.
        classes: their number.
    """

    thresholds: tuple[float, ...]
    classes: int

    @property
    def shape(self) -> tuple[int, ...]:
        return 4, len(self.thresholds) * self.classes * self.classes

    def added(self, rows: Rows) -> Scattered:
        _check_classes(rows, self.classes)
        is_label = one_hot(rows.labels, self.classes) > 0
        row, actual = np.nonzero(is_label)
        is_above = rows.predictions[row][:, None, :] > np.array(self.thresholds)[:, None]
        kind = 2 * is_above + (is_label[row][:, None, :] == is_above)
        count = len(self.thresholds)
        cell = np.arange(count)[:, None] * self.classes**2 + np.arange(self.classes)
        index = cell + (actual * self.classes)[:, None, None]
        values = (kind[..., None] == np.arange(4)) * rows.weights[row][:, None, None, None]
        rows_of_entries = np.repeat(row, count * self.classes)
        return Scattered(index.reshape(-1), values.reshape(-1, 4), rows_of_entries)

    def counts(self, sums: Floats) -> Floats:
        """`[slices, 4, thresholds, labelled, predicted]`."""
        return sums.reshape(len(sums), 4, len(self.thresholds), self.classes, self.classes)


@dataclass(frozen=True)
class _OfClasses(Metric):
    """Matrices of all classes.

    Attributes:
        thresholds: of predictions; in any order, the matrices are ascending.
        classes: the number of classes; given by `for_classes`.
    """

    thresholds: tuple[float, ...] | None = None
    classes: int | None = None
    of_classes: ClassVar[bool] = True

    def for_classes(self, number: int) -> Metric:
        return replace(self, classes=number)

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self._part,)

    @property
    def _ascending(self) -> tuple[float, ...]:
        return tuple(sorted(set(map(float, self._wanted))))

    @property
    def _number(self) -> int:
        if self.classes is None:
            raise ConfigError(
                f"How many classes the metric {self.name!r} is of is not known; give it as "
                '"classes" in its config.'
            )
        return self.classes

    @property
    @abc.abstractmethod
    def _wanted(self) -> Sequence[float]:
        """The thresholds."""

    @property
    @abc.abstractmethod
    def _part(self) -> Part:
        """The one part."""


@register
@dataclass(frozen=True)
class MultiClassConfusionMatrixAtThresholds(_OfClasses):
    """The weight of rows by labelled and predicted class, at thresholds; 0.5 by default.

    The predicted class is that of the highest prediction, if greater than the threshold, else -1.
    """

    name: str = "multi_class_confusion_matrix_at_thresholds"

    @property
    def _wanted(self) -> Sequence[float]:
        return (0.5,) if self.thresholds is None else self.thresholds

    @property
    def _part(self) -> ClassPairs:
        return ClassPairs(self._ascending, self._number)

    def compute(self, sums: Sums) -> Values:
        """`[slices]` of `MultiClassConfusionMatrixAtThresholds`, without entries of no weight."""
        counts = self._part.counts(sums[self._part])
        return objects([_class_message(self._part.thresholds, item) for item in counts])


@dataclass(frozen=True)
class _Plot(_OfClasses):
    """A plot of matrices of all classes.

    Attributes:
        num_thresholds: in place of `thresholds`: so many from 0 to 1, evenly.
    """

    num_thresholds: int | None = None
    is_plot: ClassVar[bool] = True
    default: ClassVar[float]

    def __post_init__(self) -> None:
        if self.thresholds is not None and self.num_thresholds is not None:
            raise ConfigError(
                f"The plot {self.name!r} has both thresholds and num_thresholds; give one."
            )
        if self.num_thresholds is not None and self.num_thresholds < 2:
            raise ConfigError(
                f"The plot {self.name!r} has num_thresholds={self.num_thresholds}; it must be at "
                "least 2."
            )

    @property
    def _wanted(self) -> Sequence[float]:
        if self.num_thresholds is not None:
            # as in Keras, predictions of 0 and 1 lie within
            inner = np.linspace(0, 1, self.num_thresholds)[1:-1].tolist()
            return (-_BEYOND, *inner, 1 + _BEYOND)
        return (self.default,) if self.thresholds is None else self.thresholds


@register
@dataclass(frozen=True)
class MultiClassConfusionMatrixPlot(_Plot):
    """`MultiClassConfusionMatrixAtThresholds` as a plot; the threshold is 0 by default."""

    name: str = "multi_class_confusion_matrix_plot"
    default: ClassVar[float] = 0.0

    @property
    def _part(self) -> ClassPairs:
        return ClassPairs(self._ascending, self._number)

    def compute(self, sums: Sums) -> Values:
        """`[slices]` of `PlotData`."""
        part = self._part
        plots = []
        for counts in part.counts(sums[part]):
            message = _class_message(part.thresholds, counts)
            plots.append(result_pb2.PlotData(multi_class_confusion_matrix_at_thresholds=message))
        return objects(plots)


@register
@dataclass(frozen=True)
class MultiLabelConfusionMatrixPlot(_Plot):
    """The confusion matrix of each class over the rows with each label; the threshold is 0.5.

    Labels are `[rows, classes]`, positive where greater than 0. Rows count once for each of theirs.
    """

    name: str = "multi_label_confusion_matrix_plot"
    default: ClassVar[float] = 0.5

    @property
    def _part(self) -> LabelPairs:
        return LabelPairs(self._ascending, self._number)

    def compute(self, sums: Sums) -> Values:
        """`[slices]` of `PlotData`."""
        part = self._part
        plots = []
        for counts in part.counts(sums[part]):
            message = _label_message(part.thresholds, counts)
            plots.append(result_pb2.PlotData(multi_label_confusion_matrix_at_thresholds=message))
        return objects(plots)


def _class_message(
    thresholds: Sequence[float], counts: Floats
) -> result_pb2.MultiClassConfusionMatrixAtThresholds:
    """Of counts `[thresholds, labelled, none and predicted]`."""
    message = result_pb2.MultiClassConfusionMatrixAtThresholds()
    for threshold, table in zip(thresholds, counts, strict=True):
        matrix = message.matrices.add(threshold=_shown(threshold))
        for actual, column in np.argwhere(table != 0).tolist():
            matrix.entries.add(
                actual_class_id=actual,
                predicted_class_id=column - 1,
                num_weighted_examples=table[actual, column],
            )
    return message


def _label_message(
    thresholds: Sequence[float], counts: Floats
) -> result_pb2.MultiLabelConfusionMatrixAtThresholds:
    """Of counts `[4, thresholds, labelled, predicted]`."""
    message = result_pb2.MultiLabelConfusionMatrixAtThresholds()
    for threshold, tables in zip(thresholds, np.moveaxis(counts, 0, -1), strict=True):
        matrix = message.matrices.add(threshold=_shown(threshold))
        for actual, predicted in np.argwhere((tables != 0).any(axis=2)).tolist():
            fn, tn, fp, tp = tables[actual, predicted].tolist()
            matrix.entries.add(
                actual_class_id=actual,
                predicted_class_id=predicted,
                false_negatives=fn,
                true_negatives=tn,
                false_positives=fp,
                true_positives=tp,
            )
    return message


def _shown(threshold: float) -> float:
    """Without what lies beyond 0 and 1."""
    return (
        float(np.clip(threshold, 0, 1)) if abs(threshold - 0.5) < 0.5 + 2 * _BEYOND else threshold
    )


def _check_classes(rows: Rows, classes: int) -> None:
    found = rows.predictions.shape[1]
    if found != classes:
        raise DataError(f"There are {found} predictions a row, where {classes} classes are known.")


def _class_numbers(labels: npt.NDArray[Any], classes: int) -> npt.NDArray[np.int64]:
    check_class_numbers(labels, classes)
    return labels.astype(np.int64)
