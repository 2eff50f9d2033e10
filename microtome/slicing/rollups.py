"""Roll-ups: slices that are unions of finer slices, so that their sums are sums of those.

Where every row has one origin and one carrier, the slices by origin, those by carrier and Overall
need not be summed row by row: the slices by origin and carrier tell them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from microtome.slicing.codes import Part
from microtome.slicing.keys import SliceKey

Ints = npt.NDArray[np.int64]


class Union(NamedTuple):
    """Which slices make up others.

    Attributes:
      finer: [M] int64, ids of slices.
      coarser: [M] int64: what is summed for finer[i] belongs to the slice coarser[i], too. Negative
        where another spec sums that slice.
    """

    finer: Ints
    coarser: Ints


class RollUp:
    """The slices of one spec as unions of those of a finer spec, its base.

    True as long as every row stands in just one slice of the base.

    Attributes:
      base: the number of the finer spec.
    """

    def __init__(self, columns: frozenset[str], base: int):
        self.base = base
        self._columns = columns
        self._coarser: list[int] = []

    def learn(
        self, finer: Sequence[int], keys: Sequence[SliceKey], add: Callable[[SliceKey], int]
    ) -> None:
        """Takes note of new slices.

        Args:
          finer: ids of all slices of the base, in the order in which they were met.
          keys: all slices by id.
          add: gives the id of a slice of the coarser spec, new or not.
        """
        for i in finer[len(self._coarser) :]:
            self._coarser.append(add(tuple(item for item in keys[i] if item[0] in self._columns)))

    def union(self, finer: Sequence[int]) -> Union:
        """Returns what the slices are made of, as far as it was learnt."""
        learnt = finer[: len(self._coarser)]
        return Union(np.array(learnt, np.int64), np.array(self._coarser, np.int64))


def find_roll_ups(parts: Sequence[Sequence[Part]]) -> dict[int, RollUp]:
    """Finds which specs are coarser than others.

    Args:
      parts: what makes the slices of each spec; specs that have a part in common have the same
        object.

    Returns:
      The roll-ups, by number of the coarser spec. No base is coarser than another spec.
    """
    sets = [set(map(id, each)) for each in parts]
    columns = [[part.column for part in each] for each in parts]
    found = {}
    for number, own in enumerate(sets):
        # of a column that is there twice, a key does not tell which item is whose
        finer = [
            i
            for i, other in enumerate(sets)
            if own < other and len(set(columns[i])) == len(columns[i])
        ]
        maximal = [i for i in finer if not any(sets[i] < other for other in sets)]
        if maximal:
            base = min(maximal, key=lambda i: len(sets[i]))
            found[number] = RollUp(frozenset(columns[number]), base)
    return found
