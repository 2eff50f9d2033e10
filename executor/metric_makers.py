"""From a class that a config names to a metric: Microtome's, a user's own, or Keras'."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from typing import Any

from microtome.errors import ConfigError
from microtome.executor import user_code
from microtome.metrics.left_out import LEFT_OUT
from microtome.metrics.metric import Metric, make_metric, metric_of, registered_names

# where TFMA's configs say that its own metrics are
_OURS = ("microtome", "tensorflow_model_analysis")
_KERAS = ("keras", "tf_keras", "tf", "tensorflow")


def make_any_metric(class_name: str, module: str, settings: Mapping[str, Any]) -> Metric:
    """A metric of a config.

    Looked for is, in this order: a registered class or metric of functions; a class of the module;
    a metric or loss of Keras. TensorFlow is imported for what only Keras may know.

    Args:
        class_name: the class, or the name that `register_metric` was given.
        module: where a class is that is not registered; "" for none.
        settings: of the class.

    Raises:
        ConfigError: there is no such metric, or it does not take the settings.
    """
    top = module.partition(".")[0]
    is_registered = class_name in registered_names()
    if top in _KERAS:
        return _of_keras(class_name, module, settings, is_registered)
    if module and top not in _OURS:
        return _of_module(class_name, module, settings, is_registered)
    if is_registered or class_name in LEFT_OUT:
        return make_metric(class_name, settings)
    return _of_keras(class_name, "", settings, is_registered)


def _of_keras(
    class_name: str, module: str, settings: Mapping[str, Any], is_registered: bool
) -> Metric:
    # Keras writes all settings of a metric, of which most say nothing
    said = {name: value for name, value in settings.items() if name != "dtype"}
    if is_registered:
        return make_metric(class_name, said if module else settings)
    from microtome.model.keras_metrics import keras_metric

    found = keras_metric(class_name, _public(module), said)
    if found is None:
        raise ConfigError(_unknown(class_name, module))
    return found


def _public(module: str) -> str:
    """The module of Keras by which users know one of its inner modules."""
    kinds = {"metrics": "tf.keras.metrics", "losses": "tf.keras.losses"}
    return next((kinds[part] for part in module.split(".") if part in kinds), "")


def _of_module(
    class_name: str, module: str, settings: Mapping[str, Any], is_registered: bool
) -> Metric:
    try:
        home = user_code.module_of(module)
    except ImportError as error:
        raise ConfigError(
            f"The module {module!r} of the metric {class_name!r} cannot be imported: {error}. It "
            "must be a Python file that stands on PYTHONPATH, or a package that is installed."
        ) from error
    found = getattr(home, class_name, None)
    if isinstance(found, type) and issubclass(found, Metric):
        return metric_of(found, settings)
    # its import may have registered metrics of functions
    if is_registered or class_name in registered_names():
        return make_metric(class_name, settings)
    if found is None:
        own = [name for name, item in vars(home).items() if _is_metric(item)]
        there = ", ".join(sorted(own)) or "none"
        raise ConfigError(
            f"The module {module!r} has no metric {class_name!r}{_near(class_name, own)}. It has: "
            f"{there}."
        )
    if not _is_keras_class(found):
        raise ConfigError(
            f"{class_name} of the module {module!r} is no metric: {_what(found)}. It must be a "
            "subclass of microtome.metrics.Metric, or of a Keras metric or loss."
        )
    from microtome.model.keras_metrics import keras_metric

    made = keras_metric(class_name, home.__name__, settings)
    assert made is not None
    return made


def _is_metric(item: Any) -> bool:
    is_own = isinstance(item, type) and issubclass(item, Metric) and item is not Metric
    return is_own or _is_keras_class(item)


def _is_keras_class(item: Any) -> bool:
    """Whether it is a metric or loss of Keras; without importing that."""
    keras = getattr(sys.modules.get("tensorflow"), "keras", None)
    kinds = (keras.metrics.Metric, keras.losses.Loss) if keras is not None else ()
    return isinstance(item, type) and issubclass(item, kinds)


def _what(found: Any) -> str:
    if not isinstance(found, type):
        return f"it is {found!r}"
    bases = [base for base in found.__mro__[1:] if base is not object] or [object]
    return "a class of " + ", ".join(f"{base.__module__}.{base.__qualname__}" for base in bases)


def _unknown(class_name: str, module: str) -> str:
    import tensorflow as tf

    homes = (tf.keras.metrics, tf.keras.losses)
    of_keras = {
        name
        for home in homes
        for name, item in vars(home).items()
        if _is_metric(item) and name[0].isupper()
    }
    known = registered_names()
    where = f" in {module!r}" if module else ""
    return (
        f"There is no metric {class_name!r}{where}{_near(class_name, {*known, *of_keras})}. Known "
        f"are: {', '.join(known)}; Keras' metrics that are means over rows, and its losses; and a "
        "class of your own, if `module` names where it is or if it is registered "
        "(microtome.metrics.register)."
    )


def _near(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=3)
    return f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""
