"""Puts an evaluation's numbers into TFX artifacts, as custom properties and a small JSON file each.

What the properties are, `microtome.tracking.properties` tells. The artifacts are TFX's, but nothing
here imports TFX.
"""

from __future__ import annotations

import dataclasses
import datetime
import io
import json
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from microtome.proto import config_pb2
from microtome.results import leftovers, names, tfrecord
from microtome.results.eval_result import EvalResult
from microtome.results.verdict import Verdict
from microtome.results.verdict import to_text as verdict_text
from microtome.tracking import properties, schema
from microtome.tracking.block import make_block, pack
from microtome.tracking.evaluations import Evaluation
from microtome.tracking.schema import Provenance
from microtome.tracking.selection import Selection
from microtome.tracking.texts import read_text
from microtome.validation.validator import combined
from microtome.view.run_report import page_of_evaluation

METRICS_FILE = "metrics.json"

# One publish is one message to the ML Metadata server, which by default takes 4 MB.
_MESSAGE_BYTES = 3_000_000

_LOG = logging.getLogger(__name__)


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
        _fill(artifact, properties.of_slice(record, provenance))
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


def describe_evaluation(
    artifact: Any,
    selection: Selection,
    provenance: Provenance,
    verdict: str = schema.NOT_VALIDATED,
    reasons: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Gives the artifact of the result files its headline, and what the history reads.

    The latter stands in the file `tracking.json` as well, for a history without ML Metadata.

    Args:
        artifact: The `ModelEvaluation`.
        selection: The slices that are recorded.
        provenance: What was evaluated on what.
        verdict: One of the schema's verdicts.
        reasons: What led to it.
    """
    described = properties.of_evaluation(selection, provenance, verdict, reasons)
    _fill(artifact, described)
    _write(
        artifact.uri,
        {
            "provenance": {name: read_text(described, name) for name in schema.PROVENANCE},
            schema.VERDICT: verdict,
            schema.REASONS: list(reasons),
            schema.NOT_TRACKED: read_text(described, schema.NOT_TRACKED),
            schema.TRACKED: read_text(described, schema.TRACKED),
        },
        names.TRACKING,
    )
    if note := read_text(described, schema.NOT_TRACKED):
        _LOG.info("Not recorded in ML Metadata: %s. They stand in %s.", note, artifact.uri)


def settle_verdict(
    artifact: Any, result: EvalResult, history: str, reasons: Sequence[Mapping[str, Any]]
) -> Verdict:
    """The one verdict of thresholds and history, which the result files then have as well.

    Args:
        artifact: The `ModelEvaluation`.
        result: Its result, with the verdict of the thresholds.
        history: The verdict of the history.
        reasons: What led to that.
    """
    own = result.verdict or Verdict(schema.NOT_VALIDATED)
    verdict = combined(own, history, reasons)
    if verdict == own:
        return own
    result.verdict = verdict
    _replace(os.path.join(artifact.uri, names.VERDICT), verdict_text(verdict).encode())
    validation = result.validation_result
    if validation is not None and validation.validation_ok != verdict.is_blessed:
        validation.validation_ok = verdict.is_blessed
        # the history is a reason, too
        validation.missing_thresholds = False
        buffer = io.BytesIO()
        tfrecord.write_record(buffer, validation.SerializeToString())
        path = os.path.join(artifact.uri, names.record_file(names.VALIDATIONS))
        _replace(path, buffer.getvalue())
    return verdict


def bless(
    artifact: Any,
    verdict: Verdict,
    model: Any,
    baseline: Any = None,
    component_id: str = "",
) -> None:
    """Fills the blessing as TFX's Evaluator does, for Pusher and `LatestBlessedModelStrategy`.

    A verdict of NOT_VALIDATED is neither file nor property, which readers take for no blessing.

    Args:
        artifact: The `ModelBlessing`.
        verdict: On the model.
        model: The `Model` artifact.
        baseline: That of the model that it was compared with, if there was one.
        component_id: The pipeline's node.
    """
    artifact.set_string_custom_property("current_model", model.uri)
    artifact.set_int_custom_property("current_model_id", model.id)
    if baseline is not None:
        artifact.set_string_custom_property("baseline_model", baseline.uri)
        artifact.set_int_custom_property("baseline_model_id", baseline.id)
    if component_id:
        artifact.set_string_custom_property("component_id", component_id)
    artifact.set_string_custom_property(schema.VERDICT, verdict.verdict)
    tf.io.gfile.makedirs(artifact.uri)
    if verdict.verdict == schema.NOT_VALIDATED:
        _LOG.info("The model was not validated, so it is not blessed.")
        return
    artifact.set_int_custom_property("blessed", int(verdict.is_blessed))
    with tf.io.gfile.GFile(os.path.join(artifact.uri, verdict.verdict), "w") as file:
        file.write("")


def write_page(
    artifact: Any,
    result: EvalResult,
    selection: Selection,
    provenance: Provenance,
    verdict: str,
    reasons: Sequence[Mapping[str, Any]],
    earlier: Sequence[Evaluation],
) -> None:
    """Writes the page for people anew, now that there is a verdict and a history to show.

    A page that cannot be made is told in the log: the one without verdict stays.

    Args:
        artifact: The `ModelEvaluation`.
        result: Its result.
        selection: The slices that are recorded.
        provenance: What was evaluated on what.
        verdict: One of the schema's verdicts.
        reasons: What led to it.
        earlier: The evaluations before it, in order of time.
    """
    try:
        evaluation = Evaluation(
            id=artifact.uri,
            execution_id="",
            time=datetime.datetime.now(datetime.timezone.utc),
            run=provenance.pipeline_run or os.path.basename(artifact.uri),
            provenance=provenance,
            verdict=verdict,
            reasons=tuple(reasons),
            not_tracked=selection.left_out_note(),
            packed=pack(make_block(selection.records)),
        )
        page = page_of_evaluation(result, evaluation, earlier)
        path = os.path.join(artifact.uri, names.REPORT)
        _replace(path, page.encode())
    except Exception:
        _LOG.warning("%s in %s could not be written.", names.REPORT, artifact.uri, exc_info=True)


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
    _fill(base, properties.of_slices(selection, provenance))
    _write(base.uri, {schema.SLICES: slices, "provenance": dataclasses.asdict(provenance)})
    return [base], selection


def _fill(artifact: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, str):
            artifact.set_string_custom_property(name, value)
        elif isinstance(value, int):
            artifact.set_int_custom_property(name, value)
        elif isinstance(value, float):
            artifact.set_float_custom_property(name, value)
        else:
            artifact.set_json_value_custom_property(name, value)


def _replace(path: str, content: bytes) -> None:
    """Writes a file in one step, over an older one."""
    staged = leftovers.hidden_path(path)
    with tf.io.gfile.GFile(staged, "wb") as file:
        file.write(content)
    tf.io.gfile.rename(staged, path, overwrite=True)


def _write(folder: str, content: dict[str, Any], name: str = METRICS_FILE) -> None:
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(os.path.join(folder, name), "w") as file:
        file.write(json.dumps(content, allow_nan=False, indent=1) + "\n")
