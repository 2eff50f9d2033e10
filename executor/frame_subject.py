"""Data as what is evaluated: predictions are columns of it, or come from models that serve."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from microtome.errors import ConfigError
from microtome.executor.subject import Subject
from microtome.metrics.collection import Collection
from microtome.metrics.keys import MetricKey
from microtome.metrics.specs import ModelColumns
from microtome.metrics.views import FEATURES, LABELS, PREDICTIONS, Source
from microtome.proto.config_pb2 import EvalConfig, ModelSpec
from microtome.results.metric_keys import MetricName

if TYPE_CHECKING:
    from microtome.frames.evaluator import FrameEvaluator
    from microtome.model.plan import Plan
    from microtome.model.serving import ServingModel


# of examples, and of their weights where they have some
_COUNTS = ("example_count", "weighted_example_count")


@dataclasses.dataclass(frozen=True, eq=False)
class FrameSubject(Subject):
    """Data, and models that add predictions to it.

    Attributes:
        specs: one a model; none: all is in the data, and is not labelled.
        paths: where the model of each spec is; empty where its predictions stand in the data.
        is_named: whether even an only model has its name, as where others stand beside it.
        token: names this subject to the processes that load it.
    """

    specs: tuple[ModelSpec, ...]
    paths: tuple[str, ...]
    is_named: bool = False
    token: str = dataclasses.field(default_factory=lambda: uuid.uuid4().hex, repr=False)

    def check(self, features: Sequence[str]) -> None:
        del features
        for spec, path in self._models():
            if path:
                from microtome.model.serving import check_serving_model

                check_serving_model(path, spec)

    def model_columns(self, config: EvalConfig) -> list[ModelColumns]:
        del config
        if not self.specs:
            return [ModelColumns({}, {}, {})]
        return [self._columns_of(spec, path) for spec, path in self._models()]

    def columns_read(self, features: Sequence[str], collection: Collection) -> Sequence[str] | None:
        # what models need they tell once they are loaded
        if any(self.paths):
            return None
        weight = [self._weight_key] if self._weight_key else []
        return sorted({*features, *weight, *(source.name for source in collection.all_sources)})

    def make_plan(
        self, examples: Sequence[Any], features: Sequence[str], collection: Collection
    ) -> Plan:
        from microtome.frames.dataframe import batch_of_dicts
        from microtome.frames.examples import ExampleSchema
        from microtome.model.plan import Plan

        weight = self._weight_key
        plan = Plan(weight_keys=(weight,) if weight else (), collection=collection)
        if isinstance(examples, pa.RecordBatch) or not len(examples):
            records: Any = examples
        elif isinstance(examples[0], bytes):
            records = np.empty(len(examples), object)
            records[:] = list(examples)
            plan = dataclasses.replace(plan, schema=ExampleSchema.infer(examples))
        else:
            records = batch_of_dicts(examples)
        evaluator = self.make_evaluator(plan, features)
        try:
            # what does not fit is told before Beam runs
            fitted = evaluator.fitted(records)
        finally:
            evaluator.close()
        return dataclasses.replace(plan, collection=fitted)

    def make_evaluator(self, plan: Plan, features: Sequence[str]) -> FrameEvaluator:
        from microtome.frames.evaluator import FrameEvaluator

        predictors = dict(self._predictors())
        return FrameEvaluator(
            plan.collection,
            features,
            plan.weight_keys[0] if plan.weight_keys else None,
            predictors,
            schema=plan.schema,
        )

    @property
    def counts(self) -> list[MetricName]:
        return [MetricKey(name) for name in _COUNTS[: 1 + bool(self._weight_key)]]

    def count_names(self, plan: Plan) -> list[tuple[MetricName, int]]:
        keys = list(map(MetricKey, _COUNTS))
        configured = {
            item.key.name
            for item in plan.collection.computations
            if item.key == MetricKey(item.key.name, example_weighted=item.key.example_weighted)
        }
        wanted = keys[: 1 + len(plan.weight_keys)]
        return [(key, i) for i, key in enumerate(wanted) if key.name not in configured]

    @property
    def model_locations(self) -> Mapping[str, str]:
        return {self._name(spec): path for spec, path in self._models() if path}

    @property
    def _weight_key(self) -> str:
        candidates = [spec for spec in self.specs if not spec.is_baseline] or list(self.specs)
        return candidates[0].example_weight_key if candidates else ""

    def _models(self) -> Iterator[tuple[ModelSpec, str]]:
        return zip(self.specs, self.paths, strict=True)

    def _name(self, spec: ModelSpec) -> str:
        # the only model needs no name
        return spec.name if len(self.specs) > 1 or self.is_named else ""

    def _predictors(self) -> Iterator[tuple[str, ServingModel]]:
        for spec, path in self._models():
            if path:
                from microtome.model.serving import ServingModel

                yield self._name(spec), ServingModel.load(path, spec)

    def _columns_of(self, spec: ModelSpec, path: str) -> ModelColumns:
        name = self._name(spec)
        return ModelColumns(
            labels=_sources(LABELS, spec.label_key, spec.label_keys),
            predictions=_predicted(spec, name) if path else _in_data(spec, name),
            weights=_sources(FEATURES, spec.example_weight_key, spec.example_weight_keys),
            name=name,
            is_baseline=spec.is_baseline,
        )


def _sources(group: str, key: str, keys: Mapping[str, str], model: str = "") -> dict[str, Source]:
    by_output = {output: Source(group, column, model) for output, column in keys.items()}
    return {**({"": Source(group, key, model)} if key else {}), **by_output}


def _in_data(spec: ModelSpec, name: str) -> dict[str, Source]:
    sources = _sources(PREDICTIONS, spec.prediction_key, spec.prediction_keys, name)
    if spec.name and not sources:
        raise ConfigError(
            f"The model {spec.name!r} has neither a model to load nor a column of predictions; "
            "give its path, or set prediction_key in its model_specs."
        )
    return sources


def _predicted(spec: ModelSpec, name: str) -> dict[str, Source]:
    """By output; a model's predictor names its only or chosen output ''."""
    outputs = list(spec.prediction_keys) or ([] if spec.prediction_key else list(spec.label_keys))
    return {output: Source(PREDICTIONS, output, name) for output in outputs or [""]}
