"""A loaded result answers for its slices, metrics and outputs."""

import math

import numpy as np
import pandas as pd
import pytest

from microtome.errors import ConfigError
from microtome.results import EvalResult, load_eval_result
from microtome.results.records import metrics_of
from microtome.results.values import metrics_for_slice, to_json, to_metric_value
from tests.results.made import write

pytestmark = pytest.mark.current

AA, UA = (("carrier", "AA"),), (("carrier", "UA"),)
V2 = """
slice_key {}
metric_keys_and_values { key { name: "auc" } value { double_value { value: 0.5 } } }
metric_keys_and_values { key { name: "auc" is_diff: true } value { double_value { value: 0.25 } } }
metric_keys_and_values { key { name: "acc" aggregation_type { macro_average: true } }
                         value { double_value { value: 0.75 } } }
metric_keys_and_values { key { name: "auc" sub_key { class_id { value: 3 } } }
                         value { double_value { value: 2 } } }
metric_keys_and_values { key { name: "auc" sub_key { top_k { value: 5 } class_id { value: 3 } } }
                         value { double_value { value: 3 } } }
metric_keys_and_values { key { name: "auc" sub_key { k { value: 1 } } }
                         value { double_value { value: 4 } } }
metric_keys_and_values { key { name: "auc" output_name: "o" } value { double_value { value: 5 } } }
metric_keys_and_values {
  key { name: "ci" } value { double_value { value: 6 } }
  confidence_interval { lower_bound { double_value { value: 5 } }
                        upper_bound { double_value { value: 7 } } } }
metric_keys_and_values {
  key { name: "half" } value { double_value { value: 6 } }
  confidence_interval { upper_bound { double_value { value: 7 } } } }
metrics { key: "auc" value { double_value { value: 9 } } }
metrics { key: "post_export_metrics/example_count" value { double_value { value: 30 } } }
"""
SINGLE = 'slice_key { single_slice_keys { column: "a" int64_value: 3 } } %s'


@pytest.fixture
def keyed(make_directory) -> EvalResult:
    other = SINGLE % (
        'metric_keys_and_values { key { name: "f1" output_name: "o" } '
        "value { double_value { value: 1 } } }"
    )
    cross = """cross_slice_key { baseline_slice_key {} comparison_slice_key {
                 single_slice_keys { column: "a" int64_value: 3 } } }
               metric_keys_and_values { key { name: "f1" } value { double_value { value: 8 } } }"""
    return load_eval_result(make_directory("{}", metrics=[V2, other, cross]))


@pytest.fixture
def result(result_path) -> EvalResult:
    return load_eval_result(result_path)


def test_names(keyed):
    assert keyed.get_slice_names() == [(), (("a", 3),), ((), (("a", 3),))]
    assert keyed.get_metric_names() == [
        "auc",
        "auc_diff",
        "ci",
        "f1",
        "half",
        "macro_average_acc",
        "post_export_metrics/example_count",
    ]


def test_metrics_of_a_slice(keyed):
    assert keyed.get_metrics_for_slice() == {
        "auc": {"doubleValue": 0.5},
        "auc_diff": {"doubleValue": 0.25},
        "macro_average_acc": {"doubleValue": 0.75},
        "ci": {"boundedValue": {"lowerBound": 5.0, "upperBound": 7.0, "value": 6.0}},
        "half": {"doubleValue": 6.0},
        "post_export_metrics/example_count": {"doubleValue": 30.0},
    }
    assert keyed.get_metrics_for_slice(class_id=3) == {"auc": {"doubleValue": 2.0}}
    assert keyed.get_metrics_for_slice(class_id=3, top_k=5) == {"auc": {"doubleValue": 3.0}}
    assert keyed.get_metrics_for_slice(k=1) == {"auc": {"doubleValue": 4.0}}
    assert keyed.get_metrics_for_slice(output_name="o") == {"auc": {"doubleValue": 5.0}}
    assert keyed.get_metrics_for_slice((("a", 3),), "o") == {"f1": {"doubleValue": 1.0}}
    assert keyed.get_metrics_for_slice(((), (("a", 3),))) == {"f1": {"doubleValue": 8.0}}
    assert keyed.get_metrics_for_slice((("a", 4),)) is None


def test_what_is_not_there_is_named(keyed):
    with pytest.raises(ConfigError, match=r"no output 'oo' .*'o'.*; there is: '', 'o'"):
        keyed.get_metrics_for_slice(output_name="oo")
    with pytest.raises(ConfigError, match=r"no sub-key 'classId:4'.*'classId:3 topK:5', 'k:1'"):
        keyed.get_metrics_for_slice(class_id=4)
    with pytest.raises(ConfigError, match="k=1 cannot stand beside class_id=3"):
        keyed.get_metrics_for_slice(class_id=3, k=1)
    with pytest.raises(ConfigError, match="no output 'p'"):
        keyed.get_metrics_for_all_slices(output_name="p")
    with pytest.raises(ConfigError, match="no sub-key 'k:7'"):
        keyed.get_metrics_for_all_slices(k=7)
    for key in ("carrier:AA", (("a",),), 3, (("a", None),)):
        with pytest.raises(ConfigError, match="A slice key is"):
            keyed.get_metrics_for_slice(key)


