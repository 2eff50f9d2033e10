"""What an `eval_input_receiver_fn` returns: the way into the eval graph, features and labels named.

Synopsis:

    def eval_input_receiver_fn():
      examples = tf.compat.v1.placeholder(tf.string, [None], name="input_example_placeholder")
      features = tf.io.parse_example(examples, feature_spec)
      # to slice by; the model does not use it
      features["age_category"] = tf.strings.as_string(features["age"] // 10)
      return EvalInputReceiver(
          features=features,
          labels=features["label"],
          receiver_tensors={"examples": examples})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import tensorflow as tf

from microtome.errors import ConfigError
from microtome.export import evaluation_only
from microtome.export.keywords import keyword_only
from microtome.messages import nearest_feature
from microtome.version import __version__

Tensor: TypeAlias = "tf.Tensor | tf.SparseTensor | tf.RaggedTensor"
Tensors: TypeAlias = "Tensor | Mapping[str, Tensor]"

# The release of TFMA whose layout is written; readers want to find one.
LAYOUT_VERSION = "0.46.0"


class EvalInputReceiver:
    """Features, labels and the placeholder that they are parsed from.

    It annotates the default graph, so it must be made inside an `eval_input_receiver_fn`. All
    arguments are keywords.

    Args:
      features: tensors by name (or one bare tensor): dense, sparse or ragged, a row an example.
        Those that the model does not use can still be sliced by.
      receiver_tensors: `{"examples": placeholder}`, a string placeholder of shape [None].
      labels: one tensor; or tensors by name, for a model of several heads; None for an
        unsupervised model.
      input_refs: int tensor, shape [rows]: for each row of features, labels and predictions, the
        index in `examples` of the input that it came from. Needed only where one input does not
        make exactly one row.
      iterator_initializer: the op (or its name) that feeds `examples` to a `tf.data` iterator,
        for models that take their rows from one. Needs `input_refs`.

    Attributes:
      features: what the `model_fn` gets as features.
      labels: what the `model_fn` gets as labels, or None.
      receiver_tensors: the inputs of the eval signature: `inputs/examples`, `features/<name>` and
        `labels/<name>` (`features`, `labels` for a bare tensor), `input_refs`, `tfma/version`,
        `microtome/version` and, if there is one, `iterator_initializer`.

    Raises:
      ConfigError: an argument is not as described.
      TypeError: an argument was given by position.
    """

    @keyword_only
    def __init__(
        self,
        *,
        features: Tensors,
        receiver_tensors: Mapping[str, tf.Tensor],
        labels: Tensors | None = None,
        input_refs: tf.Tensor | None = None,
        iterator_initializer: str | tf.Operation | None = None,
    ) -> None:
        examples = _checked_examples(receiver_tensors)
        features = _checked_tensors("features", features)
        supervised = labels is not None
        labels = _checked_tensors("labels", labels) if supervised else {}
        if input_refs is None:
            if iterator_initializer is not None:
                raise ConfigError(
                    "An EvalInputReceiver with iterator_initializer needs input_refs too: an int "
                    "tensor that says for each row which of the examples it came from."
                )
            input_refs = tf.range(tf.size(examples))
        _check_input_refs(input_refs)

        self.receiver_tensors: dict[str, Tensor] = {
            "inputs/examples": examples,
            **_in_signature("features", features),
            **_in_signature("labels", labels),
            "input_refs": input_refs,
            "tfma/version": tf.constant(LAYOUT_VERSION, name="tfma_version"),
            "microtome/version": tf.constant(__version__, name="microtome_version"),
        }
        if iterator_initializer is not None:
            self.receiver_tensors["iterator_initializer"] = tf.constant(
                getattr(iterator_initializer, "name", iterator_initializer)
            )
        _write_collections(features, labels, input_refs)

        # A model may pass a feature on as a prediction, and a session does not let one tensor be
        # fed and fetched at once; so the signature keeps these tensors and the model gets copies.
        self.features = _copied(features)
        self.labels = _copied(labels) if supervised else None


def build_parsing_eval_input_receiver_fn(
    feature_spec: Mapping[str, Any], label_key: str | None
) -> Callable[[], EvalInputReceiver]:
    """An `eval_input_receiver_fn` for serialised `tf.Example`s.

    Args:
      feature_spec: as `tf.io.parse_example` takes it; with the label and slicing-only features.
      label_key: the feature that is the label (it stays among the features, too); None for an
        unsupervised model.

    Returns:
      A function to hand to `export_eval_savedmodel`.

    Raises:
      ConfigError: `label_key` is not in `feature_spec`.
    """
    if label_key is not None and label_key not in feature_spec:
        raise ConfigError(
            f"The label {label_key!r} is not in the feature spec"
            f"{nearest_feature(label_key, feature_spec)}, which has "
            f"{', '.join(sorted(feature_spec)) or 'no features'}. Add it there. A label that "
            "TensorFlow Transform makes is not in the examples: parse what it is made of, and give "
            "the EvalInputReceiver the label of what transform_raw_features returns."
        )

    def eval_input_receiver_fn() -> EvalInputReceiver:
        examples = tf.compat.v1.placeholder(tf.string, [None], name="input_example_tensor")
        features = tf.io.parse_example(examples, dict(feature_spec))
        return EvalInputReceiver(
            features=features,
            labels=None if label_key is None else features[label_key],
            receiver_tensors={"examples": examples},
        )

    return eval_input_receiver_fn


def _checked_examples(receiver_tensors: Any) -> tf.Tensor:
    wanted = 'receiver_tensors must be {"examples": a string placeholder of shape [None]}'
    if not isinstance(receiver_tensors, Mapping):
        raise ConfigError(f"{wanted}; it is {_kind(receiver_tensors)}.")
    if set(receiver_tensors) != {"examples"}:
        keys = ", ".join(repr(key) for key in receiver_tensors) or "none"
        raise ConfigError(f"{wanted}; the keys given are {keys}.")
    examples = receiver_tensors["examples"]
    if not isinstance(examples, tf.Tensor):
        raise ConfigError(f"{wanted}; `examples` is {_kind(examples)}.")
    if examples.dtype != tf.string or examples.shape.rank not in (None, 1):
        raise ConfigError(f"{wanted}; `examples` is {_kind(examples)}.")
    return examples


def _checked_tensors(group: str, tensors: Any) -> Any:
    if _is_tensor(tensors):
        return tensors
    if not isinstance(tensors, Mapping):
        raise ConfigError(
            f"The {group} of an EvalInputReceiver are tensors by name, or one tensor; not "
            f"{_kind(tensors)}."
        )
    for name, tensor in tensors.items():
        if not isinstance(name, str):
            raise ConfigError(
                f"The {group} of an EvalInputReceiver have string names; not {name!r}."
            )
        if not _is_tensor(tensor):
            raise ConfigError(
                f"{group}[{name!r}] of an EvalInputReceiver must be a Tensor, SparseTensor or "
                f"RaggedTensor; it is {_kind(tensor)}."
            )
    return dict(tensors)


def _check_input_refs(input_refs: Any) -> None:
    good = isinstance(input_refs, tf.Tensor) and input_refs.dtype in (tf.int32, tf.int64)
    if not good or input_refs.shape.rank not in (None, 1):
        raise ConfigError(
            f"input_refs must be an int tensor of shape [rows]; it is {_kind(input_refs)}."
        )


def _write_collections(features: Any, labels: Any, input_refs: tf.Tensor) -> None:
    for group, name, tensors in (
        ("features", evaluation_only.FEATURES, features),
        ("labels", evaluation_only.LABELS, labels),
    ):
        named = {f"__{group}": tensors} if _is_tensor(tensors) else tensors
        evaluation_only.write_tensors(name, named)
    evaluation_only.write_tensor(evaluation_only.INPUT_REFS, input_refs)
    evaluation_only.write_text(evaluation_only.VERSION, LAYOUT_VERSION)


def _in_signature(group: str, tensors: Any) -> dict[str, Tensor]:
    if _is_tensor(tensors):
        return {group: tensors}
    return {f"{group}/{name}": tensor for name, tensor in tensors.items()}


def _is_tensor(value: Any) -> bool:
    return isinstance(value, tf.Tensor | tf.SparseTensor | tf.RaggedTensor)


def _copied(tensors: Any) -> Any:
    return tf.nest.map_structure(tf.identity, tensors, expand_composites=True)


def _kind(value: Any) -> str:
    if isinstance(value, tf.Tensor):
        return f"a {value.dtype.name} tensor of shape {value.shape}"
    return f"a {type(value).__name__}"
