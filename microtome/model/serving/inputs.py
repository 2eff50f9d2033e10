"""Columns of data as the tensors that a model's inputs take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tensorflow as tf

from microtome.errors import ConfigError, DataError, RefusedExampleError
from microtome.messages import nearest_feature

_REMEDY = "Mend or leave out the example, or give the feature's default in the data."
# kinds of numpy whose values a kind takes without loss of meaning; tf.Examples have no booleans
_TAKES = {"O": "O", "b": "biu", "i": "biu", "u": "biu", "f": "biuf"}
_CALLED = {"O": "strings", "b": "booleans", "i": "integers", "u": "integers", "f": "floats"}


class _Flat(NamedTuple):
    """A column's values: row i has those from `splits[i]` to `splits[i + 1]`."""

    values: npt.NDArray[Any]
    splits: npt.NDArray[np.int64]
    is_list: bool


def check_spec(function: str, name: str, spec: Any) -> None:
    """Checks that an input can be fed from a column.

    Raises:
        ConfigError: it cannot.
    """
    shape = spec.shape
    is_known = isinstance(spec, tf.TensorSpec | tf.SparseTensorSpec) or (
        isinstance(spec, tf.RaggedTensorSpec) and spec.ragged_rank == 1
    )
    sizes = None if shape.rank is None else shape.as_list()
    if sizes is not None and is_known:
        inner = sizes[2:] if isinstance(spec, tf.RaggedTensorSpec) else sizes[1:]
        free = 0 if isinstance(spec, tf.RaggedTensorSpec) else 1
        is_known = bool(sizes) and sizes[0] is None and inner.count(None) <= free
        is_known &= not isinstance(spec, tf.SparseTensorSpec) or len(sizes) == 2
    is_known &= spec.dtype == tf.string or spec.dtype.is_bool or _is_number(spec.dtype)
    if not is_known:
        raise ConfigError(
            f"The input {name!r} of the model's function {function!r} is {described(spec)}, "
            "which cannot be fed from a feature. Supported are batches of any number of rows: "
            "dense [None], [None, k] and so on, ragged and sparse [None, None]. Export the model "
            "with a signature of such inputs, or one that takes serialized tf.Examples, and name "
            "it in model_specs.signature_name."
        )


def _is_number(dtype: tf.DType) -> bool:
    return bool(dtype.is_floating or dtype.is_integer)


def described(spec: Any) -> str:
    """Words for a tensor's type, such as `float32 [None, 3]`."""
    form = {tf.RaggedTensorSpec: "ragged ", tf.SparseTensorSpec: "sparse "}.get(type(spec), "")
    if not hasattr(spec, "dtype"):
        return repr(spec)
    shape = "of unknown shape" if spec.shape.rank is None else str(spec.shape.as_list())
    return f"{form}{spec.dtype.name} {shape}"


def check_columns(specs: Mapping[str, Any], columns: Mapping[str, Any]) -> None:
    """Checks that data have the columns for a model's inputs.

    Args:
        specs: `tf.TypeSpec` by the input's name.
        columns: the type (of pyarrow, numpy or TensorFlow) by the column's name; None where it is
            not known.

    Raises:
        ConfigError: a column is missing, or its values are of another kind.
    """
    for name, spec in specs.items():
        if name not in columns:
            raise _missing(name, spec, columns)
        if columns[name] is not None:
            _check_kind(name, spec, _kind(columns[name]), columns[name])


def feature_tensors(specs: Mapping[str, Any], frame: pa.RecordBatch) -> dict[str, Any]:
    """Tensors for a model's inputs from the columns of their names.

    Raises:
        ConfigError: a column is missing, or its values are of another kind.
        RefusedExampleError: a row has too few or too many values.
        DataError: rows of a dense input differ in length, or have nulls among their values.
    """
    check_columns(specs, {field.name: field.type for field in frame.schema})
    return {
        name: _tensor(name, spec, _flat(name, frame.column(frame.schema.names.index(name))))
        for name, spec in specs.items()
    }


def _missing(name: str, spec: Any, columns: Iterable[str]) -> ConfigError:
    return ConfigError(
        f"The model's input {name!r} ({described(spec)}) has no column in the data"
        f"{nearest_feature(name, columns)}. The data have: {', '.join(sorted(columns)) or 'none'}. "
        "Give data with the features that the model was exported for, or name another signature "
        "in model_specs.signature_name."
    )


def _check_kind(name: str, spec: Any, kind: str, column_type: Any) -> None:
    wanted = np.dtype(spec.dtype.as_numpy_dtype).kind
    # bfloat16 and its like are of no kind of numpy's
    wanted = "f" if spec.dtype.is_floating else wanted
    if kind not in _TAKES[wanted]:
        raise ConfigError(
            f"The model's input {name!r} takes {_CALLED[wanted]} ({described(spec)}), but the "
            f"column {name!r} of the data has the type {column_type}. Give the feature as the "
            "model was trained with it."
        )


def _kind(column_type: Any) -> str:
    """The kind of a column's values, as numpy letters them; "?" for those that no input takes."""
    if isinstance(column_type, pa.DataType):
        return _arrow_kind(column_type)
    if isinstance(column_type, tf.DType):
        column_type = column_type.as_numpy_dtype
    kind = np.dtype(column_type).kind
    return "O" if kind in "OSU" else kind


def _arrow_kind(column_type: pa.DataType) -> str:
    while _is_list(column_type) or pa.types.is_dictionary(column_type):
        column_type = column_type.value_type
    types = pa.types
    for kind, tests in {
        "O": (types.is_string, types.is_binary, types.is_large_string, types.is_large_binary),
        "b": (types.is_boolean,),
        "u": (types.is_unsigned_integer,),
        "i": (types.is_signed_integer, types.is_null),
        "f": (types.is_floating,),
    }.items():
        if any(test(column_type) for test in tests):
            return kind
    return "?"


