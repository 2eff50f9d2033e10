"""A serving model against a config and data, before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from microtome.errors import ConfigError, ModelError
from microtome.model.serving import inputs, kinds, outputs
from microtome.model.serving.declared import (
    CALL,
    Declared,
    checked_name,
    chosen_function,
    read_declared,
)
from microtome.proto.config_pb2 import ModelSpec


def check_serving_model(
    path: str, spec: ModelSpec, columns: Mapping[str, Any] | None = None
) -> str:
    """Checks what `saved_model.pb` tells of a model; `ServingModel.load` checks the rest.

    Args:
        path: directory of a SavedModel, or a file of Keras.
        spec: what the config says of the model.
        columns: the type (of pyarrow, numpy or TensorFlow; None where it is not known) of each
            column of the data, where these are known.

    Returns:
        The model's kind, as `model_kind`.

    Raises:
        ConfigError: the model has not what `spec` names, or takes what the columns do not give.
        ModelError: there is no such model.
    """
    kind = kinds.model_kind(path, spec)
    if kinds.is_keras_file(path):
        if not tf.io.gfile.exists(path):
            raise ModelError(f"No model of Keras in {path!r}: there is no such file.")
        return kind
    if kind == kinds.TFMA_EVAL:
        raise ConfigError(
            f"{path!r} is evaluated as an EvalSavedModel, not by its predictions. To evaluate a "
            f"serving model, give its path and leave model_specs.model_type empty or set it to "
            f"{kinds.TF_GENERIC!r}."
        )
    declared = read_declared(path)
    for name in spec.preprocessing_function_names:
        checked_name(declared, name, "preprocessing_function_names")
        _check_inputs(declared, name, columns)
    name = chosen_function(declared, spec)
    _check_inputs(declared, name, columns)
    if name in declared.signatures:
        outputs.chosen_keys(sorted(declared.signatures[name].outputs), spec)
    return kind


def _check_inputs(declared: Declared, name: str, columns: Mapping[str, Any] | None) -> None:
    if name == CALL and declared.call_inputs is not None:
        name = _signature_of(declared, declared.call_inputs)
        if not name and columns is not None:
            untyped = {key: tf.TensorSpec(None, tf.float32) for key in declared.call_inputs}
            inputs.check_columns(untyped, dict.fromkeys(columns))
    if name not in declared.signatures or declared.takes_examples(name):
        return
    specs = {
        key: tf.TensorSpec(tf.TensorShape(info.tensor_shape), tf.as_dtype(info.dtype))
        for key, info in declared.signatures[name].inputs.items()
        if info.WhichOneof("encoding") == "name"
    }
    for key, spec in specs.items():
        inputs.check_spec(name, key, spec)
    if columns is not None:
        inputs.check_columns(specs, columns)


def _signature_of(declared: Declared, features: frozenset[str]) -> str:
    """A signature that takes the same features, and tells their types; or ""."""
    named = (name for name, each in declared.signatures.items() if set(each.inputs) == features)
    return next(named, "")
