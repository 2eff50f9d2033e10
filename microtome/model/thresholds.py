"""Recognises tiles of thresholds x rows, as `tf.metrics.auc` builds them."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from microtome.model.leaves import RowExpression

# below this many thresholds the tile itself is as small as the histogram
MIN_THRESHOLDS = 8

_COMPARISONS = {
    # op type: (first operand above?, inclusive?)
    "Greater": (True, False),
    "GreaterEqual": (True, True),
    "Less": (False, False),
    "LessEqual": (False, True),
}


@dataclasses.dataclass(frozen=True)
class ThresholdTile:
    """A tensor `[thresholds, elements]`: `factor * [score > threshold]`, or its negation.

    Attributes:
        holds_for_nan: whether what is summed counts a score that is no number.
    """

    factor: RowExpression
    score: str
    thresholds: str
    inclusive: bool
    above: bool
    holds_for_nan: bool


@dataclasses.dataclass(frozen=True)
class _Comparison:
    score: str
    thresholds: str
    inclusive: bool
    above: bool
    holds_for_nan: bool = False


@dataclasses.dataclass(frozen=True)
class _Product:
    """A product of a factor of the rows alone and at most one comparison with thresholds."""

    factor: RowExpression = ()
    comparison: _Comparison | None = None


def match_threshold_tile(tensor: tf.Tensor) -> ThresholdTile | None:
    """Takes apart a tensor `[thresholds, elements]`; None where it is not of the known form."""
    product = _match(tensor)
    if product is None or product.comparison is None:
        return None
    return ThresholdTile(product.factor, **dataclasses.asdict(product.comparison))


def _match(tensor: tf.Tensor) -> _Product | None:
    row = _row_tensor(tensor)
    if row is not None:
        return _Product(factor=("tensor", row.name))
    kind, inputs = tensor.op.type, tensor.op.inputs
    if kind in ("Identity", "Cast"):
        product = _match(inputs[0])
        if product and product.factor and kind == "Cast":
            return dataclasses.replace(product, factor=("cast", product.factor))
        return product
    if kind in ("Mul", "LogicalAnd"):
        return _multiply("mul" if kind == "Mul" else "and", _match(inputs[0]), _match(inputs[1]))
    if kind == "LogicalNot":
        return _negate(_match(inputs[0]))
    if kind in _COMPARISONS:
        return _match_comparison(tensor.op)
    return None


def _multiply(kind: str, left: _Product | None, right: _Product | None) -> _Product | None:
    if left is None or right is None or (left.comparison and right.comparison):
        return None
    if left.factor and right.factor:
        factor: RowExpression = (kind, left.factor, right.factor)
    else:
        factor = left.factor or right.factor
    return _Product(factor, left.comparison or right.comparison)


def _negate(product: _Product | None) -> _Product | None:
    if product is None:
        return None
    if product.comparison is None:
        return _Product(factor=("not", product.factor))
    if product.factor:
        return None
    comparison = product.comparison
    negated = dataclasses.replace(
        comparison, above=not comparison.above, holds_for_nan=not comparison.holds_for_nan
    )
    return _Product(comparison=negated)


def _match_comparison(op: tf.Operation) -> _Product | None:
    first_above, inclusive = _COMPARISONS[op.type]
    left, right = op.inputs
    score, thresholds = _row_tensor(left), _threshold_tensor(right)
    if score is None or thresholds is None:
        score, thresholds = _row_tensor(right), _threshold_tensor(left)
        first_above = not first_above
    if score is None or thresholds is None or score.dtype != thresholds.dtype:
        return None
    if first_above:
        return _Product(comparison=_Comparison(score.name, thresholds.name, inclusive, True))
    # score < t is the negation of score >= t, but for NaN, for which neither holds
    return _Product(comparison=_Comparison(score.name, thresholds.name, not inclusive, False))


def _row_tensor(tensor: tf.Tensor) -> tf.Tensor | None:
    """The `[1, elements]` tensor that `tensor` repeats for each threshold."""
    if tensor.op.type == "Tile":
        tensor = tensor.op.inputs[0]
    shape = tensor.shape
    if shape.rank == 2 and shape[0] == 1 and shape[1] != 1:
        return tensor
    return None


def _threshold_tensor(tensor: tf.Tensor) -> tf.Tensor | None:
    """The `[thresholds, 1]` tensor that `tensor` repeats for each row."""
    if tensor.op.type == "Tile":
        tensor = tensor.op.inputs[0]
    shape = tensor.shape
    if shape.rank == 2 and shape[1] == 1 and shape[0] is not None:
        return tensor
    return None