def _is_list(column_type: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_list(column_type)
        or types.is_large_list(column_type)
        or types.is_fixed_size_list(column_type)
    )


def _flat(name: str, column: pa.Array) -> _Flat:
    """A column's values in one array; a row's null is no value."""
    splits = np.arange(len(column) + 1, dtype=np.int64)
    is_list = False
    while _is_list(column.type):
        lengths = column.value_lengths() if hasattr(column, "value_lengths") else _lengths(column)
        ends = np.cumsum(np.asarray(lengths.fill_null(0), dtype=np.int64))
        splits = np.concatenate([[0], ends])[splits]
        column = column.drop_null().flatten()
        is_list = True
    if column.null_count:
        if is_list:
            raise DataError(
                f"The feature {name!r} has nulls among the values of its rows, which no input of "
                "a model takes. Leave them out of the data, or put a value in their place."
            )
        splits = np.concatenate([[0], np.cumsum(np.asarray(column.is_valid(), dtype=np.int64))])
        column = column.drop_null()
    return _Flat(_values(column), splits, is_list)


def _lengths(column: pa.FixedSizeListArray) -> pa.Array:
    lengths = np.where(np.asarray(column.is_valid()), column.type.list_size, 0)
    return pa.array(lengths, pa.int64())


def _values(column: pa.Array) -> npt.NDArray[Any]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type):
        column = column.cast(pa.binary())
    elif pa.types.is_large_string(column.type):
        column = column.cast(pa.large_binary())
    elif pa.types.is_null(column.type):
        return np.zeros(0, np.int64)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _tensor(name: str, spec: Any, flat: _Flat) -> Any:
    if spec.dtype != tf.string:
        flat = flat._replace(values=flat.values.astype(spec.dtype.as_numpy_dtype))
    if isinstance(spec, tf.RaggedTensorSpec):
        return _ragged(name, spec, flat)
    if isinstance(spec, tf.SparseTensorSpec):
        return _sparse(name, spec, flat)
    return _dense(name, spec, flat)


def _dense(name: str, spec: tf.TensorSpec, flat: _Flat) -> tf.Tensor:
    lengths = np.diff(flat.splits)
    sizes: list[int | None] = [None] if flat.is_list else []
    if spec.shape.rank is not None:
        sizes = spec.shape.as_list()[1:]
    fixed = math.prod(size for size in sizes if size is not None)
    free = 0
    if None in sizes:
        _check_equal_lengths(name, lengths, fixed)
        free = int(lengths[0]) // fixed if len(lengths) and fixed else 0
    inner = [free if size is None else size for size in sizes]
    _check_lengths(name, spec, lengths, math.prod(inner))
    return tf.constant(flat.values.reshape(len(lengths), *inner), spec.dtype)


def _check_equal_lengths(name: str, lengths: npt.NDArray[np.int64], fixed: int) -> None:
    low, high = lengths.min(initial=lengths.max(initial=0)), lengths.max(initial=0)
    if low != high:
        raise DataError(
            f"The rows of a batch have from {low} to {high} values in the feature {name!r}, but "
            "the model's dense input takes rows of one length. Pad the feature in the data, or "
            "export the model with a ragged or sparse input, or with a signature that parses "
            "tf.Examples."
        )
    if fixed and high % fixed:
        raise DataError(
            f"The rows of a batch have {high} values in the feature {name!r}; the model's input "
            f"takes a multiple of {fixed}."
        )


def _check_lengths(name: str, spec: Any, lengths: npt.NDArray[np.int64], wanted: int) -> None:
    wrong = np.flatnonzero(lengths != wanted)
    if len(wrong):
        row = int(wrong[0])
        raise RefusedExampleError(
            row,
            f"The feature {name!r} has {lengths[row] or 'no'} "
            f"value{'' if lengths[row] == 1 else 's'} where the model's input takes {wanted} "
            f"({described(spec)}).",
            _REMEDY,
        )


def _ragged(name: str, spec: tf.RaggedTensorSpec, flat: _Flat) -> tf.RaggedTensor:
    inner = [] if spec.shape.rank is None else spec.shape.as_list()[2:]
    width, splits = math.prod(inner), flat.splits
    wrong = np.flatnonzero(np.diff(splits) % width)
    if len(wrong):
        row = int(wrong[0])
        raise RefusedExampleError(
            row,
            f"The feature {name!r} has {np.diff(splits)[row]} values where the model's input takes "
            f"a multiple of {width} ({described(spec)}).",
            _REMEDY,
        )
    values = tf.constant(flat.values.reshape(-1, *inner), spec.dtype)
    splits = (splits // width).astype(spec.row_splits_dtype.as_numpy_dtype)
    return tf.RaggedTensor.from_row_splits(values, splits, validate=False)


def _sparse(name: str, spec: tf.SparseTensorSpec, flat: _Flat) -> tf.SparseTensor:
    lengths = np.diff(flat.splits)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    places = np.arange(len(rows)) - flat.splits[rows]
    width = None if spec.shape.rank is None else spec.shape.as_list()[1]
    if width is not None and lengths.max(initial=0) > width:
        _check_lengths(name, spec, np.maximum(lengths, width), width)
    shape = [len(lengths), int(lengths.max(initial=0)) if width is None else width]
    indices = np.stack([rows, places], axis=1).astype(np.int64)
    return tf.SparseTensor(indices, tf.constant(flat.values, spec.dtype), shape)
