"""What TFMA 0.46 itself wrote is shown as it says: plots, verdicts, intervals, rates, classes."""

from __future__ import annotations

import collections
import pathlib

import numpy as np
import pytest
import tensorflow_model_analysis as tfma

from microtome import view
from microtome.errors import ConfigError
from microtome.results.loader import load_eval_result
from microtome.view import contract
from microtome.view.numbers import unpacked
from tests.view.schema import checked


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest, tmp_path_factory) -> pathlib.Path:
    from tests.view.e2e import tfma_results

    cache = getattr(request.config, "cache", None)
    name = f"tfma-results-{tfma_results.digest()}"
    folder = tmp_path_factory.mktemp(name) if cache is None else cache.mkdir(name)
    tfma_results.write(folder)
    return folder


def report_of(folder: pathlib.Path):
    return checked(contract.report_of(load_eval_result(folder)))


@pytest.mark.parametrize("name", ["plots", "fairness-a", "intervals", "classes"])
def test_all_numbers_are_tfmas(results, name):
    report = report_of(results / name)
    rows = {slice_name: row for row, slice_name in enumerate(report["slices"]["name"])}
    columns = {m: unpacked(c["v"]) for m, c in report["values"][name].items()}
    seen = 0
    for key, metrics in tfma.load_eval_result(str(results / name)).slicing_metrics:
        row = rows[tfma.slicer.slicer_lib.stringify_slice_key(key)] if key else rows["Overall"]
        for sub_key, named in metrics[""].items():
            for metric, value in named.items():
                full = f"{metric} ({sub_key})" if sub_key else metric
                if "doubleValue" in value:
                    assert columns[full][row] == float(value["doubleValue"])
                    seen += 1
                elif "boundedValue" in value:
                    assert columns[full][row] == float(value["boundedValue"]["value"])
                    seen += 1
    assert seen >= len(rows)


def test_plots_are_tfmas(results):
    report = report_of(results / "plots")
    kinds = collections.Counter(plot["type"] for plot in report["plots"])
    assert kinds["calibration"] == kinds["thresholds"] == len(report["plot_slices"]["plots"])
    theirs = dict(tfma.load_eval_result(str(results / "plots")).plots)[()][""][""]
    ours = {p["type"]: p["columns"] for p in report["plots"] if p["slice"] == "Overall"}
    buckets = theirs["calibrationHistogramBuckets"]["buckets"]
    for name, field in (
        ("weight", "numWeightedExamples"),
        ("label", "totalWeightedLabel"),
        ("prediction", "totalWeightedRefinedPrediction"),
    ):
        expected = [float(bucket.get(field, 0)) for bucket in buckets]
        np.testing.assert_array_equal(unpacked(ours["calibration"][name]), expected)
    # the first bucket begins at minus infinity, which is no number
    assert np.isnan(unpacked(ours["calibration"]["lo"])[0])
    matrices = theirs["confusionMatrixAtThresholds"]["matrices"]
    expected = [float(matrix.get("truePositives", 0)) for matrix in matrices]
    np.testing.assert_array_equal(unpacked(ours["thresholds"]["tp"]), expected)
    shown = view.render_plot(load_eval_result(results / "plots"))
    assert {plot["slice"] for plot in shown.report["plots"]} == {"Overall"}


def test_the_verdict_is_tfmas(results):
    verdict = report_of(results / "plots")["verdicts"]["plots"]
    theirs = tfma.load_validation_result(str(results / "plots"))
    failures = sum(len(one.failures) for one in theirs.metric_validations_per_slice)
    assert verdict["verdict"] == "NOT_BLESSED"
    assert len(verdict["reasons"]) == failures > 0
    for reason in verdict["reasons"]:
        assert reason["failed"]
        assert reason["metric"] == "auc"
        assert (reason["rule"], reason["limit"]) == ("value_lower", 0.77)
        assert reason["value"] < reason["limit"]
        assert reason["slice"].startswith("carrier:")
    unchecked = report_of(results / "intervals")["verdicts"]["intervals"]
    assert unchecked["verdict"] == "NOT_VALIDATED"
    assert "No threshold" in unchecked["note"]


def test_intervals_are_tfmas(results):
    column = report_of(results / "intervals")["values"]["intervals"]["binary_accuracy"]
    assert (column["level"], column["method"]) == (0.95, "jackknife")
    for value, low, high in zip(column["v"], column["lo"], column["hi"], strict=True):
        assert low < value < high


def test_rates_at_thresholds_are_families(results):
    report = report_of(results / "fairness-a")
    families = collections.defaultdict(set)
    for metric in report["metrics"]:
        if "family" in metric:
            families[metric["family"]].add(metric["threshold"])
    assert families["false_positive_rate"] == {0.3, 0.7}
    assert len(families) >= 8


def test_classes_have_their_plots_and_sub_keys(results):
    report = report_of(results / "classes")
    plot = next(p for p in report["plots"] if p["slice"] == "Overall")
    assert plot["type"] == "multi_class"
    columns = {name: unpacked(column) for name, column in plot["columns"].items()}
    assert set(columns["threshold"]) == {0, 0.5}
    at_zero = columns["threshold"] == 0
    assert columns["weight"][at_zero].sum() == 600
    assert set(columns["actual"]) <= set(range(12))
    assert -1 in columns["predicted"]
    sub_keys = {metric["key"].get("sub_key") for metric in report["metrics"]}
    assert {"classId:0", "classId:2", "classId:11"} <= sub_keys


def test_a_spec_may_be_tfmas(results):
    result = load_eval_result(results / "plots")
    spec = tfma.SlicingSpec(feature_keys=["sex"])
    shown = view.render_slicing_metrics(result, slicing_spec=spec)
    assert set(shown.report["slices"]["name"]) == {"sex:female", "sex:male"}
    with pytest.raises(ConfigError, match="matches 2 slices"):
        view.render_plot(result, tfma.SlicingSpec(feature_keys=["sex"]))


def test_a_baseline_model_is_a_run_of_its_own(tmp_path):
    import pandas as pd
    from google.protobuf import text_format

    config = text_format.Parse(
        """
        model_specs { name: "candidate" label_key: "label" prediction_key: "new" }
        model_specs { name: "baseline" label_key: "label" prediction_key: "old" is_baseline: true }
        slicing_specs {}
        metrics_specs { metrics { class_name: "BinaryAccuracy" } }
        """,
        tfma.EvalConfig(),
    )
    rows = {"label": [0.0, 1, 1, 0], "new": [0.1, 0.9, 0.9, 0.9], "old": [0.1, 0.9, 0.1, 0.9]}
    tfma.analyze_raw_data(pd.DataFrame(rows), config, output_path=str(tmp_path / "two"))
    report = report_of(tmp_path / "two")
    assert [(run["id"], run.get("baseline")) for run in report["runs"]] == [
        ("two~baseline", True),
        ("two", None),
    ]
    assert report["values"]["two~baseline"]["binary_accuracy"]["v"] == [0.5]
    assert report["values"]["two"]["binary_accuracy"]["v"] == [0.75]
    assert report["values"]["two"]["binary_accuracy_diff"]["v"] == [0.25]
    told = {metric["id"]: metric for metric in report["metrics"]}
    assert told["binary_accuracy_diff"]["key"]["is_diff"]
