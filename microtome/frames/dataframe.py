"""DataFrames, Arrow tables and lists of dicts as batches of columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from microtome.errors import DataError
from microtome.frames.columns import OF_DICTS


def frame_batches(
    data: pd.DataFrame | pa.Table | pa.RecordBatch | Sequence[Mapping[str, Any]], rows: int
) -> list[pa.RecordBatch]:
    """The rows of a table, in batches.

    Args:
        data: a table. Cells may hold lists and arrays, the values of a row; None, NaN in a
            DataFrame and a name that a dict does not have are missing values.
        rows: most rows a batch.

    Raises:
        DataError: it is no table, or a column mixes values of several types.
    """
    if isinstance(data, pd.DataFrame):
        data = _table_of_frame(data)
    elif isinstance(data, pa.RecordBatch):
        data = pa.Table.from_batches([data])
    elif not isinstance(data, pa.Table):
        data = pa.Table.from_batches([batch_of_dicts(data)])
    return list(data.combine_chunks().to_batches(max_chunksize=rows)) if data.num_rows else []


def batch_of_dicts(rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Rows that are dicts, as one batch.

    Args:
        rows: values by column; those that a row does not name are missing.

    Raises:
        DataError: a row is no dict, or a column mixes values of several types.
    """
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
        raise DataError(f"The data is a {type(rows).__name__}. {_WHAT_TO_GIVE}")
    rows = list(rows)
    stray = next((row for row in rows if not isinstance(row, Mapping)), None)
    if stray is not None:
        raise DataError(f"The data has a row that is a {type(stray).__name__}. {_WHAT_TO_GIVE}")
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [_column(name, [row.get(name) for row in rows]) for name in names]
    fields = [pa.field(_checked(name), col.type) for name, col in zip(names, columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields, metadata={OF_DICTS: b""}))


_WHAT_TO_GIVE = "Give a pandas DataFrame, a pyarrow Table, or a list of dicts, one a row."


def _table_of_frame(frame: pd.DataFrame) -> pa.Table:
    names = [_checked(name) for name in frame.columns]
    columns = [_column(name, frame.iloc[:, number]) for number, name in enumerate(names)]
    return pa.Table.from_arrays(columns, names=names)


def _column(name: Any, values: pd.Series | list[Any]) -> pa.Array | pa.ChunkedArray:
    try:
        return _converted(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        kinds = sorted({type(value).__name__ for value in values if value is not None})
        what = f"holds values of the types {', '.join(kinds)}"
        raise DataError(
            f"The column {name!r} {what}, which do not go together: {_sentence(error)} Make them "
            "all numbers, all strings, or all lists of these."
        ) from error


def _converted(values: pd.Series | list[Any]) -> pa.Array | pa.ChunkedArray:
    try:
        return pa.array(values, from_pandas=isinstance(values, pd.Series))
    except pa.ArrowInvalid:
        if not any(isinstance(value, np.ndarray) and value.ndim > 1 for value in values):
            raise
    # Arrow takes arrays of one dimension only
    flat = [value.reshape(-1) if isinstance(value, np.ndarray) else value for value in values]
    return pa.array(flat, from_pandas=True)


def _checked(name: Any) -> str:
    if isinstance(name, str):
        return name
    raise DataError(
        f"The data has a column named {name!r}, a {type(name).__name__}. Columns need names that "
        "are strings."
    )


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return text + "."
