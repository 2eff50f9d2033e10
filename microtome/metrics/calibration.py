"""Histograms of predictions in even buckets, and the plot of how well they are calibrated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from microtome.errors import ConfigError
from microtome.metrics.messages import objects
from microtome.metrics.metric import Floats, Metric, Part, Rows, Sums, Values, register
from microtome.proto import result_pb2
from microtome.slicing.sums import Scattered


@dataclass(frozen=True)
class Buckets(Part):
    """Weights, weighted labels and weighted predictions, by the bucket of the prediction.

    A bucket takes in its lower edge. The first one is of predictions below `left`, the last of
    those from `right`.

    Attributes:
        number: the even buckets between.
    """

    number: int
    left: float = 0.0
    right: float = 1.0

    @property
    def shape(self) -> tuple[int, ...]:
        return 3, self.number + 2

    @property
    def edges(self) -> Floats:
        """`[number + 3]`, from minus infinity to infinity."""
        steps = np.arange(self.number + 1) / self.number
        inner = self.left + steps * (self.right - self.left)
        return np.concatenate([[-np.inf], inner, [np.inf]])

    def added(self, rows: Rows) -> Scattered:
        inner = self.edges[1:-1]
        index = np.searchsorted(inner, rows.predictions, side="right")
        # of no number there is no bucket
        index[np.isnan(rows.predictions)] = -1
        values = [rows.weights, rows.weights * rows.labels, rows.weights * rows.predictions]
        return Scattered(index, np.stack(values, axis=1))


class Histogram(NamedTuple):
    """The sums of `Buckets`, each float64 `[slices, number + 2]`."""

    weights: Floats
    labels: Floats
    predictions: Floats

    @classmethod
    def of(cls, sums: Floats) -> Histogram:
        """Of sums `[slices, 3, number + 2]`."""
        return cls(*np.moveaxis(sums, 1, 0))


@register
@dataclass(frozen=True)
class CalibrationPlot(Metric):
    """Labels and predictions, by buckets of predictions.

    Attributes:
        num_buckets: between `left` and `right`; there is one more on each side.
        left: 0 by default.
        right: 1 by default.
    """

    num_buckets: int = 1000
    left: float | None = None
    right: float | None = None
    name: str = "calibration_plot"
    is_plot: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_count(self.name, "num_buckets", self.num_buckets)
        if not self._part.left < self._part.right:
            raise ConfigError(
                f"The plot {self.name!r} goes from left={self._part.left} to "
                f"right={self._part.right}; right must be greater."
            )

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self._part,)

    @property
    def _part(self) -> Buckets:
        left = 0.0 if self.left is None else self.left
        return Buckets(self.num_buckets, left, 1.0 if self.right is None else self.right)

    def compute(self, sums: Sums) -> Values:
        """`[slices]` of `PlotData`, with a bucket for each of `Buckets`."""
        histogram = Histogram.of(sums[self._part])
        edges = self._part.edges.tolist()
        plots = []
        for weights, labels, predictions in zip(*map(np.ndarray.tolist, histogram), strict=True):
            plot = result_pb2.PlotData()
            add = plot.calibration_histogram_buckets.buckets.add
            for low, high, weight, label, prediction in zip(
                edges, edges[1:], weights, labels, predictions, strict=False
            ):
                bucket = add(lower_threshold_inclusive=low, upper_threshold_exclusive=high)
                bucket.num_weighted_examples.value = weight
                bucket.total_weighted_label.value = label
                bucket.total_weighted_refined_prediction.value = prediction
            plots.append(plot)
        return objects(plots)


def check_count(name: str, setting: str, count: int) -> None:
    """Raises a ConfigError unless there is at least one."""
    if count < 1:
        raise ConfigError(f"The plot {name!r} has {setting}={count}; it must be at least 1.")
