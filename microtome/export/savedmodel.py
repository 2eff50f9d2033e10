"""Exports a trained Estimator as an EvalSavedModel: its eval graph, with metrics, features and labels annotated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from microtome.errors import ConfigError, ModelError
from microtome.export.estimators import check_estimator, estimator_api, keyword_only
from microtome.export.receiver import EvalInputReceiver


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
    """Exports an EvalSavedModel for Microtome (or TFMA) to evaluate.

    Args:
      estimator: a trained `tf.estimator.Estimator`.
      export_dir_base: directory in which a sub-directory, named by the time in seconds, is made for the model.
      eval_input_receiver_fn: takes no argument; makes a string placeholder for serialised examples, parses them and
        returns an `EvalInputReceiver`.
      serving_input_receiver_fn: if given, the serving graph goes into the same directory, sharing the variables.
      assets_extra: files to copy into `assets.extra`, by their path beneath it.
      checkpoint_path: checkpoint to export; default the latest of the estimator.

    Returns:
      Path of the model's directory, as bytes. It appears there whole, or not at all.

    Raises:
      ConfigError: TensorFlow has no Estimators here, or an argument is not as described.
      ModelError: there is no checkpoint to export.
    """
    check_estimator(estimator, "export_eval_savedmodel")
    modes = estimator_api("export_eval_savedmodel").ModeKeys
    receiver_fns = {modes.EVAL: _checked(eval_input_receiver_fn)}
    if serving_input_receiver_fn is not None:
        receiver_fns[modes.PREDICT] = serving_input_receiver_fn
    _check_checkpoint(estimator, checkpoint_path)
    path: bytes = estimator.experimental_export_all_saved_models(
        export_dir_base, receiver_fns, assets_extra=assets_extra, checkpoint_path=checkpoint_path
    )
    return path


def _checked(
    eval_input_receiver_fn: Callable[[], EvalInputReceiver],
) -> Callable[[], EvalInputReceiver]:
    if not callable(eval_input_receiver_fn):
        raise ConfigError(
            "eval_input_receiver_fn must be a function that takes no argument and returns an EvalInputReceiver; it is "
            f"{type(eval_input_receiver_fn).__name__}."
        )

    def receiver_fn() -> EvalInputReceiver:
        receiver = eval_input_receiver_fn()
        inputs = getattr(receiver, "receiver_tensors", None)
        # by its keys, not by its class: a receiver made by TFMA does as well
        if not isinstance(inputs, Mapping) or "inputs/examples" not in inputs:
            raise ConfigError(
                "eval_input_receiver_fn must return a microtome.export.EvalInputReceiver(features=..., labels=..., "
                f'receiver_tensors={{"examples": ...}}); it returned {type(receiver).__name__}.'
            )
        return receiver

    return receiver_fn


def _check_checkpoint(estimator: Any, checkpoint_path: str | None) -> None:
    if checkpoint_path is None:
        if estimator.latest_checkpoint() is None:
            raise ModelError(
                f"No checkpoint to export in the estimator's model_dir {estimator.model_dir!r}: train it first, or name "
                "one by checkpoint_path."
            )
    elif not tf.io.gfile.glob(f"{checkpoint_path}.index"):
        raise ModelError(
            f"No checkpoint at checkpoint_path {checkpoint_path!r} (there is no {checkpoint_path}.index). It is the path "
            "without its suffix, such as 'model_dir/model.ckpt-1000'."
        )
