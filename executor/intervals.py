"""Confidence intervals of the metrics of slices, from states that were resampled."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from microtome.proto.config_pb2 import ConfidenceIntervalOptions, EvalConfig
from microtome.results.metric_keys import MetricName
from microtome.slicing.resampling import DEFAULT_REPLICATES, Method, Resampling
from microtome.statistics.intervals import Floats, Interval, jackknife, poisson_bootstrap

if TYPE_CHECKING:
    from microtome.model.plan import Plan

DEFAULT_LEVEL = 0.95
# why a metric has no intervals
A_COUNT = "it counts what is there"
NOT_A_NUMBER = "it is not one number"
BY_THE_GRAPH = "the model's graph computes it on the rows of each slice, which are not resampled"

_METHODS = {
    Method.JACKKNIFE: jackknife,
    Method.POISSON_BOOTSTRAP: poisson_bootstrap,
}


@dataclasses.dataclass(frozen=True)
class Intervals:
    """Which intervals are computed.

    Attributes:
        resampling: of rows.
        level: the share of intervals that cover.
        closed_forms: whether metrics that have a closed form use it.
    """

    resampling: Resampling = dataclasses.field(default_factory=Resampling)
    level: float = DEFAULT_LEVEL
    closed_forms: bool = True

    @classmethod
    def of_config(cls, config: EvalConfig) -> Intervals | None:
        """What a config asks for; None where it asks for no intervals."""
        if not config.options.compute_confidence_intervals.value:
            return None
        options = config.options.confidence_intervals
        is_bootstrap = options.method == ConfidenceIntervalOptions.POISSON_BOOTSTRAP
        return cls(
            Resampling(
                Method.POISSON_BOOTSTRAP if is_bootstrap else Method.JACKKNIFE,
                options.num_replicates or DEFAULT_REPLICATES,
                options.seed,
            ),
            options.level or DEFAULT_LEVEL,
            not options.HasField("closed_forms") or options.closed_forms.value,
        )

    def told(self) -> dict[str, Any]:
        """For `run.json`."""
        return {
            "method": self.resampling.method.value,
            "level": self.level,
            "num_replicates": self.resampling.num_replicates,
            "seed": self.resampling.seed,
            "closed_forms": self.closed_forms,
        }

    def parted(self, plan: Plan, sums: Floats) -> tuple[Floats, Floats]:
        """The states of whole slices and of their replicates.

        Args:
            sums: float64 `[slices, states × layout.width + summed_width]`; variables that the graph
                sums itself stand at the end, once.

        Returns:
            float64 `[slices, plan.width]` and `[slices, num_replicates, layout.width]`.
        """
        end = self.resampling.states * plan.layout.width
        whole, replicates = self.resampling.whole_and_replicates(sums[:, :end])
        if plan.summed_width:
            whole = np.concatenate([whole, sums[:, end:]], axis=1)
        return whole, replicates

    def of(
        self, plan: Plan, whole: Floats, replicates: Floats, values: Mapping[MetricName, Any]
    ) -> dict[MetricName, Interval]:
        """The intervals of all metrics that can have some.

        Args:
            whole, replicates: from `parted`.
            values: of the metrics, `[slices, ...]`, from `plan.values(whole)`.
        """
        found = self._resampled(plan, whole, replicates, values)
        if self.closed_forms:
            found.update(plan.closed_forms(whole, self.level))
        return found

    def _resampled(
        self, plan: Plan, whole: Floats, replicates: Floats, values: Mapping[MetricName, Any]
    ) -> dict[MetricName, Interval]:
        slices, number, _ = replicates.shape
        items = plan.collection.with_intervals(plan.collection_sums(whole[:1]))
        states = replicates.reshape(slices * number, -1)
        if plan.summed_width:
            # of metrics that have no intervals
            summed = np.zeros((len(states), plan.summed_width))
            states = np.concatenate([states, summed], axis=1)
        of_replicates = plan.values(states, items)
        is_jackknife = self.resampling.method is Method.JACKKNIFE
        of_double = plan.values(2 * whole, items) if is_jackknife else {}
        interval = _METHODS[self.resampling.method]
        by_the_graph = _by_the_graph(plan)
        found = {}
        for name, column in of_replicates.items():
            if name in by_the_graph or not _is_numbers(column):
                continue
            value = np.asarray(values[name], np.float64)
            each = np.asarray(column, np.float64).reshape(slices, number)
            if is_jackknife:
                each = each * _growth(value, of_double[name], number)[:, None]
            found[name] = interval(value, each, self.level)
        return found


def why_none(plan: Plan, name: MetricName, column: Any) -> str:
    """Why a metric has no intervals.

    Args:
        name: of the metric, as the plan has it.
        column: its values, `[slices, ...]`.
    """
    if name in _by_the_graph(plan):
        return BY_THE_GRAPH
    return A_COUNT if _is_numbers(column) else NOT_A_NUMBER


def _by_the_graph(plan: Plan) -> set[str]:
    return {metric.name for metric in plan.metrics if not metric.path.is_cut}


def _growth(value: Floats, of_double: Any, number: int) -> Floats:
    """What the values of all but one of the partitions are to be multiplied by.

    A total, which is twice as much of twice the rows, misses a share of them.
    """
    with np.errstate(invalid="ignore"):
        is_total = (value != 0) & np.isclose(of_double, 2 * value, rtol=1e-6, atol=0)
    return np.where(is_total, number / (number - 1), 1.0)


def _is_numbers(column: Any) -> bool:
    return bool(column.ndim == 1 and column.dtype.kind in "biuf")
