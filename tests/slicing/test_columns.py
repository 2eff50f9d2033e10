"""Columns of what session.run returns."""

from __future__ import annotations

import numpy as np
import pytest

from microtome.errors import DataError
from microtome.slicing import column_from
from tests.slicing.rows import Ragged, Sparse

pytestmark = pytest.mark.current


def pairs(form) -> list[tuple]:
    column = column_from(form)
    rows = range(len(column.values)) if column.rows is None else column.rows.tolist()
    return list(zip(rows, column.values.tolist(), strict=True))


def test_dense():
    assert pairs(np.array([3, 4])) == [(0, 3), (1, 4)]
    assert pairs(np.array([[3], [4]])) == [(0, 3), (1, 4)]
    assert pairs(np.arange(8).reshape(2, 2, 2)) == [(i // 4, i) for i in range(8)]
    assert pairs([b"a", b"b"]) == [(0, b"a"), (1, b"b")]
    assert pairs(np.empty((2, 0))) == []
    assert pairs(np.empty((0, 3))) == []
    assert column_from(np.array([[3], [4]])).rows is None


def test_fixed_width_text_becomes_objects():
    assert column_from(np.array(["a"])).values.dtype == object


def test_a_scalar_is_refused():
    with pytest.raises(DataError, match="one entry a row"):
        column_from(np.float32(1))


def test_sparse():
    indices = np.array([[0, 0], [0, 2], [2, 1]])
    assert pairs(Sparse(indices, np.array([5, 6, 7]), (3, 3))) == [(0, 5), (0, 6), (2, 7)]
    in_disorder = Sparse(indices[::-1], np.array([7, 6, 5]), (3, 3))
    assert pairs(in_disorder) == [(0, 6), (0, 5), (2, 7)]
    one_a_row = np.array([[0, 0], [1, 2], [2, 0]])
    assert column_from(Sparse(one_a_row, np.array([5, 6, 7]), (3, 3))).rows is None
    assert column_from(Sparse(one_a_row, np.array([5, 6, 7]), (4, 3))).rows is not None
    assert pairs(Sparse(np.empty((0, 2), np.int64), np.array([], object), (4, 0))) == []


def test_ragged():
    inner = Ragged(np.array([1, 2, 3, 4]), np.array([0, 1, 1, 4]))
    assert pairs(inner) == [(0, 1), (2, 2), (2, 3), (2, 4)]
    assert pairs(Ragged(inner, np.array([0, 2, 2, 3]))) == [(0, 1), (2, 2), (2, 3), (2, 4)]
    uniform = Ragged(np.array([[1, 2], [3, 4], [5, 6]]), np.array([0, 1, 3]))
    assert pairs(uniform) == [(0, 1), (0, 2), (1, 3), (1, 4), (1, 5), (1, 6)]
    assert pairs(Ragged(np.array([], object), np.array([0, 0, 0]))) == []


def test_values_of_tensorflow():
    tf = pytest.importorskip("tensorflow").compat.v1
    with tf.Graph().as_default(), tf.Session() as session:
        sparse = tf.sparse.from_dense([["", "a"], ["b", "c"]])
        ragged = tf.ragged.constant([[[1], [2, 3]], [], [[4]]])
        sparse_value, ragged_value = session.run([sparse, ragged])
    assert pairs(sparse_value) == [(0, b"a"), (1, b"b"), (1, b"c")]
    assert pairs(ragged_value) == [(0, 1), (0, 2), (0, 3), (2, 4)]
