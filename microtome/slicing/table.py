"""Tables of slice states: what workers send one another."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse

from microtome.errors import DataError
from microtome.slicing.keys import NAN, SliceKey

_MAGIC = b"MTT1"
_STEPS, _BITS = b"s", b"b"  # how the places of nonzero values are given
_LARGE = 1 << 20  # numbers of which a table with few nonzero values is kept sparse
# an array of float64, or a csr_matrix of it, which has no types
States: TypeAlias = Any


class SliceTable:
    """States of distinct slices.

    Attributes:
      keys: the slices. A NaN in them is `keys.NAN`.
      sums: [len(keys), width] float64: the state of each slice. Made anew each time where the table
        is large and holds few nonzero values.
    """

    __slots__ = ("_states", "keys")

    def __init__(self, keys: Sequence[SliceKey], sums: States):
        """Initialises the table.

        Raises:
          ValueError: there is not one state a key, or a key is given twice.
        """
        self.keys = [_with_one_nan(key) for key in keys]
        self._states: States = sums if scipy.sparse.issparse(sums) else np.asarray(sums, np.float64)
        if self._states.ndim != 2 or len(self.keys) != self._states.shape[0]:
            raise ValueError(f"{len(self.keys)} keys do not fit states of shape {sums.shape}")
        if len(set(self.keys)) < len(self.keys):
            raise ValueError("a slice key is given twice")

    @property
    def sums(self) -> npt.NDArray[np.float64]:
        return self._states.toarray() if scipy.sparse.issparse(self._states) else self._states

    def __len__(self) -> int:
        return len(self.keys)

    def __reduce__(self) -> tuple[Callable[[bytes], SliceTable], tuple[bytes]]:
        return SliceTable.from_bytes, (self.to_bytes(),)

    @staticmethod
    def merge(tables: Sequence[SliceTable]) -> SliceTable:
        """Adds up the states of the same slices. The order of tables does not matter.

        A single table comes back as it is; otherwise the result shares nothing with the tables.

        Raises:
          ValueError: no table is given, or their states differ in width.
        """
        if not tables:
            raise ValueError("there is no table to merge")
        if len(tables) == 1:
            return tables[0]
        widths = {table._states.shape[1] for table in tables}
        if len(widths) > 1:
            raise ValueError(f"tables with states of different widths: {sorted(widths)}")
        places: dict[SliceKey, int] = {}
        rows = [
            np.fromiter((places.setdefault(key, len(places)) for key in table.keys), np.int64)
            for table in tables
        ]
        if any(scipy.sparse.issparse(table._states) for table in tables):
            return SliceTable(list(places), _merged_sparse(tables, rows, len(places)))
        sums = np.zeros((len(places), *widths))
        for where, table in zip(rows, tables, strict=True):
            sums[where] += table.sums
        return SliceTable(list(places), sums)

    def split(self, num_shards: int) -> list[SliceTable]:
        """Splits by a hash of the key that is the same in every process.

        Returns:
          `num_shards` tables, some maybe empty.
        """
        shards = np.fromiter((_hash(key) % num_shards for key in self.keys), np.int64, len(self))
        return [self.taken(np.flatnonzero(shards == shard)) for shard in range(num_shards)]

    def parts(self, numbers: int) -> Iterator[SliceTable]:
        """Tables of some slices each, of at most so many numbers unless it is one slice."""
        height, width = self._states.shape
        size = max(1, numbers // max(1, width))
        if height <= size:
            yield self
            return
        for start in range(0, height, size):
            yield self.taken(np.arange(start, min(start + size, height)))

    def to_bytes(self) -> bytes:
        """Returns the table as bytes: exact, the same for the same table; a zero takes one bit."""
        keys = json.dumps(self.keys, separators=(",", ":")).encode()
        where, values = _packed(self._states)
        head = np.array([*self._states.shape, len(keys), len(where)], "<i8")
        return b"".join([_MAGIC, head.tobytes(), keys, where, values.tobytes()])

    @classmethod
    def from_bytes(cls, data: bytes) -> SliceTable:
        """Reads what `to_bytes` gave.

        Raises:
          DataError: the bytes are not a table.
        """
        try:
            if not data.startswith(_MAGIC):
                raise ValueError("magic")
            return cls(*_read(memoryview(data)[len(_MAGIC) :]))
        except ValueError:
            raise DataError("these bytes are not a table of slices, or not all of one") from None

    def taken(self, rows: npt.NDArray[np.int64]) -> SliceTable:
        """The table of some rows."""
        return SliceTable([self.keys[row] for row in rows.tolist()], self._states[rows])


def side_by_side(parts: Sequence[States]) -> States:
    """States of the same slices, one to the right of another."""
    if any(scipy.sparse.issparse(part) for part in parts):
        return scipy.sparse.hstack(parts, format="csr")
    return parts[0] if len(parts) == 1 else np.hstack(parts)


def _merged_sparse(
    tables: Sequence[SliceTable], rows: Sequence[npt.NDArray[np.int64]], height: int
) -> scipy.sparse.csr_matrix:
    """The sums of tables whose slices are to stand in these rows."""
    stacked = scipy.sparse.vstack([table._states for table in tables], format="csr")
    targets = np.concatenate(rows)
    places = (targets, np.arange(len(targets)))
    shape = (height, len(targets))
    return scipy.sparse.csr_matrix((np.ones(len(targets)), places), shape=shape) @ stacked


def _packed(states: States) -> tuple[bytes, npt.NDArray[np.float64]]:
    """The places of the nonzero values, and the values."""
    height, width = states.shape
    if scipy.sparse.issparse(states):
        states.sort_indices()
        rows = np.repeat(np.arange(height), np.diff(states.indptr))
        is_nonzero = states.data != 0
        places = (rows * width + states.indices)[is_nonzero]
        if 32 * len(places) < height * width:
            return _steps(places), states.data[is_nonzero].astype("<f8", copy=False)
        states = states.toarray()
    # By bits, because -0.0 is not to become 0.0.
    nonzero = np.ascontiguousarray(states).view(np.uint64) != 0
    return _pack(nonzero.reshape(-1)), states[nonzero].astype("<f8", copy=False)


def _steps(places: npt.NDArray[np.int64]) -> bytes:
    return _STEPS + np.diff(places, prepend=0).astype("<u4").tobytes()


def _read(data: memoryview) -> tuple[list[SliceKey], States]:
    height, width, keys_length, where_length = np.frombuffer(data, "<i8", 4).tolist()
    keys_start = 4 * 8
    where_start = keys_start + keys_length
    values_start = where_start + where_length
    keys = json.loads(bytes(data[keys_start:where_start]))
    places = _unpack(bytes(data[where_start:values_start]), height * width)
    values = np.frombuffer(data[values_start:], "<f8")
    # One value alone would be spread over all places.
    if len(data) < values_start or len(values) != len(places):
        raise ValueError("cut off")
    pairs = [tuple((column, value) for column, value in key) for key in keys]
    if height * width > _LARGE and 32 * len(places) < height * width:
        if len(places) and places[-1] >= height * width:
            raise ValueError("beyond the table")
        shape = (height, width)
        return pairs, scipy.sparse.csr_matrix((values, np.divmod(places, width)), shape=shape)
    sums = np.zeros(height * width)
    sums[places] = values
    return pairs, sums.reshape(height, width)


def _pack(nonzero: npt.NDArray[np.bool_]) -> bytes:
    """Says where values stand: by a bit a cell or, if they are few, by the steps between."""
    places = np.flatnonzero(nonzero)
    steps = np.diff(places, prepend=0)
    if 32 * len(places) < len(nonzero) and (not len(steps) or steps.max() < 1 << 32):
        return _steps(places)
    return _BITS + np.packbits(nonzero).tobytes()


def _unpack(where: bytes, length: int) -> npt.NDArray[np.int64]:
    if where.startswith(_STEPS):
        return np.cumsum(np.frombuffer(where, "<u4", offset=1), dtype=np.int64)
    packed = np.frombuffer(where, np.uint8, offset=1)
    return np.flatnonzero(np.unpackbits(packed, count=length))


def _with_one_nan(key: SliceKey) -> SliceKey:
    if all(value == value for _, value in key):
        return key
    return tuple((column, value if value == value else NAN) for column, value in key)


def _hash(key: SliceKey) -> int:
    items: list[Any] = []
    for column, value in key:
        # 5 and 5.0 are the same in keys, so they must be here.
        whole = isinstance(value, float) and value.is_integer()
        items.append((column, int(value) if whole else value))
    return zlib.crc32(json.dumps(items).encode())