def test_metrics_of_all_slices(keyed, result):
    assert keyed.get_metrics_for_all_slices(output_name="o") == {
        (): {"auc": {"doubleValue": 5.0}},
        (("a", 3),): {"f1": {"doubleValue": 1.0}},
    }
    assert result.get_metrics_for_all_slices()[AA]["accuracy"] == {"doubleValue": 0.5}
    assert EvalResult([]).get_metrics_for_all_slices() == {}


def test_keys_are_found_in_any_form(tmp_path):
    slices = {
        (("a", "x"), ("b", 3)): {"m": 1.0},
        (("c", float("nan")),): {"m": 2.0},
        (("d", float(np.float32(0.1))),): {"m": 3.0},
    }
    result = load_eval_result(write(tmp_path / "result", slices))
    assert result.get_metrics_for_slice([["b", np.int64(3)], ["a", b"x"]])["m"]["doubleValue"] == 1
    assert result.get_metrics_for_slice((("c", math.nan),))["m"]["doubleValue"] == 2
    assert result.get_metrics_for_slice((("d", np.float32(0.1)),))["m"]["doubleValue"] == 3


def test_plain_values_by_slice(keyed, result):
    assert dict(result.slices())[UA] == {
        "accuracy": 0.875,
        "post_export_metrics/example_count": 200.0,
    }
    assert dict(keyed.slices())[()]["auc (classId:3 topK:5)"] == 3.0
    assert dict(keyed.slices())[()]["o/auc"] == 5.0
    assert dict(keyed.slices())[()]["ci"] == 6.0


def test_example_counts(result, keyed):
    assert result.example_count() == 300
    assert result.example_count(AA) == 100
    assert result.example_count((("carrier", "ZZ"),)) is None
    assert keyed.example_count((("a", 3),)) is None


def test_how_metrics_were_computed(tmp_path):
    paths = {"auc": {"path": "cut"}}
    assert load_eval_result(write(tmp_path / "a", metrics=paths)).metric_paths == paths
    assert load_eval_result(write(tmp_path / "b")).metric_paths == {}


def test_dataframe(result):
    expected = pd.DataFrame(
        {
            "slice": ["Overall"] * 2 + ["carrier:AA"] * 2 + ["carrier:UA"] * 2,
            "carrier": pd.Series([None, None, "AA", "AA", "UA", "UA"], dtype=object),
            "example_count": [300.0, 300.0, 100.0, 100.0, 200.0, 200.0],
            "output_name": [""] * 6,
            "sub_key": [""] * 6,
            "metric": ["accuracy", "post_export_metrics/example_count"] * 3,
            "value": [0.75, 300.0, 0.5, 100.0, 0.875, 200.0],
            "lower_bound": [math.nan] * 6,
            "upper_bound": [math.nan] * 6,
            "array": [None] * 6,
        }
    )
    pd.testing.assert_frame_equal(result.to_dataframe(), expected)


def test_dataframe_is_easy_to_pivot(result):
    frame = result.to_dataframe()
    accuracy = frame[frame.metric == "accuracy"].set_index("slice").value
    assert accuracy.to_dict() == {"Overall": 0.75, "carrier:AA": 0.5, "carrier:UA": 0.875}
    assert list(frame[frame.carrier == "UA"].value) == [0.875, 200.0]


def test_dataframe_of_other_values(tmp_path, keyed):
    slices = {
        (("metric", 3), ("b", "x")): {
            "matrix": np.array([[1.0, 2.0], [3.0, math.nan]]),
            "t": "text",
        }
    }
    frame = load_eval_result(write(tmp_path / "result", slices)).to_dataframe()
    assert list(frame.columns)[:3] == ["slice", "slice_key.metric", "b"]
    assert frame["slice_key.metric"].tolist() == [3, 3]
    np.testing.assert_array_equal(frame.array[0], slices[(("metric", 3), ("b", "x"))]["matrix"])
    assert frame.value.isna().all()
    bounded = keyed.to_dataframe().query("metric == 'ci'").iloc[0]
    assert (bounded.value, bounded.lower_bound, bounded.upper_bound) == (6, 5, 7)


def test_dataframe_of_nothing():
    frame = EvalResult([]).to_dataframe()
    assert frame.empty
    assert "value" in frame.columns


def test_nan_and_infinities(tmp_path):
    values = {"a": math.nan, "b": math.inf, "c": -math.inf}
    frame = load_eval_result(write(tmp_path / "result", {(): values})).to_dataframe()
    np.testing.assert_array_equal(frame.value, list(values.values()))


