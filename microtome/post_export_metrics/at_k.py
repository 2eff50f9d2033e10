"""Precision and recall of the classes with the highest predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from microtome.errors import ConfigError, DataError
from microtome.metrics.messages import objects
from microtome.metrics.metric import Floats, Metric, Part, Rows, Sum, Sums, Values, divide
from microtome.proto import result_pb2
from microtome.slicing.sums import Scattered


@dataclass(frozen=True)
class Hits(Part):
    """Classes by the rank of their predictions: those that are labels, and all.

    Bin j is of the classes that are within the j-th cutoff but not within the one before.

    Attributes:
        cutoffs: ascending numbers of classes; the last may be infinity.
        classes: the column of the codes of classes; None: they are numbered from 0.
    """

    cutoffs: tuple[float, ...]
    classes: str | None

    @property
    def shape(self) -> tuple[int, ...]:
        return 2, len(self.cutoffs)

    def added(self, rows: Rows) -> Scattered:
        number, width = rows.predictions.shape
        order = np.argsort(rows.predictions, axis=1, kind="stable")[:, ::-1]
        is_label = np.take_along_axis(_are_labels(self._codes(rows), rows.labels), order, axis=1)
        ends = np.minimum(self.cutoffs, width).astype(np.int64)
        total = np.cumsum(np.pad(is_label.astype(np.int64), ((0, 0), (1, 0))), axis=1)
        hits = np.diff(total[:, ends], axis=1, prepend=0)
        counts = np.broadcast_to(np.diff(ends, prepend=0), hits.shape)
        values = np.stack([hits.reshape(-1), counts.reshape(-1)], axis=1)
        entries = np.repeat(np.arange(number), len(ends))
        bins = np.tile(np.arange(len(ends)), number)
        return Scattered(bins, values * rows.weights[entries][:, None], entries)

    def _codes(self, rows: Rows) -> npt.NDArray[np.float64]:
        shape = rows.predictions.shape
        if self.classes is None:
            return np.broadcast_to(np.arange(shape[1], dtype=np.float64), shape)
        codes: Floats = rows.features[self.classes]
        if codes.shape != shape:
            raise DataError(
                f"There are {' x '.join(map(str, codes.shape))} classes, but predictions of "
                f"{' x '.join(map(str, shape))}."
            )
        return codes


def num_labels(rows: Rows) -> Floats:
    """The number of distinct labels of each row."""
    labels = np.sort(_wide(rows.labels), axis=1)
    is_new = np.diff(labels, axis=1, prepend=-np.inf) > 0
    number: Floats = np.sum(is_new & (labels >= 0), axis=1, dtype=np.float64)
    return number


_NUM_LABELS = Sum(num_labels)


@dataclass(frozen=True)
class AtCutoffs(Metric):
    """The share of the k classes with the highest predictions that are labels, or of the labels.

    Of equal predictions, the class that stands last ranks first. NaN where it is a share of
    nothing.

    Attributes:
        cutoffs: values of k; 0 is all classes.
        is_recall: whether it is a share of the labels.
        classes: as of `Hits`.
    """

    cutoffs: tuple[int, ...]
    is_recall: bool
    name: str
    classes: str | None = None

    def __post_init__(self) -> None:
        if not self.cutoffs or min(self.cutoffs) < 0:
            raise ConfigError(
                f"The metric {self.name!r} has cutoffs={list(self.cutoffs)}; give one or more, of "
                "which 0 stands for all classes."
            )

    @property
    def parts(self) -> Sequence[Part]:
        return (self._hits, _NUM_LABELS) if self.is_recall else (self._hits,)

    @property
    def _hits(self) -> Hits:
        return Hits(tuple(sorted(set(map(_limit, self.cutoffs)))), self.classes)

    def compute(self, sums: Sums) -> Values:
        """`[slices]` of `ValueAtCutoffs`, cutoffs as they are given."""
        hits, counts = np.moveaxis(np.cumsum(sums[self._hits], axis=2), 1, 0)
        shares = divide(hits, sums[_NUM_LABELS][:, None] if self.is_recall else counts)
        places = [self._hits.cutoffs.index(_limit(cutoff)) for cutoff in self.cutoffs]
        return objects([_message(self.cutoffs, row) for row in shares[:, places].tolist()])


def _limit(cutoff: int) -> float:
    return cutoff or np.inf


def _are_labels(codes: Floats, labels: Floats) -> npt.NDArray[np.bool_]:
    """`[rows, classes]`: whether a class is among the row's labels `[rows]` or `[rows, k]`."""
    found = np.zeros(codes.shape, bool)
    for column in _wide(labels).T:
        found |= codes == column[:, None]
    return found & (codes >= 0)


def _wide(labels: Floats) -> Floats:
    return labels[:, None] if labels.ndim == 1 else labels


def _message(cutoffs: Sequence[int], values: Sequence[float]) -> result_pb2.ValueAtCutoffs:
    message = result_pb2.ValueAtCutoffs()
    for cutoff, value in zip(cutoffs, values, strict=True):
        pair = message.values.add(cutoff=cutoff, value=value)
        pair.bounded_value.value.value = value
        pair.t_distribution_value.unsampled_value.value = value
    return message
