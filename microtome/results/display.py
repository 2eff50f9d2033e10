"""The result as a table for people: as text, and as HTML for a notebook."""

from __future__ import annotations

import dataclasses
import html
import math
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from microtome.results.eval_result import count_of, flat
from microtome.results.records import EXAMPLE_COUNTS, Metrics, label, withheld
from microtome.results.slice_keys import AnySliceKey, is_cross_slice_key, short_key, slice_text
from microtome.results.values import number_of
from microtome.slicing.keys import SliceKey, natural_order

if TYPE_CHECKING:
    from microtome.results.eval_result import EvalResult

SlicingMetric: TypeAlias = tuple[AnySliceKey, Metrics]

_PREFIX = "post_export_metrics/"
_WEIGHT = f"{_PREFIX}example_weight"
_MAX_NAME = 44
_HTML_ROWS = 50
_MAX_FAILURES = 5
_GAP = "  "


@dataclasses.dataclass(frozen=True)
class _Table:
    """What is shown.

    Attributes:
        title: What the result is of, as (name, value) pairs.
        headings: Of the columns; the first is the slice.
        rows: Cells by row.
        more: How many slices are not shown.
        others: Names of metrics that are not one number.
        withheld: How many slices are not shown because they have too few examples.
    """

    title: list[tuple[str, str]]
    headings: list[str]
    rows: list[list[str]]
    more: int
    others: list[str]
    withheld: int


def to_text(
    result: EvalResult,
    max_rows: int | None,
    max_width: int,
    in_order: bool = False,
    where_more: str = "to_dataframe()",
) -> str:
    """See `EvalResult.to_string`.

    Args:
        in_order: Slices stay in the order of `result`.
        where_more: Where to see the slices beyond `max_rows`.
    """
    table = _table(result, max_rows, in_order)
    lines = [_summary(result)]
    margin = max((len(name) for name, _ in table.title), default=0)
    lines += [f"{name + ':':<{margin + 1}} {value}" for name, value in table.title]
    hidden: list[str] = []
    if table.rows:
        aligned, hidden = text_table([table.headings, *table.rows], max_width)
        lines += ["", *aligned]
    notes = _notes(table, hidden, where_more)
    verdict = result.verdict
    if verdict is not None and not verdict.is_unasked:
        notes.append(verdict.summary(_MAX_FAILURES))
    return "\n".join([*lines, *([""] if notes else []), *notes])


def text_table(rows: Sequence[Sequence[str]], max_width: int) -> tuple[list[str], list[str]]:
    """Rows as lines of text, in columns.

    Args:
        rows: Cells by row, the column headings first.
        max_width: At most so many characters in a line.

    Returns:
        The lines, and the headings of the columns that do not fit.
    """
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    shown = _fitting(widths, max_width)
    return [_line(row[:shown], widths) for row in rows], list(rows[0][shown:])


def to_html(result: EvalResult) -> str:
    """A table without scripts that needs nothing else."""
    table = _table(result, _HTML_ROWS)
    return html_table(
        _summary(result),
        table.title,
        [table.headings, *table.rows],
        _notes(table, [], "to_dataframe()"),
    )


def html_table(
    heading: str,
    title: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[str]],
    notes: Sequence[str] = (),
) -> str:
    """A table without scripts that needs nothing else; all texts are shown as they are.

    Args:
        heading: What it is of.
        title: (name, value) pairs above it.
        rows: Cells by row, the column headings first; the first column holds names.
        notes: Lines below it.
    """
    above = "".join(
        f"<div><b>{_escaped(name)}:</b> {_escaped(value)}</div>" for name, value in title
    )
    head, *body = (
        "<tr>" + "".join(_cell(tag, index, cell) for index, cell in enumerate(row)) + "</tr>"
        for tag, row in zip(["th", *["td"] * len(rows)], rows, strict=False)
    )
    below = "".join(f"<div>{_escaped(note)}</div>" for note in notes)
    return (
        '<div style="overflow-x:auto">'
        f"<div><b>{_escaped(heading)}</b></div>{above}"
        f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>{below}</div>"
    )


def by_size(slicing_metrics: Sequence[SlicingMetric]) -> list[SlicingMetric]:
    """(slice key, metrics) of each slice: Overall first, then the largest."""

    def order(item: SlicingMetric) -> tuple[Any, ...]:
        key, metrics = item
        return key != (), -_size(count_of(metrics)), _order(key)

    return sorted(slicing_metrics, key=order)


