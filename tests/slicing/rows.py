"""Random rows in every form that features take, and the slices that they stand in.

A row is a dict of feature → list of values. The oracle below follows the rules of slicing row by
row in plain Python and shares no code with the slicer.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from microtome.slicing import Column, SingleSliceSpec, SliceKey, column_from


class Sparse(NamedTuple):
    """Looks like tf.compat.v1.SparseTensorValue."""

    indices: np.ndarray
    values: np.ndarray
    dense_shape: tuple[int, ...]


class Ragged(NamedTuple):
    """Looks like tf.compat.v1.ragged.RaggedTensorValue."""

    values: Any
    row_splits: np.ndarray


WORDS = [b"", b"a", b"b", b"5", b"007", b"\xff", b"\\xff", "é".encode()]
INTS = [-1, 0, 1, 5, 7]
FLOATS = [float("nan"), -0.0, 0.0, 0.1, 5.0, -2.5, 1e22]

# word: dense strings; tags: sparse strings; pair: dense, two ints a row; number: 32-bit floats;
# wide: 64-bit floats; steps: ragged ints; flag: booleans.
VALUES = {
    "word": st.lists(st.sampled_from(WORDS), min_size=1, max_size=1),
    "tags": st.lists(st.sampled_from(WORDS), max_size=3),
    "pair": st.lists(st.sampled_from(INTS), min_size=2, max_size=2),
    "number": st.lists(st.sampled_from(FLOATS), min_size=1, max_size=1),
    "wide": st.lists(st.sampled_from(FLOATS), min_size=1, max_size=1),
    "steps": st.lists(st.sampled_from(INTS), max_size=3),
    "flag": st.lists(st.booleans(), min_size=1, max_size=1),
}
TEXT = {"word", "tags"}
rows = st.fixed_dictionaries(VALUES)

GIVEN = ["", "a", "5", 5, 5.0, "5.0", "007", "\\xff", "é", "0.1", 0.1, 0, 1, "1e22", float("nan")]
EDGES = [[0.0], [-2.5, 0.1], [0, 5, 1e20]]


@st.composite
def specs(draw: st.DrawFn, given: list = GIVEN, with_buckets: bool = True) -> SingleSliceSpec:
    """Specs of up to three features."""
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=3))
    columns, features, buckets = [], {}, {}
    for name in names:
        how = draw(st.sampled_from(["all", "all", "given", "buckets"]))
        if how == "given":
            features[name] = draw(st.sampled_from(given))
        elif how == "buckets" and with_buckets and name not in TEXT:
            buckets[name] = draw(st.sampled_from(EDGES))
        else:
            columns.append(name)
    return SingleSliceSpec(columns, features, buckets)


def columns_of(batch: list[dict[str, list]]) -> dict[str, Column]:
    """Puts rows into the forms that session.run gives, and these into columns."""
    flat = {name: [v for row in batch for v in row[name]] for name in VALUES}
    tags = [(i, j) for i, row in enumerate(batch) for j in range(len(row["tags"]))]
    splits = np.cumsum([0, *(len(row["steps"]) for row in batch)])
    forms = {
        "word": np.array(flat["word"], object),
        "tags": Sparse(
            np.array(tags, np.int64).reshape(-1, 2), np.array(flat["tags"], object), (len(batch), 3)
        ),
        "pair": np.array(flat["pair"], np.int64).reshape(len(batch), 2),
        "number": np.array(flat["number"], np.float32),
        "wide": np.array(flat["wide"], np.float64).reshape(-1, 1),
        "steps": Ragged(np.array(flat["steps"], np.int32), splits),
        "flag": np.array(flat["flag"], bool),
    }
    return {name: column_from(form) for name, form in forms.items()}


def slices_of(row: dict[str, list], all_specs: list[SingleSliceSpec]) -> set[SliceKey]:
    """The oracle: all slices that a row stands in. NaN is given as the text `NaN`."""
    found = set()
    for spec in all_specs:
        choices = [{(c, shown(c, v)) for v in row[c]} for c in spec.columns]
        for column, text in spec.feature_texts:
            choices.append({(column, m) for v in row[column] for m in match(column, v, text)})
        for column, edges in spec.buckets.items():
            choices.append({(column, bucket(v, edges)) for v in row[column]})
        found.update(tuple(sorted(items)) for items in itertools.product(*choices))
    return found


def shown(column: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if column == "number":
        value = float(np.float32(value))
    return "NaN" if value != value else value


def match(column: str, value: Any, text: str) -> list[Any]:
    if column in TEXT:
        return [text] if shown(column, value) == text else []
    try:
        given = float(text) if "." in text or text == "nan" else int(text)
    except ValueError:
        return []
    if math.isnan(given):
        return ["NaN"] if value != value else []
    same = np.float32(given) == np.float32(value) if column == "number" else given == value
    return [given] if same else []


def bucket(value: float, edges: tuple[float, ...]) -> str:
    if value != value:
        return "nan"
    low = max((e for e in edges if e <= value), default=None)
    high = min((e for e in edges if e > value), default=None)
    return f"[{edge_text(low, '-inf')}, {edge_text(high, 'inf')})"


def edge_text(edge: float | None, default: str) -> str:
    if edge is None:
        return default
    return repr(edge) if edge % 1 or edge >= 1e15 else str(int(edge))


def comparable(key: SliceKey) -> tuple:
    """A key in which NaN is the text `NaN`, as in the oracle."""
    return tuple((column, "NaN" if value != value else value) for column, value in key)
