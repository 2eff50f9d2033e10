"""What the exporters ask of TensorFlow's Estimator API, which left TensorFlow at 2.16."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import tensorflow as tf

from microtome.errors import ConfigError

Function = TypeVar("Function", bound=Callable[..., Any])

MISSING = (
    "{what} needs tf.estimator, which is not in TensorFlow {version}: Estimators were removed in TensorFlow 2.16. "
    "Export where the model is trained, with TensorFlow 2.15 or older (Microtome's estimator line: Python 3.10, "
    "TensorFlow 2.15.1). The exported model can then be evaluated here."
)


def estimator_api(what: str) -> Any:
    """The `tf.estimator` module.

    Args:
      what: what asks for it, for the error's text.

    Raises:
      ConfigError: this TensorFlow has no Estimators.
    """
    api = getattr(tf, "estimator", None)
    if api is None:
        raise ConfigError(MISSING.format(what=what, version=tf.__version__))
    return api


def check_estimator(estimator: Any, what: str) -> None:
    """Raises ConfigError unless `estimator` is a trained-by-Estimator-API object that can be exported."""
    estimator_api(what)
    if not hasattr(estimator, "experimental_export_all_saved_models"):
        raise ConfigError(
            f"{what} takes a tf.estimator.Estimator (canned, or built on a model_fn) as `estimator`, "
            f"not {type(estimator).__name__}. A Keras model becomes one by "
            "tf.keras.estimator.model_to_estimator(keras_model=...)."
        )


def keyword_only(function: Function) -> Function:
    """Makes the error of a positional call to a keyword-only function show the call that works."""
    parameters = inspect.signature(function).parameters.values()
    positional = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
    keywords = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    name = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if len(args) > positional:
            call = ", ".join(f"{p.name}=..." for p in keywords if p.default is p.empty)
            optional = ", ".join(p.name for p in keywords if p.default is not p.empty)
            raise TypeError(
                f"{name} takes keyword arguments only: write {name}({call}). Optional: {optional}."
            )
        return function(*args, **kwargs)

    return checked  # type: ignore[return-value]
