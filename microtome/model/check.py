"""The self-check: what the cut graph computes for groups of rows, against the graph itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from microtome.model.lower import LowerHalf
from microtome.model.reference import ReferenceGraph, RowsFeed
from microtome.slicing.contributions import Contributions

# The graph itself computes in float32. What is next to nothing beside a metric's other values may
# be rounding alone; how much is nothing, only those values tell.
_RELATIVE, _OF_SCALE = 1e-3, 1e-5
_NOTHING = 1e-12
_SEED = 20190728


def row_groups(num_rows: int) -> list[np.ndarray]:
    """A few groups of row numbers, each ascending: all rows, two random halves, a handful."""
    generator = np.random.default_rng(_SEED)
    groups = [np.arange(num_rows)]
    for size in (num_rows // 2, num_rows // 2, min(3, num_rows - 1)):
        if 0 < size < num_rows:
            groups.append(np.sort(generator.choice(num_rows, size, replace=False)))
    return groups


def group_sums(contributions: Contributions, rows: np.ndarray, bins: Sequence[int]) -> np.ndarray:
    """The sums over some rows, float64 `[width]`, in the order of `Plan`."""
    parts = [contributions.dense[rows].sum(axis=0)]
    for scattered, size in zip(contributions.scattered, bins, strict=True):
        of_row = np.arange(len(scattered.index)) if scattered.rows is None else scattered.rows
        kept = np.isin(of_row, rows)
        parts.append(np.bincount(scattered.index[kept], scattered.values[kept], minlength=size))
    return np.concatenate(parts)


def find_differences(
    lower: LowerHalf,
    sums_of: Callable[[np.ndarray], np.ndarray],
    reference: ReferenceGraph,
    feed: RowsFeed,
    groups: Sequence[np.ndarray],
) -> dict[str, str]:
    """Compares the lower half with the graph itself.

    Args:
        sums_of: the sums over a group of rows.
        feed: the feed for a group of rows.

    Returns:
        For each metric that differs, how.
    """
    differences: dict[str, str] = {}
    computed = lower.finish(np.stack([sums_of(rows) for rows in groups]))
    expected = [reference.values([(feed, rows)]) for rows in groups]
    for name, values in computed.items():
        scale = max(_scale(of_group[name]) for of_group in expected)
        for rows, value, of_group in zip(groups, values, expected, strict=True):
            if not close(value, of_group[name], scale):
                differences[name] = (
                    f"the cut gives {_shown(value)} where the graph gives "
                    f"{_shown(of_group[name])} for {len(rows)} rows"
                )
                break
    return differences


def not_additive(reference: ReferenceGraph, feed: RowsFeed, num_rows: int) -> set[str]:
    """The variables that two batches change otherwise than one batch of all their rows."""
    halves = [half for half in np.array_split(np.arange(num_rows), 2) if len(half)]
    whole = reference.sums([(feed, np.arange(num_rows))])
    in_turn = reference.sums([(feed, half) for half in halves])
    alone = [reference.sums([(feed, half)]) for half in halves]
    summed = [sum(parts) for parts in zip(*alone, strict=True)]
    return {
        variable.name
        for variable, *amounts in zip(reference.variables, whole, in_turn, summed, strict=True)
        if not all(close(amounts[0], other, _scale(amounts[0])) for other in amounts[1:])
    }


def close(a: Any, b: Any, scale: Any) -> bool:
    """Whether two values are equal but for the rounding of 32-bit numbers.

    Args:
        scale: size of values of the same kind, a number or an array that fits the last dimensions.
    """
    if _is_text(b):
        return np.array_equal(np.asarray(a, object), np.asarray(b, object))
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        return False
    allowed = np.maximum(_OF_SCALE * np.asarray(scale), _NOTHING) + _RELATIVE * np.abs(b)
    with np.errstate(invalid="ignore"):
        is_close = np.isfinite(b) & (np.abs(a - b) <= allowed)
    return bool(np.all(is_close | (a == b) | (np.isnan(a) & np.isnan(b))))


def _scale(value: Any) -> float:
    """The largest size of the finite numbers in a value."""
    if _is_text(value):
        return 0.0
    sizes = np.abs(np.asarray(value, np.float64))
    return float(np.max(sizes, initial=0.0, where=np.isfinite(sizes)))


def _is_text(value: Any) -> bool:
    return np.asarray(value).dtype.kind in "OSU"


def _shown(value: Any) -> str:
    return np.array2string(np.asarray(value), precision=6, threshold=4)
