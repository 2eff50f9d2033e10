"""Reports: what the views show, as `report.schema.json` describes it.

Synopsis:

    report = report_of(result)                           # one result, several, or EvalResults
    report = report_of_history(history)                  # all tracked numbers

    # what a host that gives parts on demand answers with
    report = report_of_runs(history)                     # all runs, the values of the newest
    report = report_of_run(history, "12")                # the values of one run
    report = report_of_plots(history, "12", "hour:1")    # the plots of one slice
    report = report_of_series(history, ["hour:1"])       # some slices in all runs

All texts in a report are clean of what JSON or UTF-8 cannot hold, and no number is NaN or infinite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, cast

import numpy as np

from microtome.errors import ConfigError, DataError
from microtome.messages import nearest
from microtome.results import files, names
from microtome.results.display import by_size
from microtome.results.eval_result import EvalResult, EvalResults
from microtome.results.loader import load_eval_result
from microtome.results.names import EXAMPLE_COUNT
from microtome.results.records import Plots
from microtome.results.slice_keys import AnySliceKey, short_key, slice_text
from microtome.slicing.keys import SliceKey, stringify_slice_key
from microtome.tracking.block import Block
from microtome.tracking.evaluations import Evaluation
from microtome.tracking.history import History
from microtome.version import __version__
from microtome.view import plot_columns, runs, verdicts
from microtome.view.builder import DEFAULT_LEVEL, ReportBuilder
from microtome.view.texts import clean

Report: TypeAlias = dict[str, Any]
Results: TypeAlias = "EvalResult | EvalResults | Sequence[EvalResult] | Mapping[str, EvalResult]"
# The result of an evaluation; None where its files are not at hand.
Load: TypeAlias = Callable[[Evaluation], EvalResult | None]

SCHEMA = "report/1"
# of the slices with plots, the largest so many are in a report; the others are given on demand
MAX_PLOT_SLICES = 20


def report_of(
    results: Results,
    *,
    title: str | None = None,
    mode: str | None = None,
    weighted_example_column: str | None = None,
    max_plot_slices: int | None = MAX_PLOT_SLICES,
    keep: Callable[[AnySliceKey], bool] | None = None,
) -> Report:
    """The report of one or several results.

    Args:
        results: A result; several, the newest last; or several by name. A baseline model that was
            evaluated together with a result's model is read from the same folder and added.
        title: By default, the names of the results.
        mode: As `EvalResults.get_mode` gives it; by default that of `results`.
        weighted_example_column: The metric that holds each slice's number of examples.
        max_plot_slices: Plots of at most so many slices of each result, the largest; None for all.
        keep: Which slices are shown, told by their keys; by default all.

    Raises:
        ConfigError: There are no results.
    """
    found = runs_of(results)
    if not found:
        raise ConfigError("There is no result to show.")
    builder = ReportBuilder()
    found_verdicts: dict[str, Any] = {}
    for run, result in found:
        _add(builder, run["id"], result, max_plot_slices, keep)
        verdict = None if run.get("baseline") else verdicts.of_result(result)
        if verdict:
            found_verdicts[run["id"]] = verdict
    described = [run for run, _ in found]
    mode = mode or (results.get_mode() if isinstance(results, EvalResults) else None)
    weight = builder.weight(found[-1][1].config, weighted_example_column)
    return _report(
        title or ", ".join(run["name"] for run in described[-3:]),
        described,
        builder,
        mode=mode,
        weight=weight,
        verdicts=found_verdicts,
    )


def runs_of(results: Results) -> list[tuple[dict[str, Any], EvalResult]]:
    """What a report tells of the run of each result, with the result; baselines are added."""
    named = named_results(results)
    ids = runs.ids_of_results([result for _, result in named])
    found = []
    for run_id, (name, result) in zip(ids, named, strict=True):
        for baseline, title in _baselines_of(result):
            run = runs.of_result(baseline, f"{run_id}~{title}", title)
            found.append(({**run, "baseline": True}, baseline))
        found.append((runs.of_result(result, run_id, name), result))
    return found


def report_of_history(
    history: History,
    slices: Iterable[str | SliceKey] | None = None,
    metrics: Sequence[str] | None = None,
    *,
    title: str | None = None,
    mode: str | None = None,
) -> Report:
    """The report of all tracked numbers of a history.

    Args:
        history: The evaluations.
        slices: Only these; by default all that are tracked.
        metrics: Only these; by default all.
        title: By default what the history was read from.
        mode: As in `report_of`.

    Raises:
        ConfigError: No evaluation has such a slice or metric.
    """
    evaluations = history.evaluations
    wanted = None if slices is None else _keys(evaluations, slices)
    _check_metrics(evaluations, metrics)
    builder = ReportBuilder()
    described, ids = _described(evaluations)
    found: dict[str, Any] = {}
    for run_id, one in zip(ids, evaluations, strict=True):
        _add_tracked(builder, run_id, one, wanted, metrics)
        found[run_id] = _verdict(one)
    is_part = wanted is not None or metrics is not None
    described = [
        {**run, "complete": False} if is_part or one.not_tracked else run
        for run, one in zip(described, evaluations, strict=True)
    ]
    return _report(
        title or history.described,
        described,
        builder,
        mode=mode,
        weight=builder.weight(None),
        verdicts=found,
    )


def report_at(result: EvalResult, output_path: str) -> Report:
    """The report of a result that is on its way to a directory."""
    named = EvalResult([], output_path=output_path)
    (run_id,) = runs.ids_of_results([named])
    builder = ReportBuilder()
    _add(builder, run_id, result, None)
    described = {
        **runs.of_result(result, run_id),
        "path": clean(output_path),
        "started": runs.now(),
    }
    verdict = verdicts.of_result(result)
    return _report(
        run_id,
        [described],
        builder,
        weight=builder.weight(result.config),
        verdicts={run_id: verdict} if verdict else None,
    )


def report_of_evaluation(
    result: EvalResult, evaluation: Evaluation, earlier: Sequence[Evaluation] = ()
) -> Report:
    """The report of a tracked evaluation, with its verdict.

    Args:
        result: Its result.
        evaluation: What is tracked of it.
        earlier: Evaluations before it, in order of time, of which the tracked numbers are shown.
    """
    tracked, ids = _described([*earlier, evaluation])
    builder = ReportBuilder()
    for run_id, one in zip(ids, earlier, strict=False):
        _add_tracked(builder, run_id, one, None, None)
    _add(builder, ids[-1], result, MAX_PLOT_SLICES)
    told = {run_id: _verdict(one) for run_id, one in zip(ids, [*earlier, evaluation], strict=True)}
    described = {**runs.of_result(result, ids[-1]), **tracked[-1]}
    return _report(
        described["name"],
        [*({**run, "complete": False} for run in tracked[:-1]), described],
        builder,
        weight=builder.weight(result.config),
        verdicts=told,
    )


def report_of_runs(
    history: History,
    load: Load | None = None,
    title: str | None = None,
    run: Callable[[str], Report] | None = None,
) -> Report:
    """What a host that gives the rest on demand starts with: all runs, the values of the newest.

    Args:
        history: The evaluations.
        load: Reads the result of an evaluation; by default `load_result`.
        title: By default what the history was read from.
        run: Gives the report of a run by its id; by default `report_of_run`.
    """
    evaluations = history.evaluations
    described, ids = _described(evaluations)
    report_of = run or (lambda run_id: report_of_run(history, run_id, load))
    first = report_of(ids[-1]) if ids else _report("", [], ReportBuilder())
    found = {run_id: _verdict(one) for run_id, one in zip(ids, evaluations, strict=True)}
    return {
        **first,
        "title": clean(title or history.described),
        "runs": [*({**run, "complete": False} for run in described[:-1]), *first["runs"]],
        "verdicts": {**found, **first.get("verdicts", {})},
        "on_demand": ["run", "plots", "series", "attributions"],
    }


def report_of_run(history: History, run_id: str, load: Load | None = None) -> Report:
    """One run with all its values: from its result files, else what is tracked of it.

    Args:
        history: The evaluations.
        run_id: The run, as a report of the history names it.
        load: As in `report_of_runs`.

    Raises:
        ConfigError: There is no such run.
        OutputError: The result files are damaged.
    """
    one, described = find_run(history, run_id)
    result = (load or load_result)(one)
    builder = ReportBuilder()
    found = {run_id: _verdict(one)}
    if result is None:
        _add_tracked(builder, run_id, one, None, None)
        info = [*described.get("info", []), ["Shown", "what is tracked: no result files are here"]]
        described = {**described, "info": info}
        weight = builder.weight(None)
    else:
        described = {**runs.of_result(result, run_id), **described}
        _add(builder, run_id, result, 1)
        weight = builder.weight(result.config)
        if not one.reasons:
            found[run_id] = verdicts.of_result(result) or found[run_id]
    described = {**described, "complete": True}
    return _report(described["name"], [described], builder, weight=weight, verdicts=found)


def report_of_plots(
    history: History, run_id: str, slice_name: str, load: Load | None = None
) -> Report:
    """The plots of one slice of one run; none where its result files are not at hand.

    The arguments are those of `report_of_run`.

    Raises:
        ConfigError: There is no such run.
        OutputError: The result files are damaged.
    """
    one, described = find_run(history, run_id)
    result = (load or load_result)(one)
    return plots_of_result(result, described, slice_name)


def plots_of_result(result: EvalResult | None, run: Mapping[str, Any], slice_name: str) -> Report:
    """The plots of one slice of a result.

    Args:
        result: The result; None gives no plots.
        run: The run as a report describes it.
        slice_name: The slice as a report names it.
    """
    builder = ReportBuilder()
    for key, plots in result.plots if result else ():
        if builder.slices.name(key) == slice_name:
            builder.plots += plots_of_slice(run["id"], slice_name, plots)
    builder = _only_plots(builder)
    return {**_report(run["name"], [dict(run)], builder), "plots": builder.plots}


def report_of_series(
    history: History, slices: Iterable[str], metrics: Sequence[str] | None = None
) -> Report:
    """Some slices in all runs, of what is tracked.

    Args:
        history: The evaluations.
        slices: Names of slices, as a report has them. A slice that no run has tracked is left out.
        metrics: Only these; by default all.
    """
    known = _names(history.evaluations, set(slices))
    builder = ReportBuilder()
    described, ids = _described(history.evaluations)
    for run_id, one in zip(ids, history.evaluations, strict=True):
        _add_tracked(builder, run_id, one, list(known.values()), metrics)
    part = _report(history.described, described, builder, weight=builder.weight(None))
    # those of the newest run stand in the report that the page started with, told in more detail
    told = set(_block(history.evaluations[-1]).metrics) if history.evaluations else set()
    part["metrics"] = [metric for metric in part["metrics"] if metric["id"] not in told]
    return part


def plots_of_slice(run_id: str, name: str, plots: Plots) -> list[dict[str, Any]]:
    """The plots of a slice, given as `EvalResult` has them, for a report."""
    return list(plot_columns.plots_of_slice(run_id, name, plots))


def tracked_numbers(history: History) -> int:
    """How many numbers a report of all that is tracked would have."""
    return sum(_block(one).values.size for one in history.evaluations)


def find_run(history: History, run_id: str) -> tuple[Evaluation, dict[str, Any]]:
    """An evaluation by the id of its run in reports, and what a report tells of it.

    Raises:
        ConfigError: There is no such run.
    """
    described, ids = _described(history.evaluations)
    if run_id not in ids:
        raise ConfigError(f"There is no run {run_id!r}{nearest(run_id, ids)}.")
    index = ids.index(run_id)
    return history.evaluations[index], described[index]


def load_result(evaluation: Evaluation) -> EvalResult | None:
    """The result of an evaluation, if its files are where it says.

    Raises:
        OutputError: They are damaged.
    """
    path = evaluation.provenance.evaluation_uri
    try:
        found = files.list_names(path) if path else None
    except (OSError, ValueError):
        # a file system that cannot be reached from here
        found = None
    if not found or not names.is_result(found):
        return None
    return load_eval_result(path)


def check_schema(report: Mapping[str, Any]) -> None:
    """Makes sure that a report, read from elsewhere, is one that this version can show.

    Raises:
        ConfigError: It is none, or of a later version.
    """
    name = report.get("schema") if isinstance(report, Mapping) else None
    if name != SCHEMA:
        raise ConfigError(f"This is no report of the form {SCHEMA}; it says {name!r}.")


def named_results(results: Results) -> list[tuple[str, EvalResult]]:
    """The results in order, each with its name; empty where none is given.

    Raises:
        ConfigError: Something is no result.
    """
    if isinstance(results, EvalResult):
        return [("", results)]
    if isinstance(results, Mapping):
        named = [(str(name), result) for name, result in results.items()]
    else:
        named = [("", result) for result in results]
    wrong = [result for _, result in named if not isinstance(result, EvalResult)]
    if wrong:
        raise ConfigError(
            "A view shows what microtome.load_eval_result gives, one or several; this is "
            f"{wrong[0]!r:.80}."
        )
    return named


def _baselines_of(result: EvalResult) -> list[tuple[EvalResult, str]]:
    """Results of the baseline models that were evaluated together with a result's model."""
    specs = list(result.config.model_specs) if result.config else []
    if len(specs) < 2 or not result.output_path or not files.list_names(result.output_path):
        return []
    loaded = [
        (load_eval_result(result.output_path, model_name=spec.name), spec.name)
        for spec in specs
        if spec.is_baseline and spec.name
    ]
    # unless it is the baseline's result itself
    return [pair for pair in loaded if pair[0].slicing_metrics != result.slicing_metrics]


