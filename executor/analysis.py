"""Evaluations as users start them: over files, or within a pipeline of their own."""

from __future__ import annotations

import dataclasses
import logging
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import apache_beam as beam

from microtome import config as config_lib
from microtome.errors import ConfigError, OutputError
from microtome.executor import progress, runners, sources, transforms
from microtome.executor.failures import as_user_errors
from microtome.executor.shared_model import EvalSharedModel, default_eval_shared_model, drop_planned
from microtome.proto import config_pb2
from microtome.results.eval_result import EvalResult
from microtome.results.loader import load_eval_result
from microtome.results.output import check_output_path
from microtome.slicing.spec import SingleSliceSpec
from microtome.version import __version__

if TYPE_CHECKING:
    from microtome.model.plan import Plan

__all__ = [
    "EvalSharedModel",
    "ExtractEvaluateAndWriteResults",
    "default_eval_shared_model",
    "evaluate_files",
    "run_model_analysis",
]

_LOG = logging.getLogger(__name__)
EvalConfig = config_pb2.EvalConfig


def run_model_analysis(
    eval_shared_model: EvalSharedModel,
    data_location: str | Sequence[str],
    file_format: str = "tfrecords",
    slice_spec: Sequence[SingleSliceSpec] | None = None,
    output_path: str | None = None,
    eval_config: Any = None,
    pipeline_options: Any = None,
    desired_batch_size: int | None = None,
) -> EvalResult:
    """Evaluates a model over files, on Beam, and loads the result.

    Example:
        >>> result = microtome.run_model_analysis(
        ...     eval_shared_model=microtome.default_eval_shared_model("/models/flights/eval"),
        ...     data_location="/data/eval-*.tfrecord.gz",
        ...     slice_spec=[microtome.SingleSliceSpec(),
        microtome.SingleSliceSpec(columns=["carrier"])], ... ) >>> print(result)

    Args:
        eval_shared_model: the model, from `default_eval_shared_model`.
        data_location: a file or a pattern of files, or several.
        file_format: "tfrecords" (compressed if the name ends in .gz or .zlib) or "text", a line an
            example; what is in a record is for the model to parse.
        slice_spec: the slices; by default, the whole data.
        output_path: directory for the result; by default, a new temporary one.
        eval_config: an `EvalConfig` in any form that `microtome.config.parse_eval_config` takes,
            instead of slice_spec.
        pipeline_options: Beam's `PipelineOptions`; by default, the DirectRunner in this process.
        desired_batch_size: most examples a batch.

    Raises:
        ConfigError: the config, a slicing feature or a path is wrong.
        ModelError: the model is no EvalSavedModel.
        DataError: the data cannot be read, or does not fit the model.
        OutputError: the output cannot be written.
    """
    _check_shared_model(eval_shared_model)
    patterns = _as_patterns(data_location)
    config = _resolve_config(eval_shared_model, slice_spec, eval_config, desired_batch_size)
    if output_path is None:
        output_path = os.path.join(tempfile.mkdtemp(prefix="microtome_"), "result")
    return evaluate_files(
        lambda: beam.Pipeline(options=pipeline_options),
        eval_shared_model,
        config,
        patterns,
        output_path,
        file_format,
    )


