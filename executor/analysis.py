"""Evaluations as users start them: over files, or within a pipeline of their own."""

from __future__ import annotations

import dataclasses
import logging
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import pyarrow as pa

from microtome import config as config_lib
from microtome.errors import ConfigError, DataError, OutputError
from microtome.executor import (
    baselines,
    column_files,
    damage,
    progress,
    runners,
    sources,
    transforms,
)
from microtome.executor.dry_run import DryRun, planned_metrics, resolved
from microtome.executor.failures import as_user_errors
from microtome.executor.intervals import Intervals
from microtome.executor.shared_model import EvalSharedModel, default_eval_shared_model
from microtome.executor.subjects import Models, collection_of, rules_for, subject_of
from microtome.frames.dataframe import frame_batches
from microtome.proto import config_pb2
from microtome.results.eval_result import EvalResult
from microtome.results.loader import load_eval_result
from microtome.results.output import check_output_path
from microtome.slicing.cross_spec import CrossSliceSpec
from microtome.slicing.spec import SingleSliceSpec
from microtome.validation.rules import Rule
from microtome.version import __version__

if TYPE_CHECKING:
    from microtome.executor.subject import Plan

__all__ = [
    "EvalSharedModel",
    "ExtractEvaluateAndWriteResults",
    "analyze_raw_data",
    "default_eval_shared_model",
    "dry_run",
    "evaluate_files",
    "run_model_analysis",
]

_LOG = logging.getLogger(__name__)
EvalConfig = config_pb2.EvalConfig


def run_model_analysis(
    eval_shared_model: Models = None,
    data_location: str | Sequence[str] = "",
    file_format: str = "tfrecords",
    slice_spec: Sequence[SingleSliceSpec] | None = None,
    output_path: str | None = None,
    eval_config: Any = None,
    pipeline_options: Any = None,
    desired_batch_size: int | None = None,
    compute_confidence_intervals: bool | None = None,
) -> EvalResult:
    """Evaluates a model over files, on Beam, and loads the result.

    Example:
        >>> result = microtome.run_model_analysis(
        ...     eval_shared_model=microtome.default_eval_shared_model("/models/flights/eval"),
        ...     data_location="/data/eval-*.tfrecord.gz",
        ...     slice_spec=[
        ...         microtome.SingleSliceSpec(),
        ...         microtome.SingleSliceSpec(columns=["carrier"]),
        ...     ],
        ... )
        >>> print(result)

    Args:
        eval_shared_model: the model, from `default_eval_shared_model`; or several, as a list or by
            name; None where the data holds predictions.
        data_location: a file or a pattern of files, or several.
        file_format: "tfrecords" (compressed if the name ends in .gz or .zlib) or "text", a line an
            example; what is in a record is for the model to parse. "parquet", "arrow" or "csv":
            columns, for models that serve and for data that holds predictions.
        slice_spec: the slices; by default, the whole data.
        output_path: directory for the result; by default, a new temporary one.
        eval_config: an `EvalConfig` in any form that `microtome.config.parse_eval_config` takes,
            instead of slice_spec.
        pipeline_options: Beam's `PipelineOptions`; by default, the DirectRunner in this process.
        desired_batch_size: most examples a batch.
        compute_confidence_intervals: whether metrics get confidence intervals, in place of
            `options.compute_confidence_intervals` of the config.

    Raises:
        ConfigError: the config, a slicing feature or a path is wrong.
        ModelError: the model is no SavedModel.
        DataError: the data cannot be read, or does not fit the model.
        OutputError: the output cannot be written.
    """
    patterns = _as_patterns(data_location)
    config = _resolve_config(
        eval_shared_model, slice_spec, eval_config, desired_batch_size, compute_confidence_intervals
    )
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
    eval_shared_model: Models,
    eval_config: EvalConfig,
    file_patterns: Sequence[str],
    output_path: str,
    file_format: str = "tfrecords",
    unapplied: Sequence[Rule] = (),
) -> EvalResult:
    """Evaluates a model over files in a pipeline of its own.

    Everything that can be checked without the bulk of the data is checked before the pipeline is
    built.

    Args:
        pipeline_factory: makes the pipeline.
        eval_shared_model: the model, or several, or None.
        eval_config: what to compute.
        file_patterns: patterns of files, each of which must match some.
        output_path: directory for the result.
        file_format: as of `run_model_analysis`.
        unapplied: rules that were left out of the config, as there is no baseline.

    Raises:
        MicrotomeError: as `run_model_analysis`.
    """
    started = time.monotonic()
    work = _Work(eval_shared_model, eval_config, unapplied)
    sources.check_file_format(file_format)
    check_output_path(output_path)
    sizes = sources.expand_patterns(file_patterns)
    files = list(sizes)
    work.subject.check(work.features)
    pipeline = runners.make_pipeline(pipeline_factory)
    data = files[0] if len(files) == 1 else f"{len(files)} files"
    _LOG.info("Evaluating %s over %s", work.named, data)
    planning = time.monotonic()
    columns = work.subject.columns_read(work.features, work.collection)
    types = column_files.csv_types(files) if file_format == damage.CSV else None
    plan = work.plan(sources.first_batches(files, file_format, _most_examples(), columns, types))
    seconds = {"plan": time.monotonic() - planning}
    rows = eval_config.options.batch_size or sources.DEFAULT_BATCH_ROWS
    read = transforms.ReadBatches(files, file_format, rows, work.evaluation_id, columns, types)
    with progress.shown(work.evaluation_id, sum(sizes.values())):
        work.run(
            pipeline,
            read,
            plan,
            output_path,
            work.eval_run(",".join(file_patterns), file_format),
            seconds,
        )
    result = _load(output_path, work.evaluation_id, pipeline)
    _LOG.info(
        "Evaluated %s: %s; %.1f s (%s). Result: %s",
        work.named,
        _counted(result),
        time.monotonic() - started,
        ", ".join(f"{step} {seconds:.1f}" for step, seconds in result.timings.items()),
        output_path,
    )
    if result.verdict is not None and not result.verdict.is_unasked:
        checks = result.verdict.failed, result.verdict.checked
        _LOG.info("Verdict: %s; %d of %d checks failed", result.verdict.verdict, *checks)
    return result


