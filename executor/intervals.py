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
    from microtome.executor.subject import Plan

DEFAULT_LEVEL = 0.95
# why a metric has no intervals
A_COUNT = "it counts what is there"
NOT_A_NUMBER = "it is not one number"
BY_THE_GRAPH = "the model's graph computes it on the rows of each slice, which are not resampled"


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
        """The states of whole slices and, resampled, those of their partitions or replicates.

        Args:
            sums: float64 `[slices, plan.width + num_replicates × plan.of_replicates.layout.width]`.
        """
        return sums[:, : plan.width], sums[:, plan.width :]

    def of(
        self, plan: Plan, whole: Floats, resampled: Floats, values: Mapping[MetricName, Any]
    ) -> dict[MetricName, Interval]:
        """The intervals of all metrics that can have some.

        Args:
            whole, resampled: from `parted`.
            values: of the metrics, `[slices, ...]`, from `plan.values(whole)`.
        """
        found: dict[MetricName, Interval] = {}
        of_replicates = self._of_replicates(plan, resampled)
        by_the_graph = set(plan.uncut)
        for name, each in of_replicates.items():
            if name not in by_the_graph:
                value = np.asarray(values[name], np.float64)
                found[name] = self._interval(value, each)
        if self.closed_forms:
            found.update(plan.closed_forms(whole, self.level))
        return found

    def _interval(self, value: Floats, each: Floats) -> Interval:
        """Of `[slices]` and `[slices, 1 + num_replicates]`, of which the first is of all rows."""
        if self.resampling.method is Method.POISSON_BOOTSTRAP:
            return poisson_bootstrap(value, each, self.level)
        whole, leave_one_out = each[:, 0], each[:, 1:]
        found = jackknife(whole, leave_one_out, self.level)
        # replicates may have fewer thresholds
        shift = value - whole
        return found._replace(lower=found.lower + shift, upper=found.upper + shift)

    def _of_replicates(self, plan: Plan, resampled: Floats) -> dict[MetricName, Floats]:
        """Numbers, `[slices, num_replicates]`; of the jackknife that of all rows stands before."""
        narrow = plan.of_replicates
        replicates = self.resampling.replicates(resampled)
        slices, number, width = replicates.shape
        is_jackknife = self.resampling.method is Method.JACKKNIFE
        if is_jackknife:
            whole = resampled.reshape(replicates.shape).sum(axis=1, keepdims=True)
            replicates = np.concatenate([whole, 2 * whole, replicates], axis=1)
        states = replicates.reshape(-1, width)
        if plan.summed_width:
            # of metrics that have no intervals
            summed = np.zeros((len(states), plan.summed_width))
            states = np.concatenate([states, summed], axis=1)
        items = narrow.collection.with_intervals(narrow.collection_sums(states[:1]))
        columns = narrow.values(states, items)
        found: dict[MetricName, Floats] = {}
        for name, column in columns.items():
            if _is_numbers(column):
                each = np.asarray(column, np.float64).reshape(slices, -1)
                found[name] = _scaled(each, number) if is_jackknife else each
        return found


def why_none(plan: Plan, name: MetricName, column: Any) -> str:
    """Why a metric has no intervals.

    Args:
        name: of the metric, as the plan has it.
        column: its values, `[slices, ...]`.
    """
    if name in plan.uncut:
        return BY_THE_GRAPH
    return A_COUNT if _is_numbers(column) else NOT_A_NUMBER


def _scaled(each: Floats, number: int) -> Floats:
    """Numbers of all rows, and of all but those of each partition.

    A total, which is twice as much of twice the rows, misses a share of them in each.

    Args:
        each: `[slices, 2 + number]`, the numbers of all rows, of all rows twice, and of the others.
    """
    value, of_double, others = each[:, :1], each[:, 1:2], each[:, 2:]
    with np.errstate(invalid="ignore"):
        is_total = (value != 0) & np.isclose(of_double, 2 * value, rtol=1e-6, atol=0)
    growth = np.where(is_total, number / (number - 1), 1.0)
    return np.concatenate([value, growth * others], axis=1)


def _is_numbers(column: Any) -> bool:
    return bool(column.ndim == 1 and column.dtype.kind in "biuf")
