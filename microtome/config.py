"""The configuration of an evaluation: `EvalConfig`, read strictly and checked before anything runs.

Example:
    config = parse_eval_config('model_specs {} slicing_specs { feature_keys: "carrier" }')
    check_supported(config)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from microtome import strict_proto
from microtome.errors import ConfigError
from microtome.proto.config_pb2 import (
    ConfidenceIntervalOptions,
    EvalConfig,
    HistoryCheck,
    SlicingSpec,
    Tracking,
    Validation,
)
from microtome.slicing.spec import SingleSliceSpec
from microtome.threshold_problems import threshold_problems

# The number from which on fields are Microtome's own, unknown to TFMA.
OWN_FIELDS = 100
DEFAULT_MAX_TRACKED_SLICES = 1000
# names of a model and of the one that it is compared with, where the config names neither
CANDIDATE_KEY = "candidate"
BASELINE_KEY = "baseline"
# each is a state of every slice
MAX_REPLICATES = 1000

# Fields that Microtome knows and does not act on yet, and what to say of them. A field leaves this
# table when it is supported.
_NOT_YET = {
    "model_specs.padding_options": "",
    "model_specs.inference_batch_size": "set options.batch_size",
    "slicing_specs.slice_keys_sql": "name the features in feature_keys",
    "cross_slicing_specs.baseline_spec.slice_keys_sql": "name the features in feature_keys",
    "cross_slicing_specs.slicing_specs.slice_keys_sql": "name the features in feature_keys",
    "metrics_specs.output_weights": "evaluate each output on its own",
    **{
        f"metrics_specs.{where}.slice_keys_sql": "name the features in feature_keys"
        for where in (
            "per_slice_thresholds.thresholds.slicing_specs",
            "cross_slice_thresholds.thresholds.cross_slicing_specs.baseline_spec",
            "cross_slice_thresholds.thresholds.cross_slicing_specs.slicing_specs",
            "metrics.per_slice_thresholds.slicing_specs",
            "metrics.cross_slice_thresholds.cross_slicing_specs.baseline_spec",
            "metrics.cross_slice_thresholds.cross_slicing_specs.slicing_specs",
        )
    },
    "options.disabled_outputs": "all results are written",
    "tracking.slicing_specs.slice_keys_sql": "name the features in feature_keys",
    "tracking.history_checks.slicing_specs.slice_keys_sql": "name the features in feature_keys",
}


def _is_drop(value: Any) -> bool:
    return math.isfinite(value.value) and value.value >= 0


# Fields that some values would make meaningless: the test, and what is wanted.
_VALID_VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "options.min_slice_size": (lambda size: size.value >= 0, "0 or more"),
    "options.batch_size": (lambda size: size >= 0, "0 or more"),
    "options.confidence_intervals.method": (
        lambda value: value in ConfidenceIntervalOptions.ConfidenceIntervalMethod.values(),
        "JACKKNIFE or POISSON_BOOTSTRAP",
    ),
    "options.confidence_intervals.level": (
        lambda level: 0 <= level < 1,
        "between 0 and 1, such as 0.95",
    ),
    "options.confidence_intervals.num_replicates": (
        lambda number: number == 0 or 2 <= number <= MAX_REPLICATES,
        f"from 2 to {MAX_REPLICATES}, or 0 for 20",
    ),
    "validation.on_missing_baseline": (
        lambda value: value in Validation.OnMissingBaseline.values(),
        " or ".join(Validation.OnMissingBaseline.keys()),
    ),
    "tracking.max_slices": (lambda count: count >= 0, "0 or more"),
    "tracking.publish": (
        lambda value: value in Tracking.Publish.values(),
        " or ".join(Tracking.Publish.keys()),
    ),
    "tracking.on_history_failure": (
        lambda value: value in Tracking.OnHistoryFailure.values(),
        " or ".join(Tracking.OnHistoryFailure.keys()),
    ),
    "tracking.history_checks.reference": (
        lambda value: value in HistoryCheck.Reference.values(),
        " or ".join(HistoryCheck.Reference.keys()),
    ),
    "tracking.history_checks.last_runs": (lambda count: count >= 0, "0 or more"),
    "tracking.history_checks.min_examples": (lambda count: count >= 0, "0 or more"),
    "tracking.history_checks.max_relative_drop": (_is_drop, "0 or a number above"),
    "tracking.history_checks.max_absolute_drop": (_is_drop, "0 or a number above"),
}


def parse_eval_config(config: EvalConfig | Message | Mapping[str, Any] | str | bytes) -> EvalConfig:
    """Reads a configuration from any of the forms in which users hold it.

    Args:
        config: An `EvalConfig` of Microtome's or of TFMA's; a mapping as in proto3 JSON, with
            camelCase or snake_case names; a string of JSON or of the protobuf text format; bytes of
            such a string or of a serialized message.

    Returns:
        A new message. It is not checked beyond its form: see `check_supported`.

    Raises:
        ConfigError: A field is unknown (its path and the nearest known name are in the message), or
            has a value of a wrong type.
    """
    return strict_proto.parse_message(config, EvalConfig)


def eval_config_to_json(config: EvalConfig) -> str:
    """The configuration as one line of proto3 JSON, the same for equal configurations."""
    return str(json_format.MessageToJson(config, indent=None, sort_keys=True))


def check_supported(config: EvalConfig) -> None:
    """Refuses a configuration of which any part would be without effect.

    Raises:
        ConfigError: Names every field at once that is set and not supported yet, or that has a
            value without meaning.
    """
    problems = []
    invalid = [
        *_invalid_values(config),
        *_slicing_problems(config),
        *_interval_problems(config),
        *_tracking_problems(config),
        *_history_problems(config),
        *threshold_problems(config),
    ]
    if invalid:
        problems.append(_listed("The configuration of the evaluation is not meaningful:", invalid))
    unsupported = list(_unsupported_fields(config))
    if unsupported:
        heading = "The configuration of the evaluation sets what Microtome does not support yet:"
        problems.append(_listed(heading, unsupported))
        problems.append("Remove these settings to evaluate without them.")
    if problems:
        raise ConfigError("\n".join(problems))


def slice_specs(config: EvalConfig) -> list[SingleSliceSpec]:
    """The slices to compute, each spec once; the overall slice where none is configured.

    Raises:
        ConfigError: A spec contradicts itself.
    """
    protos = config.slicing_specs or [SlicingSpec()]
    # A spec given twice would count its rows twice.
    return list(dict.fromkeys(SingleSliceSpec.from_proto(proto) for proto in protos))


def shown_model(config: EvalConfig) -> str | None:
    """The model that a result shows where none is asked for: the first that is no baseline.

    None where there is only one.
    """
    names = [spec.name for spec in config.model_specs if not spec.is_baseline]
    return names[0] if names and len(config.model_specs) > 1 else None


def max_tracked_slices(config: EvalConfig) -> int:
    """The most slices of one evaluation that are recorded in ML Metadata."""
    return config.tracking.max_slices or DEFAULT_MAX_TRACKED_SLICES


def _unsupported_fields(config: EvalConfig) -> Iterator[str]:
    for path, place, _ in strict_proto.walk(config):
        if path in _NOT_YET:
            note = _NOT_YET[path]
            yield f"{place}: {note}" if note else place


def _invalid_values(config: EvalConfig) -> Iterator[str]:
    for path, place, value in strict_proto.walk(config):
        if path in _VALID_VALUES:
            valid, which = _VALID_VALUES[path]
            if not valid(value):
                yield f"{place}: must be {which}"


def _interval_problems(config: EvalConfig) -> Iterator[str]:
    """Settings of intervals that are not asked for have no effect."""
    options = config.options
    is_said = options.HasField("compute_confidence_intervals")
    if options.HasField("confidence_intervals") and not is_said:
        yield (
            "options.confidence_intervals: no intervals are asked for; set "
            "options.compute_confidence_intervals to true or, to keep these settings for later, "
            "to false"
        )


def _slicing_problems(config: EvalConfig) -> Iterator[str]:
    specs = {
        "slicing_specs": config.slicing_specs,
        "tracking.slicing_specs": config.tracking.slicing_specs,
        **{
            f"cross_slicing_specs[{index}].baseline_spec": [cross.baseline_spec]
            for index, cross in enumerate(config.cross_slicing_specs)
        },
        **{
            f"cross_slicing_specs[{index}].slicing_specs": cross.slicing_specs
            for index, cross in enumerate(config.cross_slicing_specs)
        },
        **{
            f"tracking.history_checks[{index}].slicing_specs": check.slicing_specs
            for index, check in enumerate(config.tracking.history_checks)
        },
    }
    for where, protos in specs.items():
        for index, proto in enumerate(protos):
            try:
                SingleSliceSpec.from_proto(strict_proto.without_field(proto, "slice_keys_sql"))
            except ConfigError as error:
                yield f"{where}[{index}]: {error}"


def _tracking_problems(config: EvalConfig) -> Iterator[str]:
    """Tracked slices must be among those that are computed."""
    computed = sorted({_columns(proto) for proto in config.slicing_specs} or {()})
    there = ", ".join(map(_shown, computed))
    for index, proto in enumerate(config.tracking.slicing_specs):
        if _columns(proto) not in computed:
            wanted = f"no slices by {_shown(_columns(proto))} are computed"
            yield f"tracking.slicing_specs[{index}]: {wanted}; slicing_specs gives: {there}"


def _history_problems(config: EvalConfig) -> Iterator[str]:
    """A check needs a tracked metric, a limit, and slices that are tracked."""
    tracking = config.tracking
    for index, check in enumerate(tracking.history_checks):
        place = f"tracking.history_checks[{index}]"
        if not check.metric:
            yield f"{place}: names no metric; set `metric`"
        elif tracking.metrics and check.metric not in tracking.metrics:
            yield (
                f"{place}.metric: {check.metric!r} is not tracked; tracking.metrics names: "
                f"{', '.join(tracking.metrics)}"
            )
        if not (check.HasField("max_relative_drop") or check.HasField("max_absolute_drop")):
            yield f"{place}: sets no limit; set max_relative_drop or max_absolute_drop, or both"
        if check.last_runs and check.reference not in (HistoryCheck.BEST, HistoryCheck.MEAN):
            yield f"{place}.last_runs: only BEST and MEAN are of several runs"
        for number, proto in enumerate(check.slicing_specs):
            if not _are_tracked(_columns(proto), config):
                yield (
                    f"{place}.slicing_specs[{number}]: slices by {_shown(_columns(proto))} are "
                    "not tracked; add them to slicing_specs and tracking.slicing_specs"
                )
    if tracking.on_history_failure and not tracking.history_checks:
        yield "tracking.on_history_failure: there are no tracking.history_checks that could fail"


def _are_tracked(columns: tuple[str, ...], config: EvalConfig) -> bool:
    if columns not in ({_columns(proto) for proto in config.slicing_specs} or {()}):
        return False
    tracked = config.tracking.slicing_specs
    return any(_columns(proto) == columns for proto in tracked) if tracked else len(columns) <= 1


def _columns(proto: SlicingSpec) -> tuple[str, ...]:
    return tuple(sorted({*proto.feature_keys, *proto.feature_values, *proto.buckets}))


def _shown(columns: tuple[str, ...]) -> str:
    return " × ".join(columns) if columns else "nothing (Overall)"


def _listed(heading: str, lines: list[str]) -> str:
    return "\n  ".join([heading, *lines])
