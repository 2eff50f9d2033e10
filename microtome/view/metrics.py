"""What a report tells of each metric: its names, its kind, which way it is better."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

from microtome.proto import config_pb2
from microtome.results.names import EXAMPLE_COUNT, EXAMPLE_WEIGHT
from microtome.results.records import label
from microtome.tracking.direction import higher_is_better
from microtome.view.definitions import definition_of
from microtome.view.texts import clean

# output, sub-key, name
MetricPath: TypeAlias = tuple[str, str, str]

_PREFIX = "post_export_metrics/"
_DIFF = "_diff"
_AT_THRESHOLD = re.compile(r"(.*[^/@])@([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)")
_COUNT = re.compile(
    r"(^|/)((weighted_)?example_(count|weight)|(true|false)_(positives|negatives))(@.*)?$"
)
_BETTER = {True: "up", False: "down", None: "none"}
_COMPLEX = {
    "confusionMatrixAtThresholds": "matrix",
    "multiClassConfusionMatrixAtThresholds": "matrix",
    "valueAtCutoffs": "cutoffs",
    "arrayValue": "array",
    "bytesValue": "text",
    "debugMessage": "text",
}


def metric_id(path: MetricPath) -> str:
    """The id of a metric in reports: `output/metric (sub-key)`."""
    return clean(label(*path))


def describe(path: MetricPath, known: Collection[MetricPath], kind: str) -> dict[str, Any]:
    """What a report tells of a metric.

    Args:
        path: Output, sub-key and name.
        known: All metrics: a name in `_diff` is a difference where there is one without.
        kind: As the report's schema names kinds; `float` may turn out to be `count`.
    """
    output, sub_key, name = (clean(part) for part in path)
    is_diff = name.endswith(_DIFF) and (output, sub_key, name.removesuffix(_DIFF)) in known
    base = name.removesuffix(_DIFF) if is_diff else name
    short = base.removeprefix(_PREFIX)
    key = {"name": base, "output": output, "sub_key": sub_key, "is_diff": is_diff}
    found: dict[str, Any] = {
        "id": metric_id(path),
        "label": label(output, sub_key, name.removeprefix(_PREFIX)),
        "key": {part: value for part, value in key.items() if value or part == "name"},
        "kind": "count" if kind == "float" and _COUNT.search(base) and not is_diff else kind,
        # of what is not one number there is no better
        "better": _BETTER[higher_is_better(base.partition("@")[0])] if kind == "float" else "none",
    }
    definition = definition_of(short)
    if definition:
        found["doc"] = (
            f"Difference to the baseline. {definition.text}" if is_diff else (definition.text)
        )
        if definition.range:
            low, high = definition.range
            found["range"] = [low - high, high - low] if is_diff else [low, high]
    at = _AT_THRESHOLD.fullmatch(base)
    if at and math.isfinite(float(at[2])) and not is_diff:
        found["family"] = label(output, sub_key, at[1].rpartition("/")[2])
        found["threshold"] = float(at[2])
    return found


def complex_kind(value: Mapping[str, Any]) -> str:
    """The kind of a value, proto3 JSON of `MetricValue`, that is not one number."""
    return next((kind for field, kind in _COMPLEX.items() if field in value), "other")


def weight_metric(
    paths: Iterable[MetricPath], config: config_pb2.EvalConfig | None, named: str | None = None
) -> str | None:
    """The id of the metric that holds the (weighted) number of examples; None if there is none.

    That is the one named; else the sum of the weights, where the config names a feature for them;
    else the number of examples. A metric whose name ends in `/` and the wanted name will do.
    """
    listed = sorted(paths)
    counts, weights = (EXAMPLE_COUNT, "example_count"), (EXAMPLE_WEIGHT, "weighted_example_count")
    wanted = (*weights, *counts) if _is_weighted(config) else (*counts, *weights)
    for name in (named,) if named else wanted:
        for matches in (
            [path for path in listed if name in (metric_id(path), path[2])],
            [path for path in listed if path[2].endswith(f"/{name}")],
        ):
            if matches:
                return metric_id(matches[0])
    return weight_metric(listed, config) if named else None


def _is_weighted(config: config_pb2.EvalConfig | None) -> bool:
    specs = list(config.model_specs) if config else []
    candidates = [spec for spec in specs if not spec.is_baseline] or specs
    return bool(candidates) and bool(
        candidates[0].example_weight_key or candidates[0].example_weight_keys
    )
