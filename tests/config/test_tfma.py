"""TFMA's own messages are taken as they are: objects, text, JSON and bytes."""

import pytest
from google.protobuf import json_format, text_format

from microtome.config import check_supported, parse_eval_config
from microtome.errors import ConfigError

tfma_config = pytest.importorskip("tensorflow_model_analysis.proto.config_pb2")

TEXT = """
model_specs { name: "new" signature_name: "serving_default" label_key: "label"
              prediction_key: "score" example_weight_key: "w" }
model_specs { name: "old" is_baseline: true
              label_keys { key: "a" value: "label_a" }
              prediction_keys { key: "a" value: "score_a" }
              example_weight_keys { key: "a" value: "w_a" }
              preprocessing_function_names: "transform" }
slicing_specs {} slicing_specs { feature_keys: "a" feature_values { key: "b" value: "1" } }
metrics_specs {
  metrics { class_name: "AUC" config: '"num_thresholds": 100' }
  metrics { class_name: "Mine" module: "my.metrics" }
  model_names: "new" output_names: "a" query_key: "query"
  example_weights { weighted: true unweighted: true }
  binarize { class_ids { values: [0, 1] } k_list { values: 2 } top_k_list { values: [3] } }
  aggregate { macro_average: true class_weights { key: 1 value: 0.1 } top_k_list { values: 2 } }
}
metrics_specs { aggregate { micro_average: true } }
metrics_specs { aggregate { weighted_macro_average: true } }
options { min_slice_size { value: 5 } include_default_metrics { value: false }
          compute_confidence_intervals { value: false } }
"""
COMPARED = """
cross_slicing_specs { baseline_spec {} slicing_specs { feature_keys: "a" } }
metrics_specs { metrics { class_name: "AUC" threshold { value_threshold {
  lower_bound { value: 0.5 } } } } }
"""
# fields that TFMA acts on, by a config that sets each
UNSUPPORTED = {
    "model_specs[0].inference_batch_size": "model_specs { inference_batch_size: 5 }",
    "slicing_specs[0].slice_keys_sql": 'slicing_specs { slice_keys_sql: "SELECT" }',
    "metrics_specs[0].output_weights": 'metrics_specs { output_weights { key: "a" value: 1 } }',
    "options.disabled_outputs": 'options { disabled_outputs { values: "eval_config" } }',
}


@pytest.mark.parametrize("text", [TEXT, COMPARED])
def test_every_form_of_a_message_of_tfma(text):
    theirs = text_format.Parse(text, tfma_config.EvalConfig())
    ours = parse_eval_config(theirs)
    assert text_format.MessageToString(ours) == text_format.MessageToString(theirs)
    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(
        deterministic=True
    )
    forms = [
        text,
        json_format.MessageToJson(theirs),
        json_format.MessageToDict(theirs, preserving_proto_field_name=True),
        theirs.SerializeToString(),
    ]
    assert [parse_eval_config(form) == ours for form in forms] == [True] * len(forms)


def test_what_is_supported_passes():
    check_supported(parse_eval_config(text_format.Parse(TEXT, tfma_config.EvalConfig())))


@pytest.mark.parametrize("field", UNSUPPORTED)
def test_a_field_that_is_not_supported_is_named(field):
    theirs = text_format.Parse(UNSUPPORTED[field], tfma_config.EvalConfig())
    with pytest.raises(ConfigError) as caught:
        check_supported(parse_eval_config(theirs))
    assert field in str(caught.value)


def test_another_message_of_tfma():
    with pytest.raises(ConfigError, match=r"tensorflow_model_analysis\.EvalRun was given"):
        parse_eval_config(tfma_config.EvalRun(version="1"))
