"""Metric variables: which variables the update ops write, how, and reading and assigning them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

_DENSE_ADDS = {"AssignAdd": 1, "AssignAddVariableOp": 1, "AssignSub": -1, "AssignSubVariableOp": -1}
_SCATTER_ADDS = {
    "ScatterAdd": 1,
    "ResourceScatterAdd": 1,
    "ScatterSub": -1,
    "ResourceScatterSub": -1,
}
_RESOURCE_READS = {"ReadVariableOp", "VarIsInitializedOp", "VariableShape", "Identity", "NoOp"}
_REF_WRITES = {
    "Assign",
    "CountUpTo",
    "RefSwitch",
    "RefMerge",
    "RefEnter",
    "RefSelect",
    "AccumulateNV2",
}
_VARIABLE_OPS = {"VariableV2", "Variable", "TemporaryVariable", "VarHandleOp"}


@dataclasses.dataclass(frozen=True)
class Write:
    """One op that changes a variable, or may.

    Attributes:
        sign: of what is added; 0 where the op is not known to be an addition.
    """

    op: tf.Operation
    sign: int

    @property
    def is_call(self) -> bool:
        """Whether the op calls a function, which may do anything with the variable."""
        return any(attr.HasField("func") for attr in self.op.node_def.attr.values())

    @property
    def is_scatter(self) -> bool:
        return self.op.type in _SCATTER_ADDS


@dataclasses.dataclass
class MetricVariable:
    """A variable that update ops write.

    Attributes:
        op: the variable's own op (`VariableV2` or `VarHandleOp`).
        writes: every op among the update ops' ancestors that writes it.
        initial: its value before any update, of the variable's shape and dtype.
    """

    op: tf.Operation
    writes: list[Write]
    initial: np.ndarray

    @property
    def name(self) -> str:
        return self.op.name

    @property
    def dtype(self) -> tf.DType:
        return variable_dtype(self.op)

    @property
    def may_be_summed(self) -> bool:
        """False where a write is seen not to be an addition."""
        return all(write.sign or write.is_call for write in self.writes)


def is_variable(op: tf.Operation) -> bool:
    """Whether the op is a variable's own."""
    return op.type in _VARIABLE_OPS


def variable_dtype(op: tf.Operation) -> tf.DType:
    """The dtype of the variable's values."""
    return tf.as_dtype(op.get_attr("dtype")).base_dtype


def read_variable(op: tf.Operation) -> tf.Tensor:
    """A tensor that reads the variable's present value: one of the graph's, if there is one."""
    # a session takes a tenth of a second to get ready for a graph that has grown
    for reader in op.outputs[0].consumers():
        if _reads_alone(reader) and reader.outputs[0].dtype == variable_dtype(op):
            return reader.outputs[0]
    if op.type == "VarHandleOp":
        return tf.raw_ops.ReadVariableOp(resource=op.outputs[0], dtype=variable_dtype(op))
    return tf.identity(op.outputs[0])


def _reads_alone(op: tf.Operation) -> bool:
    return op.type in ("ReadVariableOp", "Identity") and not op.control_inputs


def assign_variable(op: tf.Operation, value: tf.Tensor) -> tf.Operation:
    """An op that sets the variable to `value`."""
    if op.type == "VarHandleOp":
        return tf.raw_ops.AssignVariableOp(resource=op.outputs[0], value=value)
    return tf.raw_ops.Assign(ref=op.outputs[0], value=value, validate_shape=False).op


def ancestors(tensors: Iterable[tf.Tensor]) -> set[tf.Operation]:
    """All ops that the tensors depend on, also through control inputs; their own included."""
    pending = [tensor.op for tensor in tensors]
    found: set[tf.Operation] = set()
    while pending:
        op = pending.pop()
        if op in found:
            continue
        found.add(op)
        pending.extend(tensor.op for tensor in op.inputs)
        pending.extend(op.control_inputs)
    return found


def find_metric_variables(
    updates: Iterable[tf.Tensor],
    session: tf.compat.v1.Session,
    initial_values: dict[str, np.ndarray],
) -> list[MetricVariable]:
    """The variables that the update ops write, in order of name.

    Args:
        initial_values: values by variable, from before any update; what is missing is added.
    """
    writes: dict[tf.Operation, list[Write]] = {}
    for op in sorted(ancestors(updates), key=lambda op: op.name):
        for index, tensor in enumerate(op.inputs):
            variable = _variable_behind(tensor)
            if variable is None:
                continue
            sign = _write_sign(op, index, tensor)
            if sign is not None:
                writes.setdefault(variable, []).append(Write(op, sign))
    variables = sorted(writes, key=lambda op: op.name)
    unread = [op for op in variables if op.name not in initial_values]
    values = session.run([read_variable(op) for op in unread])
    initial_values.update(zip((op.name for op in unread), map(np.asarray, values), strict=True))
    return [MetricVariable(op, writes[op], initial_values[op.name]) for op in variables]


def _variable_behind(tensor: tf.Tensor) -> tf.Operation | None:
    """The variable whose handle or reference `tensor` is."""
    if tensor.dtype != tf.resource and not tensor.dtype._is_ref_dtype:
        return None
    while tensor.op.type == "Identity" and tensor.op.inputs:
        tensor = tensor.op.inputs[0]
    return tensor.op if is_variable(tensor.op) else None


def _write_sign(op: tf.Operation, index: int, tensor: tf.Tensor) -> int | None:
    """+1 or -1 for an addition, 0 for any other write, None where the op only reads."""
    if index == 0:
        sign = _DENSE_ADDS.get(op.type) or _SCATTER_ADDS.get(op.type)
        if sign is not None:
            return sign
    if tensor.dtype == tf.resource:
        return None if op.type in _RESOURCE_READS or op.type == "ResourceGather" else 0
    writes_refs = op.type in _REF_WRITES or op.type.startswith(("Scatter", "Apply", "SparseApply"))
    return 0 if writes_refs and index == 0 else None
