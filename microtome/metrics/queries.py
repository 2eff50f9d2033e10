"""Rows that belong together: the results of one query, and what they add to a slice.

A query stands, with all its rows, in each slice that any of its rows stands in, as in TFMA. Metrics
`by_query` are sums over these groups: their parts are `QuerySum`s and `QuerySizes`.

Synopsis, of a batch that holds all rows of its queries:

    groups = Groups.of(queries, rows, slices)
    seen = QueryRows.of(view.rows(examples), groups)
    sums = part.of_groups(seen)                       # a number a group, for groups.slices
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from microtome.errors import DataError
from microtome.metrics.metric import Floats, OfFunction, Part, Rows
from microtome.slicing.sums import Scattered

Ints = npt.NDArray[np.int64]

# sizes below are exact; each doubling above has so many bins
_EXACT, _BINS, _DOUBLINGS = 1024, 64, 20


@dataclasses.dataclass(frozen=True)
class Groups:
    """The rows of queries, for each of the slices that a query stands in.

    Attributes:
        rows: int64 `[members]`, positions of rows, group after group.
        starts: int64 `[groups]`, where in `rows` groups begin.
        slices: int64 `[groups]`, ascending.
    """

    rows: Ints
    starts: Ints
    slices: Ints

    @classmethod
    def of(cls, queries: Ints, rows: Ints, slices: Ints) -> Groups:
        """The groups of rows: whole queries, in each slice that any of their rows stands in.

        Args:
            queries: int64 `[rows]`, the query of each row.
            rows, slices: int64 `[pairs]`, positions of rows and slices that they stand in.
        """
        distinct, codes = np.unique(queries, return_inverse=True)
        members = np.argsort(codes, kind="stable")
        sizes = np.bincount(codes, minlength=len(distinct))
        firsts = np.cumsum(sizes) - sizes
        slices_of, query_of = np.unique(np.stack([slices, codes[rows]]), axis=1)
        starts = np.cumsum(sizes[query_of]) - sizes[query_of]
        place = np.arange(sizes[query_of].sum()) + np.repeat(
            firsts[query_of] - starts, sizes[query_of]
        )
        return cls(members[place], starts, slices_of)

    @property
    def sizes(self) -> Ints:
        """int64 `[groups]`, the number of rows."""
        return np.diff(np.append(self.starts, len(self.rows)))


@dataclasses.dataclass(frozen=True)
class QueryRows:
    """Rows, group after group.

    Attributes:
        labels, predictions, weights: float64 `[rows]`, as of `Rows`.
        features: the columns that the metric names, float64 `[rows]`.
        starts: int64 `[groups]`, where groups begin.
        group: int64 `[rows]`, ascending from 0.
    """

    labels: Floats
    predictions: Floats
    weights: Floats
    features: Mapping[str, Floats]
    starts: Ints
    group: Ints

    @classmethod
    def of(cls, rows: Rows, groups: Groups) -> QueryRows:
        """The rows of groups.

        Raises:
            DataError: there are several rows an example.
        """
        if rows.index is not None:
            raise DataError("metrics of queries take one prediction a row; choose a class")
        taken = groups.rows
        return cls(
            rows.labels[taken],
            rows.predictions[taken],
            rows.weights[taken],
            {name: column[taken] for name, column in rows.features.items()},
            groups.starts,
            np.repeat(np.arange(len(groups.starts)), groups.sizes),
        )

    @property
    def sizes(self) -> Ints:
        """int64 `[groups]`, the number of rows."""
        return np.diff(np.append(self.starts, len(self.group)))

    def sum(self, values: Floats) -> Floats:
        """The sums `[groups]` of values `[rows]`."""
        return np.bincount(self.group, values, minlength=len(self.starts)).astype(np.float64)

    def group_weights(self) -> Floats:
        """The mean weight `[groups]` of the rows: what a query counts."""
        return self.sum(self.weights) / self.sizes


class QueryPart(Part):
    """What groups add to a slice's state; rows by themselves add nothing."""

    @abc.abstractmethod
    def of_groups(self, rows: QueryRows) -> Floats | Scattered:
        """A number a group, `[groups]`; of a histogram, the bin and the value of each."""


@dataclasses.dataclass(frozen=True, eq=False)
class QuerySum(OfFunction, QueryPart):
    """A sum over groups, each as often as its rows weigh in the mean.

    Attributes:
        of: gives float64 `[groups]`. A function of a module: it travels to workers, and metrics
            that name the same one share its sum.
        is_weighted: whether each is multiplied by the group's weight.
    """

    of: Callable[[QueryRows], Floats]
    is_weighted: bool = True

    def added(self, rows: Rows) -> Floats:
        return np.zeros(len(rows.weights))

    def of_groups(self, rows: QueryRows) -> Floats:
        values = self.of(rows)
        return values * rows.group_weights() if self.is_weighted else values


@dataclasses.dataclass(frozen=True)
class QuerySizes(QueryPart):
    """How many groups there are of each size.

    Sizes from 1,024 on share bins with others, that are at most 1/64 greater.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        return 1, len(self.sizes)

    @property
    def sizes(self) -> Floats:
        """`[bins]`, the least size of each."""
        within = np.arange(_BINS) / _BINS + 1
        above = _EXACT * 2.0 ** np.arange(_DOUBLINGS)[:, None] * within
        return np.concatenate([np.arange(_EXACT), above.reshape(-1)])

    def added(self, rows: Rows) -> Scattered:
        return Scattered(np.zeros(0, np.int64), np.zeros((0, 1)), np.zeros(0, np.int64))

    def of_groups(self, rows: QueryRows) -> Scattered:
        bins = np.searchsorted(self.sizes, rows.sizes, side="right") - 1
        return Scattered(bins, np.ones((len(bins), 1)))

    def extremes(self, sums: Floats) -> tuple[Floats, Floats]:
        """The least and the greatest size `[slices]`; NaN where there are no groups."""
        is_there = sums[:, 0] > 0
        least = np.where(is_there, self.sizes, np.inf).min(axis=1)
        greatest = np.where(is_there, self.sizes, -np.inf).max(axis=1)
        some = is_there.any(axis=1)
        return np.where(some, least, np.nan), np.where(some, greatest, np.nan)


def summed(
    added: Floats | Scattered, slices: Ints, num_slices: int, shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    """The sums by slice of what groups add.

    Args:
        added: from `of_groups`.
        slices: int64 `[groups]`, below `num_slices`.
        num_slices: how many there are.
        shape: the part's.

    Returns:
        float64 `[num_slices, cells]`, the cells of `shape` in a row.
    """
    if not isinstance(added, Scattered):
        return np.bincount(slices, added, minlength=num_slices)[:, None]
    k, bins = shape
    columns = np.asarray(added.values, np.float64).reshape(-1, k).T
    cells = slices * bins + added.index
    counts = [np.bincount(cells, column, minlength=num_slices * bins) for column in columns]
    return np.stack([item.reshape(num_slices, bins) for item in counts], axis=1).reshape(
        num_slices, k * bins
    )
