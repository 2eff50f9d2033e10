"""One rule against the metrics of one slice."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from microtome.metrics.keys import MetricKey
from microtome.proto import result_pb2
from microtome.results.metric_keys import metric_key_from_proto
from microtome.results.records import EXAMPLE_COUNTS, WITHHELD
from microtome.results.values import number_of, to_json
from microtome.results.verdict import reason_of
from microtome.validation.rules import CHANGE_RELATIVE, Bound, Rule

MISSING_METRIC = "missing_metric"
NOT_A_NUMBER = "not_a_number"
NO_INTERVAL = "no_interval"

# lower and upper
Interval: TypeAlias = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Measured:
    """A metric's value in a slice.

    Attributes:
        number: None where the value is no single number.
        interval: Its confidence interval; None where the result has none.
    """

    number: float | None
    interval: Interval | None = None


SliceMetrics: TypeAlias = Mapping[MetricKey, Measured]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one bound of a rule in a slice.

    Attributes:
        reason: What is known of it, without the slice.
        value: What was held to the bound, for TFMA's form; None where there is nothing.
    """

    reason: Mapping[str, Any]
    value: float | None = None


def metrics_of_record(record: result_pb2.MetricsForSlice) -> dict[MetricKey, Measured] | None:
    """All metrics of a slice by key; None where they are withheld."""
    if WITHHELD in record.metrics:
        return None
    found = {MetricKey(name): _measured(value, None) for name, value in record.metrics.items()}
    for item in record.metric_keys_and_values:
        if item.key.name == WITHHELD:
            return None
        given = item.confidence_interval if item.HasField("confidence_interval") else None
        found[metric_key_from_proto(item.key)] = _measured(item.value, given)
    return found


def count_of(metrics: SliceMetrics) -> float | None:
    """The number of a slice's examples; None where no metric says it."""
    counts = {key.name: measured.number for key, measured in metrics.items()}
    return next((counts[name] for name in EXAMPLE_COUNTS if counts.get(name) is not None), None)


def outcomes(rule: Rule, metrics: SliceMetrics, baseline: str | None) -> Iterator[Outcome]:
    """Checks each bound of a rule.

    Args:
        rule: The rule.
        metrics: Those of the slice.
        baseline: Name of the model that changes are against.
    """
    if rule.is_change:
        yield from _of_change(rule, metrics, baseline)
    else:
        measured = metrics.get(rule.key)
        if measured is None:
            yield _missing(rule)
        else:
            for bound in rule.bounds:
                yield _checked(rule, bound, measured.number, measured.interval, {})


def _of_change(rule: Rule, metrics: SliceMetrics, baseline: str | None) -> Iterator[Outcome]:
    """The change is the difference in the result, or else that of the two values."""
    own = metrics.get(rule.key, Measured(None)).number
    other = metrics.get(rule.key._replace(model_name=baseline or ""), Measured(None)).number
    difference = metrics.get(rule.key._replace(is_diff=True))
    change = difference.number if difference is not None else None
    if change is None and own is not None and other is not None:
        change = own - other
    if change is None:
        text = "is not among the metrics" if own is None else "has no value of the baseline"
        yield Outcome(_reason(rule, MISSING_METRIC, text, {"value": own}))
        return
    if other is None and own is not None:
        other = own - change
    known = {"value": own, "reference_value": other, "change": change}
    interval = difference.interval if difference is not None else None
    for bound in rule.bounds:
        if bound.rule != CHANGE_RELATIVE:
            yield _checked(rule, bound, change, interval, known)
        elif other is None:
            yield Outcome(_reason(rule, MISSING_METRIC, "has no value of the baseline", known))
        else:
            shares = None if interval is None else _shares(interval, other)
            yield _checked(rule, bound, _share(change, other), shares, known)


def _share(change: float, baseline: float) -> float:
    """A change as a share of the baseline's magnitude.

    Of a baseline of zero any change is beyond measure: in the direction of its sign. None is 0.
    """
    if baseline == 0 and not math.isnan(change):
        return math.copysign(math.inf, change) if change else 0.0
    return change / abs(baseline)


