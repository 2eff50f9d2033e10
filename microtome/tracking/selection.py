"""Which slices of an evaluation are recorded in ML Metadata, and what is recorded of each.

Synopsis:

    selection = select_slices(result_slices, eval_config)
    for record in selection.records:   # Overall first, then the largest
        record.slice_key, record.example_count, record.to_json()

Pure functions of values: nothing here knows TFX or ML Metadata.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import numpy as np

from microtome import config, strict_proto
from microtome.errors import ConfigError
from microtome.proto import config_pb2
from microtome.results.eval_result import EvalResult, count_of
from microtome.results.names import EXAMPLE_COUNT, EXAMPLE_WEIGHT
from microtome.results.records import WITHHELD
from microtome.results.slice_keys import AnySliceKey, is_cross_slice_key
from microtome.slicing.keys import SliceKey, stringify_slice_key
from microtome.slicing.spec import SingleSliceSpec
from microtome.tracking.schema import DECIMALS

# proto3's JSON writes them so; strict JSON has no such numbers
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclasses.dataclass(frozen=True)
class SliceRecord:
    """What is recorded of one slice.

    Attributes:
        key: The slice.
        metrics: Its recorded metrics by name, at full precision, as values that JSON can hold;
            NaN and the infinities are the strings `NaN`, `Infinity` and `-Infinity`.
        example_count: Its examples.
        example_weight: The sum of their weights.
    """

    key: SliceKey
    metrics: Mapping[str, Any]
    example_count: int
    example_weight: float

    @property
    def slice_key(self) -> str:
        """The slice as text, `Overall` for the whole data."""
        return stringify_slice_key(self.key)

    @property
    def slice_json(self) -> str:
        """The slice as a JSON list of [column, value], which tells the number 5 from the text."""
        pairs = [[column, json_value(value)] for column, value in self.key]
        # ML Metadata cannot store a backslash on PostgreSQL
        return json.dumps(pairs, ensure_ascii=False)

    def rounded_weight(self) -> float | None:
        """The sum of the weights, rounded as ML Metadata stores it; None unless it is finite."""
        finite = math.isfinite(self.example_weight)
        return round(self.example_weight, DECIMALS) if finite else None

    def doubles(self) -> dict[str, float]:
        """The metrics that are one finite number, rounded as ML Metadata stores them."""
        return {
            name: round(float(value), DECIMALS)
            for name, value in self.metrics.items()
            if isinstance(value, (int, float))
        }

    def to_json(self) -> dict[str, Any]:
        """The whole record as a dictionary for JSON."""
        return {
            "slice_key": self.slice_key,
            "slice": [[column, json_value(value)] for column, value in self.key],
            "example_count": self.example_count,
            "example_weight": json_value(self.example_weight),
            "metrics": dict(self.metrics),
        }


@dataclasses.dataclass(frozen=True)
class Selection:
    """The slices to record.

    Attributes:
        records: Overall first, then by falling number of examples.
        computed: How many slices the evaluation has.
        over_limit: How many more would be recorded if there were no limit.
        withheld: How many have too few examples to be shown.
    """

    records: tuple[SliceRecord, ...]
    computed: int
    over_limit: int
    withheld: int = 0

    @property
    def overall(self) -> SliceRecord | None:
        """The record of the whole data, if it is there."""
        return self.records[0] if self.records and not self.records[0].key else None

    def truncated(self, count: int) -> Selection:
        """The first `count` records only."""
        left_out = len(self.records) - count
        return dataclasses.replace(
            self, records=self.records[:count], over_limit=self.over_limit + left_out
        )

    def left_out_note(self) -> str:
        """What is not recorded, for people; empty if all is."""
        untracked = self.computed - len(self.records) - self.over_limit - self.withheld
        notes = []
        if self.over_limit:
            notes.append(f"the {_slices(self.over_limit)} with fewest examples, over the limit")
        if untracked:
            notes.append(f"{_slices(untracked)} that tracking does not name")
        if self.withheld:
            notes.append(f"{_slices(self.withheld)} with too few examples to be shown")
        return ", and ".join(notes)


def select_slices(
    slices: Iterable[tuple[AnySliceKey, Mapping[str, Any]]], eval_config: config_pb2.EvalConfig
) -> Selection:
    """Chooses the slices to record, as `eval_config.tracking` says.

    Args:
        slices: Every slice's key and its metrics' values by name. Comparisons of two slices
            are not recorded.
        eval_config: Its `tracking`: which slices (by default Overall and all of a single
            feature), which metrics (by default all), and how many slices at most.

    Raises:
        ConfigError: `tracking` names a metric that no slice has.
    """
    given = list(slices)
    everything = [(key, metrics) for key, metrics in given if WITHHELD not in metrics]
    tracking = eval_config.tracking
    specs = [SingleSliceSpec.from_proto(spec) for spec in tracking.slicing_specs]
    names = set(tracking.metrics)
    if everything:
        check_metrics(eval_config, {name for _, metrics in everything for name in metrics})
    records = [
        _record(cast(SliceKey, key), metrics, names)
        for key, metrics in everything
        if _is_tracked(key, specs) and EXAMPLE_COUNT in metrics
    ]
    records.sort(key=lambda record: (len(record.key) > 0, -record.example_count, record.slice_key))
    selection = Selection(
        tuple(records),
        computed=len(given),
        over_limit=0,
        withheld=len(given) - len(everything),
    )
    return selection.truncated(min(len(records), config.max_tracked_slices(eval_config)))


def counted_slices(result: EvalResult) -> Iterator[tuple[AnySliceKey, Mapping[str, Any]]]:
    """The slices of a result, with their count under one name; TFMA has it under others."""
    of_slices = zip(result.slicing_metrics, result.slices(), strict=True)
    for (_, metrics), (key, plain) in of_slices:
        count = count_of(metrics)
        known = count is not None and math.isfinite(count)
        yield key, {**plain, EXAMPLE_COUNT: count} if known else plain


def check_metrics(eval_config: config_pb2.EvalConfig, known: Iterable[str]) -> None:
    """Checks the metrics that `tracking` names, to record them or to check them.

    Args:
        eval_config: The config.
        known: The metrics that the evaluation computes.

    Raises:
        ConfigError: One of them is not computed.
    """
    known = sorted(known)
    tracking = eval_config.tracking
    wanted = {
        "tracking.metrics": tracking.metrics,
        "tracking.history_checks": [check.metric for check in tracking.history_checks],
    }
    for where, named in wanted.items():
        unknown = [name for name in named if name not in known]
        if unknown:
            hints = "".join(strict_proto.did_you_mean(name, known) for name in unknown)
            raise ConfigError(
                f"{where} names {', '.join(map(repr, unknown))}, which the evaluation does "
                f"not compute.{hints} It computes: {', '.join(known)}."
            )


def json_value(value: Any) -> Any:
    """A metric's value as JSON can hold it: arrays become lists, non-finite numbers strings."""
    if isinstance(value, np.ndarray):
        return json_value(value.tolist())
    if isinstance(value, np.generic):
        return json_value(value.item())
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(name): json_value(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(item) for item in value]
    return value


def number_of(value: Any) -> float | None:
    """The number that a recorded value is; None for all others (arrays, texts, true and false)."""
    if isinstance(value, str):
        return _NOT_FINITE.get(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number else None


def _slices(count: int) -> str:
    return "1 slice" if count == 1 else f"{count} slices"


def _is_tracked(key: AnySliceKey, specs: list[SingleSliceSpec]) -> bool:
    if is_cross_slice_key(key):
        return False
    if not specs:
        return len(key) <= 1
    return any(spec.is_slice_applicable(cast(SliceKey, key)) for spec in specs)


def _record(key: SliceKey, metrics: Mapping[str, Any], names: set[str]) -> SliceRecord:
    return SliceRecord(
        key=key,
        metrics={
            name: json_value(value) for name, value in metrics.items() if not names or name in names
        },
        example_count=int(metrics[EXAMPLE_COUNT]),
        example_weight=float(metrics.get(EXAMPLE_WEIGHT, metrics[EXAMPLE_COUNT])),
    )
