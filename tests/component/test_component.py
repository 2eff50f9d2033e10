"""The component as a pipeline author meets it: channels, parameters, and early errors."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest
from tfx.orchestration import data_types
from tfx.types import channel_utils, standard_artifacts, system_executions

from microtome import config, version
from microtome.component import SlicedEvaluator, SlicedMetrics
from microtome.errors import ConfigError
from microtome.executor import keys
from microtome.proto import config_pb2

EXAMPLES = channel_utils.as_channel([standard_artifacts.Examples()])
MODEL = channel_utils.as_channel([standard_artifacts.Model()])
CONFIG = config_pb2.EvalConfig(slicing_specs=[{}, {"feature_keys": ["carrier"]}])


def evaluator(**more: object) -> SlicedEvaluator:
    return SlicedEvaluator(examples=EXAMPLES, model=MODEL, **more)


def test_outputs() -> None:
    outputs = evaluator().outputs
    assert {key: channel.type_name for key, channel in outputs.items()} == {
        "evaluation": "ModelEvaluation",
        "blessing": "ModelBlessing",
        "sliced_metrics": "microtome.SlicedMetrics",
    }


def test_inputs_with_and_without_schema() -> None:
    assert set(evaluator().inputs) == {"examples", "model"}
    schema = channel_utils.as_channel([standard_artifacts.Schema()])
    assert set(evaluator(schema=schema).inputs) == {"examples", "model", "schema"}


def test_a_baseline() -> None:
    inputs = evaluator(baseline_model=MODEL).inputs
    assert set(inputs) == {"examples", "model", "baseline_model"}
    config = {"model_specs": [{"name": "new"}, {"name": "old", "is_baseline": True}]}
    assert (
        "old"
        in evaluator(baseline_model=MODEL, eval_config=config).exec_properties[keys.EVAL_CONFIG]
    )
    with pytest.raises(ConfigError, match=r"'old' is the baseline, but .* no `baseline_model`"):
        evaluator(eval_config=config)


def test_wrong_channel_is_refused() -> None:
    with pytest.raises(TypeError, match="Model"):
        SlicedEvaluator(examples=EXAMPLES, model=EXAMPLES)


def test_execution_properties_are_strings() -> None:
    properties = evaluator(
        eval_config=CONFIG, example_splits=["eval", "next_month"]
    ).exec_properties
    assert json.loads(properties[keys.EVAL_CONFIG]) == {
        "slicing_specs": [{}, {"feature_keys": ["carrier"]}]
    }
    assert properties[keys.EXAMPLE_SPLITS] == '["eval", "next_month"]'
    assert properties[keys.MICROTOME_VERSION] == version.__version__


def test_defaults_are_the_whole_of_split_eval() -> None:
    properties = evaluator().exec_properties
    assert json.loads(properties[keys.EVAL_CONFIG]) == {}
    assert json.loads(properties[keys.EXAMPLE_SPLITS]) == ["eval"]


@pytest.mark.parametrize(
    "form",
    [
        {"slicingSpecs": [{}, {"featureKeys": ["carrier"]}]},
        {"slicing_specs": [{}, {"feature_keys": ["carrier"]}]},
        '{"slicingSpecs": [{}, {"featureKeys": ["carrier"]}]}',
        'slicing_specs {} slicing_specs { feature_keys: "carrier" }',
        CONFIG.SerializeToString(),
    ],
    ids=["camelCase", "snake_case", "json", "text", "bytes"],
)
def test_equal_configs_are_equal_to_the_cache(form: object) -> None:
    parsed = evaluator(eval_config=form).exec_properties[keys.EVAL_CONFIG]
    assert parsed == evaluator(eval_config=CONFIG).exec_properties[keys.EVAL_CONFIG]


def test_config_of_tfma_is_taken() -> None:
    tfma = importlib.import_module("tensorflow_model_analysis")
    form = tfma.EvalConfig(slicing_specs=[{}, {"feature_keys": ["carrier"]}])
    parsed = evaluator(eval_config=form).exec_properties[keys.EVAL_CONFIG]
    assert config.parse_eval_config(parsed) == CONFIG


@pytest.mark.parametrize(
    ("form", "match"),
    [
        ({"slicing_spec": [{}]}, "slicing_specs"),
        ('{"slicing_specs": [{"feature_key": ["a"]}]}', "feature_keys"),
        ({"options": {"disabled_outputs": {}}}, "options.disabled_outputs"),
    ],
)
def test_bad_config_is_refused_where_it_stands(form: object, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        evaluator(eval_config=form)


@pytest.mark.parametrize("splits", ["eval", [], [1]])
def test_bad_splits_are_refused(splits: object) -> None:
    with pytest.raises(ConfigError, match="example_splits must be a list of names"):
        evaluator(example_splits=splits)


def test_runtime_parameters_are_taken() -> None:
    eval_config = data_types.RuntimeParameter(name="eval_config", ptype=str, default="{}")
    splits = data_types.RuntimeParameter(name="splits", ptype=str)
    properties = evaluator(eval_config=eval_config, example_splits=splits).exec_properties
    assert properties[keys.EVAL_CONFIG] is eval_config
    assert properties[keys.EXAMPLE_SPLITS] is splits


def test_runtime_parameter_must_be_text() -> None:
    number = data_types.RuntimeParameter(name="splits", ptype=int)
    with pytest.raises(ConfigError, match="'splits' for example_splits must have ptype=str"):
        evaluator(example_splits=number)


def test_default_of_a_runtime_parameter_is_checked() -> None:
    bad = data_types.RuntimeParameter(name="config", ptype=str, default='{"optoins": {}}')
    with pytest.raises(ConfigError, match="options"):
        evaluator(eval_config=bad)


def test_beam_arguments_are_kept() -> None:
    component = evaluator().with_beam_pipeline_args(["--direct_num_workers=2"])
    assert component.executor_spec.beam_pipeline_args == ["--direct_num_workers=2"]


def test_it_is_an_evaluation_to_ml_metadata() -> None:
    assert evaluator().spec.TYPE_ANNOTATION is system_executions.Evaluate


def test_type_is_importable_by_its_name() -> None:
    """Kubeflow's container finds the artifact's class by its type's name."""
    module, name = SlicedMetrics.TYPE_NAME.rsplit(".", 1)
    assert getattr(importlib.import_module(module), name) is SlicedMetrics
    assert importlib.import_module("microtome").SlicedEvaluator is SlicedEvaluator


def test_importing_it_does_not_import_tfma() -> None:
    program = "import sys, microtome.component; print('tensorflow_model_analysis' in sys.modules)"
    output = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert output.strip() == "False"
