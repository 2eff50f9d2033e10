"""The numbers of several evaluations side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from microtome.slicing.keys import SliceKey
from microtome.tracking.block import slice_text
from microtome.tracking.evaluations import Evaluation


@dataclasses.dataclass(frozen=True)
class Aligned:
    """Numbers of evaluations for the same slices and metrics.

    Attributes:
        values: float64 `[evaluations, slices, metrics]`; NaN where it is not recorded.
        counts: float64 `[evaluations, slices]`, examples; 0 where the slice is not recorded.
    """

    values: npt.NDArray[np.float64]
    counts: npt.NDArray[np.float64]


def align(
    evaluations: Sequence[Evaluation], keys: Sequence[SliceKey], metrics: Sequence[str]
) -> Aligned:
    """Puts evaluations side by side.

    Args:
        keys: The slices.
        metrics: The metrics.
    """
    values = np.full((len(evaluations), len(keys), len(metrics)), np.nan)
    counts = np.zeros((len(evaluations), len(keys)))
    slices = list(map(slice_text, keys))
    for number, evaluation in enumerate(evaluations):
        block = evaluation.block
        place = {text: i for i, text in enumerate(block.slices)}
        rows = np.array([place.get(text, -1) for text in slices], np.int64)
        column = {name: i for i, name in enumerate(block.metrics)}
        columns = np.array([column.get(name, -1) for name in metrics], np.int64)
        here, known = np.flatnonzero(rows >= 0), np.flatnonzero(columns >= 0)
        values[number][np.ix_(here, known)] = block.values[np.ix_(rows[here], columns[known])]
        counts[number, here] = block.counts[rows[here]]
    return Aligned(values, counts)
