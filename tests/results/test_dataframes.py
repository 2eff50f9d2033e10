"""Records as DataFrames: every kind of value, of keys and of maps; pivoted, a row a slice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from google.protobuf import text_format

import microtome
from microtome.errors import DataError
from microtome.proto import result_pb2
from microtome.results.dataframes import auto_pivot, metrics_as_dataframes, plots_as_dataframes

pytestmark = pytest.mark.current

OVERALL = "slice_key {}"
A5 = 'slice_key { single_slice_keys { column: "a" int64_value: 5 } }'
BC = """slice_key { single_slice_keys { column: "b" float_value: 0.5 }
                    single_slice_keys { column: "c" bytes_value: "x" } }"""
CROSS = """cross_slice_key { baseline_slice_key {} comparison_slice_key {
             single_slice_keys { column: "a" int64_value: 5 } } }"""
NUMBER = "double_value { value: 1.5 }"


def metric(name: str, value: str = NUMBER, key: str = "", more: str = "") -> str:
    return f"""metric_keys_and_values {{ key {{ name: '{name}' {key} }}
                                        value {{ {value} }} {more} }}"""


M = metric("m")
N = metric("n")


def metrics(*texts: str) -> list[result_pb2.MetricsForSlice]:
    return [text_format.Parse(text, result_pb2.MetricsForSlice()) for text in texts]


def plots(*texts: str) -> list[result_pb2.PlotsForSlice]:
    return [text_format.Parse(text, result_pb2.PlotsForSlice()) for text in texts]


def column(frame: pd.DataFrame | None, group: str, name: str) -> list:
    assert frame is not None
    found = frame[group, name].astype(object)
    return found.where(found.notna(), None).tolist()


def test_keys_and_slices_have_columns():
    macro = "aggregation_type { macro_average: true } is_diff: true output_name: 'o'"
    first = f"""{OVERALL} {metric("m", key="sub_key { class_id { value: 3 } }")}
                {metric("m", key=macro)}"""
    frame = metrics_as_dataframes(metrics(first, f"{A5} {M}", f"{BC} {M}")).double_value
    assert column(frame, "slices", "Overall") == ["", "", None, None]
    assert column(frame, "slices", "a") == [None, None, 5, None]
    assert column(frame, "slices", "b") == [None, None, None, 0.5]
    assert column(frame, "slices", "c") == [None, None, None, b"x"]
    assert column(frame, "metric_keys", "class_id") == [3, None, None, None]
    assert column(frame, "metric_keys", "macro_average") == [None, True, None, None]
    assert column(frame, "metric_keys", "is_diff") == [False, True, False, False]
    assert column(frame, "metric_keys", "output_name") == ["", "o", "", ""]
    assert column(frame, "metric_values", "double_value") == [1.5] * 4
    assert ("metric_keys", "k") not in frame.columns


def test_empty_columns_on_demand():
    records = metrics(f"{OVERALL} {M}")
    frame = metrics_as_dataframes(records, include_empty_columns=True).double_value
    assert column(frame, "metric_keys", "top_k") == [None]
    assert column(frame, "metric_keys", "example_weighted") == [None]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bounded_value { value { value: 3 } lower_bound { value: 2 } methodology: RIEMANN_SUM }",
         {"lower_bound": [2.0], "upper_bound": [None], "value": [3.0],
          "methodology": ["RIEMANN_SUM"]}),
        ("t_distribution_value { sample_mean { value: 1 } unsampled_value { value: 2 } }",
         {"sample_mean": [1.0], "unsampled_value": [2.0]}),
        ("value_at_cutoffs { values { cutoff: 1 value: 0.5 } "
         "values { cutoff: 2 bounded_value { value { value: 0.25 } } } }",
         {"cutoff": [1, 2], "value": [0.5, 0.25]}),
        ("confusion_matrix_at_thresholds { matrices { threshold: 0.5 true_positives: 3 } "
         "matrices { threshold: 0.7 f1: 0.1 bounded_recall { value { value: 1 } } } }",
         {"threshold": [0.5, 0.7], "true_positives": [3.0, 0.0], "f1": [0.0, 0.1]}),
        ("multi_class_confusion_matrix_at_thresholds { matrices { threshold: 0.5 "
         "entries { actual_class_id: 1 predicted_class_id: -1 num_weighted_examples: 2 } "
         "entries { actual_class_id: 2 num_weighted_examples: 3 } } }",
         {"threshold": [0.5, 0.5], "actual_class_id": [1, 2], "predicted_class_id": [-1, 0],
          "num_weighted_examples": [2.0, 3.0]}),
        ('bytes_value: "abc"', {"bytes_value": [b"abc"]}),
        ('debug_message: "few"', {"debug_message": ["few"]}),
        ('unknown_type { error: "e" value: "2" }', {"error": ["e"], "value": [b"2"]}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["keys", "map"])
def test_every_kind_of_value(value, expected, form):
    kind = value.split(" ")[0].rstrip(":")
    in_map = f'metrics {{ key: "m" value {{ {value} }} }}'
    body = metric("m", value) if form == "keys" else in_map
    frames = metrics_as_dataframes(metrics(f"{OVERALL} {body}"))
    frame = getattr(frames, kind)
    assert column(frame, "metric_keys", "name") == ["m"] * len(frame)
    for name, values in expected.items():
        assert column(frame, "metric_values", name) == values
    assert [kind] == [name for name, found in vars(frames).items() if found is not None]


def test_arrays_stay_arrays():
    one = "array_value { data_type: INT32 shape: 2 int32_values: 1 int32_values: 2 }"
    two = 'array_value { data_type: BYTES shape: 1 bytes_values: "x" }'
    records = metrics(f"{OVERALL} {metric('m', one)} {metric('n', two)}")
    first, second = column(
        metrics_as_dataframes(records).array_value, "metric_values", "array_value"
    )
    np.testing.assert_array_equal(first, np.array([1, 2], np.int32))
    assert second.tolist() == [b"x"]


def test_intervals_stand_beside_values():
    interval = """confidence_interval { lower_bound { double_value { value: 1 } }
      upper_bound { double_value { value: 2 } } degrees_of_freedom { value: 19 } }"""
    records = metrics(f"{OVERALL} {metric('m', more=interval)} {N}")
    frame = metrics_as_dataframes(records).double_value
    assert column(frame, "confidence_interval", "lower_bound") == [1.0, None]
    assert column(frame, "confidence_interval", "degrees_of_freedom") == [19.0, None]
    assert auto_pivot(frame).loc["Overall"].tolist() == [1.5, 1.5]


def test_two_slices_compared_are_not_one():
    records = metrics(f"{OVERALL} {M}", f"{CROSS} {M}")
    frame = metrics_as_dataframes(records).double_value
    assert column(frame, "slices", "a") == [None, 5]
    assert column(frame, "baseline_slices", "Overall") == [None, ""]
    assert auto_pivot(frame).index.tolist() == ["Overall", "Overall__XX__a:5"]
    assert auto_pivot(frame, stringify_slices=False).index.nlevels == 3


def test_pivot_tells_metrics_apart_by_the_keys_that_differ():
    records = metrics(
        f"""{OVERALL} {metric("m", key="output_name: 'o'")} {M}
            {metric("n", "double_value { value: 2 }")}""",
        f"{BC} {metric('m', 'double_value { value: 3 }')}",
    )
    frame = metrics_as_dataframes(records).double_value
    wide = auto_pivot(frame)
    assert wide.columns.tolist() == [("m", "o"), ("m", ""), ("n", "")]
    assert wide.columns.names == [("metric_keys", "name"), ("metric_keys", "output_name")]
    np.testing.assert_array_equal(
        wide.loc[["Overall", "b_X_c:0.5_X_x"]], [[1.5, 1.5, 2], [np.nan, 3, np.nan]]
    )
    full = auto_pivot(frame, collapse_column_names=False)
    assert full.columns[0] == (("metric_values", "double_value"), "m", "o")


def test_pivot_keeps_the_rows_of_matrices_apart():
    value = """confusion_matrix_at_thresholds { matrices { threshold: 0.5 true_positives: 3 }
                                                matrices { threshold: 0.7 true_positives: 4 } }"""
    records = metrics(f"{OVERALL} {metric('m', value)}")
    wide = auto_pivot(metrics_as_dataframes(records).confusion_matrix_at_thresholds)
    counts = wide[("metric_values", "true_positives"), "m"]
    assert counts.to_dict() == {("Overall", 0.5): 3.0, ("Overall", 0.7): 4.0}


def test_pivot_of_the_same_twice_is_an_error():
    records = metrics(f"{OVERALL} {M}") * 2
    with pytest.raises(DataError, match="of several results"):
        auto_pivot(metrics_as_dataframes(records).double_value)


def test_every_kind_of_plot_of_every_form():
    buckets = "calibration_histogram_buckets { buckets { upper_threshold_exclusive: 0.5 " \
              "num_weighted_examples { value: 7 } } }"  # fmt: skip
    matrices = "confusion_matrix_at_thresholds { matrices { threshold: 0.5 recall: 0.25 } }"
    classes = """multi_class_confusion_matrix_at_thresholds { matrices {
      threshold: 0.5 entries { actual_class_id: 1 num_weighted_examples: 2 } } }"""
    labels = """multi_label_confusion_matrix_at_thresholds { matrices {
      threshold: 0.5 entries { actual_class_id: 1 true_positives: 2 } } }"""
    frames = plots_as_dataframes(
        plots(
            f'{OVERALL} plots {{ key: "p" value {{ {buckets} {matrices} }} }}',
            f"{A5} plot_data {{ {buckets} }}",
            f"""{BC} plot_keys_and_values {{
              key {{ name: "q" sub_key {{ class_id {{ value: 1 }} }} }} value {{ {classes} }} }}
              plot_keys_and_values {{ key {{}} value {{ {labels} }} }}
              plot_keys_and_values {{ key {{}} value {{ debug_message: "d" }} }}""",
        )
    )
    calibration = frames.calibration_histogram_buckets
    assert column(calibration, "plot_keys", "name") == ["p", ""]
    assert column(calibration, "plot_data", "num_weighted_examples") == [7.0, 7.0]
    assert column(frames.confusion_matrix_at_thresholds, "plot_data", "recall") == [0.25]
    multi_class = frames.multi_class_confusion_matrix_at_thresholds
    assert column(multi_class, "plot_keys", "class_id") == [1]
    assert column(multi_class, "plot_data", "num_weighted_examples") == [2.0]
    multi_label = frames.multi_label_confusion_matrix_at_thresholds
    assert column(multi_label, "plot_data", "true_positives") == [2.0]
    assert column(frames.debug_message, "plot_data", "debug_message") == ["d"]


def test_nothing_gives_no_frames():
    assert set(vars(metrics_as_dataframes([])).values()) == {None}
    assert set(vars(plots_as_dataframes([])).values()) == {None}


def test_names_of_tfma():
    assert microtome.experimental.dataframe.auto_pivot is microtome.auto_pivot
    assert microtome.metrics_as_dataframes is metrics_as_dataframes
    assert microtome.plots_as_dataframes is plots_as_dataframes
