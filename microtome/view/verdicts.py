"""Verdicts on models, of TFMA's validation and of the tracked history, as a report has them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from google.protobuf import json_format

from microtome.errors import MicrotomeError
from microtome.proto import config_pb2, result_pb2
from microtome.results import files, names
from microtome.results.eval_result import EvalResult
from microtome.results.loader import load_validation_result
from microtome.results.records import label, metric_name, sub_key_text
from microtome.results.slice_keys import record_slice_key, short_key, slice_text
from microtome.results.values import number_of, to_json
from microtome.tracking import schema
from microtome.view.texts import clean, clean_json

_FIELDS = ("rule", "slice", "metric", "message")
_NUMBERS = {
    "value": "value",
    "limit": "limit",
    "lower": "lower",
    "upper": "upper",
    "baseline": "reference_value",
}


def of_reasons(
    verdict: str, reasons: Sequence[Mapping[str, Any]], shown: Callable[[str], str] = str
) -> dict[str, Any]:
    """The verdict of the tracked history.

    Args:
        verdict: One of the schema's verdicts.
        reasons: As `microtome.tracking.history_checks` tells of them.
        shown: The name in the report of a slice that is named as text.
    """
    found = []
    for reason in reasons:
        one: dict[str, Any] = {"failed": bool(reason.get("failed"))}
        one |= {name: clean(str(reason[name])) for name in _FIELDS if reason.get(name)}
        if "slice" in one:
            one["slice"] = shown(one["slice"])
        one |= {name: _number(reason[known]) for name, known in _NUMBERS.items() if known in reason}
        found.append(one)
    known = (schema.BLESSED, schema.NOT_BLESSED)
    return {"verdict": verdict if verdict in known else schema.NOT_VALIDATED, "reasons": found}


def of_validation(validation: result_pb2.ValidationResult) -> dict[str, Any]:
    """The verdict that TFMA's thresholds led to."""
    found: dict[str, Any] = {"verdict": schema.NOT_BLESSED, "reasons": []}
    if validation.validation_ok:
        found["verdict"] = schema.BLESSED
    elif validation.missing_thresholds:
        found["verdict"] = schema.NOT_VALIDATED
        found["note"] = "No threshold is configured for any metric."
    for record in validation.metric_validations_per_slice:
        name = clean(slice_text(short_key(record_slice_key(record))))
        found["reasons"] += [_failure(name, failure) for failure in record.failures]
    missing = [_spec_text(spec) for spec in validation.missing_slices]
    missing += [
        f"{', '.join(map(_spec_text, cross.slicing_specs))} against "
        f"{_spec_text(cross.baseline_spec)}"
        for cross in validation.missing_cross_slices
    ]
    if missing:
        found["missing_slices"] = missing
    if validation.rubber_stamp:
        found["note"] = "There was no baseline to compare with: change thresholds were not applied."
    return found


def of_result(result: EvalResult) -> dict[str, Any] | None:
    """The verdict on a result; None if there is none, or nothing was to be validated."""
    if result.verdict is not None and not result.verdict.is_unasked:
        return of_reasons(*result.verdict.told())
    return _of_folder(result.output_path) if result.output_path else None


def _of_folder(path: str) -> dict[str, Any] | None:
    """The verdict that lies beside results without `verdict.json`; None if there is none.

    A verdict that cannot be read is told as a note.
    """
    try:
        found = files.list_names(path) or []
        if names.TRACKING in found:
            content = json.loads(files.read_file(files.join(path, names.TRACKING)))
            return of_reasons(content[schema.VERDICT], content[schema.REASONS])
        if names.record_files(found, names.VALIDATIONS, "tfrecord") or names.record_files(
            found, names.VALIDATIONS, "parquet"
        ):
            return of_validation(load_validation_result(path))
    except (MicrotomeError, ValueError, KeyError, TypeError, OSError) as error:
        note = f"The verdict cannot be read: {error}"
        return {"verdict": schema.NOT_VALIDATED, "reasons": [], "note": clean(note)}
    return None


def _failure(slice_name: str, failure: result_pb2.ValidationFailure) -> dict[str, Any]:
    key = failure.metric_key
    value = number_of(to_json(failure.metric_value))
    found = {
        "failed": True,
        "slice": slice_name,
        "metric": clean(label(key.output_name, sub_key_text(key.sub_key), metric_name(key))),
        "value": _number(value),
        **dict(_limits(failure.metric_threshold, value)),
    }
    if failure.message:
        found["message"] = clean(failure.message)
    return found


def _limits(threshold: Any, value: float | None) -> Iterator[tuple[str, Any]]:
    """What a value was held to: the rule, its bounds, and the one that it broke."""
    if threshold.HasField("value_threshold"):
        bounds = threshold.value_threshold
        lower = bounds.lower_bound.value if bounds.HasField("lower_bound") else None
        upper = bounds.upper_bound.value if bounds.HasField("upper_bound") else None
        is_above = value is not None and upper is not None and value > upper
        yield "rule", "value_upper" if is_above or lower is None else "value_lower"
        yield "limit", upper if is_above or lower is None else lower
        yield from (pair for pair in (("lower", lower), ("upper", upper)) if pair[1] is not None)
    elif threshold.HasField("change_threshold"):
        change = threshold.change_threshold
        kind = "relative" if change.HasField("relative") else "absolute"
        yield "rule", f"change_{kind}"
        if change.HasField(kind):
            yield "limit", _number(getattr(change, kind).value)


def _spec_text(spec: config_pb2.SlicingSpec) -> str:
    """A slicing spec for people: `carrier, hour=5`."""
    parts = [
        *spec.feature_keys,
        *(f"{name}={v}" for name, v in sorted(spec.feature_values.items())),
    ]
    if spec.slice_keys_sql:
        parts.append(spec.slice_keys_sql)
    if spec.buckets:
        parts.append(json.dumps(clean_json(json_format.MessageToDict(spec)["buckets"])))
    return clean(", ".join(parts)) or "Overall"


def _number(value: Any) -> float | None:
    """A finite number, or None; texts such as `NaN` are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None
