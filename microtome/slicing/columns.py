"""Slicing features of one batch, as flat columns of values.

`Column` is the one form that the slicer reads; `column_from` builds it from whatever `session.run`
returns for a feature: a dense array, a `SparseTensorValue` or a `RaggedTensorValue`. TensorFlow is
not imported: the latter two are known by their attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from microtome.errors import DataError


@dataclass(frozen=True)
class Column:
    """The values of one feature in a batch of rows.

    Attributes:
      values: [M] array of numbers, booleans, or an object array of bytes or str.
      rows: [M] int64, ascending: the row of each value. A row may have several values or none.
        None: M is the number of rows and value i stands in row i.
      distinct: the values, each once, where `values` are positions in them. None: `values` are the
        values themselves.
    """

    values: npt.NDArray[Any]
    rows: npt.NDArray[np.int64] | None = None
    distinct: npt.NDArray[Any] | None = None

    @property
    def flat(self) -> npt.NDArray[Any]:
        """[M]: the values themselves."""
        return self.values if self.distinct is None else self.distinct[self.values]


def column_from(value: Any) -> Column:
    """Makes a column of what `session.run` returned for a feature, whatever its form.

    Args:
      value: an array [N] or [N, ...]; or (sparse) an object with `indices`, `values` and
        `dense_shape`; or (ragged, possibly nested) one with `values` and `row_splits`.

    Raises:
      DataError: the value has no row dimension.
    """
    if hasattr(value, "dense_shape"):
        return from_sparse(value.indices, value.values, int(value.dense_shape[0]))
    if hasattr(value, "row_splits"):
        return from_ragged(value)
    return from_dense(np.asarray(value))


def check_rows(name: str, column: Column, num_rows: int) -> None:
    """Checks that a feature's values stand in the rows of its batch.

    Raises:
      DataError: they do not.
    """
    count = len(column.values) if column.rows is None else (column.rows.max(initial=-1) + 1)
    if count > num_rows or (column.rows is None and count != num_rows):
        raise DataError(
            f"The feature {name!r} has {count} rows where the batch has {num_rows}; it cannot be "
            "sliced by. A feature must have one entry a row in its first dimension."
        )


def from_dense(array: npt.NDArray[Any]) -> Column:
    """Makes a column of an array [N] or [N, ...]: all that stands in a row are its values."""
    if array.ndim == 0:
        raise DataError("a slicing feature must have one entry a row, but a scalar was given")
    values = _flat(array)
    if len(values) == len(array):
        return Column(values)
    width = len(values) // len(array) if len(array) else 0
    return Column(values, np.repeat(np.arange(len(array), dtype=np.int64), width))


def from_sparse(indices: npt.NDArray[np.int64], values: npt.NDArray[Any], num_rows: int) -> Column:
    """Makes a column of a sparse tensor: indices [M, rank], the first being the row; values [M]."""
    rows = np.asarray(indices, dtype=np.int64)[:, 0]
    values = _flat(np.asarray(values))
    if np.any(rows[1:] < rows[:-1]):
        order = np.argsort(rows, kind="stable")
        rows, values = rows[order], values[order]
    return _column(values, rows, num_rows)


def from_ragged(value: Any) -> Column:
    """Makes a column of a ragged tensor: `values` (array or ragged) and `row_splits` [N + 1]."""
    splits = np.asarray(value.row_splits, dtype=np.int64)
    inner = value.values
    while hasattr(inner, "row_splits"):
        splits = np.asarray(inner.row_splits, dtype=np.int64)[splits]
        inner = inner.values
    array = np.asarray(inner)
    values = _flat(array)
    width = len(values) // len(array) if len(array) else 1
    counts = np.diff(splits) * width
    rows = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    return _column(values, rows, len(counts))


def _column(values: npt.NDArray[Any], rows: npt.NDArray[np.int64], num_rows: int) -> Column:
    """Knows the frequent case that every row has just one value."""
    if len(rows) == num_rows and np.array_equal(rows, np.arange(num_rows)):
        return Column(values)
    return Column(values, rows)


def _flat(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Flattens; fixed-width text becomes objects, as TensorFlow gives it."""
    return (array.astype(object) if array.dtype.kind in "SU" else array).reshape(-1)
