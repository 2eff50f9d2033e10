"""What the exporters ask of TensorFlow's Estimator API, which left TensorFlow at 2.16."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from microtome.errors import ConfigError


def has_estimators() -> bool:
    """Whether this TensorFlow has Estimators."""
    return hasattr(tf, "estimator")


def estimator_api(what: str) -> Any:
    """The `tf.estimator` module.

    Args:
      what: what asks for it, for the error's text.

    Raises:
      ConfigError: this TensorFlow has no Estimators.
    """
    if not has_estimators():
        raise ConfigError(
            f"{what} needs tf.estimator, which TensorFlow {tf.__version__} has not: Estimators "
            "were removed in TensorFlow 2.16. Export where the model is trained, with TensorFlow "
            "2.15 or older (Microtome's estimator line: Python 3.10, TensorFlow 2.15.1). The "
            "exported model can then be evaluated here."
        )
    return tf.estimator


def check_estimator(estimator: Any, what: str) -> None:
    """Checks that `estimator` can be exported.

    Args:
      estimator: what a user gave as an Estimator.
      what: what asks for it, for the error's text.

    Raises:
      ConfigError: this TensorFlow has no Estimators, or `estimator` is none.
    """
    estimator_api(what)
    if not hasattr(estimator, "experimental_export_all_saved_models"):
        raise ConfigError(
            f"{what} takes a tf.estimator.Estimator as `estimator`, not "
            f"{type(estimator).__name__}. A Keras model becomes one by "
            "tf.keras.estimator.model_to_estimator(keras_model=...)."
        )
