"""Turns candidate reductions into leaves, by looking at the shapes that batches of two sizes give.

Which dimension of a tensor holds the rows is mostly not written in the graph. A dimension that
grows in proportion to the batch holds rows; one that does not, does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from microtome.model.cut import contracted_axes
from microtome.model.leaves import (
    Leaf,
    OuterSum,
    RowCount,
    RowLayout,
    RowSum,
    SegmentSum,
    ThresholdCounts,
)
from microtome.model.thresholds import MIN_THRESHOLDS, ThresholdTile, match_threshold_tile

_MAX_OUTER_PRODUCT = 4096
# values of a candidate's probes, and the rows of the small and the large batch
Values = Mapping[str, Any]
Rows = tuple[int, int]
# widest row that is fetched as it is
_MAX_ROW_WIDTH = 65536


class NotALeaf(Exception):
    """The tensor does not reduce rows, though its type could; the walk may go on above it."""


class Unusable(Exception):
    """The tensor reduces rows in a way that cannot be taken apart."""


class Candidate:
    """A tensor that may reduce rows.

    Args:
        output: the tensor's name, or that of `cut.scatter_name`.
        op: the op that makes it.

    Attributes:
        probes: tensors to evaluate on batches of several sizes before `leaf` can tell.
    """

    def __init__(self, output: str, op: tf.Operation):
        self.output = output
        self.op = op
        make_probes, self._make_leaf = _FORMS.get(op.type, (_scatter_probes, _scatter_leaf))
        self.tile: ThresholdTile | None = None
        self.probes: dict[str, tf.Tensor] = make_probes(self)

    def leaf(self, small: Values, large: Values, rows: Rows) -> Leaf:
        """The leaf, from the probes' values on a small and a large batch of so many rows.

        Raises:
            NotALeaf, Unusable: the tensor is no leaf.
        """
        return self._make_leaf(self, small, large, rows)


def row_dimension(small: np.ndarray, large: np.ndarray, rows: Rows) -> dict[int, int]:
    """Finds the dimensions of rows in two shapes of a tensor: {axis: elements a row}.

    Raises:
        Unusable: a dimension changes with the batch, but not in proportion to its rows.
    """
    if len(small) != len(large):
        raise Unusable("its rank changes from batch to batch")
    found = {}
    for axis, (a, b) in enumerate(zip(small.tolist(), large.tolist(), strict=True)):
        if a == b:
            continue
        if a % rows[0] or b % rows[1] or a // rows[0] != b // rows[1]:
            raise Unusable(f"its dimension {axis} is {a} for {rows[0]} rows and {b} for {rows[1]}")
        found[axis] = a // rows[0]
    return found


def _reduction_probes(candidate: Candidate) -> dict[str, tf.Tensor]:
    source, axes = candidate.op.inputs
    probes = {"shape": tf.shape(source), "axes": tf.reshape(axes, [-1])}
    if candidate.op.type == "Sum":
        candidate.tile = match_threshold_tile(source)
    if candidate.tile is not None:
        graph = candidate.op.graph
        probes["thresholds"] = tf.reshape(graph.get_tensor_by_name(candidate.tile.thresholds), [-1])
    return probes


def _reduction_leaf(candidate: Candidate, small: Values, large: Values, rows: Rows) -> Leaf:
    shape = large["shape"]
    rank = len(shape)
    axes = tuple(sorted({int(axis) % rank for axis in large["axes"]})) if rank else ()
    row_axes = row_dimension(small["shape"], shape, rows)
    reduced = [axis for axis in row_axes if axis in axes]
    if not reduced:
        raise NotALeaf
    if len(row_axes) > 1:
        raise Unusable("it has several dimensions of rows")
    row_axis = reduced[0]
    layout = RowLayout(row_axes[row_axis])
    keep_dims = candidate.op.get_attr("keep_dims")
    kept = tuple(int(size) for axis, size in enumerate(shape) if axis not in axes)
    output = (
        tuple(1 if axis in axes else int(size) for axis, size in enumerate(shape))
        if keep_dims
        else kept
    )
    if candidate.tile is not None and shape[0] >= MIN_THRESHOLDS and axes == (1,):
        return _threshold_leaf(candidate, candidate.tile, large["thresholds"], layout, output)
    if int(np.prod(kept)) > _MAX_ROW_WIDTH:
        raise Unusable(f"each row contributes {int(np.prod(kept))} numbers")
    mean_over = 0
    if candidate.op.type == "Mean":
        others = [int(shape[axis]) for axis in axes if axis != row_axis]
        mean_over = int(np.prod(others)) * layout.per_row
    return RowSum(
        candidate.output,
        candidate.op.inputs[0].name,
        axes,
        row_axis,
        layout,
        kept,
        output,
        mean_over,
    )


def _threshold_leaf(
    candidate: Candidate,
    tile: ThresholdTile,
    thresholds: np.ndarray,
    layout: RowLayout,
    output: tuple[int, ...],
) -> Leaf:
    order = np.argsort(thresholds, kind="stable")
    return ThresholdCounts(
        output=candidate.output,
        factor=tile.factor,
        score=tile.score,
        thresholds=tuple(thresholds[order].tolist()),
        order=tuple(order.tolist()),
        inclusive=tile.inclusive,
        above=tile.above,
        nan_last=tile.above == tile.holds_for_nan,
        layout=layout,
        output_shape=output,
    )


def _segment_probes(candidate: Candidate) -> dict[str, tf.Tensor]:
    values, ids, segments = candidate.op.inputs
    return {"ids": tf.shape(ids), "values": tf.shape(values), "segments": segments}


def _segment_leaf(candidate: Candidate, small: Values, large: Values, rows: Rows) -> Leaf:
    segments = int(large["segments"])
    if segments != int(small["segments"]):
        raise Unusable("its number of segments changes from batch to batch")
    values, ids, _ = candidate.op.inputs
    inner = large["values"][len(large["ids"]) :]
    return SegmentSum(
        output=candidate.output,
        values=values.name,
        ids=ids.name,
        layout=_element_layout(small["ids"], large["ids"], rows),
        sizes=(segments,),
        inner=int(np.prod(inner)),
        output_shape=(segments, *(int(size) for size in inner)),
        drops_negative=True,
    )


def _scatter_nd_probes(candidate: Candidate) -> dict[str, tf.Tensor]:
    indices, updates, shape = candidate.op.inputs
    return {"ids": tf.shape(indices), "values": tf.shape(updates), "shape": shape}


def _scatter_nd_leaf(candidate: Candidate, small: Values, large: Values, rows: Rows) -> Leaf:
    shape = large["shape"]
    if not np.array_equal(shape, small["shape"]):
        raise NotALeaf
    depth = int(large["ids"][-1])
    layout = _element_layout(small["ids"][:-1], large["ids"][:-1], rows)
    outer, inner = shape[:depth], shape[depth:]
    indices, updates, _ = candidate.op.inputs
    return SegmentSum(
        output=candidate.output,
        values=updates.name,
        ids=indices.name,
        layout=layout,
        sizes=tuple(int(size) for size in outer),
        inner=int(np.prod(inner)),
        output_shape=tuple(int(size) for size in shape),
    )


def _scatter_probes(candidate: Candidate) -> dict[str, tf.Tensor]:
    variable, indices, updates = candidate.op.inputs
    if variable.dtype == tf.resource:
        shape = tf.raw_ops.VariableShape(input=variable)
    else:
        shape = tf.shape(variable)
    return {"ids": tf.shape(indices), "values": tf.shape(updates), "shape": shape}


def _scatter_leaf(candidate: Candidate, small: Values, large: Values, rows: Rows) -> Leaf:
    _, indices, updates = candidate.op.inputs
    shape = tuple(int(size) for size in large["shape"])
    if len(large["values"]) < len(large["ids"]):
        raise Unusable("it adds one number to several places")
    return SegmentSum(
        output=candidate.output,
        values=updates.name,
        ids=indices.name,
        layout=_element_layout(small["ids"], large["ids"], rows),
        sizes=shape[:1],
        inner=int(np.prod(shape[1:])),
        output_shape=shape,
    )


def _element_layout(small: np.ndarray, large: np.ndarray, rows: Rows) -> RowLayout:
    """The layout of the elements of a tensor of indices, flattened."""
    axes = row_dimension(small, large, rows)
    if not axes:
        raise NotALeaf
    if len(axes) > 1 or not {0, len(large) - 1} & set(axes):
        raise Unusable(f"its indices hold the rows in dimension {max(axes)} of {len(large)}")
    return RowLayout(int(np.prod(large)) // rows[1], interleaved=0 in axes)


def _count_probes(candidate: Candidate) -> dict[str, tf.Tensor]:
    return {"value": candidate.op.outputs[0]}


def _count_leaf(candidate: Candidate, small: Values, large: Values, rows: Rows) -> Leaf:
    values = np.asarray(large["value"])
    first, second = np.atleast_1d(small["value"]), np.atleast_1d(large["value"])
    axes = row_dimension(first, second, rows)
    return RowCount(
        output=candidate.output,
        fixed=tuple(0 if axis in axes else int(size) for axis, size in enumerate(second)),
        per_row=tuple(axes.get(axis, 0) for axis in range(len(second))),
        output_shape=values.shape,
    )


def _matmul_probes(candidate: Candidate) -> dict[str, tf.Tensor]:
    left, right = candidate.op.inputs
    return {"left": tf.shape(left), "right": tf.shape(right)}


def _matmul_leaf(candidate: Candidate, small: Values, large: Values, rows: Rows) -> Leaf:
    axes = contracted_axes(candidate.op)
    sides = [row_dimension(small[side], large[side], rows) for side in ("left", "right")]
    if axes[0] not in sides[0] or axes[1] not in sides[1]:
        raise NotALeaf
    if any(len(side) > 1 for side in sides) or sides[0][axes[0]] != 1:
        raise Unusable("both its dimensions hold rows")
    shape = int(large["left"][1 - axes[0]]), int(large["right"][1 - axes[1]])
    if shape[0] * shape[1] > _MAX_OUTER_PRODUCT:
        raise Unusable(f"each row contributes {shape[0] * shape[1]} products")
    left, right = candidate.op.inputs
    return OuterSum(candidate.output, left.name, right.name, axes, shape)


_Form = tuple[Callable[[Candidate], dict[str, tf.Tensor]], Callable[..., Leaf]]
_FORMS: dict[str, _Form] = {
    "Sum": (_reduction_probes, _reduction_leaf),
    "Mean": (_reduction_probes, _reduction_leaf),
    "UnsortedSegmentSum": (_segment_probes, _segment_leaf),
    "ScatterNd": (_scatter_nd_probes, _scatter_nd_leaf),
    "Size": (_count_probes, _count_leaf),
    "Shape": (_count_probes, _count_leaf),
    "MatMul": (_matmul_probes, _matmul_leaf),
}
