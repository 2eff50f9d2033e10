"""Builds the lower half of a metric graph from the graph of the model.

The reductions over rows become inputs, and each read of a metric variable its initial value plus
what was added. Arithmetic is in float64 whatever the model's own dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import graph_pb2, node_def_pb2, types_pb2

from microtome.model.cut import GraphCutter, NotCuttable
from microtome.model.leaves import Leaf
from microtome.model.loading import LoadedModel
from microtome.model.lower import LowerHalf
from microtome.model.structure import Structure
from microtome.model.variables import MetricVariable, ancestors

_ROWS = "rows"
_NARROW_FLOATS = {types_pb2.DT_FLOAT, types_pb2.DT_HALF, types_pb2.DT_BFLOAT16}
_CONTROL_FLOW = {
    "Switch",
    "Merge",
    "Enter",
    "Exit",
    "NextIteration",
    "LoopCond",
    "RefSwitch",
    "RefMerge",
}
# ops that choose among values: how the model's dtype rounds on the way to these decides which of
# two equal ones it is
_CHOICES = {"ArgMax", "ArgMin"}
# ops that jump where values are equal: they see values as the model's dtype has them, where 3 / 5
# equals the threshold 0.6, which it does not after the threshold was widened
_JUMPS = {"Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual"} | _CHOICES
# ops whose result's shape depends on values
_UNVECTORIZED = {"Where", "Unique", "UniqueV2", "UniqueWithCounts", "DynamicPartition"}
# (name of a placeholder, shape, first column, end column)
_Input = tuple[str, tuple[int, ...], int, int]


def build_lower_half(
    model: LoadedModel,
    structure: Structure,
    cut: Sequence[str],
    summed: Sequence[str],
    leaves: Mapping[str, Leaf],
    columns: Mapping[str, int],
) -> tuple[LowerHalf, dict[str, str]]:
    """Builds the lower half of some metrics.

    Args:
        cut: metrics whose variables are all computed from leaves.
        summed: metrics whose variables' added amounts are among the sums themselves.
        leaves: by the name of the tensor that each replaces.
        columns: first column of each leaf, by output, and of each summed variable, as `sum of
            <name>`.

    Returns:
        The lower half, and why a metric is not in it, by metric.
    """
    lower = tf.Graph()
    inputs: list[_Input] = []
    outputs: dict[str, str] = {}
    failures: dict[str, str] = {}
    with lower.as_default():
        of_cut = _variables_from_leaves(model, structure, cut, leaves, columns, inputs)
        of_summed = _variables_from_sums(structure, summed, columns, inputs)
        for names, variables in ((cut, of_cut), (summed, of_summed)):
            replacement = _variable_replacement(structure.cutter, variables)
            below = _SubgraphCopy(model, structure.cutter, replacement)
            copied, refused = below.copy({name: model.metrics[name][0].name for name in names})
            failures.update(refused)
            outputs.update({name: tf.identity(tensor).name for name, tensor in copied.items()})
    looped = frozenset(name for name, tensor in outputs.items() if _needs_loop(lower, tensor))
    graph_def = lower.as_graph_def().SerializeToString()
    return LowerHalf(graph_def, tuple(inputs), tuple(outputs.items()), looped), failures


def _needs_loop(graph: tf.Graph, tensor: str) -> bool:
    return any(op.type in _UNVECTORIZED for op in ancestors([graph.get_tensor_by_name(tensor)]))


def _variables_from_leaves(
    model: LoadedModel,
    structure: Structure,
    metrics: Sequence[str],
    leaves: Mapping[str, Leaf],
    columns: Mapping[str, int],
    inputs: list[_Input],
) -> dict[str, tf.Tensor]:
    """The value of each variable that the metrics read, computed from leaves."""
    rows = _placeholder(inputs, _ROWS, (), 0)
    sums: dict[tuple[int, int], tf.Tensor] = {}
    rebuilt = {}
    for name, leaf in leaves.items():
        place = columns[name], leaf.width
        if place not in sums:
            sums[place] = _placeholder(inputs, f"leaf{len(sums)}", (leaf.width,), columns[name])
        rebuilt[name] = leaf.rebuild(sums[place], rows)
    above = _SubgraphCopy(model, structure.cutter, lambda tensor: _of_leaf(tensor, rebuilt))
    read = _read_by(structure, metrics)
    deltas = {name for variable in read for name, _ in structure.cuts[variable.name].deltas}
    copied, _ = above.copy({name: name for name in sorted(deltas - set(rebuilt))})
    added = {**rebuilt, **copied}
    return {
        variable.name: _updated(
            variable,
            [
                tf.cast(added[name], tf.float64) * sign
                for name, sign in structure.cuts[variable.name].deltas
            ],
        )
        for variable in read
    }


def _of_leaf(tensor: tf.Tensor, rebuilt: Mapping[str, tf.Tensor]) -> tf.Tensor | None:
    """A leaf's value; where it counts in integers only to be cast, without their upper limit."""
    op = tensor.op
    if op.type == "Cast" and tensor.dtype.is_floating and not op.inputs[0].dtype.is_floating:
        return rebuilt.get(op.inputs[0].name)
    return rebuilt.get(tensor.name)


