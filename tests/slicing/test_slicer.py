"""Every row stands in the slices that the rules give it, however the rows are batched."""

from __future__ import annotations

import collections
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microtome.errors import DataError
from microtome.slicing import (
    Column,
    Layout,
    Scattered,
    SingleSliceSpec,
    Slicer,
    SliceSums,
    SliceTable,
    crosses,
    rows_by_slice,
    stringify_slice_key,
)
from tests.slicing import rows as rows_lib

pytestmark = pytest.mark.current

LAYOUT = Layout(dense=2, scattered=(3, (4, 2)))


def contributions(rows: list[dict], numbers: np.ndarray) -> np.ndarray:
    """What each row adds to each cell of its slices' states, by the definition of the layout."""
    added = np.zeros((len(rows), LAYOUT.width))
    for row, n in enumerate(numbers):
        added[row, 0] = 1
        added[row, 1] = n
        added[row, 2 + n % 3] += n
        for times in range(n % 4):  # none to three entries a row
            added[row, 5 + times] += n
            added[row, 9 + times] += times
    return added


def scattered(numbers: np.ndarray) -> list[Scattered]:
    entries = [(row, times, n) for row, n in enumerate(numbers) for times in range(n % 4)]
    entry_rows, times, values = np.array(entries[::-1], np.int64).reshape(-1, 3).T
    return [
        Scattered(numbers % 3, numbers),
        Scattered(times, np.stack([values, times], axis=1), entry_rows),
    ]


@st.composite
def related_specs(draw: st.DrawFn) -> list[SingleSliceSpec]:
    """Some of which are coarser than others."""
    found = draw(st.lists(rows_lib.specs(), max_size=3))
    for spec in [*found]:
        columns = draw(st.sets(st.sampled_from(spec.columns))) if spec.columns else ()
        features = spec.features if draw(st.booleans()) else ()
        found.append(SingleSliceSpec(sorted(columns), features))
    return draw(st.permutations(found))


@pytest.mark.parametrize("roll_up", [False, True])
@pytest.mark.parametrize("cells", [0, 1 << 20])
@given(
    all_specs=related_specs(),
    data=st.lists(st.tuples(rows_lib.rows, st.integers(0, 99)), max_size=25),
    cuts=st.lists(st.tuples(st.integers(0, 25), st.integers(0, 1)), max_size=6),
    is_sorted=st.booleans(),
)
def test_any_split_of_the_rows_gives_the_sums_of_the_rules(
    cells, roll_up, all_specs, data, cuts, is_sorted
):
    if is_sorted:
        # what can be rolled up comes before what cannot
        data.sort(key=lambda item: any(len(values) != 1 for values in item[0].values()))
    rows, numbers = [row for row, _ in data], np.array([n for _, n in data], np.int64)
    added = contributions(rows, numbers)
    expected: dict = collections.defaultdict(lambda: np.zeros(LAYOUT.width))
    for row, values in zip(rows, added, strict=True):
        for key in rows_lib.slices_of(row, all_specs):
            expected[key] += values

    # A table of few cells makes crosses change over to hashing.
    with mock.patch.object(crosses, "_TABLE_CELLS", cells):
        workers = [(Slicer(all_specs, roll_up), SliceSums(LAYOUT)) for _ in range(2)]
        start = 0
        for cut, worker in [*sorted(cuts), (len(rows), 0)]:
            stop = max(start, min(cut, len(rows)))
            slicer, sums = workers[worker]
            assigned = slicer.assign(rows_lib.columns_of(rows[start:stop]), stop - start)
            sums.roll_up(slicer.ended_unions(), len(slicer.keys))
            sums.add(
                assigned, len(slicer.keys), added[start:stop, :2], scattered(numbers[start:stop])
            )
            start = stop
    for slicer, sums in workers:
        sums.roll_up(slicer.unions(), len(slicer.keys))

    tables = [sums.table(slicer.keys) for slicer, sums in workers]
    merged = SliceTable.merge([SliceTable.from_bytes(table.to_bytes()) for table in tables])
    got = {
        rows_lib.comparable(key): state for key, state in zip(merged.keys, merged.sums, strict=True)
    }
    assert got.keys() == expected.keys()
    for key, state in expected.items():
        np.testing.assert_array_equal(got[key], state, err_msg=str(key))
    for slicer, sums in workers:
        assert len(slicer.keys) == len(sums.table(slicer.keys)), "a slice without rows"


