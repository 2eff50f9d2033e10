"""Puts an evaluation's numbers into TFX artifacts, as custom properties and a small JSON file each.

The properties of a `SlicedMetrics` artifact, in ML Metadata's types:

| name | type | what |
| --- | --- | --- |
| `slice_key` | string | the slice: `Overall`, `carrier:UA`, `carrier_X_origin:UA_X_JFK` |
| `slice` | string | the same as JSON, a list of [column, value] |
| `example_count`, `example_weight` | int, double | its examples, and the sum of their weights |
| `metrics` | struct | every recorded metric by name, at full precision |
| `<metric's name>` | double | a metric that is one finite number, rounded to 6 decimals, to query |
| `slices` | struct | instead of `slice_key`, `slice` and `metrics`, where one artifact holds all |
| those of `Provenance` | string | what was evaluated on what |

Every type is one that sqlite, MySQL and Kubeflow keep as it is: ids are strings (Kubeflow makes
floats of integers), and no double is NaN or infinite (such a publish fails, and leaves its
execution running for ever).

The artifacts are TFX's, but nothing here imports TFX.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from typing import Any

import tensorflow as tf

from microtome.executor.tracking import Selection, SliceRecord
from microtome.proto import config_pb2

SLICE_KEY = "slice_key"
SLICE = "slice"
EXAMPLE_COUNT = "example_count"
EXAMPLE_WEIGHT = "example_weight"
METRICS = "metrics"
SLICES = "slices"

# of the evaluation's artifact only
SLICE_COUNT = "slice_count"
TRACKED_SLICE_COUNT = "tracked_slice_count"
NOT_TRACKED = "not_tracked"
SUMMARY = "summary"

METRICS_FILE = "metrics.json"

_HEADLINE_METRICS = 20
# One publish is one message to the ML Metadata server, which by default takes 4 MB.
_MESSAGE_BYTES = 3_000_000

_LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Provenance:
    """What was evaluated on what, by whom: each field is a property of its name, if it is known.

    Attributes:
        model_uri: URI of the model artifact.
        model_id: Its id in ML Metadata.
        model_digest: Fingerprint of the EvalSavedModel's files.
        data_uri: URI of the examples; of several artifacts, separated by commas.
        data_id: Their ids.
        data_digest: Fingerprint of the evaluated files.
        span: Their spans.
        data_version: Their versions within the span.
        split: The evaluated splits.
        config_digest: Fingerprint of the config, without what it says of tracking.
        evaluation_uri: Where the result files are.
        component_id: The pipeline's node that evaluated.
        pipeline_name: Its pipeline.
        pipeline_run: Its run; only the local runner and Kubeflow v1 tell it.
        microtome_version: The program's version.
    """

    model_uri: str
    model_id: str
    model_digest: str
    data_uri: str
    data_id: str
    data_digest: str
    span: str
    data_version: str
    split: str
    config_digest: str
    evaluation_uri: str
    component_id: str
    pipeline_name: str
    pipeline_run: str
    microtome_version: str


_RESERVED = {
    # TFX's own
    *("name", "state", "producer_component", "is_external", "tfx_version"),
    *(SLICE_KEY, SLICE, EXAMPLE_COUNT, EXAMPLE_WEIGHT, METRICS, SLICES),
    *(SLICE_COUNT, TRACKED_SLICE_COUNT, NOT_TRACKED, SUMMARY),
    *(field.name for field in dataclasses.fields(Provenance)),
}


def property_name(metric: str) -> str:
    """The property that a metric's number stands in: its name, unless that has another meaning."""
    return f"metric/{metric}" if metric in _RESERVED else metric


