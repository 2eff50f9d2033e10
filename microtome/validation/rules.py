"""From the thresholds of a config to rules, each of one metric in the slices of one spec."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias, cast

from microtome.errors import ConfigError
from microtome.messages import nearest
from microtome.metrics.collection import Computation, value_keys
from microtome.metrics.keys import MetricKey
from microtome.metrics.specs import (
    MakeMetric,
    ModelColumns,
    chosen_models,
    comparison_name,
    computations_of,
    registered_metric,
)
from microtome.metrics.views import FEATURES, LABELS, PREDICTIONS, Source
from microtome.proto.config_pb2 import (
    LOWER_IS_BETTER,
    CrossSlicingSpec,
    EvalConfig,
    MetricConfig,
    MetricsSpec,
    MetricThreshold,
    SlicingSpec,
    Validation,
)
from microtome.results.metric_keys import MetricName
from microtome.results.records import label, place_of, places_of
from microtome.results.slice_keys import AnySliceKey, CrossSliceKey, is_cross_slice_key
from microtome.slicing.cross_spec import CrossSliceSpec
from microtome.slicing.keys import SliceKey
from microtome.slicing.spec import SingleSliceSpec

VALUE_LOWER = "value_lower"
VALUE_UPPER = "value_upper"
CHANGE_ABSOLUTE = "change_absolute"
CHANGE_RELATIVE = "change_relative"

SpecProto: TypeAlias = SlicingSpec | CrossSlicingSpec
# thresholds with the slices that each is of; None: every single slice
_Sliced: TypeAlias = Iterator[tuple[SpecProto | None, MetricThreshold]]


@dataclasses.dataclass(frozen=True)
class Bound:
    """One limit of a threshold.

    Attributes:
        rule: `value_lower`, `value_upper`, `change_absolute` or `change_relative`.
        limit: The limit.
        is_lower: Whether what is below fails, rather than what is above.
    """

    rule: str
    limit: float
    is_lower: bool

    @property
    def is_change(self) -> bool:
        """Whether the change against a baseline is held to it."""
        return self.rule in (CHANGE_ABSOLUTE, CHANGE_RELATIVE)

    def holds(self, number: float) -> bool:
        """Whether a number keeps the limit; NaN does not."""
        return number >= self.limit if self.is_lower else number <= self.limit


@dataclasses.dataclass(frozen=True)
class Rule:
    """A threshold of a metric, in the slices of a spec.

    Attributes:
        key: Names the metric's value; of a model that is no baseline.
        bounds: The limits: of the value, or of the change.
        spec: The slices; None: every single slice.
        threshold: The message with these bounds alone, serialized.
        whole_interval: Whether the whole confidence interval must keep the bounds.
        name: Of the metric, where its key alone does not tell it from others.
    """

    key: MetricKey
    bounds: tuple[Bound, ...]
    spec: SingleSliceSpec | CrossSliceSpec | None
    threshold: bytes
    whole_interval: bool = False
    name: str = ""

    @property
    def is_change(self) -> bool:
        """Whether it is of the change against a baseline."""
        return self.bounds[0].is_change

    @property
    def metric(self) -> str:
        """The metric as results name it."""
        return self.name or label(*place_of(self.key)[1:])

    def is_of(self, key: AnySliceKey) -> bool:
        """Whether it is checked in a slice."""
        if is_cross_slice_key(key):
            baseline, comparison = cast(CrossSliceKey, key)
            return (
                isinstance(self.spec, CrossSliceSpec)
                and self.spec.is_baseline(baseline)
                and self.spec.is_compared(comparison)
            )
        if isinstance(self.spec, CrossSliceSpec):
            return False
        return self.spec is None or self.spec.is_slice_applicable(cast(SliceKey, key))


@dataclasses.dataclass(frozen=True)
class Rules:
    """All that a result is held to.

    Attributes:
        rules: Those that can be checked, each once.
        baseline: Name of the model that others are compared with; None without one.
        unapplied: Rules of changes, where there is no baseline.
        on_missing_baseline: What these mean.
    """

    rules: tuple[Rule, ...] = ()
    baseline: str | None = None
    unapplied: tuple[Rule, ...] = ()
    on_missing_baseline: Validation.OnMissingBaseline = Validation.VALUE_THRESHOLDS_ONLY

    def __bool__(self) -> bool:
        return bool(self.rules or self.unapplied)


NO_RULES = Rules()


def rules_of(
    config: EvalConfig,
    models: Sequence[ModelColumns] | None = None,
    make: MakeMetric = registered_metric,
    known: Sequence[MetricName] | None = None,
    is_complete: bool = True,
) -> Rules:
    """The rules of a config.

    Args:
        config: The thresholds.
        models: Those that are evaluated; by default as the config alone declares them.
        make: Makes a metric of a config.
        known: Metrics of a slice; by default those that the config names.
        is_complete: Whether these are all of them.

    Raises:
        ConfigError: Names all thresholds of metrics that are not there.
    """
    models = _declared_models(config) if models is None else models
    # what alone is called a baseline is one of nothing
    baselines = [model.name for model in models if model.is_baseline and len(models) > 1]
    baseline = next(iter(baselines), None)
    if known is None:
        known, is_complete = _configured_keys(config, models, make), False
    problems: list[str] = []
    found: dict[Any, Rule] = {}
    for keys_of, sliced in _thresholds(config, models, make, known, is_complete):
        try:
            keys = keys_of()
        except ConfigError as error:
            problems.append(str(error))
            continue
        for spec, threshold in sliced:
            for key in keys:
                for rule in _rules(key, spec, threshold) if key.model_name != baseline else ():
                    found.setdefault(
                        (rule.key, rule.spec, rule.threshold, rule.whole_interval), rule
                    )
    if problems:
        raise ConfigError("\n  ".join(["The thresholds cannot be checked:", *problems]))
    is_applied: dict[bool, list[Rule]] = {True: [], False: []}
    for rule in _told_apart(list(found.values())):
        is_applied[baseline is not None or not rule.is_change].append(rule)
    return Rules(
        tuple(is_applied[True]),
        baseline,
        tuple(is_applied[False]),
        config.validation.on_missing_baseline,
    )


def rules_of_comparisons(
    config: EvalConfig, make: MakeMetric = registered_metric
) -> tuple[Rule, ...]:
    """The rules of metrics that compare models: of no use where there is no baseline."""
    of_metrics = [
        (comparison_name(metric, make), metric)
        for spec in config.metrics_specs
        for metric in spec.metrics
    ]
    asked = [(name, pair) for name, metric in of_metrics if name for pair in _of_metric(metric)]
    names = {name for name, _ in of_metrics if name}
    asked += [
        (name, pair)
        for spec in config.metrics_specs
        for _, name, sliced in _of_names(spec)
        if name in names
        for pair in sliced
    ]
    return tuple(rule for name, pair in asked for rule in _rules(MetricKey(name), *pair))


def _told_apart(rules: Sequence[Rule]) -> list[Rule]:
    """Rules whose names tell their metrics apart, by weights and, of several models, by model."""
    keys = list(dict.fromkeys(rule.key for rule in rules))
    has_models = len({key.model_name for key in keys}) > 1
    names = {
        key: label(*place[1:]) + (f" ({place.model_name})" if has_models else "")
        for key, place in zip(keys, places_of(keys), strict=True)
    }
    return [dataclasses.replace(rule, name=names[rule.key]) for rule in rules]


def bounds_of(threshold: MetricThreshold) -> Iterator[tuple[Bound, ...]]:
    """The limits of the value, and those of the change, if there are any.

    A bound that is not set is infinite: such a threshold still asks for a number.
    """
    if threshold.HasField("value_threshold"):
        value = threshold.value_threshold
        lower = [Bound(VALUE_LOWER, value.lower_bound.value, True)]
        upper = [Bound(VALUE_UPPER, value.upper_bound.value, False)]
        yield tuple(
            [
                *(lower if value.HasField("lower_bound") else []),
                *(upper if value.HasField("upper_bound") else []),
            ]
            or [Bound(VALUE_LOWER, -math.inf, True)]
        )
    if threshold.HasField("change_threshold"):
        change = threshold.change_threshold
        is_lower = change.direction != LOWER_IS_BETTER
        absolute = [Bound(CHANGE_ABSOLUTE, change.absolute.value, is_lower)]
        relative = [Bound(CHANGE_RELATIVE, change.relative.value, is_lower)]
        yield tuple(
            [
                *(absolute if change.HasField("absolute") else []),
                *(relative if change.HasField("relative") else []),
            ]
            or [Bound(CHANGE_ABSOLUTE, -math.inf if is_lower else math.inf, is_lower)]
        )


def _configured_keys(
    config: EvalConfig, models: Sequence[ModelColumns], make: MakeMetric
) -> list[MetricKey]:
    """The keys of the metrics that a config names, as far as they can be made."""
    keys: list[MetricKey] = []
    for spec in config.metrics_specs:
        for metric in spec.metrics:
            with contextlib.suppress(ConfigError):
                items = computations_of(spec, metric, models, make)
                keys += [key for item in items for key in value_keys(item)]
    return keys


def _rules(key: MetricKey, proto: SpecProto | None, threshold: MetricThreshold) -> Iterator[Rule]:
    spec: SingleSliceSpec | CrossSliceSpec | None = None
    if isinstance(proto, CrossSlicingSpec):
        spec = CrossSliceSpec.from_proto(proto)
    elif proto is not None:
        spec = SingleSliceSpec.from_proto(proto)
    for bounds in bounds_of(threshold):
        alone = MetricThreshold()
        if bounds[0].is_change:
            alone.change_threshold.CopyFrom(threshold.change_threshold)
        else:
            alone.value_threshold.CopyFrom(threshold.value_threshold)
        serialized = alone.SerializeToString(deterministic=True)
        yield Rule(key, bounds, spec, serialized, threshold.whole_interval)


def _thresholds(
    config: EvalConfig,
    models: Sequence[ModelColumns],
    make: MakeMetric,
    known: Sequence[MetricName],
    is_complete: bool,
) -> Iterator[tuple[Callable[[], list[MetricKey]], _Sliced]]:
    """What gives the keys of a metric, with the metric's thresholds."""
    for number, spec in enumerate(config.metrics_specs):
        for place, name, sliced in _of_names(spec):
            where = f"metrics_specs[{number}].{place}"
            keys_of = functools.partial(_named_keys, where, spec, name, models, known, is_complete)
            yield keys_of, sliced
        for index, metric in enumerate(spec.metrics):
            if _has_thresholds(metric):
                where = f"metrics_specs[{number}].metrics[{index}]"
                keys_of = functools.partial(_metric_keys, where, spec, metric, models, make)
                yield keys_of, _of_metric(metric)


