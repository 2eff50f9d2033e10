"""An account of an EvalSavedModel for people: what it declares, and how it will be evaluated."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tensorflow.core.protobuf import meta_graph_pb2

from microtome.model.describe import TensorForm, tensor_form
from microtome.model.feeding import Records
from microtome.model.loading import LoadedModel
from microtome.model.plan import MetricPlan, Path, Plan
from microtome.model.planning import make_plan
from microtome.model.structure import Structure, analyze

# without examples it is not known which of the two reference paths a metric takes
REFERENCE = "reference"


@dataclasses.dataclass(frozen=True)
class VariableAccount:
    """A variable that a metric is read from.

    Attributes:
        name: in the graph.
        shape: of its value.
        sums: the sums over rows that are added to it, each as tensor name and op type.
        refused: why it cannot be computed from sums over rows; empty where it can.
    """

    name: str
    shape: tuple[int, ...]
    sums: tuple[str, ...]
    refused: str


@dataclasses.dataclass(frozen=True)
class MetricAccount:
    """How one metric is computed.

    Attributes:
        name: the metric.
        path: a value of `Path`, or REFERENCE.
        reason: why it is not simply cut; empty where it is.
        variables: what its value is read from.
    """

    name: str
    path: str
    reason: str
    variables: tuple[VariableAccount, ...]


@dataclasses.dataclass(frozen=True)
class ModelAccount:
    """An EvalSavedModel.

    Attributes:
        path: its directory.
        era: generation of the format, a value of `Era`.
        version: of the library that exported it, where it says so.
        tags: of the meta graph.
        inputs, features, labels, predictions: declared tensors by name.
        one_row_an_example: whether row i is example i.
        metrics: by name, sorted.
        settled: the metrics' paths were decided with examples, and checked; otherwise they are what
            the graph alone tells.
        bytes_per_row: what is fetched of a row for the metrics; None where not settled.
        columns, bins: the sums of a slice: numbers, and bins of histograms; None where not settled.
    """

    path: str
    era: str
    version: str
    tags: tuple[str, ...]
    inputs: Mapping[str, TensorForm]
    features: Mapping[str, TensorForm]
    labels: Mapping[str, TensorForm]
    predictions: Mapping[str, TensorForm]
    one_row_an_example: bool
    metrics: tuple[MetricAccount, ...]
    settled: bool
    bytes_per_row: int | None
    columns: int | None
    bins: tuple[int, ...] | None

    def to_json(self) -> dict[str, Any]:
        """The account as plain dicts, lists, strings and numbers."""
        return dataclasses.asdict(self)


def inspect_model(
    model: LoadedModel, examples: Records | None = None, weight_keys: Sequence[str] = ()
) -> ModelAccount:
    """Gives an account of a loaded model.

    Args:
        model: with examples, ops are added to its graph.
        examples: some serialized examples, with which the plan is settled.
        weight_keys: features that weigh examples.

    Raises:
        MicrotomeError: as `make_plan`.
    """
    # before the plan, which adds ops that write the variables
    structure = analyze(model)
    plan = None if examples is None else make_plan(model, examples, weight_keys)
    signature = model.signature
    return ModelAccount(
        path=signature.path,
        era=signature.era.value,
        version=signature.version,
        tags=signature.tags,
        inputs=_forms(signature.inputs),
        features=_forms(signature.features),
        labels=_forms(signature.labels),
        predictions=_forms(signature.predictions),
        one_row_an_example=model.input_refs is None,
        metrics=_metrics(structure, plan),
        settled=plan is not None,
        bytes_per_row=None if plan is None else plan.bytes_per_row,
        columns=None if plan is None else plan.layout.dense + plan.summed_width,
        bins=None if plan is None else tuple(bins * k for bins, k in plan.layout.shapes),
    )


def _forms(tensors: Mapping[str, meta_graph_pb2.TensorInfo]) -> dict[str, TensorForm]:
    return {name: tensor_form(info) for name, info in sorted(tensors.items())}


def _metrics(structure: Structure, plan: Plan | None) -> tuple[MetricAccount, ...]:
    planned = {} if plan is None else {metric.name: metric for metric in plan.metrics}
    accounts = []
    for name in sorted(structure.reads):
        metric = planned.get(name) or _provisional(structure, name)
        path = metric.path.value if isinstance(metric, MetricPlan) else REFERENCE
        reason = metric.reason if isinstance(metric, MetricPlan) else metric
        variables = tuple(_variable(structure, v) for v in sorted(structure.reads[name]))
        accounts.append(MetricAccount(name, path, reason, variables))
    return tuple(accounts)


def _provisional(structure: Structure, metric: str) -> MetricPlan | str:
    """The metric's path, as far as the graph tells; only a reason for the reference path."""
    if metric in structure.unavailable:
        return MetricPlan(metric, Path.UNAVAILABLE, structure.unavailable[metric])
    return structure.refusal(metric) or structure.cut_plan(metric)


def _variable(structure: Structure, name: str) -> VariableAccount:
    cut = structure.cuts.get(name)
    graph = structure.variables[name].op.graph
    sums = sorted(cut.leaves) if cut else ()
    return VariableAccount(
        name=name,
        shape=tuple(structure.variables[name].initial.shape),
        sums=tuple(f"{s} ({graph.get_operation_by_name(s.partition(':')[0]).type})" for s in sums),
        refused=structure.refused.get(name, ""),
    )
