"""`SlicedEvaluator`: sliced evaluation of a Trainer's EvalSavedModel in a TFX pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from google.protobuf.message import Message
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.orchestration import data_types
from tfx.types import channel, standard_artifacts

from microtome import config, errors, version
from microtome.component import artifacts, spec, visualization
from microtome.executor import executor, keys, user_code
from microtome.proto import config_pb2

EvalConfigLike: TypeAlias = config_pb2.EvalConfig | Message | Mapping[str, Any] | str | bytes


class SlicedEvaluator(base_beam_component.BaseBeamComponent):
    """Computes a model's metrics over the whole data and over every configured slice of it.

    It stands where TFX's Evaluator stands, on the same channels, and reads the EvalSavedModel
    that the Trainer exported (`Format-TFMA` of the model artifact); or the serving model, where
    there is none and the config names metrics, or where its `model_specs` say so.

    Example:
        ```python
        from microtome import EvalConfig, SlicedEvaluator

        evaluator = SlicedEvaluator(
            examples=example_gen.outputs["examples"],
            model=trainer.outputs["model"],
            eval_config=EvalConfig(
                slicing_specs=[
                    {},  # the whole data
                    {"feature_keys": ["carrier"]},
                    {"feature_keys": ["origin", "carrier"]},
                ]
            ),
        )
        evaluator.with_beam_pipeline_args(["--direct_running_mode=multi_processing"])
        ```

    Component `outputs` contains:
        - `evaluation`: A `standard_artifacts.ModelEvaluation`: the result files of all slices,
          and as custom properties the headline (counts, Overall's metrics), what was evaluated on
          what, and how many slices were not recorded.
        - `blessing`: A `standard_artifacts.ModelBlessing`, as TFX's Evaluator gives it, for Pusher
          and `LatestBlessedModelStrategy`: with the file and the property of a verdict of BLESSED
          or NOT_BLESSED, with neither where nothing could be validated, which blesses nothing.
        - `sliced_metrics`: One `SlicedMetrics` a tracked slice (the config's `tracking` says
          which; by default Overall and all slices of a single feature, the largest 1,000), or one
          for all of them with `publish: SINGLE`, which Kubeflow v2 needs, as it allows one
          artifact a key.

    With `baseline_model` the model is compared with another one, such as the last that was blessed,
    in the same pass over the data. Metrics have their differences beside them, `auc_diff`; what is
    recorded and held against the history is the model's, with the baseline's id and URI. In a first
    run, where the resolver finds none, the model is evaluated alone:

        ```python
        resolver = Resolver(
            strategy_class=LatestBlessedModelStrategy,
            model=Channel(type=standard_artifacts.Model),
            model_blessing=Channel(type=standard_artifacts.ModelBlessing),
        ).with_id("latest_blessed_model")
        evaluator = SlicedEvaluator(..., baseline_model=resolver.outputs["model"])
        ```

    Thresholds of the config decide whether the model is blessed:

        ```python
        evaluator = SlicedEvaluator(
            ...,
            eval_config={
                "slicing_specs": [{}, {"feature_keys": ["carrier"]}],
                "metrics_specs": [
                    # in every slice
                    {"thresholds": {"auc": {"value_threshold": {"lower_bound": 0.7}}}}
                ],
            },
        )
        pusher = Pusher(..., model_blessing=evaluator.outputs["blessing"])
        ```

    With `history` a run is held against earlier ones, as `tracking.history_checks` of the config
    says; the verdict and its reasons are properties of `evaluation`:

        ```python
        history = last_evaluations(
            5, node="SlicedEvaluator", model=trainer.outputs["model"],
            examples=example_gen.outputs["examples"],
        )
        evaluator = SlicedEvaluator(
            ...,
            history=history.outputs["history"],
            eval_config={
                "slicing_specs": [{}, {"feature_keys": ["carrier"]}],
                "tracking": {
                    # no slice of 500 examples may fall more than 2 % below its best of 5 runs
                    "history_checks": [
                        {"metric": "auc", "reference": "BEST", "max_relative_drop": 0.02,
                         "min_examples": 500}
                    ]
                },
            },
        )
        ```

    With `on_history_failure: FAIL` the component fails where it would be NOT_BLESSED: nothing is
    published, so downstream nodes do not run, and later runs do not count it as history. The error
    lists the slices.

    Metrics of one's own stand in a module file, which is imported where the component runs; its
    code travels to Beam's workers:

        ```python
        # metrics.py, given as module_file="metrics.py"
        import microtome

        # a metric of its own, for `metrics { class_name: "mean_error" }` in the config
        microtome.register_metric("mean_error", lambda rows: rows.predictions - rows.labels)

        def add_metrics_callbacks():
            return [microtome.post_export_metrics.auc()]
        ```

    Args:
        examples: Channel of `standard_artifacts.Examples`: what the model is evaluated on.
        model: Channel of `standard_artifacts.Model` with an EvalSavedModel inside.
        schema: Channel of `standard_artifacts.Schema`. An EvalSavedModel parses its examples
            itself, so the schema is not read; it is taken as TFX's Evaluator takes it, and stands
            in the lineage.
        eval_config: Which slices, metrics and options: a `microtome.EvalConfig`, or anything else
            that `microtome.config.parse_eval_config` reads (TFMA's message, a dict, JSON, text).
            None: the whole data only. A `RuntimeParameter` must be of type str and hold JSON; its
            value is checked when the component runs.
        history: Channel of earlier `standard_artifacts.ModelEvaluation`s, as `last_evaluations`
            gives them; it may be empty. Those of the same model on the same data, and those that
            Microtome did not write, are not looked at. Not for Kubeflow v2, which refuses the
            resolver when it compiles the pipeline.
        example_splits: Names of the splits to evaluate together; None: `["eval"]`. A
            `RuntimeParameter` must be of type str and hold a JSON list.
        module_file: A Python file, in any file system that Beam knows. It may register metrics
            (`microtome.metrics.register`, `microtome.register_metric`), and may define
            `add_metrics_callbacks() -> list` of what `default_eval_shared_model` takes, or
            `custom_eval_shared_model(eval_saved_model_path, model_name, eval_config, **kwargs) ->
            EvalSharedModel`. It must be there where the pipeline is defined, too: a digest of it
            takes part in TFX's cache key. A `RuntimeParameter` is not read beforehand: name a
            changed file otherwise, or TFX's cache does not notice.
        baseline_model: Channel of `standard_artifacts.Model`: what the model is compared with; it
            may be empty. Of two `model_specs` it is the one with `is_baseline: true`; what one
            says, or none, holds for both, which are called "candidate" and "baseline".
        module_path: Instead of it, the dotted name of such a module, which is installed wherever
            the component and Beam's workers run. TFX's cache does not notice what changes in it.

    Raises:
        ConfigError: The config has unknown or unsupported fields, or checks of a history, or a
            baseline, that is not given, or no split is named, or the module file cannot be read.
    """

    SPEC_CLASS = spec.SlicedEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        examples: channel.BaseChannel,
        model: channel.BaseChannel,
        schema: channel.BaseChannel | None = None,
        eval_config: EvalConfigLike | data_types.RuntimeParameter | None = None,
        example_splits: Sequence[str] | data_types.RuntimeParameter | None = None,
        history: channel.BaseChannel | None = None,
        module_file: str | data_types.RuntimeParameter | None = None,
        module_path: str | data_types.RuntimeParameter | None = None,
        baseline_model: channel.BaseChannel | None = None,
    ) -> None:
        checked_config = _checked_config(eval_config)
        _check_history(checked_config, history)
        _check_baseline(checked_config, baseline_model)
        super().__init__(
            spec=spec.SlicedEvaluatorSpec(
                **{
                    keys.EXAMPLES: examples,
                    keys.MODEL: model,
                    keys.BASELINE_MODEL: baseline_model,
                    keys.SCHEMA: schema,
                    keys.HISTORY: history,
                    keys.EVAL_CONFIG: checked_config,
                    keys.EXAMPLE_SPLITS: _checked_splits(example_splits),
                    keys.MICROTOME_VERSION: version.__version__,
                    keys.MODULE_FILE: module_file,
                    keys.MODULE_PATH: module_path,
                    keys.MODULE_DIGEST: _module_digest(module_file, module_path),
                    keys.EVALUATION: channel.Channel(standard_artifacts.ModelEvaluation),
                    keys.BLESSING: channel.Channel(standard_artifacts.ModelBlessing),
                    keys.SLICED_METRICS: channel.Channel(artifacts.SlicedMetrics),
                }
            )
        )

    @property
    def outputs(self) -> dict[str, channel.OutputChannel]:
        """The outputs by key; see the class."""
        # an InteractiveContext that was made since has registered TFX's own visualizations
        visualization.register()
        return super().outputs


def _checked_config(
    eval_config: EvalConfigLike | data_types.RuntimeParameter | None,
) -> config_pb2.EvalConfig | data_types.RuntimeParameter:
    # TFX itself would drop unknown fields without a word, and would store a dict or a string as
    # it is written, so that equal configs would not be equal to its cache.
    if isinstance(eval_config, data_types.RuntimeParameter):
        _checked_type(eval_config, keys.EVAL_CONFIG, "the config as JSON")
        if eval_config.default is not None:
            _checked_config(eval_config.default)
        return eval_config
    parsed = config.parse_eval_config({} if eval_config is None else eval_config)
    config.check_supported(parsed)
    return parsed


def _check_history(
    eval_config: config_pb2.EvalConfig | data_types.RuntimeParameter,
    history: channel.BaseChannel | None,
) -> None:
    has_checks = isinstance(eval_config, config_pb2.EvalConfig) and bool(
        eval_config.tracking.history_checks
    )
    if history is None and has_checks:
        raise errors.ConfigError(
            "The config has tracking.history_checks, but SlicedEvaluator is given no `history` to "
            "check against. Give it history=last_evaluations(...).outputs['history'], or remove "
            "the checks. (Kubeflow v2 has no resolver that finds a history: remove them there.)"
        )


def _check_baseline(
    eval_config: config_pb2.EvalConfig | data_types.RuntimeParameter,
    baseline_model: channel.BaseChannel | None,
) -> None:
    if baseline_model is not None or not isinstance(eval_config, config_pb2.EvalConfig):
        return
    names = [spec.name for spec in eval_config.model_specs if spec.is_baseline]
    if names:
        raise errors.ConfigError(
            f"model_specs {names[0]!r} is the baseline, but SlicedEvaluator is given no "
            "`baseline_model`. Give it baseline_model=resolver.outputs['model'], which may be "
            "empty in a first run, or remove the model_specs."
        )


def _checked_splits(
    example_splits: Sequence[str] | data_types.RuntimeParameter | None,
) -> str | data_types.RuntimeParameter:
    if isinstance(example_splits, data_types.RuntimeParameter):
        _checked_type(example_splits, keys.EXAMPLE_SPLITS, "a JSON list, as '[\"eval\"]'")
        return example_splits
    splits = ["eval"] if example_splits is None else example_splits
    if isinstance(splits, str) or not splits or not all(isinstance(split, str) for split in splits):
        raise errors.ConfigError(
            "example_splits must be a list of names of splits and name at least one, "
            f"is {example_splits!r}."
        )
    return json.dumps(list(splits))


def _module_digest(
    module_file: str | data_types.RuntimeParameter | None,
    module_path: str | data_types.RuntimeParameter | None,
) -> str | None:
    if module_file and module_path:
        raise errors.ConfigError(
            f"Both module_file ({module_file!r}) and module_path ({module_path!r}) are given. Give "
            "the file, or the name of a module that is installed."
        )
    for name, parameter in ((keys.MODULE_FILE, module_file), (keys.MODULE_PATH, module_path)):
        if isinstance(parameter, data_types.RuntimeParameter):
            _checked_type(parameter, name, "a path" if parameter is module_file else "a name")
    if not module_file or isinstance(module_file, data_types.RuntimeParameter):
        return None
    return user_code.digest(user_code.read_module_file(module_file))


def _checked_type(parameter: data_types.RuntimeParameter, name: str, holds: str) -> None:
    if parameter.ptype is not str:
        raise errors.ConfigError(
            f"The RuntimeParameter {parameter.name!r} for {name} must have ptype=str and hold "
            f"{holds}; its ptype is {parameter.ptype.__name__}."
        )
