"""Slices, under the name that TFMA gave their module."""

from microtome.slicing.keys import stringify_slice_key
from microtome.slicing.spec import SingleSliceSpec

__all__ = ["SingleSliceSpec", "stringify_slice_key"]
