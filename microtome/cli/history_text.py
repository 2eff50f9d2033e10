"""Answers of the history as text for a terminal, and as CSV and JSON."""

from __future__ import annotations

import json
import math
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from microtome.tracking.lineage import Ancestor

MISSING = "-"
_BARS = "▁▂▃▄▅▆▇█"
_MAX_CELL = 48
_MAX_SPARKS = 80
_GAP = "  "
# properties that tell an artifact or an execution from the others of its type
_TELLING = (
    *("span", "data_version", "version", "split_names", "split", "verdict"),
    *("model_digest", "data_digest", "config_digest", "module_path", "module_file"),
)


def sparkline(values: Sequence[float], width: int = _MAX_SPARKS) -> str:
    """A line of bars, as high as the values are between the least and the greatest of them.

    Args:
        values: NaN is a gap; infinities are as the greatest and the least.
        width: With more values, each bar stands for the mean of several.
    """
    points = np.asarray(values, np.float64)
    if len(points) > width:
        points = np.array([_mean(part) for part in np.array_split(points, width)])
    finite = points[np.isfinite(points)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    if not high > low:
        # all the same: in the middle
        low, high = low - 1, high + 1
    places = np.clip((points - low) / (high - low), 0, 1) * (len(_BARS) - 1)
    return "".join(" " if math.isnan(place) else _BARS[round(place)] for place in places)


def to_text(columns: Mapping[str, Sequence[Any]]) -> str:
    """A table of these columns; those of numbers to the right."""
    printed = {name: list(map(_cell, _formatted(values))) for name, values in columns.items()}
    rights = [_is_numeric(values) for values in columns.values()]
    rows = [list(printed), *map(list, zip(*printed.values(), strict=True))]
    widths = [max(map(_width, cells)) for cells in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths, rights) for row in rows)


def to_csv(table: pd.DataFrame) -> str:
    """A line a row; numbers have full precision, lists are JSON."""
    plain = table.copy()
    for name in table.columns:
        if isinstance(table[name].dtype, pd.DatetimeTZDtype):
            plain[name] = [time.isoformat() for time in table[name]]
        elif table[name].dtype == object:
            plain[name] = [_json_cell(value) for value in table[name]]
    return str(plain.to_csv(index=False))


def to_json(content: Any) -> str:
    """A table as a list of objects, a row each; NaN and what is missing is null."""
    if isinstance(content, pd.DataFrame):
        names = list(map(str, content.columns))
        columns = [content.iloc[:, i] for i in range(len(names))]
        content = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False)


def tree(ancestors: Sequence[Ancestor]) -> str:
    """Artifacts and executions, each beneath what was made of it."""
    children: dict[tuple[str, int | None], list[Ancestor]] = defaultdict(list)
    for one in ancestors:
        nearer = "execution" if one.kind == "artifact" else "artifact"
        children[nearer if one.of is not None else "", one.of].append(one)

    def lines(one: Ancestor, first: str, rest: str) -> Iterator[str]:
        yield first + _described(one)
        below = children[one.kind, one.id]
        for index, child in enumerate(below):
            is_last = index == len(below) - 1
            branch, stem = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
            yield from lines(child, rest + branch, rest + stem)

    return "\n".join(line for root in children["", None] for line in lines(root, "", ""))


def printable(text: str) -> str:
    """The text on one line, without characters that a terminal would act on."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _described(one: Ancestor) -> str:
    role = f"{one.role}: " if one.role else ""
    kind = one.type.rpartition(".")[2] if one.kind == "execution" else one.type
    told = [f"{name}={one.properties[name]}" for name in _TELLING if one.properties.get(name)]
    parts = [f"{role}{kind} ({one.kind} {one.id})", one.name, ", ".join(told)]
    return printable(_GAP.join(filter(None, parts)))


def _mean(values: Any) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _is_numeric(values: Collection[Any]) -> bool:
    return all(_is_missing(value) or _is_number(value) for value in values)


def _formatted(values: Sequence[Any]) -> list[str]:
    """Numbers of one column in one form: whole if all are, else with four decimals."""
    whole = all(isinstance(value, int | np.integer) for value in values if _is_number(value))
    return [_text(value, whole) for value in values]


def _text(value: Any, whole: bool) -> str:
    if _is_missing(value) or (isinstance(value, str) and not value):
        return MISSING
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if not _is_number(value):
        return str(value)
    if whole:
        return f"{value:,}"
    if value == 0 or 1e-3 <= abs(value) < 1e9 or not math.isfinite(value):
        return f"{value:,.4f}"
    return f"{value:.3e}"


def _cell(text: str) -> str:
    """What a terminal can show of a text; of a long one, a path perhaps, the end."""
    safe = printable(text)
    return safe if len(safe) <= _MAX_CELL else "…" + safe[1 - _MAX_CELL :]


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def _line(row: Sequence[str], widths: Sequence[int], rights: Sequence[bool]) -> str:
    cells = []
    for cell, width, right in zip(row, widths, rights, strict=True):
        pad = " " * (width - _width(cell))
        cells.append(pad + cell if right else cell + pad)
    return _GAP.join(cells).rstrip()


def _json_cell(value: Any) -> Any:
    return to_json(value) if isinstance(value, list | tuple | dict) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if _is_missing(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