def dry_run(
    eval_shared_model: Models,
    eval_config: Any,
    data_location: str | Sequence[str] = (),
    file_format: str = "tfrecords",
) -> DryRun:
    """Checks an evaluation as far as it is checked before Beam runs, and tells what it would do.

    Args:
        eval_shared_model: the model, or several, or None.
        eval_config: in any form that `microtome.config.parse_eval_config` takes.
        data_location: a file or a pattern of files, or several, of which the first examples are
            looked at; none: what can be told without.
        file_format: as of `run_model_analysis`.

    Raises:
        MicrotomeError: as `run_model_analysis`.
    """
    config = resolved(config_lib.parse_eval_config(eval_config))
    work = _Work(eval_shared_model, config)
    sources.check_file_format(file_format)
    patterns = _as_patterns(data_location)
    files = list(sources.expand_patterns(patterns)) if patterns else []
    work.subject.check(work.features)
    plan, rows = None, None
    if files:
        columns = work.subject.columns_read(work.features, work.collection)
        types = column_files.csv_types(files) if file_format == damage.CSV else None
        batches = sources.first_batches(files, file_format, _most_examples(), columns, types)
        plan, rows = work.plan(batches), sum(len(batch.records) for batch in batches)
        work.subject.let_go()
    return DryRun(
        work.config,
        dict(work.subject.model_locations),
        files,
        rows,
        work.specs,
        work.cross_slices,
        planned_metrics(work.subject, work.collection, plan),
        work.rules,
    )


