"""Intervals of several models in one pass: each as alone, and of the differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microtome
from microtome.results.loader import load_metrics
from microtome.results.metric_keys import metric_key_from_proto
from tests.executor.test_joint import SLICES, cut, shared, uncut

METRICS = """
metrics_specs { metrics { class_name: "MeanPrediction" } metrics { class_name: "AUC" } }
metrics_specs { query_key: "level" metrics { class_name: "QueryStatistics" } }"""


def intervals(result: Any) -> dict[Any, tuple[float, float]]:
    """By slice, metric, model and whether it is a difference."""
    found = {}
    for record in load_metrics(result.output_path):
        where = record.slice_key.SerializeToString()
        for item in record.metric_keys_and_values:
            if item.HasField("confidence_interval"):
                key = metric_key_from_proto(item.key)
                bounds = item.confidence_interval
                found[where, key._replace(model_name=""), key.model_name] = (
                    bounds.lower_bound.double_value.value,
                    bounds.upper_bound.double_value.value,
                )
    return found


@pytest.mark.parametrize(
    ("method", "of_baseline"),
    [("JACKKNIFE", cut), ("JACKKNIFE", uncut), ("POISSON_BOOTSTRAP", uncut)],
)
def test_each_as_alone(committed_model, method, of_baseline):
    """What a graph computes on the rows of slices has no interval, nor has its difference."""
    first, second = committed_model("dnn_binary_v2"), committed_model("linear_binary_v1")
    config = f"""{SLICES} {METRICS} options {{ compute_confidence_intervals {{ value: true }}
        confidence_intervals {{ method: {method} }} }}"""

    def run(models: Any) -> Any:
        return microtome.run_model_analysis(models, first.data_path, eval_config=config)

    candidate = shared(first, example_weight_key=None, add_metrics_callbacks=[uncut])
    baseline = shared(second, add_metrics_callbacks=[of_baseline])
    joint = intervals(run({"candidate": candidate, "baseline": baseline}))
    for name, model in (("candidate", candidate), ("baseline", baseline)):
        alone = intervals(run(model))
        of_model = {k[:2]: v for k, v in joint.items() if k[2] == name and not k[1].is_diff}
        assert of_model.keys() == {k[:2] for k in alone}
        for (where, key, _), bounds in alone.items():
            np.testing.assert_allclose(of_model[where, key], bounds, 1e-9, 1e-9, err_msg=str(key))
    diffs = {key.name for _, key, _ in joint if key.is_diff}
    assert {"accuracy", "auc", "mean_prediction"} <= diffs
    assert not {"largest", "total_of_hits"} & diffs


def test_no_difference_to_itself(committed_model):
    model = committed_model("dnn_binary_v2")
    config = f"{SLICES} {METRICS} options {{ compute_confidence_intervals {{ value: true }} }}"
    models = [shared(model), shared(model, is_baseline=True)]
    result = microtome.run_model_analysis(models, model.data_path, eval_config=config)
    bounds = [v for (_, key, _), v in intervals(result).items() if key.is_diff]
    assert len(bounds) > 30
    np.testing.assert_allclose(bounds, 0, atol=1e-12)


def test_the_account_tells_models_apart_where_they_differ(committed_model):
    first, second = committed_model("dnn_binary_v2"), committed_model("linear_binary_v1")
    models = [
        shared(first, example_weight_key=None, add_metrics_callbacks=[cut]),
        shared(second, is_baseline=True, add_metrics_callbacks=[uncut]),
    ]
    config = {"options": {"compute_confidence_intervals": True}}
    result = microtome.run_model_analysis(models, first.data_path, eval_config=config)
    told = result.run_info["confidence_intervals"]["metrics"]
    assert "by_model" not in told["accuracy"]
    of_largest = told["largest"]
    assert of_largest["method"] == of_largest["by_model"]["candidate"]["method"]
    assert of_largest["by_model"]["baseline"]["method"] is None
    assert "graph" in of_largest["by_model"]["baseline"]["reason"]
    assert "graph" in told["largest_diff"]["reason"]