def _has_thresholds(metric: MetricConfig) -> bool:
    """Whether a metric outside a graph has thresholds."""
    return (
        metric.HasField("threshold")
        or bool(metric.per_slice_thresholds)
        or bool(metric.cross_slice_thresholds)
    )


def _of_names(spec: MetricsSpec) -> Iterator[tuple[str, str, _Sliced]]:
    for name, threshold in sorted(spec.thresholds.items()):
        yield "thresholds", name, iter([(None, threshold)])
    for name, of_slices in sorted(spec.per_slice_thresholds.items()):
        yield (
            "per_slice_thresholds",
            name,
            ((s, item.threshold) for item in of_slices.thresholds for s in item.slicing_specs),
        )
    for name, of_pairs in sorted(spec.cross_slice_thresholds.items()):
        yield (
            "cross_slice_thresholds",
            name,
            ((s, item.threshold) for item in of_pairs.thresholds for s in item.cross_slicing_specs),
        )


def _of_metric(metric: MetricConfig) -> _Sliced:
    if metric.HasField("threshold"):
        yield None, metric.threshold
    for of_slices in metric.per_slice_thresholds:
        yield from ((spec, of_slices.threshold) for spec in of_slices.slicing_specs)
    for of_pairs in metric.cross_slice_thresholds:
        yield from ((spec, of_pairs.threshold) for spec in of_pairs.cross_slicing_specs)