def _add(
    builder: ReportBuilder,
    run_id: str,
    result: EvalResult,
    max_plot_slices: int | None,
    keep: Callable[[AnySliceKey], bool] | None = None,
) -> None:
    items = result.slicing_metrics
    if keep is not None:
        items = [item for item in items if keep(item[0])]
    told = result.run_info.get("confidence_intervals", {})
    methods = {
        name: of_metric["method"]
        for name, of_metric in told.get("metrics", {}).items()
        if of_metric.get("method")
    }
    level = told.get("level", DEFAULT_LEVEL)
    builder.add_metrics(run_id, items, _method(result), methods, level)
    attributions = [item for item in result.attributions if keep is None or keep(item[0])]
    builder.add_attributions(run_id, attributions)
    plots = [(key, plots) for key, plots in result.plots if plots and (keep is None or keep(key))]
    if not plots:
        return
    builder.plot_slices[run_id] = [builder.slices.name(key) for key, _ in plots]
    if max_plot_slices is not None and len(plots) > max_plot_slices:
        having = {key for key, _ in plots}
        sized = by_size([item for item in items if item[0] in having])
        largest = {key for key, _ in sized[:max_plot_slices]}
        plots = [item for item in plots if item[0] in largest]
    for key, of_slice in plots:
        builder.plots += plots_of_slice(run_id, builder.slices.name(key), of_slice)


