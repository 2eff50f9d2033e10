"""The model to evaluate: where it is and what to add to it, and its one copy in each process."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from apache_beam.utils import shared

from microtome.errors import ConfigError

if TYPE_CHECKING:
    from microtome.model.evaluator import ModelEvaluator
    from microtome.model.loading import LoadedModel
    from microtome.model.plan import Plan


@dataclasses.dataclass(frozen=True)
class EvalSharedModel:
    """A model to evaluate. Make one with `default_eval_shared_model`.

    Attributes:
        model_path: directory of the EvalSavedModel.
        add_metrics_callbacks: each called as `callback(features, predictions, labels)` on the
            tensors of the loaded graph; returns `{name: (value tensor, update tensor)}`.
        include_default_metrics: whether the model's own metrics are computed.
        example_weight_key: the feature that weighs examples, or one for each output.
        additional_fetches: groups of further tensors of the signature.
        tags: of the meta graph, where they are not an EvalSavedModel's.
        model_name: name of the model among several.
        token: names this model to the processes that load it.
    """

    model_path: str
    add_metrics_callbacks: tuple[Callable[..., Mapping[str, Any]], ...] = ()
    include_default_metrics: bool = True
    example_weight_key: str | Mapping[str, str] | None = None
    additional_fetches: tuple[str, ...] = ()
    tags: tuple[str, ...] | None = None
    model_name: str = ""
    token: str = dataclasses.field(
        default_factory=lambda: uuid.uuid4().hex, compare=False, repr=False
    )

    def load(self) -> LoadedModel:
        """Loads the model into a session of its own.

        Raises:
            ModelError: the directory holds no EvalSavedModel.
            ConfigError: a callback cannot add its metrics.
        """
        from microtome.model.loading import load_model

        return load_model(
            self.model_path,
            self.add_metrics_callbacks,
            self.include_default_metrics,
            self.additional_fetches,
            self.tags,
        )

    def weight_features(self) -> dict[str, str]:
        """The features that weigh examples, by output; the output of a single one is ''."""
        if not self.example_weight_key:
            return {}
        if isinstance(self.example_weight_key, str):
            return {"": self.example_weight_key}
        return dict(self.example_weight_key)


def default_eval_shared_model(
    eval_saved_model_path: str | None = None,
    add_metrics_callbacks: Sequence[Callable[..., Mapping[str, Any]]] | None = None,
    include_default_metrics: bool | None = True,
    example_weight_key: str | Mapping[str, str] | None = None,
    additional_fetches: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    model_name: str = "",
    *,
    model_path: str | None = None,
) -> EvalSharedModel:
    """Names the model to evaluate.

    Example:
        >>> model =
        microtome.default_eval_shared_model(eval_saved_model_path="/models/flights/eval")

    Args:
        eval_saved_model_path: directory of the EvalSavedModel, the one that holds `saved_model.pb`.
        add_metrics_callbacks: functions that add metrics to the model's graph; see
            `EvalSharedModel`.
        include_default_metrics: False to compute only the metrics of the callbacks.
        example_weight_key: the feature that weighs examples, or one for each output.
        additional_fetches: groups of further tensors of the model's signature for the callbacks.
        tags: of the meta graph; `("eval",)` for all EvalSavedModels of today.
        model_name: name of the model among several.
        model_path: another name of `eval_saved_model_path`.

    Raises:
        ConfigError: neither or both of the two names of the path are given.
    """
    if (eval_saved_model_path is None) == (model_path is None):
        raise ConfigError(
            "default_eval_shared_model needs the directory of the EvalSavedModel as "
            "eval_saved_model_path=... (or, the same, model_path=...), one of them."
        )
    path = eval_saved_model_path if model_path is None else model_path
    return EvalSharedModel(
        model_path=_as_text(path),
        add_metrics_callbacks=tuple(add_metrics_callbacks or ()),
        include_default_metrics=include_default_metrics is not False,
        example_weight_key=example_weight_key,
        additional_fetches=tuple(additional_fetches or ()),
        tags=tuple(tags) if tags else None,
        model_name=model_name,
    )


def _as_text(path: Any) -> str:
    # export functions return bytes
    return path.decode() if isinstance(path, bytes) else str(path)


class WorkerModel:
    """The evaluator of a model, one a process whatever the number of DoFns and threads.

    Args:
        model: the model.
        features: names of the slicing features to fetch.
    """

    def __init__(self, model: EvalSharedModel, features: Sequence[str]):
        self._model = model
        self._features = tuple(features)
        self._handle = shared.Shared()

    def get(self, plan: Plan) -> ModelEvaluator:
        """The evaluator; loads the model at the first call in this process."""
        return self._handle.acquire(lambda: self._load(plan))

    def _load(self, plan: Plan) -> ModelEvaluator:
        from microtome.model.evaluator import ModelEvaluator

        loaded = _planned.pop(self._model.token, None) or self._model.load()
        return ModelEvaluator(loaded, plan, self._features)


# models as planning left them, for a worker in the same process; loading takes seconds
_planned: dict[str, LoadedModel] = {}


def keep_planned(model: EvalSharedModel, loaded: LoadedModel) -> None:
    """Keeps a loaded model for the first worker of this process that needs it."""
    drop_planned(model)
    _planned[model.token] = loaded


def drop_planned(model: EvalSharedModel) -> None:
    """Closes the loaded model that `keep_planned` kept, if no worker took it."""
    loaded = _planned.pop(model.token, None)
    if loaded is not None:
        loaded.close()
