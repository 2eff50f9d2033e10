"""How much memory a row takes while the graph is run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import tensorflow as tf

# of a string's handle; its bytes are bounded with the records
_STRING_BYTES = 24


def widest_row_bytes(fetches: Iterable[Any]) -> int:
    """Bytes a row of the widest tensor that is computed for some tensors of any kind, at least 1.

    Known are tensors whose shape has one unknown dimension: the rows. Those with two or more
    (ragged, padded to the longest) are not counted.
    """
    tensors = tf.nest.flatten(list(fetches), expand_composites=True)
    return max(map(_row_bytes, _computed_for(tensors)), default=1)


def _computed_for(fetches: Iterable[tf.Tensor]) -> Iterator[tf.Tensor]:
    waiting = [tensor.op for tensor in fetches]
    seen = set(waiting)
    while waiting:
        op = waiting.pop()
        yield from op.outputs
        new = {tensor.op for tensor in op.inputs} - seen
        seen |= new
        waiting.extend(new)


def _row_bytes(tensor: tf.Tensor) -> int:
    if tensor.shape.rank is None:
        return 1
    element = _STRING_BYTES if tensor.dtype == tf.string else tensor.dtype.size
    return row_bytes(tensor.shape.as_list(), element)


def row_bytes(sizes: Sequence[int | None], element_bytes: int) -> int:
    """Bytes a row of a tensor, at least 1; 1 where not just one dimension is unknown, the rows."""
    if list(sizes).count(None) != 1:
        return 1
    return max(1, element_bytes * math.prod(size for size in sizes if size is not None))
