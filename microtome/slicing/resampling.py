"""Resampling: several states of each slice, of rows that are left out or repeated.

States are sums over rows, so that a resampled state is a sum over other rows, or over rows more
than once. Which rows stand in which state is said by a hash of the row's unit and a seed: it does
not depend on batches, workers or the order of rows.

Synopsis:

    resampling = Resampling(Method.JACKKNIFE, num_replicates=20, seed=0)
    draws = resampling.draws(units)                      # of the rows of a batch
    assignments = draws.expanded(assignments)            # ids are slice × num_states + state
    replicates = resampling.replicates(states)
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from microtome.slicing.rollups import Union
from microtome.slicing.slicer import Assignment

Ints = npt.NDArray[np.int64]
Units = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

DEFAULT_REPLICATES = 20
_GOLDEN = 0x9E3779B97F4A7C15
_WORD = (1 << 64) - 1
_LANES = 4
_LANE_VALUES = 1 << 16


class Method(str, enum.Enum):
    """How rows are resampled.

    JACKKNIFE: each row stands in one of several partitions; replicates leave one out.
    POISSON_BOOTSTRAP: each row stands in each replicate as often as Poisson(1) says.
    """

    JACKKNIFE = "jackknife"
    POISSON_BOOTSTRAP = "poisson_bootstrap"


@dataclass(frozen=True)
class Resampling:
    """How the states of a slice are made.

    Attributes:
        method: of resampling.
        num_replicates: partitions of the jackknife, replicates of the bootstrap; 2 or more.
        seed: of the hash.
    """

    method: Method = Method.JACKKNIFE
    num_replicates: int = DEFAULT_REPLICATES
    seed: int = 0

    def draws(self, units: Units) -> Draws:
        """In which states rows stand.

        Args:
            units: uint64 `[rows]`; rows of the same unit stand in the same states.
        """
        keyed = mixed(units ^ np.uint64(mixed_number(self.seed)))
        if self.method is Method.JACKKNIFE:
            return Draws(
                self.num_replicates, (keyed % np.uint64(self.num_replicates)).astype(np.int64)
            )
        counts = np.empty((len(units), self.num_replicates), np.uint8)
        for first in range(0, self.num_replicates, _LANES):
            # a hash gives four draws of 16 bits
            step = np.uint64((first // _LANES + 1) * _GOLDEN & _WORD)
            lanes = mixed(keyed + step).astype("<u8").view("<u2").reshape(len(units), _LANES)
            width = min(_LANES, self.num_replicates - first)
            counts[:, first : first + width] = _poisson()[lanes[:, :width]]
        cells = np.repeat(np.arange(counts.size), counts.reshape(-1))
        rows, states = np.divmod(cells, self.num_replicates)
        return Draws(self.num_replicates, states, rows, counts.sum(axis=1, dtype=np.int64))

    def expanded_unions(self, unions: Sequence[Union]) -> list[Union]:
        """Unions of slices as unions of their states."""
        every = np.arange(self.num_replicates)

        def of_states(ids: Ints) -> Ints:
            return (ids[:, None] * self.num_replicates + every).reshape(-1)

        return [Union(of_states(union.finer), of_states(union.coarser)) for union in unions]

    def replicates(self, states: Floats) -> Floats:
        """What is summed of the rows of each replicate.

        Args:
            states: float64 `[slices, num_replicates × width]`: of each partition, or replicate.

        Returns:
            float64 `[slices, num_replicates, width]`.
        """
        each = states.reshape(len(states), self.num_replicates, -1)
        if self.method is Method.POISSON_BOOTSTRAP:
            return each
        return each.sum(axis=1, keepdims=True) - each


@dataclass(frozen=True)
class Draws:
    """In which states the rows of a batch stand.

    Attributes:
        num_states: of a slice.
        states: int64 `[draws]`, the state of each draw.
        rows: int64 `[draws]`, ascending, the row of each; a row may stand in a state several times.
            None: draw i is row i's, its only one.
        counts: int64 `[rows]`, the draws of each row; None where there is one each.
    """

    num_states: int
    states: Ints
    rows: Ints | None = None
    counts: Ints | None = None

    def expanded(self, assignments: Sequence[Assignment]) -> list[Assignment]:
        """Assignments of rows to states of slices, of id slice × num_states + state."""
        return [self._expanded(assignment) for assignment in assignments]

    def pairs(self, rows: Ints, slices: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Pairs of rows and slices as pairs of rows and states of slices.

        Yields:
            Rows and ids of states. Each time a pair is there once; what stands in a state several
            times comes as many times.
        """
        expanded = self._expanded(Assignment(rows, slices))
        assert expanded.rows is not None
        if self.rows is None:
            yield expanded.rows, expanded.ids
            return
        pairs = np.stack([expanded.rows, expanded.ids])
        order = np.lexsort(pairs)
        pairs = pairs[:, order]
        is_first = np.append(True, np.any(pairs[:, 1:] != pairs[:, :-1], axis=0))
        starts = np.flatnonzero(is_first)
        times = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
        for time in range(int(times.max(initial=-1)) + 1):
            yield pairs[0, times == time], pairs[1, times == time]

    def _expanded(self, assignment: Assignment) -> Assignment:
        rows, ids = assignment.rows, assignment.ids
        if self.rows is None or self.counts is None:
            states = self.states if rows is None else self.states[rows]
            return Assignment(rows, ids * self.num_states + states)
        if rows is None:
            return Assignment(self.rows, ids[self.rows] * self.num_states + self.states)
        counts = self.counts[rows]
        firsts = (np.cumsum(self.counts) - self.counts)[rows]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        states = self.states[np.repeat(firsts, counts) + within]
        return Assignment(
            np.repeat(rows, counts), np.repeat(ids, counts) * self.num_states + states
        )


def mixed(values: Units) -> Units:
    """A hash of each number: the finalizer of SplitMix64 (Steele, Lea & Flood 2014)."""
    values = values + np.uint64(_GOLDEN)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def mixed_number(value: int) -> int:
    """As `mixed`, of one number of any size and sign."""
    return int(mixed(np.array([value & _WORD], np.uint64))[0])


@lru_cache(maxsize=1)
def _poisson() -> npt.NDArray[np.uint8]:
    """The draw of Poisson(1) for each number of 16 bits, by the inverse of its distribution."""
    chances = [math.exp(-1) / math.factorial(number) for number in range(16)]
    middles = (np.arange(_LANE_VALUES) + 0.5) / _LANE_VALUES
    return np.searchsorted(np.cumsum(chances), middles).astype(np.uint8)
