"""The cases of TFMA's threshold rules: values of slices, a threshold, and what is expected."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

OVERALL: tuple = ()
GERMANY = (("country", "de"),)
FRANCE = (("country", "fr"),)
CROSSED = (GERMANY, FRANCE)
SINGLE = {"model_specs": [{}]}
TWO = {"model_specs": [{"name": "candidate"}, {"name": "baseline", "is_baseline": True}]}
HIGHER, LOWER = "HIGHER_IS_BETTER", "LOWER_IS_BETTER"
OF_COUNTRY = {"slicing_specs": [{"feature_keys": ["country"]}]}
OF_GERMANY = {"slicing_specs": [{"feature_values": {"country": "de"}}]}
OF_PAIRS = {
    "cross_slicing_specs": [
        {
            "baseline_spec": {"feature_values": {"country": "de"}},
            "slicing_specs": [{"feature_keys": ["country"]}],
        }
    ]
}


@dataclasses.dataclass(frozen=True)
class Case:
    """A case.

    Attributes:
        name: Of the case.
        threshold: `MetricThreshold`.
        slices: By slice the value; of two models (candidate's, baseline's).
        verdict: The expected one.
        rules: Rules of the expected failures, sorted.
        where: Slices that the threshold is of; None: all.
        tfma: What TFMA's `validation_ok` is where it differs from BLESSED, and why.
    """

    name: str
    threshold: dict[str, Any]
    slices: dict[tuple, Any]
    verdict: str
    rules: tuple[str, ...] = ()
    where: dict[str, Any] | None = None
    tfma: tuple[bool, str] | None = None

    @property
    def has_baseline(self) -> bool:
        return any(isinstance(value, tuple) for value in self.slices.values())


def value(**bounds: float) -> dict[str, Any]:
    return {"value_threshold": bounds}


def change(direction: str, **limits: float) -> dict[str, Any]:
    return {"change_threshold": {"direction": direction, **limits}}


OK, NOT = "BLESSED", "NOT_BLESSED"
ZERO = "TFMA divides by the baseline's zero: NaN fails every limit"
NEGATIVE = "TFMA divides by a negative baseline, which turns the direction round"
CROSSES = "TFMA's combined verdict looks for pairs among single slices, and misses every pair"

CASES = [
    Case("lower bound kept", value(lower_bound=0.7), {OVERALL: 0.8}, OK),
    Case("lower bound broken", value(lower_bound=0.7), {OVERALL: 0.6}, NOT, ("value_lower",)),
    Case("lower bound met", value(lower_bound=0.75), {OVERALL: 0.75}, OK),
    Case("upper bound kept", value(upper_bound=1), {OVERALL: 0.5}, OK),
    Case("upper bound broken", value(upper_bound=1), {OVERALL: 1.5}, NOT, ("value_upper",)),
    Case("upper bound met", value(upper_bound=0.5), {OVERALL: 0.5}, OK),
    Case("a NaN", value(upper_bound=1), {OVERALL: math.nan}, NOT, ("value_upper",)),
    Case(
        "no slices named: all",
        value(lower_bound=0.7),
        {OVERALL: 0.8, GERMANY: 0.6, FRANCE: 0.9},
        NOT,
        ("value_lower",),
    ),
    Case(
        "of other slices",
        value(lower_bound=0.7),
        {OVERALL: 0.1, GERMANY: 0.8},
        OK,
        where=OF_COUNTRY,
    ),
    Case(
        "of one slice of several",
        value(lower_bound=0.7),
        {GERMANY: 0.6, FRANCE: 0.8},
        NOT,
        ("value_lower",),
        where=OF_GERMANY,
    ),
    Case(
        "a slice is missing",
        value(lower_bound=0.7),
        {OVERALL: 0.8, FRANCE: 0.8},
        NOT,
        ("missing_slice",),
        where=OF_GERMANY,
    ),
    Case("the metric is missing", value(lower_bound=0), {OVERALL: None}, NOT, ("missing_metric",)),
    Case("no examples", value(lower_bound=0), {}, NOT, ("no_examples",)),
    Case(
        "lower is better: absolute kept",
        change(LOWER, absolute=-1),
        {OVERALL: (0.0, 1.5)},
        OK,
    ),
    Case(
        "lower is better: absolute broken",
        change(LOWER, absolute=-1),
        {OVERALL: (0.333, 0.4)},
        NOT,
        ("change_absolute",),
    ),
    Case(
        "lower is better: relative kept",
        change(LOWER, relative=0),
        {OVERALL: (0.333, 0.4)},
        OK,
    ),
    Case(
        "lower is better: relative broken",
        change(LOWER, relative=-0.2),
        {OVERALL: (0.333, 0.4)},
        NOT,
        ("change_relative",),
    ),
    Case(
        "higher is better: both kept",
        change(HIGHER, absolute=-1, relative=-1),
        {OVERALL: (0.333, 0.4)},
        OK,
    ),
    Case(
        "higher is better: both broken",
        change(HIGHER, absolute=0, relative=0),
        {OVERALL: (0.333, 0.4)},
        NOT,
        ("change_absolute", "change_relative"),
    ),
    Case(
        "both met by no change",
        change(HIGHER, absolute=0, relative=0),
        {OVERALL: (0.5, 0.5)},
        OK,
    ),
    Case(
        "of a zero baseline: absolute alone",
        change(HIGHER, absolute=0.05),
        {OVERALL: (0.1, 0.0)},
        OK,
        tfma=(False, ZERO),
    ),
    Case(
        "of a zero baseline: absolute alone, broken",
        change(HIGHER, absolute=0.2),
        {OVERALL: (0.1, 0.0)},
        NOT,
        ("change_absolute",),
    ),
    Case(
        "of a zero baseline: relative, in its direction",
        change(HIGHER, relative=0.1),
        {OVERALL: (0.1, 0.0)},
        OK,
        tfma=(False, ZERO),
    ),
    Case(
        "of a zero baseline: relative, against its direction",
        change(LOWER, relative=0.1),
        {OVERALL: (0.1, 0.0)},
        NOT,
        ("change_relative",),
    ),
    Case(
        "of a negative baseline: better",
        change(HIGHER, relative=0.1),
        {OVERALL: (-5.0, -10.0)},
        OK,
        tfma=(False, NEGATIVE),
    ),
    Case(
        "of a negative baseline: worse",
        change(HIGHER, relative=0.1),
        {OVERALL: (-15.0, -10.0)},
        NOT,
        ("change_relative",),
        tfma=(True, NEGATIVE),
    ),
    Case(
        "crossed slices: kept",
        value(upper_bound=1),
        {OVERALL: 5.0, CROSSED: 0.0},
        OK,
        where=OF_PAIRS,
        tfma=(False, CROSSES),
    ),
    Case(
        "crossed slices: broken",
        value(upper_bound=1),
        {OVERALL: 0.0, CROSSED: 1.5},
        NOT,
        ("value_upper",),
        where=OF_PAIRS,
    ),
    Case(
        "crossed slices: another pair",
        value(upper_bound=1),
        {OVERALL: 0.0, (FRANCE, GERMANY): 1.5},
        NOT,
        ("missing_cross_slice",),
        where=OF_PAIRS,
    ),
    Case(
        "thresholds of single slices are not of crossed ones",
        value(upper_bound=1),
        {OVERALL: 0.0, CROSSED: 1.5},
        OK,
    ),
]