def _method(result: EvalResult) -> str:
    if result.config is None:
        return ""
    options = result.config.options.confidence_intervals
    return (
        str(type(options).ConfidenceIntervalMethod.Name(options.method))
        .lower()
        .removeprefix("unknown_confidence_interval_method")
    )


def _add_tracked(
    builder: ReportBuilder,
    run_id: str,
    evaluation: Evaluation,
    wanted: Sequence[SliceKey] | None,
    metrics: Sequence[str] | None,
) -> None:
    block = _block(evaluation, builder)
    if wanted is None:
        keys, rows = block.keys, np.arange(len(block.slices))
    else:
        places = [(key, block.position(key)) for key in wanted]
        keys = [key for key, place in places if place is not None]
        rows = np.array([place for _, place in places if place is not None], np.int64)
    columns = [
        index for index, name in enumerate(block.metrics) if metrics is None or name in metrics
    ]
    chosen = [block.metrics[index] for index in columns]
    values = block.values[np.ix_(rows, np.array(columns, np.int64))]
    if EXAMPLE_COUNT not in chosen:
        # the page weighs slices by it, whatever metrics are asked for
        chosen = [*chosen, EXAMPLE_COUNT]
        values = np.column_stack([values, block.counts[rows].astype(np.float64)])
    builder.add_numbers(run_id, keys, chosen, values)


