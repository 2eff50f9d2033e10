"""What a configuration sets is acted on, or refused by name."""

import pytest
from google.protobuf.descriptor import FieldDescriptor

from microtome import config as config_lib
from microtome.config import (
    check_supported,
    max_tracked_slices,
    parse_eval_config,
    slice_specs,
)
from microtome.errors import ConfigError
from microtome.proto.config_pb2 import EvalConfig
from microtome.slicing.spec import SingleSliceSpec

pytestmark = pytest.mark.current

# Every field that this version acts on. With the table of those it refuses, these are all.
ACTED_ON = {
    "model_specs",
    "model_specs.name",
    "model_specs.model_type",
    "model_specs.signature_name",
    "model_specs.example_weight_key",
    "model_specs.example_weight_keys",
    "model_specs.is_baseline",
    "model_specs.label_key",
    "model_specs.label_keys",
    "model_specs.prediction_key",
    "model_specs.prediction_keys",
    "model_specs.preprocessing_function_names",
    "metrics_specs",
    "metrics_specs.aggregate",
    "metrics_specs.aggregate.class_weights",
    "metrics_specs.aggregate.macro_average",
    "metrics_specs.aggregate.micro_average",
    "metrics_specs.aggregate.top_k_list",
    "metrics_specs.aggregate.top_k_list.values",
    "metrics_specs.aggregate.weighted_macro_average",
    "metrics_specs.binarize",
    "metrics_specs.binarize.class_ids",
    "metrics_specs.binarize.class_ids.values",
    "metrics_specs.binarize.k_list",
    "metrics_specs.binarize.k_list.values",
    "metrics_specs.binarize.top_k_list",
    "metrics_specs.binarize.top_k_list.values",
    "metrics_specs.example_weights",
    "metrics_specs.example_weights.unweighted",
    "metrics_specs.example_weights.weighted",
    "metrics_specs.metrics",
    "metrics_specs.metrics.class_name",
    "metrics_specs.metrics.config",
    "metrics_specs.metrics.module",
    "metrics_specs.model_names",
    "metrics_specs.output_names",
    "metrics_specs.query_key",
    "cross_slicing_specs",
    "cross_slicing_specs.baseline_spec",
    "cross_slicing_specs.baseline_spec.buckets",
    "cross_slicing_specs.baseline_spec.buckets.edges",
    "cross_slicing_specs.baseline_spec.feature_keys",
    "cross_slicing_specs.baseline_spec.feature_values",
    "cross_slicing_specs.slicing_specs",
    "cross_slicing_specs.slicing_specs.buckets",
    "cross_slicing_specs.slicing_specs.buckets.edges",
    "cross_slicing_specs.slicing_specs.feature_keys",
    "cross_slicing_specs.slicing_specs.feature_values",
    "slicing_specs",
    "slicing_specs.feature_keys",
    "slicing_specs.feature_values",
    "slicing_specs.buckets",
    "slicing_specs.buckets.edges",
    "options",
    "options.include_default_metrics",
    "options.compute_confidence_intervals",
    "options.confidence_intervals",
    "options.confidence_intervals.closed_forms",
    "options.confidence_intervals.level",
    "options.confidence_intervals.method",
    "options.confidence_intervals.num_replicates",
    "options.confidence_intervals.seed",
    "options.min_slice_size",
    "options.batch_size",
    "tracking",
    "tracking.slicing_specs",
    "tracking.slicing_specs.feature_keys",
    "tracking.slicing_specs.feature_values",
    "tracking.slicing_specs.buckets",
    "tracking.slicing_specs.buckets.edges",
    "tracking.max_slices",
    "tracking.metrics",
    "tracking.publish",
    "tracking.history_checks",
    "tracking.history_checks.metric",
    "tracking.history_checks.reference",
    "tracking.history_checks.last_runs",
    "tracking.history_checks.max_relative_drop",
    "tracking.history_checks.max_absolute_drop",
    "tracking.history_checks.higher_is_better",
    "tracking.history_checks.slicing_specs",
    "tracking.history_checks.slicing_specs.feature_keys",
    "tracking.history_checks.slicing_specs.feature_values",
    "tracking.history_checks.slicing_specs.buckets",
    "tracking.history_checks.slicing_specs.buckets.edges",
    "tracking.history_checks.min_examples",
    "tracking.on_history_failure",
    "validation",
    "validation.on_missing_baseline",
}

