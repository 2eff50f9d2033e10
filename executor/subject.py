"""What is evaluated: an EvalSavedModel, or data with predictions in it or made by models."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from microtome.metrics.collection import Collection, Computation
from microtome.metrics.specs import ModelColumns
from microtome.proto.config_pb2 import EvalConfig
from microtome.results.metric_keys import MetricName
from microtome.slicing.contributions import Contributions

if TYPE_CHECKING:
    from microtome.model.plan import Plan


class Evaluator(Protocol):
    """A subject at work, in one process. Used by several threads at once."""

    def contributions(self, records: Any) -> Contributions:
        """What each row of a batch contributes."""


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

    def graph_metrics(self) -> list[str]:
        """Names of the metrics in a model's own graph."""
        return []

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
    def make_evaluator(self, plan: Plan, features: Sequence[str]) -> Any:
        """The `Evaluator`, which takes seconds to make and the memory of its models."""

    @abc.abstractmethod
    def count_names(self, plan: Plan) -> list[tuple[MetricName, int]]:
        """Names of the counts that every slice has, and in which column of the sums they stand."""

    @property
    @abc.abstractmethod
    def model_locations(self) -> Mapping[str, str]:
        """Where each model is, by name."""

    def let_go(self) -> None:  # noqa: B027
        """Frees what planning has kept for a worker of this process that did not come."""
