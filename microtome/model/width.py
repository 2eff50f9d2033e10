"""How much memory a row takes while the graph is run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
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
    sizes = tensor.shape.as_list()
    if sizes.count(None) != 1:
        return 1
    each = _STRING_BYTES if tensor.dtype == tf.string else tensor.dtype.size
    return max(1, each * math.prod(size for size in sizes if size is not None))