def analyze_raw_data(
    data: Any,
    eval_config: Any = None,
    output_path: str | None = None,
    eval_shared_model: Models = None,
    pipeline_options: Any = None,
) -> EvalResult:
    """Evaluates predictions that stand in a table in memory, and loads the result.

    Example:
        >>> result = microtome.analyze_raw_data(
        ...     frame,
        ...     '''model_specs { label_key: "label" prediction_key: "score" }
        ...        metrics_specs { metrics { class_name: "AUC" } }
        ...        slicing_specs {} slicing_specs { feature_keys: "country" }''',
        ... )

    Args:
        data: a pandas DataFrame, a pyarrow Table or a list of dicts, a row an example. Cells may
            hold lists: the predictions of several classes, the values of a feature of several.
        eval_config: an `EvalConfig` in any form that `microtome.config.parse_eval_config` takes.
        output_path: directory for the result; by default, a new temporary one.
        eval_shared_model: models that predict, where the data does not hold predictions.
        pipeline_options: Beam's `PipelineOptions`; by default, the DirectRunner in this process.

    Raises:
        MicrotomeError: as `run_model_analysis`.
    """
    if eval_config is None:
        raise ConfigError(
            "analyze_raw_data needs eval_config: which columns are labels and predictions, and "
            "which metrics are wanted."
        )
    config = config_lib.parse_eval_config(eval_config)
    work = _Work(eval_shared_model, config)
    if output_path is None:
        output_path = os.path.join(tempfile.mkdtemp(prefix="microtome_"), "result")
    check_output_path(output_path)
    rows = config.options.batch_size or sources.DEFAULT_BATCH_ROWS
    batches = list(_batches_of(frame_batches(data, rows)))
    if not batches:
        raise DataError("No examples: the data has no rows, so there is nothing to evaluate.")
    work.subject.check(work.features)
    pipeline = runners.make_pipeline(lambda: beam.Pipeline(options=pipeline_options))
    plan = work.plan(batches[:1])
    create = beam.Create(batches, reshuffle=False)
    work.run(pipeline, create, plan, output_path, work.eval_run("", ""))
    return _load(output_path, work.evaluation_id, pipeline)


def _batches_of(frames: Iterable[pa.RecordBatch]) -> Iterator[sources.Batch]:
    first = 0
    for frame in frames:
        yield sources.Batch(frame, "the data", first)
        first += len(frame)


class _Work:
    """An evaluation that is configured and checked.

    Args:
        models: the models, or none.
        config: what to compute.
        unapplied: rules that were left out of it, as there is no baseline.

    Raises:
        ConfigError: the config is not supported, or names what is not there.
    """

    def __init__(self, models: Models, config: EvalConfig, unapplied: Sequence[Rule] = ()):
        config_lib.check_supported(config)
        models, config = baselines.with_baseline(models, config)
        self.config = config
        self.cross_slices = list(map(CrossSliceSpec.from_proto, config.cross_slicing_specs))
        compared = [
            spec for pair in self.cross_slices for spec in (pair.baseline, *pair.comparisons)
        ]
        # what is compared is computed
        self.specs = list(dict.fromkeys([*config_lib.slice_specs(config), *compared]))
        self.subject = subject_of(models, config)
        self.collection = collection_of(self.subject, config)
        rules = rules_for(self.subject, self.collection, config)
        self.rules = dataclasses.replace(
            rules,
            unapplied=(*rules.unapplied, *unapplied),
            on_missing_baseline=config.validation.on_missing_baseline,
        )
        sliced_by = transforms.slicing_features(self.specs)
        self.features = sorted({*sliced_by, *self.collection.query_keys})
        self.intervals = Intervals.of_config(config)
        self.evaluation_id = uuid.uuid4().hex

    @property
    def named(self) -> str:
        """Words for what is evaluated."""
        return ", ".join(self.subject.model_locations.values()) or "predictions"

    def plan(self, batches: Sequence[sources.Batch]) -> Plan:
        """The plan, from the first batches of the data."""
        plan = transforms.plan_with_batches(batches, self.subject, self.features, self.collection)
        cut = sum(metric.path.is_cut for metric in plan.metrics)
        _LOG.info(
            "Planned: %d of %d metrics are cut, %d are outside the graph. Running on Beam",
            cut,
            len(plan.metrics),
            len(self.collection.computations),
        )
        return plan

    def evaluated(self, plan: Plan | beam.PCollection) -> transforms.EvaluateBatches:
        """Batches to blocks."""
        return transforms.EvaluateBatches(
            self.subject,
            self.specs,
            plan,
            self.evaluation_id,
            self.config.options.min_slice_size.value,
            self.features,
            self.intervals,
        )

    def eval_run(self, location: str, file_format: str) -> config_pb2.EvalRun:
        """What is evaluated, for the result."""
        return config_pb2.EvalRun(
            eval_config=self.config,
            version=__version__,
            data_location=location,
            file_format=file_format,
            model_locations=dict(self.subject.model_locations),
        )

    def run(
        self,
        pipeline: beam.Pipeline,
        read: beam.PTransform,
        plan: Plan,
        output_path: str,
        eval_run: config_pb2.EvalRun,
        seconds: Mapping[str, float] | None = None,
    ) -> None:
        """Runs the pipeline to its end."""
        try:
            with as_user_errors():
                results = pipeline | "Read" >> read | "Evaluate" >> self.evaluated(plan)
                _ = results | "Write" >> transforms.WriteResults(
                    output_path,
                    eval_run,
                    plan,
                    self.evaluation_id,
                    seconds,
                    self.cross_slices,
                    self.intervals,
                    self.rules,
                )
                pipeline.run().wait_until_finish()
        finally:
            self.subject.let_go()


