"""Arrow columns against plain Python, value by value."""

from __future__ import annotations

import datetime
import decimal
import math
import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microtome.errors import ConfigError, DataError, UnusableExampleError
from microtome.frames.columns import OF_DICTS, class_ids, numbers, slicing_column
from microtome.slicing.columns import Column

pytestmark = pytest.mark.current

SCALARS = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.int8(): st.integers(-128, 127),
    pa.uint16(): st.integers(0, 2**16 - 1),
    pa.float64(): st.floats(),
    pa.float32(): st.floats(width=32),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=3),
    pa.large_string(): st.sampled_from(["", "a", "é"]),
    pa.binary(): st.binary(max_size=3),
    pa.large_binary(): st.sampled_from([b"", b"\xff", b"a"]),
    pa.binary(2): st.binary(min_size=2, max_size=2),
}


@st.composite
def columns(draw: Any, nulls: bool = True) -> tuple[pa.Array, list[Any]]:
    """An array, of a part of which it may be the middle, and its rows in Python."""
    kind, values = draw(st.sampled_from(list(SCALARS.items())))
    is_dictionary = draw(st.booleans()) and not pa.types.is_boolean(kind)
    if nulls:
        values = values | st.none()
    for wrap in draw(st.lists(st.sampled_from([pa.list_, pa.large_list, "fixed"]), max_size=2)):
        if wrap == "fixed":
            kind, size = pa.list_(kind, 2), 2
            values = st.lists(values, min_size=size, max_size=size)
        else:
            kind, values = wrap(kind), st.lists(values, max_size=3)
        if nulls:
            values = values | st.none()
    rows = draw(st.lists(values, max_size=8))
    array = pa.array(rows, kind)
    if is_dictionary and kind in SCALARS:
        array = array.dictionary_encode()
    start = draw(st.integers(0, len(rows)))
    length = draw(st.integers(0, len(rows) - start))
    return array.slice(start, length), rows[start : start + length]


def flat(value: Any) -> list[Any]:
    """All values within a row's value."""
    if value is None:
        return []
    return [each for item in value for each in flat(item)] if isinstance(value, list) else [value]


def pairs(column: Column) -> list[tuple[int, Any]]:
    rows = range(len(column.values)) if column.rows is None else column.rows.tolist()
    return list(zip(rows, column.flat.tolist(), strict=True))


def batch_of(array: pa.Array, name: str = "x") -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([array], names=[name])


def without_nan(found: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    return [(row, "nan" if value != value else value) for row, value in found]


@given(columns())
def test_values_to_slice_by(made: tuple[pa.Array, list[Any]]) -> None:
    array, rows = made
    column = slicing_column(batch_of(array), "x")
    expected = [(row, value) for row, cell in enumerate(rows) for value in flat(cell)]
    assert without_nan(pairs(column)) == without_nan(expected)
    assert [type(value) for _, value in pairs(column)] == [type(value) for _, value in expected]
    if column.distinct is not None:
        assert len(set(column.distinct)) == len(column.distinct)


@given(columns())
def test_numbers_are_there_or_refused(made: tuple[pa.Array, list[Any]]) -> None:
    array, rows = made
    cells = [flat(cell) for cell in rows]
    is_text = any(isinstance(value, str | bytes) for cell in cells for value in cell)
    usual = shape(rows[0]) if rows else ()
    usable = [is_full(row) and shape(row) == usual for row in rows]
    try:
        found = numbers(batch_of(array), "x", "use as labels")
    except UnusableExampleError as error:
        refused: int | None = error.number
    except DataError:
        assert is_text or not any(cells)
        return
    else:
        refused = None
    if refused is None:
        assert all(usable)
        assert found.dtype == np.float64
        if rows:
            expected = np.array([[float(value) for value in cell] for cell in cells])
            expected = expected[:, 0] if expected.shape[1] == 1 else expected
            np.testing.assert_array_equal(found, expected)
    else:
        assert not usable[refused] or not usable[0]


def is_full(value: Any) -> bool:
    """Whether there is no null, no empty list, and in lists are lists of equal length."""
    if not isinstance(value, list):
        return value is not None
    return bool(value) and all(is_full(item) and shape(item) == shape(value[0]) for item in value)


def shape(value: Any) -> Any:
    return [shape(item) for item in value] if isinstance(value, list) else ()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([1, 2, 3], pa.int32()), [1.0, 2.0, 3.0]),
        (pa.array([True, False]), [1.0, 0.0]),
        (pa.array([[1.0], [2.5]]), [1.0, 2.5]),
        (pa.array([[1, 2], [3, 4]], pa.list_(pa.int64(), 2)), [[1.0, 2.0], [3.0, 4.0]]),
        (pa.array([[[1, 2], [3, 4]]]), [[1.0, 2.0, 3.0, 4.0]]),
        (pa.array([decimal.Decimal("0.25")]), [0.25]),
        (pa.array(np.array([0.5, 2], np.float16)), [0.5, 2.0]),
        (pa.array([3, 1, 3]).dictionary_encode(), [3.0, 1.0, 3.0]),
        (pa.array([math.nan, 1.0]), [math.nan, 1.0]),
    ],
)
def test_numbers(array: pa.Array, expected: list[Any]) -> None:
    np.testing.assert_array_equal(numbers(batch_of(array), "x", "use as labels"), expected)


