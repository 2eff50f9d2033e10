"""The columns of an EvalSavedModel's examples, as metrics outside its graph look at them."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from microtome.errors import ConfigError
from microtome.messages import nearest
from microtome.metrics.views import FEATURES, LABELS, PREDICTIONS, Source
from microtome.model.loading import LoadedModel
from microtome.post_export_metrics.codes import CODES, named

# of canned heads: the names of all classes, in the order of their numbers
_ALL_CLASSES = "all_classes"


def column_tensor(model: LoadedModel, source: Source) -> tf.Tensor:
    """A column as float64 `[rows]` or `[rows, classes]`.

    Of the group CODES: the names of classes, as they are, to be coded. Labels that are texts become
    the numbers of the classes that the predictions name in `all_classes`; -1 where it names no such
    class.

    Raises:
        ConfigError: the model has no such column, or it cannot be made numbers.
    """
    if source.group == CODES:
        return _at_most_two_dimensions(_dense(_found(model, named(source))))
    tensor = _dense(_found(model, source))
    if tensor.dtype == tf.string:
        tensor = _class_numbers(model, source, tensor)
    return _at_most_two_dimensions(tf.cast(tensor, tf.float64))


def _found(model: LoadedModel, source: Source) -> Any:
    groups = {LABELS: model.labels, PREDICTIONS: model.predictions, FEATURES: model.features}
    group = groups[source.group]
    # a lone tensor has no name of its own
    name = source.name or f"__{source.group}"
    if name in group:
        return group[name]
    there = ", ".join(sorted(group)) or "none"
    raise ConfigError(
        f"The EvalSavedModel {model.signature.path!r} has no {source.name!r} among its "
        f"{source.group}{nearest(source.name, group)}; there is: {there}."
    )


def _dense(tensor: Any) -> tf.Tensor:
    if isinstance(tensor, tf.SparseTensor):
        tensor = tf.sparse.reorder(tensor)
        return tf.sparse.to_dense(_with_gaps(tensor), _gap(tensor.dtype))
    if isinstance(tensor, tf.RaggedTensor):
        return _with_gaps(tensor).to_tensor(_gap(tensor.dtype))
    return tensor


def _with_gaps(tensor: Any) -> Any:
    """Numbers among which some may be missing."""
    return tensor if tensor.dtype == tf.string else tf.cast(tensor, tf.float64)


def _gap(dtype: tf.DType) -> Any:
    """What stands where a row has no value."""
    return "" if dtype == tf.string else float("nan")


def _at_most_two_dimensions(tensor: tf.Tensor) -> tf.Tensor:
    if tensor.shape.rank is not None and tensor.shape.rank <= 2:
        return tensor
    return tf.reshape(tensor, [tf.shape(tensor)[0], -1])


def _class_numbers(model: LoadedModel, source: Source, tensor: tf.Tensor) -> tf.Tensor:
    head = source.name.rpartition("/")[0]
    names = [f"{head}/{_ALL_CLASSES}", f"{source.name}/{_ALL_CLASSES}", _ALL_CLASSES]
    found = next((name for name in names if name in model.predictions), None)
    if source.group != LABELS or found is None:
        raise ConfigError(
            f"{source.name or source.group!r} of the EvalSavedModel's {source.group} is text; a "
            f"metric needs numbers. Labels can be texts where the predictions name them in "
            f"{_ALL_CLASSES!r}; the predictions are: {', '.join(sorted(model.predictions))}."
        )
    classes = model.predictions[found]
    rows = tf.shape(tensor)[0]
    is_class = tf.equal(tf.reshape(tensor, [rows, -1, 1]), tf.reshape(classes, [rows, 1, -1]))
    number = tf.argmax(tf.cast(is_class, tf.int32), axis=2)
    return tf.where(tf.reduce_any(is_class, axis=2), number, -tf.ones_like(number))