def _named_keys(
    place: str,
    spec: MetricsSpec,
    name: str,
    models: Sequence[ModelColumns],
    known: Sequence[MetricName],
    is_complete: bool,
) -> list[MetricKey]:
    """The keys of a metric that is given by its name: of a model's graph, or else of others."""
    of_models = [model.name for model in chosen_models(spec, models)]
    outputs = list(spec.output_names)
    keys: list[MetricKey] = []
    for each in known:
        if isinstance(each, str):
            keys += [MetricKey(each, model) for model in of_models]
        elif each.model_name in ("", *of_models) and (not outputs or each.output_name in outputs):
            keys.append(each)
    found = [key for key in keys if key.name == name]
    in_graph = [key for key in found if key.example_weighted is None]
    if not found and not is_complete:
        return [MetricKey(name, model, output) for model in of_models for output in outputs or [""]]
    if not found:
        names = sorted({key.name for key in keys})
        raise ConfigError(
            f"{place}[{name!r}]: there is no metric {name!r}{_nearest(name, names)}; there is: "
            f"{', '.join(names) or 'none'}."
        )
    return in_graph or found


def _nearest(name: str, names: Sequence[str]) -> str:
    same = [other for other in names if other.casefold() == name.casefold()]
    if same:
        return f" (did you mean {same[0]!r}? Names differ in upper and lower case)"
    return nearest(name, names)


