"""Which rows of a batch stand in which slices.

A `Slicer` reads a batch's slicing features as columns and gives, for each spec, the pairs row ×
slice id. It keeps what it has learnt (values, crosses, slices) from batch to batch, so that work
in Python is only done for what is new; ids stay the same for as long as it lives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from microtome.errors import DataError
from microtome.slicing.codes import Bucketed, Coded, EveryValue, Feature, GivenValue, Part
from microtome.slicing.columns import Column
from microtome.slicing.crosses import PairCodes, cross
from microtome.slicing.keys import OVERALL, SliceKey, SliceValue
from microtome.slicing.rollups import RollUp, Union, find_roll_ups
from microtome.slicing.spec import SingleSliceSpec

# Instead of a slice id:
_NOT_OURS = -1  # another spec makes the same slice
_UNKNOWN = -2  # not met so far


@dataclass(frozen=True)
class Assignment:
    """The slices of one spec that the rows of a batch stand in: pairs row × slice id, each once.

    Attributes:
      rows: [M] int64, ascending. None: row i stands in exactly one slice, ids[i].
      ids: [M] int64, indices into `Slicer.keys`.
    """

    rows: npt.NDArray[np.int64] | None
    ids: npt.NDArray[np.int64]


class Slicer:
    """Assigns the rows of batches to slices.

    A row stands in a slice once, even if several specs make that slice: the spec that made it first
    owns it, and the others leave it out.
    """

    def __init__(self, specs: Iterable[SingleSliceSpec], roll_up: bool = False):
        """Initialises the slicer.

        Args:
          specs: what to slice by. Repeated specs count once.
          roll_up: whether slices that are unions of others are left out of assignments and told by
            `unions` instead.
        """
        self.specs = tuple(dict.fromkeys(specs))
        self.features = frozenset[str]().union(*(spec.names for spec in self.specs))
        self._registry = _Registry()
        parts: dict[object, Part] = {}
        parts_of_specs = [_parts(spec, parts) for spec in self.specs]
        self._crosses = [
            _Cross(each, self._registry, number) for number, each in enumerate(parts_of_specs)
        ]
        self._roll_ups = find_roll_ups(parts_of_specs) if roll_up else {}
        self._ended: list[Union] = []

    @property
    def keys(self) -> list[SliceKey]:
        """All slices met so far, by id. Not to be changed."""
        return self._registry.keys

    def assign(self, columns: Mapping[str, Column], num_rows: int) -> list[Assignment]:
        """Assigns the rows of a batch.

        Args:
          columns: the features in `features`. One that is absent is taken as missing in all rows.
          num_rows: the number of rows.

        Returns:
          One assignment for each of `specs` that is not rolled up.

        Raises:
          DataError: a column does not have one entry a row, or its values cannot make slices.
        """
        features = {}
        for name in self.features.intersection(columns):
            _check(name, columns[name], num_rows)
            features[name] = Feature(columns[name])
        coded: dict[Part, Coded] = {}
        found = {
            number: cross.assign(features, coded, num_rows)
            for number, cross in enumerate(self._crosses)
            if number not in self._roll_ups
        }
        for number, roll_up in list(self._roll_ups.items()):
            if found[roll_up.base].rows is None:
                self._learn(number, roll_up)
            else:
                # some row stands in none or in several of the finer slices
                self._ended.append(roll_up.union(self._crosses[roll_up.base].slices))
                del self._roll_ups[number]
                found[number] = self._crosses[number].assign(features, coded, num_rows)
        return [found[number] for number in sorted(found)]

    def ended_unions(self) -> list[Union]:
        """Returns the unions that hold for all that was assigned before the last batch, not for it.

        What is summed so far is to be rolled up by them before the last batch is added; they are
        not told again.
        """
        ended, self._ended = self._ended, []
        return ended

    def unions(self) -> list[Union]:
        """Returns the unions that hold for all that was assigned."""
        return [
            roll_up.union(self._crosses[roll_up.base].slices) for roll_up in self._roll_ups.values()
        ]

    def _learn(self, number: int, roll_up: RollUp) -> None:
        slices = self._crosses[roll_up.base].slices
        roll_up.learn(slices, self.keys, lambda key: self._registry.add(key, number))


def rows_by_slice(
    assignments: Iterable[Assignment], num_rows: int
) -> list[tuple[int, npt.NDArray[np.int64]]]:
    """Returns for each slice of a batch its id and its rows, ascending; slices by id."""
    every = np.arange(num_rows)
    rows = [every if a.rows is None else a.rows for a in assignments]
    ids = [a.ids for a in assignments]
    if not ids:
        return []
    all_ids, all_rows = np.concatenate(ids), np.concatenate(rows)
    order = np.lexsort((all_rows, all_ids))
    slices, starts = np.unique(all_ids[order], return_index=True)
    parts = np.split(all_rows[order], starts[1:])
    return list(zip(slices.tolist(), parts, strict=False))


def _parts(spec: SingleSliceSpec, known: dict[object, Part]) -> list[Part]:
    """Returns what each feature contributes, shared with the specs that have the same."""
    # Given values first: they leave few rows for what follows.
    given = [known.setdefault(pair, GivenValue(*pair)) for pair in spec.feature_texts]
    bucketed = [known.setdefault(pair, Bucketed(*pair)) for pair in spec.buckets.items()]
    every = [known.setdefault(column, EveryValue(column)) for column in spec.columns]
    return [*given, *bucketed, *every]


def _check(name: str, column: Column, num_rows: int) -> None:
    rows = column.rows
    if rows is None:
        if len(column.values) != num_rows:
            raise DataError(
                f"slice feature {name!r} has {len(column.values)} entries in a batch of {num_rows} "
                "rows: it must have one entry a row"
            )
    elif len(rows) and (rows[0] < 0 or rows[-1] >= num_rows):
        raise DataError(
            f"slice feature {name!r} has values in rows {rows[0]} to {rows[-1]} of a batch of "
            f"{num_rows} rows: its first dimension must be the rows"
        )


class _Registry:
    """Slice keys and the spec that owns each."""

    def __init__(self) -> None:
        self.keys: list[SliceKey] = []
        self._known: dict[SliceKey, tuple[int, int]] = {}

    def add(self, key: SliceKey, owner: int) -> int:
        """Returns the id of a key that is new or the owner's, or `_NOT_OURS`."""
        i, first = self._known.setdefault(key, (len(self.keys), owner))
        if i == len(self.keys):
            self.keys.append(key)
        return i if first == owner else _NOT_OURS


