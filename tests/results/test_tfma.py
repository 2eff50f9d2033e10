"""TFMA 0.46 reads what Microtome writes, and Microtome what TFMA writes, with equal values."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from microtome.proto import config_pb2, result_pb2
from microtome.results import (
    ResultsWriter,
    load_attributions,
    load_eval_result,
    load_metrics,
    load_plots,
    load_validation_result,
    metrics_for_slice,
)
from microtome.slicing.keys import slice_key

CONFIG = """
model_specs { example_weight_key: "w" }
slicing_specs {} slicing_specs { feature_keys: "a" buckets { key: "b" value { edges: 1 } } }
options { batch_size: 3 include_default_metrics { value: true } } tracking { max_slices: 3 }
"""


def assert_loaded_equal(path: str, model_name: str | None = None) -> None:
    """Both loaders give the same."""
    ours = load_eval_result(path, model_name=model_name)
    theirs = tfma.load_eval_result(path, model_name=model_name)
    assert comparable(ours.slicing_metrics) == comparable(theirs.slicing_metrics)
    assert comparable(ours.plots) == comparable(theirs.plots)
    assert comparable(ours.attributions) == comparable(theirs.attributions)
    for name in ("data_location", "file_format", "model_location"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.get_metric_names() == sorted(theirs.get_metric_names())
    assert comparable([(key, 0) for key in ours.get_slice_names()]) == comparable(
        [(key, 0) for key in theirs.get_slice_names()]
    )


def comparable(pairs):
    """With texts of keys: a NaN in a key equals no other."""
    return [(repr(key), value) for key, value in pairs]


def assert_records_equal(path: str) -> None:
    for load, their_load in (
        (load_metrics, tfma.load_metrics),
        (load_plots, tfma.load_plots),
        (load_attributions, tfma.load_attributions),
    ):
        ours = [text_format.MessageToString(record) for record in load(path)]
        theirs = [text_format.MessageToString(record) for record in their_load(path)]
        assert ours == theirs


texts = st.text(st.characters(codec="utf-8"), max_size=5)
values = st.one_of(
    st.floats(),
    st.floats(width=32).map(np.float32),
    npst.arrays(
        st.sampled_from(["float32", "float64", "int32", "int64", "S3"]),
        npst.array_shapes(max_dims=2, max_side=3, min_side=0),
    ),
    st.binary(max_size=5),
    texts,
)
slices = st.lists(
    st.tuples(
        st.dictionaries(
            texts,
            st.one_of(texts, st.integers(-(2**63), 2**63 - 1), st.floats(width=32)),
            max_size=2,
        ).map(lambda columns: slice_key(columns.items())),
        st.dictionaries(texts, values, min_size=1, max_size=4),
    ),
    max_size=4,
)


@settings(max_examples=40)
@given(slices)
def test_tfma_reads_ours(tmp_path_factory, slices):
    path = str(tmp_path_factory.mktemp("results") / "result")
    with ResultsWriter(path) as writer:
        writer.add_metrics(metrics_for_slice(key, metrics) for key, metrics in slices)
        writer.finish(
            config_pb2.EvalRun(
                eval_config=text_format.Parse(CONFIG, config_pb2.EvalConfig()),
                data_location="/data/*",
                file_format="tfrecords",
                model_locations={"": "/models/7"},
            ),
            {"rows": 3},
        )
    assert_loaded_equal(path)
    assert_records_equal(path)


def test_tfma_reads_our_config(tmp_path):
    path = str(tmp_path / "result")
    with ResultsWriter(path) as writer:
        writer.add_metrics([metrics_for_slice((), {"m": 0.5})])
        writer.finish(
            config_pb2.EvalRun(eval_config=text_format.Parse(CONFIG, config_pb2.EvalConfig()))
        )
    config = tfma.load_eval_result(path).config
    assert config == text_format.Parse(
        'model_specs { example_weight_key: "w" } slicing_specs {} '
        'slicing_specs { feature_keys: "a" feature_keys: "b" } '
        "options { include_default_metrics { value: true } }",
        tfma.EvalConfig(),
    )


def test_tfma_renders_ours(tmp_path):
    path = str(tmp_path / "result")
    slices = {(): 0.75, (("a", "x"),): 0.5, (("a", "y"),): math.nan}
    with ResultsWriter(path) as writer:
        writer.add_metrics(
            metrics_for_slice(key, {"accuracy": value, "post_export_metrics/example_count": 10.0})
            for key, value in slices.items()
        )
        run = config_pb2.EvalRun(eval_config={"slicing_specs": [{}, {"feature_keys": ["a"]}]})
        run.eval_config.model_specs.add()
        writer.finish(run)
    view = tfma.view.render_slicing_metrics(tfma.load_eval_result(path), slicing_column="a")
    assert {row["slice"] for row in view.data} == {"a:x", "a:y"}
    assert view.config["weightedExamplesColumn"] == "post_export_metrics/example_count"


# What TFMA writes


@pytest.fixture(scope="module")
def evaluated(zoo_model, tmp_path_factory) -> str:
    """A real evaluation by TFMA, with plots, of an EvalSavedModel."""
    model = zoo_model("fixed")
    callbacks = [
        tfma.post_export_metrics.auc(),
        tfma.post_export_metrics.confusion_matrix_at_thresholds([0.25, 0.5]),
        tfma.post_export_metrics.calibration_plot_and_prediction_histogram(num_buckets=10),
    ]
    path = str(tmp_path_factory.mktemp("tfma") / "result")
    tfma.run_model_analysis(
        eval_shared_model=tfma.default_eval_shared_model(
            eval_saved_model_path=model.model_path,
            example_weight_key=model.example_weight_key,
            add_metrics_callbacks=callbacks,
        ),
        data_location=model.data_path,
        slice_spec=[
            tfma.slicer.SingleSliceSpec(),
            tfma.slicer.SingleSliceSpec(columns=model.slice_features[:1]),
        ],
        output_path=path,
    )
    return path


def test_ours_reads_an_evaluation_of_tfma(evaluated):
    assert_loaded_equal(evaluated)
    assert_records_equal(evaluated)
    result = load_eval_result(evaluated)
    assert result.plots
    assert len(result.slicing_metrics) > 2
    assert str(result.config) == str(tfma.load_eval_result(evaluated).config)
    assert result.example_count() > 0


def test_an_evaluation_of_tfma_prints(evaluated):
    text = str(load_eval_result(evaluated))
    assert "Overall" in text
    assert "auc" in text
    assert "not single numbers: confusion_matrix_at_thresholds" in text


# Forms that TFMA writes for models of other kinds

KEYED = """
slice_key {}
metric_keys_and_values { key { name: "auc" } value { double_value { value: 0.5 } } }
metric_keys_and_values { key { name: "auc" output_name: "o" } value { double_value { value: 1 } } }
metric_keys_and_values { key { name: "auc" sub_key { class_id { value: 3 } } }
                         value { double_value { value: nan } } }
