"""From one evaluation up to all that it was made of, as ML Metadata has it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from microtome.tracking import schema
from microtome.tracking.evaluations import Evaluation
from microtome.tracking.texts import read_text

_Event = metadata_store_pb2.Event
_INPUTS = (_Event.INPUT, _Event.DECLARED_INPUT)
_OUTPUTS = (_Event.OUTPUT, _Event.DECLARED_OUTPUT)
# told as numbers and texts of their own; the rest of them would fill pages
_HIDDEN = {schema.TRACKED, schema.SUMMARY, schema.METRICS, schema.SLICES, schema.REASONS}
_MAX_TEXT = 200
# inputs that were compared with: the numbers were not made of them
_NOT_ASCENDED = ("history",)


@dataclasses.dataclass(frozen=True)
class Ancestor:
    """An artifact or an execution that an evaluation descends from.

    Attributes:
        depth: Steps from the evaluation's artifact, which is 0; its execution is 1.
        role: Of an artifact, the input's or output's name at the execution that led to it.
        kind: "artifact" or "execution".
        type: In ML Metadata, such as `Model`, or `tfx.components.trainer.component.Trainer`.
        id: In ML Metadata.
        name: Of an execution, the run and node; of an artifact, its URI.
        properties: Its properties, as text.
        of: The id of what was made of it, or by it, one step nearer to the evaluation; of an
            execution an artifact, of an artifact an execution. None for the evaluation itself.
    """

    depth: int
    role: str
    kind: str
    type: str
    id: int
    name: str
    properties: Mapping[str, str]
    of: int | None = None


def ancestors(
    store: metadata_store.MetadataStore, evaluation: Evaluation, max_depth: int = 8
) -> list[Ancestor]:
    """All that an evaluation was made of: model, examples, their makers and so on.

    Args:
        store: The store that the evaluation stands in.
        evaluation: One with an id of that store.
        max_depth: Steps to go.

    Returns:
        By depth; each artifact and execution once, at its least depth. Of earlier evaluations that
        this one was compared with, only their artifacts.
    """
    found: list[Ancestor] = []
    seen_artifacts: set[int] = set()
    seen_executions: set[int] = set()
    # of each artifact, its role and the execution that took it
    roles: dict[int, tuple[str, int | None]] = {int(evaluation.id): ("", None)}
    for depth in range(0, max_depth, 2):
        artifact_ids = sorted(set(roles) - seen_artifacts)
        if not artifact_ids:
            break
        seen_artifacts.update(artifact_ids)
        for a in store.get_artifacts_by_id(artifact_ids):
            role, of = roles[a.id]
            found.append(Ancestor(depth, role, "artifact", a.type, a.id, a.uri, _told(a), of))
        ascended = [known for known in artifact_ids if roles[known][0] not in _NOT_ASCENDED]
        makers = {
            execution_id: artifact_id
            for artifact_id, execution_id in _first_makers(store, ascended).items()
            if execution_id not in seen_executions
        }
        if not makers:
            break
        seen_executions.update(makers)
        found += _executions(store, makers, depth + 1)
        roles = {}
        for event in store.get_events_by_execution_ids(sorted(makers)):
            if event.type in _INPUTS:
                roles.setdefault(event.artifact_id, (_role(event.path.steps), event.execution_id))
    return found


def _first_makers(
    store: metadata_store.MetadataStore, artifact_ids: Sequence[int]
) -> dict[int, int]:
    """The execution that made each artifact; later ones took it from a cache or imported it."""
    makers: dict[int, int] = {}
    for event in store.get_events_by_artifact_ids(artifact_ids) if artifact_ids else ():
        if event.type in _OUTPUTS:
            known = makers.get(event.artifact_id, event.execution_id)
            makers[event.artifact_id] = min(known, event.execution_id)
    return makers


def _executions(
    store: metadata_store.MetadataStore, makers: Mapping[int, int], depth: int
) -> Iterator[Ancestor]:
    for execution in store.get_executions_by_id(sorted(makers)):
        contexts = store.get_contexts_by_execution(execution.id)
        by_type = {context.type: context.name for context in contexts}
        run = by_type.get(schema.RUN_CONTEXT) or by_type.get(schema.AIRFLOW_RUN_CONTEXT, "")
        node = by_type.get(schema.NODE_CONTEXT, "") or execution.name
        name = ", ".join(filter(None, (f"run {run}" if run else "", node)))
        yield Ancestor(
            *(depth, "", "execution", execution.type, execution.id, name, _told(execution)),
            of=makers[execution.id],
        )


def _role(steps: Sequence[Any]) -> str:
    return next((step.key for step in steps if step.WhichOneof("value") == "key"), "")


def _told(node: Any) -> dict[str, str]:
    told = {}
    for properties in (node.properties, node.custom_properties):
        for name, value in properties.items():
            if name not in _HIDDEN and "~" not in name:
                text = read_text(properties, name) or str(getattr(value, value.WhichOneof("value")))
                told[name] = text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"
    return told
