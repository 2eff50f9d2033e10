"""Differences to a baseline model, slice by slice; with TFMA: tests/contract."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from microtome.errors import ConfigError
from microtome.metrics.collection import Collection, Computation
from microtome.metrics.curves import AUC
from microtome.metrics.differences import compared_keys, differences
from microtome.metrics.keys import MetricKey, SubKey
from microtome.metrics.metric import make_metric
from microtome.metrics.views import Examples, Source, View
from tests.metrics.summed import sums_of

pytestmark = pytest.mark.current

NEW, OLD = MetricKey("auc", "new"), MetricKey("auc", "old")


def test_of_numbers_and_arrays() -> None:
    values = {
        NEW: np.array([0.75, 0.5, math.nan]),
        OLD: np.array([0.5, math.nan, 0.5]),
        NEW._replace(name="at_two"): np.array([[1.0, 2.0]]),
        OLD._replace(name="at_two"): np.array([[0.0, 2.5]]),
    }
    found = differences(values, "old")
    diff = NEW._replace(is_diff=True)
    assert list(found) == [diff, diff._replace(name="at_two")]
    np.testing.assert_array_equal(found[diff], [0.25, math.nan, math.nan])
    np.testing.assert_array_equal(found[diff._replace(name="at_two")], [[1.0, -0.5]])


def test_what_has_none() -> None:
    number = np.array([1.0])
    message = np.array([object()])
    values = {
        NEW: number,
        OLD._replace(sub_key=SubKey(class_id=1)): number,
        NEW._replace(name="matrix"): message,
        OLD._replace(name="matrix"): message,
        NEW._replace(name="flips", is_diff=True): number,
        NEW._replace(name="at_thresholds"): np.ones([1, 3]),
        OLD._replace(name="at_thresholds"): np.ones([1, 2]),
        "of the graph": number,
    }
    assert differences(values, "old") == {}


def test_whole_numbers_below_those_of_the_baseline() -> None:
    values = {NEW: np.array([1], np.uint8), OLD: np.array([3], np.uint8)}
    ((_, found),) = differences(values, "old").items()
    assert found.tolist() == [-2.0]


def test_which_are_compared() -> None:
    other = MetricKey("auc", "other")
    keys = [NEW, "auc", OLD, other, NEW._replace(is_diff=True), NEW._replace(name="recall")]
    assert compared_keys(keys, "old") == [(NEW, OLD), (other, OLD)]
    assert compared_keys(keys, "none") == []


def test_a_collection_compares_with_its_baseline() -> None:
    sources = {name: Source("predictions", name) for name in ("new", "old")}
    views = {name: View(prediction=source) for name, source in sources.items()}
    items = [Computation(MetricKey("auc", name), AUC(), (view,)) for name, view in views.items()]
    collection = Collection(tuple(items), "old")
    columns = {
        Source("labels"): np.array([0.0, 1.0]),
        sources["new"]: np.array([0.2, 0.8]),
        sources["old"]: np.array([0.8, 0.2]),
    }
    # it travels with its baseline, and without thresholds
    assert collection.layout.width > 10_000
    assert len(pickle.dumps(collection)) < 2000
    collection = pickle.loads(pickle.dumps(collection)).fitted(Examples(2, columns))
    values = collection.compute(sums_of(collection, Examples(2, columns)))
    assert {key: value.tolist() for key, value in values.items()} == {
        NEW: [1.0],
        OLD: [0.0],
        NEW._replace(is_diff=True): [1.0],
    }


@pytest.mark.parametrize(
    ("name", "settings", "wanted"),
    [
        ("AUC", {"num_thresholds": 2.5}, "num_thresholds=2.5; it must be an integer or null"),
        ("Precision", {"thresholds": [0.5, "a"]}, "a finite number or a list, each a finite"),
        ("CalibrationPlot", {"left": math.nan}, "left=nan"),
        ("CategoricalCrossEntropy", {"from_logits": 1}, "it must be true or false"),
        ("ExampleCount", {"name": None}, "name=None; it must be a text"),
    ],
)
def test_settings_are_of_their_types(name, settings, wanted) -> None:
    with pytest.raises(ConfigError, match=f"The metric {name} has .*{wanted}"):
        make_metric(name, settings)
