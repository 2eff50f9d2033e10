"""The TFX executor of `SlicedEvaluator`: from artifacts to an evaluation, and back to artifacts."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from typing import Any

from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from microtome import config, version
from microtome.errors import ConfigError, DataError, ModelError
from microtome.executor import (
    analysis,
    baselines,
    history,
    inputs,
    keys,
    module_file,
    publish,
    subjects,
)
from microtome.executor.metric_makers import make_any_metric
from microtome.proto import config_pb2
from microtome.results import files, leftovers
from microtome.tracking import digests, schema
from microtome.tracking import selection as selection_lib
from microtome.validation.rules import rules_of_comparisons

_LOG = logging.getLogger(__name__)


class Executor(base_beam_executor.BaseBeamExecutor):
    """Evaluates a model, and its baseline, over TFX examples, on TFX's Beam pipeline."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates, writes the result files, and fills the output artifacts.

        Args:
            input_dict:
                - `examples`: One or more `Examples`, evaluated together.
                - `model`: One `Model` with an EvalSavedModel inside.
                - `baseline_model`: The `Model` that it is compared with; it may be missing or
                  empty, and then the model is evaluated alone.
                - `history`: Earlier `ModelEvaluation`s that the config's checks refer to; it may
                  be missing or empty.
            output_dict:
                - `evaluation`: One `ModelEvaluation`: receives the result files.
                - `blessing`: One `ModelBlessing`: receives the verdict.
                - `sliced_metrics`: One `SlicedMetrics`: replaced by one a tracked slice, that one
                  the first of them; the files go to folders directly under its URI.
            exec_properties:
                - `eval_config`: JSON of `microtome.EvalConfig`.
                - `example_splits`: JSON list of the splits to evaluate.
                - `microtome_version`: Not read; it takes part in TFX's cache key.
                - `module_file` or `module_path`: The user's module, if there is one.
                - `module_digest`: Of the module file, when the pipeline was defined.

        Raises:
            ConfigError: The config has unknown or unsupported fields, does not fit the model, or
                names a split that is not there; or the user's module cannot be used.
            ModelError: The model artifact has no EvalSavedModel, or it cannot be evaluated.
            DataError: The examples cannot be read, or do not fit the model.
            OutputError: The results cannot be written.
            HistoryError: A slice fell too far behind its history, and the config says that the
                component fails then.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        asked = _eval_config(exec_properties)
        _check_models(asked)
        users = module_file.user_module(exec_properties)
        splits = _splits(exec_properties)
        examples = input_dict[keys.EXAMPLES]
        model = artifact_utils.get_single_instance(input_dict[keys.MODEL])
        baseline = _baseline(input_dict)
        evaluation = artifact_utils.get_single_instance(output_dict[keys.EVALUATION])
        sliced_metrics = artifact_utils.get_single_instance(output_dict[keys.SLICED_METRICS])
        folders = _split_folders(examples, splits)
        models = [_shared_model(model, users, asked, is_baseline=False)]
        if baseline is not None:
            models.append(_shared_model(baseline, users, asked, is_baseline=True))
        given, eval_config = _compared(models, asked, keys.BASELINE_MODEL in input_dict)
        _check_tracking(eval_config, given)
        model_path = models[0].model_path
        # as it was asked for: of a first run without a baseline and of later ones it is the same
        provenance = self._provenance(model, model_path, examples, folders, asked, evaluation)
        if baseline is not None:
            provenance = dataclasses.replace(
                provenance, baseline_model_uri=baseline.uri, baseline_model_id=str(baseline.id)
            )
        baseline_digests = {one.model_path: _digest_of(one) for one in models[1:]}
        if users.digest:
            # what is computed is the module's as well as the config's
            both = digests.digest_text(provenance.config_digest + users.digest)
            provenance = dataclasses.replace(provenance, config_digest=both)

        result = analysis.evaluate_files(
            pipeline_factory=self._make_beam_pipeline,
            eval_shared_model=given,
            eval_config=eval_config,
            file_patterns=[os.path.join(folder, "*") for _, folder in folders],
            output_path=evaluation.uri,
            unapplied=rules_of_comparisons(asked, make_any_metric) if baseline is None else (),
        )
        _check_unchanged({model_path: provenance.model_digest, **baseline_digests})
        _check_same_data(folders, provenance)
        # each execution has a folder of its own: no other would clean up after a killed one
        if not files.is_remote(evaluation.uri):
            leftovers.remove_abandoned(os.path.dirname(files.normalized(evaluation.uri)))

        selection = selection_lib.select_slices(selection_lib.counted_slices(result), eval_config)
        judged = history.judge(
            selection, input_dict.get(keys.HISTORY, []), provenance, eval_config.tracking
        )
        verdict = publish.settle_verdict(evaluation, result, *judged)
        output_dict[keys.SLICED_METRICS], selection = publish.publish_slices(
            sliced_metrics, selection, provenance, eval_config.tracking.publish
        )
        told, reasons = verdict.told()
        publish.describe_evaluation(evaluation, selection, provenance, told, reasons)
        earlier = history.evaluations(input_dict.get(keys.HISTORY, []))
        publish.write_page(evaluation, result, selection, provenance, told, reasons, earlier)
        publish.bless(
            artifact_utils.get_single_instance(output_dict[keys.BLESSING]),
            verdict,
            model,
            baseline,
            provenance.component_id,
        )
        _LOG.info(
            "%d slices evaluated, %d recorded. Results: %s",
            selection.computed,
            len(selection.records),
            evaluation.uri,
        )

    def _provenance(
        self,
        model: Artifact,
        model_path: str,
        examples: list[Artifact],
        folders: list[tuple[str, str]],
        eval_config: config_pb2.EvalConfig,
        evaluation: Artifact,
    ) -> schema.Provenance:
        # Airflow and Kubeflow v2 leave these empty
        context = self._context
        node = context.pipeline_node if context else None
        info = context.pipeline_info if context else None
        return schema.Provenance(
            model_uri=model.uri,
            model_id=str(model.id),
            model_digest=digests.digest_folder(model_path),
            data_uri=",".join(artifact.uri for artifact in examples),
            data_id=",".join(str(artifact.id) for artifact in examples),
            data_digest=_data_digest(folders),
            span=_joined(examples, "span"),
            data_version=_joined(examples, "version"),
            split=",".join(dict.fromkeys(split for split, _ in folders)),
            config_digest=digests.digest_config(eval_config),
            evaluation_uri=evaluation.uri,
            component_id=node.node_info.id if node else evaluation.producer_component,
            pipeline_name=info.id if info else evaluation.pipeline_name,
            pipeline_run=(context.pipeline_run_id or "") if context else "",
            microtome_version=version.__version__,
        )