def _block(evaluation: Evaluation, builder: ReportBuilder | None = None) -> Block:
    """What is tracked; nothing where it cannot be read, which is told among what is omitted."""
    try:
        return evaluation.block
    except DataError as error:
        if builder is not None:
            builder.omitted.append({"slice": "", "why": clean(f"{evaluation.run}: {error}")})
        return Block([], np.empty(0, np.int64), (), np.empty((0, 0)))


def _described(evaluations: Sequence[Evaluation]) -> tuple[list[dict[str, Any]], list[str]]:
    ids = runs.ids_of_evaluations(evaluations)
    titles = runs.names_of_evaluations(evaluations)
    described = [
        runs.of_evaluation(one, run_id, title)
        for one, run_id, title in zip(evaluations, ids, titles, strict=True)
    ]
    return described, ids


def _verdict(evaluation: Evaluation) -> dict[str, Any]:
    reasons = evaluation.reasons
    if not any(reason.get("slice") for reason in reasons):
        return verdicts.of_reasons(evaluation.verdict, reasons)
    shown = {stringify_slice_key(key): slice_name(key) for key in _block(evaluation).keys}
    return verdicts.of_reasons(
        evaluation.verdict, reasons, lambda name: shown.get(name, clean(name))
    )


def slice_name(key: AnySliceKey) -> str:
    """The name of a slice in reports, but for the `~2` of a second one with the same text."""
    return clean(slice_text(short_key(key)))


