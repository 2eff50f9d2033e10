"""Buckets of a number: slices of a feature that is too fine to be sliced by each of its values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from microtome.errors import ConfigError

Edges = tuple[float, ...]


def checked_edges(column: str, edges: Iterable[float]) -> Edges:
    """Returns the edges as floats.

    Raises:
      ConfigError: there are none, or they are not finite numbers in strictly ascending order.
    """
    try:
        numbers = tuple(float(edge) for edge in edges)
    except (TypeError, ValueError):
        raise ConfigError(
            f"the bucket edges of {column!r} must be a list of numbers, not {edges!r}"
        ) from None
    if not numbers or not all(map(math.isfinite, numbers)):
        raise ConfigError(
            f"the bucket edges of {column!r} must be one or more finite numbers, not "
            f"{list(numbers)}; what lies below the first and above the last has its own buckets"
        )
    if any(low >= high for low, high in itertools.pairwise(numbers)):
        raise ConfigError(f"the bucket edges of {column!r} must ascend strictly: {list(numbers)}")
    return numbers


def bucket_labels(edges: Edges) -> list[str]:
    """Returns the labels of the buckets: `[-inf, a)`, `[a, b)`, …, `[z, inf)`, and `nan`, last."""
    bounds = ["-inf", *map(_edge_text, edges), "inf"]
    return [f"[{low}, {high})" for low, high in itertools.pairwise(bounds)] + ["nan"]


def bucket_indices(values: npt.NDArray[np.generic], edges: Edges) -> npt.NDArray[np.int64]:
    """Returns for each number the position of its label in `bucket_labels`.

    A bucket holds its lower edge, not its upper one.
    """
    numbers = np.asarray(values, dtype=np.float64)
    indices = np.searchsorted(np.asarray(edges), numbers, side="right").astype(np.int64)
    indices[np.isnan(numbers)] = len(edges) + 1
    return indices


def quantile_edges(values: npt.ArrayLike, k: int) -> list[float]:
    """Returns edges that part the values into (at most) `k` buckets of about equal size.

    The edges are values that occur. Fewer than k - 1 come back where a value is so frequent that
    quantiles coincide.

    Args:
      values: any array of numbers; NaN and infinities are left out.
      k: the number of buckets, at least 2.

    Raises:
      ConfigError: k is below 2, or there is no finite value.
    """
    if k < 2:
        raise ConfigError(f"quantile_edges needs at least 2 buckets, not {k}")
    numbers = np.asarray(values, dtype=np.float64).reshape(-1)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        raise ConfigError("quantile_edges needs at least one finite value")
    above = numbers[numbers > numbers.min()]
    if not len(above):
        return [float(numbers[0])]
    edges = np.quantile(numbers, np.arange(1, k) / k, method="higher")
    # Nothing lies below the smallest value, so the next one is the first that can part them.
    return [float(edge) for edge in np.unique(np.maximum(edges, above.min()))]


def _edge_text(edge: float) -> str:
    return str(int(edge)) if edge.is_integer() and abs(edge) < 1e15 else repr(edge)
