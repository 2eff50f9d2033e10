"""Slices are those that TFMA makes, but for what Microtome does better.

Left out of the comparison, and tested in test_slicer.py: values that are not UTF-8 (TFMA fails),
given values that look like numbers on string features, NaN as a given value, and given values on
32-bit floats that they do not equal exactly (TFMA finds none of the three).
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microtome.slicing import Slicer, rows_by_slice, stringify_slice_key
from tests.slicing import rows as rows_lib

slicer_lib = pytest.importorskip("tensorflow_model_analysis.slicer.slicer_lib")

GIVEN = ["", "a", "é", 5, 5.0, "5", "5.0", "007", "1e22", 0, 1, -1, -2.5, "-2.5"]
INSTEAD = {b"5": b"q", b"007": b"1e22", b"\xff": b"caf\xc3\xa9", 0.1: 0.25}

rows = rows_lib.rows.map(
    lambda row: {name: [INSTEAD.get(v, v) for v in values] for name, values in row.items()}
)


def tfma_slices(row, specs) -> set[tuple]:
    dtypes = {"number": np.float32, "steps": np.int32}
    features = {
        name: np.array(values, object if name in rows_lib.TEXT else dtypes.get(name))
        for name, values in row.items()
    }
    theirs = [slicer_lib.SingleSliceSpec(spec.columns, spec.features) for spec in specs]
    keys = slicer_lib.get_slices_for_features_dicts([features], None, theirs)
    return {
        rows_lib.comparable([(c, v.item() if isinstance(v, np.generic) else v) for c, v in key])
        for key in keys
    }


@given(
    specs=st.lists(rows_lib.specs(GIVEN, with_buckets=False), min_size=1, max_size=4),
    batch=st.lists(rows, min_size=1, max_size=8),
)
def test_slices_are_those_of_tfma(specs, batch):
    slicer = Slicer(specs)
    assigned = slicer.assign(rows_lib.columns_of(batch), len(batch))
    ours: list[set] = [set() for _ in batch]
    for i, members in rows_by_slice(assigned, len(batch)):
        for row in members:
            ours[row].add(rows_lib.comparable(slicer.keys[i]))
    assert ours == [tfma_slices(row, specs) for row in batch]


@pytest.mark.parametrize(
    "key", [(), (("a", "x"),), (("a", 1.5), ("b", -2)), (("a", ""), ("b", "é"), ("c", 1e22))]
)
def test_keys_read_as_in_tfma(key):
    assert stringify_slice_key(key) == slicer_lib.stringify_slice_key(key)
