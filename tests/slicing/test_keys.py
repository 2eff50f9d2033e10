"""Slice keys: values, text, and order."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microtome.slicing import natural_order, slice_key, stringify_slice_key
from microtome.slicing.keys import NAN, slice_value

pytestmark = pytest.mark.current

values = st.one_of(st.text(), st.integers(), st.floats(), st.just("[0, 1)"), st.just("[x, 1)"))
keys = st.lists(st.tuples(st.text(max_size=3), values), max_size=3).map(slice_key)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9", "caf\\xe9"),
        ("caf\udce9", "caf\\udce9"),
        (np.str_("a"), "a"),
        (np.bytes_(b"a"), "a"),
        (True, 1),
        (np.bool_(False), 0),
        (np.int32(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float32(0.1), 0.10000000149011612),
        (2.0, 2.0),
    ],
)
def test_a_value_becomes_plain_python(value, expected):
    got = slice_value(value)
    assert got == expected
    assert type(got) is type(expected)


def test_all_nans_are_one_and_there_is_one_zero():
    assert slice_value(np.float32("nan")) is NAN
    assert slice_value(-float("nan")) is NAN
    assert str(slice_value(-0.0)) == "0.0"


@pytest.mark.parametrize("value", [None, 1j, (1,), [b"a"], np.array([1])])
def test_other_types_are_refused(value):
    with pytest.raises(TypeError, match=type(value).__name__):
        slice_value(value)


def test_keys_are_sorted_by_column_and_read_as_text():
    assert slice_key([("b", 1.5), ("a", b"x")]) == (("a", "x"), ("b", 1.5))
    assert stringify_slice_key((("a", "x"), ("b", 1.5))) == "a_X_b:x_X_1.5"
    assert stringify_slice_key((("a", ""),)) == "a:"
    assert stringify_slice_key(()) == "Overall"


def test_natural_order():
    ordered = [
        (),
        (("a", -1),),
        (("a", 2.5),),
        (("a", 10),),
        (("a", NAN),),
        (("a", "[-inf, -10)"),),
        (("a", "[-10, -9.5)"),),
        (("a", "[-9.5, 2)"),),
        (("a", "[2, 1e+20)"),),
        (("a", "[1e+20, inf)"),),
        (("a", ""),),
        (("a", "m2"),),
        (("a", "m2x"),),
        (("a", "m10"),),
        (("b", 0),),
        (("a", 0), ("b", 0)),
        (("a", 0), ("b", 1)),
    ]
    shuffled = random.Random(0).sample(ordered, len(ordered))
    assert sorted(shuffled, key=natural_order) == ordered


@given(
    st.lists(keys, max_size=6, unique=True).flatmap(
        lambda some: st.tuples(st.just(some), st.permutations(some))
    )
)
def test_any_keys_have_one_order(some):
    one, another = some
    assert sorted(one, key=natural_order) == sorted(another, key=natural_order)
