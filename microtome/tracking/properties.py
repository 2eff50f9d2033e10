"""The properties that tell an evaluation and its slices, as plain values by name.

TFX's artifacts (`executor.publish`) and those of `record` are filled with the same. A str, int or
float is a property of that type, a list or dict a struct. Long texts are parted, and large structs
are texts of JSON: see `texts`.

A slice's artifact:

| name | type | what |
| --- | --- | --- |
| `slice_key` | string | the slice: `Overall`, `carrier:UA`, `carrier_X_origin:UA_X_JFK` |
| `slice` | string | the same as JSON, a list of [column, value] |
| `example_count`, `example_weight` | int, double | its examples, and the sum of their weights |
| `metrics` | struct | every recorded metric by name, at full precision |
| `<metric's name>` | double | a metric that is one finite number, rounded to 6 decimals, to query |
| `slice <slice>` | string | where one artifact holds all slices: the numbers of one, to be read |
| those of `Provenance` | string | what was evaluated on what |

The one artifact that holds all slices has Overall's counts and numbers, and neither `slice_key`,
`slice` nor `metrics`: on Kubeflow's page every property is a row, and long JSON would bury the
numbers. `metrics.json` under its URI holds all slices at full precision.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from microtome.results import names
from microtome.tracking import schema
from microtome.tracking.block import make_block, pack
from microtome.tracking.schema import Provenance
from microtome.tracking.selection import Selection, SliceRecord
from microtome.tracking.texts import json_properties, text_properties

Properties = dict[str, Any]

_HEADLINE_METRICS = 20
_MAX_INT = 2**31 - 1
_MAX_NAME = 255
_COUNTS = (names.EXAMPLE_COUNT, names.EXAMPLE_WEIGHT)


def of_slice(record: SliceRecord, provenance: Provenance) -> Properties:
    """Of the artifact of one slice."""
    return {
        **_of_provenance(provenance),
        **text_properties(schema.SLICE_KEY, record.slice_key),
        **text_properties(schema.SLICE, record.slice_json),
        **_counts(record),
        **json_properties(schema.METRICS, dict(record.metrics)),
        **_doubles(record),
    }


def of_slices(selection: Selection, provenance: Provenance) -> Properties:
    """Of the one artifact that holds all slices: a table of names and values, for people."""
    overall = selection.overall
    return {
        **_rows(selection),
        **_of_provenance(provenance),
        schema.TRACKED_SLICE_COUNT: len(selection.records),
        **({**_counts(overall), **_doubles(overall)} if overall else {}),
    }


def of_evaluation(
    selection: Selection,
    provenance: Provenance,
    verdict: str = schema.NOT_VALIDATED,
    reasons: Sequence[Mapping[str, Any]] = (),
) -> Properties:
    """Of the artifact of the result files: its headline, and all that the history reads.

    Args:
        selection: The slices that are recorded.
        provenance: What was evaluated on what.
        verdict: One of the schema's verdicts.
        reasons: What led to it, each a JSON object.
    """
    overall = selection.overall
    note = selection.left_out_note()
    counts = {
        schema.SLICE_COUNT: selection.computed,
        schema.TRACKED_SLICE_COUNT: len(selection.records),
    }
    return {
        **_of_provenance(provenance),
        **(_counts(overall) if overall else {}),
        **(dict(list(_doubles(overall).items())[:_HEADLINE_METRICS]) if overall else {}),
        **counts,
        **(text_properties(schema.NOT_TRACKED, note) if note else {}),
        **json_properties(
            schema.SUMMARY,
            {
                "overall": overall.to_json() if overall else None,
                **counts,
                schema.NOT_TRACKED: note,
            },
        ),
        schema.VERDICT: verdict,
        **text_properties(schema.REASONS, json.dumps(list(reasons))),
        **text_properties(schema.TRACKED, pack(make_block(selection.records))),
    }


def _of_provenance(provenance: Provenance) -> Properties:
    told: Properties = {}
    for name, value in dataclasses.asdict(provenance).items():
        if value:
            told |= text_properties(name, value)
    return told


def _counts(record: SliceRecord) -> Properties:
    weight = record.rounded_weight()
    count = record.example_count
    # MySQL and PostgreSQL keep integers of 32 bits
    counts: Properties = {schema.EXAMPLE_COUNT: count if count <= _MAX_INT else float(count)}
    return counts if weight is None else {**counts, schema.EXAMPLE_WEIGHT: weight}


def _doubles(record: SliceRecord) -> Properties:
    doubles: Properties = {}
    seen: set[str] = set()
    for metric, value in record.doubles().items():
        name = schema.property_name(metric)
        # MySQL holds names for equal that differ in case, and none takes longer ones
        if name.casefold() not in seen and len(name) <= _MAX_NAME and "\\" not in name:
            seen.add(name.casefold())
            doubles[name] = value
    return doubles


def _rows(selection: Selection) -> Properties:
    """A line of text a slice but Overall, which has its numbers as properties."""
    rows: Properties = {}
    seen: set[str] = set()
    for number, record in enumerate(selection.records):
        name, line = f"{schema.SLICE_ROW}{record.slice_key}", _line(record)
        if name.casefold() in seen or not _is_plain(name):
            name, line = f"{schema.SLICE_ROW}#{number}", f"{record.slice_key}: {line}"
        seen.add(name.casefold())
        if record.key:
            rows |= text_properties(name, line)
    return rows


def _is_plain(name: str) -> bool:
    """Whether every database takes a name, and for another than any that differs."""
    plain = name.isascii() and name.isprintable() and "\\" not in name
    return plain and len(name) <= _MAX_NAME and name == name.rstrip()


def _line(record: SliceRecord) -> str:
    numbers = [
        f"{name} {value:g}" for name, value in record.doubles().items() if name not in _COUNTS
    ]
    return ", ".join([f"{record.example_count} examples", *numbers])
