"""The plan of several models that are evaluated in one pass: theirs, side by side."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from microtome.metrics.collection import Collection, Computation
from microtome.metrics.differences import differences
from microtome.metrics.keys import MetricKey
from microtome.slicing.contributions import Contributions
from microtome.slicing.sums import Floats, Layout, Scattered
from microtome.statistics.intervals import Interval

if TYPE_CHECKING:
    from microtome.model.plan import MetricPlan, Plan


@dataclasses.dataclass(frozen=True)
class PlannedPart:
    """One model, or the data with all models that serve, as it is planned.

    Attributes:
        model: the name of the EvalSavedModel; "" where it is the data.
        plan: what is computed of the graph; its collection only names the columns that metrics
            outside the graph look at.
        features: the slicing features that come from it.
    """

    model: str
    plan: Plan
    features: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class JointPlan:
    """All that workers need to know, besides the models, to compute their metrics together.

    A slice's sums are float64 `[width]`, in this order: the plain sums of each part, those of the
    collection; the bins of each part, those of the collection; the variables of each part that are
    summed on the reference path. The number of rows stands first, and first of each part's.

    Attributes:
        parts: the models; slices are formed of the first one's rows.
        collection: the metrics outside graphs, of all models.
    """

    parts: tuple[PlannedPart, ...]
    collection: Collection

    @cached_property
    def layout(self) -> Layout:
        """What stands where in the sums, but for the variables, which stand at the end."""
        layouts = [*(part.plan.layout for part in self.parts), self.collection.layout]
        bins = itertools.chain.from_iterable(layout.scattered for layout in layouts)
        return Layout(sum(layout.dense for layout in layouts), tuple(bins))

    @cached_property
    def of_replicates(self) -> JointPlan:
        """The plan for states that were resampled: without what has no intervals."""
        return dataclasses.replace(self, collection=self.collection.for_replicates())

    def added_to_replicates(self, added: Contributions) -> tuple[Floats, list[Scattered]]:
        """What rows add in the layout `of_replicates`, from what they add in that of this plan."""
        own = self.dense_start(len(self.parts))
        first = len(self.layout.scattered) - len(self.collection.layout.scattered)
        dense, scattered = self.of_replicates.collection.taken_from(
            self.collection, added.dense[:, own:], added.scattered[first:]
        )
        joined = np.concatenate([added.dense[:, :own], dense], axis=1)
        return joined, [*added.scattered[:first], *scattered]

    @property
    def width(self) -> int:
        return self.layout.width + self.summed_width

    @property
    def summed(self) -> tuple[MetricKey, ...]:
        """The variables that are summed on the reference path, by model."""
        return tuple(
            MetricKey(name, part.model) for part in self.parts for name in part.plan.summed
        )

    @property
    def summed_width(self) -> int:
        return sum(part.plan.summed_width for part in self.parts)

    @property
    def listed(self) -> tuple[MetricKey, ...]:
        """The metrics that need all rows of a slice at the end."""
        return tuple(
            MetricKey(name, part.model) for part in self.parts for name in part.plan.listed
        )

    @property
    def metrics(self) -> tuple[MetricPlan, ...]:
        """What was decided on those of graphs, with the models in their names."""
        return tuple(
            dataclasses.replace(metric, name=f"{metric.name} ({part.model})")
            for part in self.parts
            for metric in part.plan.metrics
        )

    @property
    def uncut(self) -> tuple[MetricKey, ...]:
        """The metrics that a graph computes itself, on the rows of each slice, and differences."""
        own = [MetricKey(name, part.model) for part in self.parts for name in part.plan.uncut]
        of_any = {key.name for key in own}
        compared = [
            MetricKey(name, part.model, is_diff=True) for part in self.parts for name in of_any
        ]
        return (*own, *compared)

    def dense_start(self, number: int) -> int:
        """Where the plain sums of a part begin; after the last part's, those of the collection."""
        return sum(part.plan.layout.dense for part in self.parts[:number])

    def values(
        self, sums: Floats, items: Sequence[Computation] | None = None
    ) -> dict[MetricKey, npt.NDArray[Any]]:
        """The metrics `[slices, ...]` from sums `[slices, width]`, but those that need all rows.

        With the differences to the baseline's, of metrics in graphs and outside of them.

        Args:
            items: of the collection only these; None for all.
        """
        of_graphs = {
            MetricKey(name, part.model): values
            for number, part in enumerate(self.parts)
            for name, values in part.plan.values(self._sums_of(number, sums)).items()
        }
        baseline = self.collection.baseline
        compared = {} if baseline is None else differences(of_graphs, baseline)
        of_collection = self.collection.compute(self.collection_sums(sums), items)
        return {**of_graphs, **compared, **of_collection}

    def closed_forms(self, sums: Floats, level: float) -> dict[Any, Interval]:
        """As `Collection.closed_forms`, from sums `[slices, width]`."""
        return self.collection.closed_forms(self.collection_sums(sums), level)

    def plots(self, sums: Floats) -> list[tuple[Any, npt.NDArray[Any]]]:
        """The plots, objects `[slices]` with their keys, from sums `[slices, width]`."""
        return self.collection.plots(self.collection_sums(sums))

    def states_of(self, collection_states: Any) -> Any:
        """Sums `[slices, width]` that are zero but for the collection's states; both sparse."""
        dense, bins = self._collection_slices
        own = self.collection.layout.dense
        cells = collection_states.tocoo()
        columns = cells.col + np.where(cells.col < own, dense.start, bins.start - own)
        shape = (cells.shape[0], self.width)
        return scipy.sparse.csr_matrix((cells.data, (cells.row, columns)), shape=shape)

    def _sums_of(self, number: int, sums: Floats) -> Floats:
        """The sums of one part, as its own plan lays them out."""
        return _columns(sums, self._slices[number])

    def collection_sums(self, sums: Floats) -> Floats:
        """The collection's part of sums `[slices, width]`."""
        return _columns(sums, self._collection_slices)

    @cached_property
    def _slices(self) -> list[tuple[slice, ...]]:
        """Where each part's plain sums, bins and variables stand."""
        found: list[tuple[slice, ...]] = []
        bins, end = 0, self.layout.width
        for number, part in enumerate(self.parts):
            start = self.dense_start(number)
            dense = slice(start, start + part.plan.layout.dense)
            count = len(part.plan.layout.scattered)
            found.append((dense, self._bins(bins, count), slice(end, end + part.plan.summed_width)))
            bins, end = bins + count, end + part.plan.summed_width
        return found

    @property
    def _collection_slices(self) -> tuple[slice, slice]:
        bins = len(self.collection.layout.scattered)
        first = len(self.layout.scattered) - bins
        return slice(self.dense_start(len(self.parts)), self.layout.dense), self._bins(first, bins)

    def _bins(self, first: int, count: int) -> slice:
        offsets = self.layout.offsets
        return slice(offsets[first], offsets[first + count])


def _columns(sums: Floats, slices: Sequence[slice]) -> Floats:
    return np.concatenate([sums[:, each] for each in slices], axis=1)