def publish_slices(
    base: Any,
    selection: Selection,
    provenance: Provenance,
    form: config_pb2.Tracking.Publish,
) -> tuple[list[Any], Selection]:
    """Makes the artifacts of the tracked slices and writes their files.

    Args:
        base: The `SlicedMetrics` artifact that TFX hands out; it becomes the first of them.
            Another object in its place would leave it in ML Metadata as an orphan on Airflow.
        selection: The slices.
        provenance: What was evaluated on what.
        form: One artifact a slice, or a single one that holds all.

    Returns:
        The artifacts, and the slices that are in them: fewer than asked for, if they would be more
        than the server takes in one message.
    """
    if form == config_pb2.Tracking.SINGLE:
        return _publish_single(base, selection, provenance)
    artifacts: list[Any] = []
    size = 0
    for record in selection.records:
        artifact = type(base)() if artifacts else base
        _fill_record(artifact, record, provenance)
        size += artifact.mlmd_artifact.ByteSize()
        if size > _MESSAGE_BYTES and artifacts:
            break
        artifacts.append(artifact)
    selection = selection.truncated(len(artifacts))
    root = base.uri
    for index, (artifact, record) in enumerate(zip(artifacts, selection.records, strict=True)):
        # direct children of the given folder: TFX's launcher allows nothing else
        artifact.uri = os.path.join(root, f"slice-{index:05d}")
        _write(artifact.uri, {**record.to_json(), "provenance": dataclasses.asdict(provenance)})
    return artifacts, selection


def describe_evaluation(artifact: Any, selection: Selection, provenance: Provenance) -> None:
    """Gives the artifact of the result files its headline: overall metrics and counts.

    Args:
        artifact: The `ModelEvaluation`.
        selection: The slices that are recorded.
        provenance: What was evaluated on what.
    """
    _fill_provenance(artifact, provenance)
    overall = selection.overall
    if overall is not None:
        _fill_counts(artifact, overall)
        _fill_doubles(artifact, overall, _HEADLINE_METRICS)
    artifact.set_int_custom_property(SLICE_COUNT, selection.computed)
    artifact.set_int_custom_property(TRACKED_SLICE_COUNT, len(selection.records))
    note = selection.left_out_note()
    if note:
        artifact.set_string_custom_property(NOT_TRACKED, note)
        _LOG.info("Not recorded in ML Metadata: %s. They stand in %s.", note, artifact.uri)
    artifact.set_json_value_custom_property(
        SUMMARY,
        {
            "overall": overall.to_json() if overall else None,
            SLICE_COUNT: selection.computed,
            TRACKED_SLICE_COUNT: len(selection.records),
            NOT_TRACKED: note,
        },
    )


def _publish_single(
    base: Any, selection: Selection, provenance: Provenance
) -> tuple[list[Any], Selection]:
    slices: list[dict[str, Any]] = []
    size = 0
    for record in selection.records:
        slices.append(record.to_json())
        size += len(json.dumps(slices[-1]))
        if size > _MESSAGE_BYTES:
            slices.pop()
            break
    selection = selection.truncated(len(slices))
    _fill_provenance(base, provenance)
    base.set_json_value_custom_property(SLICES, slices)
    base.set_int_custom_property(TRACKED_SLICE_COUNT, len(slices))
    if selection.overall is not None:
        _fill_counts(base, selection.overall)
        _fill_doubles(base, selection.overall)
    _write(base.uri, {SLICES: slices, "provenance": dataclasses.asdict(provenance)})
    return [base], selection


def _fill_record(artifact: Any, record: SliceRecord, provenance: Provenance) -> None:
    _fill_provenance(artifact, provenance)
    artifact.set_string_custom_property(SLICE_KEY, record.slice_key)
    artifact.set_string_custom_property(SLICE, record.slice_json)
    _fill_counts(artifact, record)
    artifact.set_json_value_custom_property(METRICS, dict(record.metrics))
    _fill_doubles(artifact, record)


def _fill_provenance(artifact: Any, provenance: Provenance) -> None:
    for name, value in dataclasses.asdict(provenance).items():
        if value:
            artifact.set_string_custom_property(name, value)


def _fill_counts(artifact: Any, record: SliceRecord) -> None:
    artifact.set_int_custom_property(EXAMPLE_COUNT, record.example_count)
    weight = record.rounded_weight()
    if weight is not None:
        artifact.set_float_custom_property(EXAMPLE_WEIGHT, weight)


def _fill_doubles(artifact: Any, record: SliceRecord, limit: int | None = None) -> None:
    for name, value in list(record.doubles().items())[:limit]:
        artifact.set_float_custom_property(property_name(name), value)


def _write(folder: str, content: dict[str, Any]) -> None:
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(os.path.join(folder, METRICS_FILE), "w") as file:
        file.write(json.dumps(content, allow_nan=False, indent=1) + "\n")
