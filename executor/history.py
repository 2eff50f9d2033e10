"""Holds an evaluation against the earlier ones that the pipeline hands to the executor.

The artifacts are TFX's, but nothing here imports TFX.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from microtome.errors import HistoryError
from microtome.proto import config_pb2
from microtome.tracking import history_checks, mlmd_source, schema
from microtome.tracking.evaluations import Evaluation
from microtome.tracking.schema import Provenance
from microtome.tracking.selection import Selection
from microtome.tracking.texts import read_text

_LOG = logging.getLogger(__name__)


def judge(
    selection: Selection,
    artifacts: Sequence[Any],
    provenance: Provenance,
    tracking: config_pb2.Tracking,
) -> tuple[str, list[Mapping[str, Any]]]:
    """The verdict on an evaluation and its reasons, which are logged.

    Args:
        selection: The tracked slices.
        artifacts: Earlier `ModelEvaluation`s, in any order, of any maker.
        provenance: What was evaluated now; earlier evaluations of the same model on the same data
            are not its history.
        tracking: The config of it.

    Raises:
        HistoryError: A slice fell too far, and the config says that this is a failure.
        ConfigError: A check names a metric that is no number.
        DataError: The numbers of an earlier evaluation cannot be read.
    """
    if not tracking.history_checks and not artifacts:
        return schema.NOT_VALIDATED, []
    earlier = [one for one in evaluations(artifacts) if not _is_same(one.provenance, provenance)]
    verdict, reasons = history_checks.check_history(selection, earlier, tracking.history_checks)
    told = history_checks.summary(verdict, reasons)
    if verdict != schema.NOT_BLESSED:
        _LOG.info("%s", told)
    elif tracking.on_history_failure == config_pb2.Tracking.FAIL:
        raise HistoryError(
            f"{told}\nNothing is published, as tracking.on_history_failure is FAIL. With REPORT "
            "the evaluation is published with this verdict."
        )
    else:
        _LOG.warning("%s", told)
    return verdict, list(reasons)


def evaluations(artifacts: Sequence[Any]) -> list[Evaluation]:
    """The evaluations that Microtome recorded in `ModelEvaluation`s, in order of time."""
    found = [_evaluation(artifact) for artifact in artifacts if _is_ours(artifact)]
    return sorted(found, key=lambda one: (one.time, one.id))


def evaluated_at(artifact: Any) -> datetime.datetime:
    """When an evaluation took place: when its artifact was made, unless that was done later."""
    return mlmd_source.evaluated_at(artifact.mlmd_artifact)


def _is_ours(artifact: Any) -> bool:
    return schema.TRACKED in artifact.mlmd_artifact.custom_properties


def _is_same(earlier: Provenance, now: Provenance) -> bool:
    identity = [(p.model_digest, p.data_digest, p.split) for p in (earlier, now)]
    return bool(now.model_digest and now.data_digest) and identity[0] == identity[1]


def _evaluation(artifact: Any) -> Evaluation:
    message = artifact.mlmd_artifact
    texts = {
        name: read_text(message.custom_properties, name)
        for name in (*schema.PROVENANCE, schema.VERDICT, schema.TRACKED)
        if name in message.custom_properties
    }
    return Evaluation(
        id=str(artifact.id),
        execution_id="",
        time=evaluated_at(artifact),
        run=texts.get("pipeline_run", ""),
        provenance=Provenance(**{name: texts.get(name, "") for name in schema.PROVENANCE}),
        verdict=texts.get(schema.VERDICT, schema.NOT_VALIDATED),
        packed=texts[schema.TRACKED],
    )
