"""Holds the slices of a result against the rules of its config, one by one, to a verdict."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from microtome.config import OWN_FIELDS
from microtome.proto import config_pb2, result_pb2
from microtome.results.metric_keys import metric_key_to_proto
from microtome.results.slice_keys import (
    AnySliceKey,
    CrossSliceKey,
    is_cross_slice_key,
    record_slice_key,
    short_key,
    slice_key_to_proto,
    slice_text,
)
from microtome.results.verdict import (
    BLESSED,
    NO_THRESHOLDS,
    NOT_BLESSED,
    NOT_VALIDATED,
    Reason,
    Verdict,
    reason_of,
)
from microtome.slicing.cross_spec import CrossSliceSpec
from microtome.slicing.keys import SliceKey
from microtome.slicing.spec import SingleSliceSpec
from microtome.strict_proto import without_fields_from
from microtome.validation import checks
from microtome.validation.rules import Rule, Rules

MISSING_SLICE = "missing_slice"
MISSING_CROSS_SLICE = "missing_cross_slice"
NO_EXAMPLES = "no_examples"
NO_BASELINE = "no_baseline"

# checks that are listed one by one in a verdict: those that failed, and those that passed, of the
# largest slices
MAX_FAILURES = MAX_PASSED = 10_000

_Spec = SingleSliceSpec | CrossSliceSpec


@dataclasses.dataclass(frozen=True)
class _Check:
    """One bound of a rule in a slice."""

    key: AnySliceKey
    size: float
    rule: Rule
    reason: Reason
    value: float | None


def validate(records: Iterable[result_pb2.MetricsForSlice], rules: Rules) -> Verdict:
    """The verdict on a result.

    Args:
        records: A record each slice, as `microtome.load_metrics` reads them.
        rules: Of the result's config.
    """
    validator = Validator(rules)
    validator.add(records)
    return validator.verdict()


class Validator:
    """Takes the slices of a result as they come, and gives the verdict.

    See `microtome.results.writer.Judge`.
    """

    def __init__(self, rules: Rules):
        self._rules = rules
        self._of_specs: dict[_Spec | None, list[Rule]] = {}
        for rule in rules.rules:
            self._of_specs.setdefault(rule.spec, []).append(rule)
        self._matching = dict.fromkeys(self._of_specs, 0)
        self._withheld = dict.fromkeys(self._of_specs, 0)
        self._slices = 0
        self._checked: dict[Rule, int] = dict.fromkeys(rules.rules, 0)
        self._failed: dict[Rule, int] = dict.fromkeys(rules.rules, 0)
        self._failures: list[_Check] = []
        self._passed: list[_Check] = []
        self._settled: Verdict | None = None

    @property
    def has_rules(self) -> bool:
        """Whether there are thresholds."""
        return bool(self._rules)

    def add(self, records: Iterable[result_pb2.MetricsForSlice | bytes]) -> None:
        """Checks slices, one record each."""
        if not self._rules:
            return
        self._settled = None
        for record in records:
            if isinstance(record, bytes):
                record = result_pb2.MetricsForSlice.FromString(record)
            self._slices += 1
            self._add(record)

    def verdict(self) -> Verdict:
        """The verdict on all slices that came."""
        if self._settled is None:
            self._settled = self._judged()
        return self._settled

    def _judged(self) -> Verdict:
        if not self._rules:
            why = reason_of(NO_THRESHOLDS, "The config has no thresholds.", failed=False)
            return Verdict(NOT_VALIDATED, (why,))
        reasons = [*map(_told, _in_order(self._failures)), *self._general_reasons()]
        is_failed = any(reason["failed"] for reason in reasons)
        is_decided = bool(self._rules.rules) or self._on_missing == "BLESS"
        verdict = Verdict(
            NOT_BLESSED if is_failed else BLESSED if is_decided else NOT_VALIDATED,
            tuple(sorted(reasons, key=lambda reason: not reason["failed"])),
            sum(self._checked.values()),
            sum(self._failed.values()),
            self._rules.baseline,
            self._on_missing if self._rules.unapplied else "",
            tuple(map(_told, _in_order(self._passed)[:MAX_PASSED])),
        )
        return verdict.first_failures(MAX_FAILURES)

    def validation_result(self) -> result_pb2.ValidationResult:
        """The verdict in TFMA's form; what stands in `validations*.tfrecord`."""
        verdict = self.verdict()
        message = result_pb2.ValidationResult(
            validation_ok=verdict.is_blessed,
            missing_thresholds=verdict.verdict == NOT_VALIDATED,
            rubber_stamp=bool(self._rules.unapplied),
        )
        of_slices: dict[AnySliceKey, dict[tuple[Any, ...], _Check]] = {}
        for failure in _in_order(self._failures):
            # both bounds of a threshold are one failure there
            which = failure.rule.key, failure.rule.threshold
            of_slices.setdefault(failure.key, {}).setdefault(which, failure)
        for key, failures in of_slices.items():
            record = message.metric_validations_per_slice.add()
            _set_key(record, key)
            for failure in failures.values():
                _fill(record.failures.add(), failure)
        for spec, count in self._matching.items():
            details = message.validation_details.slicing_details.add(num_matching_slices=count)
            if isinstance(spec, CrossSliceSpec):
                details.cross_slicing_spec.CopyFrom(_cross_proto(spec))
                if not count:
                    message.missing_cross_slices.append(_cross_proto(spec))
            else:
                details.slicing_spec.CopyFrom(_single_proto(spec))
                if not count:
                    message.missing_slices.append(_single_proto(spec))
        return message

    @property
    def _on_missing(self) -> str:
        value = self._rules.on_missing_baseline
        return str(config_pb2.Validation.OnMissingBaseline.Name(value))

    def _add(self, record: result_pb2.MetricsForSlice) -> None:
        # floats as they are written in a spec
        key = short_key(record_slice_key(record))
        applied = {spec: rules for spec, rules in self._of_specs.items() if rules[0].is_of(key)}
        if not applied:
            return
        metrics = checks.metrics_of_record(record)
        counts = self._withheld if metrics is None else self._matching
        for spec in applied:
            counts[spec] += 1
        if metrics is None:
            return
        size = checks.count_of(metrics)
        # specs may ask for the same of one slice
        wanted = {
            (rule.key, rule.threshold, rule.whole_interval): rule
            for rules in reversed(applied.values())
            for rule in rules
        }
        for rule in wanted.values():
            self._check(key, size, rule, metrics)

    def _check(
        self, key: AnySliceKey, size: float | None, rule: Rule, metrics: checks.SliceMetrics
    ) -> None:
        for outcome in checks.outcomes(rule, metrics, self._rules.baseline):
            self._checked[rule] += 1
            is_failed = outcome.reason["failed"]
            self._failed[rule] += is_failed
            order = math.inf if key == () else 0.0 if size is None or math.isnan(size) else size
            reason = dict(outcome.reason)
            if size is not None and math.isfinite(size):
                reason["examples"] = int(size)
            checked = self._failures if is_failed else self._passed
            checked.append(_Check(key, order, rule, reason, outcome.value))
        if len(self._passed) > 2 * MAX_PASSED:
            self._passed = _in_order(self._passed)[:MAX_PASSED]

    def _general_reasons(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        if not self._slices:
            why = "There are no examples, so no slices: nothing can be held to the thresholds."
            found.append(reason_of(NO_EXAMPLES, why, failed=True))
        else:
            found += [self._missing(s) for s, count in self._matching.items() if not count]
        if self._rules.unapplied:
            found.append(self._no_baseline())
        return [*found, *(self._counted(rule) for rule in self._rules.rules if self._checked[rule])]

    def _missing(self, spec: _Spec | None) -> dict[str, Any]:
        name = "the data" if spec is None else spec_text(spec)
        rule = MISSING_CROSS_SLICE if isinstance(spec, CrossSliceSpec) else MISSING_SLICE
        why = (
            "all of its slices are withheld for their few examples"
            if self._withheld[spec]
            else "the data has no such slice"
        )
        metrics = ", ".join(dict.fromkeys(rule.metric for rule in self._of_specs[spec]))
        message = f"{name}: a threshold of {metrics} is of it, but {why}."
        return reason_of(rule, message, failed=True, slice=name, metric=metrics)

    def _no_baseline(self) -> dict[str, Any]:
        metrics = ", ".join(dict.fromkeys(rule.metric for rule in self._rules.unapplied))
        text = {
            "VALUE_THRESHOLDS_ONLY": "only the thresholds of values decide",
            "BLOCK": "the model is not blessed",
            "BLESS": "the thresholds of changes pass",
        }[self._on_missing]
        message = (
            f"There is no baseline to hold changes of {metrics} against. As "
            f"validation.on_missing_baseline is {self._on_missing}, {text}."
        )
        return reason_of(NO_BASELINE, message, failed=self._on_missing == "BLOCK", metric=metrics)

    def _counted(self, rule: Rule) -> dict[str, Any]:
        checked, failed = self._checked[rule], self._failed[rule]
        where = "all slices" if rule.spec is None else spec_text(rule.spec)
        limits = " and ".join(rule_text(rule))
        message = f"{rule.metric} {limits} in {where}: {checked} checked, {failed} failed."
        return reason_of("checked", message, failed=False, metric=rule.metric, count=checked)


def _in_order(checks_made: Iterable[_Check]) -> list[_Check]:
    """Checks, those of the largest slices first."""
    return sorted(checks_made, key=lambda check: -check.size)


def _told(check: _Check) -> dict[str, Any]:
    """The reason that a check is, with its slice."""
    name = slice_text(check.key)
    told = dict(check.reason)
    message = f"{name}: {told.pop('message')}"
    head = {"rule": told.pop("rule"), "failed": told.pop("failed"), "slice": name}
    return {**head, **told, "message": message}


def combined(verdict: Verdict, history: str, reasons: Sequence[Mapping[str, Any]]) -> Verdict:
    """One verdict of thresholds and of the tracked history: neither may speak against the model.

    Args:
        verdict: Of the thresholds.
        history: The verdict of `microtome.tracking.history_checks`.
        reasons: Its reasons.
    """
    if not reasons:
        return verdict
    both = {verdict.verdict, history}
    result = next((one for one in (NOT_BLESSED, BLESSED) if one in both), NOT_VALIDATED)
    own = [] if verdict.is_unasked else list(verdict.reasons)
    told = sorted([*own, *map(dict, reasons)], key=lambda reason: not reason["failed"])
    return dataclasses.replace(verdict, verdict=result, reasons=tuple(told))


def spec_text(spec: _Spec) -> str:
    """A spec for people: `carrier, hour=5`."""
    if isinstance(spec, CrossSliceSpec):
        compared = "; ".join(map(spec_text, spec.comparisons)) or "all others"
        return f"{compared} against {spec_text(spec.baseline)}"
    fixed = [f"{name}={value}" for name, value in spec.feature_texts]
    return ", ".join([*spec.columns, *spec.buckets, *fixed]) or "Overall"


def rule_text(rule: Rule) -> list[str]:
    """The limits of a rule for people: `>= 0.7`, `change <= 1 %`."""
    found = []
    for bound in rule.bounds:
        sign = ">=" if bound.is_lower else "<="
        what = "change " if bound.is_change else ""
        is_share = bound.rule == "change_relative"
        limit = f"{100 * bound.limit:.6g} %" if is_share else f"{bound.limit:.6g}"
        found.append(f"{what}{sign} {limit}")
    return [*found[:-1], f"{found[-1]} (whole interval)"] if rule.whole_interval else found


def _set_key(record: result_pb2.MetricsValidationForSlice, key: AnySliceKey) -> None:
    if is_cross_slice_key(key):
        baseline, comparison = cast(CrossSliceKey, key)
        record.cross_slice_key.baseline_slice_key.CopyFrom(slice_key_to_proto(baseline))
        record.cross_slice_key.comparison_slice_key.CopyFrom(slice_key_to_proto(comparison))
    else:
        record.slice_key.CopyFrom(slice_key_to_proto(cast(SliceKey, key)))


def _fill(message: result_pb2.ValidationFailure, failure: _Check) -> None:
    key = failure.rule.key
    if failure.rule.is_change:
        key = key._replace(is_diff=True)
    message.metric_key.CopyFrom(metric_key_to_proto(key))
    message.metric_threshold.ParseFromString(failure.rule.threshold)
    if failure.value is not None:
        message.metric_value.double_value.value = failure.value
    message.message = failure.reason["message"]


def _single_proto(spec: SingleSliceSpec | None) -> config_pb2.SlicingSpec:
    """A spec without the fields that TFMA does not know; a feature in buckets still slices."""
    if spec is None:
        return config_pb2.SlicingSpec()
    proto = without_fields_from(spec.to_proto(), OWN_FIELDS)
    proto.feature_keys.extend(spec.buckets)
    return proto


def _cross_proto(spec: CrossSliceSpec) -> config_pb2.CrossSlicingSpec:
    return config_pb2.CrossSlicingSpec(
        baseline_spec=_single_proto(spec.baseline),
        slicing_specs=map(_single_proto, spec.comparisons),
    )
