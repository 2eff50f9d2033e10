"""Several models in one pass: EvalSavedModels, each with its graph, and models that serve."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from microtome.executor.frame_subject import FrameSubject
from microtome.executor.joint_evaluator import JointEvaluator, naming_refuser
from microtome.executor.joint_plan import JointPlan, PlannedPart
from microtome.executor.shared_model import EvalSharedModel
from microtome.executor.subject import Subject
from microtome.metrics.collection import Collection, Computation
from microtome.metrics.keys import MetricKey
from microtome.metrics.specs import ModelColumns
from microtome.metrics.views import Source, View
from microtome.proto.config_pb2 import EvalConfig, ModelSpec
from microtome.results.metric_keys import MetricName


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """An EvalSavedModel, or the data with all models that serve.

    Attributes:
        subject: it alone. An EvalSavedModel has its name.
        specs: of its models.
    """

    subject: EvalSharedModel | FrameSubject
    specs: tuple[ModelSpec, ...]

    @property
    def model(self) -> str:
        """The name of the EvalSavedModel; "" where it is the data."""
        return self.subject.model_name if isinstance(self.subject, EvalSharedModel) else ""

    @property
    def title(self) -> str:
        """Words for it."""
        located = self.subject.model_locations.items()
        return " and ".join(f"the model {name!r} ({path})" for name, path in located)

    def owns(self, source: Source) -> bool:
        """Whether it has a column."""
        names = {spec.name for spec in self.specs}
        return source.model in (names if self.model else {"", *names})


@dataclasses.dataclass(frozen=True, eq=False)
class JointSubject(Subject):
    """Several models, at least one of them with a metric graph.

    Records are read once and each model runs once a batch; all sums of a slice stand side by side.
    A slicing feature comes from the first part that has it: rows stand in the slices that the
    candidate sees, and a feature that it lacks may come from another model.

    Attributes:
        parts: first the one of the first model that is no baseline.
        baseline: the name of the model that others are compared with; None for none.
        token: names this subject to the processes that load it.
    """

    parts: tuple[Part, ...]
    baseline: str | None = None
    token: str = dataclasses.field(default_factory=lambda: uuid.uuid4().hex, repr=False)

    def check(self, features: Sequence[str]) -> None:
        for part, own in zip(self.parts, self._features_of_parts(features), strict=True):
            part.subject.check(own)

    def model_columns(self, config: EvalConfig) -> list[ModelColumns]:
        return [columns for part in self.parts for columns in _columns_of(part, config)]

    def own_metrics(self) -> tuple[Computation, ...]:
        return tuple(
            _of_model(item, part.model)
            for part in self.parts
            for item in part.subject.own_metrics()
        )

    def graph_metrics(self) -> list[MetricName]:
        return [
            MetricKey(str(name), part.model)
            for part in self.parts
            for name in part.subject.graph_metrics()
        ]

    @property
    def counts(self) -> list[MetricName]:
        found: dict[MetricName, None] = {}
        for part in self.parts:
            for name in part.subject.counts:
                text = name if isinstance(name, str) else name.name
                found.update(dict.fromkeys(MetricKey(text, spec.name) for spec in part.specs))
        return list(found)

    @property
    def names_its_metrics(self) -> bool:
        return all(part.subject.names_its_metrics for part in self.parts)

    def has_feature(self, name: str) -> bool:
        return any(part.subject.has_feature(name) for part in self.parts)

    def make_plan(
        self, examples: Sequence[Any], features: Sequence[str], collection: Collection
    ) -> JointPlan:
        self.let_go()
        parts = tuple(
            _planned_part(part, examples, own, collection)
            for part, own in zip(self.parts, self._features_of_parts(features), strict=True)
        )
        plan = JointPlan(parts, collection)
        evaluator = self._evaluator(plan)
        try:
            # what does not fit together is told before Beam runs
            fitted = evaluator.fitted(_as_records(examples))
        except BaseException:
            evaluator.close()
            raise
        plan = dataclasses.replace(plan, collection=fitted)
        _ready[self.token] = evaluator.with_plan(plan)
        return plan

    def make_evaluator(self, plan: JointPlan, features: Sequence[str]) -> JointEvaluator:
        del features
        return _ready.pop(self.token, None) or self._evaluator(plan)

    def count_names(self, plan: JointPlan) -> list[tuple[MetricName, int]]:
        configured = {
            (item.key.model_name, item.key.name)
            for item in plan.collection.computations
            if isinstance(item.key, MetricKey)
        }
        names: dict[MetricName, int] = {}
        for number, (part, planned) in enumerate(zip(self.parts, plan.parts, strict=True)):
            for name, column in part.subject.count_names(planned.plan):
                text = name if isinstance(name, str) else name.name
                keys = [MetricKey(text, spec.name) for spec in part.specs]
                start = plan.dense_start(number)
                names.update(dict.fromkeys(keys, start + column))
        return [
            (key, column)
            for key, column in names.items()
            if isinstance(key, MetricKey) and (key.model_name, key.name) not in configured
        ]

    @property
    def model_locations(self) -> Mapping[str, str]:
        return {
            name: path for part in self.parts for name, path in part.subject.model_locations.items()
        }

    def let_go(self) -> None:
        evaluator = _ready.pop(self.token, None)
        if evaluator is not None:
            evaluator.close()
        for part in self.parts:
            part.subject.let_go()

    def _features_of_parts(self, features: Sequence[str]) -> list[list[str]]:
        owned: list[list[str]] = [[] for _ in self.parts]
        for name in features:
            having = (i for i, part in enumerate(self.parts) if part.subject.has_feature(name))
            # the first one says what it has instead of a feature that none has
            owned[next(having, 0)].append(name)
        return owned

    def _evaluator(self, plan: JointPlan) -> JointEvaluator:
        evaluators = [
            part.subject.make_evaluator(planned.plan, planned.features)
            for part, planned in zip(self.parts, plan.parts, strict=True)
        ]
        return JointEvaluator(plan, evaluators, [part.title for part in self.parts])


# evaluators as planning left them, for a worker in the same process; loading takes seconds
_ready: dict[str, JointEvaluator] = {}


def _planned_part(
    part: Part, examples: Sequence[Any], features: Sequence[str], collection: Collection
) -> PlannedPart:
    looked_at = tuple(source for source in collection.all_sources if part.owns(source))
    with naming_refuser(part.title):
        plan = part.subject.make_plan(examples, features, Collection((), looked_at=looked_at))
    return PlannedPart(part.model, plan, tuple(features))


def _columns_of(part: Part, config: EvalConfig) -> list[ModelColumns]:
    if isinstance(part.subject, FrameSubject):
        return part.subject.model_columns(config)
    (spec,) = part.specs
    (columns,) = part.subject.model_columns(EvalConfig(model_specs=[spec]))
    groups = {
        group: {output: _renamed(source, part.model) for output, source in of_output.items()}
        for group, of_output in (
            ("labels", columns.labels),
            ("predictions", columns.predictions),
            ("weights", columns.weights),
        )
    }
    return [
        ModelColumns(**groups, name=spec.name, is_baseline=spec.is_baseline, features_of=part.model)
    ]


def _of_model(item: Computation, model: str) -> Computation:
    """A metric of an only model, as one of several."""
    views = tuple(_view_of_model(view, model) for view in item.views)
    return dataclasses.replace(item, key=MetricKey(str(item.key), model), views=views)


def _view_of_model(view: View, model: str) -> View:
    return dataclasses.replace(
        view,
        label=view.label and _renamed(view.label, model),
        prediction=view.prediction and _renamed(view.prediction, model),
        weight=view.weight and _renamed(view.weight, model),
        features=tuple(_renamed(source, model) for source in view.features),
    )


def _renamed(source: Source, model: str) -> Source:
    return source._replace(model=model)


def _as_records(examples: Sequence[Any]) -> Any:
    records = np.empty(len(examples), object)
    records[:] = list(examples)
    return records