def _eval_config(exec_properties: dict[str, Any]) -> config_pb2.EvalConfig:
    # The component has checked it already, but not where a RuntimeParameter stood for it.
    eval_config = config.parse_eval_config(exec_properties[keys.EVAL_CONFIG])
    config.check_supported(eval_config)
    return eval_config


def _check_models(eval_config: config_pb2.EvalConfig) -> None:
    """Checks that the config is of the models that the component has: one, and its baseline."""
    specs = eval_config.model_specs
    if len(specs) > 2 or (len(specs) == 2 and sum(spec.is_baseline for spec in specs) != 1):
        names = ", ".join(repr(spec.name) for spec in specs)
        raise ConfigError(
            f"model_specs names {len(specs)} models ({names}); the component has the input `model` "
            "and the one that it is compared with, `baseline_model`. Leave one model_specs for "
            "each, the latter with is_baseline: true."
        )


def _baseline(input_dict: dict[str, list[Artifact]]) -> Artifact | None:
    # a resolver that finds none gives an empty list
    given = input_dict.get(keys.BASELINE_MODEL) or []
    return artifact_utils.get_single_instance(given) if given else None


def _shared_model(
    model: Artifact,
    users: module_file.UserModule,
    eval_config: config_pb2.EvalConfig,
    is_baseline: bool,
) -> analysis.EvalSharedModel:
    """The model in an artifact, as the config's spec of it and the user's module say."""
    of_kind = [spec for spec in eval_config.model_specs if spec.is_baseline == is_baseline]
    # what is said of an only model holds for its baseline, too
    spec = next(iter([*of_kind, *eval_config.model_specs]), config_pb2.ModelSpec())
    alone = config_pb2.EvalConfig()
    alone.CopyFrom(eval_config)
    del alone.model_specs[:]
    alone.model_specs.append(spec)
    is_old = path_utils.is_old_model_artifact(model)
    path = inputs.find_model(
        path_utils.eval_model_dir(model.uri, is_old),
        path_utils.serving_model_dir(model.uri, is_old),
        model.uri,
        alone,
    )
    name = spec.name if of_kind else ""
    shared_model = users.shared_model(path, eval_config, name)
    return dataclasses.replace(shared_model, model_name=name, is_baseline=is_baseline)


