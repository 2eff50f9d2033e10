"""Texts of any length and content as properties that every database of ML Metadata takes.

PostgreSQL indexes them whole, which allows some 2,600 bytes, and ML Metadata 1.15 lets no backslash
through to it; NUL ends a text everywhere.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

MAX_BYTES = 2400
# of a struct, as JSON; PostgreSQL allows some 1,900
_MAX_STRUCT_BYTES = 1500
_QUOTED = "%q"
_UNSAFE = str.maketrans({"%": "%25", "\\": "%5C", "\0": "%00"})


def text_properties(name: str, text: str) -> dict[str, str]:
    """A text as one property or, if it is long, as several: `name`, `name~1`, `name~2` and so on.

    A text with characters that some database refuses has them as `%5C` and the like, and begins
    with `%q`.
    """
    if text.startswith(_QUOTED) or "\\" in text or "\0" in text:
        text = _QUOTED + text.translate(_UNSAFE)
    size = MAX_BYTES if text.isascii() else MAX_BYTES // 4
    parts = [text[start : start + size] for start in range(0, len(text), size)] or [""]
    return {_part_name(name, number): part for number, part in enumerate(parts)}


def json_properties(name: str, value: dict[str, Any] | list[Any]) -> dict[str, Any]:
    """A JSON value as one property: itself (a struct), or its text where it is large."""
    text = json.dumps(value)
    return {name: value} if len(text) <= _MAX_STRUCT_BYTES else text_properties(name, text)


def read_text(properties: Mapping[str, Any], name: str) -> str:
    """The text that `text_properties` made properties of; empty if there is none.

    Args:
        properties: By name, ML Metadata's values, or texts.
    """
    first = properties.get(name)
    if first is None:
        return ""
    parts = [_of(first)]
    # only what fills a property can go on in another
    while len(parts[-1]) >= MAX_BYTES // 4:
        part = properties.get(_part_name(name, len(parts)))
        if part is None:
            break
        parts.append(_of(part))
    text = "".join(parts)
    return urllib.parse.unquote(text[len(_QUOTED) :]) if text.startswith(_QUOTED) else text


def _of(value: Any) -> str:
    return value if isinstance(value, str) else str(value.string_value)


def _part_name(name: str, number: int) -> str:
    return f"{name}~{number}" if number else name
