"""What an evaluation would compute, told without computing it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from microtome.executor.joint_subject import JointSubject
from microtome.executor.shared_model import EvalSharedModel
from microtome.executor.subject import Subject
from microtome.metrics.collection import Collection, value_keys
from microtome.proto.config_pb2 import EvalConfig, SlicingSpec
from microtome.results.records import label, places_of
from microtome.slicing.cross_spec import CrossSliceSpec
from microtome.slicing.spec import SingleSliceSpec
from microtome.validation.rules import Rules

if TYPE_CHECKING:
    from microtome.model.plan import Plan

OUTSIDE = "outside the graph"
PLOT = "outside the graph, a plot"


@dataclasses.dataclass(frozen=True)
class PlannedMetric:
    """How a metric would be computed.

    Attributes:
        name: the metric, as results name it.
        path: `cut`, a reference path of the graph, or outside the graph.
        reason: why it is not simply cut; empty where it is.
    """

    name: str
    path: str
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class DryRun:
    """A configured evaluation that was checked.

    Attributes:
        config: with all defaults of slices filled in.
        model_locations: where each model is, by name; none where the data holds predictions.
        files: the data files; none where no data was looked at.
        rows: how many examples were looked at; None where no data was.
        slices: the slices to compute.
        cross_slices: those to compare.
        metrics: the metrics of each slice.
        rules: what the result would be held to.
    """

    config: EvalConfig
    model_locations: Mapping[str, str]
    files: Sequence[str]
    rows: int | None
    slices: Sequence[SingleSliceSpec]
    cross_slices: Sequence[CrossSliceSpec]
    metrics: Sequence[PlannedMetric]
    rules: Rules


def resolved(config: EvalConfig) -> EvalConfig:
    """The config with the slices that it stands for."""
    copy = EvalConfig()
    copy.CopyFrom(config)
    if not copy.slicing_specs:
        copy.slicing_specs.append(SlicingSpec())
    return copy


def planned_metrics(
    subject: Subject, collection: Collection, plan: Plan | None
) -> list[PlannedMetric]:
    """How each metric would be computed.

    Args:
        subject: what is evaluated.
        collection: the metrics outside a graph.
        plan: with examples; None: what the graph alone tells.

    Raises:
        MicrotomeError: the model cannot be loaded.
    """
    in_graph = list(_in_graph(subject)) if plan is None else _planned(plan)
    outside = collection if plan is None else plan.collection
    return [*in_graph, *_outside(outside)]


def _planned(plan: Plan) -> list[PlannedMetric]:
    return [PlannedMetric(one.name, one.path.value, one.reason) for one in plan.metrics]


def _in_graph(subject: Subject) -> Iterator[PlannedMetric]:
    if isinstance(subject, JointSubject):
        for part in subject.parts:
            for one in _in_graph(part.subject):
                yield dataclasses.replace(one, name=_of_model(one.name, part.model))
    if not isinstance(subject, EvalSharedModel) or not subject.include_default_metrics:
        return
    from microtome.executor.inspection import inspect_shared_model

    for one in inspect_shared_model(subject).metrics:
        yield PlannedMetric(one.name, one.path, one.reason)


def _outside(collection: Collection) -> Iterator[PlannedMetric]:
    for item in collection.computations:
        keys = [item.key] if item.metric.is_plot else value_keys(item)
        for place in places_of(keys):
            name = label(*place[1:]) or item.metric.name
            path = PLOT if item.metric.is_plot else OUTSIDE
            yield PlannedMetric(_of_model(name, place.model_name), path)


def _of_model(name: str, model: str) -> str:
    """A metric's name, with its model's where there are several."""
    return f"{name} ({model})" if model else name
