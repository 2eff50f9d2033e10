"""Slices compared with one another: the metrics of a baseline less those of another slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from microtome.results.blocks import MetricsBlock
from microtome.results.metric_keys import MetricName
from microtome.results.slice_keys import AnySliceKey
from microtome.slicing.cross_spec import CrossSliceSpec
from microtome.slicing.keys import SliceKey


class CrossSlices:
    """Gathers the slices that are compared, of the blocks that go by, and compares them."""

    def __init__(self, specs: Sequence[CrossSliceSpec]):
        self._specs = tuple(specs)
        self._numbers: dict[SliceKey, dict[MetricName, float]] = {}

    def add(self, block: MetricsBlock) -> None:
        """Takes note of the slices of a block that are compared."""
        if not self._specs or not block.columns:
            return
        wanted = [i for i, key in enumerate(block.keys) if self._is_wanted(key)]
        columns = {
            name: column[wanted].tolist()
            for name, column in block.columns.items()
            if column.ndim == 1 and column.dtype.kind in "biuf"
        }
        for place, i in enumerate(wanted):
            numbers = {name: column[place] for name, column in columns.items()}
            self._numbers[block.keys[i]] = numbers

    def blocks(self) -> Iterator[MetricsBlock]:
        """The differences, of every pair once."""
        pairs: dict[tuple[SliceKey, SliceKey], None] = {}
        for spec in self._specs:
            baselines = filter(spec.is_baseline, self._numbers)
            compared = list(filter(spec.is_compared, self._numbers))
            pairs.update({(b, c): None for b in baselines for c in compared if b != c})
        keys: list[AnySliceKey] = list(pairs)
        if not keys:
            return
        names = list(dict.fromkeys(name for key in pairs for name in self._shared(*key)))
        yield MetricsBlock(keys, {name: self._differences(name, pairs) for name in names})

    def _is_wanted(self, key: SliceKey) -> bool:
        return any(spec.is_baseline(key) or spec.is_compared(key) for spec in self._specs)

    def _shared(self, baseline: SliceKey, compared: SliceKey) -> Sequence[MetricName]:
        return [name for name in self._numbers[baseline] if name in self._numbers[compared]]

    def _differences(self, name: MetricName, pairs: Any) -> np.ndarray:
        def numbers(side: int) -> np.ndarray:
            of_slices = (self._numbers[pair[side]].get(name, np.nan) for pair in pairs)
            return np.fromiter(of_slices, np.float64, len(pairs))

        return numbers(0) - numbers(1)
