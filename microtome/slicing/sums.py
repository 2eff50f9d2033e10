"""Sums over the rows of each slice.

The state of a slice is one float64 vector: `Layout.dense` sums, then histograms, one after
another. All that metrics need is laid out in it, so that a batch is added for all slices and
metrics at once, and states of one slice are combined by addition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from microtome.errors import DataError
from microtome.slicing.crosses import join
from microtome.slicing.keys import SliceKey
from microtome.slicing.rollups import Union
from microtome.slicing.slicer import Assignment
from microtome.slicing.table import SliceTable, States

Floats = npt.NDArray[np.float64]
# rolled up at once
_STATES = 4096
# states that would take more are kept without the zeros of their histograms
MAX_DENSE_BYTES = 128 << 20
# entries that wait to be added to such states
_MAX_WAITING = 1 << 20


@dataclass(frozen=True)
class Layout:
    """What stands where in the state of a slice.

    Attributes:
      dense: the number of plain sums, which stand first.
      scattered: for each `Scattered`, its number of bins, or (bins, k) if it has k values an entry:
        then k histograms of that many bins stand one after another.
    """

    dense: int
    scattered: tuple[int | tuple[int, int], ...] = ()

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """The (bins, k) of each of `scattered`."""
        return tuple(item if isinstance(item, tuple) else (item, 1) for item in self.scattered)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where the bins of each of `scattered` begin, and where the last ones end."""
        sizes = [bins * k for bins, k in self.shapes]
        return tuple(int(end) for end in np.cumsum([self.dense, *sizes]))

    @cached_property
    def width(self) -> int:
        """The length of a slice's state."""
        return self.offsets[-1]


@dataclass(frozen=True)
class Scattered:
    """What the rows of a batch add to the bins of histograms.

    Attributes:
      index: [M] integers: the bin of each entry. Negative ones are left out.
      values: [M] or [M, k]: what is added; column j goes to the j-th of k histograms.
      rows: [M] int64, in any order: the row of each entry. None: entry i is row i's.
    """

    index: npt.NDArray[np.integer[Any]]
    values: npt.NDArray[Any]
    rows: npt.NDArray[np.int64] | None = None


