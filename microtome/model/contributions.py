"""What a batch of examples contributes to the sums of the slices that its rows stand in."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from microtome.errors import ConfigError, DataError
from microtome.messages import nearest_feature
from microtome.metrics.views import Source
from microtome.model.column_tensors import column_tensor
from microtome.model.describe import tensor_form
from microtome.model.feeding import BatchRunner, Records
from microtome.model.leaves import DenseLeaf, ScatteredLeaf
from microtome.model.loading import LoadedModel
from microtome.model.signature import ModelSignature
from microtome.model.width import widest_row_bytes
from microtome.post_export_metrics.codes import CODES, joint_codes
from microtome.slicing.columns import Column, check_rows, column_from
from microtome.slicing.contributions import Contributions, concatenate
from microtome.slicing.sums import Scattered


class ContributionFetcher:
    """Computes the contributions of batches, with one run of the session a batch.

    Args:
        model: ops are added to its graph.
        features: names of the slicing features to fetch.
        weight_keys: names of the features that weigh examples.
        sources: columns that metrics outside the graph look at.

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
        sources: Sequence[Source] = (),
    ):
        check_feature_names(model.signature, features, "slice by")
        check_weights(model.signature, weight_keys)
        self._per_row = [leaf.per_row for leaf in scattered]
        self._features = {name: model.features[name].dtype == tf.string for name in features}
        self._has_refs = model.input_refs is not None
        self._sources = tuple(sources)
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
            fetches.extend(column_tensor(model, source) for source in sources)
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
        seen = {source: _of_rows(source, next(fetched), len(dense)) for source in self._sources}
        named = {source: column for source, column in seen.items() if source.group == CODES}
        seen.update(joint_codes(named) if named else {})
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
        return Contributions(len(dense), dense, scattered, columns, examples, seen)


def fetcher_for(
    model: LoadedModel,
    dense: Sequence[DenseLeaf],
    scattered: Sequence[ScatteredLeaf],
    features: Sequence[str],
    weight_keys: Sequence[str],
    sources: Sequence[Source] = (),
) -> ContributionFetcher:
    """The model's `ContributionFetcher` of these arguments, made at the first call.

    A session takes a tenth of a second and more to get ready for new fetches.
    """
    wanted = tuple(dense), tuple(scattered), tuple(features), tuple(weight_keys), tuple(sources)
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
    check_rows(name, column, num_rows)
    return column


def _of_rows(source: Source, column: np.ndarray, num_rows: int) -> np.ndarray:
    if len(column) == num_rows:
        return column
    raise DataError(
        f"The tensor {source.name!r} of the model's {source.group} has {len(column)} rows where "
        f"the batch has {num_rows}; metrics cannot be computed of it. It must have one entry a row "
        "in its first dimension."
    )


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
