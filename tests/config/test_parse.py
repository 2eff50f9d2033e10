"""Configurations parse from every form, and what is unknown is named."""

import json
import pickle

import hypothesis
import pytest
from google.protobuf import json_format, text_format
from hypothesis import strategies as st

from microtome.config import eval_config_to_json, parse_eval_config
from microtome.errors import ConfigError
from microtome.proto.config_pb2 import EvalConfig, EvalRun, Tracking

pytestmark = pytest.mark.current

TEXT = """
model_specs { name: "m" signature_name: "eval" example_weight_key: "w" label_key: "late" }
slicing_specs {}
slicing_specs { feature_keys: ["carrier", "origin"] feature_values { key: "month" value: "7" } }
slicing_specs { buckets { key: "distance" value { edges: [0, 500.5] } } }
metrics_specs {
  metrics { class_name: "AUC" config: '"num_thresholds": 100' threshold {
    value_threshold { lower_bound { value: 0.5 } } } }
  output_weights { key: "a" value: 0.25 }
  thresholds { key: "auc" value { change_threshold {
    absolute { value: -1e-10 } direction: HIGHER_IS_BETTER } } }
  per_slice_thresholds { key: "auc" value { thresholds { slicing_specs {} } } }
}
options { include_default_metrics { value: true } min_slice_size { value: 3 } batch_size: 512
  disabled_outputs { values: "plots" } }
tracking { slicing_specs { feature_keys: "carrier" } max_slices: 10 metrics: "auc" publish: SINGLE }
"""


@pytest.fixture
def config() -> EvalConfig:
    return text_format.Parse(TEXT, EvalConfig())


def forms(config: EvalConfig) -> dict[str, object]:
    camel = json_format.MessageToDict(config)
    snake = json_format.MessageToDict(config, preserving_proto_field_name=True)
    return {
        "message": config,
        "text": TEXT,
        "text bytes": TEXT.encode(),
        "camelCase mapping": camel,
        "snake_case mapping": snake,
        "camelCase JSON": json.dumps(camel, indent=2),
        "snake_case JSON": json.dumps(snake),
        "JSON bytes": ("\n" + json.dumps(camel)).encode(),
        "JSON with byte order mark": b"\xef\xbb\xbf" + json.dumps(camel).encode(),
        "serialized": config.SerializeToString(),
        "memory": memoryview(config.SerializeToString()),
        "own JSON": eval_config_to_json(config),
    }


def test_every_form_gives_the_same(config):
    for name, form in forms(config).items():
        assert parse_eval_config(form) == config, name


def test_empty_forms_give_the_empty_config():
    for empty in ("", " \n", b"", {}, "{}", EvalConfig(), "# nothing\n"):
        assert parse_eval_config(empty) == EvalConfig()


def test_result_is_a_copy(config):
    parsed = parse_eval_config(config)
    parsed.tracking.max_slices = 3
    assert config.tracking.max_slices == 10


def test_tuples_are_lists_and_none_is_unset():
    parsed = parse_eval_config({"slicing_specs": ({"feature_keys": ("a", "b")},), "options": None})
    assert parsed == text_format.Parse('slicing_specs {feature_keys: ["a", "b"]}', EvalConfig())


