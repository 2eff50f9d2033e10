"""Crosses of features: pairs of codes as one code, and joins by row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from microtome.slicing.codes import Coded, Ints

# A table of pairs with up to this many cells (8 bytes each) is looked up directly.
_TABLE_CELLS = 1 << 20


class PairCodes:
    """Codes of the pairs (left code, right code) met so far.

    While both sides have few codes, pairs are looked up in a table; later by hashing the distinct
    pairs of a batch.
    """

    def __init__(self) -> None:
        self.pairs: list[tuple[int, int]] = []
        self._table = np.full((16, 16), -1, np.int64)
        self._hashed: dict[int, int] | None = None

    def code(self, left: Ints, right: Ints, sizes: tuple[int, int]) -> Ints:
        """Gives each pair its code.

        Args:
          left: [M] codes in [0, sizes[0]).
          right: [M] codes in [0, sizes[1]).
          sizes: how many codes there are on either side, so far.
        """
        if self._hashed is None and not self._fits(sizes):
            self._hashed = {a << 32 | b: code for code, (a, b) in enumerate(self.pairs)}
            self._table = np.empty((0, 0), np.int64)
        if self._hashed is not None:
            return self._code_by_hash(left << 32 | right, self._hashed)
        return self._code_by_table(left * self._table.shape[1] + right)

    def _fits(self, sizes: tuple[int, int]) -> bool:
        """Says whether pairs fit into a table; makes the table larger if need be."""
        old = self._table.shape
        new = tuple(
            max(have, 1 << (size - 1).bit_length()) for have, size in zip(old, sizes, strict=True)
        )
        if new[0] * new[1] > _TABLE_CELLS:
            return False
        if new != old:
            table = np.full(new, -1, np.int64)
            table[: old[0], : old[1]] = self._table
            self._table = table
        return True

    def _code_by_table(self, cells: Ints) -> Ints:
        table = self._table.reshape(-1)
        codes = table[cells]
        new = codes < 0
        if new.any():
            unknown = pd.unique(cells[new])
            table[unknown] = np.arange(len(self.pairs), len(self.pairs) + len(unknown))
            left, right = np.divmod(unknown, self._table.shape[1])
            self.pairs.extend(zip(left.tolist(), right.tolist(), strict=True))
            codes = table[cells]
        return codes

    def _code_by_hash(self, packed: Ints, known: dict[int, int]) -> Ints:
        positions, distinct = pd.factorize(packed)
        codes = np.empty(len(distinct), np.int64)
        for i, pair in enumerate(distinct.tolist()):
            code = known.setdefault(pair, len(known))
            if code == len(self.pairs):
                self.pairs.append((pair >> 32, pair & 0xFFFFFFFF))
            codes[i] = code
        return codes[positions]


def cross(left: Coded, right: Coded, num_rows: int) -> tuple[Ints, Ints, Ints | None]:
    """Combines every code of a row on the left with every one on the right.

    Returns:
      left codes [M], right codes [M], and rows as in `Coded`.
    """
    if left.rows is None:
        if right.rows is None:
            return left.codes, right.codes, None
        return left.codes[right.rows], right.codes, right.rows
    if right.rows is None:
        return left.codes, right.codes[left.rows], left.rows
    i, j = join(left.rows, right.rows, num_rows)
    return left.codes[i], right.codes[j], left.rows[i]


def join(left: Ints, right: Ints, num_rows: int) -> tuple[Ints, Ints]:
    """Returns the positions (i, j) of all pairs with left[i] == right[j], i ascending.

    Args:
      left: rows, in any order.
      right: rows, ascending.
      num_rows: rows are below this.
    """
    counts = np.bincount(right, minlength=num_rows)
    starts = np.cumsum(counts) - counts
    matches = counts[left]
    i = np.repeat(np.arange(len(left)), matches)
    # Position within the run of matches, then from where the run begins on the right.
    within = np.arange(len(i)) - np.repeat(np.cumsum(matches) - matches, matches)
    return i, starts[left[i]] + within