def _variables_from_sums(
    structure: Structure, metrics: Sequence[str], columns: Mapping[str, int], inputs: list[_Input]
) -> dict[str, tf.Tensor]:
    """The value of each variable that the metrics read, where what was added is given."""
    return {
        variable.name: _updated(
            variable,
            [
                _placeholder(
                    inputs, f"sum{i}", variable.initial.shape, columns[f"sum of {variable.name}"]
                )
            ],
        )
        for i, variable in enumerate(_read_by(structure, metrics))
    }


def _read_by(structure: Structure, metrics: Sequence[str]) -> list[MetricVariable]:
    names = {name for metric in metrics for name in structure.reads[metric]}
    return [variable for name, variable in structure.variables.items() if name in names]


def _placeholder(inputs: list[_Input], name: str, shape: Sequence[int], column: int) -> tf.Tensor:
    shape = tuple(int(size) for size in shape)
    inputs.append((name, shape, column, column + int(np.prod(shape))))
    return tf.compat.v1.placeholder(tf.float64, shape, name=name)


def _updated(variable: MetricVariable, amounts: Sequence[tf.Tensor]) -> tf.Tensor:
    """The variable's value after the amounts were added, float64 unless it counts in integers."""
    total = tf.constant(variable.initial.astype(np.float64))
    for amount in amounts:
        total += tf.reshape(tf.cast(amount, tf.float64), variable.initial.shape)
    return total if variable.dtype.is_floating else tf.cast(tf.round(total), variable.dtype)


def _variable_replacement(
    cutter: GraphCutter, variables: Mapping[str, tf.Tensor]
) -> Callable[[tf.Tensor], tf.Tensor | None]:
    def replacement(tensor: tf.Tensor) -> tf.Tensor | None:
        variable = cutter.variable_read(tensor)
        if variable is not None:
            return variables[variable.name]
        if cutter.depends_on_rows(tensor):
            raise NotCuttable(
                f"its value depends on the examples directly (through {tensor.op.type} "
                f"{tensor.op.name!r})"
            )
        if _is_control_flow(tensor.op) or tensor.dtype == tf.resource:
            raise NotCuttable(
                f"its value is computed with control flow ({tensor.op.type} {tensor.op.name!r})"
            )
        return None

    return replacement


def _is_control_flow(op: tf.Operation) -> bool:
    # what calls a function has no vectorized form, and the function's body stays in float32
    calls = any(attr.HasField("func") for attr in op.node_def.attr.values())
    return calls or op.type in _CONTROL_FLOW


class _SubgraphCopy:
    """Copies ops of a graph into the default graph, in float64 and without control inputs.

    Args:
        replacement: gives the tensor of the new graph that stands for one of the old, or None where
            the old is to be copied.
    """

    def __init__(
        self,
        model: LoadedModel,
        cutter: GraphCutter,
        replacement: Callable[[tf.Tensor], tf.Tensor | None],
    ):
        self._graph = model.graph
        self._session = model.session
        self._cutter = cutter
        self._replacement = replacement
        self._versions = model.graph.graph_def_versions

    def copy(self, targets: Mapping[str, str]) -> tuple[dict[str, tf.Tensor], dict[str, str]]:
        """Copies tensors with all that they depend on.

        Args:
            targets: names of tensors, by any key.

        Returns:
            The copies, and why a target cannot be copied, each by key.
        """
        boundary: dict[str, tf.Tensor] = {}
        ops: dict[str, tf.Operation] = {}
        failures: dict[str, str] = {}
        for key, name in targets.items():
            try:
                self._collect(self._graph.get_tensor_by_name(name), boundary, ops)
            except NotCuttable as reason:
                failures[key] = str(reason)
        self._bake(boundary)
        wanted = {key: name for key, name in targets.items() if key not in failures}
        return self._import(wanted, boundary, list(ops.values())), failures

    def _collect(
        self, target: tf.Tensor, boundary: dict[str, tf.Tensor | None], ops: dict[str, tf.Operation]
    ) -> None:
        """Adds the boundary (None stands for a constant) and the ops between it and the target."""
        found: dict[str, tf.Tensor | None] = {}
        between: dict[str, tf.Operation] = {}
        pending = [target]
        while pending:
            tensor = pending.pop()
            if tensor.name in boundary or tensor.name in found:
                continue
            if not self._cutter.varies(tensor):
                found[tensor.name] = None
                continue
            given = self._replacement(tensor)
            if given is not None:
                found[tensor.name] = tf.cast(given, _wide(tensor.dtype))
            elif tensor.op.name not in ops and tensor.op.name not in between:
                between[tensor.op.name] = tensor.op
                pending.extend(tensor.op.inputs)
        boundary.update(found)
        ops.update(between)

    def _bake(self, boundary: dict[str, tf.Tensor | None]) -> None:
        """Evaluates the constants, the model's trained variables among them."""
        names = [name for name, given in boundary.items() if given is None]
        values = self._session.run([self._graph.get_tensor_by_name(name) for name in names])
        boundary.update({name: _constant(value) for name, value in zip(names, values, strict=True)})

    def _import(
        self,
        wanted: Mapping[str, str],
        boundary: Mapping[str, tf.Tensor],
        ops: Sequence[tf.Operation],
    ) -> dict[str, tf.Tensor]:
        stubs = {old: f"stub{i}" for i, old in enumerate(boundary)}
        graph_def = graph_pb2.GraphDef(versions=self._versions)
        for old, stub in stubs.items():
            node = graph_def.node.add(name=stub, op="Placeholder")
            node.attr["dtype"].type = boundary[old].dtype.as_datatype_enum
        for op in ops:
            graph_def.node.extend(_copied_nodes(op, stubs))
        graph_def.node.extend(_unwidened_nodes(ops, stubs))
        input_map = {f"{stub}:0": boundary[old] for old, stub in stubs.items()}
        inner = list(dict.fromkeys(name for name in wanted.values() if name not in boundary))
        copies = dict(boundary)
        if inner:
            imported = tf.import_graph_def(graph_def, input_map, return_elements=inner, name="")
            copies.update(zip(inner, imported, strict=True))
        return {key: copies[name] for key, name in wanted.items()}


