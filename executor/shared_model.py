"""The model to evaluate: where it is and what to add to it, and its one copy in each process."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from apache_beam.utils import shared

from microtome.errors import ConfigError, DataError
from microtome.executor.subject import Plan as AnyPlan
from microtome.executor.subject import Subject
from microtome.executor.user_code import reduce_packed
from microtome.messages import nearest
from microtome.metrics.collection import Collection, Computation
from microtome.metrics.specs import ModelColumns
from microtome.metrics.views import FEATURES, Source
from microtome.post_export_metrics import PostExportMetric
from microtome.proto.config_pb2 import EvalConfig, ModelSpec
from microtome.results.metric_keys import MetricName
from microtome.results.names import EXAMPLE_COUNT, EXAMPLE_WEIGHT

if TYPE_CHECKING:
    from microtome.model.evaluator import ModelEvaluator
    from microtome.model.loading import LoadedModel
    from microtome.model.plan import Plan
    from microtome.model.signature import ModelSignature


@dataclasses.dataclass(frozen=True)
class EvalSharedModel(Subject):
    """A model to evaluate. Make one with `default_eval_shared_model`.

    Attributes:
        model_path: directory of the EvalSavedModel, or of a model that serves.
        add_metrics_callbacks: metrics of `microtome.post_export_metrics`; or functions, each called
            as `callback(features, predictions, labels)` on the tensors of the loaded graph, which
            return `{name: (value tensor, update tensor)}`.
        include_default_metrics: whether the model's own metrics are computed.
        example_weight_key: the feature that weighs examples, or one for each output.
        additional_fetches: groups of further tensors of the signature.
        tags: of the meta graph, where they are not an EvalSavedModel's.
        model_name: name of the model among several.
        is_baseline: whether others are compared with it, where the config does not say it.
        token: names this model to the processes that load it.
    """

    model_path: str
    add_metrics_callbacks: tuple[Callable[..., Mapping[str, Any]], ...] = ()
    include_default_metrics: bool = True
    example_weight_key: str | Mapping[str, str] | None = None
    additional_fetches: tuple[str, ...] = ()
    tags: tuple[str, ...] | None = None
    model_name: str = ""
    is_baseline: bool = False
    token: str = dataclasses.field(
        default_factory=lambda: uuid.uuid4().hex, compare=False, repr=False
    )

    def __reduce__(self) -> tuple[Any, ...]:
        # callbacks are a user's own
        return reduce_packed(self)

    @property
    def graph_callbacks(self) -> list[Callable[..., Mapping[str, Any]]]:
        """The callbacks that add metrics to the graph."""
        return [each for each in self.add_metrics_callbacks if not _is_outside(each)]

    def load(self) -> LoadedModel:
        """Loads the model into a session of its own.

        Raises:
            ModelError: the directory holds no EvalSavedModel.
            ConfigError: a callback cannot add its metrics.
        """
        from microtome.model.loading import load_model

        return load_model(
            self.model_path,
            self.graph_callbacks,
            self.include_default_metrics,
            self.additional_fetches,
            self.tags,
        )

    def check(self, features: Sequence[str]) -> None:
        from microtome.model.contributions import check_feature_names, check_weights

        signature = self._signature()
        check_feature_names(signature, features, "slice by")
        check_weights(signature, list(self.weight_features().values()))

    def model_columns(self, config: EvalConfig) -> list[ModelColumns]:
        from microtome.model.outputs import model_columns

        spec = config.model_specs[0] if config.model_specs else ModelSpec()
        weights = {output: Source(FEATURES, key) for output, key in self.weight_features().items()}
        return [model_columns(self._signature(), spec, weights)]

    def graph_metrics(self) -> list[str]:
        return sorted(self._signature().metrics) if self.include_default_metrics else []

    def has_feature(self, name: str) -> bool:
        return name in self._signature().features

    @property
    def counts(self) -> list[str]:
        return [name for name, _ in self._counts()]

    @property
    def names_its_metrics(self) -> bool:
        # what callbacks add to the graph they say there
        return not self.graph_callbacks

    def own_metrics(self) -> tuple[Computation, ...]:
        outside = [each for each in self.add_metrics_callbacks if _is_outside(each)]
        if not outside:
            return ()
        from microtome.model.outputs import declared_tensors

        tensors = declared_tensors(self._signature())
        return tuple(item for metric in outside for item in metric.computations(tensors))

    def make_plan(
        self, examples: Sequence[Any], features: Sequence[str], collection: Collection
    ) -> Plan:
        from microtome.model.planning import make_plan

        _check_serialized(examples, self.model_path)
        weights = list(self.weight_features().values())
        with _without_garbage_collection():
            loaded = self.load()
            try:
                plan = make_plan(loaded, examples, weights, features, collection)
            except BaseException:
                loaded.close()
                raise
        self.let_go()
        _planned[self.token] = loaded
        return plan

    def make_evaluator(self, plan: Plan, features: Sequence[str]) -> ModelEvaluator:
        from microtome.model.evaluator import ModelEvaluator

        loaded = _planned.pop(self.token, None) or self.load()
        return ModelEvaluator(loaded, plan, features)

    def count_names(self, plan: Plan) -> list[tuple[MetricName, int]]:
        del plan
        return list(self._counts())

    def _counts(self) -> list[tuple[str, int]]:
        outputs = list(self.weight_features())
        weights = [
            (f"post_export_metrics/{output}/example_weight" if output else EXAMPLE_WEIGHT, column)
            for column, output in enumerate(outputs, start=1)
        ]
        return [(EXAMPLE_COUNT, 0), *(weights or [(EXAMPLE_WEIGHT, 0)])]

    @property
    def model_locations(self) -> Mapping[str, str]:
        return {self.model_name: self.model_path}

    def let_go(self) -> None:
        loaded = _planned.pop(self.token, None)
        if loaded is not None:
            loaded.close()

    def _signature(self) -> ModelSignature:
        from microtome.model.signature import read_signature

        return read_signature(self.model_path, self.additional_fetches, self.tags)

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
    eval_config: EvalConfig | None = None,
    *,
    model_path: str | None = None,
    is_baseline: bool = False,
) -> EvalSharedModel:
    """Names the model to evaluate.

    Example:
        >>> model = microtome.default_eval_shared_model("/models/flights/eval")

    Args:
        eval_saved_model_path: directory of the EvalSavedModel, the one that holds `saved_model.pb`;
            or of a model that serves, or a file of Keras'.
        add_metrics_callbacks: metrics of `microtome.post_export_metrics`, and functions that add
            metrics to the model's graph; see `EvalSharedModel`.
        include_default_metrics: False to compute only the metrics of the callbacks.
        example_weight_key: the feature that weighs examples, or one for each output.
        additional_fetches: groups of further tensors of the model's signature for the callbacks.
        tags: of the meta graph; `("eval",)` for all EvalSavedModels of today.
        model_name: name of the model among several.
        eval_config: says, as in TFMA, whether the model of this name is the baseline. All else that
            it says of the model is taken from the config of the run.
        model_path: another name of `eval_saved_model_path`.
        is_baseline: whether others are compared with it; for a run whose config names no models.

    Raises:
        ConfigError: neither or both of the two names of the path are given, or the config has no
            model of this name.
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
        is_baseline=is_baseline or _is_baseline_of(eval_config, model_name),
    )


