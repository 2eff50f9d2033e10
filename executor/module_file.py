"""A user's module in a TFX pipeline: metrics that it registers, and the model that it makes."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any

from microtome.errors import ConfigError, MicrotomeError
from microtome.executor import keys, user_code
from microtome.executor.shared_model import EvalSharedModel, default_eval_shared_model
from microtome.post_export_metrics import PostExportMetric
from microtome.proto.config_pb2 import EvalConfig

_CALLBACKS = "add_metrics_callbacks"
_MODEL = "custom_eval_shared_model"


@dataclasses.dataclass(frozen=True)
class UserModule:
    """A module that a pipeline names, imported.

    Attributes:
        module: the module; None where none is named.
        named: words for it.
        digest: tells versions of a module file apart; "" for other modules.
    """

    module: types.ModuleType | None = None
    named: str = ""
    digest: str = ""

    def shared_model(
        self, model_path: str, eval_config: EvalConfig, name: str | None = None
    ) -> EvalSharedModel:
        """The model, as the module makes it or with the callbacks that it gives.

        Args:
            name: of the model in the config; by default its first.

        Raises:
            ConfigError: a function of the module raises, or gives something else.
        """
        if name is None:
            name = eval_config.model_specs[0].name if eval_config.model_specs else ""
        if hasattr(self.module, _MODEL):
            model = self._called(
                _MODEL, eval_saved_model_path=model_path, model_name=name, eval_config=eval_config
            )
            if not isinstance(model, EvalSharedModel):
                raise ConfigError(
                    f"{_MODEL} of {self.named} must return what "
                    f"microtome.default_eval_shared_model gives; it returns {model!r}."
                )
            return model
        callbacks = self._called(_CALLBACKS) if hasattr(self.module, _CALLBACKS) else ()
        if not isinstance(callbacks, list | tuple) or not all(map(_is_callback, callbacks)):
            raise ConfigError(
                f"{_CALLBACKS} of {self.named} must return a list of metrics of "
                f"microtome.post_export_metrics and functions; it returns {callbacks!r}."
            )
        return default_eval_shared_model(model_path, callbacks)

    def _called(self, function: str, **arguments: Any) -> Any:
        try:
            return getattr(self.module, function)(**arguments)
        except MicrotomeError:
            raise
        except Exception as error:
            raise ConfigError(
                f"{function} of {self.named} raises {type(error).__name__}: {error}"
            ) from error


def _is_callback(given: Any) -> bool:
    return callable(given) or isinstance(given, PostExportMetric)


def user_module(properties: Mapping[str, Any]) -> UserModule:
    """The module that execution properties name, imported: what it registers is known.

    Raises:
        ConfigError: it cannot be imported, or is another than when the pipeline was defined.
    """
    path, name = properties.get(keys.MODULE_FILE), properties.get(keys.MODULE_PATH)
    if path:
        return _of_file(path, properties.get(keys.MODULE_DIGEST))
    if not name:
        return UserModule()
    try:
        return UserModule(user_code.module_of(name), f"the module {name!r}")
    except Exception as error:
        raise ConfigError(
            f"The module_path {name!r} cannot be imported: {type(error).__name__}: {error}. It is "
            "the dotted name of a module that is installed where the component runs; a file is "
            "given as module_file."
        ) from error


def _of_file(path: str, expected: str | None) -> UserModule:
    source = user_code.read_module_file(path)
    digest = user_code.digest(source)
    if expected and digest != expected:
        raise ConfigError(
            f"The module_file {path!r} is another than when the pipeline was defined. TFX's cache "
            "would take the result for that of the file of then: define the pipeline anew."
        )
    module = user_code.load_module_file(path, source)
    return UserModule(module, f"the module_file {path!r}", digest)
