"""Tables of states: an algebra of merging, and bytes."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_st

from microtome.errors import DataError
from microtome.slicing import SliceTable, slice_key

pytestmark = pytest.mark.current

WIDTH = 3
values = st.one_of(
    st.sampled_from(["", "5", "\\xff", "é", "\U0001f600", '"', "nan"]),
    st.sampled_from([5, -1, 2**70]),
    st.sampled_from([5.5, 0.1, 1e300, float("nan"), float("inf")]),
)
keys = st.lists(st.tuples(st.sampled_from("abc"), values), max_size=2, unique_by=lambda x: x[0])


FINITE = st.floats(-1e6, 1e6)


@st.composite
def tables(draw, cells=FINITE):
    some = list(dict.fromkeys(draw(st.lists(keys.map(slice_key), max_size=5))))
    shape = (len(some), WIDTH)
    return SliceTable(some, draw(numpy_st.arrays(np.float64, shape, elements=cells)))


def assert_same(one: SliceTable, two: SliceTable) -> None:
    """Equal as mappings, to 1e-12 of what was added."""
    assert set(one.keys) == set(two.keys)
    place = {key: i for i, key in enumerate(two.keys)}
    order = [place[key] for key in one.keys]
    np.testing.assert_allclose(one.sums, two.sums[order], rtol=1e-12, atol=1e-12 * 1e6)


@given(tables(), tables(), tables())
def test_merging_is_associative_and_commutative(a, b, c):
    whole = SliceTable.merge([a, b, c])
    assert_same(whole, SliceTable.merge([SliceTable.merge([a, b]), c]))
    assert_same(whole, SliceTable.merge([a, SliceTable.merge([c, b])]))
    assert_same(whole, SliceTable.merge([c, a, b]))


@given(tables(), tables())
def test_merging_adds_and_leaves_its_arguments_alone(a, b):
    before = a.to_bytes(), b.to_bytes()
    merged = SliceTable.merge([a, b])
    for key, state in zip(merged.keys, merged.sums, strict=True):
        parts = [t.sums[t.keys.index(key)] for t in (a, b) if key in t.keys]
        np.testing.assert_array_equal(state, sum(parts))
    assert (a.to_bytes(), b.to_bytes()) == before


@given(tables(), st.integers(1, 5))
def test_split_parts_a_table(table, num_shards):
    shards = table.split(num_shards)
    assert len(shards) == num_shards
    assert sum(map(len, shards)) == len(table)
    assert_same(SliceTable.merge(shards), table)


@given(tables(), tables(), st.integers(1, 5))
def test_split_sends_a_key_to_the_same_shard_everywhere(a, b, num_shards):
    whole = SliceTable.merge([a, b])
    for parts in zip(
        a.split(num_shards), b.split(num_shards), whole.split(num_shards), strict=True
    ):
        assert_same(SliceTable.merge(parts[:2]), parts[2])


def test_split_does_not_depend_on_the_process():
    program = (
        "from microtome.slicing import SliceTable; import numpy as np\n"
        "keys = [(('a', f'é{i}'), ('b', i), ('c', i / 2)) for i in range(20)]\n"
        "print([[k[1][1] for k in s.keys] for s in SliceTable(keys, np.ones((20, 1))).split(3)])"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert len(eval(outputs[0])) == 3


def test_equal_numbers_are_one_slice():
    one = SliceTable([(("a", 5),)], np.array([[1.0]]))
    two = SliceTable([(("a", 5.0),)], np.array([[2.0]]))
    assert SliceTable.merge([one, two]).sums.tolist() == [[3.0]]
    shards = zip(one.split(7), two.split(7), strict=True)
    assert [len(a) for a, _ in shards] == [len(b) for b in two.split(7)]


@given(tables(st.floats(allow_nan=True) | st.just(0.0) | st.just(-0.0)))
def test_bytes_are_exact_and_always_the_same(table):
    data = table.to_bytes()
    again = SliceTable.from_bytes(data)
    assert again.keys == table.keys
    assert [[type(v) for _, v in k] for k in again.keys] == [
        [type(v) for _, v in k] for k in table.keys
    ]
    assert again.sums.tobytes() == table.sums.tobytes()
    assert again.sums.shape == table.sums.shape
    assert again.to_bytes() == data
    assert pickle.loads(pickle.dumps(table)).to_bytes() == data


@pytest.mark.parametrize("places", [[], [0], [49_999], [0, 7, 30_000], list(range(0, 50_000, 3))])
def test_bytes_of_mostly_zeros_are_few(places):
    sums = np.zeros((5, 10_000))
    sums.reshape(-1)[places] = np.arange(1, len(places) + 1)
    table = SliceTable([(("a", i),) for i in range(5)], sums)
    data = table.to_bytes()
    np.testing.assert_array_equal(SliceTable.from_bytes(data).sums, sums)
    assert len(data) <= 200 + 8 * len(places) + min(4 * len(places), 50_000 // 8)


def test_nan_is_one_slice_whoever_made_it():
    some = [SliceTable([(("a", float("nan")),)], np.array([[1.0]])) for _ in range(2)]
    assert SliceTable.merge(some).sums.tolist() == [[2.0]]


def test_tables_that_cannot_be():
    with pytest.raises(ValueError, match="do not fit"):
        SliceTable([()], np.zeros((2, 1)))
    with pytest.raises(ValueError, match="twice"):
        SliceTable([(("a", 5),), (("a", 5.0),)], np.zeros((2, 1)))
    with pytest.raises(ValueError, match="no table"):
        SliceTable.merge([])
    with pytest.raises(ValueError, match=r"widths: \[1, 2\]"):
        SliceTable.merge([SliceTable([], np.zeros((0, w))) for w in (1, 2)])


@pytest.mark.parametrize("width", [4, 1000])  # places by bits, and by steps
def test_bytes_that_are_cut_off_are_an_error(width):
    sums = np.zeros((2, width))
    sums[:, :4] = 1
    whole = SliceTable([(), (("a", "b"),)], sums).to_bytes()
    for cut in range(len(whole)):
        with pytest.raises(DataError, match="not a table of slices"):
            SliceTable.from_bytes(whole[:cut])
