"""The forms of reductions over rows, and what each leaves to be summed per slice.

A *leaf* replaces one tensor of the metric graph. Above it, `fetch` adds the ops that give each
row's contribution; below it, `rebuild` makes the replaced tensor from the contributions' sum over
any set of rows. Leaves hold names, not tensors, so that they travel to workers; the workers add the
same ops to their own copy of the graph.
"""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

# An expression over rows: ("tensor", name) | ("not", e) | ("and", e, e) | ("mul", e, e) | ("cast",
# e)
RowExpression = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class RowLayout:
    """How a dimension of a tensor holds the batch's rows.

    Attributes:
        per_row: elements of the dimension that belong to one row.
        interleaved: element j belongs to row j // per_row; otherwise to row j % rows (whole batches
            one after another).
    """

    per_row: int = 1
    interleaved: bool = True

    def to_rows(self, tensor: tf.Tensor) -> tf.Tensor:
        """Turns `[rows * per_row, ...]` into `[rows, per_row, ...]`."""
        rest = tf.shape(tensor)[1:]
        if self.interleaved:
            return tf.reshape(tensor, tf.concat([[-1, self.per_row], rest], 0))
        stacked = tf.reshape(tensor, tf.concat([[self.per_row, -1], rest], 0))
        order = [1, 0, *range(2, tensor.shape.rank + 1)]
        return tf.transpose(stacked, order)