@pytest.mark.parametrize(
    ("array", "row", "words"),
    [
        (pa.array([1.0, None, None]), 1, "is missing"),
        (pa.array([[1.0], [2.0], None]), 2, "is missing"),
        (pa.array([[1.0, 2.0], [3.0, None]]), 1, "has a missing value"),
        (pa.array([[1.0, 2.0], [1.0, 2.0], [1.0]]), 2, "has 1 values where others have 2"),
        (pa.array([[], [1]], pa.list_(pa.int8())), 0, "has no value"),
        (pa.array([[[1]], [[2], [3]], [[4]]]), 1, "has 2 values where others have 1"),
        (pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array([1.0, None])), 1, "is missing"),
    ],
)
def test_the_first_row_without_its_numbers_is_named(array: pa.Array, row: int, words: str) -> None:
    with pytest.raises(UnusableExampleError) as caught:
        numbers(batch_of(array, "score"), "score", "use as predictions")
    assert caught.value.number == row
    assert f"'score' {words}" in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_text_is_no_number() -> None:
    words = r"'x', to use as labels, has string values.*numbers of the classes"
    with pytest.raises(DataError, match=words):
        numbers(batch_of(pa.array(["a"])), "x", "use as labels")
    with pytest.raises(DataError, match="type date32"):
        numbers(batch_of(pa.array([datetime.date(2020, 1, 1)])), "x", "use as labels")


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary()])
@pytest.mark.parametrize("encode", [False, True])
def test_class_ids(kind: pa.DataType, encode: bool) -> None:
    array = pa.array(["b", "a", "b"]).cast(kind)
    array = array.dictionary_encode() if encode else array
    found = class_ids(batch_of(array), "x", "use as labels", ["a", b"b"])
    assert found.tolist() == [1.0, 0.0, 1.0]


def test_class_ids_of_lists_and_of_numbers() -> None:
    lists = batch_of(pa.array([["a", "c"], ["b", "a"]]))
    assert class_ids(lists, "x", "use", ["a", "b", "c"]).tolist() == [[0.0, 2.0], [1.0, 0.0]]
    assert class_ids(batch_of(pa.array([2, 0])), "x", "use", ["a"]).tolist() == [2.0, 0.0]


def test_an_unknown_class() -> None:
    with pytest.raises(UnusableExampleError, match=r"'x' is 'blu'.*did you mean 'blue'") as caught:
        class_ids(batch_of(pa.array(["red", "blu"])), "x", "use as labels", ["red", "blue"])
    assert caught.value.number == 1


def test_a_column_that_is_not_there() -> None:
    batch = pa.RecordBatch.from_pydict({"label": [1], "score": ["a"]})
    with pytest.raises(ConfigError) as caught:
        numbers(batch, "labels", "use as labels")
    assert str(caught.value) == (
        "The data has no column 'labels' to use as labels (did you mean 'label'?). It has: "
        "'label' (int64), 'score' (string)."
    )
    with pytest.raises(ConfigError, match="to slice by"):
        slicing_column(batch, "country")


def test_a_column_that_is_there_twice() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    with pytest.raises(DataError, match="2 columns 'x'"):
        numbers(batch, "x", "use as labels")


def test_dicts_may_lack_a_column_to_slice_by() -> None:
    batch = batch_of(pa.array([1])).replace_schema_metadata({OF_DICTS: b""})
    assert pairs(slicing_column(batch, "country")) == []
    with pytest.raises(ConfigError):
        numbers(batch, "country", "use as labels")


def test_dates_and_times_are_text() -> None:
    noon = datetime.datetime(2020, 1, 31, 12)
    times = [noon, noon + datetime.timedelta(milliseconds=500)]
    for unit in ("ms", "us", "ns"):
        column = slicing_column(batch_of(pa.array(times, pa.timestamp(unit))), "x")
        assert column.flat.tolist() == ["2020-01-31 12:00:00", "2020-01-31 12:00:00.5"]
    column = slicing_column(batch_of(pa.array([noon.date()])), "x")
    assert column.flat.tolist() == ["2020-01-31"]


def test_nothing_but_nulls() -> None:
    assert pairs(slicing_column(batch_of(pa.nulls(3)), "x")) == []


def test_structs_make_no_slices() -> None:
    with pytest.raises(DataError, match="'x' has values of the type struct"):
        slicing_column(batch_of(pa.array([{"a": 1}])), "x")


def test_strings_that_are_no_text() -> None:
    """Parquet's may be so; slices show such bytes escaped."""
    array = pa.array([b"\xff", b"a"]).view(pa.string())
    assert slicing_column(batch_of(array), "x").flat.tolist() == [b"\xff", b"a"]
