"""Which labels, predictions and weights a metric sees: of an output, a class, the top k."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from microtome.errors import DataError
from microtome.metrics.metric import Floats, Rows

LABELS, PREDICTIONS, FEATURES = "labels", "predictions", "features"


class Source(NamedTuple):
    """A column of the examples.

    Attributes:
        group: LABELS, PREDICTIONS or FEATURES.
        name: within the group; "" for the only one.
        model: whose it is, where there are several; "" for data.
    """

    group: str
    name: str = ""
    model: str = ""


LABEL, PREDICTION = Source(LABELS), Source(PREDICTIONS)


@dataclass(frozen=True)
class Examples:
    """The examples of a batch.

    Attributes:
        num_rows: their number.
        columns: float64 `[rows]` or `[rows, classes]` each. Labels are numbers; of several classes
            they are the number of one, `[rows]`, or say for each whether it is, `[rows, classes]`.
    """

    num_rows: int
    columns: Mapping[Source, npt.NDArray[Any]]


@dataclass(frozen=True)
class View:
    """What of the examples a metric sees.

    Without any of the attributes after `features`, predictions are one number a row.

    Attributes:
        label, prediction: the columns; None where there are none.
        weight: what each row counts; None: 1.
        baseline: predictions of the model to compare with.
        features: further columns, that metrics name.
        class_id: the class that is positive; others are negative.
        k: for each row the class of its k-th highest prediction is looked at.
        top_k: each class of each row is looked at; predictions that are not among the row's k
            highest are minus infinity. Beside class_id, that class alone is looked at.
        is_flattened: each class of each row is looked at, as if it were a row.
        class_weights: (class, weight) pairs: what a class counts where each is looked at. Classes
            that are not named do not count. None: all count 1.
        of_classes: labels and predictions of all classes stand side by side.
        query: the feature by which rows belong together, for metrics of queries.
    """

    label: Source | None = LABEL
    prediction: Source | None = PREDICTION
    weight: Source | None = None
    baseline: Source | None = None
    features: tuple[Source, ...] = ()
    class_id: int | None = None
    k: int | None = None
    top_k: int | None = None
    is_flattened: bool = False
    class_weights: tuple[tuple[int, float], ...] | None = None
    of_classes: bool = False
    query: str = ""

    @property
    def sources(self) -> list[Source]:
        """The columns that are looked at."""
        columns = (self.label, self.prediction, self.weight, self.baseline, *self.features)
        return [column for column in columns if column is not None]

    def rows(self, examples: Examples) -> Rows:
        """The examples as they are seen.

        Raises:
            DataError: there are several classes, and none is chosen, or none of that number.
        """
        columns, number = examples.columns, examples.num_rows
        empty = np.full(number, np.nan)
        labels = _numbers(columns, self.label, "label") if self.label else empty
        predictions = _numbers(columns, self.prediction, "prediction") if self.prediction else empty
        baseline = _numbers(columns, self.baseline, "prediction") if self.baseline else None
        weights = _numbers(columns, self.weight, "weight") if self.weight else np.ones(number)
        features = {source.name: _narrow(columns[source]) for source in self.features}
        if self.of_classes:
            labels, predictions = of_all_classes(labels, predictions)
            if self.label and self.label.group == LABELS and labels.ndim == 1:
                check_class_numbers(labels, predictions.shape[1])
            return Rows(labels, predictions, weights, baseline, features)
        if predictions.ndim == 1:
            if self.class_id is not None:
                labels = (labels == self.class_id).astype(np.float64)
            return Rows(_one_a_row(labels, "labels"), predictions, weights, baseline, features)
        if self.k is not None:
            return self._kth(labels, predictions, weights, features)
        predictions = predictions if self.top_k is None else only_top(predictions, self.top_k)
        if self.class_id is not None:
            chosen = _class(predictions, self.class_id)
            compared = None if baseline is None else _class(baseline, self.class_id)
            labels = one_hot(labels, predictions.shape[1])[:, self.class_id]
            return Rows(labels, chosen, weights, compared, features)
        if self.is_flattened or self.top_k is not None:
            return self._flattened(labels, predictions, weights, baseline, features)
        return Rows(
            _one_a_row(labels, "labels"),
            _one_a_row(predictions, "predictions"),
            weights,
            baseline,
            features,
        )

    def _kth(
        self, labels: Floats, predictions: Floats, weights: Floats, features: Mapping[str, Floats]
    ) -> Rows:
        assert self.k is not None
        classes = predictions.shape[1]
        if not 1 <= self.k <= classes:
            raise DataError(f"There is no {self.k}-th highest prediction: there are {classes}.")
        chosen = np.argsort(-predictions, axis=1, kind="stable")[:, self.k - 1]
        rows = np.arange(len(predictions))
        is_of_class = one_hot(labels, classes)[rows, chosen]
        return Rows(is_of_class, predictions[rows, chosen], weights, None, features)

    def _flattened(
        self,
        labels: Floats,
        predictions: Floats,
        weights: Floats,
        baseline: Floats | None,
        features: Mapping[str, Floats],
    ) -> Rows:
        number, classes = predictions.shape
        index = np.repeat(np.arange(number), classes)
        weights = np.repeat(weights, classes)
        if self.class_weights is not None:
            of_class = np.zeros(classes)
            for class_id, weight in self.class_weights:
                _class(predictions, class_id)
                of_class[class_id] = weight
            weights = weights * np.tile(of_class, number)
        return Rows(
            one_hot(labels, classes).reshape(-1),
            predictions.reshape(-1),
            weights,
            None if baseline is None else baseline.reshape(-1),
            {name: np.repeat(column, classes, axis=0) for name, column in features.items()},
            index,
        )


def one_hot(labels: Floats, classes: int) -> Floats:
    """Labels `[rows, classes]`, of which class numbers `[rows]` become ones and zeros.

    -1, as of words that no class is called by, is the number of none: such a row is of no class.

    Raises:
        DataError: they are of another number of classes.
    """
    if labels.ndim == 2:
        if labels.shape[1] != classes:
            raise DataError(
                f"Labels have {labels.shape[1]} numbers a row, but there are {classes} predictions."
            )
        return labels
    check_class_numbers(np.where(labels == -1, 0, labels), classes)
    return (labels[:, None] == np.arange(classes)).astype(np.float64)


def check_class_numbers(labels: Floats, classes: int) -> None:
    """Checks that labels `[rows]` are numbers of classes; where all are NaN, there are none.

    Raises:
        DataError: one is not.
    """
    wrong = np.flatnonzero((labels != np.floor(labels)) | (labels < 0) | (labels >= classes))
    if len(wrong) and not np.isnan(labels).all():
        raise DataError(
            f"The label of row {wrong[0]} of these is {labels[wrong[0]]:g}; it must be the number "
            f"of one of {classes} classes, from 0. So are those of {len(wrong)} rows."
        )


def only_top(predictions: Floats, top_k: int) -> Floats:
    """Predictions `[rows, classes]`, minus infinity where not among the row's highest."""
    if top_k >= predictions.shape[1]:
        return predictions
    kept = np.argsort(-predictions, axis=1, kind="stable")[:, :top_k]
    result = np.full_like(predictions, -np.inf)
    np.put_along_axis(result, kept, np.take_along_axis(predictions, kept, axis=1), axis=1)
    return result


