"""Batches that go through a model in parts: those that are too large, or that it refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import tensorflow as tf

from microtome.errors import RefusedExampleError
from microtome.model.op_errors import op_error_text

# of the widest tensor of a wide model; TensorFlow holds a few such at a time, of a few batches
MAX_TENSOR_BYTES = 64 << 20

_REFUSALS = (
    tf.errors.InvalidArgumentError,
    tf.errors.ResourceExhaustedError,
    tf.errors.FailedPreconditionError,
)


class _Rows(Protocol):
    def __len__(self) -> int: ...

    # a slice gives the same kind of rows; typing has no word for a sequence's own type
    def __getitem__(self, rows: slice, /) -> Any: ...


Batch = TypeVar("Batch", bound=_Rows)
Result = TypeVar("Result")


def run_in_parts(
    run: Callable[[Batch], Result],
    join: Callable[[Sequence[Result], Sequence[int]], Result],
    batch: Batch,
    rows_at_once: int,
) -> Result:
    """Runs a model on a batch, of which so many rows go through it at once.

    A part that the model refuses is halved until the refused example stands alone.

    Args:
        run: runs the model on some rows.
        join: makes one result of those of parts, given with the parts' numbers of rows.

    Raises:
        RefusedExampleError: the model refuses an example.
    """
    if len(batch) <= rows_at_once:
        return _halving(run, join, batch, 0)
    starts = range(0, len(batch), rows_at_once)
    parts = [_halving(run, join, batch[start : start + rows_at_once], start) for start in starts]
    return join(parts, [min(rows_at_once, len(batch) - start) for start in starts])


def _halving(
    run: Callable[[Batch], Result],
    join: Callable[[Sequence[Result], Sequence[int]], Result],
    batch: Batch,
    first: int,
) -> Result:
    try:
        return run(batch)
    except RefusedExampleError as error:
        number = first + error.number
        raise RefusedExampleError(number, error.reason, error.remedy) from error
    except _REFUSALS as error:
        if len(batch) <= 1:
            raise RefusedExampleError(first, op_error_text(error)) from error
    middle = len(batch) // 2
    parts = [
        _halving(run, join, batch[:middle], first),
        _halving(run, join, batch[middle:], first + middle),
    ]
    return join(parts, [middle, len(batch) - middle])