def test_what_is_rolled_up_until_a_row_has_two_values():
    """Origin and carrier tell each of them, while a row has one of both."""
    specs = [
        SingleSliceSpec(),
        SingleSliceSpec(["carrier"]),
        SingleSliceSpec(["carrier", "origin"]),
        SingleSliceSpec(["origin"]),
        SingleSliceSpec(["dest"]),
    ]
    slicer, sums = Slicer(specs, roll_up=True), SliceSums(Layout(1))
    one = {
        "carrier": Column(strings("AA", "AA", "UA")),
        "origin": Column(strings("EWR", "JFK", "JFK")),
        "dest": Column(strings("LAX", "LAX", "SFO")),
    }
    two_carriers = {
        **one,
        "carrier": Column(strings("AA", "UA", "UA", "DL"), np.array([0, 0, 1, 2])),
    }

    def add(columns: dict[str, Column]) -> int:
        assigned = slicer.assign(columns, 3)
        sums.roll_up(slicer.ended_unions(), len(slicer.keys))
        sums.add(assigned, len(slicer.keys), np.ones((3, 1)))
        return len(assigned)

    # what Overall is made of: the destinations, which are fewer columns than the cross
    assert [add(one), add(one)] == [2, 2]
    # from now on carriers and origins are summed themselves
    assert [add(two_carriers), add(one)] == [4, 4]
    sums.roll_up(slicer.unions(), len(slicer.keys))
    table = sums.table(slicer.keys)
    found = {
        stringify_slice_key(key): state[0]
        for key, state in zip(table.keys, table.sums, strict=True)
    }
    assert found["Overall"] == 12
    assert (found["carrier:AA"], found["carrier:UA"], found["carrier:DL"]) == (7, 5, 1)
    assert (found["origin:EWR"], found["origin:JFK"]) == (4, 8)
    assert found["carrier_X_origin:UA_X_EWR"] == 1


FEW = st.integers(0, 2)
VALUES_OF_A = st.sampled_from([[0], [1], [2], [0], [1], [2], [], [0, 1], [1, 2]])


@given(st.lists(st.lists(st.tuples(VALUES_OF_A, FEW, FEW), max_size=3), max_size=4))
def test_rolled_up_or_not(batches):
    names = ([], ["a"], ["b"], ["c"], ["a", "b"], ["b", "c"], ["a", "b", "c"])
    specs = [SingleSliceSpec(each) for each in names]
    tables = []
    for roll_up in (False, True):
        slicer, sums = Slicer(specs, roll_up), SliceSums(Layout(1))
        for rows in batches:
            counts = [len(a) for a, _, _ in rows]
            columns = {
                "a": Column(
                    np.array([value for a, _, _ in rows for value in a], np.int64),
                    None if set(counts) == {1} else np.repeat(np.arange(len(rows)), counts),
                ),
                "b": Column(np.array([b for _, b, _ in rows], np.int64)),
                "c": Column(np.array([c for _, _, c in rows], np.int64)),
            }
            assigned = slicer.assign(columns, len(rows))
            sums.roll_up(slicer.ended_unions(), len(slicer.keys))
            sums.add(assigned, len(slicer.keys), np.arange(1.0, len(rows) + 1)[:, None])
        sums.roll_up(slicer.unions(), len(slicer.keys))
        table = sums.table(slicer.keys)
        tables.append(dict(zip(table.keys, table.sums[:, 0].tolist(), strict=True)))
    assert tables[1] == tables[0]


@pytest.mark.parametrize("cells", [0, 512, 4096, 1 << 20])
def test_crosses_know_their_slices_again_as_values_are_added(cells):
    generator = np.random.default_rng(0)
    slicer = Slicer([SingleSliceSpec(["a", "b", "c"])])
    with mock.patch.object(crosses, "_TABLE_CELLS", cells):
        for values in range(2, 60):
            numbers = generator.integers(0, values, (3, 30))
            columns = {name: Column(column) for name, column in zip("abc", numbers, strict=True)}
            (assignment,) = slicer.assign(columns, 30)
            assert assignment.rows is None
            expected = [tuple(zip("abc", row, strict=True)) for row in numbers.T.tolist()]
            assert [slicer.keys[i] for i in assignment.ids] == expected
    assert len(set(slicer.keys)) == len(slicer.keys)