def _keys(evaluations: Sequence[Evaluation], wanted: Iterable[str | SliceKey]) -> list[SliceKey]:
    named = list(wanted)
    known = _names(evaluations, {one for one in named if isinstance(one, str)})
    found = []
    for one in named:
        if isinstance(one, str) and one not in known:
            there = _names(evaluations[-1:], None)
            raise ConfigError(
                f"No evaluation has tracked the slice {one!r}{nearest(one, there)}. The last one "
                f"has {len(there)}, such as {', '.join(list(there)[:5])}."
            )
        found.append(known[one] if isinstance(one, str) else one)
    return found


def _names(evaluations: Sequence[Evaluation], wanted: set[str] | None) -> dict[str, SliceKey]:
    """The keys of slices by name, the newest evaluation's first; of all where none is named."""
    found: dict[str, SliceKey] = {}
    for one in reversed(evaluations):
        for key in _block(one).keys:
            for name in (slice_name(key), stringify_slice_key(key)):
                if (wanted is None or name in wanted) and name not in found:
                    found[name] = key
        if wanted is not None and len(found) == len(wanted):
            break
    return found


def _check_metrics(evaluations: Sequence[Evaluation], metrics: Sequence[str] | None) -> None:
    known = {name for one in evaluations for name in _block(one).metrics}
    for name in metrics or ():
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise ConfigError(
                f"No evaluation has the metric {name!r}{nearest(name, sorted(known))}; there is: "
                f"{there}."
            )


def _only_plots(builder: ReportBuilder) -> ReportBuilder:
    alone = ReportBuilder()
    alone.plots = builder.plots
    return alone


def _report(
    title: str,
    described: list[dict[str, Any]],
    builder: ReportBuilder,
    mode: str | None = None,
    weight: str | None = None,
    verdicts: Mapping[str, Any] | None = None,
) -> Report:
    found: Report = {
        "schema": SCHEMA,
        "title": clean(title),
        "created": runs.now(),
        "generator": {"name": "Microtome", "version": __version__},
        "runs": described,
    }
    found.update(builder.parts())
    told = {"mode": mode, "weight": weight, "verdicts": verdicts}
    return cast(Report, {**found, **{name: value for name, value in told.items() if value}})
