"""Running a loaded model on batches of examples, or on chosen rows of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from microtome.model.loading import LoadedModel
from microtome.model.op_errors import decodable_errors

Records = Sequence[bytes] | np.ndarray


class BatchRunner:
    """Evaluates a fixed list of tensors on batches of serialized examples.

    Args:
        model: the model; its graph must not change afterwards.
        fetches: the tensors.
    """

    def __init__(self, model: LoadedModel, fetches: Sequence[tf.Tensor]):
        self._model = model
        feeds = list(model.inputs)
        if model.iterator_initializer is None:
            self._run: Callable[..., list[Any]] = model.session.make_callable(list(fetches), feeds)
        else:
            self._initialize = model.session.make_callable(model.iterator_initializer, feeds)
            self._run = model.session.make_callable(list(fetches))

    def __call__(self, records: Records) -> list[list[Any]]:
        """Runs one batch.

        Returns:
            The fetched values: one list a step. A model without an iterator takes one step; one
            with an iterator as many as its iterator gives for the batch.

        Raises:
            tf.errors.OpError: the model refuses the batch.
        """
        with decodable_errors():
            return self._steps(np.asarray(records, dtype=object))

    def _steps(self, array: np.ndarray) -> list[list[Any]]:
        feeds = [array] * len(self._model.inputs)
        if self._model.iterator_initializer is None:
            return [self._run(*feeds)]
        steps = []
        with self._model.iterator_lock:
            self._initialize(*feeds)
            while True:
                try:
                    steps.append(self._run())
                except tf.errors.OutOfRangeError:
                    return steps


class RowFeeder:
    """Feeds chosen rows of a batch to the model's graph.

    A model whose row i is its example i is fed the examples. Any other is fed the rows of its
    features and labels, which the format allows to be fed in place of what the examples were parsed
    to.
    """

    def __init__(self, model: LoadedModel):
        self._model = model
        self._by_example = model.input_refs is None and model.iterator_initializer is None
        groups = [*model.features.values(), *model.labels.values()]
        self._components = [tensor for tensor in groups if tensor is not None]
        flat = [part for tensor in self._components for part in _parts(tensor)]
        self._runner = None if self._by_example else BatchRunner(model, flat)

    def load(self, records: Records) -> Callable[[np.ndarray], dict[tf.Tensor, Any]]:
        """Prepares a batch; the result gives the feed for row numbers in ascending order."""
        array = np.asarray(records, dtype=object)
        if self._runner is None:
            return lambda rows: dict.fromkeys(self._model.inputs, array[rows])
        steps = self._runner(array)
        values = steps[0] if len(steps) == 1 else self._joined(steps)
        return lambda rows: self._feed(values, rows)

    def _joined(self, steps: list[list[Any]]) -> list[np.ndarray]:
        """The values of all steps of a batch as one step's."""
        columns = zip(*steps, strict=True)
        joined = []
        for tensor in self._components:
            parts = [next(columns) for _ in _parts(tensor)]
            joined += _join(tensor, list(zip(*parts, strict=True)))
        return joined

    def _feed(self, values: list[Any], rows: np.ndarray) -> dict[tf.Tensor, Any]:
        remaining = iter(values)
        feed: dict[tf.Tensor, Any] = {}
        for tensor in self._components:
            parts = _parts(tensor)
            taken = _take(tensor, [next(remaining) for _ in parts], rows)
            feed.update(zip(parts, taken, strict=True))
        return feed


def flat_parts(tensors: Mapping[str, Any]) -> list[tf.Tensor]:
    """The plain tensors that dense, sparse and ragged tensors consist of."""
    return [part for tensor in tensors.values() for part in _parts(tensor)]


def _parts(tensor: Any) -> list[tf.Tensor]:
    if isinstance(tensor, tf.SparseTensor):
        return [tensor.indices, tensor.values, tensor.dense_shape]
    if isinstance(tensor, tf.RaggedTensor):
        return [tensor.flat_values, *tensor.nested_row_splits]
    return [tensor]


def _take(tensor: Any, values: list[np.ndarray], rows: np.ndarray) -> list[np.ndarray]:
    if isinstance(tensor, tf.SparseTensor):
        indices, flat, dense_shape = values
        return _take_sparse(indices, flat, dense_shape, rows)
    if isinstance(tensor, tf.RaggedTensor):
        flat, *splits = values
        return _take_ragged(flat, splits, rows)
    return [values[0][rows]]


def _take_sparse(
    indices: np.ndarray, values: np.ndarray, dense_shape: np.ndarray, rows: np.ndarray
) -> list[np.ndarray]:
    kept = np.isin(indices[:, 0], rows)
    taken = indices[kept].copy()
    taken[:, 0] = np.searchsorted(rows, taken[:, 0])
    return [taken, values[kept], np.concatenate([[len(rows)], dense_shape[1:]])]


def _take_ragged(flat: np.ndarray, splits: list[np.ndarray], rows: np.ndarray) -> list[np.ndarray]:
    taken = []
    for split in splits:
        lengths = (split[1:] - split[:-1])[rows]
        starts = np.repeat(split[:-1][rows], lengths)
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        taken.append(np.concatenate([[0], np.cumsum(lengths)]).astype(split.dtype))
        rows = starts + offsets
    return [flat[rows], *taken]


def _join(tensor: Any, steps: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Joins the parts of a tensor from several steps; each part a step."""
    if isinstance(tensor, tf.SparseTensor):
        return _join_sparse(steps)
    if isinstance(tensor, tf.RaggedTensor):
        flats, *splits = zip(*steps, strict=True)
        return [np.concatenate(flats), *map(_join_splits, splits)]
    return [np.concatenate([values for (values,) in steps])]


def _join_sparse(steps: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    indices, values, shapes = zip(*steps, strict=True)
    sizes = np.stack(shapes)
    starts = np.cumsum(sizes[:, 0]) - sizes[:, 0]
    moved = [part.copy() for part in indices]
    for part, start in zip(moved, starts, strict=True):
        part[:, 0] += start
    shape = sizes.max(axis=0)
    shape[0] = sizes[:, 0].sum()
    return [np.concatenate(moved), np.concatenate(values), shape]


def _join_splits(splits: Sequence[np.ndarray]) -> np.ndarray:
    lengths = np.concatenate([np.diff(part) for part in splits])
    return np.concatenate([[0], np.cumsum(lengths)]).astype(splits[0].dtype)
