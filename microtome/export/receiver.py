"""What an `eval_input_receiver_fn` returns: the eval graph's way in, with its features and labels named.

Synopsis:

    def eval_input_receiver_fn():
      examples = tf.compat.v1.placeholder(tf.string, [None], name="input_example_placeholder")
      features = tf.io.parse_example(examples, feature_spec)
      features["age_category"] = tf.strings.as_string(features["age"] // 10)  # to slice by; the model ignores it
      return EvalInputReceiver(
          features=features, labels=features["label"], receiver_tensors={"examples": examples})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Union

import tensorflow as tf

from microtome.errors import ConfigError
from microtome.export import evaluation_only
from microtome.export.estimators import keyword_only
from microtome.version import __version__

Tensor = Union[tf.Tensor, tf.SparseTensor, tf.RaggedTensor]
Tensors = Union[Tensor, Mapping[str, Tensor]]

# The release of TFMA whose on-disk contract is followed. Readers need some version to be there.
CONTRACT_VERSION = "0.46.0"


class EvalInputReceiver:
    """Features, labels and the placeholder that they are parsed from, for `export_eval_savedmodel`.

    It must be made in the graph that is being exported, so inside an `eval_input_receiver_fn`.

    Attributes:
      features: what the `model_fn` gets as features.
      labels: what the `model_fn` gets as labels, or None.
      receiver_tensors: the inputs of the eval signature: `inputs/examples`, `features/<name>`, `labels/<name>` (`labels`
        and `features` alone where a bare tensor was given), `input_refs`, `tfma/version`, `microtome/version`, and
        `iterator_initializer` if there is one.
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
        """Annotates the default graph.

        Args:
          features: tensors by name (or one bare tensor), dense, sparse or ragged, with one row an example. Those that the
            model does not use can still be sliced by.
          receiver_tensors: `{"examples": placeholder}`, a string placeholder of shape [None].
          labels: one tensor, or tensors by name (one a head, for a multi-head model). None for an unsupervised model.
          input_refs: int tensor, shape [rows]: for each row of features, labels and predictions, the index in `examples`
            of the input that it came from. Only needed where one input makes several rows, or none.
          iterator_initializer: the op (or its name) that feeds `examples` to a `tf.data` iterator, where the rows of one
            input come from more than one call. Needs `input_refs`.

        Raises:
          ConfigError: an argument is not as described.
        """
        examples = _checked_examples(receiver_tensors)
        features = _checked_tensors("features", features)
        labels = None if labels is None else _checked_tensors("labels", labels)
        if input_refs is None:
            if iterator_initializer is not None:
                raise ConfigError(
                    "An EvalInputReceiver with iterator_initializer needs input_refs too: an int tensor that says for "
                    "each row which of the examples it came from."
                )
            input_refs = tf.range(tf.size(examples))

        self.receiver_tensors: dict[str, Tensor] = {
            "inputs/examples": examples,
            **_signature_keys("features", features),
            **_signature_keys("labels", {} if labels is None else labels),
            "input_refs": _checked_input_refs(input_refs),
            "tfma/version": tf.constant(CONTRACT_VERSION, name="tfma_version"),
            "microtome/version": tf.constant(__version__, name="microtome_version"),
        }
        if iterator_initializer is not None:
            name = getattr(iterator_initializer, "name", iterator_initializer)
            self.receiver_tensors["iterator_initializer"] = tf.constant(
                name, name="iterator_initializer_name"
            )

        # The model gets copies: feeding the signature's own tensors then still reaches the model when a tensor stands
        # both among the features and the labels.
        self.features = _copied(features)
        self.labels = None if labels is None else _copied(labels)

        evaluation_only.write_columns(evaluation_only.FEATURES, _legacy_keys("features", features))
        evaluation_only.write_columns(
            evaluation_only.LABELS, {} if labels is None else _legacy_keys("labels", labels)
        )
        evaluation_only.write_tensor(evaluation_only.INPUT_REFS, input_refs)
        evaluation_only.write_text(evaluation_only.VERSION, CONTRACT_VERSION)


