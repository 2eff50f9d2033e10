"""What a metric graph alone tells: which variables metrics read, and which can be cut."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from microtome.model.cut import GraphCutter, NotCuttable, VariableCut
from microtome.model.feeding import flat_parts
from microtome.model.loading import LoadedModel
from microtome.model.plan import MetricPlan, Path
from microtome.model.variables import MetricVariable, ancestors, find_metric_variables


@dataclasses.dataclass
class Structure:
    """The metric variables of a graph, and their part in each metric.

    Attributes:
        variables: by name.
        cuts: of the variables that can be cut, by name.
        refused: why a variable cannot be cut, by name.
        reads: names of the variables that each metric's value depends on.
        writes: names of the variables that each metric's update writes.
        unavailable: why a metric has no value apart from a batch, by name.
    """

    cutter: GraphCutter
    variables: dict[str, MetricVariable]
    cuts: dict[str, VariableCut]
    refused: dict[str, str]
    reads: dict[str, set[str]]
    writes: dict[str, set[str]]
    unavailable: dict[str, str]

    def leaf_names(self) -> list[str]:
        return sorted({name for cut in self.cuts.values() for name in cut.leaves})

    def refuse_leaf(self, leaf: str, reason: str) -> None:
        """Gives up the cut of all variables that need a leaf."""
        for name in [name for name, cut in self.cuts.items() if leaf in cut.leaves]:
            del self.cuts[name]
            self.refused[name] = reason

    def refusal(self, metric: str) -> str:
        """Why the metric cannot be cut; empty where it can."""
        reasons = (
            self.refused[name] for name in sorted(self.reads[metric]) if name in self.refused
        )
        return "; ".join(dict.fromkeys(reasons))

    def cut_plan(self, metric: str) -> MetricPlan:
        """The plan of a metric that can be cut."""
        if all(self.cuts[name].additive for name in self.reads[metric]):
            return MetricPlan(metric, Path.CUT)
        return MetricPlan(
            metric,
            Path.ONE_BATCH,
            "it averages over batches, not rows; computed as if all rows of a slice came in one "
            "batch",
        )

    def updated_with(self, metrics: list[str]) -> list[str]:
        """The metrics whose updates must run so that the given ones can be read."""
        needed = {name for metric in metrics for name in self.reads[metric]}
        return [name for name in self.reads if name in metrics or self.writes[name] & needed]

    def written_by(self, metrics: list[str]) -> list[MetricVariable]:
        names = {name for metric in metrics for name in self.writes[metric]}
        return [variable for name, variable in self.variables.items() if name in names]


def analyze(model: LoadedModel, no_leaves: frozenset[str] = frozenset()) -> Structure:
    """Finds how the metrics of a loaded model can be cut, from its graph alone.

    Args:
        no_leaves: tensors that are known not to reduce rows, though their type could.
    """
    with model.graph.as_default():
        variables = find_metric_variables(
            [update for _, update in model.metrics.values()], model.session, model.initial_values
        )
    by_op = {variable.op: variable.name for variable in variables}
    groups = (model.features, model.labels)
    row_tensors = [*model.inputs, *(part for group in groups for part in flat_parts(group))]
    cutter = GraphCutter(row_tensors, variables, no_leaves)
    cuts, refused = {}, {}
    for variable in variables:
        try:
            cuts[variable.name] = cutter.cut(variable)
        except NotCuttable as reason:
            refused[variable.name] = str(reason)
    reads, writes, unavailable = {}, {}, {}
    for name, (value, update) in sorted(model.metrics.items()):
        reads[name] = {by_op[op] for op in _data_ancestors(value, cutter) if op in by_op}
        updating = ancestors([update])
        writes[name] = {
            v.name for v in variables if any(write.op in updating for write in v.writes)
        }
        if _reads_examples(value):
            unavailable[name] = (
                "its value depends on the examples directly, not only through its variables"
            )
    return Structure(
        cutter, {v.name: v for v in variables}, cuts, refused, reads, writes, unavailable
    )


def _data_ancestors(tensor: tf.Tensor, cutter: GraphCutter) -> set[tf.Operation]:
    """All ops that the tensor's value is computed from."""
    pending, found = [tensor.op], set()
    while pending:
        op = pending.pop()
        if op in found:
            continue
        found.add(op)
        if any(cutter.variable_read(output) is not None for output in op.outputs):
            found.update(operand.op for operand in op.inputs)
            continue
        pending.extend(operand.op for operand in op.inputs)
    return found


def _reads_examples(tensor: tf.Tensor) -> bool:
    """Whether the tensor cannot be read without a batch; control inputs count."""
    return any(op.type in ("Placeholder", "IteratorGetNext") for op in ancestors([tensor]))