class _Cross:
    """The slices of one spec: the cross of its parts, two at a time.

    Attributes:
      slices: ids of the slices that the spec owns, as they were met.
    """

    def __init__(self, parts: list[Part], registry: _Registry, number: int):
        self.slices: list[int] = []
        self._parts = parts
        self._registry = registry
        self._number = number
        self._pairs = [PairCodes() for _ in parts[1:]]
        self._ids = np.empty(0, np.int64)  # slice id of each code of the cross

    def assign(
        self, features: Mapping[str, Feature], coded: dict[Part, Coded], num_rows: int
    ) -> Assignment:
        if any(part.column not in features for part in self._parts):
            return Assignment(np.empty(0, np.int64), np.empty(0, np.int64))
        if not self._parts:
            found = Coded(np.zeros(num_rows, np.int64), None)
            return self._to_slices(found, 1)
        for part in self._parts:
            if part not in coded:
                coded[part] = part.code(features[part.column])
        found, size = coded[self._parts[0]], self._parts[0].size
        for part, pairs in zip(self._parts[1:], self._pairs, strict=True):
            left, right, rows = cross(found, coded[part], num_rows)
            found = Coded(pairs.code(left, right, (size, part.size)), rows)
            size = len(pairs.pairs)
        return self._to_slices(found, size)

    def _to_slices(self, found: Coded, size: int) -> Assignment:
        if size > len(self._ids):
            # Twice as many, so that few batches have to grow it.
            self._ids = np.append(self._ids, np.full(2 * size - len(self._ids), _UNKNOWN))
        ids = self._ids[found.codes]
        if not len(ids) or ids.min() >= 0:
            return Assignment(found.rows, ids)
        for code in pd.unique(found.codes[ids == _UNKNOWN]).tolist():
            self._ids[code] = self._registry.add(self._key(code), self._number)
            if self._ids[code] >= 0:
                self.slices.append(int(self._ids[code]))
        ids = self._ids[found.codes]
        ours = np.flatnonzero(ids != _NOT_OURS)
        if len(ours) == len(ids):
            return Assignment(found.rows, ids)
        return Assignment(ours if found.rows is None else found.rows[ours], ids[ours])

    def _key(self, code: int) -> SliceKey:
        if not self._parts:
            return OVERALL
        items: list[tuple[str, SliceValue]] = []
        for part, pairs in zip(self._parts[:0:-1], self._pairs[::-1], strict=True):
            code, right = pairs.pairs[code]
            items.append((part.column, part.value(right)))
        items.append((self._parts[0].column, self._parts[0].value(code)))
        # By column alone: a spec may give two values of one column, and they need not compare.
        items.reverse()
        return tuple(sorted(items, key=lambda item: item[0]))
