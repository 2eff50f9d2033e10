"""Intervals against TFMA 0.46: its arithmetic of the same replicates, its loader of our files."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.evaluators import confidence_intervals_util, jackknife
from tensorflow_model_analysis.utils import math_util

import microtome
from microtome.statistics import intervals

pytestmark = pytest.mark.slow

CONFIG = """
model_specs { name: "new" label_key: "label" prediction_key: "new" }
model_specs { name: "old" label_key: "label" prediction_key: "old" is_baseline: true }
metrics_specs {
  metrics { class_name: "AUC" }
  metrics { class_name: "BinaryAccuracy" }
  metrics { class_name: "ExampleCount" }
  metrics { class_name: "Recall" config: '{"thresholds": [0.3, 0.6]}' }
}
slicing_specs {} slicing_specs { feature_keys: "side" }
options { compute_confidence_intervals { value: true } }
"""
GENERATOR = np.random.default_rng(7)
ROWS = 3000
LABELS = GENERATOR.integers(0, 2, ROWS)
FRAME = pd.DataFrame(
    {
        "label": LABELS.astype(float),
        "new": GENERATOR.random(ROWS) / 2 + LABELS / 3,
        "old": GENERATOR.random(ROWS) / 2 + LABELS / 4,
        "side": np.where(np.arange(ROWS) < 2, "few", GENERATOR.choice(["a", "b"], ROWS)),
    }
)


def test_the_jackknife_of_the_same_replicates() -> None:
    values, replicates = GENERATOR.normal(size=5), GENERATOR.normal(size=(5, 20))
    found = intervals.jackknife(values, replicates, 0.95)
    key = tfma.metrics.MetricKey("m")
    for i in range(5):
        samples = [
            confidence_intervals_util.SampleMetrics({key: value}, sample_id)
            for sample_id, value in enumerate(replicates[i])
        ]
        # the whole is sample number -1
        samples.append(confidence_intervals_util.SampleMetrics({key: values[i]}, -1))
        combine = jackknife._JackknifeSampleCombineFn(20)
        accumulator = combine.create_accumulator()
        for sample in samples:
            accumulator = combine.add_input(accumulator, sample)
        distribution = combine.extract_output(accumulator)[key]
        middle, lower, upper = math_util.calculate_confidence_interval(distribution)
        ours = found.of(i)
        assert ours is not None
        assert (ours.lower, ours.upper) == pytest.approx((lower, upper), rel=1e-9)
        assert (ours.lower + ours.upper) / 2 == pytest.approx(middle)
        assert ours.standard_error == pytest.approx(distribution.sample_standard_deviation)
        assert ours.degrees_of_freedom == distribution.sample_degrees_of_freedom


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: pathlib.Path = tmp_path_factory.mktemp("intervals") / "result"
    microtome.analyze_raw_data(FRAME, CONFIG, str(path))
    return str(path)


@pytest.mark.parametrize("model", ["new", "old"])
def test_tfma_reads_our_intervals(written: str, model: str) -> None:
    theirs = dict(tfma.load_eval_result(written, model_name=model).slicing_metrics)
    ours = dict(microtome.load_eval_result(written, model_name=model).slicing_metrics)
    assert set(ours) == set(theirs)
    bounded = 0
    for key, metrics in ours.items():
        named = metrics[""][""]
        assert theirs[key][""][""] == named
        bounded += sum("boundedValue" in value for value in named.values())
    assert bounded >= 4 * (2 if model == "new" else 1)


def test_tfma_reads_the_records(written: str) -> None:
    records = list(tfma.load_metrics(written))
    found = {
        (item.key.name, item.key.is_diff): item
        for record in records
        if not record.slice_key.single_slice_keys
        for item in record.metric_keys_and_values
        if item.key.model_name in ("new", "")
    }
    difference = found[("auc", True)].confidence_interval
    assert difference.degrees_of_freedom.value == 19
    assert difference.standard_error.double_value.value > 0
    assert not found[("auc", False)].confidence_interval.HasField("degrees_of_freedom")
    assert not found[("example_count", False)].HasField("confidence_interval")
    assert not found[("recall", False)].HasField("confidence_interval")


@pytest.mark.parametrize("method", ["JACKKNIFE", "POISSON_BOOTSTRAP"])
def test_widths_are_tfmas(method: str, tmp_path: pathlib.Path) -> None:
    """Partitions are by chance, so that standard errors agree as far as 20 replicates let them."""
    from google.protobuf import text_format

    text = CONFIG.replace("options {", f"options {{ confidence_intervals {{ method: {method} %s }}")
    tfma.analyze_raw_data(
        FRAME, text_format.Parse(text % "", tfma.EvalConfig()), output_path=str(tmp_path / "tfma")
    )
    ours = microtome.analyze_raw_data(FRAME, text % "closed_forms { value: false }")
    errors = [_errors(path) for path in (str(tmp_path / "tfma"), ours.output_path)]
    shared = errors[0].keys() & errors[1].keys()
    assert len(shared) >= 3 * 2 * 3
    # of two variances of 19 degrees of freedom each
    most = np.sqrt(scipy.stats.f.ppf(1 - 1e-5, 19, 19))
    for place in shared:
        assert 1 / most < errors[0][place] / errors[1][place] < most, place


def _errors(path: str) -> dict[Any, float]:
    """Standard errors by slice and metric."""
    found = {}
    for record in tfma.load_metrics(path):
        slices = tuple(part.bytes_value for part in record.slice_key.single_slice_keys)
        if b"few" in slices:
            continue
        for item in record.metric_keys_and_values:
            error = item.confidence_interval.standard_error
            if error.WhichOneof("type") == "double_value":
                place = slices, item.key.name, item.key.model_name, item.key.is_diff
                found[place] = error.double_value.value
    return found
