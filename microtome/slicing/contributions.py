"""What the rows of a batch contribute to the sums of the slices that they stand in."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from microtome.slicing.columns import Column
from microtome.slicing.sums import Scattered


@dataclasses.dataclass(frozen=True)
class Contributions:
    """The rows of one batch.

    Attributes:
        num_rows: number of rows.
        dense: float64 `[rows, width]`; column 0 is 1 for each row, then come the weights, then the
            dense leaves.
        scattered: one a scattered leaf.
        columns: the slicing features, by name.
        examples: int `[rows]`, the index of the example that each row came from; None where row i
            is example i.
        seen: columns `[rows, ...]` that metrics outside a graph look at.
    """

    num_rows: int
    dense: npt.NDArray[Any]
    scattered: list[Scattered]
    columns: dict[str, Column]
    examples: npt.NDArray[Any] | None
    seen: Mapping[Any, npt.NDArray[Any]] = dataclasses.field(default_factory=dict)

    def example_rows(self) -> npt.NDArray[Any]:
        """int64 `[rows]`, the index of the example that each row came from."""
        return np.arange(self.num_rows) if self.examples is None else self.examples


def concatenate(
    parts: Sequence[Contributions], num_examples: Sequence[int] | None = None
) -> Contributions:
    """Joins the contributions of several batches.

    Args:
        num_examples: the number of examples of each batch; None where all come from the examples of
            one batch.
    """
    first_examples = np.cumsum([0, *(num_examples or [0] * len(parts))])
    starts = np.cumsum([0, *(part.num_rows for part in parts)])
    return Contributions(
        num_rows=int(starts[-1]),
        dense=np.concatenate([part.dense for part in parts]),
        scattered=[
            _join_scattered(group, starts)
            for group in zip(*(p.scattered for p in parts), strict=True)
        ],
        columns={
            name: _join_columns([p.columns[name] for p in parts], starts)
            for name in parts[0].columns
        },
        examples=None
        if parts[0].examples is None
        else np.concatenate(
            [part.examples + first for part, first in zip(parts, first_examples, strict=False)]
        ),
        seen={name: stacked([part.seen[name] for part in parts]) for name in parts[0].seen},
    )


def stacked(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Columns one below the other; what one of them has less to the right is NaN."""
    widths = {part.shape[1:] for part in parts}
    if len(widths) == 1:
        return np.concatenate(parts)
    width = max(shape[0] for shape in widths)
    return np.concatenate(
        [
            np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=np.nan)
            for part in parts
        ]
    )


def _join_scattered(group: Sequence[Scattered], starts: npt.NDArray[Any]) -> Scattered:
    rows = None
    if any(part.rows is not None for part in group):
        rows = _shifted([part.rows for part in group], [len(part.index) for part in group], starts)
    return Scattered(
        np.concatenate([part.index for part in group]),
        np.concatenate([part.values for part in group]),
        rows,
    )


def _join_columns(group: Sequence[Column], starts: npt.NDArray[Any]) -> Column:
    rows = None
    if any(part.rows is not None for part in group):
        rows = _shifted([part.rows for part in group], [len(part.values) for part in group], starts)
    return Column(np.concatenate([part.flat for part in group]), rows)


def _shifted(
    rows: Sequence[npt.NDArray[Any] | None], lengths: Sequence[int], starts: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    parts = [
        start + (np.arange(length) if part is None else part)
        for part, length, start in zip(rows, lengths, starts, strict=False)
    ]
    return np.concatenate(parts)
