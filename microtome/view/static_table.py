"""A report without JavaScript: the verdict, the runs, and the largest slices of the newest run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from microtome.results.display import formatted, html_table, printable, text_table
from microtome.view.builder import OVERALL, names_of
from microtome.view.numbers import Floats, unpacked

Report = Mapping[str, Any]

ROWS = 20
_MAX_RUNS = 20
_MAX_REASONS = 5
_WIDTH = 100


def to_html(report: Report, rows: int = ROWS) -> str:
    """The report as HTML tables without scripts.

    Args:
        rows: At most so many slices.
    """
    return "".join(html_table(*table) for table in _tables(report, rows))


def to_text(report: Report, rows: int = ROWS) -> str:
    """The report as text tables."""
    return "\n\n".join("\n".join(_lines(*table)) for table in _tables(report, rows))


_Table = tuple[str, list[tuple[str, str]], list[list[str]], list[str]]


def _tables(report: Report, rows: int) -> Iterator[_Table]:
    runs = [run for run in report["runs"] if report["values"].get(run["id"])]
    if len(runs) > 1:
        yield _of_runs(report, runs)
    if runs:
        yield _of_slices(report, runs[-1], rows)
    else:
        yield printable(report["title"], None), [], [["nothing to show"]], []


def _of_runs(report: Report, runs: Sequence[Mapping[str, Any]]) -> _Table:
    """Overall of each run, the newest first."""
    shown = runs[: -_MAX_RUNS - 1 : -1]
    row = names_of(report).get(OVERALL, 0)
    metrics = _numbers(report, [run["id"] for run in shown])
    cells = [[printable(run["name"]) for run in shown]]
    for metric in metrics:
        column = [_column(report, run["id"], metric["id"], row + 1)[row] for run in shown]
        cells.append(formatted([_or_none(value) for value in column]))
    name = report["slices"]["name"][row] if report["slices"]["name"] else OVERALL
    headings = [printable(name), *(printable(metric["label"]) for metric in metrics)]
    notes = _more(len(runs) - len(shown), "runs")
    table = [headings, *map(list, zip(*cells, strict=True))]
    return f"{printable(report['title'], None)}: {len(runs):,} runs", [], table, notes


def _of_slices(report: Report, run: Mapping[str, Any], rows: int) -> _Table:
    names = report["slices"]["name"]
    metrics = _numbers(report, [run["id"]])
    columns = {
        metric["id"]: _column(report, run["id"], metric["id"], len(names)) for metric in metrics
    }
    order = _largest_first(report, columns)
    shown = order[:rows]
    cells = [[printable(names[row]) for row in shown]]
    cells += [formatted([_or_none(v) for v in column[shown]]) for column in columns.values()]
    headings = ["slice", *(printable(metric["label"]) for metric in metrics)]
    table = [headings, *map(list, zip(*cells, strict=True))]
    slices = f"{len(order):,} slice{'s' * (len(order) != 1)}, {len(metrics)} metrics"
    places = {"model": "model_path", "data": "data_path", "result": "path"}
    title = [(name, printable(run[key], None)) for name, key in places.items() if run.get(key)]
    notes = _more(len(order) - len(shown), "slices")
    notes += [printable(one["why"], None) for one in report.get("omitted", []) if not one["slice"]]
    heading = f"{printable(run['name'])}: {slices}"
    return heading, [*title, *_verdict(report, run["id"])], table, notes


def _verdict(report: Report, run_id: str) -> Iterator[tuple[str, str]]:
    found = report.get("verdicts", {}).get(run_id)
    if not found or (found["verdict"] == "NOT_VALIDATED" and not found["reasons"]):
        return
    yield "verdict", found["verdict"]
    failed = [reason for reason in found["reasons"] if reason["failed"]]
    for reason in failed[:_MAX_REASONS]:
        place = f"{reason.get('slice', '')} {reason.get('metric', '')}: {reason.get('value')}"
        yield "failed", printable(reason.get("message") or place, None)
    if len(failed) > _MAX_REASONS:
        yield "failed", f"and {len(failed) - _MAX_REASONS} more"


def _numbers(report: Report, runs: Sequence[str]) -> list[Mapping[str, Any]]:
    """The metrics that are numbers in some of the runs: the count first, then by label."""
    there = {name for run in runs for name in report["values"].get(run, {})}
    found = [metric for metric in report["metrics"] if metric["id"] in there]
    weight = report.get("weight")
    kept = [one for one in found if one["kind"] != "count" or one["id"] == weight] or found
    return sorted(kept, key=lambda one: (one["id"] != weight, one["label"]))


def _largest_first(report: Report, columns: Mapping[str, Floats]) -> list[int]:
    """The rows of a run that have a value: Overall, then by falling weight."""
    names = report["slices"]["name"]
    if not columns:
        return []
    filled = ~np.all([np.isnan(column) for column in columns.values()], axis=0)
    weights = columns.get(report.get("weight", ""), np.zeros(len(names)))
    overall = np.array([name != OVERALL for name in names])
    order = np.lexsort((np.arange(len(names)), -np.nan_to_num(weights), overall))
    return [int(row) for row in order if filled[row]]


def _column(report: Report, run: str, metric: str, size: int) -> Floats:
    """A column as long as asked for."""
    column = np.full(size, np.nan)
    found = report["values"].get(run, {}).get(metric)
    if found:
        values = unpacked(found["v"])[:size]
        column[: len(values)] = values
    return column


def _lines(
    heading: str, title: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]], notes: list[str]
) -> Iterator[str]:
    yield heading
    yield from (f"{name}: {value}" for name, value in title)
    lines, hidden = text_table(rows, _WIDTH)
    yield from ("", *lines)
    yield from notes
    if hidden:
        yield f"more metrics: {', '.join(hidden)}"


def _more(count: int, what: str) -> list[str]:
    return [f"… and {count:,} more {what}"] if count > 0 else []


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
