"""What a batch of examples contributes to the sums of the slices that its rows stand in."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from microtome.errors import ConfigError, DataError
from microtome.messages import nearest_feature
from microtome.model.describe import tensor_form
from microtome.model.feeding import BatchRunner, Records
from microtome.model.leaves import DenseLeaf, ScatteredLeaf
from microtome.model.loading import LoadedModel
from microtome.model.signature import ModelSignature
from microtome.model.width import widest_row_bytes
from microtome.slicing.columns import Column, column_from
from microtome.slicing.sums import Scattered


@dataclasses.dataclass(frozen=True)
class Contributions:
    """The rows of one batch.

    Attributes:
        num_rows: number of rows.
        dense: float64 `[rows, width]`; column 0 is 1 for each row, then come the weights, then the
            dense leaves.
        scattered: one a scattered leaf.
        columns: the slicing features, by name.
        examples: int `[rows]`, the index of the example that each row came from; None where row i
            is example i.
    """

    num_rows: int
    dense: np.ndarray
    scattered: list[Scattered]
    columns: dict[str, Column]
    examples: np.ndarray | None

    def example_rows(self) -> np.ndarray:
        """int64 `[rows]`, the index of the example that each row came from."""
        return np.arange(self.num_rows) if self.examples is None else self.examples


class ContributionFetcher:
    """Computes the contributions of batches, with one run of the session a batch.

    Args:
        model: ops are added to its graph.
        features: names of the slicing features to fetch.
        weight_keys: names of the features that weigh examples.

    Attributes:
        row_bytes: of the widest tensor that is computed on the way, for one row.

    Raises:
        ConfigError: the model has no such feature.
    """

    def __init__(
        self,
        model: LoadedModel,
        dense: Sequence[DenseLeaf],
        scattered: Sequence[ScatteredLeaf],
        features: Sequence[str] = (),
        weight_keys: Sequence[str] = (),
    ):
        check_feature_names(model.signature, features, "slice by")
        check_weights(model.signature, weight_keys)
        self._per_row = [leaf.per_row for leaf in scattered]
        self._features = {name: model.features[name].dtype == tf.string for name in features}
        self._has_refs = model.input_refs is not None
        with model.graph.as_default():
            rows = model.num_rows
            weights = [_weight(model.features[key], rows) for key in weight_keys]
            parts = [
                tf.ones([rows, 1], tf.float64),
                *weights,
                *(leaf.fetch(model.graph) for leaf in dense),
            ]
            fetches: list[Any] = [tf.concat(parts, axis=1)]
            for leaf in scattered:
                fetches.extend(leaf.fetch(model.graph))
            for name in features:
                fetches.extend(_feature_fetches(model.features[name]))
            if self._has_refs:
                fetches.append(tf.reshape(model.input_refs, [-1]))
            self.row_bytes = widest_row_bytes(fetches)
        self._runner = BatchRunner(model, fetches)

    def __call__(self, records: Records) -> Contributions:
        """Fetches the contributions of a batch of serialized examples.

        Raises:
            tf.errors.OpError: the model refuses the batch.
            DataError: the model's tensors do not fit together.
        """
        steps = [self._unpack(values, len(records)) for values in self._runner(records)]
        return steps[0] if len(steps) == 1 else concatenate(steps)

    def _unpack(self, values: list[Any], num_examples: int) -> Contributions:
        fetched = iter(values)
        dense = next(fetched)
        scattered = []
        for per_row in self._per_row:
            index, value = next(fetched), next(fetched)
            rows = None if per_row == 1 else np.repeat(np.arange(len(dense)), per_row)
            scattered.append(Scattered(index, value, rows))
        columns = {}
        for name, is_numbered in self._features.items():
            value, distinct = next(fetched), next(fetched) if is_numbered else None
            columns[name] = _column(name, value, distinct, len(dense))
        examples = next(fetched) if self._has_refs else None
        if (
            examples is not None
            and len(examples)
            and not 0 <= examples.min() <= examples.max() < num_examples
        ):
            raise DataError(
                f"The model's input_refs run from {examples.min()} to {examples.max()}, but the "
                "batch has "
                f"{num_examples} examples; each must be the index of the example that a row "
                "came from."
            )
        return Contributions(len(dense), dense, scattered, columns, examples)


def fetcher_for(
    model: LoadedModel,
    dense: Sequence[DenseLeaf],
    scattered: Sequence[ScatteredLeaf],
    features: Sequence[str],
    weight_keys: Sequence[str],
) -> ContributionFetcher:
    """The model's `ContributionFetcher` of these arguments, made at the first call.

    A session takes a tenth of a second and more to get ready for new fetches.
    """
    wanted = tuple(dense), tuple(scattered), tuple(features), tuple(weight_keys)
    if wanted not in model.fetchers:
        model.fetchers[wanted] = ContributionFetcher(model, *wanted)
    return model.fetchers[wanted]


def check_feature_names(signature: ModelSignature, names: Sequence[str], purpose: str) -> None:
    """Checks that a model has the named features.

    Raises:
        ConfigError: it has not; says which it has.
    """
    for name in names:
        if name not in signature.features:
            raise ConfigError(_no_feature(signature, name, purpose))


def _no_feature(signature: ModelSignature, name: str, purpose: str) -> str:
    known = sorted(signature.features)
    there = (
        f"There is no feature {name!r} to {purpose}{nearest_feature(name, known)}. The "
        f"EvalSavedModel {signature.path!r} has the features: {', '.join(known) or '(none)'}."
    )
    if name in signature.labels:
        return (
            f"{there} {name!r} is one of its labels. Add it to the features, too, in the Trainer's "
            "eval_input_receiver_fn."
        )
    if name in signature.predictions:
        return f"{there} {name!r} is one of its predictions, which are no features."
    if name in signature.parsed:
        return (
            f"{there} It parses {name!r} from the examples, but its eval_input_receiver_fn does "
            "not hand it on. Add it there to the features of the EvalInputReceiver; beside "
            "transformed features that is EvalInputReceiver(features={**parsed, **transformed}, "
            "...)."
        )
    unused = sorted(signature.parsed - set(known))
    return (
        f"{there} {_parsed_too(unused)}A feature that the model does not train on can be added in "
        "the Trainer's eval_input_receiver_fn: parsed from the examples, computed there, or, if "
        "TensorFlow Transform makes it, taken from what transform_raw_features returns."
    )


def _parsed_too(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f"It parses also, but does not hand on: {', '.join(names)}. "


def check_weights(signature: ModelSignature, names: Sequence[str]) -> None:
    """Checks that a model has the named features, and that they are numbers.

    Raises:
        ConfigError: they are not.
    """
    check_feature_names(signature, names, "weigh examples by")
    forms = {name: tensor_form(info) for name, info in sorted(signature.features.items())}
    for name in names:
        if not forms[name].may_be_number:
            numbers = [other for other, form in forms.items() if form.may_be_number]
            raise ConfigError(
                f"The feature {name!r} to weigh examples by is of type {forms[name].dtype}; a "
                f"weight must be a number. Features that are: {', '.join(numbers) or '(none)'}."
            )


def concatenate(
    parts: Sequence[Contributions], num_examples: Sequence[int] | None = None
) -> Contributions:
    """Joins the contributions of several batches.

    Args:
        num_examples: the number of examples of each batch; None where all come from the examples of
            one batch.
    """
    first_examples = np.cumsum([0, *(num_examples or [0] * len(parts))])
    starts = np.cumsum([0, *(part.num_rows for part in parts)])
    return Contributions(
        num_rows=int(starts[-1]),
        dense=np.concatenate([part.dense for part in parts]),
        scattered=[
            _join_scattered(group, starts)
            for group in zip(*(p.scattered for p in parts), strict=True)
        ],
        columns={
            name: _join_columns([p.columns[name] for p in parts], starts)
            for name in parts[0].columns
        },
        examples=None
        if parts[0].examples is None
        else np.concatenate(
            [part.examples + first for part, first in zip(parts, first_examples, strict=False)]
        ),
    )


def _join_scattered(group: Sequence[Scattered], starts: np.ndarray) -> Scattered:
    rows = None
    if any(part.rows is not None for part in group):
        rows = _shifted([part.rows for part in group], [len(part.index) for part in group], starts)
    return Scattered(
        np.concatenate([part.index for part in group]),
        np.concatenate([part.values for part in group]),
        rows,
    )


def _join_columns(group: Sequence[Column], starts: np.ndarray) -> Column:
    rows = None
    if any(part.rows is not None for part in group):
        rows = _shifted([part.rows for part in group], [len(part.values) for part in group], starts)
    return Column(np.concatenate([part.flat for part in group]), rows)


def _shifted(
    rows: Sequence[np.ndarray | None], lengths: Sequence[int], starts: np.ndarray
) -> np.ndarray:
    parts = [
        start + (np.arange(length) if part is None else part)
        for part, length, start in zip(rows, lengths, starts, strict=False)
    ]
    return np.concatenate(parts)


def _feature_fetches(tensor: Any) -> list[Any]:
    """What to fetch of a feature: strings as numbers, and each distinct string once.

    Strings become Python's objects when they are fetched, which takes longer than to number them.
    """
    if tensor.dtype != tf.string:
        return [tensor]
    if isinstance(tensor, tf.SparseTensor):
        distinct, numbers = tf.unique(tensor.values)
        return [tf.SparseTensor(tensor.indices, numbers, tensor.dense_shape), distinct]
    flat = tensor.flat_values if isinstance(tensor, tf.RaggedTensor) else tensor
    distinct, numbers = tf.unique(tf.reshape(flat, [-1]))
    numbers = tf.reshape(numbers, tf.shape(flat))
    if isinstance(tensor, tf.RaggedTensor):
        return [tensor.with_flat_values(numbers), distinct]
    return [numbers, distinct]


def _column(name: str, value: Any, distinct: np.ndarray | None, num_rows: int) -> Column:
    column = dataclasses.replace(column_from(value), distinct=distinct)
    count = len(column.values) if column.rows is None else (column.rows.max(initial=-1) + 1)
    if count > num_rows or (column.rows is None and count != num_rows):
        raise DataError(
            f"The feature {name!r} has {count} rows where the batch has {num_rows}; it cannot "
            "be sliced by. A feature "
            "must have one entry a row in its first dimension."
        )
    return column


def _weight(tensor: Any, rows: tf.Tensor) -> tf.Tensor:
    """A weight a row, float64 `[rows, 1]`; several weights of a row add up."""
    if isinstance(tensor, tf.SparseTensor):
        flat = tf.math.unsorted_segment_sum(
            tf.cast(tensor.values, tf.float64), tensor.indices[:, 0], tf.cast(rows, tf.int64)
        )
        return tf.reshape(flat, [-1, 1])
    dense = tensor.to_tensor() if isinstance(tensor, tf.RaggedTensor) else tensor
    by_row = tf.reshape(tf.cast(dense, tf.float64), [rows, -1])
    return tf.reduce_sum(by_row, axis=1, keepdims=True)