def test_values_of_the_record_forms_agree():
    record = metrics_for_slice((), {"a": 1.5, "b": np.array([1, 2])})
    keyed = type(record)(slice_key={})
    for name in ("a", "b"):
        item = keyed.metric_keys_and_values.add()
        item.key.name = name
        item.value.CopyFrom(record.metrics[name])
    assert metrics_of(keyed, None) == metrics_of(record, None)
    assert metrics_of(record, None) == {
        "": {"": {"a": to_json(to_metric_value(1.5)), "b": to_json(record.metrics["b"])}}
    }


ATTRIBUTIONS = """slice_key {}
  attributions_keys_and_values { key { name: "n" }
    values { key: "f" value { double_value { value: 1 } } } }
  attributions_keys_and_values { key { name: "m" }
    values { key: "f" value { double_value { value: 2 } } } }
  attributions_keys_and_values { key { name: "n" sub_key { class_id { value: 1 } } }
    values { key: "f" value { double_value { value: 3 } } } }"""
OF_A3 = (
    SINGLE
    % """attributions_keys_and_values { key { name: "n" }
           values { key: "f" value { double_value { value: 4 } } } }"""
)


def test_attributions(make_directory):
    made = make_directory("{}", metrics=[V2], attributions=[ATTRIBUTIONS, OF_A3])
    result = load_eval_result(made)
    assert result.get_attributions_for_slice((), "m") == {"f": {"doubleValue": 2.0}}
    assert result.get_attributions_for_slice(class_id=1) == {"f": {"doubleValue": 3.0}}
    assert result.get_attributions_for_slice([["a", 3]]) == {"f": {"doubleValue": 4.0}}
    assert result.get_attributions_for_slice((("a", 4),)) is None
    assert result.get_attributions_for_all_slices("n") == {
        (): {"f": {"doubleValue": 1.0}},
        (("a", 3),): {"f": {"doubleValue": 4.0}},
    }
    assert set(result.get_attributions_for_all_slices("m")) == {()}
    for ask in (result.get_attributions_for_slice, result.get_attributions_for_all_slices):
        with pytest.raises(ConfigError, match=r"no metric with attributions ''.*: 'm', 'n'"):
            ask()
        with pytest.raises(ConfigError, match=r"no metric with attributions 'x'"):
            ask(metric_name="x")
        with pytest.raises(ConfigError, match="no output 'o'"):
            ask(output_name="o")
    assert EvalResult([]).get_attributions_for_slice() is None
    assert EvalResult([]).get_attributions_for_all_slices() == {}


PLOTS = """slice_key {}
  plot_keys_and_values { key { output_name: "o" sub_key { class_id { value: 1 } } } value {
    calibration_histogram_buckets {
      buckets { lower_threshold_inclusive: -inf num_weighted_examples { value: 2 } }
      buckets { upper_threshold_exclusive: 0.5 total_weighted_label { value: 3 } } }
    confusion_matrix_at_thresholds { matrices { threshold: 0.5 recall: 0.25 } } } }
  plot_keys_and_values { key { name: "p" } value {
    multi_class_confusion_matrix_at_thresholds { matrices { threshold: 0.5
      entries { actual_class_id: 1 predicted_class_id: -1 num_weighted_examples: 4 } } } } }
  plot_keys_and_values { key { name: "q" } value {
    multi_label_confusion_matrix_at_thresholds { matrices {
      entries { actual_class_id: 2 false_negatives: 5 } } } } }"""


def test_plots_as_rows(make_directory):
    of_a3 = SINGLE % "plot_data { calibration_histogram_buckets { buckets {} } }"
    result = load_eval_result(make_directory("{}", metrics=[V2], plots=[PLOTS, of_a3]))
    frame = result.plots_dataframe()
    assert frame.slice.tolist() == ["Overall"] * 5 + ["a:3"]
    assert frame.a.tolist() == [None] * 5 + [3]
    assert frame.output_name.tolist() == ["o"] * 3 + [""] * 3
    assert frame["plot"].tolist() == ["", "", "", "p", "q", ""]
    assert frame.kind.str.split("_").str[0].tolist() == [
        "calibration", "calibration", "confusion", "multi", "multi", "calibration",
    ]  # fmt: skip
    nan = math.nan
    np.testing.assert_array_equal(frame.threshold, [nan, nan, 0.5, 0.5, 0, nan])
    np.testing.assert_array_equal(frame.predicted_class_id, [nan, nan, nan, -1, 0, nan])
    np.testing.assert_array_equal(frame.false_negatives, [nan, nan, 0, nan, 5, nan])
    buckets = result.plots_dataframe("calibration_histogram_buckets")
    assert buckets.lower_threshold_inclusive.tolist() == [-math.inf, 0, 0]
    assert buckets.total_weighted_label.tolist() == [0, 3, 0]
    assert buckets.sub_key.tolist() == ["classId:1", "classId:1", ""]
    assert "recall" not in buckets.columns
    with pytest.raises(ConfigError, match=r"no plots of kind 'calibration'.*kinds are: calib"):
        result.plots_dataframe("calibration")


def test_no_plots_are_no_rows():
    frame = EvalResult([]).plots_dataframe()
    assert frame.empty
    assert {"slice", "kind", "threshold"} <= set(frame.columns)