class SliceSums:
    """Sums of contributions, slice by slice, in float64.

    Histograms of many slices are mostly zeros: what they hold is kept as a sparse matrix where all
    of it would take too much.

    Args:
      layout: of a state.
      max_dense_bytes: histograms that would take more are kept sparse.
    """

    def __init__(self, layout: Layout, max_dense_bytes: int = MAX_DENSE_BYTES):
        self.layout = layout
        self._max_dense_bytes = max_dense_bytes
        # histograms that are kept sparse, [slices, layout.width], and cells and values to be added
        self._spread: Any = None
        self._waiting: list[tuple[npt.NDArray[np.int64], Floats]] = []
        self._state = np.zeros((0, layout.width))
        self._touched = np.zeros(0, bool)
        self._num_slices = 0

    @property
    def sums(self) -> Floats:
        """The states, [number of slices, layout.width]. The next `add` may change it."""
        if self._spread is None:
            return self._state[: self._num_slices]
        return self._joined(np.arange(self._num_slices)).toarray()

    @property
    def nbytes(self) -> int:
        """What the states take."""
        dense = self._num_slices * self._state.shape[1] * self._state.itemsize
        waiting = sum(cells.nbytes + values.nbytes for cells, values in self._waiting)
        if self._spread is None:
            return dense
        return dense + waiting + self._spread.data.nbytes + self._spread.indices.nbytes

    @property
    def touched(self) -> npt.NDArray[np.bool_]:
        """[number of slices]: whether any row stood in the slice. A view."""
        return self._touched[: self._num_slices]

    def add(
        self,
        assignments: Sequence[Assignment],
        num_slices: int,
        dense: npt.NDArray[Any],
        scattered: Sequence[Scattered] = (),
    ) -> None:
        """Adds a batch.

        Args:
          assignments: which slices the rows stand in, from `Slicer.assign`.
          num_slices: the number of slices met so far; ids are below it.
          dense: [number of rows, layout.dense]: what each row adds to the plain sums.
          scattered: as in the layout: what the rows add to histograms.

        Raises:
          DataError: a bin lies beyond its histogram. Nothing has been added then.
          ValueError: the arrays are not as in the layout.
        """
        self._check(dense, scattered)
        self._grow(num_slices)
        for assignment in assignments:
            self._touched[assignment.ids] = True
        if self.layout.dense and len(dense):
            self._add_dense(assignments, np.ascontiguousarray(dense, np.float64))
        for item, offset, (bins, k) in zip(
            scattered, self.layout.offsets[:-1], self.layout.shapes, strict=True
        ):
            self._add_scattered(assignments, len(dense), item, offset, (bins, k))

    def roll_up(self, unions: Sequence[Union], num_slices: int) -> None:
        """Adds what was summed for slices to the slices that they are parts of.

        Args:
          unions: from the `Slicer`.
          num_slices: as in `add`.
        """
        self._grow(num_slices)
        for finer, coarser in unions:
            ours = coarser >= 0
            self._add_states(finer[ours], coarser[ours])
            if self._spread is not None:
                self._settle()
                ones = np.ones(np.count_nonzero(ours))
                shape = (self._num_slices, self._num_slices)
                places = (coarser[ours], finer[ours])
                incidence = scipy.sparse.csr_matrix((ones, places), shape=shape)
                self._spread = self._spread + incidence @ self._spread

    def _add_states(self, sources: npt.NDArray[np.int64], targets: npt.NDArray[np.int64]) -> None:
        for start in range(0, len(sources), _STATES):
            part = slice(start, start + _STATES)
            distinct, where = np.unique(targets[part], return_inverse=True)
            ends = np.arange(len(where) + 1)
            shape = (len(distinct), len(where))
            incidence = scipy.sparse.csc_matrix((np.ones(len(where)), where, ends), shape=shape)
            self._state[distinct] += incidence @ self._state[sources[part]]
            self._touched[distinct] |= (incidence @ self._touched[sources[part]]) > 0

    def table(self, keys: Sequence[SliceKey]) -> SliceTable:
        """Returns the slices that any row stood in, as a table of their own.

        Args:
          keys: the slices by id, `Slicer.keys`.
        """
        ids = np.flatnonzero(self.touched)
        return SliceTable([keys[i] for i in ids.tolist()], self.states(ids))

    def states(self, slices: npt.NDArray[np.int64], each: int = 1) -> States:
        """Returns the states of slices, [slices, each × layout.width].

        Args:
          slices: int64 [slices].
          each: states a slice has; they stand one after another, ids are slice × each + state.
        """
        ids = (slices[:, None] * each + np.arange(each)).reshape(-1)
        shape = (len(slices), each * self.layout.width)
        if self._spread is None:
            return self._state[ids].reshape(shape)
        return self._joined(ids).reshape(shape).tocsr()

    def _joined(self, ids: npt.NDArray[np.int64]) -> scipy.sparse.csr_matrix:
        """The states of some slices, where histograms are kept sparse."""
        self._settle()
        states = scipy.sparse.csr_matrix(self._state[ids])
        states.resize((len(ids), self.layout.width))
        return states + self._spread[ids]

    def _settle(self) -> None:
        """Adds the entries that wait."""
        shape = (self._num_slices, self.layout.width)
        self._spread.resize(shape)
        if self._waiting:
            cells, values = map(np.concatenate, zip(*self._waiting, strict=True))
            added = scipy.sparse.csr_matrix((values, np.divmod(cells, shape[1])), shape=shape)
            self._spread = self._spread + added
            self._waiting = []

    def _spread_out(self) -> None:
        """Begins to keep histograms sparse."""
        dense = self.layout.dense
        state = self._state
        self._state = np.ascontiguousarray(state[:, :dense])
        state[:, :dense] = 0
        self._spread = scipy.sparse.csr_matrix(state)

    def _check(self, dense: npt.NDArray[Any], scattered: Sequence[Scattered]) -> None:
        if dense.ndim != 2 or dense.shape[1] != self.layout.dense:
            raise ValueError(f"dense is {dense.shape}, but the layout has {self.layout.dense} sums")
        if len(scattered) != len(self.layout.scattered):
            raise ValueError(
                f"{len(scattered)} scattered items, but the layout has {len(self.layout.scattered)}"
            )
        for item, (bins, k) in zip(scattered, self.layout.shapes, strict=True):
            length = len(dense) if item.rows is None else len(item.rows)
            if len(item.index) != length or item.values.size != length * k:
                raise ValueError(
                    f"scattered index {item.index.shape} and values {item.values.shape} do not "
                    f"fit {length} entries of {k} values"
                )
            if length and item.index.max() >= bins:
                raise DataError(f"bin {item.index.max()} is beyond a histogram of {bins} bins")

    def _grow(self, num_slices: int) -> None:
        self._num_slices = max(num_slices, self._num_slices)
        capacity = len(self._state)
        if num_slices <= capacity:
            return
        capacity = max(num_slices, 2 * capacity, 64)
        width = self.layout.width
        if self._spread is None and capacity * width * 8 > self._max_dense_bytes:
            self._spread_out()
        state = np.zeros((capacity, width if self._spread is None else self.layout.dense))
        state[: len(self._state)] = self._state
        touched = np.zeros(capacity, bool)
        touched[: len(self._touched)] = self._touched
        self._state, self._touched = state, touched

    def _add_dense(self, assignments: Sequence[Assignment], dense: Floats) -> None:
        num_rows = len(dense)
        regular = [a for a in assignments if _mostly_one(a, num_rows)]
        if regular:
            # A column of the matrix is a row of data and holds one id of each spec.
            ids = np.full((num_rows, len(regular)), self._num_slices, np.int32)
            for spec, assignment in enumerate(regular):
                rows = slice(None) if assignment.rows is None else assignment.rows
                ids[rows, spec] = assignment.ids
            ends = np.arange(0, ids.size + 1, len(regular), dtype=np.int32)
            self._add_product(ids.reshape(-1), ends, dense)
        for assignment in assignments:
            if assignment.rows is not None and not _mostly_one(assignment, num_rows):
                counts = np.bincount(assignment.rows, minlength=num_rows)
                ends = np.append(0, np.cumsum(counts)).astype(np.int32)
                self._add_product(assignment.ids.astype(np.int32), ends, dense)

    def _add_product(
        self, ids: npt.NDArray[np.int32], ends: npt.NDArray[np.int32], dense: Floats
    ) -> None:
        """Adds incidence matrix × dense, the matrix given as CSC: each row's ids, and their ends.

        The id one above the last slice's is of no slice.
        """
        num_slices = self._num_slices
        where: slice | npt.NDArray[np.int64] = slice(0, num_slices)
        if num_slices > len(ids):
            # Few slices of many: go by those alone.
            present = np.zeros(num_slices + 1, bool)
            present[ids] = True
            present[num_slices] = False
            where = np.flatnonzero(present)
            short = np.full(num_slices + 1, len(where), np.int32)
            short[where] = np.arange(len(where), dtype=np.int32)
            ids, num_slices = short[ids], len(where)
        shape = (num_slices + 1, len(dense))
        incidence = scipy.sparse.csc_matrix((np.ones(len(ids)), ids, ends), shape=shape)
        self._state[where, : self.layout.dense] += (incidence @ dense)[:-1]

    def _add_scattered(
        self,
        assignments: Sequence[Assignment],
        num_rows: int,
        item: Scattered,
        offset: int,
        shape: tuple[int, int],
    ) -> None:
        bins, k = shape
        flat = self._state.reshape(-1)
        columns = np.asarray(item.values, np.float64).reshape(-1, k).T
        index, rows = item.index.astype(np.int64), item.rows
        if len(index) and index.min() < 0:
            keep = np.flatnonzero(index >= 0)
            index, columns = index[keep], columns[:, keep]
            rows = keep if rows is None else rows[keep]
        for j, column in enumerate(columns):
            # of positives and negatives an entry adds to one
            values, places, adding = column, index + (offset + j * bins), rows
            adds = np.flatnonzero(column)
            if len(adds) < len(column):
                values, places = column[adds], places[adds]
                adding = adds if rows is None else rows[adds]
            for assignment in assignments:
                ids, entries = _entries(assignment, adding, num_rows)
                cells = ids * self.layout.width + (places if entries is None else places[entries])
                added = values if entries is None else values[entries]
                if self._spread is None:
                    np.add.at(flat, cells, added)
                else:
                    self._waiting.append((cells, added))
        if sum(len(cells) for cells, _ in self._waiting) > _MAX_WAITING:
            self._settle()


def _mostly_one(assignment: Assignment, num_rows: int) -> bool:
    """Says whether most rows stand in a slice, and none in two."""
    rows = assignment.rows
    return rows is None or (2 * len(rows) > num_rows and bool(np.all(rows[1:] > rows[:-1])))


def _entries(
    assignment: Assignment, rows: npt.NDArray[np.int64] | None, num_rows: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64] | None]:
    """Joins an assignment with entries that lie in `rows` (None: entry i lies in row i).

    Returns:
      slice ids [P] and the positions of the entries [P] (None: each entry once, in order).
    """
    if assignment.rows is None:
        return (assignment.ids if rows is None else assignment.ids[rows]), None
    if rows is None:
        return assignment.ids, assignment.rows
    entries, pairs = join(rows, assignment.rows, num_rows)
    return assignment.ids[pairs], entries
