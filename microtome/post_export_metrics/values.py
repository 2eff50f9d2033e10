"""Metrics whose values are messages, as TFMA writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from microtome.errors import ConfigError, DataError
from microtome.metrics.curves import AUC
from microtome.metrics.histogram import Confusion, Thresholds
from microtome.metrics.messages import objects
from microtome.metrics.metric import Floats, Metric, Part, Rows, Sum, Sums, Values
from microtome.post_export_metrics.messages import add_matrices
from microtome.proto import result_pb2

# the threshold below 0 of plots: there all is predicted positive
_BELOW = -1e-6


def outside(rows: Rows) -> Floats:
    """0 each.

    Raises:
        DataError: a label or prediction does not lie in [0, 1].
    """
    for what, values, remedy in (
        ("labels", rows.labels, "Give the metric a model that classifies."),
        ("predictions", rows.predictions, "Name probabilities in target_prediction_keys."),
    ):
        lies_outside = ~((values >= 0) & (values <= 1))
        if lies_outside.any():
            raise DataError(
                f"{np.count_nonzero(lies_outside)} of {len(values)} {what} lie outside [0, 1], "
                f"such as {values[lies_outside][0]:g}. {remedy}"
            )
    return np.zeros(len(rows.labels))


PROBABILITIES = Sum(outside, is_weighted=False)


@dataclass(frozen=True)
class Bounded(Metric):
    """A metric's number as a `BoundedValue` without bounds."""

    of: Metric
    name: str

    @property
    def parts(self) -> Sequence[Part]:
        return self.of.parts

    def compute(self, sums: Sums) -> Values:
        """`[slices]` of `BoundedValue`."""
        return objects([_bounded(value) for value in _numbers(self.of.compute(sums))])


@dataclass(frozen=True)
class Areas:
    """The area under a curve, from a histogram at even thresholds, and between which it lies.

    Attributes:
        curve: "ROC" or "PR".
        num_buckets: steps from 0 to 1; the thresholds are 32-bit numbers.
    """

    curve: str = "ROC"
    num_buckets: int = 10_000

    def __post_init__(self) -> None:
        check_buckets("auc", self.num_buckets)
        AUC(curve=self.curve)  # knows the curves

    @cached_property
    def part(self) -> Thresholds:
        """The histogram."""
        inner = np.array(even(self.num_buckets)[1:-1], np.float32)
        return Thresholds.of((-np.inf, *inner.tolist(), np.inf))

    def of(self, sums: Floats) -> Values:
        """`[slices]` of `BoundedValue`, of a histogram's sums `[slices, 2, bins]`."""
        c = Confusion.at(sums)
        recall = c.tpr
        x, y = (c.fpr, recall) if self.curve == "ROC" else (recall, c.ppv)
        if self.curve == "PR":
            # where nothing is predicted positive, nothing of it is wrong
            y = np.where(c.tp + c.fp == 0, 1.0, y)
        steps = x[:, :-1] - x[:, 1:]
        bounds = [
            np.sum(steps * choose(y[:, :-1], y[:, 1:]), axis=1)
            for choose in (np.minimum, np.maximum)
        ]
        return objects(
            [
                _bounded(value, lower, upper)
                for value, lower, upper in zip(
                    *map(np.ndarray.tolist, (AUC(curve=self.curve).of(c), *bounds)), strict=True
                )
            ]
        )


@dataclass(frozen=True)
class BoundedArea(Metric):
    """The area under a curve with its Riemann bounds; NaN without positives, or negatives (ROC)."""

    areas: Areas
    name: str = "auc"

    @property
    def parts(self) -> Sequence[Part]:
        return self.areas.part, PROBABILITIES

    def compute(self, sums: Sums) -> Values:
        """`[slices]` of `BoundedValue`."""
        return self.areas.of(sums[self.areas.part])


@dataclass(frozen=True)
class Matrices(Metric):
    """Confusion matrices; a precision or recall that is a share of nothing is NaN.

    Attributes:
        thresholds: at least one; they become 32-bit numbers.
    """

    thresholds: tuple[float, ...]
    name: str = "confusion_matrix_at_thresholds"

    def __post_init__(self) -> None:
        if not self.thresholds:
            raise ConfigError(f"The metric {self.name!r} has no thresholds: give at least one.")

    @property
    def parts(self) -> Sequence[Part]:
        return self._part, PROBABILITIES

    @cached_property
    def _part(self) -> Thresholds:
        return Thresholds.of(np.array(self.thresholds, np.float32).tolist())

    def compute(self, sums: Sums) -> Values:
        """`[slices]` of `ConfusionMatrixAtThresholds`, thresholds ascending."""
        messages = [result_pb2.ConfusionMatrixAtThresholds() for _ in sums[self._part]]
        self.write(messages, sums)
        return objects(messages)

    def write(self, messages: Sequence[result_pb2.ConfusionMatrixAtThresholds], sums: Sums) -> None:
        """Adds the matrices of each slice to its message."""
        c = Confusion.at(sums[self._part])
        thresholds = np.broadcast_to(self._part.thresholds, c.fn.shape)
        columns = np.stack([thresholds, c.fn, c.tn, c.fp, c.tp, c.ppv, c.tpr], axis=2)
        for message, of_slice in zip(messages, columns, strict=True):
            add_matrices(message, of_slice)


@dataclass(frozen=True)
class MatricesPlot(Metric):
    """`Matrices` at even thresholds from 0 to 1, and at one below."""

    num_buckets: int = 10_000
    name: str = "auc_plots"
    is_plot: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_buckets(self.name, self.num_buckets)

    @property
    def parts(self) -> Sequence[Part]:
        return self._matrices.parts

    @cached_property
    def _matrices(self) -> Matrices:
        return Matrices((_BELOW, *even(self.num_buckets)))

    def compute(self, sums: Sums) -> Values:
        """`[slices]` of `PlotData`."""
        found = self._matrices.compute(sums)
        return objects([result_pb2.PlotData(confusion_matrix_at_thresholds=item) for item in found])


def even(num_buckets: int) -> list[float]:
    """The `num_buckets + 1` edges of even buckets from 0 to 1."""
    edges: list[float] = (np.arange(num_buckets + 1) / num_buckets).tolist()
    return edges


def check_buckets(name: str, num_buckets: int) -> None:
    """Raises a ConfigError unless there is at least one."""
    if num_buckets < 1:
        raise ConfigError(f"The metric {name!r} has num_buckets={num_buckets}; give at least 1.")


def _numbers(values: Any) -> list[float]:
    numbers: list[float] = np.asarray(values, np.float64).tolist()
    return numbers


def _bounded(
    value: float, lower: float | None = None, upper: float | None = None
) -> result_pb2.BoundedValue:
    message = result_pb2.BoundedValue()
    message.value.value = value
    if lower is not None and upper is not None:
        message.lower_bound.value = lower
        message.upper_bound.value = upper
        message.methodology = result_pb2.BoundedValue.RIEMANN_SUM
    return message