THRESHOLD = (
    "value_threshold",
    "value_threshold.lower_bound",
    "value_threshold.upper_bound",
    "change_threshold",
    "change_threshold.absolute",
    "change_threshold.direction",
    "change_threshold.relative",
    "whole_interval",
)
SPEC = ("feature_keys", "feature_values", "buckets", "buckets.edges")
# each with what holds its threshold, what holds its specs, and the places of these
THRESHOLDS = (
    ("metrics_specs.thresholds", (), ()),
    ("metrics_specs.metrics.threshold", (), ()),
    *(
        (place, (".threshold",), specs)
        for place, specs in (
            ("metrics_specs.per_slice_thresholds.thresholds", ("slicing_specs",)),
            ("metrics_specs.metrics.per_slice_thresholds", ("slicing_specs",)),
            (
                "metrics_specs.cross_slice_thresholds.thresholds",
                ("cross_slicing_specs.baseline_spec", "cross_slicing_specs.slicing_specs"),
            ),
            (
                "metrics_specs.metrics.cross_slice_thresholds",
                ("cross_slicing_specs.baseline_spec", "cross_slicing_specs.slicing_specs"),
            ),
        )
    ),
)
for place, inner, specs in THRESHOLDS:
    above = {place, place.removesuffix(".thresholds") if inner else place}
    holders = {f"{place}{name}" for name in inner} or {place}
    named = {f"{place}.{spec}" for spec in specs}
    crossed = {name.rpartition(".")[0] for name in named if "cross_slicing" in name}
    ACTED_ON |= above | holders | named | crossed
    ACTED_ON |= {f"{holder}.{field}" for holder in holders for field in THRESHOLD}
    ACTED_ON |= {f"{name}.{field}" for name in named for field in SPEC}


def field_paths(descriptor, refused, path="") -> set[str]:
    """Every field's path, without what stands below a refused one."""
    paths = set()
    for field in descriptor.fields:
        here = f"{path}{field.name}"
        paths.add(here)
        inner = field.message_type
        if here in refused or inner is None or inner.full_name.startswith("google.protobuf."):
            continue
        if inner.GetOptions().map_entry:
            value = inner.fields_by_name["value"]
            if value.type == FieldDescriptor.TYPE_MESSAGE:
                paths |= field_paths(value.message_type, refused, f"{here}.")
            continue
        paths |= field_paths(inner, refused, f"{here}.")
    return paths


def test_every_field_is_acted_on_or_refused():
    refused = set(config_lib._NOT_YET)
    assert not refused & ACTED_ON
    assert field_paths(EvalConfig.DESCRIPTOR, refused) == refused | ACTED_ON


@pytest.mark.parametrize(
    "text",
    [
        "",
        'model_specs { signature_name: "eval" example_weight_key: "w" }',
        'model_specs { name: "m" model_type: "tfma_eval" }',
        """slicing_specs {} slicing_specs { feature_keys: "a" }
           slicing_specs { feature_keys: "a" feature_values { key: "b" value: "1" } }
           slicing_specs { buckets { key: "d" value { edges: [1, 2] } } }
           options { include_default_metrics { value: false } min_slice_size { value: 1 }
                     compute_confidence_intervals { value: false } batch_size: 100
                     confidence_intervals { level: 0.9 } }
           tracking { slicing_specs { feature_keys: ["b", "a"] } slicing_specs {}
                      max_slices: 3 metrics: "auc" publish: SINGLE }""",
        'slicing_specs { feature_keys: "d" } tracking { slicing_specs { feature_keys: "d" } }',
        """slicing_specs {} slicing_specs { feature_keys: "a" }
           tracking { on_history_failure: FAIL
             history_checks { metric: "auc" last_runs: 5 max_relative_drop { value: 0.02 }
                              slicing_specs { feature_keys: "a" } slicing_specs {}
                              min_examples: 500 }
             history_checks { metric: "loss" reference: LATEST_BLESSED
                              max_absolute_drop {} higher_is_better {} } }""",
    ],
)
def test_supported(text):
    check_supported(parse_eval_config(text))


