"""Tables of all kinds as batches."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from microtome.errors import DataError
from microtome.frames.columns import numbers, slicing_column
from microtome.frames.dataframe import batch_of_dicts, frame_batches

pytestmark = pytest.mark.current


def test_batches_of_a_dataframe() -> None:
    frame = pd.DataFrame(
        {
            "label": [0, 1, 1],
            "scores": [np.array([0.5, 0.5]), np.array([0.1, 0.9]), np.array([0.2, 0.8])],
            "tags": [["a", "b"], [], None],
            "country": pd.Categorical(["nl", None, "at"]),
            "age": [1.0, math.nan, 3.0],
            "square": [np.eye(2)] * 3,
        },
        index=[7, 8, 9],
    )
    first, last = frame_batches(frame, 2)
    assert first.schema.names == list(frame)
    assert numbers(first, "label", "use").tolist() == [0, 1]
    assert numbers(last, "scores", "use").tolist() == [[0.2, 0.8]]
    assert numbers(last, "square", "use").tolist() == [[1, 0, 0, 1]]
    tags = slicing_column(first, "tags")
    assert (tags.flat.tolist(), tags.rows.tolist()) == (["a", "b"], [0, 0])
    assert slicing_column(first, "country").flat.tolist() == ["nl"]
    # NaN is a missing value to pandas
    assert slicing_column(first, "age").flat.tolist() == [1.0]


def test_tables_of_many_chunks_become_few_batches() -> None:
    table = pa.concat_tables([pa.table({"x": [i]}) for i in range(10)])
    assert [len(batch) for batch in frame_batches(table, 4)] == [4, 4, 2]
    (batch,) = table.combine_chunks().to_batches()
    assert [part["x"].to_pylist() for part in frame_batches(batch, 8)] == [[*range(8)], [8, 9]]


def test_dicts_need_not_name_every_column() -> None:
    (batch,) = frame_batches([{"a": 1}, {"b": [2.5, 3.0]}, {"a": None, "b": None}], 10)
    assert batch.to_pydict() == {"a": [1, None, None], "b": [None, [2.5, 3.0], None]}


def test_nothing() -> None:
    assert frame_batches(pd.DataFrame({"a": []}), 10) == []
    assert frame_batches([], 10) == []


@pytest.mark.parametrize("values", [[1, "a"], [[1], 2], [{"a": 1}, 3]])
@pytest.mark.parametrize(
    "make", [lambda v: pd.DataFrame({"q": v}), lambda v: [{"q": x} for x in v]]
)
def test_a_column_of_several_types(make, values) -> None:
    with pytest.raises(DataError, match=r"The column 'q' holds values of the types \w+, \w+,"):
        frame_batches(make(values), 10)


def test_names_are_strings() -> None:
    with pytest.raises(DataError, match="a column named 0, a int"):
        frame_batches(pd.DataFrame([[1]]), 10)


@pytest.mark.parametrize("data", [7, "text", {"a": [1]}, [1]])
def test_no_table(data) -> None:
    with pytest.raises(DataError, match="list of dicts, one a row"):
        batch_of_dicts(data)
