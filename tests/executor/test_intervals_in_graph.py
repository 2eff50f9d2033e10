"""Confidence intervals of a model's own metrics, against runs over what each replicate has."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import microtome
from microtome.executor.sources import Batch
from microtome.executor.units import units_of
from microtome.slicing.resampling import Method, Resampling

PARTS = 3
SPECS = [microtome.SingleSliceSpec(), microtome.SingleSliceSpec(columns=["country"])]


def values_of(result: microtome.EvalResult, column: str = "value") -> pd.Series:
    frame = result.to_dataframe()
    return frame.set_index(["slice", "metric"])[column].sort_index()


@pytest.fixture(scope="module")
def model(committed_model: Any) -> Any:
    return committed_model("dnn_binary_v2")


def replicates_of(model: Any, method: Method, folder: pathlib.Path) -> list[pd.Series]:
    """The values of runs over the rows of each replicate."""
    records = np.empty(len(model.records), object)
    records[:] = model.records
    draws = Resampling(method, PARTS).draws(units_of(Batch(records, model.data_path, 0)))
    found = []
    for i in range(PARTS):
        if method is Method.JACKKNIFE:
            rows = np.flatnonzero(draws.states != i)
        else:
            rows = draws.rows[draws.states == i]
        path = str(folder / f"{i}.tfrecord")
        with tf.io.TFRecordWriter(path) as writer:
            for row in rows.tolist():
                writer.write(records[row])
        shared = microtome.default_eval_shared_model(
            model.model_path, example_weight_key=model.example_weight_key
        )
        found.append(values_of(microtome.run_model_analysis(shared, path, slice_spec=SPECS)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("method", list(Method))
def test_intervals_of_a_graphs_metrics(model: Any, method: Method, tmp_path: pathlib.Path) -> None:
    shared = microtome.default_eval_shared_model(
        model.model_path, example_weight_key=model.example_weight_key
    )
    config = {
        "slicing_specs": [{}, {"feature_keys": ["country"]}],
        "options": {"confidence_intervals": {"method": method.name, "num_replicates": PARTS}},
    }
    result = microtome.run_model_analysis(
        shared, model.data_path, eval_config=config, compute_confidence_intervals=True
    )
    values = values_of(result)
    lower, upper = values_of(result, "lower_bound"), values_of(result, "upper_bound")
    replicates = replicates_of(model, method, tmp_path)
    names = {name for _, name in values.index if not name.startswith("post_export_metrics/")}
    assert len(names) > 5
    checked = 0
    for place, value in values.items():
        each = np.array([one.get(place, np.nan) for one in replicates])
        if place[1] not in names or not np.isfinite([value, *each]).all():
            assert np.isnan(lower[place])
            continue
        pseudo = PARTS * value - (PARTS - 1) * each
        if method is Method.JACKKNIFE:
            middle, error = each.mean(), pseudo.std(ddof=1) / np.sqrt(PARTS)
        else:
            middle, error = value, each.std(ddof=1)
        # of Student's t with two degrees of freedom
        half = 4.302653 * error
        assert lower[place] == pytest.approx(middle - half, abs=2e-5 * max(1, abs(value)))
        assert upper[place] == pytest.approx(middle + half, abs=2e-5 * max(1, abs(value)))
        checked += 1
    assert checked > 20


def test_metrics_of_the_graph_itself_say_why_they_have_none(model: Any) -> None:
    def maximum(features: Any, predictions: Any, labels: Any) -> Any:
        del features, labels
        most = tf.compat.v1.get_variable(
            "most", shape=[], initializer=tf.compat.v1.zeros_initializer()
        )
        update = most.assign(tf.maximum(most, tf.reduce_max(predictions["logistic"])))
        return {"maximum": (most.read_value(), update)}

    shared = microtome.default_eval_shared_model(model.model_path, [maximum])
    result = microtome.run_model_analysis(
        shared, model.data_path, slice_spec=SPECS, compute_confidence_intervals=True
    )
    told = result.run_info["confidence_intervals"]["metrics"]
    assert told["maximum"]["method"] is None
    assert told["maximum"]["reason"].startswith("the model's graph computes it")
    assert told["auc"]["method"] == "jackknife"
    metrics = result.get_metrics_for_slice()
    assert metrics is not None
    assert set(metrics["maximum"]) == {"doubleValue"}
    assert set(metrics["auc"]) == {"boundedValue"}
    assert result.example_count() == len(model.records)
