"""All tracked numbers of one evaluation in one string.

A thousand evaluations of hundreds of slices are read with one call of ML Metadata that way, where
an artifact a slice would take hundreds of thousands. Numbers keep all their bits, NaN and the
infinities too.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from microtome.errors import DataError
from microtome.slicing.keys import NAN, SliceKey, SliceValue, stringify_slice_key
from microtome.tracking.selection import SliceRecord, number_of

_FORM = 1


@dataclasses.dataclass(frozen=True)
class Block:
    """The tracked slices of one evaluation.

    Attributes:
        slices: The slices, each as the JSON text of a list of [column, value], which is quicker to
            compare than to parse; Overall first, then by falling number of examples.
        counts: int64 `[slices]`, their examples.
        metrics: Names of the metrics that are one number.
        values: float64 `[slices, metrics]`. NaN also where a slice has no such metric.
    """

    slices: list[str]
    counts: npt.NDArray[np.int64]
    metrics: tuple[str, ...]
    values: npt.NDArray[np.float64]

    @functools.cached_property
    def keys(self) -> list[SliceKey]:
        """The slices, as keys."""
        parsed: list[list[list[SliceValue]]] = json.loads(f"[{','.join(self.slices)}]")
        return [
            tuple((str(column), value if value == value else NAN) for column, value in pairs)
            for pairs in parsed
        ]

    @property
    def slice_keys(self) -> list[str]:
        """The slices as text, `Overall` for the whole data."""
        return list(map(stringify_slice_key, self.keys))

    def column(self, metric: str) -> npt.NDArray[np.float64]:
        """`[slices]`: a metric; NaN where it is not recorded."""
        if metric not in self.metrics:
            return np.full(len(self.slices), np.nan)
        return self.values[:, self.metrics.index(metric)]

    def position(self, key: SliceKey) -> int | None:
        """Where a slice stands; None if it is not tracked."""
        try:
            return self.slices.index(slice_text(key))
        except ValueError:
            return None


def slice_text(key: SliceKey) -> str:
    """A slice key as it stands in a block."""
    return _compact([list(pair) for pair in key])


def make_block(records: Sequence[SliceRecord]) -> Block:
    """The block of some slices; metrics that are no number of any slice are left out."""
    numbers = [
        {name: number_of(value) for name, value in record.metrics.items()} for record in records
    ]
    names = sorted({name for one in numbers for name, value in one.items() if value is not None})
    values = [[_or_nan(one.get(name)) for name in names] for one in numbers]
    return Block(
        slices=[slice_text(record.key) for record in records],
        counts=np.array([record.example_count for record in records], np.int64),
        metrics=tuple(names),
        values=np.array(values, np.float64).reshape(len(records), len(names)),
    )


def pack(block: Block) -> str:
    """The block as text of ASCII letters: base64 of a compressed head and the numbers.

    The head is lines of JSON: the form and the metrics, then a slice a line.
    """
    head = _compact({"form": _FORM, "metrics": list(block.metrics)})
    text = "\n".join([head, *block.slices]).encode("ascii")
    # a column's numbers, byte by byte, resemble each other
    numbers = np.ascontiguousarray(block.values.T, "<f8").view(np.uint8).reshape(-1, 8).T
    counts = block.counts.astype("<i8").tobytes()
    parts = (len(text).to_bytes(4, "little"), text, counts, numbers.tobytes())
    return base64.b64encode(zlib.compress(b"".join(parts), 6)).decode("ascii")


def unpack(text: str) -> Block:
    """The block that `pack` made a text of.

    Raises:
        DataError: The text is no such text, or one of a later version.
    """
    try:
        content = zlib.decompress(base64.b64decode(text, validate=True))
        size = int.from_bytes(content[:4], "little")
        first, *slices = content[4 : 4 + size].decode("ascii").split("\n")
        head = json.loads(first)
        if head["form"] != _FORM:
            raise DataError(
                f"The tracked slices are packed in form {head['form']}, which this version does "
                "not know. Read them with a later version of Microtome."
            )
        metrics = tuple(head["metrics"])
        counts = np.frombuffer(content, "<i8", len(slices), 4 + size)
        raw = np.frombuffer(content, np.uint8, -1, 4 + size + 8 * len(slices))
        values = np.ascontiguousarray(raw.reshape(8, -1).T).view("<f8")
        values = values.reshape(len(metrics), len(slices)).T
    except DataError:
        raise
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise DataError(f"The packed slices cannot be read ({error}).") from error
    return Block(slices, counts.astype(np.int64), metrics, values)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
