"""All numbers of an evaluation in one string."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microtome.errors import DataError
from microtome.slicing.keys import NAN
from microtome.tracking.block import make_block, pack, unpack
from microtome.tracking.selection import SliceRecord, json_value

pytestmark = pytest.mark.current

KEYS = st.lists(
    st.tuples(st.text(max_size=5), st.one_of(st.text(max_size=5), st.integers(), st.floats())),
    max_size=2,
).map(tuple)
METRICS = st.dictionaries(st.text(min_size=1, max_size=5), st.floats(), max_size=4)
RECORDS = st.lists(st.tuples(KEYS, METRICS, st.integers(0, 2**53)), max_size=6)


@given(RECORDS)
def test_packing_keeps_every_bit(made):
    records = [
        SliceRecord(key, {name: json_value(value) for name, value in metrics.items()}, count, 1.0)
        for key, metrics, count in made
    ]
    block = unpack(pack(make_block(records)))
    assert block.counts.tolist() == [record.example_count for record in records]
    for i, (key, metrics, _) in enumerate(made):
        expected = [(c, NAN if v != v else v) for c, v in key]
        assert list(block.keys[i]) == expected
        for name in block.metrics:
            value = block.values[i, block.metrics.index(name)]
            np.testing.assert_array_equal(value, metrics.get(name, math.nan))
    assert set(block.metrics) == {name for _, metrics, _ in made for name in metrics}


def test_what_is_no_number_is_left_out():
    record = SliceRecord((), {"auc": 0.5, "curve": [1, 2], "name": "x", "flag": True}, 1, 1.0)
    assert make_block([record]).metrics == ("auc",)


def test_slices_are_found():
    keys = [(), (("a", 1),), (("a", "1"),), (("a", NAN),), (("a", 1), ("b", 2.5))]
    block = unpack(pack(make_block([SliceRecord(key, {}, 1, 1.0) for key in keys])))
    assert [block.position(key) for key in keys] == list(range(len(keys)))
    assert block.position((("a", 2),)) is None


def test_two_hundred_slices_take_less_than_half_of_their_json():
    generator = np.random.default_rng(1)
    records = [
        SliceRecord((("dest", f"D{i}"),), dict(zip("abcdefghij", row, strict=True)), 10, 10.0)
        for i, row in enumerate(generator.random((200, 10)).tolist())
    ]
    assert len(pack(make_block(records))) < 24_000 < len(str([r.to_json() for r in records])) / 2


@pytest.mark.parametrize("text", ["", "no base64!", "eJwDAAAAAAE=", "AAAA"])
def test_other_texts_are_refused(text):
    with pytest.raises(DataError, match="cannot be read"):
        unpack(text)