def _compared(
    models: list[analysis.EvalSharedModel], eval_config: config_pb2.EvalConfig, may_have_one: bool
) -> tuple[subjects.Models, config_pb2.EvalConfig]:
    """Model and baseline with the config of both; or the model with that of it alone."""
    if len(models) > 1:
        return baselines.with_baseline(models, eval_config)
    alone = baselines.without_baseline(eval_config)
    name = alone.model_specs[0].name if alone.model_specs else ""
    model = dataclasses.replace(models[0], model_name=name)
    if may_have_one or alone is not eval_config:
        alone = baselines.without_differences(alone, subjects.metric_names(model, alone))
    return model, alone


def _check_tracking(eval_config: config_pb2.EvalConfig, models: subjects.Models) -> None:
    # told before the evaluation, not after it; callbacks name theirs when the graph is loaded
    if not any(model.graph_callbacks for model in subjects.listed_models(models)):
        selection_lib.check_metrics(eval_config, subjects.metric_names(models, eval_config))


def _digest_of(model: analysis.EvalSharedModel) -> str:
    return digests.digest_folder(model.model_path)


def _data_digest(folders: list[tuple[str, str]]) -> str:
    return digests.digest_files(
        (f"{split}/{name}", path)
        for split, folder in folders
        for name, path in inputs.files_in(folder)
    )


_AGAIN = "Nothing is published. Let whatever writes there write elsewhere, and run again."


def _check_unchanged(known: dict[str, str]) -> None:
    """Raises an error if a model is not what would be recorded as evaluated.

    Args:
        known: digests by path.
    """
    for path, digest in known.items():
        if digests.digest_folder(path) != digest:
            raise ModelError(f"The model {path} changed while it was evaluated. {_AGAIN}")


def _check_same_data(folders: list[tuple[str, str]], provenance: schema.Provenance) -> None:
    """Raises an error if the examples are not those that would be recorded as evaluated."""
    if _data_digest(folders) != provenance.data_digest:
        where = ", ".join(folder for _, folder in folders)
        raise DataError(f"The examples in {where} changed while they were evaluated. {_AGAIN}")


def _splits(exec_properties: dict[str, Any]) -> list[str]:
    text = exec_properties[keys.EXAMPLE_SPLITS]
    try:
        splits = json.loads(text)
    except ValueError:
        splits = None
    if not isinstance(splits, list) or not splits or not all(isinstance(s, str) for s in splits):
        raise ConfigError(
            f"example_splits must be a JSON list of names of splits, such as '[\"eval\"]'; it is "
            f"{text!r}."
        )
    return splits


def _split_folders(examples: list[Artifact], splits: list[str]) -> list[tuple[str, str]]:
    """The folder of each split in each artifact, with the split's name."""
    if not examples:
        raise DataError("There are no examples to evaluate on: the input `examples` is empty.")
    for artifact in examples:
        inputs.check_splits(
            splits, artifact_utils.decode_split_names(artifact.split_names), artifact.uri
        )
        inputs.check_file_format(
            artifact.get_string_custom_property("file_format") or "tfrecords_gzip", artifact.uri
        )
    return [
        (split, artifact_utils.get_split_uri([artifact], split))
        for artifact in examples
        for split in splits
    ]


def _joined(examples: list[Artifact], name: str) -> str:
    return ",".join(filter(None, (inputs.artifact_number(artifact, name) for artifact in examples)))