def evaluate_files(
    pipeline_factory: Callable[[], beam.Pipeline],
    eval_shared_model: EvalSharedModel,
    eval_config: EvalConfig,
    file_patterns: Sequence[str],
    output_path: str,
    file_format: str = "tfrecords",
) -> EvalResult:
    """Evaluates a model over files in a pipeline of its own.

    Everything that can be checked without the bulk of the data is checked before the pipeline is
    built.

    Args:
        pipeline_factory: makes the pipeline.
        eval_config: what to compute.
        file_patterns: patterns of files, each of which must match some.
        output_path: directory for the result.

    Raises:
        MicrotomeError: as `run_model_analysis`.
    """
    started = time.monotonic()
    config_lib.check_supported(eval_config)
    specs = config_lib.slice_specs(eval_config)
    model = _configured(eval_shared_model, eval_config)
    sources.check_file_format(file_format)
    check_output_path(output_path)
    sizes = sources.expand_patterns(file_patterns)
    files = list(sizes)
    transforms.check_model(model, transforms.slicing_features(specs))
    pipeline = runners.make_pipeline(pipeline_factory)
    data = files[0] if len(files) == 1 else f"{len(files)} files"
    _LOG.info("Evaluating %s over %s", model.model_path, data)
    planning = time.monotonic()
    plan = _plan(model, files, file_format, transforms.slicing_features(specs))
    seconds = {"plan": time.monotonic() - planning}
    cut = sum(metric.path.is_cut for metric in plan.metrics)
    _LOG.info("Planned: %d of %d metrics are cut. Running on Beam", cut, len(plan.metrics))
    eval_run = _eval_run(model, eval_config, ",".join(file_patterns), file_format)
    rows = eval_config.options.batch_size or sources.DEFAULT_BATCH_ROWS
    evaluation_id = uuid.uuid4().hex
    try:
        with as_user_errors(), progress.shown(evaluation_id, sum(sizes.values())):
            results = (
                pipeline
                | "Read" >> transforms.ReadBatches(files, file_format, rows, evaluation_id)
                | "Evaluate" >> transforms.EvaluateBatches(model, specs, plan, evaluation_id)
            )
            _ = results | "Write" >> transforms.WriteResults(
                output_path, eval_run, plan, evaluation_id, seconds
            )
            pipeline.run().wait_until_finish()
    finally:
        drop_planned(model)
    result = _load(output_path, evaluation_id, pipeline)
    _LOG.info(
        "Evaluated %s: %s; %.1f s (%s). Result: %s",
        model.model_path,
        _counted(result),
        time.monotonic() - started,
        ", ".join(f"{step} {seconds:.1f}" for step, seconds in result.timings.items()),
        output_path,
    )
    return result


class ExtractEvaluateAndWriteResults(beam.PTransform):
    """Evaluates a PCollection of serialized examples and writes the result.

    Example:
        >>> with beam.Pipeline() as p:
        ...     _ = (
        ...         p
        ...         | beam.io.ReadFromTFRecord("/data/eval-*")
        ...         | microtome.ExtractEvaluateAndWriteResults(
        ...             eval_shared_model=model, output_path="/results/1"
        ...         )
        ...     )
        >>> result = microtome.load_eval_result("/results/1")

    A sample of the examples decides beforehand how metrics are computed; the PCollection is read
    for it before it is evaluated.

    Args:
        eval_shared_model: the model, from `default_eval_shared_model`.
        output_path: directory for the result.
        display_only_data_location: where the examples came from, for the result.
        display_only_file_format: their format, for the result.
        slice_spec: the slices; by default, the whole data.
        eval_config: an `EvalConfig` in any form, instead of slice_spec.
        desired_batch_size: most examples a batch.

    Raises:
        MicrotomeError: as `run_model_analysis`; on construction, or when the pipeline runs.
    """

    def __init__(
        self,
        eval_shared_model: EvalSharedModel,
        output_path: str,
        display_only_data_location: str | None = None,
        display_only_file_format: str | None = None,
        slice_spec: Sequence[SingleSliceSpec] | None = None,
        eval_config: Any = None,
        desired_batch_size: int | None = None,
    ):
        super().__init__()
        _check_shared_model(eval_shared_model)
        self._config = _resolve_config(
            eval_shared_model, slice_spec, eval_config, desired_batch_size
        )
        config_lib.check_supported(self._config)
        self._specs = config_lib.slice_specs(self._config)
        self._model = _configured(eval_shared_model, self._config)
        self._output_path = os.fspath(output_path)
        self._location = display_only_data_location or ""
        self._format = display_only_file_format or ""
        check_output_path(self._output_path)
        transforms.check_model(self._model, transforms.slicing_features(self._specs))

    def expand(self, examples: beam.PCollection) -> beam.PCollection:
        runners.check_runner(examples.pipeline.runner)
        plan = examples | "Plan" >> transforms.PlanFromExamples(self._model, self._specs)
        rows = self._config.options.batch_size or sources.DEFAULT_BATCH_ROWS
        results = (
            examples
            | "Batch" >> beam.ParDo(sources.BatchRecords(rows))
            | "Evaluate" >> transforms.EvaluateBatches(self._model, self._specs, plan)
        )
        eval_run = _eval_run(self._model, self._config, self._location, self._format)
        return results | "Write" >> transforms.WriteResults(
            self._output_path, eval_run, plan, uuid.uuid4().hex
        )


def _check_shared_model(model: Any) -> None:
    if not isinstance(model, EvalSharedModel):
        raise ConfigError(
            "eval_shared_model must be made with microtome.default_eval_shared_model(directory); "
            f"it is {model!r}."
        )


