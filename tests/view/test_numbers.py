"""Columns of numbers come out of a report as they went in."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from microtome.view.numbers import MAX_LISTED, bounds, numbers, unpacked, with_bytes

pytestmark = pytest.mark.current

columns = st.one_of(
    npst.arrays(np.float64, st.integers(0, 3 * MAX_LISTED), elements=st.floats(width=64)),
    npst.arrays(
        np.float64, st.integers(MAX_LISTED, 100), elements=st.integers(-(2**33), 2**33).map(float)
    ),
    npst.arrays(np.float32, st.integers(MAX_LISTED, 100), elements=st.floats(width=32)).map(
        lambda column: column.astype(np.float64)
    ),
)


@given(columns)
def test_all_bits_come_back(column):
    finite = np.where(np.isfinite(column), column, np.nan)
    told = json.loads(json.dumps(numbers(column), allow_nan=False))
    np.testing.assert_array_equal(unpacked(told), finite)
    assert isinstance(told, list) == (len(column) <= MAX_LISTED)
    np.testing.assert_array_equal(unpacked(with_bytes({"v": told})["v"]), finite)


@given(columns)
def test_an_interval_is_never_narrowed(column):
    finite = np.isfinite(column)
    single = np.abs(column) < 3e38
    for side in (-1, 1):
        told = unpacked(bounds(column, side))
        assert np.all(np.isnan(told[~finite]))
        kept = finite & single
        assert np.all((told[kept] - column[kept]) * side >= 0)
        np.testing.assert_allclose(told[kept], column[kept], rtol=3e-7, atol=1e-44)


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        (np.arange(100.0), "i4"),
        (np.arange(100.0) + 2.0**31, "f8"),
        (np.arange(100) / 8, "f4"),
        (np.r_[np.nan, np.arange(99) / 8], "f4"),
        (np.arange(100) / 10, "f8"),
        (np.full(100, 1e300), "f8"),
    ],
)
def test_the_narrowest_type_is_taken(column, dtype):
    assert numbers(column)["dtype"] == dtype