def _is_baseline_of(eval_config: EvalConfig | None, model_name: str) -> bool:
    specs = list(eval_config.model_specs) if eval_config is not None else []
    if not specs or (len(specs) == 1 and not model_name):
        return False
    by_name = {spec.name: spec for spec in specs}
    if model_name not in by_name:
        raise ConfigError(
            f"The eval_config has no model_specs of the name {model_name!r}"
            f"{nearest(model_name, by_name)}; there is: {', '.join(map(repr, by_name))}."
        )
    return bool(by_name[model_name].is_baseline)


def _as_text(path: Any) -> str:
    # export functions return bytes
    return path.decode() if isinstance(path, bytes) else str(path)


def _check_serialized(examples: Sequence[Any], model_path: str) -> None:
    """Checks that there are examples that a graph can parse.

    Raises:
        DataError: they are rows of columns.
    """
    if not len(examples) or isinstance(examples[0], bytes):
        return
    raise DataError(
        f"The EvalSavedModel {model_path!r} parses serialized examples, but the data are rows of "
        "columns. Give TFRecord files or lines of text; or, where predictions stand in the "
        "columns, name them in model_specs and leave the model out."
    )


def _is_outside(callback: Any) -> bool:
    """Whether a callback adds metrics that are computed outside the graph."""
    return isinstance(callback, PostExportMetric)


class WorkerModel:
    """The evaluator of a subject, one a process whatever the number of DoFns and threads.

    Args:
        subject: what is evaluated.
        features: names of the slicing features to fetch.
    """

    def __init__(self, subject: Subject, features: Sequence[str]):
        self._subject = subject
        self._features = tuple(features)
        self._handle = shared.Shared()

    def get(self, plan: AnyPlan) -> Any:
        """The evaluator; loads models at the first call in this process."""
        return self._handle.acquire(lambda: self._subject.make_evaluator(plan, self._features))


# models as planning left them, for a worker in the same process; loading takes seconds
_planned: dict[str, LoadedModel] = {}


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Graphs are many objects, and all stay: to look for garbage among them takes an eighth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