metric_keys_and_values { key { name: "auc" sub_key { k { value: 2 } } }
                         value { double_value { value: inf } } }
metric_keys_and_values { key { name: "auc" sub_key { class_id { value: 3 } top_k { value: 5 } } }
                         value { double_value {} } }
metric_keys_and_values { key { name: "auc" is_diff: true } value { double_value { value: 5 } } }
metric_keys_and_values { key { name: "n" example_weighted { value: true } }
                         value { double_value { value: 7 } } }
metric_keys_and_values { key { name: "arr" } value {
  array_value { data_type: FLOAT64 shape: 1 float64_values: 1 } }
  confidence_interval { upper_bound { array_value {} } } }
metric_keys_and_values { key { name: "ci" } value { double_value { value: 6 } }
  confidence_interval { lower_bound { double_value { value: 5 } }
                        upper_bound { double_value { value: 7 } }
                        standard_error { double_value { value: 1 } }
                        degrees_of_freedom { value: 9 } } }
metric_keys_and_values { key { name: "half" } value { double_value { value: 6 } }
  confidence_interval { upper_bound { double_value { value: 7 } } } }
metric_keys_and_values { key { name: "bounded" } value { bounded_value { value { value: 3 } } }
  confidence_interval { lower_bound { double_value { value: 5 } }
                        upper_bound { double_value { value: 7 } } } }
metric_keys_and_values { key { name: "cm" } value { confusion_matrix_at_thresholds {
  matrices { threshold: 0.5 true_positives: 3 bounded_precision { value { value: 1 } } } } } }
metric_keys_and_values { key { name: "mc" } value { multi_class_confusion_matrix_at_thresholds {
  matrices { entries { predicted_class_id: -1 num_weighted_examples: 2 } } } } }