def _as_patterns(data_location: Any) -> list[str]:
    is_one = isinstance(data_location, str | bytes | os.PathLike)
    try:
        return [os.fsdecode(one) for one in ([data_location] if is_one else data_location)]
    except TypeError:
        raise ConfigError(
            f"data_location must be a file, a pattern of files, or a list of these; it is "
            f"{data_location!r}."
        ) from None


def _resolve_config(
    model: EvalSharedModel,
    slice_spec: Sequence[SingleSliceSpec] | None,
    eval_config: Any,
    batch_size: int | None,
) -> EvalConfig:
    if eval_config is not None and slice_spec is not None:
        raise ConfigError(
            "Both slice_spec and eval_config are given. Name the slices in one place: as "
            "slicing_specs of the eval_config, or as slice_spec."
        )
    if eval_config is not None:
        config = config_lib.parse_eval_config(eval_config)
    else:
        config = _config_of_specs(model, slice_spec)
    if batch_size is not None:
        if batch_size < 1:
            raise ConfigError(f"desired_batch_size is {batch_size}; it must be at least 1.")
        config.options.batch_size = batch_size
    return config


def _config_of_specs(
    model: EvalSharedModel, slice_spec: Sequence[SingleSliceSpec] | None
) -> EvalConfig:
    specs = [SingleSliceSpec()] if slice_spec is None else list(slice_spec)
    wrong = [spec for spec in specs if not isinstance(spec, SingleSliceSpec)]
    if wrong or not specs:
        raise ConfigError(
            "slice_spec must be a list of microtome.SingleSliceSpec, at least one; it is "
            f"{slice_spec!r}."
        )
    config = EvalConfig(slicing_specs=[spec.to_proto() for spec in specs])
    config.options.compute_confidence_intervals.value = False
    config.options.min_slice_size.value = 1
    weights = model.weight_features()
    spec = config.model_specs.add()
    if "" in weights:
        spec.example_weight_key = weights[""]
    return config


def _configured(model: EvalSharedModel, config: EvalConfig) -> EvalSharedModel:
    """The model, with what the config says of its weights and its own metrics.

    Raises:
        ConfigError: the model was given another weight.
    """
    default = config.options.include_default_metrics
    if config.options.HasField("include_default_metrics") and not default.value:
        model = dataclasses.replace(model, include_default_metrics=False)
    named = config.model_specs[0].example_weight_key if config.model_specs else ""
    known = model.weight_features()
    if not named or known == {"": named}:
        return model
    if known:
        raise ConfigError(
            f"The config weighs examples by {named!r}, but the model was given "
            f"example_weight_key={model.example_weight_key!r}. Name the weight in one place."
        )
    return dataclasses.replace(model, example_weight_key=named)


def _plan(
    model: EvalSharedModel, files: list[str], file_format: str, features: Sequence[str]
) -> Plan:
    from microtome.model.planning import MAX_EXAMPLES

    examples = sources.first_batches(files, file_format, MAX_EXAMPLES)
    return transforms.plan_with_batches(examples, model, features)


def _eval_run(
    model: EvalSharedModel, config: EvalConfig, location: str, file_format: str
) -> config_pb2.EvalRun:
    return config_pb2.EvalRun(
        eval_config=config,
        version=__version__,
        data_location=location,
        file_format=file_format,
        model_locations={model.model_name: model.model_path},
    )


def _load(output_path: str, evaluation_id: str, pipeline: beam.Pipeline) -> EvalResult:
    """The result of this very evaluation.

    Raises:
        OutputError: there is none, or an older one.
    """
    try:
        result = load_eval_result(output_path)
        if result.run_info.get("evaluation_id") == evaluation_id:
            return result
        missing = f"The result in {output_path} is of another evaluation."
    except OutputError as error:
        missing = str(error)
    raise OutputError(
        f"{missing} {type(pipeline.runner).__name__} has run the pipeline to its end, and workers "
        "on other machines write where they are: give an output path that they and this process "
        "share, such as gs://... or a network drive."
    )


def _counted(result: EvalResult) -> str:
    rows = result.run_info.get("counts", {}).get("rows", 0)
    workers = len(result.run_info.get("workers", ()))
    by = f" by {workers} workers" if workers > 1 else ""
    return f"{rows} rows, {len(result.slicing_metrics)} slices{by}"
