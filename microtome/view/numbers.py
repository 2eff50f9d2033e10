"""Columns of numbers as a report holds them: lists of JSON, or packed."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
# a list of numbers and None, or {"dtype", "n", "b64"}
Numbers: TypeAlias = "list[float | None] | dict[str, Any]"

MAX_LISTED = 64

_INT32 = np.iinfo(np.int32)
_DTYPES = {"f8": "<f8", "f4": "<f4", "i4": "<i4"}


def numbers(values: Floats) -> Numbers:
    """A column for a report.

    Args:
        values: `[rows]`; NaN and the infinities are missing values.

    Returns:
        A short column as a list; a long one packed, in the narrowest type that keeps every bit.
    """
    if len(values) <= MAX_LISTED:
        return [_plain(value) if np.isfinite(value) else None for value in values.tolist()]
    return packed(np.where(np.isfinite(values), values, np.nan))


def bounds(values: Floats, side: int) -> Numbers:
    """A column of an interval's bounds; a long one has 32 bits, rounded away from the value.

    Args:
        values: `[rows]`, as of `numbers`.
        side: -1 for lower bounds, 1 for upper ones.
    """
    if len(values) <= MAX_LISTED:
        return numbers(values)
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
        inward = single > values if side < 0 else single < values
        single[inward] = np.nextafter(single[inward], np.float32(side * np.inf))
    return packed(np.where(np.isfinite(single), single, np.nan).astype(np.float64))


def packed(values: Floats) -> dict[str, Any]:
    """The numbers packed, in the narrowest type that keeps every bit: of integers, the value."""
    return _packed(values, lambda raw: {"b64": base64.b64encode(raw).decode("ascii")})


def unpacked(column: Numbers) -> Floats:
    """The numbers of a column, NaN where there is none."""
    if not isinstance(column, Mapping):
        return np.array([np.nan if value is None else value for value in column], np.float64)
    raw = column["bytes"] if "bytes" in column else base64.b64decode(column["b64"])
    return np.frombuffer(raw, _DTYPES[column["dtype"]], column["n"]).astype(np.float64)


def with_bytes(part: Any) -> Any:
    """A copy of a report, or a part of one, with the raw bytes of packed numbers."""
    if isinstance(part, Mapping):
        if "b64" in part and "dtype" in part:
            kept = {name: part[name] for name in ("dtype", "n")}
            return {**kept, "bytes": base64.b64decode(part["b64"])}
        return {name: with_bytes(value) for name, value in part.items()}
    # of lists, only plots' have packed numbers somewhere in them
    if isinstance(part, list) and part and isinstance(part[0], Mapping):
        return [with_bytes(item) for item in part]
    return part


def _packed(values: Floats, carried: Callable[[bytes], dict[str, Any]]) -> dict[str, Any]:
    dtype = _narrowest(values)
    raw = np.ascontiguousarray(values).astype(_DTYPES[dtype]).tobytes()
    return {"dtype": dtype, "n": len(values), **carried(raw)}


def _narrowest(values: Floats) -> str:
    if np.all((values >= _INT32.min) & (values <= _INT32.max) & (values == np.floor(values))):
        return "i4"
    with np.errstate(over="ignore", invalid="ignore"):
        single = values.astype(np.float32)
        return "f4" if np.all((single == values) | np.isnan(values)) else "f8"


def _plain(value: float) -> float | int:
    """Whole numbers without a point, which is shorter."""
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