def of_all_classes(labels: Floats, predictions: Floats) -> tuple[Floats, Floats]:
    """Predictions `[rows, classes]`; one number a row is that of the second of two classes."""
    if predictions.ndim == 1:
        predictions = np.stack([1 - predictions, predictions], axis=1)
    return labels, predictions


def _narrow(column: Floats) -> Floats:
    return column[:, 0] if column.ndim == 2 and column.shape[1] == 1 else column


def _numbers(columns: Mapping[Source, npt.NDArray[Any]], source: Source, what: str) -> Floats:
    """A column, none of whose numbers is missing.

    Raises:
        DataError: one is NaN, which would count as a number here and as none there.
    """
    column = columns[source]
    missing = np.flatnonzero(np.isnan(column).any(axis=tuple(range(1, column.ndim))))
    if len(missing):
        raise DataError(
            f"The {what} of row {missing[0]} of these is NaN ({source.name or source.group}), as "
            f"are those of {len(missing)} rows in all. Mend these rows, or leave them out."
        )
    return _narrow(column)


def _one_a_row(column: Floats, what: str) -> Floats:
    if column.ndim == 1:
        return column
    raise DataError(
        f"There are {column.shape[1]} {what} a row, one a class, where the metric takes one. Name "
        "classes in binarize { class_ids }, or aggregate over them in aggregate { micro_average }."
    )


def _class(predictions: Floats, class_id: int) -> Floats:
    classes = predictions.shape[1]
    if not 0 <= class_id < classes:
        raise DataError(f"There is no class {class_id}: there are {classes}, from 0.")
    return predictions[:, class_id]