@given(
    all_specs=st.lists(rows_lib.specs(), max_size=4),
    rows=st.lists(rows_lib.rows, max_size=15),
)
def test_rows_by_slice_gives_each_slice_its_rows_once(all_specs, rows):
    expected = collections.defaultdict(list)
    for i, row in enumerate(rows):
        for key in rows_lib.slices_of(row, all_specs):
            expected[key].append(i)
    slicer = Slicer(all_specs)
    assigned = slicer.assign(rows_lib.columns_of(rows), len(rows))
    found = rows_by_slice(assigned, len(rows))
    assert [i for i, _ in found] == sorted({i for i, _ in found})
    got = {rows_lib.comparable(slicer.keys[i]): members.tolist() for i, members in found}
    assert got == expected


def names(slicer: Slicer, columns: dict[str, Column], num_rows: int) -> list[list[str]]:
    """The slices of each row as text."""
    found: list[list[str]] = [[] for _ in range(num_rows)]
    for i, rows in rows_by_slice(slicer.assign(columns, num_rows), num_rows):
        for row in rows:
            found[row].append(stringify_slice_key(slicer.keys[i]))
    return found


def strings(*values: bytes | str) -> np.ndarray:
    return np.array(values, object)


def test_a_multivalent_row_stands_in_each_distinct_value_and_their_crosses():
    columns = {
        "tag": Column(strings(b"x", b"y", b"x", b"x"), np.array([0, 0, 0, 2])),
        "n": Column(np.array([1, 2, 3])),
    }
    slicer = Slicer([SingleSliceSpec(["tag"]), SingleSliceSpec(["tag", "n"])])
    assert names(slicer, columns, 3) == [
        ["tag:x", "tag:y", "n_X_tag:1_X_x", "n_X_tag:1_X_y"],
        [],
        ["tag:x", "n_X_tag:3_X_x"],
    ]


def test_a_cross_of_two_multivalent_features():
    columns = {
        "a": Column(np.array([1, 2, 3, 4]), np.array([0, 0, 1, 3])),
        "b": Column(strings(b"x", b"y", b"z", b"x"), np.array([0, 0, 2, 3])),
    }
    assert names(Slicer([SingleSliceSpec(["a", "b"])]), columns, 4) == [
        ["a_X_b:1_X_x", "a_X_b:1_X_y", "a_X_b:2_X_x", "a_X_b:2_X_y"],
        [],
        [],
        ["a_X_b:4_X_x"],
    ]


def test_two_values_of_one_feature_ask_for_rows_that_have_both():
    columns = {"tag": Column(strings(b"x", b"y", b"x", b"y"), np.array([0, 0, 1, 2]))}
    slicer = Slicer([SingleSliceSpec(features=[("tag", "y"), ("tag", "x")])])
    assert names(slicer, columns, 3) == [["tag_X_tag:x_X_y"], [], []]


def test_nan_is_one_slice_over_batches():
    slicer = Slicer([SingleSliceSpec(["f"])])
    for _ in range(3):
        column = Column(np.array([np.nan, 1.0, -np.nan], np.float32))
        assert names(slicer, {"f": column}, 3) == [["f:nan"], ["f:1.0"], ["f:nan"]]
    assert len(slicer.keys) == 2


def test_the_empty_string_is_a_value_and_an_absent_column_is_not():
    slicer = Slicer([SingleSliceSpec(["s"]), SingleSliceSpec(["gone"])])
    assert names(slicer, {"s": Column(strings(b""))}, 1) == [["s:"]]
    assert slicer.features == {"s", "gone"}


def test_bytes_and_text_that_look_the_same_are_one_slice():
    column = Column(strings(b"a", "a", b"\xff", b"\\xff"), np.array([0, 0, 1, 1]))
    slicer = Slicer([SingleSliceSpec(["s"])])
    assert names(slicer, {"s": column}, 2) == [["s:a"], ["s:\\xff"]]