def _constant(value: np.ndarray) -> tf.Tensor:
    value = np.asarray(value)
    return tf.constant(value.astype(np.float64) if _is_narrow(tf.as_dtype(value.dtype)) else value)


def _copied_nodes(op: tf.Operation, stubs: Mapping[str, str]) -> list[Any]:
    node = _node_of(op, op.name)
    if op.type in _CHOICES:
        node.input.extend(_unwidened(tensor, stubs) for tensor in op.inputs)
        return [node]
    node.input.extend(stubs.get(tensor.name, tensor.name) for tensor in op.inputs)
    if _sees_narrow(op):
        return [*_narrowed_inputs(node, op), node]
    for attr in node.attr.values():
        if attr.HasField("type"):
            attr.type = _widen(attr.type)
        elif attr.HasField("list") and attr.list.type:
            widened = [_widen(kind) for kind in attr.list.type]
            del attr.list.type[:]
            attr.list.type.extend(widened)
    return [node]


def _unwidened_nodes(ops: Sequence[tf.Operation], stubs: Mapping[str, str]) -> Iterator[Any]:
    """What choices are made among, computed in the model's own dtypes."""
    pending = [tensor for op in ops if op.type in _CHOICES for tensor in op.inputs]
    done: set[str] = set()
    while pending:
        tensor = pending.pop()
        name = _unwidened(tensor, stubs).partition(":")[0]
        if name in done or name in (tensor.op.name, stubs.get(tensor.name)):
            continue
        done.add(name)
        if tensor.name in stubs:
            yield _cast_to_narrow(name, stubs[tensor.name], tensor.dtype)
        else:
            node = _node_of(tensor.op, name)
            node.input.extend(_unwidened(operand, stubs) for operand in tensor.op.inputs)
            yield node
            pending.extend(tensor.op.inputs)


def _unwidened(tensor: tf.Tensor, stubs: Mapping[str, str]) -> str:
    """The name that a tensor has among the nodes in the model's own dtypes."""
    stub = stubs.get(tensor.name)
    if stub is not None:
        return f"{stub}/unwidened" if _is_narrow(tensor.dtype) else stub
    if _sees_narrow(tensor.op):
        return tensor.name
    return f"{tensor.op.name}/unwidened:{tensor.value_index}"


def _node_of(op: tf.Operation, name: str) -> Any:
    """A copy of an op's node, without inputs."""
    node = node_def_pb2.NodeDef()
    node.CopyFrom(op.node_def)
    node.name = name
    del node.input[:]
    node.ClearField("device")
    node.attr.pop("_class", None)
    return node


def _sees_narrow(op: tf.Operation) -> bool:
    return op.type in _JUMPS or _truncates(op)


def _truncates(op: tf.Operation) -> bool:
    return op.type == "Cast" and not op.outputs[0].dtype.is_floating


def _narrowed_inputs(node: Any, op: tf.Operation) -> Iterator[Any]:
    """Makes the node take its inputs as the model's dtypes have them, through the nodes given."""
    for i, tensor in enumerate(op.inputs):
        if _is_narrow(tensor.dtype):
            cast = _cast_to_narrow(f"{op.name}/narrow{i}", node.input[i], tensor.dtype)
            node.input[i] = cast.name
            yield cast


def _cast_to_narrow(name: str, source: str, dtype: tf.DType) -> Any:
    cast = node_def_pb2.NodeDef(name=name, op="Cast")
    cast.input.append(source)
    cast.attr["SrcT"].type = types_pb2.DT_DOUBLE
    cast.attr["DstT"].type = dtype.base_dtype.as_datatype_enum
    return cast


def _is_narrow(dtype: tf.DType) -> bool:
    return dtype.base_dtype.as_datatype_enum in _NARROW_FLOATS


def _wide(dtype: tf.DType) -> tf.DType:
    return tf.as_dtype(_widen(dtype.base_dtype.as_datatype_enum))


def _widen(kind: int) -> int:
    return types_pb2.DT_DOUBLE if kind in _NARROW_FLOATS else kind
