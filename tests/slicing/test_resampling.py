"""In which states rows stand: by hand, and by what chance says."""

from __future__ import annotations

import numpy as np
import pytest

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
from microtome.slicing.resampling import Method, Resampling, mixed

pytestmark = pytest.mark.current

UNITS = mixed(np.arange(20_000, dtype=np.uint64))
BOOTSTRAP = Resampling(Method.POISSON_BOOTSTRAP, 6, seed=3)


def counts_of(resampling: Resampling, units: np.ndarray = UNITS) -> np.ndarray:
    """How often each row stands in each state."""
    draws = resampling.draws(units)
    rows = np.arange(len(units)) if draws.rows is None else draws.rows
    counts = np.zeros((len(units), resampling.num_replicates), int)
    np.add.at(counts, (rows, draws.states), 1)
    return counts


def test_the_hash_is_the_finalizer_of_splitmix64():
    # the first numbers of the generator of seed 0, as published with it
    steps = np.arange(3, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert [hex(n) for n in mixed(steps).tolist()] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


def test_each_row_stands_in_one_partition_and_partitions_are_alike():
    counts = counts_of(Resampling(num_replicates=20))
    assert counts.shape == (20_000, 20)
    assert (counts.sum(axis=1) == 1).all()
    # 1,000 each, give or take five standard deviations
    assert np.abs(counts.sum(axis=0) - 1000).max() < 5 * np.sqrt(950)


def test_a_bootstrap_counts_rows_by_poisson_of_one():
    replicates = counts_of(BOOTSTRAP)
    shares = [np.mean(replicates == number) for number in range(4)]
    expected = np.exp(-1) / np.array([1, 1, 2, 6])
    assert np.abs(shares - expected).max() < 5 * np.sqrt(0.25 / replicates.size)
    assert np.abs(np.corrcoef(replicates.T) - np.eye(6)).max() < 5 / np.sqrt(len(replicates))


@pytest.mark.parametrize("resampling", [Resampling(), BOOTSTRAP])
def test_states_depend_on_units_and_seed_alone(resampling):
    whole = counts_of(resampling)
    order = np.random.default_rng(0).permutation(len(UNITS))
    parts = [counts_of(resampling, part) for part in np.array_split(UNITS[order], 7)]
    assert np.array_equal(np.concatenate(parts), whole[order])
    other = Resampling(resampling.method, resampling.num_replicates, resampling.seed + 1)
    assert not np.array_equal(counts_of(other), whole)
    negative = Resampling(resampling.method, resampling.num_replicates, -1)
    assert not np.array_equal(counts_of(negative), whole)


@pytest.mark.parametrize("resampling", [Resampling(num_replicates=5), BOOTSTRAP])
@pytest.mark.parametrize("rolled_up", [False, True])
def test_states_of_slices_are_sums_over_their_rows(resampling, rolled_up):
    generator = np.random.default_rng(1)
    rows, batches = 300, 3
    specs = [
        SingleSliceSpec(),
        SingleSliceSpec(columns=["a"]),
        SingleSliceSpec(columns=["a", "b"]),
        SingleSliceSpec(columns=["c"]),
    ]
    slicer = Slicer(specs, roll_up=rolled_up)
    sums = SliceSums(Layout(2))
    a, b = generator.choice(["x", "y", "z"], (2, batches, rows))
    # several values a row
    c = generator.choice(["u", "v"], (batches, 2, rows))
    values = generator.normal(size=(batches, rows, 2))
    for i in range(batches):
        many = Column(c[i].T.reshape(-1).astype(object), np.repeat(np.arange(rows), 2))
        columns = {"a": Column(a[i].astype(object)), "b": Column(b[i].astype(object)), "c": many}
        assignments = slicer.assign(columns, rows)
        sums.roll_up(
            resampling.expanded_unions(slicer.ended_unions()),
            resampling.num_replicates * len(slicer.keys),
        )
        draws = resampling.draws(UNITS[i * rows : (i + 1) * rows])
        sums.add(
            draws.expanded(assignments), resampling.num_replicates * len(slicer.keys), values[i]
        )
    sums.roll_up(
        resampling.expanded_unions(slicer.unions()), resampling.num_replicates * len(slicer.keys)
    )
    states = sums.states(np.arange(len(slicer.keys)), resampling.num_replicates)
    assert len(states) == 1 + 3 + 9 + 2
    counts = counts_of(resampling, UNITS[: batches * rows])
    flat = values.reshape(-1, 2)
    features = {"a": a.reshape(-1, 1), "b": b.reshape(-1, 1), "c": c.swapaxes(1, 2).reshape(-1, 2)}
    for key, state in zip(slicer.keys, states, strict=True):
        stands = np.ones(len(flat), bool)
        for column, value in key:
            stands &= (features[column] == value).any(axis=1)
        expected = counts[stands].T @ flat[stands]
        assert np.allclose(state.reshape(resampling.num_replicates, 2), expected)


def test_sparse_histograms_have_the_states_of_dense_ones():
    resampling = Resampling(num_replicates=4)
    generator = np.random.default_rng(2)
    tables = []
    ids, bins = generator.integers(0, 6, 500), generator.integers(0, 50, 500)
    for limit in (1 << 30, 1):
        sums = SliceSums(Layout(1, (50,)), limit)
        drawn = resampling.draws(UNITS[:500]).expanded([Assignment(None, ids)])
        sums.add(drawn, 24, np.ones((500, 1)), [Scattered(bins, np.ones(500))])
        states = sums.states(np.arange(6), resampling.num_replicates)
        table = SliceTable([(("k", i),) for i in range(6)], states)
        tables.append(SliceTable.merge([*table.split(3), table]))
    assert np.array_equal(tables[0].sums, tables[1].sums)
    assert tables[0].sums[:, :51].sum() > 0


def test_leaving_out_a_partition_by_hand():
    states = np.array([[1.0, 10, 2, 20, 4, 40]])
    replicates = Resampling(num_replicates=3).replicates(states)
    assert replicates.tolist() == [[[6, 60], [5, 50], [3, 30]]]
    bootstrap = Resampling(Method.POISSON_BOOTSTRAP, 3)
    assert bootstrap.replicates(states).tolist() == [[[1, 10], [2, 20], [4, 40]]]


@pytest.mark.parametrize("resampling", [Resampling(num_replicates=3), BOOTSTRAP])
def test_pairs_come_as_often_as_rows_stand_in_states(resampling):
    units = UNITS[:40]
    counts = counts_of(resampling, units)
    rows, slices = np.array([3, 3, 17, 39]), np.array([0, 2, 1, 1])
    found = np.zeros((40, 3 * resampling.num_replicates), int)
    for pair_rows, ids in resampling.draws(units).pairs(rows, slices):
        pairs = list(zip(pair_rows.tolist(), ids.tolist(), strict=True))
        assert len(set(pairs)) == len(pairs)
        np.add.at(found, (pair_rows, ids), 1)
    expected = np.zeros((40, 3, resampling.num_replicates), int)
    for row, slice_id in zip(rows, slices, strict=True):
        expected[row, slice_id] = counts[row]
    assert np.array_equal(found, expected.reshape(40, -1))
