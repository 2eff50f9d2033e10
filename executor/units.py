"""What names each example to the resampling, the same in whatever batch and worker it comes.

Of files and tables it is the name of the source and the example's number in it. Examples of a
user's own PCollection have neither: they are named by their content and by how many equal ones came
before in the batch, since equal examples are not to be resampled together.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from microtome.executor.sources import Batch
from microtome.slicing.resampling import mixed

Units = npt.NDArray[np.uint64]


def units_of(batch: Batch) -> Units:
    """The unit of each example of a batch, uint64 `[examples]`."""
    numbers = np.arange(len(batch.records), dtype=np.uint64)
    if batch.source:
        return mixed(mixed(numbers + np.uint64(batch.first)) ^ _of_text(batch.source))
    content = _content(batch.records)
    return mixed(content ^ mixed(_times_before(content)))


def units_of_values(values: list[Any]) -> Units:
    """The unit of each of some texts, bytes or numbers, such as queries: equal ones have one."""
    return mixed(
        _hashed(_objects([str(v).encode() if not isinstance(v, bytes) else v for v in values]))
    )


def _of_text(text: str) -> np.uint64:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def _times_before(content: Units) -> Units:
    """How many equal ones stand before each."""
    return np.asarray(pd.Series(content).groupby(content).cumcount(), np.uint64)


def _content(records: Any) -> Units:
    if not isinstance(records, pa.RecordBatch):
        return _hashed(records)
    found = np.zeros(len(records), np.uint64)
    for name, column in zip(records.schema.names, records.columns, strict=True):
        found = mixed(found ^ (_of_column(column) + _of_text(name)))
    return found


def _of_column(column: pa.Array) -> Units:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _of_column(column.dictionary_decode())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _of_lists(column)
    if pa.types.is_fixed_size_list(kind):
        return _of_lists(column.cast(pa.list_(kind.value_type)))
    return _hashed(column.to_numpy(zero_copy_only=False))


def _of_lists(column: Any) -> Units:
    """The elements by their places in each list, added up."""
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    found = mixed(lengths.astype(np.uint64))
    np.add.at(found, rows, mixed(_of_column(column.flatten()) ^ mixed(places.astype(np.uint64))))
    return mixed(found)


def _hashed(values: npt.NDArray[Any]) -> Units:
    # the hash of pandas is the same in every process
    return np.asarray(pd.util.hash_array(values, categorize=False), np.uint64)


def _objects(values: list[Any]) -> npt.NDArray[Any]:
    array = np.empty(len(values), object)
    array[:] = values
    return array