def test_an_empty_inner_message_stays_set():
    assert parse_eval_config({"options": {}}).HasField("options")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"model_spec": []}, ["model_spec", "Did you mean model_specs?"]),
        ({"modelSpec": []}, ["modelSpec", "Did you mean model_specs?"]),
        (
            {"slicing_specs": [{}, {"feature_key": ["a"]}]},
            ["slicing_specs[1].feature_key:", "mean feature_keys?"],
        ),
        (
            {"slicingSpecs": [{"featureKey": ["a"]}]},
            ["slicing_specs[0].featureKey:", "mean feature_keys?"],
        ),
        (
            {"slicing_specs": [{"buckets": {"x": {"edge": [1]}}}]},
            ["buckets['x'].edge", "mean edges?"],
        ),
        ({"xyz": 1}, ["xyz", "It has: model_specs, slicing_specs"]),
        ({3: 1}, ["has no field '3'"]),
        (
            {"slicing_specs": [{"feature_keys": "carrier"}]},
            ["feature_keys: expected a list", "'carrier'"],
        ),
        (
            {"slicing_specs": [{"feature_keys": ["a", 1]}]},
            ["feature_keys: expected a list, each a string"],
        ),
        ({"slicing_specs": {"feature_keys": ["a"]}}, ["slicing_specs: expected a list"]),
        ({"slicing_specs": ["a"]}, ["slicing_specs[0]: expected the fields of SlicingSpec", "'a'"]),
        ({"slicing_specs": [{"feature_values": ["a"]}]}, ["feature_values: expected a mapping"]),
        (
            {"slicing_specs": [{"feature_values": {"a": 1}}]},
            ["a mapping from a string to a string"],
        ),
        (
            {"options": {"min_slice_size": "many"}},
            ["options.min_slice_size: expected an integer", "'many'"],
        ),
        (
            {"options": {"min_slice_size": 2**40}},
            ["options.min_slice_size: expected an integer of 32"],
        ),
        ({"options": {"include_default_metrics": {"value": True}}}, ["expected true or false"]),
        ({"options": 3}, ["options: expected the fields of Options"]),
        ({"tracking": {"publish": "PER_SLICES"}}, ["tracking.publish", "mean PER_SLICE?"]),
        ({"model_specs": [], "modelSpecs": []}, ["modelSpecs: model_specs is set too"]),
        (
            {"metrics_specs": [{"aggregate": {"micro_average": True, "macro_average": True}}]},
            ["macro_average: micro_average is set too"],
        ),
        ('{"model_spec": []}', ["model_spec", "Did you mean model_specs?"]),
        ('{"options": {}, "options": {}}', ["'options' twice"]),
        ('{"options": }', ["not JSON", "line 1"]),
        ("[1]", ["expected a JSON object"]),
        (
            'slicing_specs { feature_key: "a" }',
            ["line 1, column 17", "SlicingSpec", "mean feature_keys?"],
        ),
        ("tracking {\n publish: SINGEL }", ["line 2", "mean SINGLE?"]),
        ("options { min_slice_size: 3 }", ["as text proto", 'Expected "{"']),
        (b"options {", ["as text proto"]),
        (b"\xff\xfe\x00", ["3 bytes are neither text nor a serialized EvalConfig"]),
        (12, ["cannot be read from 12 (int)"]),
        (EvalRun(version="1"), ["EvalConfig was looked for, microtome.EvalRun was given"]),
    ],
)
def test_errors_name_the_place_and_the_remedy(source, words):
    with pytest.raises(ConfigError) as caught:
        parse_eval_config(source)
    for word in words:
        assert word in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_unknown_fields_of_serialized_messages_are_named():
    # model_specs[1] with the unknown field 31, and the unknown field 99
    alien = EvalConfig(model_specs=[{}]).SerializeToString()
    alien += bytes([0x12, 4, 0xFA, 1, 1, 0x41]) + bytes([0x9A, 6, 0])
    for source in (alien, EvalConfig.FromString(alien)):
        with pytest.raises(ConfigError, match=r"field 99, model_specs\[1\]\.field 31"):
            parse_eval_config(source)


slicing_specs = st.fixed_dictionaries(
    {},
    optional={
        "featureKeys": st.lists(st.text(st.characters(codec="utf-8")), min_size=1),
        "featureValues": st.dictionaries(st.text("abc"), st.text("xyz"), min_size=1),
        "buckets": st.dictionaries(
            st.text("abc"),
            st.fixed_dictionaries(
                {"edges": st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1)}
            ),
            min_size=1,
        ),
    },
)
mappings = st.fixed_dictionaries(
    {},
    optional={
        "slicingSpecs": st.lists(slicing_specs, min_size=1, max_size=3),
        "options": st.fixed_dictionaries(
            {}, optional={"minSliceSize": st.integers(0, 9), "includeDefaultMetrics": st.booleans()}
        ),
        "tracking": st.fixed_dictionaries(
            {}, optional={"maxSlices": st.integers(1, 9), "publish": st.sampled_from(["SINGLE"])}
        ),
    },
)


@hypothesis.given(mappings)
def test_mapping_json_text_and_bytes_agree(mapping):
    parsed = parse_eval_config(mapping)
    assert json_format.MessageToDict(parsed) == mapping
    assert parse_eval_config(json.dumps(mapping)) == parsed
    assert parse_eval_config(eval_config_to_json(parsed)) == parsed
    assert parse_eval_config(parsed.SerializeToString()) == parsed
    assert parse_eval_config(text_format.MessageToString(parsed)) == parsed


@hypothesis.given(st.binary(max_size=40))
def test_any_bytes_parse_or_are_a_config_error(source):
    try:
        parsed = parse_eval_config(source)
    except ConfigError:
        return
    assert parse_eval_config(parsed.SerializeToString()) == parsed


def test_json_is_one_line_and_does_not_depend_on_order():
    one = parse_eval_config("tracking { publish: SINGLE } options { batch_size: 3 }")
    other = parse_eval_config("options { batch_size: 3 } tracking { publish: SINGLE }")
    assert eval_config_to_json(one) == eval_config_to_json(other)
    assert "\n" not in eval_config_to_json(one)
    assert one.tracking.publish == Tracking.SINGLE
