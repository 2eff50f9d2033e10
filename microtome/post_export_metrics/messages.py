"""Messages of confusion matrices, fast: plots have ten thousand of them a slice."""

from __future__ import annotations

import functools
import struct

import numpy as np
import numpy.typing as npt

from microtome.metrics.metric import Floats
from microtome.proto import result_pb2

_FIELDS = (
    "false_negatives",
    "true_negatives",
    "false_positives",
    "true_positives",
    "precision",
    "recall",
)
_SIZE = 8


def add_matrices(message: result_pb2.ConfusionMatrixAtThresholds, columns: Floats) -> None:
    """Adds matrices to a message.

    Args:
        message: what they are added to.
        columns: `[matrices, 7]`: threshold, false negatives, true negatives, false positives, true
            positives, precision and recall. The latter six stand in it in each of the forms that
            the message has.
    """
    template, places = _stencil()
    records = np.tile(template, (len(columns), 1))
    for column, starts in zip(columns.T, places, strict=True):
        encoded = np.ascontiguousarray(column, "<f8").view(np.uint8).reshape(-1, _SIZE)
        for start in starts:
            records[:, start : start + _SIZE] = encoded
    message.MergeFromString(records.tobytes())


@functools.cache
def _stencil() -> tuple[npt.NDArray[np.uint8], list[list[int]]]:
    """The bytes of a message of one matrix, and where in it each number stands."""
    marks = [float(1 + number) / 7 for number in range(1 + len(_FIELDS))]
    message = result_pb2.ConfusionMatrixAtThresholds()
    matrix = message.matrices.add(threshold=marks[0])
    for field, mark in zip(_FIELDS, marks[1:], strict=True):
        setattr(matrix, field, mark)
        getattr(matrix, f"bounded_{field}").value.value = mark
        getattr(matrix, f"t_distribution_{field}").unsampled_value.value = mark
    encoded = message.SerializeToString()
    return np.frombuffer(encoded, np.uint8), [_found(struct.pack("<d", m), encoded) for m in marks]


def _found(part: bytes, whole: bytes) -> list[int]:
    starts, start = [], whole.find(part)
    while start >= 0:
        starts.append(start)
        start = whole.find(part, start + 1)
    return starts
