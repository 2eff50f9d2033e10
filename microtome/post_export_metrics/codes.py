"""Numbers in place of names of classes, the same for labels and for predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from microtome.metrics.views import Source

# The group of columns that are coded together. Their names are `labels/<name>` and
# `predictions/<name>`.
CODES = "codes"

Codes = npt.NDArray[np.int64]


def coded(group: str, name: str) -> Source:
    """The column of the codes of a tensor of a group."""
    return Source(CODES, f"{group}/{name}")


def named(source: Source) -> Source:
    """The tensor of which a column has the codes."""
    group, _, name = source.name.partition("/")
    return Source(group, name, source.model)


def joint_codes(columns: Mapping[Source, npt.NDArray[Any]]) -> dict[Source, Codes]:
    """Codes columns `[rows, k]` of strings or numbers of a batch, so that equal ones are equal.

    A number equals a string that spells it, whole ones without a point: 1, 1.0 and b"1".

    Returns:
        int64 `[rows, k]` each, by the same keys; -1 where there is none: an empty string, or NaN.
        Codes of several batches are not related.
    """
    texts = {source: _texts(np.asarray(column)) for source, column in columns.items()}
    known = np.unique(np.concatenate([text.reshape(-1) for text in texts.values()]))
    return {
        source: np.where(text == b"", -1, np.searchsorted(known, text))
        for source, text in texts.items()
    }


def _texts(column: npt.NDArray[Any]) -> npt.NDArray[np.bytes_]:
    if column.dtype.kind == "f":
        distinct, where = np.unique(column, return_inverse=True)
        return np.array([_text(number) for number in distinct], "S")[where].reshape(column.shape)
    if column.dtype.kind == "b":
        column = column.astype(np.int64)
    if column.dtype.kind == "U":
        column = np.char.encode(column, "utf-8")
    return column.astype("S")


def _text(number: float) -> bytes:
    if np.isnan(number):
        return b""
    return str(int(number) if float(number).is_integer() else float(number)).encode()
