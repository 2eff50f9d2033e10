"""Which slices of a result differ from another beyond noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import pandas as pd

from microtome.config import shown_model
from microtome.errors import ConfigError
from microtome.messages import nearest
from microtome.results.records import example_count, is_of_model, label, named_values
from microtome.results.slice_keys import (
    AnySliceKey,
    is_cross_slice_key,
    record_slice_key,
    slice_text,
)
from microtome.slicing.keys import SliceKey, stringify_slice_key
from microtome.statistics.comparisons import Estimates, compare
from microtome.statistics.intervals import Bounds
from microtome.statistics.multiple import benjamini_hochberg

if TYPE_CHECKING:
    from microtome.results.eval_result import EvalResult


class _Estimate(NamedTuple):
    value: float
    bounds: Bounds | None
    examples: float


def compare_slices(
    result: EvalResult,
    metric: str,
    baseline: AnySliceKey,
    level: float,
    fdr: float,
    model_name: str | None,
) -> pd.DataFrame:
    """See `EvalResult.compare_slices`."""
    for name, share in (("level", level), ("fdr", fdr)):
        if not 0 < share < 1:
            raise ConfigError(f"{name} is {share!r}; it must lie between 0 and 1.")
    found = _estimates(result, metric, model_name)
    text = slice_text(baseline)
    base = found.pop(cast(SliceKey, baseline), None)
    if base is None:
        raise ConfigError(f"The result has no metric {metric!r} of the slice {text!r}.")
    if base.bounds is None:
        raise ConfigError(
            f"{metric!r} of {text!r} has no confidence interval, so that "
            "noise is not known. Evaluate with options.compute_confidence_intervals; "
            "run.json says why a metric has none all the same."
        )
    keys = list(found)
    estimates = list(found.values())
    errors = [np.nan if item.bounds is None else item.bounds.standard_error for item in estimates]
    differences = compare(
        Estimates(
            np.array([item.value for item in estimates], np.float64),
            np.array(errors, np.float64),
            np.array([item.examples for item in estimates], np.float64),
            np.array([set(baseline) <= set(key) for key in keys], bool),
        ),
        base.value,
        base.bounds,
        base.examples,
        level,
    )
    q_values = benjamini_hochberg(differences.p_values)
    frame = pd.DataFrame(
        {
            "slice": pd.Series([stringify_slice_key(key) for key in keys], dtype=object),
            "example_count": [item.examples for item in estimates],
            "value": [item.value for item in estimates],
            "baseline_value": base.value,
            "difference": differences.differences,
            "lower_bound": differences.lower,
            "upper_bound": differences.upper,
            "p_value": differences.p_values,
            "q_value": q_values,
            "differs": q_values <= fdr,
            "effect_lower_bound": differences.effect_lower_bounds,
        }
    )
    columns = ["effect_lower_bound", "p_value", "slice"]
    return frame.sort_values(columns, ascending=[False, True, True], ignore_index=True)


def _estimates(
    result: EvalResult, metric: str, model_name: str | None
) -> dict[SliceKey, _Estimate]:
    """The estimates of a metric, by slice.

    Raises:
        ConfigError: there are none, or those of several models.
    """
    # it loads what this module compares
    from microtome.results.loader import load_metrics

    if not result.output_path:
        raise ConfigError(
            "The result was not loaded from a directory, and only there standard errors stand."
        )
    if model_name is None and result.config is not None:
        model_name = shown_model(result.config)
    found: dict[SliceKey, _Estimate] = {}
    names: set[str] = set()
    models: set[str] = set()
    for record in load_metrics(result.output_path):
        key = record_slice_key(record)
        items = list(named_values(record))
        names.update(label(item.output_name, item.sub_key, item.name) for item in items)
        for item in items:
            is_wanted = is_of_model(item.model_name, model_name)
            if is_cross_slice_key(key) or not is_wanted:
                continue
            if label(item.output_name, item.sub_key, item.name) != metric:
                continue
            models.add(item.model_name)
            count = example_count(items)
            if item.message.WhichOneof("type") == "double_value" and count is not None:
                value = item.message.double_value.value
                found[cast(SliceKey, key)] = _Estimate(value, item.bounds(), count)
    if len(models) > 1:
        listed = ", ".join(map(repr, sorted(models)))
        raise ConfigError(
            f"Several models have the metric {metric!r}; give one as model_name: {listed}."
        )
    if not found:
        raise ConfigError(
            f"There is no metric {metric!r} that is a number{nearest(metric, names)}; the result "
            f"has: {', '.join(sorted(names)) or 'none'}."
        )
    return found
