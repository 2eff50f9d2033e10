"""Metrics of queries against scikit-learn and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from microtome.metrics.collection import Collection, Computation
from microtome.metrics.keys import MetricKey, SubKey
from microtome.metrics.means import MeanLabel
from microtome.metrics.metric import Metric
from microtome.metrics.queries import Groups, QuerySizes
from microtome.metrics.ranking import NDCG, MinLabelPosition, QueryStatistics
from microtome.metrics.views import Examples, Source, View
from tests.metrics.summed import part_of, sums_of

pytestmark = pytest.mark.current

LABEL, SCORE, GAIN = Source("labels"), Source("predictions"), Source("features", "gain")
ROWS = 40


def random_queries() -> tuple[Examples, np.ndarray]:
    generator = np.random.default_rng(2)
    columns = {
        LABEL: (generator.random(ROWS) < 0.3).astype(float),
        # scores that tie
        SCORE: generator.integers(0, 6, ROWS) / 5,
        GAIN: generator.integers(0, 4, ROWS).astype(float),
    }
    return Examples(ROWS, columns), generator.integers(0, 8, ROWS)


def collection_of(*metrics: Metric) -> Collection:
    view = View(features=(GAIN,))
    return Collection(tuple(Computation(MetricKey(m.name), m, (view,)) for m in metrics))


def values_of(metric: Metric, examples: Examples, queries: np.ndarray) -> dict[Any, Any]:
    collection = collection_of(metric)
    everywhere = np.arange(len(queries)), np.zeros(len(queries), np.int64)
    _, states = collection.query_states(examples, queries, *everywhere)
    return {key: values[0] for key, values in collection.compute(states.toarray()).items()}


def test_ndcg_as_in_scikit_learn() -> None:
    examples, queries = random_queries()
    found = values_of(NDCG("gain", (1, 3, 100)), examples, queries)
    for top_k in (1, 3, 100):
        each = [
            sk.ndcg_score(
                examples.columns[GAIN][None, of], examples.columns[SCORE][None, of], k=top_k
            )
            for of in (queries == query for query in np.unique(queries))
            if of.sum() > 1
        ]
        assert len(each) == len(np.unique(queries))
        key = MetricKey("ndcg", sub_key=SubKey(top_k=top_k))
        assert found[key] == pytest.approx(np.mean(each))


def test_the_first_label_of_each_query() -> None:
    columns = {
        LABEL: np.array([0.0, 1.0, 1.0, 0.0, 0.0, 1.0]),
        SCORE: np.array([0.9, 0.5, 0.1, 0.3, 0.2, 0.7]),
        GAIN: np.zeros(6),
    }
    # query 5: places 2 and 3; query 7 without a label; query 2: place 1
    found = values_of(MinLabelPosition(), Examples(6, columns), np.array([5, 5, 5, 7, 7, 2]))
    assert found == {MetricKey("min_label_position"): 1.5}


def test_query_statistics() -> None:
    examples, _ = random_queries()
    found = values_of(QueryStatistics(), examples, np.repeat([3, 1, 2], [1, 9, 30]))
    assert {key.name: value for key, value in found.items()} == {
        "total_queries": 3,
        "total_documents": 40,
        "min_documents": 1,
        "max_documents": 30,
    }


def test_great_sizes_share_bins() -> None:
    sizes = QuerySizes().sizes
    assert sizes[:1024].tolist() == list(range(1024))
    assert np.all(sizes[1025:] / sizes[1024:-1] <= 1 + 1 / 64)


def test_a_query_stands_whole_in_each_slice_of_its_rows() -> None:
    queries = np.array([4, 9, 4, 9, 4])
    groups = Groups.of(queries, rows=np.array([0, 1, 2, 2]), slices=np.array([0, 0, 0, 1]))
    assert groups.slices.tolist() == [0, 0, 1]
    members = np.split(groups.rows, groups.starts[1:])
    assert [part.tolist() for part in members] == [[0, 2, 4], [1, 3], [0, 2, 4]]


@given(st.permutations(range(8)), st.integers(0, 8))
def test_queries_in_any_batches_add_up(order: list[int], cut: int) -> None:
    examples, queries = random_queries()
    collection = collection_of(NDCG("gain", (2,)), MinLabelPosition(), QueryStatistics())

    def state_of(which: list[int]) -> np.ndarray:
        rows = np.concatenate([np.flatnonzero(queries == query) for query in which])
        rows = rows.astype(np.int64)
        _, states = collection.query_states(
            part_of(examples, rows), queries[rows], np.arange(len(rows)), np.zeros(len(rows), int)
        )
        return states.toarray().sum(axis=0)

    whole = state_of(list(range(8)))
    parts = [state_of(part) for part in (order[:cut], order[cut:]) if part]
    np.testing.assert_allclose(sum(parts), whole, rtol=1e-12)


def test_rows_add_nothing_to_sums_of_queries() -> None:
    examples, queries = random_queries()
    collection = collection_of(NDCG("gain"), MeanLabel(), QueryStatistics())
    by_rows = sums_of(collection, examples)
    _, by_queries = collection.query_states(
        examples, queries, np.arange(ROWS), np.zeros(ROWS, np.int64)
    )
    by_queries = by_queries.toarray()
    assert not np.any((by_rows != 0) & (by_queries != 0))
    values = collection.compute(by_rows + by_queries)
    assert values[MetricKey("mean_label")][0] == examples.columns[LABEL].mean()
    assert values[MetricKey("total_documents")][0] == ROWS
