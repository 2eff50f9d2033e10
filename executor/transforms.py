"""The evaluation as Beam transforms."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import numpy as np

from microtome.executor import finishing, sources, summing
from microtome.executor.account import COUNTS_OUTPUT, RunAccount, Stopwatch
from microtome.executor.shared_model import EvalSharedModel, WorkerModel, keep_planned
from microtome.proto import config_pb2
from microtome.results.blocks import MetricsBlock
from microtome.results.writer import ResultsWriter
from microtome.slicing.spec import SingleSliceSpec
from microtome.view.run_report import RunReport

if TYPE_CHECKING:
    from microtome.model.plan import Plan


class ReadBatches(beam.PTransform):
    """Files to batches of records, one unit of work a file.

    Args:
        files: names of files.
        file_format: "tfrecords" or "text".
        rows: most rows a batch.
        progress_token: names the progress to tell.
    """

    def __init__(self, files: Sequence[str], file_format: str, rows: int, progress_token: str = ""):
        super().__init__()
        self._files = list(files)
        self._reader = sources.ReadFiles(file_format, rows, progress_token)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        # Create spreads several files over the workers
        return pipeline | "Files" >> beam.Create(self._files) | "Read" >> beam.ParDo(self._reader)


class PlanFromExamples(beam.PTransform):
    """Plans the evaluation from some of the examples that are to be evaluated.

    Input: serialized examples. Output: one `Plan`.

    Args:
        model: the model.
        specs: which slices will be formed.
    """

    def __init__(self, model: EvalSharedModel, specs: Sequence[SingleSliceSpec]):
        super().__init__()
        self._model = model
        self._features = slicing_features(specs)

    def expand(self, examples: beam.PCollection) -> beam.PCollection:
        from microtome.model.planning import MAX_EXAMPLES

        return (
            examples
            | "Some" >> beam.combiners.Sample.FixedSizeGlobally(MAX_EXAMPLES)
            | "Plan" >> beam.Map(_plan_with_sample, self._model, self._features)
        )


def check_model(model: EvalSharedModel, features: Sequence[str]) -> None:
    """Checks a model and the features to slice by, without loading the model into a session.

    Raises:
        ModelError: the directory holds no EvalSavedModel.
        ConfigError: the model has no such feature.
    """
    from microtome.model.contributions import check_feature_names, check_weights
    from microtome.model.signature import read_signature

    signature = read_signature(model.model_path, model.additional_fetches, model.tags)
    check_feature_names(signature, features, "slice by")
    check_weights(signature, list(model.weight_features().values()))


def plan_with(
    examples: Sequence[bytes], model: EvalSharedModel, features: Sequence[str] = ()
) -> Plan:
    """Plans the evaluation of a model with some examples.

    Args:
        features: the slicing features.

    Raises:
        RefusedExampleError: the model refuses one of the examples.
        MicrotomeError: the model and the examples do not fit.
    """
    from microtome.model.planning import make_plan

    with _without_garbage_collection():
        loaded = model.load()
        try:
            plan = make_plan(loaded, examples, list(model.weight_features().values()), features)
        except BaseException:
            loaded.close()
            raise
    keep_planned(model, loaded)
    return plan


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Graphs are many objects, and all stay: to look for garbage among them takes an eighth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def plan_with_batches(
    batches: Sequence[sources.Batch], model: EvalSharedModel, features: Sequence[str]
) -> Plan:
    """Plans the evaluation of a model with some batches.

    Args:
        features: the slicing features.

    Raises:
        MicrotomeError: the model and the examples do not fit.
    """
    examples = [record for batch in batches for record in batch.records]
    with sources.placing_refusals(batches):
        return plan_with(examples, model, features)


def _plan_with_sample(
    examples: Sequence[bytes], model: EvalSharedModel, features: Sequence[str]
) -> Plan:
    # the same plan for the same examples, in whatever order they come
    return plan_with_batches([sources.Batch(np.array(sorted(examples), object))], model, features)


class EvaluateBatches(beam.PTransform):
    """Batches of records to the metrics of their slices.

    Output: `blocks`, each a `MetricsBlock`, and `counts`, what bundles tell for the
    `account.RunAccount`.

    Args:
        model: the model.
        specs: which slices to form.
        plan: the plan, or a one-element PCollection of it.
        progress_token: names the progress to tell.
    """

    def __init__(
        self,
        model: EvalSharedModel,
        specs: Sequence[SingleSliceSpec],
        plan: Plan | beam.PCollection,
        progress_token: str = "",
    ):
        super().__init__()
        self._specs = tuple(specs)
        self._weights = tuple(model.weight_features())
        self._worker = WorkerModel(model, slicing_features(specs))
        self._plan = plan
        self._progress_token = progress_token

    def expand(self, batches: beam.PCollection) -> dict[str, beam.PCollection]:
        is_known = not isinstance(self._plan, beam.PCollection)
        plan = self._plan if is_known else beam.pvalue.AsSingleton(self._plan)
        sum_slices = summing.SumSlices(
            self._worker,
            self._specs,
            plan=self._plan if is_known else None,
            progress_token=self._progress_token,
        )
        summed = batches | "Sum" >> beam.ParDo(sum_slices, plan).with_outputs(
            summing.ROWS_OUTPUT, COUNTS_OUTPUT, main="tables"
        )
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
        finish = beam.ParDo(finishing.FinishSlices(self._weights), plan, *listed)
        finished = (
            summed["tables"]
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
    """

    def __init__(
        self,
        output_path: str,
        eval_run: config_pb2.EvalRun,
        plan: Plan | beam.PCollection,
        evaluation_id: str,
        seconds: Mapping[str, float] | None = None,
    ):
        super().__init__()
        self._evaluation_id = evaluation_id
        self._seconds = dict(seconds or {})
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
                _write, self._output_path, self._eval_run, plan, self._evaluation_id, self._seconds
            )
        )


def _write(
    gathered: tuple[None, Iterable[MetricsBlock | dict[str, Any]]],
    output_path: str,
    eval_run: bytes,
    plan: Plan,
    evaluation_id: str,
    seconds: Mapping[str, float],
) -> str:
    account = RunAccount(seconds)
    stopwatch = Stopwatch()
    with ResultsWriter(output_path, RunReport(output_path)) as writer:
        with stopwatch.timing("write"):
            for part in gathered[1]:
                if isinstance(part, dict):
                    account.add(part)
                else:
                    writer.add_block(part)
        account.add(stopwatch.told())
        told = {"evaluation_id": evaluation_id, **account.told(), "metrics": metric_paths(plan)}
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
