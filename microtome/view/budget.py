"""Keeps a report below a number of bytes, by leaving out plots, then the smallest slices."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from microtome.view.builder import OVERALL
from microtome.view.numbers import MAX_LISTED, Floats, packed, unpacked

Report = dict[str, Any]

# Above so many bytes a report is compressed: what is smaller can be read as it stands.
COMPRESSED_ABOVE = 200_000


def encode(report: Mapping[str, Any]) -> bytes:
    """The report as JSON of ASCII letters."""
    text = json.dumps(report, allow_nan=False, separators=(",", ":"))
    return text.encode("ascii")


def embedded(data: bytes) -> tuple[str, bool]:
    """JSON as a page holds it.

    Returns:
        The text, and whether it is base64 of compressed data rather than JSON in which no `<` is
        left.
    """
    if len(data) <= COMPRESSED_ABOVE:
        return data.decode("ascii").replace("<", "\\u003c"), False
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode("ascii"), True


def fit(report: Report, max_bytes: int) -> Report:
    """The report, or as much of it as a page can hold in so many bytes.

    Plots are left out first, those of the largest slices last; then the smallest slices. Overall
    stays. What was left out is told under `omitted`.
    """
    size = _size(report)
    if size > max_bytes and report.get("plots"):
        report = _fewer_plots(report, max_bytes, size)
        size = _size(report)
    count = len(report["slices"]["name"])
    if size <= max_bytes:
        return report
    order = np.array(rows_by_size(report), np.int64)
    kept, smaller = count, report
    while size > max_bytes and kept > 1:
        kept = max(1, min(kept - 1, int(kept * max_bytes / size * 0.97)))
        smaller = _fewer_slices(report, np.sort(order[:kept]), max_bytes)
        size = _size(smaller)
    return smaller


def rows_by_size(report: Mapping[str, Any]) -> list[int]:
    """The rows of the slices: Overall first, then by their falling weight in any run."""
    names = report["slices"]["name"]
    weights = np.zeros(len(names))
    weight = report.get("weight")
    for columns in report["values"].values():
        if weight in columns:
            found = np.nan_to_num(unpacked(columns[weight]["v"]))
            weights[: len(found)] = np.maximum(weights[: len(found)], found)
    overall = np.array([name != OVERALL for name in names], bool)
    return np.lexsort((np.arange(len(names)), -weights, overall)).tolist()


def _size(report: Mapping[str, Any]) -> int:
    return len(embedded(encode(report))[0])


def _fewer_plots(report: Report, max_bytes: int, size: int) -> Report:
    plots = report["plots"]
    order = {report["slices"]["name"][row]: rank for rank, row in enumerate(rows_by_size(report))}
    ranked = sorted(plots, key=lambda plot: order.get(plot["slice"], len(order)))
    sizes = np.array([len(encode(plot)) for plot in ranked])
    # of packed numbers in base64 about this much is left when they are compressed
    shrunk = size / len(encode(report))
    room = max_bytes - (size - shrunk * sizes.sum())
    count = int(np.searchsorted(np.cumsum(shrunk * sizes), room * 0.97, side="right"))
    # in the order that they had
    kept = {id(plot) for plot in ranked[:count]}
    left_out = len({(plot["run"], plot["slice"]) for plot in ranked[count:]})
    why = (
        f"The plots of {left_out:,} slice{'s' * (left_out != 1)} are left out, to keep this page "
        f"below {_megabytes(max_bytes)}."
    )
    return _noted({**report, "plots": [plot for plot in plots if id(plot) in kept]}, why)


def _fewer_slices(report: Report, rows: Any, max_bytes: int) -> Report:
    names = report["slices"]["name"]
    place = {str(row): str(index) for index, row in enumerate(rows.tolist())}
    kept_names = [names[row] for row in rows]
    kept = set(kept_names)
    found: Report = {
        **report,
        "runs": [{**run, "complete": False} for run in report["runs"]],
        "slices": {"name": kept_names, "keys": [report["slices"]["keys"][row] for row in rows]},
        "values": {
            run: {name: _taken(column, rows, place) for name, column in columns.items()}
            for run, columns in report["values"].items()
        },
    }
    for part in ("complex", "attributions"):
        if part in report:
            found[part] = {
                run: {name: _renumbered(of_row, place) for name, of_row in columns.items()}
                for run, columns in report[part].items()
            }
    if "plots" in report:
        found["plots"] = [plot for plot in report["plots"] if plot["slice"] in kept]
    left_out = len(names) - len(rows)
    why = (
        f"The smallest {left_out:,} of {len(names):,} slices are left out, to keep this page below "
        f"{_megabytes(max_bytes)}. The result files have them all."
    )
    return _noted(found, why)


def _taken(column: Mapping[str, Any], rows: Any, place: Mapping[str, str]) -> dict[str, Any]:
    found = dict(column)
    for part in ("v", "lo", "hi"):
        if part in column:
            found[part] = _take(unpacked(column[part]), rows)
    if "why" in column:
        found["why"] = _renumbered(column["why"], place)
    return found


def _take(column: Floats, rows: Any) -> Any:
    values = np.full(len(rows), np.nan)
    # a column may be shorter than the slice table
    there = rows < len(column)
    values[there] = column[rows[there]]
    if len(values) > MAX_LISTED:
        return packed(values)
    return [None if np.isnan(value) else value for value in values.tolist()]


def _renumbered(of_row: Mapping[str, Any], place: Mapping[str, str]) -> dict[str, Any]:
    return {place[row]: value for row, value in of_row.items() if row in place}


def _noted(report: Report, why: str) -> Report:
    return {**report, "omitted": [*report.get("omitted", []), {"slice": "", "why": why}]}


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.3g} MB"
