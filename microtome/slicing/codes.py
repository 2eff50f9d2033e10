"""Codes: the values of features as small integers, the same over all batches.

Work on values is done on whole arrays. Python looks at a value once a batch in which it occurs (a
look-up in a dict), and does more only when the value has never been seen before.
"""

from __future__ import annotations

import re
from itertools import repeat
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from microtome.errors import DataError
from microtome.slicing import buckets
from microtome.slicing.columns import Column
from microtome.slicing.keys import NAN, SliceValue, slice_value
from microtome.slicing.spec import spec_number

Ints = npt.NDArray[np.int64]


class Coded(NamedTuple):
    """Pairs row × code of one batch, each pair once.

    Attributes:
      codes: [M] int64.
      rows: [M] int64, ascending. None: row i has the one code codes[i].
    """

    codes: Ints
    rows: Ints | None


class Feature:
    """One feature in one batch; its distinct values are found once, for all that ask."""

    def __init__(self, column: Column):
        self._column = column
        self.rows = column.rows
        self.dtype = (column.values if column.distinct is None else column.distinct).dtype
        self._factorized: tuple[Ints, list[Any]] | None = None

    @property
    def values(self) -> npt.NDArray[Any]:
        """All values, also repeated ones."""
        return self._column.flat

    def factorized(self) -> tuple[Ints, list[Any]]:
        """Returns for each value its position in a list of the distinct values, and the list.

        NaN and None have the position -1, the list's last.
        """
        if self._factorized is None:
            column = self._column
            if column.distinct is None:
                positions, distinct = _factorize(column.values)
            else:
                positions, distinct = column.values, column.distinct.tolist()
            distinct.append(NAN if self.dtype.kind == "f" else None)
            self._factorized = positions, distinct
        return self._factorized


def _factorize(values: npt.NDArray[Any]) -> tuple[Ints, list[Any]]:
    if values.dtype == object:
        try:
            # Half the time that pandas takes; it must look at every object several times.
            encoded = pa.array(values, pa.large_binary()).dictionary_encode()
        except (pa.ArrowException, TypeError, UnicodeEncodeError):
            pass  # not bytes and str alone
        else:
            positions = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            return positions, encoded.dictionary.to_numpy(zero_copy_only=False).tolist()
    positions, found = pd.factorize(values)
    return positions, found.tolist()


class Part(Protocol):
    """What one feature contributes to the keys of a spec.

    Attributes:
      column: the feature.
    """

    column: str

    @property
    def size(self) -> int:
        """How many codes there are so far."""

    def code(self, feature: Feature) -> Coded:
        """Codes a batch. Values that make no slice have no pair."""

    def value(self, code: int) -> SliceValue:
        """Returns the value that a code stands for in slice keys."""


class EveryValue:
    """Every value of a column makes a slice."""

    def __init__(self, column: str):
        self.column = column
        self._vocabulary = _Vocabulary(column)

    @property
    def size(self) -> int:
        """How many codes there are so far."""
        return len(self._vocabulary.shown)

    def code(self, feature: Feature) -> Coded:
        """Codes a batch."""
        positions, distinct = feature.factorized()
        codes = np.fromiter(map(self._vocabulary.__getitem__, distinct), np.int64, len(distinct))
        return _distinct_pairs(codes[positions], feature.rows)

    def value(self, code: int) -> SliceValue:
        """Returns what a code stands for."""
        return self._vocabulary.shown[code]


class GivenValue:
    """Only one value of a column makes a slice: code 0 on a string feature, 1 on a numeric one."""

    size = 2

    def __init__(self, column: str, text: str):
        self.column = column
        self._text = text
        self._number = spec_number(text)
        self._codes: dict[Any, int] = {text: 0}
        self._codes.update((data, 0) for data in _bytes_shown_as(text))
        if self._number is not None:
            self._codes[slice_value(self._number)] = 1

    def code(self, feature: Feature) -> Coded:
        """Codes a batch."""
        positions, distinct = feature.factorized()
        found = map(self._known(feature.dtype).get, distinct, repeat(-1))
        return _distinct_pairs(np.fromiter(found, np.int64, len(distinct))[positions], feature.rows)

    def value(self, code: int) -> SliceValue:
        """Returns what a code stands for."""
        return self._text if code == 0 or self._number is None else slice_value(self._number)

    def _known(self, dtype: np.dtype[Any]) -> dict[Any, int]:
        if self._number is None or dtype.kind != "f" or dtype.itemsize >= 8:
            return self._codes
        with np.errstate(over="ignore"):
            return {slice_value(dtype.type(self._number)): 1, **self._codes}


class Bucketed:
    """Every bucket of a numeric column makes a slice."""

    def __init__(self, column: str, edges: tuple[float, ...]):
        self.column = column
        self._edges = edges
        self._labels = buckets.bucket_labels(edges)

    @property
    def size(self) -> int:
        """How many codes there are so far."""
        return len(self._labels)

    def code(self, feature: Feature) -> Coded:
        """Codes a batch."""
        values = feature.values
        if feature.dtype.kind not in "buif" and len(values):
            raise DataError(
                f"slice feature {self.column!r} has bucket edges, which only numbers can have, but "
                f"its values are text, such as {values[0]!r}"
            )
        return _distinct_pairs(buckets.bucket_indices(values, self._edges), feature.rows)

    def value(self, code: int) -> SliceValue:
        """Returns what a code stands for."""
        return self._labels[code]


class _Vocabulary(dict[Any, int]):
    """Codes of all values of a feature met so far, by the value as it stands in the data.

    Values that look the same in slice keys (b"a" and "a") share a code. None has the code -1.
    """

    def __init__(self, column: str):
        super().__init__({None: -1})
        self.shown: list[SliceValue] = []
        self._column = column
        self._by_value: dict[SliceValue, int] = {}

    def __missing__(self, data: Any) -> int:
        try:
            value = slice_value(data)
        except TypeError:
            raise DataError(
                f"slice feature {self._column!r} holds a {type(data).__name__} ({data!r}); slices "
                "can be made of strings, integers, floats and booleans"
            ) from None
        code = self._by_value.setdefault(value, len(self.shown))
        if code == len(self.shown):
            self.shown.append(value)
        self[data] = code
        return code


def _distinct_pairs(codes: Ints, rows: Ints | None) -> Coded:
    """Leaves out negative codes, and what a row has repeatedly."""
    if codes.size and codes.min() < 0:
        keep = np.flatnonzero(codes >= 0)
        rows = keep if rows is None else rows[keep]
        codes = codes[keep]
    if rows is None or np.all(rows[1:] > rows[:-1]):
        return Coded(codes, rows)
    radix = int(codes.max()) + 1
    pairs = np.sort(rows * radix + codes)
    pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])]
    rows, codes = np.divmod(pairs, radix)
    return Coded(codes, rows)


def _bytes_shown_as(text: str) -> list[bytes]:
    """Returns the byte strings that look like a text in slice keys."""
    plain = text.encode("utf-8", "backslashreplace")
    raw = re.sub(rb"\\x([89a-f][0-9a-f])", lambda escape: bytes.fromhex(escape[1].decode()), plain)
    return [plain] if raw == plain or slice_value(raw) != text else [plain, raw]