class Leaf(abc.ABC):
    """One reduction over rows.

    Attributes:
        output: name of the tensor of the metric graph that the leaf replaces.
    """

    output: str

    @property
    @abc.abstractmethod
    def width(self) -> int:
        """Number of float64 sums a slice keeps for this leaf."""

    @abc.abstractmethod
    def fetch_key(self, canonical: Callable[[str], str]) -> tuple[Any, ...]:
        """Equal for leaves that fetch the same.

        Args:
            canonical: gives tensors that are always equal one name.
        """

    @abc.abstractmethod
    def rebuild(self, sums: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """The replaced tensor, from the sums, float64 `[width]`, and the number of rows."""


class DenseLeaf(Leaf):
    """A leaf to which each row contributes `width` numbers."""

    @abc.abstractmethod
    def fetch(self, graph: tf.Graph) -> tf.Tensor:
        """float64 `[rows, width]`."""


class ScatteredLeaf(Leaf):
    """A leaf to which each row contributes `per_row` numbers, each in one of `bins` bins."""

    bins: int
    per_row: int

    @abc.abstractmethod
    def fetch(self, graph: tf.Graph) -> tuple[tf.Tensor, tf.Tensor]:
        """Bin index, int64, and value, float64, each `[rows * per_row]`, a row's together."""

    @property
    def width(self) -> int:
        return self.bins


@dataclasses.dataclass(frozen=True)
class RowSum(DenseLeaf):
    """`Sum` or `Mean` over axes that include the rows' axis.

    Attributes:
        source: name of the reduced tensor.
        axes: the reduced axes.
        row_axis: which of them holds the rows.
        kept_shape: shape of what is left, before `output_shape` re-inserts reduced dimensions.
        mean_over: for `Mean`, elements of the reduced axes per row; 0 for `Sum`.
    """

    output: str
    source: str
    axes: tuple[int, ...]
    row_axis: int
    layout: RowLayout
    kept_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    mean_over: int = 0

    @property
    def width(self) -> int:
        width = 1
        for size in self.kept_shape:
            width *= size
        return width

    def fetch(self, graph: tf.Graph) -> tf.Tensor:
        source = graph.get_tensor_by_name(self.source)
        kept = [axis for axis in range(self._rank()) if axis not in self.axes]
        others = [axis for axis in self.axes if axis != self.row_axis]
        order = [self.row_axis, *others, *kept]
        by_row = source if order == sorted(order) else tf.transpose(source, order)
        by_row = tf.cast(by_row, tf.float64)
        if self.layout.per_row > 1:
            by_row = self.layout.to_rows(tf.ensure_shape(by_row, [None] * self._rank()))
            others.append(self.row_axis)
        if others:
            by_row = tf.reduce_sum(by_row, axis=list(range(1, 1 + len(others))))
        return tf.reshape(by_row, [-1, self.width])

    def fetch_key(self, canonical: Callable[[str], str]) -> tuple[Any, ...]:
        return (
            "sum",
            canonical(self.source),
            self.axes,
            self.row_axis,
            self.layout,
            self.kept_shape,
        )

    def rebuild(self, sums: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        value = tf.reshape(sums, self.output_shape)
        return value / (rows * self.mean_over) if self.mean_over else value

    def _rank(self) -> int:
        return len(self.axes) + len(self.kept_shape)


@dataclasses.dataclass(frozen=True)
class OuterSum(DenseLeaf):
    """A `MatMul` that contracts the rows: the sum over rows of outer products.

    Attributes:
        left, right: names of the operands, matrices with one row axis each.
        row_axes: the contracted axis of each.
    """

    output: str
    left: str
    right: str
    row_axes: tuple[int, int]
    output_shape: tuple[int, int]

    @property
    def width(self) -> int:
        return self.output_shape[0] * self.output_shape[1]

    def fetch(self, graph: tf.Graph) -> tf.Tensor:
        left, right = (
            tf.transpose(tensor) if axis == 1 else tensor
            for tensor, axis in zip(
                (graph.get_tensor_by_name(self.left), graph.get_tensor_by_name(self.right)),
                self.row_axes,
                strict=True,
            )
        )
        left, right = tf.cast(left, tf.float64), tf.cast(right, tf.float64)
        return tf.reshape(left[:, :, tf.newaxis] * right[:, tf.newaxis, :], [-1, self.width])

    def fetch_key(self, canonical: Callable[[str], str]) -> tuple[Any, ...]:
        return ("outer", canonical(self.left), canonical(self.right), self.row_axes)

    def rebuild(self, sums: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        return tf.reshape(sums, self.output_shape)


@dataclasses.dataclass(frozen=True)
class RowCount(Leaf):
    """`Size` or `Shape` of a tensor that has a dimension of rows: a constant a row.

    Attributes:
        fixed, per_row: flat; the tensor's elements are `fixed + rows * per_row`.
    """

    output: str
    fixed: tuple[int, ...]
    per_row: tuple[int, ...]
    output_shape: tuple[int, ...]

    @property
    def width(self) -> int:
        return 0

    def fetch_key(self, canonical: Callable[[str], str]) -> tuple[Any, ...]:
        return ("count",)

    def rebuild(self, sums: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        values = tf.constant(self.fixed, tf.float64) + rows * tf.constant(self.per_row, tf.float64)
        return tf.reshape(values, self.output_shape)


@dataclasses.dataclass(frozen=True)
class SegmentSum(ScatteredLeaf):
    """`UnsortedSegmentSum`, or a `ScatterNd` (which a `ScatterAdd` is turned into).

    Attributes:
        values: name of the added numbers, `inner` of them an element.
        ids: name of the indices, one number an element or, for several `sizes`, a vector.
        sizes: of the dimensions that the indices are for.
        drops_negative: what has a negative index is left out; otherwise it is an error.
    """

    output: str
    values: str
    ids: str
    layout: RowLayout
    sizes: tuple[int, ...]
    inner: int
    output_shape: tuple[int, ...]
    drops_negative: bool = False

    @property
    def segments(self) -> int:
        return math.prod(self.sizes)

    @property
    def bins(self) -> int:  # type: ignore[override]
        # one more for what is left out
        return self.segments * self.inner + 1

    @property
    def per_row(self) -> int:  # type: ignore[override]
        return self.layout.per_row * self.inner

    def fetch(self, graph: tf.Graph) -> tuple[tf.Tensor, tf.Tensor]:
        ids = tf.cast(graph.get_tensor_by_name(self.ids), tf.int64)
        ids = self._checked(tf.reshape(ids, [-1, len(self.sizes)]))
        strides = [math.prod(self.sizes[axis + 1 :]) for axis in range(len(self.sizes))]
        ids = tf.reduce_sum(ids * tf.constant(strides, tf.int64), axis=1)
        values = tf.cast(graph.get_tensor_by_name(self.values), tf.float64)
        values = tf.reshape(values, [-1, self.inner])
        index = tf.reshape(ids, [-1, 1]) * self.inner + tf.range(self.inner, dtype=tf.int64)
        index = tf.where(index < 0, tf.constant(self.segments * self.inner, tf.int64), index)
        return _flat_rows(self.layout, index), _flat_rows(self.layout, values)

    def _checked(self, ids: tf.Tensor) -> tf.Tensor:
        """The same, but an error where the graph's own op would give one."""
        is_right = tf.reduce_all(ids < tf.constant(self.sizes, tf.int64))
        if not self.drops_negative:
            is_right = tf.logical_and(is_right, tf.reduce_all(ids >= 0))
        places = " x ".join(map(str, self.sizes))
        message = f"An index of {self.output.partition(':')[0]} is outside its {places} places"
        check = tf.raw_ops.Assert(condition=is_right, data=[message])
        with tf.control_dependencies([check]):
            return tf.identity(ids)

    def fetch_key(self, canonical: Callable[[str], str]) -> tuple[Any, ...]:
        sources = canonical(self.values), canonical(self.ids)
        form = self.layout, self.sizes, self.inner, self.drops_negative
        return ("segment", *sources, *form)

    def rebuild(self, sums: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        return tf.reshape(sums[: self.segments * self.inner], self.output_shape)


@dataclasses.dataclass(frozen=True)
class ThresholdCounts(ScatteredLeaf):
    """`Sum` over rows of `factor * [score > threshold]`: a cumulated histogram of scores.

    The graph holds a tile of thresholds x rows (`tf.metrics.auc` makes one); what is fetched
    instead is one factor and one bin a row.

    Attributes:
        factor: expression for the factor, of one number an element; empty for 1.
        score: name of the compared tensor, one number an element.
        thresholds: in ascending order, in the score's dtype.
        order: position of each ascending threshold among the graph's own.
        inclusive: the comparison holds where score == threshold.
        above: the summed condition is that the comparison holds; otherwise that it does not.
        nan_last: a score that is no number counts as above all thresholds; otherwise as below.
    """

    output: str
    factor: RowExpression
    score: str
    thresholds: tuple[float, ...]
    order: tuple[int, ...]
    inclusive: bool
    above: bool
    nan_last: bool
    layout: RowLayout
    output_shape: tuple[int, ...]

    @property
    def bins(self) -> int:  # type: ignore[override]
        return len(self.thresholds) + 1

    @property
    def per_row(self) -> int:  # type: ignore[override]
        return self.layout.per_row

    def fetch(self, graph: tf.Graph) -> tuple[tf.Tensor, tf.Tensor]:
        score = tf.reshape(graph.get_tensor_by_name(self.score), [-1])
        thresholds = tf.constant(self.thresholds, score.dtype)
        side = "right" if self.inclusive else "left"
        bins = tf.searchsorted(thresholds, score, side=side, out_type=tf.int64)
        if score.dtype.is_floating:
            of_nan = tf.constant(len(self.thresholds) if self.nan_last else 0, tf.int64)
            bins = tf.where(tf.math.is_nan(score), of_nan, bins)
        if self.factor:
            factor = tf.reshape(tf.cast(evaluate(self.factor, graph), tf.float64), [-1])
            factor = tf.broadcast_to(factor, tf.shape(bins))
        else:
            factor = tf.ones(tf.shape(bins), tf.float64)
        return _flat_rows(self.layout, bins), _flat_rows(self.layout, factor)

    def fetch_key(self, canonical: Callable[[str], str]) -> tuple[Any, ...]:
        factor = _renamed(self.factor, canonical) if self.factor else ()
        compared = canonical(self.score), self.thresholds, self.inclusive, self.nan_last
        return ("bins", factor, *compared, self.layout)

    def rebuild(self, sums: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        if self.above:
            ascending = tf.cumsum(sums, reverse=True, exclusive=True)
        else:
            ascending = tf.cumsum(sums)
        positions = sorted(range(len(self.order)), key=self.order.__getitem__)
        return tf.reshape(tf.gather(ascending, positions), self.output_shape)


def evaluate(expression: RowExpression, graph: tf.Graph) -> tf.Tensor:
    """The tensor of a row expression."""
    kind, *parts = expression
    if kind == "tensor":
        return graph.get_tensor_by_name(parts[0])
    operands = [evaluate(part, graph) for part in parts]
    if kind == "not":
        return tf.logical_not(operands[0])
    if kind == "and":
        return tf.logical_and(tf.reshape(operands[0], [-1]), tf.reshape(operands[1], [-1]))
    if kind == "cast":
        return tf.cast(operands[0], tf.float64)
    left, right = (tf.reshape(tf.cast(operand, tf.float64), [-1]) for operand in operands)
    return left * right


def _renamed(expression: RowExpression, canonical: Callable[[str], str]) -> RowExpression:
    kind, *parts = expression
    if kind == "tensor":
        return (kind, canonical(parts[0]))
    return (kind, *(_renamed(part, canonical) for part in parts))


def share_fetches(
    leaves: Mapping[str, Leaf], canonical: Callable[[str], str]
) -> tuple[list[Leaf], dict[str, str]]:
    """Picks one leaf for each distinct thing that is fetched.

    Args:
        leaves: by output.
        canonical: gives tensors that are always equal one name.

    Returns:
        The picked leaves, and for each leaf's output that of the picked leaf whose sums it can be
        rebuilt from.
    """
    picked: dict[tuple[Any, ...], Leaf] = {}
    owners = {}
    for output, leaf in leaves.items():
        owners[output] = picked.setdefault(leaf.fetch_key(canonical), leaf).output
    return list(picked.values()), owners


def with_layout(leaf: Leaf, other: Leaf) -> Leaf:
    """The leaf, with its rows laid out as in another that fetches the same."""
    layout = getattr(other, "layout", None)
    return dataclasses.replace(leaf, layout=layout) if layout is not None else leaf  # type: ignore[type-var]


def _flat_rows(layout: RowLayout, tensor: tf.Tensor) -> tf.Tensor:
    """Flattens `[rows * per_row, ...]` so that a row's elements stand together."""
    if layout.per_row == 1 or layout.interleaved:
        return tf.reshape(tensor, [-1])
    return tf.reshape(layout.to_rows(tensor), [-1])
