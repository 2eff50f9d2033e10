"""Sums over slices: layout, precision, errors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from microtome.errors import DataError
from microtome.slicing import (
    Assignment,
    Column,
    Layout,
    Scattered,
    SingleSliceSpec,
    Slicer,
    SliceSums,
    SliceTable,
)

pytestmark = pytest.mark.current

ALL = [Assignment(None, np.zeros(3, np.int64))]
NOTHING = np.empty((3, 0))


def test_layout():
    layout = Layout(dense=2, scattered=(3, (4, 2)))
    assert layout.shapes == ((3, 1), (4, 2))
    assert layout.offsets == (2, 5, 13)
    assert layout.width == 13
    assert Layout(0).width == 0


def test_where_things_stand_in_a_state():
    sums = SliceSums(Layout(dense=1, scattered=(3, (2, 2))))
    sums.add(
        [*ALL, Assignment(np.array([1]), np.array([1]))],
        2,
        np.array([[1], [10], [100]]),
        [
            Scattered(np.array([0, 2, 2]), np.array([1.0, 2, 3])),
            Scattered(
                np.array([1, -1, 0]), np.array([[5, 6], [7, 8], [9, 10]]), np.array([1, 1, 0])
            ),
        ],
    )
    assert sums.sums.tolist() == [[111, 1, 0, 5, 9, 5, 10, 6], [10, 0, 0, 2, 0, 5, 0, 6]]


def test_float32_contributions_are_summed_in_float64():
    rows = 200_000
    dense = np.full((rows, 1), 1000.3, np.float32)
    sums = SliceSums(Layout(1, (1,)))
    for _ in range(10):
        sums.add(
            [Assignment(None, np.zeros(rows, np.int64))],
            1,
            dense,
            [Scattered(np.zeros(rows, np.int32), dense)],
        )
    expected = float(np.float32(1000.3)) * rows * 10
    np.testing.assert_allclose(sums.sums, [[expected, expected]], rtol=1e-12)


def test_a_nan_stays_in_the_slices_of_its_row():
    sums = SliceSums(Layout(1))
    some = [Assignment(None, np.array([0, 1, 0])), Assignment(np.array([0, 2]), np.array([2, 2]))]
    sums.add(some, 3, np.array([[1], [np.nan], [3]]))
    np.testing.assert_array_equal(sums.sums, [[4], [np.nan], [4]])


def test_many_slices_of_which_a_batch_has_few():
    sums = SliceSums(Layout(1, (2,)))
    for ids in ([0, 999, 5], [7, 5, 5], [2, 2, 999]):
        sums.add(
            [Assignment(None, np.array(ids))],
            1000,
            np.array([[1], [2], [3]]),
            [Scattered(np.array([0, 1, 0]), np.array([1, 2, 3]))],
        )
    expected = np.zeros((1000, 3))
    expected[[0, 2, 5, 7, 999]] = [[1, 1, 0], [3, 1, 2], [8, 6, 2], [1, 1, 0], [5, 3, 2]]
    np.testing.assert_array_equal(sums.sums, expected)
    assert np.flatnonzero(sums.touched).tolist() == [0, 2, 5, 7, 999]


def test_rows_of_no_slice_leave_no_trace_in_later_slices():
    sums = SliceSums(Layout(1))
    most = Assignment(np.array([0, 2]), np.array([4, 9]))
    for num_slices in (10, 11, 12):
        sums.add([most], num_slices, np.array([[1], [2], [3]]))
    assert sums.sums[:, 0].tolist() == [0, 0, 0, 0, 3, 0, 0, 0, 0, 9, 0, 0]


def test_slices_that_come_later_find_the_earlier_sums_kept():
    slicer = Slicer([SingleSliceSpec(["n"])])
    sums = SliceSums(Layout(1))
    for start in range(0, 1000, 10):
        column = Column(np.arange(start, start + 20))
        sums.add(slicer.assign({"n": column}, 20), len(slicer.keys), column.values[:, np.newaxis])
    expected = np.arange(1010) * np.where((np.arange(1010) < 10) | (np.arange(1010) >= 1000), 1, 2)
    np.testing.assert_array_equal(sums.sums[:, 0], expected)


def test_a_table_holds_the_slices_that_rows_stood_in():
    keys = [(), (("a", 1),), (("a", 2),)]
    sums = SliceSums(Layout(1))
    sums.add([Assignment(np.array([0, 2]), np.array([2, 0]))], 3, np.array([[1], [2], [0]]))
    table = sums.table(keys)
    assert table.keys == [(), (("a", 2),)]
    assert table.sums.tolist() == [[0], [1]]
    sums.add([Assignment(np.array([0]), np.array([1]))], 3, np.array([[5], [2], [0]]))
    assert sums.table(keys).keys == keys
    assert sums.table(keys).sums.tolist() == [[0], [5], [1]]
    assert table.sums.tolist() == [[0], [1]], "an earlier table must not change"


def test_a_bin_beyond_the_histogram_is_an_error_and_nothing_is_added():
    sums = SliceSums(Layout(1, (3,)))
    with pytest.raises(DataError, match="bin 3 is beyond a histogram of 3 bins"):
        sums.add(ALL, 1, np.ones((3, 1)), [Scattered(np.array([0, 3, 1]), np.ones(3))])
    assert sums.sums.size == 0


@pytest.mark.parametrize(
    ("dense", "scattered"),
    [
        (np.ones((3, 2)), [Scattered(np.zeros(3, int), np.ones(3))]),
        (np.ones(3), [Scattered(np.zeros(3, int), np.ones(3))]),
        (np.ones((3, 1)), []),
        (np.ones((3, 1)), [Scattered(np.zeros(2, int), np.ones(2))]),
        (np.ones((3, 1)), [Scattered(np.zeros(3, int), np.ones((3, 2)))]),
    ],
)
def test_arrays_that_do_not_fit_the_layout_are_refused(dense, scattered):
    with pytest.raises(ValueError):
        SliceSums(Layout(1, (3,))).add(ALL, 1, dense, scattered)


def test_no_rows():
    sums = SliceSums(Layout(1, (3,)))
    nobody = np.empty(0, np.int64)
    sums.add([Assignment(None, nobody)], 0, np.empty((0, 1)), [Scattered(nobody, np.empty(0))])
    assert sums.sums.shape == (0, 4)


def _batches(layout: Layout) -> Iterator[tuple[list[Assignment], int, np.ndarray, list[Scattered]]]:
    """Rows of ever more slices, one spec of which gives each row a slice and one gives some."""
    generator = np.random.default_rng(7)
    rows, (bins, k) = 500, layout.shapes[0]
    for slices in (10, 40, 90, 400):
        some = np.sort(generator.integers(0, rows, 200))
        assignments = [
            Assignment(rows=None, ids=generator.integers(0, slices, rows)),
            Assignment(rows=some, ids=generator.integers(0, slices, 200)),
        ]
        values = generator.random((rows, k)) * (generator.random((rows, k)) < 0.5)
        scattered = Scattered(generator.integers(-1, bins, rows), values)
        yield assignments, slices, generator.random((rows, layout.dense)), [scattered]


def test_wide_states_of_many_slices_are_kept_sparse_and_are_the_same():
    layout = Layout(2, ((5000, 2),))
    dense, sparse = SliceSums(layout), SliceSums(layout, max_dense_bytes=1 << 20)
    unions = [(np.arange(100), np.arange(100) % 5 + 395)]
    for sums in (dense, sparse):
        for batch in _batches(layout):
            sums.add(*batch)
        sums.roll_up(unions, 400)
    assert 50 * sparse.nbytes < dense.nbytes
    np.testing.assert_allclose(sparse.sums, dense.sums, rtol=1e-12, atol=0)
    np.testing.assert_array_equal(sparse.touched, dense.touched)
    keys = [(("feature", i),) for i in range(400)]
    table = sparse.table(keys)
    read = SliceTable.from_bytes(table.to_bytes())
    assert read.to_bytes() == table.to_bytes()
    np.testing.assert_array_equal(read.sums, sparse.sums[sparse.touched])
    np.testing.assert_array_equal(
        SliceTable.merge([read, dense.table(keys)]).sums, read.sums + dense.table(keys).sums
    )
    parts = list(read.parts(100 * layout.width))
    assert [key for part in parts for key in part.keys] == read.keys
    np.testing.assert_array_equal(np.concatenate([part.sums for part in parts]), read.sums)
