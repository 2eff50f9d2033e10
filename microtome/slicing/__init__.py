"""Slices: which are asked for, which rows stand in them, and sums over each.

Synopsis:

    slicer = Slicer([SingleSliceSpec(), SingleSliceSpec(columns=["country"])])
    sums = SliceSums(Layout(dense=2))
    for features, contributions in batches:  # what session.run gave; [rows, 2]
        columns = {name: column_from(features[name]) for name in slicer.features}
        assignments = slicer.assign(columns, num_rows=len(contributions))
        sums.add(assignments, len(slicer.keys), contributions)
    table = sums.table(slicer.keys)  # keys and states; merge tables of other workers
"""

from microtome.slicing.buckets import quantile_edges
from microtome.slicing.columns import Column, column_from
from microtome.slicing.keys import (
    OVERALL,
    SliceKey,
    SliceValue,
    natural_order,
    slice_key,
    stringify_slice_key,
)
from microtome.slicing.slicer import Assignment, Slicer, rows_by_slice
from microtome.slicing.spec import SingleSliceSpec
from microtome.slicing.sums import Layout, Scattered, SliceSums
from microtome.slicing.table import SliceTable

__all__ = [
    "OVERALL",
    "Assignment",
    "Column",
    "Layout",
    "Scattered",
    "SingleSliceSpec",
    "SliceKey",
    "SliceSums",
    "SliceTable",
    "SliceValue",
    "Slicer",
    "column_from",
    "natural_order",
    "quantile_edges",
    "rows_by_slice",
    "slice_key",
    "stringify_slice_key",
]