def _shares(interval: Interval, baseline: float) -> Interval:
    return _share(interval[0], baseline), _share(interval[1], baseline)


def _checked(
    rule: Rule,
    bound: Bound,
    number: float | None,
    interval: Interval | None,
    known: Mapping[str, Any],
) -> Outcome:
    known = {"value": number, **known, "limit": bound.limit, "interval": interval}
    if number is None:
        return Outcome(_reason(rule, NOT_A_NUMBER, "is not one number", known))
    told = known["change"] if bound.is_change else number
    if math.isnan(number):
        what = "changed by NaN" if bound.is_change else "is NaN"
        return Outcome(_reason(rule, bound.rule, f"{what}, which no limit admits", known), told)
    if rule.whole_interval and interval is None:
        text = "has no confidence interval, which the threshold wants inside its limits"
        return Outcome(_reason(rule, NO_INTERVAL, text, known), told)
    if not _passes(bound, number, known):
        text = f"{_said(bound, number, known)}, not {_limit(bound)}"
        return Outcome(_reason(rule, bound.rule, text, known), told)
    if rule.whole_interval and interval is not None:
        end = interval[0] if bound.is_lower else interval[1]
        if not _passes(bound, end, known):
            where = f"[{interval[0]:.6g}, {interval[1]:.6g}]"
            text = f"has the interval {where}, not all of it {_limit(bound)}"
            return Outcome(_reason(rule, bound.rule, text, known), told)
    text = f"{_said(bound, number, known)}, {_limit(bound)}"
    return Outcome(_reason(rule, bound.rule, text, known, failed=False), told)


def _passes(bound: Bound, number: float, known: Mapping[str, Any]) -> bool:
    if bound.rule == CHANGE_RELATIVE and known["reference_value"] == 0:
        # a share of nothing: only the direction can be asked for
        return number >= 0 if bound.is_lower else number <= 0
    return bound.holds(number)


def _said(bound: Bound, number: float, known: Mapping[str, Any]) -> str:
    if not bound.is_change:
        return f"is {number:.6g}"
    base = "" if known["reference_value"] is None else f" from {known['reference_value']:.6g}"
    share = f" ({100 * number:.4g} %)" if _is_share(bound, number) else ""
    return f"changed by {known['change']:.6g}{share}{base}"


def _is_share(bound: Bound, number: float) -> bool:
    return bound.rule == CHANGE_RELATIVE and math.isfinite(number)


def _limit(bound: Bound) -> str:
    is_share = _is_share(bound, bound.limit)
    limit = f"{100 * bound.limit:.6g} %" if is_share else f"{bound.limit:.6g}"
    if bound.is_change:
        return f"by at {'least' if bound.is_lower else 'most'} {limit}"
    return f"at {'least' if bound.is_lower else 'most'} {limit}"


def _missing(rule: Rule) -> Outcome:
    return Outcome(_reason(rule, MISSING_METRIC, "is not among the metrics", {}))


def _reason(
    rule: Rule, name: str, text: str, known: Mapping[str, Any], failed: bool = True
) -> dict[str, Any]:
    return reason_of(name, f"{rule.metric} {text}.", failed=failed, metric=rule.metric, **known)


def _measured(
    value: result_pb2.MetricValue, given: result_pb2.ConfidenceInterval | None
) -> Measured:
    if given is not None:
        lower, upper = number_of(to_json(given.lower_bound)), number_of(to_json(given.upper_bound))
        if lower is not None and upper is not None:
            return Measured(number_of(to_json(value)), (lower, upper))
    bounded = value.bounded_value
    # other bounds are of a metric's own approximation, such as Riemann sums
    if bounded.methodology == result_pb2.BoundedValue.POISSON_BOOTSTRAP:
        return Measured(
            number_of(to_json(value)), (bounded.lower_bound.value, bounded.upper_bound.value)
        )
    return Measured(number_of(to_json(value)))
