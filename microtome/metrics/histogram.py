"""The one histogram of predictions that all metrics with thresholds are computed from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from microtome.metrics.metric import Floats, Part, Rows, divide
from microtome.slicing.sums import Scattered

# of so few thresholds a search is as fast
_FEW = 64


@dataclass(frozen=True)
class Thresholds(Part):
    """How much weight of positives and of negatives lies between thresholds.

    A prediction lies above a threshold if it is greater, not if it is equal.

    Attributes:
        thresholds: ascending and distinct.
    """

    thresholds: tuple[float, ...]

    @classmethod
    def of(cls, thresholds: Iterable[float]) -> Thresholds:
        """The histogram of thresholds in any order."""
        return cls(tuple(sorted(set(map(float, thresholds)))))

    @classmethod
    def union(cls, parts: Iterable[Thresholds]) -> Thresholds:
        """The histogram that others can be had from."""
        distinct = list(dict.fromkeys(parts))
        if len(distinct) == 1:
            return distinct[0]
        return cls(tuple(np.unique(np.concatenate([part._array for part in distinct])).tolist()))

    def __hash__(self) -> int:
        return self._hash

    @property
    def shape(self) -> tuple[int, ...]:
        return 2, len(self.thresholds) + 1

    def added(self, rows: Rows) -> Scattered:
        positive = rows.weights * rows.labels
        bins = self._bins(rows.predictions)
        return Scattered(bins, np.stack([positive, rows.weights - positive], axis=1))

    def _bins(self, predictions: Floats) -> npt.NDArray[np.int64]:
        """How many thresholds lie below each prediction."""
        if self._grid is not None:
            bins = self._grid.bins(predictions)
            if bins is not None:
                return bins
        return np.searchsorted(self._array, predictions, side="left")

    def taken_from(self, union: Thresholds, sums: Floats) -> Floats:
        """The sums `[slices, 2, bins]`, from those of a histogram with more thresholds."""
        if self == union:
            return sums
        ends = np.searchsorted(union._array, self._array)
        return np.add.reduceat(sums, [0, *(ends + 1)], axis=2)

    def bins_in(self, union: Thresholds) -> npt.NDArray[np.int64]:
        """The bin here of each bin of a histogram that has all these thresholds and more."""
        return np.append(0, np.searchsorted(self._array, union._array, side="right"))

    @cached_property
    def _grid(self) -> _Grid | None:
        return _Grid.of(self._array)

    @cached_property
    def _hash(self) -> int:
        return hash(self.thresholds)

    @cached_property
    def _array(self) -> Floats:
        return np.array(self.thresholds, np.float64)


@dataclass(frozen=True)
class _Grid:
    """Thresholds that lie so evenly that the place of a prediction among them can be reckoned.

    Attributes:
        first: the first finite one.
        per_unit: how many there are in one.
        offset: how many stand before the first finite one.
        below, above: what lies next to each bin.
    """

    first: float
    per_unit: float
    offset: int
    below: Floats
    above: Floats

    @classmethod
    def of(cls, thresholds: Floats) -> _Grid | None:
        """The grid; None where thresholds are few, or uneven by more than a step."""
        finite = thresholds[np.isfinite(thresholds)]
        if len(finite) < _FEW:
            return None
        grid = cls(
            float(finite[0]),
            (len(finite) - 1) / float(finite[-1] - finite[0]),
            int(np.searchsorted(thresholds, finite[0])),
            np.append(-np.inf, thresholds),
            np.append(thresholds, np.inf),
        )
        return None if grid.bins(finite) is None else grid

    def bins(self, predictions: Floats) -> npt.NDArray[np.int64] | None:
        """How many thresholds lie below each prediction; None where one cannot be reckoned."""
        with np.errstate(invalid="ignore", over="ignore"):
            steps = np.ceil((predictions - self.first) * self.per_unit)
            # NaN is refused below
            bins = np.clip(steps + self.offset, 0, len(self.below) - 1).astype(np.int64)
            bins = np.clip(bins, 0, len(self.below) - 1)
        # rounding, and thresholds between those of the grid
        bins += predictions > self.above[bins]
        bins -= predictions <= self.below[bins]
        is_right = (self.below[bins] < predictions) & (predictions <= self.above[bins])
        return bins if is_right.all() else None


@dataclass(frozen=True)
class Confusion:
    """Confusion matrices, each float64 `[slices, thresholds]`."""

    tp: Floats
    fp: Floats
    tn: Floats
    fn: Floats

    def taken(self, where: npt.NDArray[np.int64]) -> Confusion:
        """The matrices at some of the thresholds, by position."""
        return Confusion(*(of_all[:, where] for of_all in (self.tp, self.fp, self.tn, self.fn)))

    @property
    def total(self) -> Floats:
        return self.tp + self.fp + self.tn + self.fn

    @property
    def tpr(self) -> Floats:
        return divide(self.tp, self.tp + self.fn)

    @property
    def fnr(self) -> Floats:
        return divide(self.fn, self.tp + self.fn)

    @property
    def tnr(self) -> Floats:
        return divide(self.tn, self.tn + self.fp)

    @property
    def fpr(self) -> Floats:
        return divide(self.fp, self.tn + self.fp)

    @property
    def ppv(self) -> Floats:
        return divide(self.tp, self.tp + self.fp)

    @property
    def npv(self) -> Floats:
        return divide(self.tn, self.tn + self.fn)

    @classmethod
    def at(cls, sums: Floats) -> Confusion:
        """The matrices at each threshold of a histogram's sums `[slices, 2, bins]`."""
        below = np.cumsum(sums, axis=2)
        fn, tn = below[:, 0, :-1], below[:, 1, :-1]
        total = below[:, :, -1:]
        return cls(total[:, 0] - fn, total[:, 1] - tn, tn, fn)
