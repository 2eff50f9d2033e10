"""Arrow columns as slicing and metrics take them.

Slicing takes what is there: a row may have no value, or several. Labels, predictions and weights
must have the same number of values in every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from microtome.errors import ConfigError, DataError, UnusableExampleError
from microtome.messages import nearest, nearest_feature
from microtome.slicing.columns import Column

Floats = npt.NDArray[np.float64]

# of the schema of batches that were made of dicts: a column may be missing as a value may
OF_DICTS = b"microtome.of_dicts"
_SHOWN_COLUMNS = 30
# zeros that say how finely a time is stored, and not when it is
_TRAILING_ZEROS = ((r"\.0+(Z?)$", r"\1"), (r"(\.\d*[1-9])0+(Z?)$", r"\1\2"))


def column_of(batch: pa.RecordBatch, name: str, purpose: str) -> pa.Array:
    """The column of a name.

    Args:
        batch: the rows.
        purpose: what it is wanted for, such as "slice by".

    Raises:
        ConfigError: there is none; says which there are.
        DataError: there are several.
    """
    found = batch.schema.get_all_field_indices(name)
    if len(found) == 1:
        column = batch.column(found[0])
        return column.storage if isinstance(column, pa.ExtensionArray) else column
    if found:
        raise DataError(
            f"The data has {len(found)} columns {name!r}; it is open which of them to {purpose}. "
            "Rename all but one."
        )
    raise ConfigError(
        f"The data has no column {name!r} to {purpose}{nearest_feature(name, batch.schema.names)}. "
        f"It has: {_described(batch.schema)}."
    )


def slicing_column(batch: pa.RecordBatch, name: str) -> Column:
    """The values of a column, for slicing.

    Nulls and empty lists are no values; all values of nested lists are the row's. Integers, floats,
    booleans, strings and bytes stay what they are; decimals become floats, dates and times text.

    Raises:
        ConfigError: there is no such column.
        DataError: values of its type make no slices.
    """
    if OF_DICTS in (batch.schema.metadata or {}) and name not in batch.schema.names:
        return _no_values()
    column = column_of(batch, name, "slice by")
    values, rows = _flattened(column)
    if values.null_count:
        present = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
        rows = present if rows is None else rows[present]
        values = values.drop_null()
    return _sliceable(name, values, rows)


def numbers(batch: pa.RecordBatch, name: str, purpose: str) -> Floats:
    """The numbers of a column.

    Returns:
        float64 `[rows]`, or `[rows, k]` where each row has k > 1. Booleans are 0 and 1.

    Raises:
        ConfigError: there is no such column.
        UnusableExampleError: a row lacks a number, or has not as many as the first.
        DataError: they are no numbers.
    """
    values, width = _regular(column_of(batch, name, purpose), name)
    if _is_text(values.type):
        raise DataError(
            f"The column {name!r}, to {purpose}, has {values.type} values, but numbers are needed. "
            "Put the numbers of the classes, from 0, in their place."
        )
    return _shaped(_as_float64(values, name), len(batch), width)


def class_ids(
    batch: pa.RecordBatch, name: str, purpose: str, vocabulary: Sequence[str | bytes]
) -> Floats:
    """The numbers of the classes that a column names.

    Args:
        batch: the rows.
        vocabulary: the names of the classes, in their order. Columns of numbers are left as they
            are.

    Returns:
        float64 `[rows]` or `[rows, k]`, as `numbers` gives them.

    Raises:
        ConfigError: there is no such column.
        UnusableExampleError: a row lacks a name, has not as many as the first, or names no class.
    """
    values, width = _regular(column_of(batch, name, purpose), name)
    if not _is_text(values.type):
        return numbers(batch, name, purpose)
    known = [word if isinstance(word, bytes) else word.encode() for word in vocabulary]
    words = values.cast(_binary_like(values.type))
    found = pc.index_in(words, value_set=pa.array(known, words.type))
    if found.null_count:
        first = int(np.flatnonzero(~found.is_valid().to_numpy(zero_copy_only=False))[0])
        word = words[first].as_py().decode(errors="backslashreplace")
        names = [each.decode(errors="backslashreplace") for each in known]
        raise UnusableExampleError(
            first // width,
            f"its {name!r} is {word!r}, which is none of the {len(names)} classes"
            f"{nearest(word, names)}: {', '.join(map(repr, names[:_SHOWN_COLUMNS]))}.",
        )
    return _shaped(found.to_numpy(zero_copy_only=False).astype(np.float64), len(batch), width)


def _described(schema: pa.Schema) -> str:
    names = [f"{field.name!r} ({field.type})" for field in schema]
    more = len(names) - _SHOWN_COLUMNS
    return ", ".join(names[:_SHOWN_COLUMNS]) + (f" and {more} more" if more > 0 else "") or "none"


def _flattened(array: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64] | None]:
    """The values within lists, and the row of each; None where value i stands in row i."""
    rows: npt.NDArray[np.int64] | None = None
    while _is_list(array.type):
        owners = np.repeat(np.arange(len(array), dtype=np.int64), _lengths(array))
        rows = owners if rows is None else rows[owners]
        array = _items(array)
    return _without_dictionary(array), rows


def _items(array: pa.Array) -> pa.Array:
    """The values within lists."""
    if array.null_count == len(array):
        # Arrow 10 fails on lists of fixed size that are all null
        return pa.nulls(0, array.type.value_type)
    return array.flatten()


def _lengths(array: pa.Array) -> npt.NDArray[np.int64]:
    """How many values each list has; null has none."""
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False), dtype=np.int64)


def _sliceable(name: str, values: pa.Array, rows: npt.NDArray[np.int64] | None) -> Column:
    kind = values.type
    if pa.types.is_null(kind):
        return _no_values()
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind):
        values = values.cast(pa.string())
        for pattern, replacement in _TRAILING_ZEROS:
            values = pc.replace_substring_regex(values, pattern, replacement)
        kind = values.type
    if _is_text(kind):
        # few of the values become Python objects
        encoded = values.cast(_binary_like(kind)) if pa.types.is_fixed_size_binary(kind) else values
        encoded = encoded.dictionary_encode()
        return Column(encoded.indices.to_numpy(), rows, _objects(encoded.dictionary))
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return Column(_as_float64(values, name), rows)
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return Column(values.to_numpy(zero_copy_only=False), rows)
    raise DataError(
        f"The column {name!r} has values of the type {kind}, which make no slices. Slice by "
        "strings, numbers, booleans, dates, or lists of them."
    )


def _objects(texts: pa.Array) -> npt.NDArray[Any]:
    try:
        objects = texts.to_numpy(zero_copy_only=False)
    except (UnicodeDecodeError, pa.ArrowException):
        # Parquet's strings are not checked
        objects = texts.cast(_binary_like(texts.type)).to_numpy(zero_copy_only=False)
    return np.asarray(objects, dtype=object)


def _no_values() -> Column:
    return Column(np.empty(0, object), np.empty(0, np.int64))


def _regular(array: pa.Array, name: str) -> tuple[pa.Array, int]:
    """The values of rows that have equally many, and how many."""
    width, size = 1, len(array)
    _check_present(array, name, 1)
    while _is_list(array.type):
        lengths = _lengths(array)
        first = int(lengths[0]) if len(lengths) else 1
        for wrong in (lengths == 0, lengths != first):
            if wrong.any():
                row = int(np.argmax(wrong))
                others = f" values where others have {first}" if lengths[row] else " value"
                raise UnusableExampleError(
                    row // width, f"its {name!r} has {lengths[row] or 'no'}{others}."
                )
        array = _items(array)
        width *= first
        _check_present(array, name, width)
    assert len(array) == size * width
    return _without_dictionary(array, name, width), width


def _check_present(array: pa.Array, name: str, width: int) -> None:
    if array.null_count:
        first = int(np.flatnonzero(~array.is_valid().to_numpy(zero_copy_only=False))[0])
        what = "is missing" if width == 1 else "has a missing value"
        raise UnusableExampleError(first // width, f"its {name!r} {what} (null).")


def _without_dictionary(array: pa.Array, name: str = "", width: int = 0) -> pa.Array:
    """The values themselves, where they are positions in a dictionary."""
    if not pa.types.is_dictionary(array.type):
        return array
    decoded = array.dictionary_decode()
    if width:
        # also dictionaries may hold nulls
        _check_present(decoded, name, width)
    return decoded


def _as_float64(values: pa.Array, name: str) -> Floats:
    kind = values.type
    if pa.types.is_float16(kind) or pa.types.is_boolean(kind):
        return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        floats = values.cast(pa.float64(), safe=False)
        return np.asarray(floats.to_numpy(zero_copy_only=False), dtype=np.float64)
    if not len(values):
        return np.empty(0)
    raise DataError(
        f"The column {name!r} has values of the type {kind}, but numbers are needed. Write "
        "numbers, booleans, or lists of equally many of them."
    )


def _shaped(values: Floats, num_rows: int, width: int) -> Floats:
    return values if width == 1 else values.reshape(num_rows, width)


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    tests = (
        types.is_string,
        types.is_large_string,
        types.is_binary,
        types.is_large_binary,
        types.is_fixed_size_binary,
    )
    return any(test(kind) for test in tests)


def _binary_like(kind: pa.DataType) -> pa.DataType:
    is_large = pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
    return pa.large_binary() if is_large else pa.binary()
