"""Results of TFMA and of Microtome, by key, as plain values that can be compared."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from google.protobuf import text_format
from google.protobuf.message import Message

from microtome.results.loader import load_metrics, load_plots

_CLOSE = {"rel_tol": 1e-6, "abs_tol": 1e-9}


class Place(NamedTuple):
    """Where a value stands: the slice, and all that names the value, as text."""

    slice: str
    key: str


def read(directory: str, output: str = "") -> dict[Place, Message]:
    """All values and plots of a result.

    Args:
        output: the output that they are said to be of, where they name none.
    """
    found: dict[Place, Message] = {}
    for record in load_metrics(directory):
        for item in record.metric_keys_and_values:
            item.key.output_name = item.key.output_name or output
            _put(found, record.slice_key, item)
    for record in load_plots(directory):
        for item in record.plot_keys_and_values:
            item.key.output_name = item.key.output_name or output
            for field, value in item.value.ListFields():
                # plots of no name share a message
                one = type(item.value)()
                getattr(one, field.name).CopyFrom(value)
                _put(found, record.slice_key, item, field.name, one)
    return found


def _put(found: dict, slice_key: Message, item: Any, kind: str = "", value: Any = None) -> None:
    place = Place(_text(slice_key), f"{kind} {_text(item.key)}".strip())
    assert place not in found, f"twice: {place}"
    found[place] = item.value if value is None else value


def _text(message: Message) -> str:
    return " ".join(text_format.MessageToString(message, as_one_line=True).split())


def differing(theirs: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Says where two messages are not the same, numbers to 1e-6."""
    if isinstance(theirs, Message):
        a = {field.name: value for field, value in theirs.ListFields()}
        b = {field.name: value for field, value in ours.ListFields()}
        for name in sorted({*a, *b}):
            # a zero that is written and one that is not are the same
            value, other = (
                each.get(name, getattr(of, name)) for each, of in ((a, theirs), (b, ours))
            )
            yield from differing(value, other, f"{path}.{name}")
    elif isinstance(theirs, float):
        is_same = math.isclose(theirs, ours, **_CLOSE) or (math.isnan(theirs) and math.isnan(ours))
        if not is_same:
            yield f"{path}: {theirs} and {ours}"
    elif hasattr(theirs, "__len__") and not isinstance(theirs, str | bytes):
        if len(theirs) != len(ours):
            yield f"{path}: {len(theirs)} and {len(ours)}"
        else:
            for number, pair in enumerate(zip(theirs, ours, strict=True)):
                yield from differing(*pair, f"{path}[{number}]")
    elif theirs != ours:
        yield f"{path}: {theirs!r} and {ours!r}"