def test_an_escaped_value_is_found_by_what_is_shown():
    column = Column(strings(b"caf\xe9", "café".encode()))
    slicer = Slicer([SingleSliceSpec(features={"s": "caf\\xe9"})])
    assert names(slicer, {"s": column}, 2) == [["s:caf\\xe9"], []]


@pytest.mark.parametrize(
    ("given_value", "column", "expected"),
    [
        ("5", np.array([5, 6]), 5),
        ("007", np.array([7, 6]), 7),
        ("1_000", np.array([1000, 6]), 1000),
        ("1.5", np.array([1.5, 6]), 1.5),
        (5, np.array([5.0, 6]), 5),
        ("5.0", np.array([5, 6]), 5.0),
        (0.1, np.array([0.1, 6], np.float32), 0.1),
        (1, np.array([True, False]), 1),
        (np.float32(2), np.array([2, 3]), 2.0),
        ("5", strings(b"5", b"6"), "5"),
        (5, strings(b"5", b"6"), "5"),
        ("007", strings(b"007", b"7"), "007"),
        ("5", strings("5", "6"), "5"),
        (b"a", strings(b"a", b"b"), "a"),
    ],
)
def test_a_given_value_is_found_and_shown_as_given(given_value, column, expected):
    slicer = Slicer([SingleSliceSpec(features=[("f", given_value)])])
    (assignment,) = slicer.assign({"f": Column(column)}, 2)
    assert assignment.rows.tolist() == [0]
    assert slicer.keys == [(("f", expected),)]
    assert type(slicer.keys[0][0][1]) is type(expected)


@pytest.mark.parametrize(
    ("given_value", "column"),
    [
        ("1e5", np.array([1e5])),
        ("a", np.array([1])),
        (0.1, np.array([np.float64(np.float32(0.1))])),
    ],
)
def test_a_given_value_that_is_not_there_is_not_found(given_value, column):
    slicer = Slicer([SingleSliceSpec(features=[("f", given_value)])])
    assert names(slicer, {"f": Column(column)}, 1) == [[]]
    assert slicer.keys == []


def test_a_slice_of_several_specs_is_owned_by_the_first():
    column = {"f": Column(np.array([5.0, 6.0, 5.0]))}
    slicer = Slicer(
        [SingleSliceSpec(features={"f": 5}), SingleSliceSpec(["f"]), SingleSliceSpec(["f"])]
    )
    first, second = slicer.assign(column, 3)
    assert [slicer.keys[i] for i in first.ids] == [(("f", 5),)] * 2
    assert [slicer.keys[i] for i in second.ids] == [(("f", 6.0),)]
    assert type(slicer.keys[0][0][1]) is int


def test_a_spec_that_every_row_is_in_says_so():
    slicer = Slicer([SingleSliceSpec(), SingleSliceSpec(["f"])])
    overall, every = slicer.assign({"f": Column(np.array([3, 3, 4]))}, 3)
    assert overall.rows is None
    assert every.rows is None
    assert slicer.keys == [(), (("f", 3),), (("f", 4),)]
    assert overall.ids.tolist() == [0, 0, 0]
    assert every.ids.tolist() == [1, 1, 2]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (Column(np.array([1, 2])), "2 entries in a batch of 3 rows"),
        (Column(np.array([1, 2]), np.array([0, 3])), "batch of 3 rows"),
        (Column(np.array([1 + 2j, 2, 3])), "complex"),
        (Column(np.array([b"a", ("b",), 3], object)), "tuple"),
    ],
)
def test_a_column_that_does_not_fit_is_an_error_that_names_it(column, message):
    with pytest.raises(DataError, match=message) as error:
        Slicer([SingleSliceSpec(["the_feature"])]).assign({"the_feature": column}, 3)
    assert "the_feature" in str(error.value)


def test_buckets_of_text_are_an_error():
    slicer = Slicer([SingleSliceSpec(buckets={"s": [1]})])
    with pytest.raises(DataError, match="'s' has bucket edges"):
        slicer.assign({"s": Column(strings(b"x"))}, 1)
