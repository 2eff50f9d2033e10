"""Slices and configs to validate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from microtome.config import parse_eval_config
from microtome.metrics.keys import MetricKey
from microtome.proto import result_pb2
from microtome.proto.config_pb2 import EvalConfig
from microtome.results.values import metrics_for_slice
from tests.validation.cases import SINGLE, TWO, Case

# of what a config says in TFMA's tests and here
METRIC = "mean_prediction"


def config_of(case: Case) -> EvalConfig:
    """The config of a case, whose metric is computed outside a graph."""
    metric: dict[str, Any] = {"class_name": "MeanPrediction"}
    if case.where is None:
        metric["threshold"] = case.threshold
    elif "slicing_specs" in case.where:
        metric["per_slice_thresholds"] = [{**case.where, "threshold": case.threshold}]
    else:
        metric["cross_slice_thresholds"] = [{**case.where, "threshold": case.threshold}]
    spec: dict[str, Any] = {"metrics": [metric]}
    if case.has_baseline:
        spec["model_names"] = ["candidate", "baseline"]
    models = TWO if case.has_baseline else SINGLE
    crossed = {**(case.where or {})} if "cross_slicing_specs" in (case.where or {}) else {}
    slicing = [{}, {"feature_keys": ["country"]}]
    return parse_eval_config(
        {**models, **crossed, "slicing_specs": slicing, "metrics_specs": [spec]}
    )


def metrics_of(value: Any) -> dict[MetricKey, float]:
    """The metrics of a slice of a case."""
    count = {MetricKey("example_count"): 10.0}
    if value is None:
        return count
    if not isinstance(value, tuple):
        return {**count, MetricKey(METRIC, example_weighted=False): value}
    own = MetricKey(METRIC, "candidate", example_weighted=False)
    return {
        **count,
        own: value[0],
        own._replace(model_name="baseline"): value[1],
        own._replace(is_diff=True): value[0] - value[1],
    }


def records_of(slices: Mapping[tuple, Any]) -> list[result_pb2.MetricsForSlice]:
    """A record each slice of a case."""
    return [metrics_for_slice(key, metrics_of(value)) for key, value in slices.items()]
