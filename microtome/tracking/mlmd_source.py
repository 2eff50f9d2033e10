"""Evaluations as they stand in ML Metadata.

It is asked by type, by id, by execution and by events only, which every version of it can answer,
and for many things at once.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from ml_metadata import errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb

from microtome.errors import DataError
from microtome.tracking import schema, stores
from microtome.tracking.evaluations import Evaluation, parse_reasons
from microtome.tracking.schema import Provenance
from microtome.tracking.texts import read_text

_OUTPUTS = (pb.Event.OUTPUT, pb.Event.DECLARED_OUTPUT)
_DONE = (pb.Execution.COMPLETE, pb.Execution.CACHED)
_RUN_CONTEXTS = (schema.RUN_CONTEXT, schema.AIRFLOW_RUN_CONTEXT, schema.KUBEFLOW_RUN_CONTEXT)


def read_evaluations(
    store: metadata_store.MetadataStore, pipeline: str | None = None
) -> list[Evaluation]:
    """The evaluations of a store that Microtome recorded and whose executions are complete.

    Args:
        store: An open store.
        pipeline: Only of the pipeline of this name.

    Returns:
        In order of time.

    Raises:
        DataError: The store is locked, away or damaged.
    """
    try:
        return _read(store, pipeline)
    except errors.StatusError as error:
        raise DataError(
            f"The evaluations in {stores.describe_store(store)} cannot be read. "
            f"{stores.what_happened(error, store)}"
        ) from error


def _read(store: metadata_store.MetadataStore, pipeline: str | None) -> list[Evaluation]:
    artifacts = [
        artifact
        for type_name in (schema.EVALUATION_TYPE, schema.KUBEFLOW_EVALUATION_TYPE)
        for artifact in store.get_artifacts_by_type(type_name)
        if artifact.state == pb.Artifact.LIVE and schema.TRACKED in artifact.custom_properties
    ]
    named = [_text(artifact, "pipeline_name") for artifact in artifacts]
    if pipeline is not None:
        artifacts = [a for a, name in zip(artifacts, named, strict=True) if name in ("", pipeline)]
    producers = _producers(store, artifacts)
    found = []
    for artifact in artifacts:
        execution = producers.get(artifact.id)
        if execution is not None and execution.last_known_state in _DONE:
            evaluation = _evaluation(store, artifact, execution)
            if pipeline in (None, evaluation.pipeline):
                found.append(evaluation)
    return sorted(found, key=lambda evaluation: (evaluation.time, int(evaluation.id)))


def _producers(
    store: metadata_store.MetadataStore, artifacts: Iterable[pb.Artifact]
) -> dict[int, pb.Execution]:
    """The execution that made each artifact: the first, where later ones took it from a cache."""
    ids = [artifact.id for artifact in artifacts]
    if not ids:
        return {}
    execution_of: dict[int, int] = {}
    for event in store.get_events_by_artifact_ids(ids):
        if event.type in _OUTPUTS:
            known = execution_of.setdefault(event.artifact_id, event.execution_id)
            execution_of[event.artifact_id] = min(known, event.execution_id)
    executions = {
        execution.id: execution
        for execution in store.get_executions_by_id(sorted(set(execution_of.values())))
    }
    return {
        artifact: executions[execution]
        for artifact, execution in execution_of.items()
        if execution in executions
    }


def _evaluation(
    store: metadata_store.MetadataStore, artifact: pb.Artifact, execution: pb.Execution
) -> Evaluation:
    values: dict[str, str] = {name: _text(artifact, name) for name in schema.PROVENANCE}
    values["evaluation_uri"] = values["evaluation_uri"] or artifact.uri
    if not (values["pipeline_run"] and values["pipeline_name"]):
        values |= {
            name: values[name] or told for name, told in _told_by_contexts(store, execution).items()
        }
    return Evaluation(
        id=str(artifact.id),
        execution_id=str(execution.id),
        time=evaluated_at(artifact),
        run=values["pipeline_run"] or f"execution {execution.id}",
        provenance=Provenance(**values),
        verdict=_text(artifact, schema.VERDICT) or schema.NOT_VALIDATED,
        reasons=parse_reasons(_text(artifact, schema.REASONS)),
        not_tracked=_text(artifact, schema.NOT_TRACKED),
        packed=_text(artifact, schema.TRACKED),
    )


def evaluated_at(artifact: pb.Artifact) -> datetime.datetime:
    """When an evaluation took place: when its artifact was made, unless that was done later."""
    told = _text(artifact, schema.EVALUATED_AT)
    if told:
        return datetime.datetime.fromisoformat(told)
    milliseconds = artifact.create_time_since_epoch
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)


def _told_by_contexts(
    store: metadata_store.MetadataStore, execution: pb.Execution
) -> Mapping[str, str]:
    """What an orchestrator that tells the executor neither has recorded of pipeline and run."""
    told: dict[str, str] = {}
    for context in store.get_contexts_by_execution(execution.id):
        if context.type == schema.PIPELINE_CONTEXT:
            told["pipeline_name"] = context.name
        elif context.type == schema.KUBEFLOW_PIPELINE_CONTEXT:
            # of a pipeline that was uploaded: namespace/<namespace>/pipeline/<name>
            told["pipeline_name"] = context.name.rpartition("/")[2]
        elif context.type in _RUN_CONTEXTS:
            told["pipeline_run"] = context.name
        elif context.type == schema.NODE_CONTEXT:
            told["component_id"] = context.name.rpartition(".")[2]
    if task := _text(execution, schema.KUBEFLOW_TASK):
        told.setdefault("component_id", task)
    return told


def _text(node: Any, name: str) -> str:
    """A property as text; Kubeflow makes floats of integers."""
    value = node.custom_properties.get(name)
    if value is None:
        return ""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return read_text(node.custom_properties, name)
    if kind == "double_value" and value.double_value.is_integer():
        return str(int(value.double_value))
    return str(getattr(value, kind)) if kind in ("int_value", "double_value") else ""
