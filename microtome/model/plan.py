"""What is decided beforehand on how each metric is computed; it travels to the workers."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from microtome.metrics.collection import NO_METRICS, Collection, Computation
from microtome.slicing.contributions import Contributions
from microtome.slicing.sums import Floats, Layout, Scattered
from microtome.statistics.intervals import Interval

if TYPE_CHECKING:
    from microtome.frames.examples import ExampleSchema
    from microtome.model.leaves import DenseLeaf, ScatteredLeaf
    from microtome.model.lower import LowerHalf


class Path(str, enum.Enum):
    """How a metric is computed.

    CUT: from sums over rows.
    ONE_BATCH: from sums over rows, as if all rows of a slice came in one batch, because the metric
        averages over batches rather than rows.
    REFERENCE_SUMS: the graph itself is run on each slice of each batch, and what it adds to its
        variables is summed.
    REFERENCE_ROWS: the graph itself is run on all rows of each slice, at the end.
    UNAVAILABLE: it has no value apart from a batch, and is left out.
    """

    CUT = "cut"
    ONE_BATCH = "cut, one batch"
    REFERENCE_SUMS = "reference, summed"
    REFERENCE_ROWS = "reference, all rows"
    UNAVAILABLE = "left out"

    @property
    def is_cut(self) -> bool:
        return self in (Path.CUT, Path.ONE_BATCH)


@dataclasses.dataclass(frozen=True)
class MetricPlan:
    """The path of one metric and, unless it is simply cut, why."""

    name: str
    path: Path
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Plan:
    """All that workers need to know, besides the model, to compute its metrics.

    A slice's sums are float64 `[width]`, in this order: the number of rows, the weights of the
    examples, the dense leaves, the plain sums of the collection, the bins of the scattered leaves,
    those of the collection, the variables that are summed on the reference path.

    Attributes:
        weight_keys: the features that weigh examples.
        dense, scattered: the leaves.
        summed: names of the variables that are summed on the reference path.
        summed_width: number of their elements.
        lower: computes the metrics of the graph that are not on the path REFERENCE_ROWS; None where
            there is no graph.
        metrics: what was decided on those of the graph, in order of name.
        collection: the metrics outside the graph.
        schema: types of the features of tf.Examples, where no graph parses them.
    """

    weight_keys: tuple[str, ...] = ()
    dense: tuple[DenseLeaf, ...] = ()
    scattered: tuple[ScatteredLeaf, ...] = ()
    summed: tuple[str, ...] = ()
    summed_width: int = 0
    lower: LowerHalf | None = None
    metrics: tuple[MetricPlan, ...] = ()
    collection: Collection = NO_METRICS
    schema: ExampleSchema | None = None

    @cached_property
    def layout(self) -> Layout:
        """What stands where in the sums, but for the variables, which stand at the end."""
        bins = tuple(leaf.bins for leaf in self.scattered)
        own = self.collection.layout
        return Layout(self._graph_dense + own.dense, (*bins, *own.scattered))

    @cached_property
    def of_replicates(self) -> Plan:
        """The plan for states that were resampled: without what has no intervals."""
        return dataclasses.replace(self, collection=self.collection.for_replicates())

    def added_to_replicates(self, added: Contributions) -> tuple[Floats, list[Scattered]]:
        """What rows add in the layout `of_replicates`, from what they add in that of this plan."""
        own, first = self._graph_dense, len(self.scattered)
        dense, scattered = self.of_replicates.collection.taken_from(
            self.collection, added.dense[:, own:], added.scattered[first:]
        )
        joined = np.concatenate([added.dense[:, :own], dense], axis=1)
        return joined, [*added.scattered[:first], *scattered]

    @property
    def width(self) -> int:
        return self.layout.width + self.summed_width

    @property
    def bytes_per_row(self) -> int:
        """What is fetched of a row: its dense columns, and a bin and a value a scattered number."""
        return 8 * self._graph_dense + sum(16 * leaf.per_row for leaf in self.scattered)

    def values(
        self, sums: Floats, items: Sequence[Computation] | None = None
    ) -> dict[Any, npt.NDArray[Any]]:
        """The metrics `[slices, ...]` from sums `[slices, width]`, but those that need all rows.

        Those of the graph are keyed by name, those of the collection as it keys them.

        Args:
            items: of the collection only these; None for all.
        """
        of_graph: Mapping[Any, npt.NDArray[Any]] = {}
        if self.lower is not None:
            of_graph = self.lower.finish(self._graph_sums(sums))
        return {**of_graph, **self.collection.compute(self.collection_sums(sums), items)}

    def closed_forms(self, sums: Floats, level: float) -> dict[Any, Interval]:
        """As `Collection.closed_forms`, from sums `[slices, width]`."""
        return self.collection.closed_forms(self.collection_sums(sums), level)

    def states_of(self, collection_states: Any) -> Any:
        """Sums `[slices, width]` that are zero but for the collection's states; both sparse."""
        dense, own_dense, bins, _ = self._ends
        own = own_dense - dense
        cells = collection_states.tocoo()
        columns = cells.col + np.where(cells.col < own, dense, bins - own)
        shape = (cells.shape[0], self.width)
        return scipy.sparse.csr_matrix((cells.data, (cells.row, columns)), shape=shape)

    def plots(self, sums: Floats) -> list[tuple[Any, npt.NDArray[Any]]]:
        """The plots, objects `[slices]` with their keys, from sums `[slices, width]`."""
        return self.collection.plots(self.collection_sums(sums))

    @property
    def _graph_dense(self) -> int:
        return 1 + len(self.weight_keys) + sum(leaf.width for leaf in self.dense)

    @property
    def _ends(self) -> tuple[int, int, int, int]:
        """Where the four parts of the layout end."""
        bins = self.layout.offsets[len(self.scattered)]
        return self._graph_dense, self.layout.dense, bins, self.layout.width

    def _graph_sums(self, sums: Floats) -> Floats:
        dense, own_dense, bins, own_bins = self._ends
        if not self.collection.computations:
            return sums
        parts = [sums[:, :dense], sums[:, own_dense:bins], sums[:, own_bins:]]
        return np.concatenate(parts, axis=1)

    def collection_sums(self, sums: Floats) -> Floats:
        """The collection's part of sums `[slices, width]`."""
        dense, own_dense, bins, own_bins = self._ends
        return np.concatenate([sums[:, dense:own_dense], sums[:, bins:own_bins]], axis=1)

    @property
    def listed(self) -> tuple[str, ...]:
        """Names of the metrics that need all rows of a slice at the end."""
        return self.on(Path.REFERENCE_ROWS)

    @property
    def uncut(self) -> tuple[str, ...]:
        """Names of the metrics that the graph computes itself, on the rows of each slice."""
        return tuple(metric.name for metric in self.metrics if not metric.path.is_cut)

    def on(self, *paths: Path) -> tuple[str, ...]:
        """Names of the metrics on any of the paths."""
        return tuple(metric.name for metric in self.metrics if metric.path in paths)
