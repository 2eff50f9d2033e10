"""`microtome history`: what the evaluations of many runs tell."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from microtome.cli import history_text
from microtome.errors import ConfigError
from microtome.messages import nearest
from microtome.tracking.evaluations import Evaluation
from microtome.tracking.history import History

REGRESSED = 1
_RUNS = 20
_Table = pd.DataFrame


def run(args: argparse.Namespace) -> int:
    """Opens the history, asks it one question and prints the answer.

    Returns:
        The exit status: 0, or 1 where `regressions --fail` found some.

    Raises:
        ConfigError: There is no such store, pipeline, run, node, slice or metric.
        DataError: There are no evaluations, or they cannot be read.
    """
    # bars that the terminal cannot show must not keep the numbers from it
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    return _QUESTIONS[args.question](_opened(args.store, args.pipeline), args) or 0


def _opened(store: str, pipeline: str | None) -> History:
    history = History.open(store, pipeline)
    if pipeline is not None and not len(history):
        known = [name for name in History.open(store).pipelines if name]
        if known:
            raise ConfigError(
                f"There is no pipeline {pipeline!r}{nearest(pipeline, known)}; there is: "
                f"{', '.join(known)}."
            )
    # without any run, every question's answer is what this raises
    history.select(run=-1)
    return history


def _metric(history: History, args: argparse.Namespace) -> None:
    is_text = not (args.csv or args.json)
    last = args.last or (_RUNS if is_text and args.since is None else None)
    which = {"node": args.node, "since": args.since, "last": last}
    table = history.metric(args.metric, args.slice, **which)
    if not is_text:
        return _print_table(table, args)
    groups: dict[tuple[str, str], list[Evaluation]] = {}
    for one in history.select(**which):
        groups.setdefault((one.pipeline, one.node), []).append(one)
    for (pipeline, node), evaluations in groups.items():
        of_node = table[(table["pipeline"] == pipeline) & (table["node"] == node)]
        title = f" of {pipeline}.{node}" if len(groups) > 1 else ""
        print(f"{args.metric}, {args.slice}{title}")
        print("\n".join(_course(of_node, evaluations)), end="\n\n")
    chosen = {one.run for one in history.select(**which)}
    earlier = len({one.run for one in history.select(node=args.node)} - chosen)
    if earlier:
        print(f"{_counted(earlier, 'earlier run')} not shown: see --last, --since")
    return None


def _course(table: _Table, evaluations: Sequence[Evaluation]) -> Iterator[str]:
    """How a metric went, as lines."""
    values = dict(zip(table["evaluation_id"], table["value"], strict=True))
    yield history_text.sparkline([values.get(one.id, float("nan")) for one in evaluations])
    if len(table):
        shown = {name: table[name].tolist() for name in ("time", "run", "span", "n", "value")}
        yield history_text.to_text({**shown, "change": table["value"].diff().tolist()})
    if len(table) < len(evaluations):
        yield f"{len(evaluations) - len(table)} of {len(evaluations)} have no such slice and metric"


def _runs(history: History, args: argparse.Namespace) -> None:
    evaluations = history.select(node=args.node, since=args.since, last=args.last)
    if args.csv or args.json:
        return _print_table(_Table([_told(one) for one in evaluations]), args)
    if not evaluations:
        print("no runs")
        return None
    names = ["time", "run", "pipeline", "node", "span", "split", "n", "slices", "verdict"]
    table = _Table([_told(one) for one in evaluations])
    for name in ("pipeline", "node"):
        if table[name].nunique() == 1:
            names.remove(name)
    print(history_text.to_text({name: table[name].tolist() for name in [*names, "model_uri"]}))
    for note in dict.fromkeys(one.not_tracked for one in evaluations if one.not_tracked):
        print(f"not recorded in some: {note}")
    return None


def _told(one: Evaluation) -> dict[str, Any]:
    overall = one.block.position(())
    provenance = dataclasses.asdict(one.provenance)
    for name in ("component_id", "pipeline_name", "pipeline_run"):
        del provenance[name]
    return {
        "run": one.run,
        "time": pd.Timestamp(one.time),
        "pipeline": one.pipeline,
        "node": one.node,
        "n": None if overall is None else int(one.block.counts[overall]),
        "slices": len(one.block.slices),
        "not_tracked": one.not_tracked,
        "verdict": one.verdict,
        "evaluation_id": one.id,
        **provenance,
    }


def _regressions(history: History, args: argparse.Namespace) -> int:
    compared = history.regressions(
        args.run,
        args.against,
        args.node,
        metrics=args.metrics,
        lower_is_better=args.lower_is_better,
        min_examples=args.min_examples,
        min_change=args.min_change,
    )
    regressed = compared[compared["regressed"].fillna(False).astype(bool)]
    table = compared if args.all else regressed
    if args.csv or args.json:
        _print_table(table, args)
    else:
        if len(table):
            names = ["slice", "metric", "value", "reference", "change", "n", "n_reference"]
            names += ["reference_run", "p_adjusted", *(["regressed"] if args.all else [])]
            if table["node"].nunique() > 1:
                names.insert(0, "node")
            print(history_text.to_text({name: table[name].tolist() for name in names}), end="\n\n")
        print(_judgement(compared, len(regressed), history.select(args.run)[0].run, args.against))
    return REGRESSED if args.fail and len(regressed) else 0


def _judgement(compared: _Table, regressed: int, run: str, against: str) -> str:
    if compared.empty:
        what = "blessed run " if against == "latest_blessed" else "run "
        return f"Run {run}: nothing to compare with: no earlier {what}has a slice and metric of it."
    unknown = int(compared["regressed"].isna().sum())
    text = (
        f"Run {run} against {against.replace('_', ' ')}: {_counted(len(compared), 'number')} "
        f"compared ({_counted(compared['slice'].nunique(), 'slice')}, "
        f"{_counted(compared['metric'].nunique(), 'metric')}), {regressed:,} regressed."
    )
    return text + (
        f"\n{unknown:,} could not be judged: too few runs to know their noise." if unknown else ""
    )


def _worst(history: History, args: argparse.Namespace) -> None:
    lower = [args.metric] if args.lower_is_better else []
    run = None if args.all_runs else args.run
    table = history.worst(args.metric, run, args.node, args.count, args.min_examples, lower)
    _print_table(table, args, f"no slice has {args.metric}")


def _slices(history: History, args: argparse.Namespace) -> None:
    table = history.slice_changes(args.run, args.node)
    _print_table(table, args, "no slice is new, vanished or shrunk since the run before")


def _lineage(history: History, args: argparse.Namespace) -> None:
    ancestors = history.lineage(args.run, args.node)
    if args.json:
        print(history_text.to_json([dataclasses.asdict(one) for one in ancestors]))
    else:
        print(history_text.tree(ancestors))


def _of_model(history: History, args: argparse.Namespace) -> None:
    options = {"slices": args.slice or ["Overall"], "metrics": args.metrics}
    _print_numbers(history.of_model(args.model, **options), args)


def _of_data(history: History, args: argparse.Namespace) -> None:
    options = {"slices": args.slice or ["Overall"], "metrics": args.metrics}
    _print_numbers(history.of_data(args.data, **options), args)


def _print_numbers(table: _Table, args: argparse.Namespace) -> None:
    """Tidy for machines; for people a line an evaluation and slice, and a column a metric."""
    if args.csv or args.json or table.empty:
        return _print_table(table, args, "no such slice is recorded")
    keys = ["evaluation_id", "slice"]
    wide = table.pivot(index=keys, columns="metric", values="value")
    rows = table.drop_duplicates(keys).set_index(keys)
    wide = wide.reindex(rows.index)[list(dict.fromkeys(table["metric"]))]
    names = ["time", "run", "model_uri", "span", "split"]
    shown = {name: rows[name].tolist() for name in names}
    shown |= {"slice": rows.index.get_level_values("slice").tolist(), "n": rows["n"].tolist()}
    print(history_text.to_text({**shown, **{str(name): wide[name].tolist() for name in wide}}))
    return None


def _matrix(history: History, args: argparse.Namespace) -> None:
    table = history.matrix(args.metric, args.slice, node=args.node)
    table = table.rename_axis(columns=None).reset_index()
    _print_table(table, args, f"no run has {args.metric} of {args.slice}")


def _verdict(history: History, args: argparse.Namespace) -> None:
    if args.csv or args.json:
        return _print_table(history.verdicts(args.run, args.node), args)
    for one in history.select(args.run, args.node):
        print(f"Run {one.run}, {one.node or 'no node'}: {one.verdict}")
        if not one.reasons:
            print("  no reasons are recorded: nothing was checked")
        for reason in one.reasons:
            print(f"  {_sentence(reason)}")
    return None


def _sentence(reason: Any) -> str:
    mark = "failed: " if reason.get("failed") else ""
    facts = ", ".join(f"{name} {value}" for name, value in reason.items() if name != "failed")
    return mark + history_text.printable(str(reason.get("message") or facts))


def _compare(history: History, args: argparse.Namespace) -> None:
    found = history.compare(args.run, args.reference, args.node)
    if args.json:
        content = {"is_valid": found.is_valid, **dataclasses.asdict(found)}
        print(history_text.to_json(content))
    else:
        print(found)


def _print_table(table: _Table, args: argparse.Namespace, if_empty: str = "nothing") -> None:
    if args.csv:
        print(history_text.to_csv(table), end="")
    elif args.json:
        print(history_text.to_json(table))
    elif table.empty:
        print(if_empty)
    else:
        print(history_text.to_text({str(name): table[name].tolist() for name in table}))


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


_QUESTIONS = {
    "metric": _metric,
    "runs": _runs,
    "regressions": _regressions,
    "worst": _worst,
    "slices": _slices,
    "lineage": _lineage,
    "model": _of_model,
    "data": _of_data,
    "matrix": _matrix,
    "verdict": _verdict,
    "compare": _compare,
}
