"""The bins of predictions, and values of many slices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microtome.metrics import collection as collection_lib
from microtome.metrics import curves
from microtome.metrics.collection import Collection, Computation
from microtome.metrics.histogram import Thresholds
from microtome.metrics.metric import Rows
from microtome.metrics.views import View

pytestmark = pytest.mark.current

EVEN = np.linspace(0, 1, 10_001)
THRESHOLDS = {
    "even": EVEN,
    "even, with ends": [-np.inf, *EVEN[1:-1], np.inf],
    "even, with others": [*EVEN, 0.50003, 0.123456],
    "in one half": [*np.linspace(0, 0.5, 1000), 0.9],
    "few": [0.1, 0.5],
}


def bins_of(part: Thresholds, predictions: np.ndarray) -> np.ndarray:
    ones = np.ones(len(predictions))
    return part.added(Rows(ones, predictions, ones)).index


@pytest.mark.parametrize("thresholds", THRESHOLDS.values(), ids=THRESHOLDS)
def test_bins_are_those_of_a_search(thresholds: list[float]):
    part = Thresholds.of(thresholds)
    known = np.array(part.thresholds)
    edges = np.concatenate([known, np.nextafter(known, -np.inf), np.nextafter(known, np.inf)])
    spread = np.random.default_rng(3).normal(0.5, 1, 5000)
    for predictions in (edges, spread, spread.astype(np.float32).astype(np.float64)):
        np.testing.assert_array_equal(
            bins_of(part, predictions), np.searchsorted(known, predictions)
        )


@given(st.lists(st.floats(), min_size=1))
def test_bins_of_any_number(values: list[float]):
    part, predictions = Thresholds.of(EVEN), np.array(values)
    np.testing.assert_array_equal(bins_of(part, predictions), np.searchsorted(EVEN, predictions))


def test_values_of_slices_do_not_depend_on_how_many_are_computed_at_once(
    monkeypatch: pytest.MonkeyPatch,
):
    view = View()
    items = [
        Computation(metric.name, metric, (view,))
        for metric in (curves.AUC(), curves.AUCPrecisionRecall())
    ]
    collection = Collection(tuple(items))
    sums = np.random.default_rng(0).random((7, collection.layout.width))
    whole = collection.compute(sums)
    monkeypatch.setattr(collection_lib, "_NUMBERS_AT_ONCE", 3 * collection.layout.width)
    in_parts = collection.compute(sums)
    assert list(whole) == list(in_parts)
    for key, values in whole.items():
        np.testing.assert_array_equal(in_parts[key], values)
