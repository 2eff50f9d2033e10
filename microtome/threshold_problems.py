"""What is wrong with the thresholds of a config, as far as the config alone tells."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from microtome import strict_proto
from microtome.errors import ConfigError
from microtome.proto.config_pb2 import (
    CrossSlicingSpec,
    EvalConfig,
    MetricConfig,
    MetricDirection,
    MetricsSpec,
    MetricThreshold,
    SlicingSpec,
)
from microtome.slicing.cross_spec import CrossSliceSpec
from microtome.slicing.spec import SingleSliceSpec

# thresholds with their places, and the specs that they are of with theirs
_Placed = Iterator[tuple[str, MetricThreshold]]
_Single = Iterator[tuple[str, list[SlicingSpec]]]
_Crossed = Iterator[tuple[str, list[CrossSlicingSpec]]]


def threshold_problems(config: EvalConfig) -> Iterator[str]:
    """Yields a line for each problem: its place, and what to do."""
    for number, spec in enumerate(config.metrics_specs):
        place = f"metrics_specs[{number}]"
        for where, threshold in _thresholds(place, spec):
            yield from _limit_problems(where, threshold, config)
        for where, singles in _single_specs(place, spec):
            if not singles:
                yield f"{where}: names no slices; set slicing_specs ({{}} is Overall)"
            for index, single in enumerate(singles):
                yield from _single_problems(f"{where}.slicing_specs[{index}]", single, config)
        for where, pairs in _cross_specs(place, spec):
            if not pairs:
                yield f"{where}: names no slices; set cross_slicing_specs"
            for index, pair in enumerate(pairs):
                yield from _cross_problems(f"{where}.cross_slicing_specs[{index}]", pair, config)


def _thresholds(place: str, spec: MetricsSpec) -> _Placed:
    for name, threshold in sorted(spec.thresholds.items()):
        yield f"{place}.thresholds[{name!r}]", threshold
    for name, singles in sorted(spec.per_slice_thresholds.items()):
        for index, single in enumerate(singles.thresholds):
            yield f"{place}.per_slice_thresholds[{name!r}][{index}]", single.threshold
    for name, pairs in sorted(spec.cross_slice_thresholds.items()):
        for index, pair in enumerate(pairs.thresholds):
            yield f"{place}.cross_slice_thresholds[{name!r}][{index}]", pair.threshold
    for where, metric in _metrics(place, spec):
        if metric.HasField("threshold"):
            yield f"{where}.threshold", metric.threshold
        for index, item in enumerate(metric.per_slice_thresholds):
            yield f"{where}.per_slice_thresholds[{index}]", item.threshold
        for index, other in enumerate(metric.cross_slice_thresholds):
            yield f"{where}.cross_slice_thresholds[{index}]", other.threshold


def _metrics(place: str, spec: MetricsSpec) -> Iterator[tuple[str, MetricConfig]]:
    return ((f"{place}.metrics[{index}]", metric) for index, metric in enumerate(spec.metrics))


def _single_specs(place: str, spec: MetricsSpec) -> _Single:
    for name, of_name in sorted(spec.per_slice_thresholds.items()):
        for index, item in enumerate(of_name.thresholds):
            yield f"{place}.per_slice_thresholds[{name!r}][{index}]", list(item.slicing_specs)
    for where, metric in _metrics(place, spec):
        for index, item in enumerate(metric.per_slice_thresholds):
            yield f"{where}.per_slice_thresholds[{index}]", list(item.slicing_specs)


def _cross_specs(place: str, spec: MetricsSpec) -> _Crossed:
    for name, of_name in sorted(spec.cross_slice_thresholds.items()):
        for index, item in enumerate(of_name.thresholds):
            where = f"{place}.cross_slice_thresholds[{name!r}][{index}]"
            yield where, list(item.cross_slicing_specs)
    for where, metric in _metrics(place, spec):
        for index, item in enumerate(metric.cross_slice_thresholds):
            yield f"{where}.cross_slice_thresholds[{index}]", list(item.cross_slicing_specs)


def _limit_problems(place: str, threshold: MetricThreshold, config: EvalConfig) -> Iterator[str]:
    value, change = threshold.value_threshold, threshold.change_threshold
    has_value = threshold.HasField("value_threshold")
    has_change = threshold.HasField("change_threshold")
    if not (has_value or has_change):
        yield f"{place}: sets no limit; set value_threshold or change_threshold, or both"
    for message, fields in ((value, ("lower_bound", "upper_bound")), (change, _CHANGES)):
        for field in fields:
            if message.HasField(field) and math.isnan(getattr(message, field).value):
                yield f"{place}: {field} is NaN; it must be a number"
    lower, upper = value.lower_bound, value.upper_bound
    is_both = value.HasField("lower_bound") and value.HasField("upper_bound")
    if is_both and lower.value > upper.value:
        yield f"{place}: lower_bound {lower.value:g} is above upper_bound {upper.value:g}"
    directions = (MetricDirection.LOWER_IS_BETTER, MetricDirection.HIGHER_IS_BETTER)
    if has_change and change.direction not in directions:
        yield (
            f"{place}.change_threshold: tells no direction; set direction: HIGHER_IS_BETTER or "
            "LOWER_IS_BETTER"
        )
    if threshold.whole_interval and not config.options.compute_confidence_intervals.value:
        yield (
            f"{place}.whole_interval: there are no intervals; set "
            "options.compute_confidence_intervals"
        )
    if threshold.whole_interval and "cross_slice" in place:
        yield (
            f"{place}.whole_interval: differences of slices have no intervals; hold the slices "
            "themselves to thresholds, or the value alone"
        )


_CHANGES = ("absolute", "relative")


def _single_problems(place: str, proto: SlicingSpec, config: EvalConfig) -> Iterator[str]:
    try:
        spec = SingleSliceSpec.from_proto(strict_proto.without_field(proto, "slice_keys_sql"))
        computed = _computed(config)
    except ConfigError as error:
        yield f"{place}: {error}"
        return
    if not any(_covers(one, spec) for one in computed):
        there = "; ".join(sorted({_shown(one) for one in computed}))
        yield (f"{place}: no slices of {_shown(spec)} are computed; slicing_specs gives: {there}")


def _cross_problems(place: str, proto: CrossSlicingSpec, config: EvalConfig) -> Iterator[str]:
    try:
        wanted = CrossSliceSpec.from_proto(proto)
        computed = list(map(CrossSliceSpec.from_proto, config.cross_slicing_specs))
    except ConfigError as error:
        yield f"{place}: {error}"
        return
    if not any(_covers_pairs(one, wanted) for one in computed):
        yield f"{place}: these slices are not compared; add them to cross_slicing_specs"


def _covers_pairs(computed: CrossSliceSpec, wanted: CrossSliceSpec) -> bool:
    if not _covers(computed.baseline, wanted.baseline):
        return False
    if not computed.comparisons:
        return True
    return bool(wanted.comparisons) and all(
        any(_covers(one, spec) for one in computed.comparisons) for spec in wanted.comparisons
    )


def _computed(config: EvalConfig) -> list[SingleSliceSpec]:
    """All slices that are computed, those that are compared too."""
    compared = ((pair.baseline_spec, *pair.slicing_specs) for pair in config.cross_slicing_specs)
    protos = config.slicing_specs or [SlicingSpec()]
    return [
        SingleSliceSpec.from_proto(strict_proto.without_field(proto, "slice_keys_sql"))
        for proto in itertools.chain(protos, *compared)
    ]


def _covers(computed: SingleSliceSpec, wanted: SingleSliceSpec) -> bool:
    """Whether slices of one spec can be those of another."""
    if computed.names != wanted.names:
        return False
    fixed = dict(computed.feature_texts)
    return all(fixed.get(name, text) == text for name, text in wanted.feature_texts)


def _shown(spec: SingleSliceSpec) -> str:
    fixed = dict(spec.feature_texts)
    names = [f"{name}={fixed[name]}" if name in fixed else name for name in sorted(spec.names)]
    return " × ".join(names) or "nothing (Overall)"