metrics { key: "auc" value { double_value { value: 9 } } }
metrics { key: "b" value { value_at_cutoffs { values { cutoff: 1 } values { value: nan } } } }
"""
MAPPED = """
metrics { key: "a" value { bytes_value: "\\377" } }
metrics { key: "b" value { unknown_type { error: "x" value: "y" } } }
metrics { key: "c" value { debug_message: "d" } }
metrics { key: "d" value {} }
metrics { key: "e" value { t_distribution_value { sample_mean { value: 1 } } } }
"""
METRICS = [
    KEYED,
    f"slice_key {{}} {MAPPED}",
    MAPPED,
    *(
        f'slice_key {{ single_slice_keys {{ column: "a" {value} }} }} {MAPPED}'
        for value in (
            'bytes_value: "u"',
            'bytes_value: "1"',
            'bytes_value: "\\303\\251"',
            "int64_value: 5",
            "float_value: 0.1",
            "float_value: nan",
            "float_value: -inf",
        )
    ),
    f"""cross_slice_key {{ baseline_slice_key {{}} comparison_slice_key {{
          single_slice_keys {{ column: "a" int64_value: 5 }} }} }} {MAPPED}""",
]
PLOT = "calibration_histogram_buckets { buckets { lower_threshold_inclusive: -inf } }"
PLOTS = [
    f'slice_key {{}} plots {{ key: "p" value {{ {PLOT} }} }}',
    f'slice_key {{}} plots {{ key: "p" value {{ {PLOT} }} }} plots {{ key: "p/t" value {{}} }}',
    f"""slice_key {{}}
        plot_keys_and_values {{ key {{ output_name: "o" sub_key {{ class_id {{ value: 1 }} }} }}
                                value {{ {PLOT} }} }}
        plot_keys_and_values {{ key {{ name: "named" }} value {{ debug_message: "d" }} }}""",
]
ATTRIBUTIONS = [
    """slice_key {}
       attributions_keys_and_values { key { name: "n" output_name: "o" }
         values { key: "f" value { double_value { value: 1 } } } values { key: "g" value {} } }
       attributions_keys_and_values { key { name: "n" is_diff: true sub_key { k { value: 1 } } }
         values { key: "f" value { double_value { value: nan } } } }"""
]


def test_every_form_of_record_is_read_as_tfma_reads_it(make_directory):
    path = make_directory(
        '{"evalConfig": {"modelSpecs": [{}]}, "version": "0.46.0", "modelLocations": {"": "/m"}}',
        **{
            "metrics-00000-of-00001.tfrecord": METRICS,
            "plots-00000-of-00001.tfrecord": PLOTS,
            "attributions-00000-of-00001.tfrecord": ATTRIBUTIONS,
            "validations.tfrecord": [
                "metric_validations_per_slice { slice_key {} failures { message: 'm' } }"
            ],
        },
    )
    assert_loaded_equal(path)
    assert_records_equal(path)
    assert str(load_validation_result(path)) == str(tfma.load_validation_result(path))


def test_two_models_are_told_apart_as_tfma_does(make_directory):
    record = """slice_key {}
      metric_keys_and_values { key { name: "auc" model_name: "c" }
                               value { double_value { value: 1 } } }
      metric_keys_and_values { key { name: "auc" model_name: "b" }
                               value { double_value { value: 2 } } }"""
    path = make_directory(
        '{"evalConfig": {"modelSpecs": [{"name": "c"}, {"name": "b", "isBaseline": true}]}, '
        '"version": "0.46.0", "modelLocations": {"c": "/m/c", "b": "/m/b"}}',
        **{"metrics-00000-of-00001.tfrecord": [record]},
    )
    assert_loaded_equal(path, "c")
    assert_loaded_equal(path, "b")


# Where Microtome departs from TFMA on purpose


def test_aggregated_names_are_readable(make_directory):
    record = """slice_key {} metric_keys_and_values {
      key { name: "auc" aggregation_type { macro_average: true } }
      value { double_value { value: 1 } } }"""
    path = make_directory("{}", **{"metrics-00000-of-00001.tfrecord": [record]})
    assert load_eval_result(path).get_metric_names() == ["macro_average_auc"]
    theirs = list(tfma.load_metrics(path))
    assert theirs[0].metric_keys_and_values[0].key.aggregation_type.macro_average


def test_bytes_that_are_not_utf8_load(make_directory):
    record = 'slice_key { single_slice_keys { column: "a" bytes_value: "\\377" } }'
    name = "metrics-00000-of-00001.tfrecord"
    path = make_directory(
        '{"version": "1", "evalConfig": {"modelSpecs": [{}]}}', **{name: [record]}
    )
    assert load_eval_result(path).get_slice_names() == [(("a", "\\xff"),)]
    with pytest.raises(UnicodeDecodeError):
        tfma.load_eval_result(path)


def test_messages_are_the_same_bytes(evaluated):
    """Every byte of TFMA's records is known to Microtome's messages."""
    (name,) = (name for name in os.listdir(evaluated) if name.startswith("metrics"))
    records = list(tf.data.TFRecordDataset(os.path.join(evaluated, name)).as_numpy_iterator())
    assert len(records) > 2
    for record in records:
        message = result_pb2.MetricsForSlice.FromString(record)
        before = message.ByteSize()
        message.DiscardUnknownFields()
        assert message.ByteSize() == before == len(record)
