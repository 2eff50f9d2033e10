"""The evaluation as Beam transforms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from microtome.executor import finishing, queries, sources, summing
from microtome.executor.account import COUNTS_OUTPUT, RunAccount, Stopwatch
from microtome.executor.cross_slices import CrossSlices
from microtome.executor.interval_account import IntervalAccount
from microtome.executor.intervals import Intervals
from microtome.executor.shared_model import WorkerModel
from microtome.executor.subject import Subject
from microtome.metrics.collection import NO_METRICS, Collection
from microtome.proto import config_pb2
from microtome.results.blocks import MetricsBlock
from microtome.results.writer import ResultsWriter
from microtome.slicing.cross_spec import CrossSliceSpec
from microtome.slicing.spec import SingleSliceSpec
from microtome.validation.rules import NO_RULES, Rules
from microtome.validation.validator import Validator
from microtome.view.run_report import RunReport

if TYPE_CHECKING:
    from microtome.executor.subject import Plan


class ReadBatches(beam.PTransform):
    """Files to batches of records, one unit of work a file.

    Args:
        files: names of files.
        file_format: one of `sources.FILE_FORMATS`.
        rows: most rows a batch.
        progress_token: names the progress to tell.
        columns: of files of columns those that are wanted; None for all.
        types: of the columns of CSV files.
    """

    def __init__(
        self,
        files: Sequence[str],
        file_format: str,
        rows: int,
        progress_token: str = "",
        columns: Sequence[str] | None = None,
        types: pa.Schema | None = None,
    ):
        super().__init__()
        self._files = list(files)
        self._reader = sources.ReadFiles(file_format, rows, progress_token, columns, types)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        # Create spreads several files over the workers
        return pipeline | "Files" >> beam.Create(self._files) | "Read" >> beam.ParDo(self._reader)


class PlanFromExamples(beam.PTransform):
    """Plans the evaluation from some of the examples that are to be evaluated.

    Input: serialized examples, dicts or RecordBatches. Output: one `Plan`.

    Args:
        subject: what is evaluated.
        features: the features to fetch.
        collection: the metrics outside a graph.
    """

    def __init__(
        self, subject: Subject, features: Sequence[str], collection: Collection = NO_METRICS
    ):
        super().__init__()
        self._subject = subject
        self._features = list(features)
        self._collection = collection

    def expand(self, examples: beam.PCollection) -> beam.PCollection:
        from microtome.model.planning import MAX_EXAMPLES

        return (
            examples
            | "Some" >> beam.combiners.Sample.FixedSizeGlobally(MAX_EXAMPLES)
            | "Plan" >> beam.Map(_plan_with_sample, self._subject, self._features, self._collection)
        )


def plan_with(
    examples: Sequence[Any],
    subject: Subject,
    features: Sequence[str] = (),
    collection: Collection = NO_METRICS,
) -> Plan:
    """Plans the evaluation of a model with some examples.

    Args:
        features: the slicing features.
        collection: the metrics outside a graph.

    Raises:
        RefusedExampleError: the model refuses one of the examples.
        MicrotomeError: the model and the examples do not fit.
    """
    return subject.make_plan(examples, features, collection)


def plan_with_batches(
    batches: Sequence[sources.Batch],
    subject: Subject,
    features: Sequence[str],
    collection: Collection = NO_METRICS,
) -> Plan:
    """Plans the evaluation of a model with some batches.

    Args:
        features: the slicing features.
        collection: the metrics outside a graph.

    Raises:
        MicrotomeError: the model and the examples do not fit.
    """
    with sources.placing_refusals(batches):
        return plan_with(_joined(batches), subject, features, collection)


def _joined(batches: Sequence[sources.Batch]) -> Sequence[Any]:
    first = batches[0].records
    if isinstance(first, pa.RecordBatch):
        return first
    return [record for batch in batches for record in batch.records]


def _plan_with_sample(
    examples: Sequence[Any], subject: Subject, features: Sequence[str], collection: Collection
) -> Plan:
    if examples and isinstance(examples[0], bytes):
        # the same plan for the same examples, in whatever order they come
        examples = sorted(examples)
    elif examples and isinstance(examples[0], pa.RecordBatch):
        examples = max(examples, key=len)
    return plan_with_batches([sources.Batch(_records(examples))], subject, features, collection)


def _records(examples: Sequence[Any]) -> Any:
    if isinstance(examples, pa.RecordBatch):
        return examples
    records = np.empty(len(examples), object)
    records[:] = list(examples)
    return records


class EvaluateBatches(beam.PTransform):
    """Batches of records to the metrics of their slices.

    Output: `blocks`, each a `MetricsBlock`, and `counts`, what bundles tell for the
    `account.RunAccount`.

    Args:
        subject: what is evaluated.
        specs: which slices to form.
        plan: the plan, or a one-element PCollection of it.
        progress_token: names the progress to tell.
        min_slice_size: slices of fewer examples are withheld.
        features: the features to fetch; by default those that the specs slice by.
        intervals: which confidence intervals are computed; None: none.
    """

    def __init__(
        self,
        subject: Subject,
        specs: Sequence[SingleSliceSpec],
        plan: Plan | beam.PCollection,
        progress_token: str = "",
        min_slice_size: int = 0,
        features: Sequence[str] | None = None,
        intervals: Intervals | None = None,
    ):
        super().__init__()
        self._specs = tuple(specs)
        self._intervals = intervals
        self._subject = subject
        self._min_slice_size = min_slice_size
        self._worker = WorkerModel(
            subject, slicing_features(specs) if features is None else features
        )
        self._plan = plan
        self._progress_token = progress_token

    def expand(self, batches: beam.PCollection) -> dict[str, beam.PCollection]:
        is_known = not isinstance(self._plan, beam.PCollection)
        plan = self._plan if is_known else beam.pvalue.AsSingleton(self._plan)
        resampling = None if self._intervals is None else self._intervals.resampling
        sum_slices = summing.SumSlices(
            self._worker,
            self._specs,
            plan=self._plan if is_known else None,
            progress_token=self._progress_token,
            resampling=resampling,
        )
        summed = batches | "Sum" >> beam.ParDo(sum_slices, plan).with_outputs(
            summing.ROWS_OUTPUT, summing.QUERIES_OUTPUT, COUNTS_OUTPUT, main="tables"
        )
        tables = summed["tables"]
        if not is_known or self._plan.collection.query_keys:
            sum_queries = queries.SumQueries(summing.NUM_SHARDS, resampling)
            of_queries = (
                summed[summing.QUERIES_OUTPUT]
                | "RowsByQuery" >> beam.GroupByKey()
                | "SumQueries" >> beam.ParDo(sum_queries, plan)
            )
            tables = (tables, of_queries) | "AllTables" >> beam.Flatten()
        told = [summed[COUNTS_OUTPUT]]
        listed: list[Any] = []
        if not is_known or self._plan.listed:
            finish_rows = beam.ParDo(finishing.FinishRows(self._worker), plan)
            values = (
                summed[summing.ROWS_OUTPUT]
                | "RowsBySlice" >> beam.GroupByKey()
                | "FinishRows" >> finish_rows.with_outputs(COUNTS_OUTPUT, main="values")
            )
            listed = [beam.pvalue.AsDict(values["values"])]
            told.append(values[COUNTS_OUTPUT])
        finish = beam.ParDo(
            finishing.FinishSlices(self._subject, self._min_slice_size, self._intervals),
            plan,
            *listed,
        )
        finished = (
            tables
            | "Combine" >> beam.CombinePerKey(finishing.MergeTables())
            | "Finish" >> finish.with_outputs(COUNTS_OUTPUT, main="blocks")
        )
        told.append(finished[COUNTS_OUTPUT])
        return {"blocks": finished["blocks"], "counts": told | "Told" >> beam.Flatten()}


class WriteResults(beam.PTransform):
    """Writes the result directory, all of it or nothing.

    Input: `blocks` and `counts` of `EvaluateBatches`. Output: the path, once it is written.

    Args:
        output_path: the directory.
        eval_run: what was evaluated.
        plan: the plan, or a one-element PCollection of it.
        evaluation_id: names this evaluation in `run.json`.
        seconds: of steps before the pipeline, for the account.
        cross_slices: the slices to compare with one another.
        intervals: which confidence intervals are computed; None: none.
        rules: what the result is held to.
    """

    def __init__(
        self,
        output_path: str,
        eval_run: config_pb2.EvalRun,
        plan: Plan | beam.PCollection,
        evaluation_id: str,
        seconds: Mapping[str, float] | None = None,
        cross_slices: Sequence[CrossSliceSpec] = (),
        intervals: Intervals | None = None,
        rules: Rules = NO_RULES,
    ):
        super().__init__()
        self._rules = rules
        self._evaluation_id = evaluation_id
        self._seconds = dict(seconds or {})
        self._cross_slices = tuple(cross_slices)
        self._intervals = intervals
        self._output_path = output_path
        self._eval_run = eval_run.SerializeToString()
        self._plan = plan

    def expand(self, results: Mapping[str, beam.PCollection]) -> beam.PCollection:
        plan = self._plan
        if isinstance(plan, beam.PCollection):
            plan = beam.pvalue.AsSingleton(plan)
        # one stage fewer than with the counts as a side input
        return (
            (results["blocks"], results["counts"])
            | "Together" >> beam.Flatten()
            | "InOnePlace" >> beam.Map(lambda part: (None, part))
            | "Gather" >> beam.GroupByKey()
            | "Write"
            >> beam.Map(
                _write,
                self._output_path,
                self._eval_run,
                plan,
                self._evaluation_id,
                self._seconds,
                self._cross_slices,
                self._intervals,
                self._rules,
            )
        )


def _write(
    gathered: tuple[None, Iterable[MetricsBlock | dict[str, Any]]],
    output_path: str,
    eval_run: bytes,
    plan: Plan,
    evaluation_id: str,
    seconds: Mapping[str, float],
    cross_slices: Sequence[CrossSliceSpec],
    intervals: Intervals | None,
    rules: Rules,
) -> str:
    account = RunAccount(seconds)
    of_intervals = IntervalAccount(intervals, plan.collection.baseline)
    crossed = CrossSlices(cross_slices)
    stopwatch = Stopwatch()
    judge = Validator(rules)
    with ResultsWriter(output_path, RunReport(output_path), judge) as writer:
        with stopwatch.timing("write"):
            for part in gathered[1]:
                if isinstance(part, dict):
                    account.add(part)
                else:
                    writer.add_block(part)
                    crossed.add(part)
                    of_intervals.add(part)
            for block in crossed.blocks():
                writer.add_block(block)
        account.add(stopwatch.told())
        told = {
            "evaluation_id": evaluation_id,
            **account.told(),
            "metrics": metric_paths(plan),
            **of_intervals.told(),
        }
        writer.finish(config_pb2.EvalRun.FromString(eval_run), told)
    return output_path


def metric_paths(plan: Plan) -> dict[str, dict[str, str]]:
    """How each metric was computed, and, unless it was simply cut, why."""
    return {
        metric.name: {
            "path": metric.path.value,
            **({"reason": metric.reason} if metric.reason else {}),
        }
        for metric in plan.metrics
    }


def slicing_features(specs: Sequence[SingleSliceSpec]) -> list[str]:
    """The features that the specs slice by, sorted."""
    from microtome.slicing.slicer import Slicer

    return sorted(Slicer(specs).features)
