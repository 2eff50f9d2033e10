"""Slice keys: which slice a state or a metric belongs to.

A key is a tuple of (column, value), sorted by column; the empty key is Overall. Keys compare as
Python does, so the value 5 of one spec and the value 5.0 of another are one slice. NaN is the
exception: every key holds the one object `NAN`, because a NaN equals itself only by identity.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

SliceValue = str | int | float
SliceKey = tuple[tuple[str, SliceValue], ...]

OVERALL: SliceKey = ()
NAN = float("nan")

_DIGITS = re.compile(r"(\d+)")
_INTERVAL = re.compile(r"\[(\S+), \S+\)")


def slice_value(value: object) -> SliceValue:
    """Converts one value of a feature into the value that stands in slice keys.

    Args:
      value: bytes, str, or a Python or numpy number. Bytes are decoded as UTF-8; a byte that is not
        UTF-8 is shown escaped, as a backslash, `x`, and two hex digits. Booleans become 0 and 1.

    Raises:
      TypeError: the value is of another type.
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        # Lone surrogates could not be written out again.
        return str(value) if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, (bool, int, np.integer, np.bool_)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return NAN if math.isnan(number) else number + 0.0  # -0.0 becomes 0.0
    raise TypeError(f"a {type(value).__name__} cannot be a slice value: {value!r}")


def slice_key(items: Iterable[tuple[str, object]]) -> SliceKey:
    """Makes a key of (column, value) pairs in any order."""
    key = ((column, slice_value(value)) for column, value in items)
    return tuple(sorted(key, key=lambda item: item[0]))


def stringify_slice_key(key: SliceKey) -> str:
    """Returns a key as text: `c1_X_c2:v1_X_v2`, or `Overall` for the empty key."""
    if not key:
        return "Overall"
    columns, values = zip(*key, strict=True)
    return "_X_".join(columns) + ":" + "_X_".join(map(str, values))


def natural_order(key: SliceKey) -> tuple[Any, ...]:
    """Sort key for people: Overall first, then by number of columns, columns, and values.

    Numbers stand before text and NaN after all numbers; digits inside text count as numbers (`m2`
    before `m10`), and buckets of a number stand in the order of their lower edges.
    """
    return len(key), tuple(column for column, _ in key), tuple(_natural(value) for _, value in key)


def _natural(value: SliceValue) -> tuple[Any, ...]:
    if not isinstance(value, str):
        return (1, 0.0) if math.isnan(value) else (0, value)
    interval = _INTERVAL.fullmatch(value)
    if interval:
        try:
            return 2, float(interval[1]), value
        except ValueError:
            pass
    parts = _DIGITS.split(value)
    # Odd parts are digits: by length, then text. Both kinds have one form, so that any two compare.
    ordered = []
    for i, part in enumerate(parts):
        digits = part.lstrip("0")
        ordered.append(("", len(digits), digits) if i % 2 else (part, 0, ""))
    return 3, tuple(ordered), value
