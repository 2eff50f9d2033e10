"""What a model's function returns, as named arrays with an entry a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tensorflow as tf

from microtome.errors import ConfigError, ModelError
from microtome.messages import nearest
from microtome.proto.config_pb2 import ModelSpec


def named(outputs: Any, names: Sequence[str] = ()) -> dict[str, Any]:
    """The tensors, or their types, of a structure by name.

    Args:
        outputs: of dicts (keys of nested ones are joined by `/`), lists, or one alone.
        names: of the items of a list, or of one alone, where they are known.
    """
    if isinstance(outputs, Mapping):
        found: dict[str, Any] = {}
        for key, value in outputs.items():
            inner = named(value) if isinstance(value, Mapping | list | tuple) else {"": value}
            found.update({f"{key}/{name}" if name else str(key): x for name, x in inner.items()})
        return found
    items = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    if len(names) == len(items):
        return dict(zip(names, items, strict=True))
    if len(items) == 1:
        return {"": items[0]}
    return {f"output_{number}": item for number, item in enumerate(items)}


def chosen_keys(known: Sequence[str], spec: ModelSpec) -> dict[str, str]:
    """The model's output for each name that a prediction is to have.

    All of them by their own names; one alone under `""` too. With `prediction_key` it is that one,
    with `prediction_keys` those, by the names of the map.

    Raises:
        ConfigError: the model has no output of a name in the config.
    """
    if spec.prediction_keys:
        for name, key in sorted(spec.prediction_keys.items()):
            _check_output(known, key, f"prediction_keys[{name!r}]")
        return dict(sorted(spec.prediction_keys.items()))
    if spec.prediction_key:
        _check_output(known, spec.prediction_key, "prediction_key")
        return {"": spec.prediction_key, spec.prediction_key: spec.prediction_key}
    alone = {"": known[0]} if len(known) == 1 else {}
    return {**alone, **{name: name for name in known}}


def _check_output(known: Sequence[str], key: str, field: str) -> None:
    if key not in known:
        names = [name for name in known if name]
        raise ConfigError(
            f"model_specs.{field} names {key!r}, which is no output of the model"
            f"{nearest(key, names)}. It has: {', '.join(names) or 'one output without a name'}."
        )


def prediction(name: str, output: Any, num_rows: int) -> npt.NDArray[Any]:
    """A dense output as float64 `[rows]` or `[rows, classes]`, strings as objects of bytes.

    Raises:
        ModelError: it is not dense, or has not one entry a row.
    """
    if not isinstance(output, tf.Tensor):
        raise ModelError(
            f"The model's output {name!r} is a {type(output).__name__}, not dense: it has no one "
            "prediction a row. Name the outputs to evaluate in model_specs.prediction_key or "
            "prediction_keys."
        )
    array = _by_row(name, output.numpy(), num_rows)
    return array if array.dtype == object else array.astype(np.float64)


def feature(name: str, output: Any, num_rows: int) -> npt.NDArray[Any] | pa.Array:
    """A transformed feature: dense as an array, sparse and ragged as a list of values a row."""
    if isinstance(output, tf.SparseTensor):
        rows = np.asarray(output.indices)[:, 0]
        splits = np.searchsorted(rows, np.arange(num_rows + 1))
        return _lists(splits, output.values.numpy())
    if isinstance(output, tf.RaggedTensor):
        splits = output.row_splits.numpy()
        for inner in output.nested_row_splits[1:]:
            splits = inner.numpy()[splits]
        flat = output.flat_values.numpy()
        width = flat.size // len(flat) if len(flat) else 1
        return _lists(splits * width, flat.reshape(-1))
    return _by_row(name, output.numpy(), num_rows)


def _lists(splits: npt.NDArray[Any], values: npt.NDArray[Any]) -> pa.Array:
    return pa.LargeListArray.from_arrays(pa.array(splits, pa.int64()), pa.array(values))


def _by_row(name: str, array: npt.NDArray[Any], num_rows: int) -> npt.NDArray[Any]:
    if array.ndim == 0 or len(array) != num_rows:
        raise ModelError(
            f"The model's output {name!r} has the shape {list(array.shape)} for {num_rows} rows; "
            "it must have one entry a row. Name the outputs to evaluate in "
            "model_specs.prediction_key or prediction_keys."
        )
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The outputs of parts of a batch as one."""
    return {name: _concatenated([part[name] for part in parts]) for name in parts[0]}


def _concatenated(arrays: Sequence[Any]) -> Any:
    if isinstance(arrays[0], pa.Array):
        return pa.concat_arrays(arrays)
    return np.concatenate(arrays)
