"""What is evaluated: EvalSavedModels, and data with predictions in it or made by models."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from microtome.metrics.collection import Collection, Computation
from microtome.metrics.specs import ModelColumns
from microtome.proto.config_pb2 import EvalConfig
from microtome.results.metric_keys import MetricName
from microtome.slicing.contributions import Contributions
from microtome.slicing.sums import Floats, Layout, Scattered
from microtome.statistics.intervals import Interval

if TYPE_CHECKING:
    from microtome.model.plan import MetricPlan


class Plan(Protocol):
    """What a run asks of a plan, whether of one model (`model.plan.Plan`) or of several.

    A slice's sums are float64 `[width]`; the number of its rows stands first.

    Attributes:
        layout: what stands where in the sums, but for those of the reference path, at their end.
        width: the length of the sums, all of them.
        summed, summed_width: what is summed on the reference path, and how many numbers that are.
        listed: the metrics that need all rows of a slice at the end.
        uncut: those, and all others that a graph computes itself on the rows of each slice.
        metrics: what was decided on those of graphs.
        collection: the metrics outside graphs.
    """

    @property
    def layout(self) -> Layout: ...

    @property
    def width(self) -> int: ...

    @property
    def summed(self) -> Sequence[Any]: ...

    @property
    def summed_width(self) -> int: ...

    @property
    def listed(self) -> Sequence[MetricName]: ...

    @property
    def uncut(self) -> Sequence[MetricName]: ...

    @property
    def metrics(self) -> Sequence[MetricPlan]: ...

    @property
    def collection(self) -> Collection: ...

    @property
    def of_replicates(self) -> Plan:
        """The plan for states that were resampled: without what has no intervals."""

    def added_to_replicates(self, added: Contributions) -> tuple[Floats, list[Scattered]]:
        """What rows add in the layout `of_replicates`, from what they add in that of this plan."""

    def values(
        self, sums: Floats, items: Sequence[Computation] | None = None
    ) -> Mapping[Any, npt.NDArray[Any]]:
        """The metrics `[slices, ...]` from sums `[slices, width]`, but for those `listed`.

        Args:
            items: of the collection only these; None for all.
        """

    def closed_forms(self, sums: Floats, level: float) -> dict[Any, Interval]:
        """As `Collection.closed_forms`, from sums `[slices, width]`."""

    def collection_sums(self, sums: Floats) -> Floats:
        """The collection's part of sums `[slices, width]`."""

    def plots(self, sums: Floats) -> Sequence[tuple[Any, npt.NDArray[Any]]]:
        """The plots, objects `[slices]` with their keys, from sums `[slices, width]`."""

    def states_of(self, collection_states: Any) -> Any:
        """Sums `[slices, width]` that are zero but for the collection's states; both sparse."""


class Evaluator(Protocol):
    """A subject at work, in one process. Used by several threads at once."""

    def contributions(self, records: Any) -> Contributions:
        """What each row of a batch contributes."""

    def close(self) -> None:
        """Frees what it holds."""


class GraphEvaluator(Evaluator, Protocol):
    """One that also takes the reference path: the graph itself is run on slices."""

    def rows_feed(self, records: Any) -> Any:
        """Prepares a batch for the reference path."""

    def reference_sums(self, feed: Any, rows: npt.NDArray[np.int64]) -> Floats:
        """What some rows of a batch add on the reference path: `[summed_width]` of the plan."""

    def reference_values(
        self, batches: Sequence[tuple[Any, npt.NDArray[np.int64]]]
    ) -> Mapping[Any, Any]:
        """The metrics that need all rows of a slice, which stand in batches."""


class Subject(abc.ABC):
    """What is evaluated. It is picklable and light; models are loaded where they work.

    Attributes:
        token: names this subject to the processes that load it.
    """

    token: str

    @abc.abstractmethod
    def check(self, features: Sequence[str]) -> None:
        """Checks all that can be told before a model is loaded or data is read.

        Args:
            features: the slicing features.

        Raises:
            ModelError: there is no such model.
            ConfigError: it does not fit the config.
        """

    @abc.abstractmethod
    def model_columns(self, config: EvalConfig) -> list[ModelColumns]:
        """Where labels, predictions and weights of each model stand.

        Raises:
            ConfigError: the config names what is not there.
        """

    def own_metrics(self) -> tuple[Computation, ...]:
        """Metrics outside a graph that were given with the model, not in a config.

        Raises:
            ConfigError: the model has not what they need.
        """
        return ()

    def graph_metrics(self) -> Sequence[MetricName]:
        """Names of the metrics in a model's own graph."""
        return []

    def has_feature(self, name: str) -> bool:
        """Whether rows may be sliced by a feature; of data that is not known before it is read."""
        return True

    @property
    @abc.abstractmethod
    def counts(self) -> Sequence[MetricName]:
        """The counts of examples and weights that every slice has."""

    @property
    def names_its_metrics(self) -> bool:
        """Whether all metrics in a model's own graph are known before it is loaded."""
        return True

    def columns_read(self, features: Sequence[str], collection: Collection) -> Sequence[str] | None:
        """The columns that are looked at, of files of columns; None for all."""
        return None

    @abc.abstractmethod
    def make_plan(
        self, examples: Sequence[Any], features: Sequence[str], collection: Collection
    ) -> Plan:
        """Plans the evaluation with some examples of the data.

        Args:
            examples: serialized examples, dicts, or a RecordBatch.
            features: the slicing features.
            collection: the metrics outside a graph.

        Raises:
            MicrotomeError: they do not fit together.
        """

    @abc.abstractmethod
    def make_evaluator(self, plan: Any, features: Sequence[str]) -> Any:
        """The `Evaluator`, which takes seconds to make and the memory of its models.

        Args:
            plan: the subject's own.
            features: as of `make_plan`.
        """

    @abc.abstractmethod
    def count_names(self, plan: Any) -> list[tuple[MetricName, int]]:
        """Names of the counts that every slice has, and in which column of the sums they stand.

        Args:
            plan: the subject's own.
        """

    @property
    @abc.abstractmethod
    def model_locations(self) -> Mapping[str, str]:
        """Where each model is, by name."""

    def let_go(self) -> None:  # noqa: B027
        """Frees what planning has kept for a worker of this process that did not come."""