def build_parsing_eval_input_receiver_fn(
    feature_spec: Mapping[str, Any], label_key: str | None
) -> Callable[[], EvalInputReceiver]:
    """An `eval_input_receiver_fn` for data of serialised `tf.Example`s.

    Args:
      feature_spec: as `tf.io.parse_example` takes it, labels and slicing features included.
      label_key: the feature that is the label (it stays among the features too); None for an unsupervised model.

    Returns:
      A function to hand to `export_eval_savedmodel`.

    Raises:
      ConfigError: `label_key` is not in `feature_spec`.
    """
    if label_key is not None and label_key not in feature_spec:
        raise ConfigError(
            f"The label {label_key!r} is not in the feature spec, which has {', '.join(sorted(feature_spec))}. "
            "Add its FixedLenFeature there."
        )

    def eval_input_receiver_fn() -> EvalInputReceiver:
        examples = tf.compat.v1.placeholder(tf.string, [None], name="input_example_tensor")
        features = tf.io.parse_example(examples, dict(feature_spec))
        labels = None if label_key is None else features[label_key]
        return EvalInputReceiver(
            features=features, labels=labels, receiver_tensors={"examples": examples}
        )

    return eval_input_receiver_fn


def _checked_examples(receiver_tensors: Any) -> tf.Tensor:
    wanted = 'receiver_tensors must be {"examples": placeholder}, with a string placeholder of shape [None]'
    if not isinstance(receiver_tensors, Mapping):
        raise ConfigError(f"{wanted}; it is {type(receiver_tensors).__name__}.")
    if set(receiver_tensors) != {"examples"}:
        raise ConfigError(f"{wanted}; its keys are {sorted(receiver_tensors, key=str)}.")
    examples = receiver_tensors["examples"]
    if not tf.is_tensor(examples) or not isinstance(examples, tf.Tensor):
        raise ConfigError(f"{wanted}; `examples` is {type(examples).__name__}.")
    if examples.dtype != tf.string or examples.shape.rank not in (None, 1):
        raise ConfigError(
            f"{wanted}; `examples` is {examples.dtype.name} of shape {examples.shape}."
        )
    return examples


def _checked_tensors(group: str, tensors: Any) -> Any:
    if _is_tensor(tensors):
        return tensors
    if not isinstance(tensors, Mapping):
        raise ConfigError(
            f"The {group} of an EvalInputReceiver are tensors by name, or one tensor; not {type(tensors).__name__}."
        )
    for name, tensor in tensors.items():
        if not isinstance(name, str):
            raise ConfigError(
                f"The {group} of an EvalInputReceiver are named by strings; not {name!r}."
            )
        if not _is_tensor(tensor):
            raise ConfigError(
                f"{group}[{name!r}] of an EvalInputReceiver is {type(tensor).__name__}; it must be a Tensor, SparseTensor "
                "or RaggedTensor."
            )
    return dict(tensors)


def _checked_input_refs(input_refs: Any) -> tf.Tensor:
    if not isinstance(input_refs, tf.Tensor):
        raise ConfigError(
            f"input_refs must be an int tensor of shape [rows]; it is {type(input_refs).__name__}."
        )
    if not input_refs.dtype.is_integer or input_refs.shape.rank not in (None, 1):
        raise ConfigError(
            f"input_refs must be an int tensor of shape [rows]; it is {input_refs.dtype.name} of shape "
            f"{input_refs.shape}."
        )
    return input_refs


def _is_tensor(value: Any) -> bool:
    return isinstance(value, (tf.Tensor, tf.SparseTensor, tf.RaggedTensor))


def _signature_keys(group: str, tensors: Any) -> dict[str, Tensor]:
    if _is_tensor(tensors):
        return {group: tensors}
    return {f"{group}/{name}": tensor for name, tensor in tensors.items()}


def _legacy_keys(group: str, tensors: Any) -> dict[str, Tensor]:
    return {f"__{group}": tensors} if _is_tensor(tensors) else tensors


def _copied(tensors: Any) -> Any:
    return tf.nest.map_structure(tf.identity, tensors, expand_composites=True)