class ExtractEvaluateAndWriteResults(beam.PTransform):
    """Evaluates a PCollection and writes the result.

    Input: serialized examples; or rows as dicts or `pyarrow.RecordBatch`es, for models that serve
    and for data that holds predictions.

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
        eval_shared_model: the model, from `default_eval_shared_model`; or several, as a list or by
            name; None where the data holds predictions.
        output_path: directory for the result.
        display_only_data_location: where the examples came from, for the result.
        display_only_file_format: their format, for the result.
        slice_spec: the slices; by default, the whole data.
        eval_config: an `EvalConfig` in any form, instead of slice_spec.
        desired_batch_size: most examples a batch.
        compute_confidence_intervals: as of `run_model_analysis`.

    Raises:
        MicrotomeError: as `run_model_analysis`; on construction, or when the pipeline runs.
    """

    def __init__(
        self,
        eval_shared_model: Models = None,
        output_path: str = "",
        display_only_data_location: str | None = None,
        display_only_file_format: str | None = None,
        slice_spec: Sequence[SingleSliceSpec] | None = None,
        eval_config: Any = None,
        desired_batch_size: int | None = None,
        compute_confidence_intervals: bool | None = None,
    ):
        super().__init__()
        config = _resolve_config(
            eval_shared_model,
            slice_spec,
            eval_config,
            desired_batch_size,
            compute_confidence_intervals,
        )
        self._work = _Work(eval_shared_model, config)
        self._output_path = os.fspath(output_path)
        self._location = display_only_data_location or ""
        self._format = display_only_file_format or ""
        check_output_path(self._output_path)
        self._work.subject.check(self._work.features)

    def expand(self, examples: beam.PCollection) -> beam.PCollection:
        runners.check_runner(examples.pipeline.runner)
        work = self._work
        plan = examples | "Plan" >> transforms.PlanFromExamples(
            work.subject, work.features, work.collection
        )
        rows = work.config.options.batch_size or sources.DEFAULT_BATCH_ROWS
        results = (
            examples
            | "Batch" >> beam.ParDo(sources.BatchRecords(rows))
            | "Evaluate" >> work.evaluated(plan)
        )
        eval_run = work.eval_run(self._location, self._format)
        return results | "Write" >> transforms.WriteResults(
            self._output_path,
            eval_run,
            plan,
            work.evaluation_id,
            cross_slices=work.cross_slices,
            intervals=work.intervals,
            rules=work.rules,
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
    models: Models,
    slice_spec: Sequence[SingleSliceSpec] | None,
    eval_config: Any,
    batch_size: int | None,
    intervals: bool | None,
) -> EvalConfig:
    if eval_config is not None and slice_spec is not None:
        raise ConfigError(
            "Both slice_spec and eval_config are given. Name the slices in one place: as "
            "slicing_specs of the eval_config, or as slice_spec."
        )
    if eval_config is not None:
        config = config_lib.parse_eval_config(eval_config)
    else:
        config = _config_of_specs(models, slice_spec)
    if batch_size is not None:
        if batch_size < 1:
            raise ConfigError(f"desired_batch_size is {batch_size}; it must be at least 1.")
        config.options.batch_size = batch_size
    if intervals is not None:
        config.options.compute_confidence_intervals.value = intervals
    return config


def _config_of_specs(models: Models, slice_spec: Sequence[SingleSliceSpec] | None) -> EvalConfig:
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
    if not isinstance(models, EvalSharedModel):
        of_both = baselines.with_baseline(models, config)[1]
        if of_both.model_specs:
            return of_both
        raise ConfigError(
            "Without eval_config, eval_shared_model must be one EvalSavedModel, made with "
            "microtome.default_eval_shared_model(directory), or two, one of them with "
            f"is_baseline=True; it is {models!r}. An eval_config says what to compute of other "
            "models, and of data that holds predictions."
        )
    weights = models.weight_features()
    spec = config.model_specs.add()
    if "" in weights:
        spec.example_weight_key = weights[""]
    return config


def _most_examples() -> int:
    """So many examples are looked at beforehand."""
    from microtome.model.planning import MAX_EXAMPLES

    return MAX_EXAMPLES


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
