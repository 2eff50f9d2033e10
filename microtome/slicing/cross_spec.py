"""Which slices are compared with which."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from microtome.slicing.keys import SliceKey
from microtome.slicing.spec import SingleSliceSpec

if TYPE_CHECKING:
    from microtome.proto import config_pb2


@dataclasses.dataclass(frozen=True)
class CrossSliceSpec:
    """Pairs of slices.

    Attributes:
        baseline: the slices that others are compared with.
        comparisons: those that are; none: all others.
    """

    baseline: SingleSliceSpec
    comparisons: tuple[SingleSliceSpec, ...] = ()

    @classmethod
    def from_proto(cls, proto: config_pb2.CrossSlicingSpec) -> CrossSliceSpec:
        """The spec of a message.

        Raises:
            ConfigError: a spec in it contradicts itself.
        """
        comparisons = map(SingleSliceSpec.from_proto, proto.slicing_specs)
        return cls(SingleSliceSpec.from_proto(proto.baseline_spec), tuple(comparisons))

    def is_baseline(self, key: SliceKey) -> bool:
        """Whether others are compared with a slice."""
        return self.baseline.is_slice_applicable(key)

    def is_compared(self, key: SliceKey) -> bool:
        """Whether a slice is compared with baselines."""
        if not self.comparisons:
            return True
        return any(spec.is_slice_applicable(key) for spec in self.comparisons)
