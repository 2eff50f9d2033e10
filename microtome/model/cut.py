"""Finds where a metric graph can be cut: its reductions over rows."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable

import tensorflow as tf

from microtome.model.variables import MetricVariable, is_variable

# Ops that may stand between the reductions over rows and the variables. All are pure and, given the
# sums over all rows of a slice, yield what one batch of these rows would.
_LINEAR_OPS = frozenset(
    """
    Identity IdentityN StopGradient Snapshot Reshape Transpose ExpandDims Squeeze Neg AddN
    Sum Cumsum StridedSlice Slice Pack Unpack Split ConcatV2 GatherV2 BroadcastTo Tile PadV2
    Pad ReverseV2 MatrixDiagPartV3 DiagPart EnsureShape
    """.split()
)
_SUM_OPS = {"Add", "AddV2", "Sub"}
_SCALING_OPS = {"Mul", "MatMul", "BatchMatMulV2"}
_DIVISION_OPS = {"RealDiv", "Div", "DivNoNan"}
_OTHER_OPS = frozenset(
    """
    Mean Prod Maximum Minimum Sqrt Rsqrt Square SquaredDifference Pow Exp Log Log1p Abs
    Select SelectV2 Greater GreaterEqual Less LessEqual Equal NotEqual LogicalAnd LogicalOr
    LogicalNot ZerosLike OnesLike Fill Rank FloorDiv Floor Sign Reciprocal
    """.split()
)
_LEAF_OPS = {"Sum", "Mean", "UnsortedSegmentSum", "ScatterNd", "Size", "Shape", "MatMul"}


class Dependence(enum.IntEnum):
    """How a tensor of the lower half depends on the sums over rows."""

    CONSTANT = 0
    LINEAR = 1
    NONLINEAR = 2


@dataclasses.dataclass
class VariableCut:
    """How a metric variable is computed from sums over rows.

    Attributes:
        deltas: names of the tensors that its writes add, with the sign.
        leaves: names of the tensors that must be replaced by leaves.
        additive: what is added over two batches is the sum of what each adds, so that batches do
            not matter. Otherwise the value is that of all rows in one batch.
    """

    variable: MetricVariable
    deltas: list[tuple[str, int]]
    leaves: frozenset[str]
    additive: bool


class NotCuttable(Exception):
    """Says why a tensor cannot be computed from sums over rows."""


class GraphCutter:
    """Walks back from metric variables to the reductions over rows.

    Args:
        row_tensors: everything that the batch determines: inputs, features, labels.
        variables: the metric variables.
        no_leaves: names of tensors already found not to reduce rows.
    """

    def __init__(
        self,
        row_tensors: Iterable[tf.Tensor],
        variables: Iterable[MetricVariable],
        no_leaves: frozenset[str] = frozenset(),
    ):
        self._variables = {variable.op: variable for variable in variables}
        self._of_rows = _consumers_of(tensor.op for tensor in row_tensors)
        self._of_variables = _consumers_of(self._variables)
        self._no_leaves = no_leaves
        self._known: dict[str, Dependence] = {}
        self._leaves_of: dict[str, frozenset[str]] = {}

    def varies(self, tensor: tf.Tensor) -> bool:
        """Whether the tensor depends on the batch or on a metric variable."""
        return (
            tensor.op in self._of_rows or tensor.op in self._of_variables or _is_impure(tensor.op)
        )

    def depends_on_rows(self, tensor: tf.Tensor) -> bool:
        return tensor.op in self._of_rows

    def reads_variables(self, variable: MetricVariable) -> bool:
        """Whether what is written to the variable is seen to depend on metric variables."""
        seen = (write for write in variable.writes if not write.is_call)
        operands = (tensor for write in seen for tensor in write.op.inputs[1:])
        return any(tensor.op in self._of_variables for tensor in operands)

    def variable_read(self, tensor: tf.Tensor) -> MetricVariable | None:
        """The metric variable that the tensor is a read of."""
        if tensor.op in self._variables and tensor.dtype != tf.resource:
            return self._variables[tensor.op]
        if tensor.op.type == "ReadVariableOp":
            return self._variables.get(tensor.op.inputs[0].op)
        return None

    def is_leaf(self, tensor: tf.Tensor) -> bool:
        return (
            tensor.op in self._of_rows
            and tensor.name not in self._no_leaves
            and tensor.op.type in _LEAF_OPS
            and _may_reduce_rows(tensor.op)
        )

    def cut(self, variable: MetricVariable) -> VariableCut:
        """Finds the leaves of a variable.

        Raises:
            NotCuttable: the variable is not determined by sums over rows.
        """
        deltas, leaves, additive = [], set(), True
        for write in variable.writes:
            if not write.sign:
                raise NotCuttable(
                    f"{write.op.type} writes the variable {variable.name!r}, which is not an "
                    "addition"
                )
            if write.is_scatter:
                delta = scatter_name(write.op)
                leaves.add(delta)
            else:
                delta = write.op.inputs[1].name
                additive &= self._walk(write.op.inputs[1]) is Dependence.LINEAR
                leaves |= self._leaves_of[delta]
            deltas.append((delta, write.sign))
        return VariableCut(variable, deltas, frozenset(leaves), additive)

    def _walk(self, tensor: tf.Tensor) -> Dependence:
        known = self._known.get(tensor.name)
        if known is None:
            known, leaves = self._classify(tensor)
            self._known[tensor.name], self._leaves_of[tensor.name] = known, leaves
        return known

    def _classify(self, tensor: tf.Tensor) -> tuple[Dependence, frozenset[str]]:
        op = tensor.op
        if not self.varies(tensor):
            return Dependence.CONSTANT, frozenset()
        if self.variable_read(tensor) is not None or op in self._of_variables:
            raise NotCuttable(
                f"what is added depends on a metric variable (through {op.type} {op.name!r})"
            )
        if self.is_leaf(tensor):
            # means of batches do not add up to the mean of all their rows
            kind = Dependence.NONLINEAR if op.type == "Mean" else Dependence.LINEAR
            return kind, frozenset([tensor.name])
        if not _is_lower_op(op):
            raise NotCuttable(
                "what is added depends on rows other than through sums over them (through "
                f"{op.type} {op.name!r})"
            )
        inputs = [self._walk(operand) for operand in op.inputs]
        leaves = frozenset().union(*(self._leaves_of[operand.name] for operand in op.inputs))
        return _combine(op, inputs), leaves


def _combine(op: tf.Operation, inputs: list[Dependence]) -> Dependence:
    worst = max(inputs, default=Dependence.CONSTANT)
    if worst is not Dependence.LINEAR:
        return worst
    linear_inputs = [index for index, kind in enumerate(inputs) if kind is Dependence.LINEAR]
    if op.type in _LINEAR_OPS:
        is_sum = op.type == "AddN"
        return Dependence.NONLINEAR if is_sum and len(linear_inputs) < len(inputs) else worst
    if op.type in _SUM_OPS:
        # adding a constant a batch makes the number of batches count
        return worst if len(linear_inputs) == 2 else Dependence.NONLINEAR
    if op.type in _SCALING_OPS:
        return worst if len(linear_inputs) == 1 else Dependence.NONLINEAR
    if op.type in _DIVISION_OPS:
        return worst if linear_inputs == [0] else Dependence.NONLINEAR
    if op.type == "Cast":
        return worst if op.outputs[0].dtype.is_floating else Dependence.NONLINEAR
    if op.type == "Prod" and _is_of_shape(op.inputs[0]):
        return worst
    if op.type in ("ZerosLike", "OnesLike"):
        return Dependence.CONSTANT
    return Dependence.NONLINEAR


def _is_of_shape(tensor: tf.Tensor) -> bool:
    while tensor.op.type in ("Cast", "Identity"):
        tensor = tensor.op.inputs[0]
    return tensor.op.type == "Shape"


def _is_lower_op(op: tf.Operation) -> bool:
    groups = (_LINEAR_OPS, _SUM_OPS, _SCALING_OPS, _DIVISION_OPS, _OTHER_OPS)
    return op.type == "Cast" or any(op.type in group for group in groups)


def scatter_name(op: tf.Operation) -> str:
    """The name that stands for what a `ScatterAdd` adds, which is no tensor of the graph."""
    return f"{op.name}:delta"


def contracted_axes(op: tf.Operation) -> tuple[int, int]:
    """Of a `MatMul`: the axes of its two operands that are summed over."""
    return (0 if op.get_attr("transpose_a") else 1), (1 if op.get_attr("transpose_b") else 0)


def _may_reduce_rows(op: tf.Operation) -> bool:
    """False where the static shape shows that no dimension of unknown size is reduced."""
    if op.type == "MatMul":
        left, right = (tensor.shape for tensor in op.inputs)
        axes = contracted_axes(op)
        return left.rank == right.rank == 2 and left[axes[0]] is None and right[axes[1]] is None
    if op.type not in ("Sum", "Mean"):
        return True
    shape = op.inputs[0].shape
    if shape.rank is None:
        return True
    axes = tf.get_static_value(op.inputs[1])
    if axes is None:
        return any(size is None for size in shape)
    return any(shape[int(axis)] is None for axis in axes.reshape(-1))


def _is_impure(op: tf.Operation) -> bool:
    """Whether the op gives another value at each call (random numbers, Python functions)."""
    if is_variable(op) or op.type in ("ReadVariableOp", "VarIsInitializedOp", "HashTableV2"):
        return False
    return "PyFunc" in op.type or op.type.startswith("Random")


def _consumers_of(ops: Iterable[tf.Operation]) -> set[tf.Operation]:
    """The ops themselves and all that take data from them, directly or not."""
    pending = list(ops)
    found: set[tf.Operation] = set()
    while pending:
        op = pending.pop()
        if op in found:
            continue
        found.add(op)
        for tensor in op.outputs:
            pending.extend(tensor.consumers())
    return found
