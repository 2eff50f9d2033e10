"""What users call: a function for each thing to look at, and TFMA's names for them."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from microtome.errors import ConfigError
from microtome.results.eval_result import EvalResult, EvalResults
from microtome.results.loader import load_eval_result
from microtome.results.slice_keys import AnySliceKey
from microtome.slicing.keys import SliceKey
from microtome.tracking.history import History
from microtome.view import contract, demo_data, runs, selecting
from microtome.view.contract import Report
from microtome.view.selecting import SliceSpec
from microtome.view.viewer import Handler, Supply, View

AnyResult: TypeAlias = "EvalResult | str | os.PathLike[str]"
AnyResults: TypeAlias = "AnyResult | EvalResults | Sequence[AnyResult] | Mapping[str, AnyResult]"
Handlers: TypeAlias = "Mapping[str, Handler] | None"

# More tracked numbers than this are fetched as they are asked for.
_MAX_NUMBERS = 2_000_000
# slices that a time series shows at once
_MAX_SERIES = 8


def slicing(
    results: AnyResults,
    slicing_column: str | None = None,
    slicing_spec: SliceSpec | None = None,
    weighted_example_column: str | None = None,
    event_handlers: Handlers = None,
    mode: str = "auto",
) -> View:
    """The metrics of slices: overview, histogram, matrix, scatter and table.

    Args:
        results: What `microtome.load_eval_result` gives, or the path of a result; several in a
            list, by name, or as `EvalResults`.
        slicing_column: Only Overall and the slices of each value of this feature alone.
        slicing_spec: Only Overall and the slices of this spec.
        weighted_example_column: The metric that holds each slice's number of examples.
        event_handlers: Functions by event; see `View.on`.
        mode: See `View`.

    Raises:
        ConfigError: There is no such slice, event or mode.
        OutputError: A path is no result.
    """
    loaded = _loaded(results)
    keep = _keeping(loaded, slicing_column, slicing_spec, with_overall=True)
    return _view(
        loaded,
        "slices",
        keep=keep,
        weighted_example_column=weighted_example_column,
        event_handlers=event_handlers,
        mode=mode,
    )


def summary(results: AnyResults, event_handlers: Handlers = None, mode: str = "auto") -> View:
    """The verdict with its reasons, Overall with intervals, the worst slices.

    The arguments are those of `slicing`.
    """
    return _view(_loaded(results), "summary", event_handlers=event_handlers, mode=mode)


def time_series(
    results: AnyResults | History,
    slicing_spec: SliceSpec | None = None,
    event_handlers: Handlers = None,
    mode: str = "auto",
) -> View:
    """Metrics over model runs or spans of data.

    Args:
        results: Several results, as of `slicing`, oldest first; or a `History`.
        slicing_spec: The slices that are drawn first; by default Overall.
        event_handlers: As of `slicing`.
        mode: See `View`.
    """
    if isinstance(results, History):
        return history(results, event_handlers=event_handlers, mode=mode)
    loaded = _loaded(results)
    state: dict[str, list[str]] = {}
    if slicing_spec is not None:
        keys = [key for result in _each(loaded) for key in result.get_slice_names()]
        keep = selecting.keeping(keys, None, slicing_spec)
        wanted = dict.fromkeys(contract.slice_name(key) for key in keys if keep(key))
        state["hs"] = list(wanted)[:_MAX_SERIES]
    return _view(loaded, "history", state, event_handlers=event_handlers, mode=mode)


def history(
    where: History | Any,
    slices: Sequence[str | SliceKey] | None = None,
    metrics: Sequence[str] | None = None,
    event_handlers: Handlers = None,
    mode: str = "auto",
) -> View:
    """The tracked evaluations of a pipeline over time.

    Args:
        where: A `History`, or what `History.open` takes: a folder of results, an ML Metadata store.
        slices: Only these; by default all that are tracked.
        metrics: Only these; by default all.
        event_handlers: As of `slicing`.
        mode: See `View`.

    Raises:
        ConfigError: No evaluation has such a slice or metric.
        DataError: There is no such store or folder.
    """
    opened = where if isinstance(where, History) else History.open(where)
    if slices is None and metrics is None and contract.tracked_numbers(opened) > _MAX_NUMBERS:
        report = contract.report_of_runs(opened)
    else:
        report = contract.report_of_history(opened, slices, metrics)
        report["on_demand"] = ["run", "plots", "series"]
    report["initial"] = _state("history")
    return View(report, supply=_supply_of_history(opened), event_handlers=event_handlers, mode=mode)


def plots(
    results: AnyResults,
    slicing_spec: SliceSpec | None = None,
    event_handlers: Handlers = None,
    mode: str = "auto",
) -> View:
    """Calibration, ROC, precision and recall, confusion matrices, by slice.

    Args:
        results: As of `slicing`.
        slicing_spec: The slice that is shown first; by default Overall, or the first with plots.
        event_handlers: As of `slicing`.
        mode: See `View`.

    Raises:
        ConfigError: There are no plots, or the spec matches several slices.
    """
    loaded = _loaded(results)
    keys = [key for result in _each(loaded) for key, of_slice in result.plots if of_slice]
    if not keys:
        raise ConfigError("The results have no plots: none are configured, or none were written.")
    state: dict[str, list[str]] = {}
    if slicing_spec is not None:
        keep = selecting.keeping(keys, None, slicing_spec)
        state["ps"] = [contract.slice_name(selecting.only_one(keys, keep))]
    return _view(loaded, "plots", state, event_handlers=event_handlers, mode=mode)


def fairness(
    results: AnyResults,
    slicing_column: str | None = None,
    slicing_spec: SliceSpec | None = None,
    event_handlers: Handlers = None,
    mode: str = "auto",
) -> View:
    """Rates of slices against a baseline slice, at thresholds, of one model or two.

    The arguments are those of `slicing`; two results by name stand side by side.
    """
    loaded = _loaded(results)
    keep = _keeping(loaded, slicing_column, slicing_spec, with_overall=True)
    return _view(
        loaded, "fairness", _against(loaded), keep=keep, event_handlers=event_handlers, mode=mode
    )


def compare(
    baseline: AnyResults,
    candidate: AnyResult | None = None,
    event_handlers: Handlers = None,
    mode: str = "auto",
) -> View:
    """Two results side by side: matched slices, differences with their intervals.

    Args:
        baseline: The older result, or both, in a list or by name.
        candidate: The newer result.
        event_handlers: As of `slicing`.
        mode: See `View`.

    Raises:
        ConfigError: There are not two results.
    """
    both = baseline if candidate is None else cast("list[AnyResult]", [baseline, candidate])
    loaded = _loaded(both)
    if len(_each(loaded)) < 2:
        raise ConfigError("Give two results to compare, as in compare(older, newer).")
    return _view(loaded, "compare", _against(loaded), event_handlers=event_handlers, mode=mode)


def demo(mode: str = "auto") -> View:
    """The views with built-in data: flights in four months, made up, the same each time."""
    return View(demo_data.demo_report(), mode=mode)


def to_html(
    results: AnyResults | History, path: str | os.PathLike[str] | None = None, **options: Any
) -> str:
    """The views of results, or of a history, as one HTML page that needs no network.

    Args:
        results: As of `slicing`, or a `History`.
        path: Where to write it; by default it is only returned.
        **options: `max_bytes`, as of `View.to_html`.
    """
    if isinstance(results, History):
        return history(results).to_html(path, **options)
    return View(contract.report_of(_loaded(results), max_plot_slices=None)).to_html(path, **options)


def render_slicing_metrics(
    result: AnyResult,
    slicing_column: str | None = None,
    slicing_spec: SliceSpec | None = None,
    weighted_example_column: str | None = None,
    event_handlers: Any = None,
) -> View:
    """TFMA's name for `slicing`: without column and spec, Overall only.

    Args:
        result: As of `slicing`.
        slicing_column: Only the slices of each value of this feature alone.
        slicing_spec: Only the slices of this spec.
        weighted_example_column: The metric that holds each slice's number of examples.
        event_handlers: Functions by event, or one for `slice-selected`.

    Raises:
        ConfigError: There is no such slice.
    """
    loaded = _loaded(result)
    return _view(
        loaded,
        "slices",
        keep=_keeping(loaded, slicing_column, slicing_spec),
        weighted_example_column=weighted_example_column,
        event_handlers=_handlers(event_handlers),
        screens=["slices"],
    )


def render_time_series(
    results: EvalResults | Sequence[AnyResult],
    slicing_spec: SliceSpec | None = None,
    display_full_path: bool = False,
) -> View:
    """TFMA's name for `time_series`, of one slice.

    Args:
        results: What `microtome.load_eval_results` gives.
        slicing_spec: The slice; by default Overall.
        display_full_path: Whether runs are named by the whole paths of model and data.

    Raises:
        ConfigError: No result has the slice, or the spec matches several.
    """
    loaded = _loaded(results)
    keys = [key for result in _each(loaded) for key in result.get_slice_names()]
    keep = selecting.keeping(keys, None, slicing_spec)
    name = contract.slice_name(selecting.only_one(keys, keep))
    made = _view(loaded, "history", {"hs": [name]}, keep=keep, screens=["history"])
    if display_full_path:
        for run in made.report["runs"]:
            run["model"] = run.get("model_path", run.get("model", ""))
            run["data"] = run.get("data_path", run.get("data", ""))
    return made


def render_plot(
    result: AnyResult,
    slicing_spec: SliceSpec | None = None,
    output_name: str | None = None,
    class_id: int | None = None,
    top_k: int | None = None,
    k: int | None = None,
    label: str | None = None,
) -> View:
    """TFMA's name for `plots`, of one slice.

    Args:
        result: As of `slicing`.
        slicing_spec: The slice; by default Overall.
        output_name: Only of this output.
        class_id: Only of this class.
        top_k: Only of the top so many classes.
        k: Only of the class of this rank.
        label: Only plots with this text in their name.

    Raises:
        ConfigError: The slice has no such plots, or the spec matches several slices.
    """
    loaded = _loaded(result)
    of_slices = {key: found for one in _each(loaded) for key, found in one.plots if found}
    if not of_slices:
        raise ConfigError("The result has no plots: none are configured, or none were written.")
    keep = selecting.keeping(of_slices, None, slicing_spec)
    key = selecting.only_one(of_slices, keep)
    sub_key = selecting.sub_key_text(class_id, k, top_k)
    wanted = selecting.plots_wanted(of_slices[key], output_name, sub_key, label)
    report = contract.report_of(loaded, max_plot_slices=0, keep=lambda one: one == key)
    run = report["runs"][-1]["id"]
    report["plots"] = contract.plots_of_slice(run, contract.slice_name(key), wanted)
    shown = {"ps": [contract.slice_name(key)]}
    report |= {"initial": _state("plots", shown), "screens": ["plots"]}
    return View(report)


def render_slicing_attributions(
    result: AnyResult,
    slicing_column: str | None = None,
    slicing_spec: SliceSpec | None = None,
    metric_name: str | None = None,
    weighted_example_column: str | None = None,
    event_handlers: Any = None,
) -> View:
    """Feature attributions of slices, as if each feature were a metric.

    Args:
        result: As of `slicing`.
        slicing_column: As of `render_slicing_metrics`.
        slicing_spec: As of `render_slicing_metrics`.
        metric_name: The metric that is attributed; needed if there are several.
        weighted_example_column: As of `slicing`.
        event_handlers: As of `render_slicing_metrics`.

    Raises:
        ConfigError: There are no attributions of the metric, or no such slice.
    """
    (loaded,) = _each(_loaded(result))
    features = selecting.attributions_as_metrics(loaded, metric_name)
    return _view(
        features,
        "slices",
        keep=_keeping(features, slicing_column, slicing_spec),
        weighted_example_column=weighted_example_column,
        event_handlers=_handlers(event_handlers),
        screens=["slices"],
    )


def render_fairness_indicator(
    eval_result: AnyResult | None = None,
    multi_eval_results: Mapping[str, AnyResult] | None = None,
    slicing_column: str | None = None,
    slicing_spec: SliceSpec | None = None,
    output_name: str = "",
    multi_class_key: str = "",
    event_handlers: Any = None,
) -> View:
    """TFMA's name for `fairness`.

    Args:
        eval_result: As of `slicing`.
        multi_eval_results: Instead of it: two results by name.
        slicing_column: As of `slicing`.
        slicing_spec: As of `slicing`.
        output_name: The output that is shown first.
        multi_class_key: The class that is shown first, such as `classId:3`.
        event_handlers: As of `render_slicing_metrics`.

    Raises:
        ConfigError: Not either one result is given or two by name.
    """
    if (eval_result is None) == (multi_eval_results is None):
        raise ConfigError("Give either eval_result or multi_eval_results.")
    if multi_eval_results is not None and len(multi_eval_results) != 2:
        raise ConfigError(
            f"multi_eval_results must be two results by name; there are {len(multi_eval_results)}."
        )
    shown = cast("AnyResults", multi_eval_results if eval_result is None else eval_result)
    made = fairness(shown, slicing_column, slicing_spec, _handlers(event_handlers))
    first = {name: v for name, v in (("out", output_name), ("cls", multi_class_key)) if v}
    made.state = _state("fairness", {**_against(_loaded(shown)), **first})
    made.report["screens"] = ["fairness"]
    return made


def _view(
    loaded: contract.Results,
    screen: str,
    state: Mapping[str, Any] | None = None,
    *,
    keep: Callable[[AnySliceKey], bool] | None = None,
    weighted_example_column: str | None = None,
    event_handlers: Handlers = None,
    mode: str = "auto",
    screens: Sequence[str] | None = None,
) -> View:
    report = contract.report_of(loaded, keep=keep, weighted_example_column=weighted_example_column)
    report["initial"] = _state(screen, state)
    if screens is not None:
        report["screens"] = list(screens)
    embedded = {(plot["run"], plot["slice"]) for plot in report.get("plots", ())}
    having = {(run, name) for run, names in report.get("plot_slices", {}).items() for name in names}
    supply = None
    if having - embedded:
        supply = _supply_of_results(loaded)
        report["on_demand"] = ["plots"]
    return View(report, mode=mode, supply=supply, event_handlers=event_handlers)


def _supply_of_results(loaded: contract.Results) -> Supply:
    def supply(what: dict[str, Any]) -> Report:
        if what.get("kind") != "plots":
            raise ConfigError(f"There is nothing more of the kind {what.get('kind')!r}.")
        run_id = str(what.get("run"))
        found = {run["id"]: (result, run) for run, result in contract.runs_of(loaded)}
        if run_id not in found:
            raise ConfigError(f"There is no run {run_id!r}.")
        return contract.plots_of_result(*found[run_id], str(what.get("slice")))

    return supply


def _supply_of_history(opened: History) -> Supply:
    def supply(what: dict[str, Any]) -> Report:
        kind, run = what.get("kind"), str(what.get("run"))
        if kind in ("run", "attributions"):
            return contract.report_of_run(opened, run)
        if kind == "plots":
            return contract.report_of_plots(opened, run, str(what.get("slice")))
        if kind == "series":
            return contract.report_of_series(opened, map(str, what.get("slices", ())))
        raise ConfigError(f"There is nothing of the kind {kind!r}.")

    return supply


def _keeping(
    loaded: contract.Results,
    slicing_column: str | None,
    slicing_spec: SliceSpec | None,
    with_overall: bool = False,
) -> selecting.Keep:
    keys = (key for result in _each(loaded) for key in result.get_slice_names())
    return selecting.keeping(keys, slicing_column, slicing_spec, with_overall)


def _loaded(results: AnyResults) -> contract.Results:
    """The results, those that are paths read."""
    if isinstance(results, EvalResult | EvalResults):
        return results
    if isinstance(results, str | os.PathLike):
        return load_eval_result(results)
    if isinstance(results, Mapping):
        return {str(name): _load(one) for name, one in results.items()}
    if isinstance(results, Sequence):
        return [_load(one) for one in results]
    raise ConfigError(
        "A view shows what microtome.load_eval_result gives, one or several, or the path of a "
        f"result; this is {results!r:.80}."
    )


def _load(one: AnyResult) -> EvalResult:
    return load_eval_result(one) if isinstance(one, str | os.PathLike) else one


def _each(loaded: contract.Results) -> list[EvalResult]:
    return [result for _, result in contract.named_results(loaded)]


def _against(loaded: contract.Results) -> dict[str, str]:
    """The state that holds the last of several results against the one before."""
    ids = runs.ids_of_results(_each(loaded))
    return {"run": ids[-1], "base": ids[-2]} if len(ids) > 1 else {}


def _handlers(given: Any) -> Handlers:
    """Handlers as TFMA takes them: by event, or one function."""
    return {"slice-selected": given} if callable(given) else given


def _state(screen: str, more: Mapping[str, Any] | None = None) -> str:
    """A state in the grammar of the page's addresses."""
    pairs = {"v": screen, **(more or {})}.items()
    parts = {name: [value] if isinstance(value, str) else value for name, value in pairs}
    return "&".join(f"{name}={','.join(map(_encoded, values))}" for name, values in parts.items())


def _encoded(text: str) -> str:
    return urllib.parse.quote(text, safe="/")
