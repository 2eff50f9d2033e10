"""Exports a trained Estimator as an EvalSavedModel: its eval graph, with everything named."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from microtome.errors import ConfigError, ModelError
from microtome.export.estimators import check_estimator, estimator_api
from microtome.export.keywords import keyword_only
from microtome.export.receiver import EvalInputReceiver
from microtome.messages import nearest_feature

RECEIVER = (
    "a microtome.export.EvalInputReceiver(features=..., labels=..., "
    'receiver_tensors={"examples": ...})'
)
_GROUPS = ("features", "labels")


@keyword_only
def export_eval_savedmodel(
    *,
    estimator: Any,
    export_dir_base: str | bytes,
    eval_input_receiver_fn: Callable[[], EvalInputReceiver],
    serving_input_receiver_fn: Callable[[], Any] | None = None,
    assets_extra: Mapping[str, str] | None = None,
    checkpoint_path: str | None = None,
) -> bytes:
    """Exports an EvalSavedModel, for Microtome or TFMA to evaluate.

    All arguments are keywords.

    Args:
      estimator: a trained `tf.estimator.Estimator`.
      export_dir_base: directory in which the model's own directory is made, named by the time in
        seconds.
      eval_input_receiver_fn: takes no argument; makes a string placeholder for serialised
        examples, parses them and returns an `EvalInputReceiver`.
      serving_input_receiver_fn: if given, the serving graph goes into the same directory and
        shares the variables.
      assets_extra: files to copy, by where they go beneath `assets.extra`.
      checkpoint_path: checkpoint to export; default the estimator's latest.

    Returns:
      Path of the model's directory, as bytes. It appears there whole, or not at all.

    Raises:
      ConfigError: this TensorFlow has no Estimators, an argument is not as described, or the model
        asks for a feature or label that `eval_input_receiver_fn` does not give.
      ModelError: there is no checkpoint to export.
      TypeError: an argument was given by position.
    """
    check_estimator(estimator, "export_eval_savedmodel")
    _check_checkpoint(estimator, checkpoint_path)
    modes = estimator_api("export_eval_savedmodel").ModeKeys
    made: list[Any] = []
    receiver_fns: dict[str, Callable[[], Any]] = {
        modes.EVAL: _checked(eval_input_receiver_fn, made)
    }
    if serving_input_receiver_fn is not None:
        receiver_fns[modes.PREDICT] = serving_input_receiver_fn
    try:
        path: bytes = estimator.experimental_export_all_saved_models(
            export_dir_base,
            receiver_fns,
            assets_extra=assets_extra,
            checkpoint_path=checkpoint_path,
        )
    except (KeyError, ValueError) as error:
        name = _asked_for(error)
        given = [_names(getattr(one, group, None)) for one in made[-1:] for group in _GROUPS]
        if name is None or not given or any(name in names for names in given):
            raise
        raise ConfigError(_not_given(name, *given)) from error
    return path


def _asked_for(error: KeyError | ValueError) -> str | None:
    """The feature or label that a model did not find, or None if the error is another."""
    if isinstance(error, KeyError):
        return error.args[0] if error.args and isinstance(error.args[0], str) else None
    # what feature columns say
    found = re.search(r"Feature (.+) is not in features dictionary", str(error))
    return found[1] if found else None


def _names(tensors: Any) -> list[str]:
    return sorted(tensors) if isinstance(tensors, Mapping) else []


def _not_given(name: str, features: list[str], labels: list[str]) -> str:
    also = f" and the labels: {', '.join(labels)}" if labels else ""
    return (
        f"The model asks for the feature or label {name!r}, which eval_input_receiver_fn does not "
        f"give{nearest_feature(name, [*features, *labels])}. It gives the features: "
        f"{', '.join(features) or '(none)'}{also}. A model that was trained on what TensorFlow "
        "Transform made needs that here, too: add what transform_raw_features(parsed) returns to "
        "the EvalInputReceiver."
    )


def _checked(eval_input_receiver_fn: Any, made: list[Any]) -> Callable[[], Any]:
    if not callable(eval_input_receiver_fn):
        raise ConfigError(
            f"eval_input_receiver_fn must be a function that takes no argument and returns "
            f"{RECEIVER}; it is a {type(eval_input_receiver_fn).__name__}."
        )

    def receiver_fn() -> Any:
        receiver = eval_input_receiver_fn()
        inputs = getattr(receiver, "receiver_tensors", None)
        # asked by its keys and not by its class: one made by TFMA does as well
        if not isinstance(inputs, Mapping) or "inputs/examples" not in inputs:
            raise ConfigError(
                f"eval_input_receiver_fn must return {RECEIVER}; it returned a "
                f"{type(receiver).__name__}."
            )
        made.append(receiver)
        return receiver

    return receiver_fn


def _check_checkpoint(estimator: Any, checkpoint_path: str | None) -> None:
    if checkpoint_path is None:
        if estimator.latest_checkpoint() is None:
            raise ModelError(
                f"There is no checkpoint to export in the estimator's model_dir "
                f"{estimator.model_dir!r}. Train it first, or name one by checkpoint_path."
            )
    elif not tf.compat.v1.train.checkpoint_exists(checkpoint_path):
        raise ModelError(
            f"There is no checkpoint at checkpoint_path {checkpoint_path!r}. It is a path without "
            "suffix, such as 'model_dir/model.ckpt-1000'."
        )
