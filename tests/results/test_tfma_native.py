"""What TFMA 0.46 writes of native metrics loads as it loads it: classes, models, pairs, frames."""

from __future__ import annotations

import pathlib

import numpy as np
import pandas as pd
import pytest
import tensorflow_model_analysis as tfma
from google.protobuf import text_format
from tensorflow_model_analysis.experimental import dataframe as their_frames

from microtome import view
from microtome.results import dataframes
from microtome.results.loader import (
    load_eval_result,
    load_metrics,
    load_plots,
    load_validation_result,
)
from microtome.view import contract
from microtome.view.numbers import unpacked
from tests.results.test_tfma import assert_records_equal
from tests.view.schema import checked

pytestmark = pytest.mark.slow

ROWS = 400
MODELS = """
model_specs { name: "new" label_key: "label" prediction_key: "prediction" }
model_specs { name: "old" label_key: "label" prediction_key: "earlier" is_baseline: true }
slicing_specs {} slicing_specs { feature_keys: "sex" }
metrics_specs {
  metrics { class_name: "ExampleCount" }
  metrics { class_name: "SparseCategoricalAccuracy" }
  metrics { class_name: "MultiClassConfusionMatrixPlot" config: '{"thresholds": [0.5]}' }
}
metrics_specs {
  binarize { class_ids { values: [0, 2] } }
  metrics { class_name: "AUC" }
  metrics { class_name: "CalibrationPlot" config: '{"num_buckets": 5}' }
  metrics { class_name: "ConfusionMatrixPlot" config: '{"num_thresholds": 5}' }
}
metrics_specs { binarize { top_k_list { values: [2] } } metrics { class_name: "Precision" } }
metrics_specs {
  aggregate { macro_average: true
              class_weights { key: 0 value: 1 } class_weights { key: 1 value: 1 }
              class_weights { key: 2 value: 1 } }
  metrics { class_name: "AUC" }
}
"""
PAIRS = """
model_specs { label_key: "label" prediction_key: "prediction" }
slicing_specs {} slicing_specs { feature_keys: "sex" }
cross_slicing_specs { baseline_spec {} slicing_specs { feature_keys: "sex" } }
metrics_specs {
  metrics { class_name: "ExampleCount" }
  metrics {
    class_name: "BinaryAccuracy"
    cross_slice_thresholds {
      cross_slicing_specs { baseline_spec {} slicing_specs { feature_keys: "sex" } }
      threshold { value_threshold { lower_bound { value: 0.1 } } } } }
}
"""
INTERVALS = """
model_specs { label_key: "label" prediction_key: "prediction" example_weight_key: "weight" }
slicing_specs {} slicing_specs { feature_keys: "hour" }
metrics_specs { metrics { class_name: "BinaryAccuracy" } metrics { class_name: "ExampleCount" } }
options { compute_confidence_intervals { value: true }
          confidence_intervals { method: JACKKNIFE } min_slice_size { value: 100 } }
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("native")
    random = np.random.default_rng(3)
    sex = random.choice(["f", "m"], ROWS)
    classes = {
        "label": random.integers(0, 3, ROWS),
        "prediction": list(random.dirichlet(np.ones(3), ROWS)),
        "earlier": list(random.dirichlet(np.ones(3), ROWS)),
        "sex": sex,
    }
    binary = {
        "label": (random.random(ROWS) > 0.5).astype(float),
        "prediction": random.random(ROWS),
        "weight": random.uniform(0.5, 2, ROWS),
        "hour": np.repeat([0, 1, 2], [50, 100, ROWS - 150]),
        "sex": sex,
    }
    for name, data, config in (
        ("models", classes, MODELS),
        ("pairs", binary, PAIRS),
        ("intervals", binary, INTERVALS),
    ):
        tfma.analyze_raw_data(
            pd.DataFrame(data),
            text_format.Parse(config, tfma.EvalConfig()),
            output_path=str(folder / name),
        )
    return folder


def readable(metrics):
    """TFMA's metrics; in its names an aggregation is a message's text, in differences nothing."""
    return {
        output: {
            sub_key: {_readable_name(sub_key, name): value for name, value in named.items()}
            for sub_key, named in sub_keys.items()
        }
        for output, sub_keys in metrics.items()
    }


def _readable_name(sub_key: str, name: str) -> str:
    if (sub_key, name) == ("", "auc_diff"):
        return "macro_average_auc_diff"
    return name.replace("macro_average: true\n_", "macro_average_")


@pytest.mark.parametrize(
    ("name", "model"), [("models", "new"), ("models", "old"), ("pairs", None), ("intervals", None)]
)
def test_results_load_as_with_tfma(results, name, model):
    path = str(results / name)
    ours, theirs = (
        load_eval_result(path, model_name=model),
        tfma.load_eval_result(path, model_name=model),
    )
    assert dict(ours.slicing_metrics) == {
        key: readable(metrics) for key, metrics in theirs.slicing_metrics
    }
    # TFMA gives the plots of pairs the key of the whole data
    assert {key: plots for key, plots in ours.plots if plots} == {
        key: plots for key, plots in theirs.plots if plots
    }
    names = set().union(*(n for _, m in theirs.slicing_metrics for n in readable(m)[""].values()))
    assert ours.get_metric_names() == sorted(names - {"__ERROR__"})
    for key in ours.get_slice_names():
        assert (
            ours.get_metrics_for_slice(key)
            == readable({"": {"": theirs.get_metrics_for_slice(key)}})[""][""]
        )
    assert_records_equal(path)


def test_sub_keys_are_asked_for_as_with_tfma(results):
    path = str(results / "models")
    ours, theirs = load_eval_result(path), tfma.load_eval_result(path)
    for sub_key in ({"class_id": 2}, {"top_k": 2}):
        assert ours.get_metrics_for_all_slices(**sub_key) == theirs.get_metrics_for_all_slices(
            **sub_key
        )
    frame = ours.to_dataframe()
    assert "macro_average_auc" in set(frame.metric) & set(ours.get_metric_names())
    assert "macro_average_auc" in str(ours.to_string(max_width=400))
    report = checked(contract.report_of(ours))
    assert "macro_average_auc" in {metric["id"] for metric in report["metrics"]}


def test_verdicts_are_tfmas(results):
    for name in ("pairs", "models", "intervals"):
        path = str(results / name)
        assert str(load_validation_result(path)) == str(tfma.load_validation_result(path))
    verdict = checked(contract.report_of(load_eval_result(results / "pairs")))["verdicts"]["pairs"]
    assert {reason["slice"] for reason in verdict["reasons"]} == {
        "Overall__XX__sex:f",
        "Overall__XX__sex:m",
    }


def test_withheld_slices_are_tfmas(results):
    result = load_eval_result(results / "intervals")
    assert set(result.withheld_slices()) == {(("hour", 0),)}
    report = checked(contract.report_of(result))
    assert set(report["slices"]["name"]) == {"Overall", "hour:1", "hour:2"}


def values(frame: pd.DataFrame, column: tuple[str, str]) -> list:
    found = frame[column].astype(object)
    return found.where(found.notna(), None).tolist()


def assert_frames_equal(ours, theirs, skipped=()):
    for kind, frame in vars(theirs).items():
        own = getattr(ours, kind)
        assert (own is None) == (frame is None), kind
        if frame is not None:
            for column in frame.columns:
                if (kind, column[1]) not in skipped:
                    assert values(own, column) == values(frame, column), (kind, column)


def test_frames_are_tfmas_column_for_column(results):
    path = str(results / "models")
    metrics = dataframes.metrics_as_dataframes(load_metrics(path))
    assert_frames_equal(metrics, their_frames.metrics_as_dataframes(tfma.load_metrics(path)))
    classes = "multi_class_confusion_matrix_at_thresholds"
    plots = dataframes.plots_as_dataframes(load_plots(path))
    theirs = their_frames.plots_as_dataframes(tfma.load_plots(path))
    # TFMA tells the threshold of the first pair of classes only
    assert_frames_equal(plots, theirs, {(classes, "threshold")})
    assert set(getattr(plots, classes)["plot_data", "threshold"]) == {0.5}


def test_pivots_are_tfmas(results):
    path = str(results / "models")
    ours = dataframes.metrics_as_dataframes(load_metrics(path)).double_value
    theirs = their_frames.metrics_as_dataframes(tfma.load_metrics(path)).double_value
    plain = [
        frame[(frame["metric_keys", "name"] == "sparse_categorical_accuracy")
              & ~frame["metric_keys", "is_diff"]]
        for frame in (ours, theirs)
    ]  # fmt: skip
    own, their = dataframes.auto_pivot(plain[0]), their_frames.auto_pivot(plain[1])
    renamed = their.rename({"Overall:": "Overall", "sex:b'f'": "sex:f", "sex:b'm'": "sex:m"})
    for model in ("new", "old"):
        mine = own["sparse_categorical_accuracy", model]
        assert mine.to_dict() == renamed[model].to_dict()


def test_frames_have_what_tfma_leaves_out(results):
    theirs = their_frames.metrics_as_dataframes(tfma.load_metrics(str(results / "intervals")))
    frames = dataframes.metrics_as_dataframes(load_metrics(results / "intervals"))
    expected = values(theirs.double_value, ("metric_values", "double_value"))
    assert values(frames.double_value, ("metric_values", "double_value")) == expected
    assert "confidence_interval" not in theirs.double_value.columns.get_level_values(0)
    assert len(frames.debug_message) == 1
    bounds = frames.double_value["confidence_interval"]
    numbers = frames.double_value["metric_values", "double_value"]
    told = bounds.lower_bound.notna()
    assert told.any()
    assert (bounds.lower_bound <= numbers)[told].all()
    assert (numbers <= bounds.upper_bound)[told].all()


# Plots in views


def test_plots_of_each_class_and_model_are_shown(results):
    for model in ("new", "old"):
        result = load_eval_result(results / "models", model_name=model)
        report = checked(contract.report_of(result, max_plot_slices=None))
        of_overall = [
            (plot["type"], plot.get("sub_key", ""))
            for plot in report["plots"]
            if plot["slice"] == "Overall" and plot["run"] == report["runs"][-1]["id"]
        ]
        assert sorted(of_overall) == [
            ("calibration", "classId:0"),
            ("calibration", "classId:2"),
            ("multi_class", ""),
            ("thresholds", "classId:0"),
            ("thresholds", "classId:2"),
        ]
        theirs = dict(tfma.load_eval_result(str(results / "models"), model_name=model).plots)
        shown = view.render_plot(result, class_id=2)
        checked(shown.report)
        by_type = {plot["type"]: plot["columns"] for plot in shown.report["plots"]}
        assert set(by_type) == {"calibration", "thresholds"}
        matrices = theirs[()][""]["classId:2"]["confusionMatrixAtThresholds"]["matrices"]
        np.testing.assert_array_equal(
            unpacked(by_type["thresholds"]["tp"]), [m.get("truePositives", 0) for m in matrices]
        )
        assert "</html>" in shown.to_html()


def test_plots_of_one_slice_output_and_label(results):
    result = load_eval_result(results / "models")
    spec = tfma.SlicingSpec(feature_values={"sex": "f"})
    shown = view.render_plot(result, spec, output_name="", class_id=0)
    assert {plot["slice"] for plot in shown.report["plots"]} == {"sex:f"}
    assert {plot["sub_key"] for plot in shown.report["plots"]} == {"classId:0"}
    labelled = view.render_plot(result, label="classId:2")
    assert {plot["sub_key"] for plot in labelled.report["plots"]} == {"classId:2"}