def _metric_keys(
    place: str,
    spec: MetricsSpec,
    metric: MetricConfig,
    models: Sequence[ModelColumns],
    make: MakeMetric,
) -> list[MetricKey]:
    try:
        items = computations_of(spec, metric, models, make)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from error
    return [key for item in items for key in _keys_of(place, metric.class_name, item)]


def _keys_of(place: str, class_name: str, item: Computation) -> list[MetricKey]:
    if item.metric.is_plot:
        raise ConfigError(
            f"{place}: {class_name} is a plot, which is no number to hold to a threshold. Put the "
            "threshold on a metric."
        )
    keys = value_keys(item)
    same = [key for key in keys if key.name == item.key.name]
    if not same:
        raise ConfigError(
            f"{place}: {class_name} gives values of several names, of which the threshold names "
            "none. Put it into metrics_specs.thresholds, by one of these names: "
            f"{', '.join(sorted({key.name for key in keys}))}."
        )
    return same


def _declared_models(config: EvalConfig) -> list[ModelColumns]:
    """The models as a config tells of them, without a look at any."""
    specs = list(config.model_specs)
    if not specs:
        return [_columns("", _outputs(config, ()), weighted=False)]
    return [
        _columns(
            spec.name if len(specs) > 1 else "",
            _outputs(config, [*spec.label_keys, *spec.prediction_keys]),
            weighted=bool(spec.example_weight_key or spec.example_weight_keys),
            is_baseline=spec.is_baseline,
        )
        for spec in specs
    ]


def _outputs(config: EvalConfig, declared: Sequence[str]) -> list[str]:
    named = [name for spec in config.metrics_specs for name in spec.output_names]
    return list(dict.fromkeys([*declared, *named])) or [""]


def _columns(
    name: str, outputs: Sequence[str], weighted: bool, is_baseline: bool = False
) -> ModelColumns:
    return ModelColumns(
        labels={"": Source(LABELS, "")},
        predictions={output: Source(PREDICTIONS, output, name) for output in outputs},
        weights={"": Source(FEATURES, "")} if weighted else {},
        name=name,
        is_baseline=is_baseline,
    )