def _table(result: EvalResult, max_rows: int | None, in_order: bool = False) -> _Table:
    known = [item for item in result.slicing_metrics if withheld(item[1]) is None]
    items = known if in_order else by_size(known)
    slices = [(key, count_of(metrics), metrics) for key, metrics in items]
    shown = slices if max_rows is None else slices[:max_rows]
    numbers, others = _metric_names(known)
    headings = ["slice"]
    columns = [[printable(slice_text(short_key(key))) for key, _, _ in shown]]
    counts = [count for _, count, _ in shown]
    if any(count is not None for count in counts):
        headings.append("examples")
        columns.append(formatted(counts))
    values = [_numbers(metrics) for _, _, metrics in shown]
    for name in numbers:
        column = [of_slice.get(name) for of_slice in values]
        # neither the counts again, nor weights that are the counts
        if name not in EXAMPLE_COUNTS and not (name == _WEIGHT and column == counts):
            headings.append(printable(name.removeprefix(_PREFIX)))
            columns.append(formatted(column))
    return _Table(
        title=_title(result),
        headings=headings,
        rows=[list(row) for row in zip(*columns, strict=True)],
        more=len(slices) - len(shown),
        others=[printable(name.removeprefix(_PREFIX)) for name in others],
        withheld=len(result.slicing_metrics) - len(known),
    )


def _title(result: EvalResult) -> list[tuple[str, str]]:
    places = {
        "model": result.model_location,
        "data": result.data_location,
        "result": result.output_path,
    }
    return [(name, printable(place, None)) for name, place in places.items() if place]


def _numbers(metrics: Metrics) -> dict[str, float | None]:
    return {
        label(output, sub_key, name): number_of(value)
        for output, sub_key, name, value in flat(metrics)
    }


def _size(count: float | None) -> float:
    return 0.0 if count is None or math.isnan(count) else count


def _order(key: AnySliceKey) -> tuple[Any, ...]:
    if is_cross_slice_key(key):
        return 1, slice_text(key)
    return 0, natural_order(cast(SliceKey, key))


def _metric_names(slicing_metrics: Sequence[SlicingMetric]) -> tuple[list[str], list[str]]:
    """Names of the metrics that are one number in some slice, and of the others."""
    numbers: set[tuple[str, str, str]] = set()
    everything: set[tuple[str, str, str]] = set()
    for _, metrics in slicing_metrics:
        for *path, value in flat(metrics):
            full = cast(tuple[str, str, str], tuple(path))
            everything.add(full)
            if full not in numbers and number_of(value) is not None:
                numbers.add(full)
    return _ordered(numbers), _ordered(everything - numbers)


def _ordered(paths: set[tuple[str, str, str]]) -> list[str]:
    """The model's own metrics first."""
    return sorted((label(*path) for path in paths), key=lambda n: (n.startswith(_PREFIX), n))


def formatted(column: Sequence[float | None]) -> list[str]:
    """The numbers of a column in one form: whole if all are, else with four decimals."""
    finite = [value for value in column if value is not None and math.isfinite(value)]
    if all(value.is_integer() and abs(value) < 1e15 for value in finite):
        return ["" if value is None else f"{value:,.0f}" for value in column]
    return ["" if value is None else _decimal(value) for value in column]


def _decimal(value: float) -> str:
    if value == 0 or 1e-3 <= abs(value) < 1e9 or not math.isfinite(value):
        return f"{value:,.4f}"
    return f"{value:.3e}"


def printable(text: str, limit: int | None = _MAX_NAME) -> str:
    """The text on one line, without characters that a terminal would act on, and not too long."""
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return safe if limit is None or len(safe) <= limit else safe[: limit - 1] + "…"


def _width(text: str) -> int:
    """The columns that a text takes in a terminal."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def _fitting(widths: Sequence[int], max_width: int) -> int:
    """How many columns fit; the first always does."""
    used = widths[0]
    for count, width in enumerate(widths[1:], start=1):
        used += len(_GAP) + width
        if used > max_width:
            return count
    return len(widths)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    pads = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False)]
    cells = [row[0] + pads[0]]
    cells += [pad + cell for cell, pad in zip(row[1:], pads[1:], strict=True)]
    return _GAP.join(cells).rstrip()


def _summary(result: EvalResult) -> str:
    slices, metrics = len(result.slicing_metrics), len(result.get_metric_names())
    return f"EvalResult: {slices:,} slice{'s' * (slices != 1)}, {metrics} metrics"


def _notes(table: _Table, hidden: Sequence[str], where_more: str) -> list[str]:
    notes = []
    if table.more:
        notes.append(f"… and {table.more:,} more slices: see {where_more}")
    if table.withheld:
        slices = "1 slice has" if table.withheld == 1 else f"{table.withheld:,} slices have"
        notes.append(f"{slices} too few examples to be shown: see withheld_slices()")
    if hidden:
        notes.append(f"more metrics: {', '.join(hidden)}")
    if table.others:
        notes.append(f"not single numbers: {', '.join(table.others)}")
    return notes


def _cell(tag: str, index: int, text: str) -> str:
    side = "left" if index == 0 else "right"
    return f'<{tag} style="text-align:{side}">{_escaped(text)}</{tag}>'


def _escaped(text: str) -> str:
    return html.escape(text, quote=True)
