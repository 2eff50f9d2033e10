"""The models that are committed: equal to TFMA, on this line as on the other."""

from __future__ import annotations

import functools

import pytest

import microtome
from microtome.results import EvalResult
from tests import committed
from tests.executor import exceptions

pytestmark = pytest.mark.current

# TFMA gives it to weighted models only; ours weigh 1 a row where there is no weight
WEIGHT = "post_export_metrics/example_weight"


@pytest.fixture(scope="module")
def evaluated(committed_model):
    """A function that evaluates a committed model by the slices of its `expected`."""

    @functools.cache
    def evaluate(name: str) -> EvalResult:
        model = committed_model(name)
        columns = [(), *((feature,) for feature in model.slice_features)]
        return microtome.run_model_analysis(
            microtome.default_eval_shared_model(
                model.model_path, example_weight_key=model.example_weight_key
            ),
            model.data_path,
            slice_spec=[microtome.SingleSliceSpec(columns=names) for names in columns],
        )

    return evaluate


@pytest.mark.parametrize("name", committed.NAMES)
def test_equal_to_tfma(evaluated, committed_model, name):
    found = dict(evaluated(name).slices())
    expected = committed_model(name).expected
    assert set(found) == set(expected)
    for key, metrics in expected.items():
        assert set(found[key]) == {*metrics, WEIGHT}
        if WEIGHT not in metrics:
            assert found[key][WEIGHT] == metrics["post_export_metrics/example_count"]
        for metric, value in metrics.items():
            exceptions.assert_equal(found[key][metric], value, name, metric, key)


@pytest.mark.parametrize("name", committed.NAMES)
def test_paths(evaluated, name):
    paths = {metric: how["path"] for metric, how in evaluated(name).metric_paths.items()}
    assert paths == {metric: exceptions.path(name, metric) for metric in paths}
    assert all(
        how["path"] == "cut" or how["reason"] for how in evaluated(name).metric_paths.values()
    )
