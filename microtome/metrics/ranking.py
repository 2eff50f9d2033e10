"""How well the results of queries are ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from microtome.errors import ConfigError
from microtome.metrics.keys import TopK
from microtome.metrics.metric import Floats, Metric, Part, Sums, Values, divide, register
from microtome.metrics.queries import Ints, QueryRows, QuerySizes, QuerySum


def one_query(rows: QueryRows) -> Floats:
    """1 each."""
    return np.ones(len(rows.starts))


def documents(rows: QueryRows) -> Floats:
    """The number of rows."""
    return rows.sizes.astype(np.float64)


QUERIES, DOCUMENTS, SIZES = QuerySum(one_query), QuerySum(documents), QuerySizes()


@register
@dataclass(frozen=True)
class QueryStatistics(Metric):
    """How many queries and documents there are, and how many a query has.

    Queries count as their rows weigh in the mean. The least and the greatest number of documents
    are numbers of rows, exact up to 1,023, whatever they weigh.

    Attributes:
        total_queries_name: of the number of queries; the others are named likewise.
    """

    total_queries_name: str = "total_queries"
    total_documents_name: str = "total_documents"
    min_documents_name: str = "min_documents"
    max_documents_name: str = "max_documents"
    name: str = "query_statistics"
    parts = (QUERIES, DOCUMENTS, SIZES)
    needs_labels = needs_predictions = False
    has_interval: ClassVar[bool] = False
    by_query: ClassVar[bool] = True

    def compute(self, sums: Sums) -> Mapping[str | TopK, Values]:
        """By name `[slices]`."""
        least, greatest = SIZES.extremes(sums[SIZES])
        return {
            self.total_queries_name: sums[QUERIES],
            self.total_documents_name: sums[DOCUMENTS],
            self.min_documents_name: least,
            self.max_documents_name: greatest,
        }


@dataclass(frozen=True)
class _Gain:
    """The discounted gain of the order by prediction over that of the best order.

    Rows of one prediction share their places: each has their mean gain. 0 without any gain.
    """

    gain_key: str
    top_k: int | None

    def __call__(self, rows: QueryRows) -> Floats:
        gains = rows.features[self.gain_key]
        predicted = np.lexsort((-rows.predictions, rows.group))
        best = np.lexsort((-gains, rows.group))
        discounts = self._discounts(rows)
        reached = rows.sum(discounts * _shared(gains[predicted], rows, predicted))
        reachable = rows.sum(discounts * gains[best])
        return np.divide(reached, reachable, out=np.zeros_like(reached), where=reachable != 0)

    def _discounts(self, rows: QueryRows) -> Floats:
        place = np.arange(len(rows.group)) - rows.starts[rows.group]
        discounts = 1 / np.log2(place + 2)
        return discounts if self.top_k is None else np.where(place < self.top_k, discounts, 0.0)


@register
@dataclass(frozen=True)
class NDCG(Metric):
    """The mean over queries of the normalized discounted cumulative gain.

    Σ gain / log2(1 + place) over the top k places in the order of predictions, divided by that in
    the order of gains; 0 where no row of the query has a gain. Rows of one prediction share their
    places: McSherry & Najork (2008), Computing Information Retrieval Performance Measures
    Efficiently in the Presence of Tied Scores (as in scikit-learn).

    Attributes:
        gain_key: the feature that is gained.
        top_k_list: the values of k; all places without.
    """

    gain_key: str = ""
    top_k_list: tuple[int, ...] = ()
    name: str = "ndcg"
    needs_labels: ClassVar[bool] = False
    by_query: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.gain_key:
            raise ConfigError(f"The metric {self.name!r} has no gain_key: the feature of gains.")
        if any(top_k < 1 for top_k in self.top_k_list):
            raise ConfigError(
                f"The metric {self.name!r} has top_k_list={list(self.top_k_list)}; each must be at "
                "least 1."
            )

    @property
    def features(self) -> Sequence[str]:
        return (self.gain_key,)

    @property
    def parts(self) -> tuple[Part, ...]:
        return (QUERIES, *map(self._gains, self.top_k_list or (None,)))

    def compute(self, sums: Sums) -> Values | Mapping[str | TopK, Values]:
        """`[slices]`, by `TopK`; NaN without queries."""
        if not self.top_k_list:
            return divide(sums[self._gains(None)], sums[QUERIES])
        return {
            TopK(self.name, top_k): divide(sums[self._gains(top_k)], sums[QUERIES])
            for top_k in self.top_k_list
        }

    def _gains(self, top_k: int | None) -> QuerySum:
        return QuerySum(_Gain(self.gain_key, top_k))


@dataclass(frozen=True)
class _HasLabel:
    """1 for a query that has a positive label, else 0."""

    label_key: str | None

    def __call__(self, rows: QueryRows) -> Floats:
        return (rows.sum(_is_positive(rows, self.label_key)) > 0).astype(np.float64)


@dataclass(frozen=True)
class _FirstPlace:
    """The place, from 1, of the first positive label in the order of predictions; 0 without."""

    label_key: str | None

    def __call__(self, rows: QueryRows) -> Floats:
        is_positive = _is_positive(rows, self.label_key)
        # of rows of one prediction the positive ones come last
        order = np.lexsort((is_positive, -rows.predictions, rows.group))
        place = np.arange(len(order)) - rows.starts[rows.group] + 1.0
        places = np.where(is_positive[order] > 0, place, np.inf)
        first = np.minimum.reduceat(places, rows.starts) if len(places) else places
        return np.where(np.isinf(first), 0.0, first)


@register
@dataclass(frozen=True)
class MinLabelPosition(Metric):
    """The mean over queries of the place, from 1, of the first positive label.

    Places are in the order of predictions; among rows of one prediction the positive ones stand
    last. Queries without a positive label are left out.

    Attributes:
        label_key: a feature that stands in for the labels.
    """

    label_key: str | None = None
    name: str = "min_label_position"
    by_query: ClassVar[bool] = True

    @property
    def features(self) -> Sequence[str]:
        return () if self.label_key is None else (self.label_key,)

    @property
    def parts(self) -> tuple[Part, ...]:
        return self._sums

    def compute(self, sums: Sums) -> Floats:
        """`[slices]`; NaN without a query that has a positive label."""
        places, queries = self._sums
        return divide(sums[places], sums[queries])

    @property
    def _sums(self) -> tuple[QuerySum, QuerySum]:
        return QuerySum(_FirstPlace(self.label_key)), QuerySum(_HasLabel(self.label_key))


def _is_positive(rows: QueryRows, label_key: str | None) -> Floats:
    labels = rows.labels if label_key is None else rows.features[label_key]
    return (labels > 0).astype(np.float64)


def _shared(gains: Floats, rows: QueryRows, order: Ints) -> Floats:
    """The mean gain over rows of one prediction, in the order of predictions."""
    predictions = rows.predictions[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (predictions[1:] != predictions[:-1]) | (rows.group[1:] != rows.group[:-1])
    tie = np.cumsum(is_new) - 1
    return (np.bincount(tie, gains) / np.bincount(tie))[tie]