def test_all_unsupported_fields_are_listed_at_once():
    config = parse_eval_config(
        """
        model_specs { inference_batch_size: 3 }
        slicing_specs { slice_keys_sql: "SELECT 1" }
        cross_slicing_specs { baseline_spec { slice_keys_sql: "SELECT 1" } }
        metrics_specs { output_weights { key: "a" value: 1 } }
        options { disabled_outputs {} }
        tracking { slicing_specs { slice_keys_sql: "SELECT 1" } }
        """
    )
    with pytest.raises(ConfigError) as caught:
        check_supported(config)
    message = str(caught.value)
    lines = [line.strip() for line in message.splitlines()]
    assert lines[0].endswith("what Microtome does not support yet:")
    assert [line.split(":")[0] for line in lines[1:-1]] == [
        "model_specs[0].inference_batch_size",
        "slicing_specs[0].slice_keys_sql",
        "metrics_specs[0].output_weights",
        "options.disabled_outputs",
        "cross_slicing_specs[0].baseline_spec.slice_keys_sql",
        "tracking.slicing_specs[0].slice_keys_sql",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("options { batch_size: -1 }", "options.batch_size: must be 0 or more"),
        (
            "options { confidence_intervals { level: 0.9 } }",
            "options.confidence_intervals: no intervals are asked for",
        ),
        ("options { min_slice_size { value: -1 } }", "options.min_slice_size: must be 0 or more"),
        ("tracking { max_slices: -5 }", "tracking.max_slices: must be 0 or more"),
        ("tracking { publish: 7 }", "tracking.publish: must be PER_SLICE or SINGLE"),
        (
            'slicing_specs { buckets { key: "d" value {} } }',
            r"slicing_specs\[0\]: the bucket edges of 'd'",
        ),
        (
            'slicing_specs {} slicing_specs { buckets { key: "d" value { edges: [2, 1] } } }',
            r"slicing_specs\[1\]: .*ascend",
        ),
        (
            'slicing_specs { feature_keys: "a" feature_values { key: "a" value: "1" } }',
            r"slicing_specs\[0\]: .*'a'",
        ),
        (
            'slicing_specs { feature_keys: "a" } '
            'tracking { slicing_specs { feature_keys: ["b", "a"] } }',
            r"tracking.slicing_specs\[0\]: no slices by a × b are computed; slicing_specs gives: a",
        ),
        (
            'tracking { slicing_specs { feature_keys: "a" } }',
            r"no slices by a are computed; slicing_specs gives: nothing \(Overall\)",
        ),
        (
            "tracking { history_checks { max_absolute_drop {} } }",
            r"tracking.history_checks\[0\]: names no metric",
        ),
        (
            'tracking { history_checks { metric: "auc" } }',
            r"history_checks\[0\]: sets no limit; set max_relative_drop or max_absolute_drop",
        ),
        (
            'tracking { metrics: "auc" history_checks { metric: "acc" max_absolute_drop {} } }',
            r"history_checks\[0\].metric: 'acc' is not tracked; tracking.metrics names: auc",
        ),
        (
            'tracking { history_checks { metric: "a" max_relative_drop { value: -0.1 } } }',
            r"history_checks\[0\].max_relative_drop: must be 0 or a number above",
        ),
        (
            'tracking { history_checks { metric: "a" max_absolute_drop { value: nan } } }',
            r"history_checks\[0\].max_absolute_drop: must be 0 or a number above",
        ),
        (
            """tracking { history_checks { metric: "a" max_absolute_drop {} last_runs: 2
                                           reference: PREVIOUS } }""",
            r"history_checks\[0\].last_runs: only BEST and MEAN",
        ),
        (
            """tracking { history_checks { metric: "a" max_absolute_drop {} last_runs: -2
                                           min_examples: -1 reference: 9 } }""",
            r"(?s)reference: must be BEST or .*last_runs: must be 0.*min_examples: must be 0",
        ),
        (
            """slicing_specs { feature_keys: ["a", "b"] }
               tracking { history_checks { metric: "a" max_absolute_drop {}
                                           slicing_specs { feature_keys: ["a", "b"] } } }""",
            r"history_checks\[0\].slicing_specs\[0\]: slices by a × b are not tracked",
        ),
        (
            """tracking { history_checks { metric: "a" max_absolute_drop {}
               slicing_specs { buckets { key: "d" value {} } } } }""",
            r"tracking.history_checks\[0\].slicing_specs\[0\]: the bucket edges of 'd'",
        ),
        (
            "tracking { on_history_failure: FAIL }",
            "tracking.on_history_failure: there are no tracking.history_checks",
        ),
        (
            "tracking { on_history_failure: 4 }",
            "tracking.on_history_failure: must be REPORT or FAIL",
        ),
    ],
)
def test_values_without_meaning(text, words):
    with pytest.raises(ConfigError, match=words):
        check_supported(parse_eval_config(text))


def test_slice_specs():
    assert slice_specs(EvalConfig()) == [SingleSliceSpec()]
    config = parse_eval_config(
        'slicing_specs { feature_keys: "b" } slicing_specs {} slicing_specs { feature_keys: "b" }'
    )
    assert slice_specs(config) == [SingleSliceSpec(columns=["b"]), SingleSliceSpec()]


def test_max_tracked_slices():
    assert max_tracked_slices(EvalConfig()) == 1000
    assert max_tracked_slices(parse_eval_config("tracking { max_slices: 7 }")) == 7
