"""What is decided beforehand on how each metric is computed; it travels to the workers."""

from __future__ import annotations

import dataclasses
import enum

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
    examples, the dense leaves, the bins of the scattered leaves, the variables that are summed on
    the reference path.

    Attributes:
        weight_keys: the features that weigh examples.
        dense, scattered: the leaves.
        summed: names of the variables that are summed on the reference path.
        summed_width: number of their elements.
        lower: computes the metrics that are not on the path REFERENCE_ROWS.
        metrics: what was decided, in order of name.
    """

    weight_keys: tuple[str, ...]
    dense: tuple[DenseLeaf, ...]
    scattered: tuple[ScatteredLeaf, ...]
    summed: tuple[str, ...]
    summed_width: int
    lower: LowerHalf
    metrics: tuple[MetricPlan, ...]

    @property
    def dense_width(self) -> int:
        return 1 + len(self.weight_keys) + sum(leaf.width for leaf in self.dense)

    @property
    def bins(self) -> tuple[int, ...]:
        return tuple(leaf.bins for leaf in self.scattered)

    @property
    def width(self) -> int:
        return self.dense_width + sum(self.bins) + self.summed_width

    @property
    def bytes_per_row(self) -> int:
        """What is fetched of a row: its dense columns, and a bin and a value a scattered number."""
        return 8 * self.dense_width + sum(16 * leaf.per_row for leaf in self.scattered)

    @property
    def listed(self) -> tuple[str, ...]:
        """Names of the metrics that need all rows of a slice at the end."""
        return self.on(Path.REFERENCE_ROWS)

    def on(self, *paths: Path) -> tuple[str, ...]:
        """Names of the metrics on any of the paths."""
        return tuple(metric.name for metric in self.metrics if metric.path in paths)
