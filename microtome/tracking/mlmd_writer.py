"""Writes one evaluation into ML Metadata, in the shape that TFX gives it.

Contexts, types and the paths of events are TFX's, so that whatever reads a pipeline's evaluations
reads these too. All of one evaluation goes into one `put_execution`, which ML Metadata makes one
transaction of.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime
import hashlib
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from google.protobuf import json_format
from ml_metadata import errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb

from microtome import config as config_lib
from microtome.proto import config_pb2
from microtome.tracking import properties, schema
from microtome.tracking.evaluated import Place
from microtome.tracking.schema import Provenance
from microtome.tracking.selection import Selection
from microtome.tracking.texts import read_text, text_properties

# keys of the events' paths, as the component's channels are named
MODEL = "model"
EXAMPLES = "examples"
EVALUATION = "evaluation"
SLICED_METRICS = "sliced_metrics"

# Of another type than the component's, because TFX's cache looks for executions by type.
EXECUTION_TYPE = "microtome.record"

# One publish is one message to the ML Metadata server, which by default takes 4 MB.
_MESSAGE_BYTES = 3_000_000
_ATTEMPTS = 12
_MAX_WAIT_SECONDS = 2.0
# an attempt at a locked SQLite file takes ml_metadata some 20 seconds, and at a server that takes
# requests without an answer two minutes
_PATIENCE_SECONDS = 60.0

# As TFX declares them. A type that is there already is taken as it is.
_ARTIFACT_TYPES = {
    schema.MODEL_TYPE: pb.ArtifactType(name=schema.MODEL_TYPE, base_type=pb.ArtifactType.MODEL),
    schema.EXAMPLES_TYPE: pb.ArtifactType(
        name=schema.EXAMPLES_TYPE,
        base_type=pb.ArtifactType.DATASET,
        properties={"span": pb.INT, "version": pb.INT, "split_names": pb.STRING},
    ),
    schema.EVALUATION_TYPE: pb.ArtifactType(name=schema.EVALUATION_TYPE),
    schema.SLICED_METRICS_TYPE: pb.ArtifactType(
        name=schema.SLICED_METRICS_TYPE, base_type=pb.ArtifactType.METRICS
    ),
}

_TYPES = {MODEL: schema.MODEL_TYPE, EXAMPLES: schema.EXAMPLES_TYPE}
_OUTPUTS = (pb.Event.OUTPUT, pb.Event.DECLARED_OUTPUT)
_RUN_CONTEXTS = (schema.RUN_CONTEXT, schema.AIRFLOW_RUN_CONTEXT)
# another writer came first, holds the lock, or the server was away: all pass
_AWAY = (errors.UnavailableError, errors.DeadlineExceededError)
_PASSING = (errors.AlreadyExistsError, errors.AbortedError, *_AWAY)
StatusError = errors.StatusError
_Pair: TypeAlias = tuple[pb.Artifact | None, pb.Event]


@dataclasses.dataclass(frozen=True)
class Found:
    """An evaluation that stands in the store.

    Attributes:
        execution_id: The execution that made it.
        evaluation_id: Its artifact.
        slice_count: How many slices it records.
        packed: Their numbers, as `block.pack` gives them; empty if Microtome did not write them.
    """

    execution_id: int
    evaluation_id: int
    slice_count: int
    packed: str


@dataclasses.dataclass(frozen=True)
class Entry:
    """One evaluation to write.

    Attributes:
        model: What was evaluated, if it is known.
        examples: On what.
        selection: The slices to record.
        provenance: Without model and data, which the store tells.
        eval_config: What was computed and what is recorded.
        verdict: One of the schema's.
        reasons: What led to it.
        evaluated_at: When, if that is not now.
    """

    model: Place | None
    examples: Sequence[Place]
    selection: Selection
    provenance: Provenance
    eval_config: config_pb2.EvalConfig
    verdict: str
    reasons: Sequence[Mapping[str, Any]]
    evaluated_at: datetime.datetime | None


@dataclasses.dataclass(frozen=True)
class _Input:
    """An artifact that was evaluated, or evaluated on; `stored` where the store has it."""

    key: str
    place: Place
    stored: pb.Artifact | None


def find_recorded(store: metadata_store.MetadataStore, provenance: Provenance) -> Found | None:
    """The same evaluation of the same run and pipeline, recorded before, by whomever."""
    by_name = store.get_execution_by_type_and_name(EXECUTION_TYPE, _execution_name(provenance))
    executions = [by_name] if by_name else _other_executions(store, provenance)
    for execution in executions:
        if execution.last_known_state in (pb.Execution.COMPLETE, pb.Execution.CACHED):
            return _found(store, execution.id)
    return None


def write(store: metadata_store.MetadataStore, entry: Entry) -> tuple[Found, bool]:
    """Writes all of it, or nothing.

    The execution's name is made of what tells an evaluation from others, and the store allows no
    name twice: of several writers of the same evaluation one succeeds.

    Returns:
        The evaluation, and whether it is new: not, if it was recorded before or meanwhile.

    Raises:
        StatusError: The store refuses it, stays locked by other writers, or is away.
    """
    started = time.monotonic()
    for attempt in range(_ATTEMPTS):
        found = find_recorded(store, entry.provenance)
        if found is None:
            try:
                execution_id = _put(store, entry)
            except _PASSING:
                is_late = time.monotonic() - started > _PATIENCE_SECONDS
                if is_late or attempt + 1 == _ATTEMPTS:
                    raise
                time.sleep(random.uniform(0, min(_MAX_WAIT_SECONDS, 0.05 * 2**attempt)))
                continue
            found, is_new = _found(store, execution_id), True
        else:
            is_new = False
        # here too for a writer that was stopped after its transaction
        _link_run(store, found.execution_id)
        return found, is_new
    raise AssertionError


def is_refusal(error: Exception) -> bool:
    """Whether the store said no; it is not known what a server did that went away."""
    return not isinstance(error, _AWAY)


def _put(store: metadata_store.MetadataStore, entry: Entry) -> int:
    """One transaction; the id of its execution."""
    inputs = _find_inputs(store, entry)
    entry = dataclasses.replace(entry, provenance=_completed(entry.provenance, inputs))
    type_id = store.put_execution_type(
        pb.ExecutionType(name=EXECUTION_TYPE, base_type=pb.ExecutionType.EVALUATE),
        can_add_fields=True,
        can_omit_fields=True,
    )
    execution = pb.Execution(
        type_id=type_id,
        name=_execution_name(entry.provenance),
        last_known_state=pb.Execution.COMPLETE,
    )
    told = {
        **text_properties("eval_config", config_lib.eval_config_to_json(entry.eval_config)),
        "example_splits": json.dumps(_texts(entry.provenance.split)),
        "microtome_version": entry.provenance.microtome_version,
    }
    _fill(execution.custom_properties, told)
    execution_id, _, _ = store.put_execution(
        execution,
        [*_input_pairs(store, inputs, entry.provenance), *_output_pairs(store, entry)],
        _contexts(store, entry.provenance),
        reuse_context_if_already_exist=True,
        reuse_artifact_if_already_exist_by_external_id=True,
    )
    return int(execution_id)


def _find_inputs(store: metadata_store.MetadataStore, entry: Entry) -> list[_Input]:
    places = [(MODEL, entry.model)] if entry.model else []
    places += [(EXAMPLES, place) for place in entry.examples]
    return [_Input(key, place, _find_artifact(store, key, place)) for key, place in places]


def _find_artifact(
    store: metadata_store.MetadataStore, key: str, place: Place
) -> pb.Artifact | None:
    """The last artifact there; a live one, if there is any."""
    for uri in place.uris:
        found = [one for one in store.get_artifacts_by_uri(uri) if one.type == _TYPES[key]]
        if found:
            return max(found, key=lambda one: (one.state == pb.Artifact.LIVE, one.id))
    return None


def _completed(provenance: Provenance, inputs: Sequence[_Input]) -> Provenance:
    """With what the artifacts tell; ids only where all are stored, as new ones have none yet."""
    models = [one for one in inputs if one.key == MODEL]
    examples = [one for one in inputs if one.key == EXAMPLES]
    splits = [split for one in examples for split in one.place.splits]
    return dataclasses.replace(
        provenance,
        model_uri=",".join(map(_uri, models)),
        model_id=_ids(models),
        data_uri=",".join(map(_uri, examples)),
        data_id=_ids(examples),
        span=provenance.span or _joined(examples, "span"),
        data_version=provenance.data_version or _joined(examples, "version"),
        split=provenance.split or ",".join(dict.fromkeys(splits)),
    )


def _uri(one: _Input) -> str:
    return one.stored.uri if one.stored is not None else one.place.uri


def _ids(inputs: Sequence[_Input]) -> str:
    ids = [str(one.stored.id) for one in inputs if one.stored is not None]
    return ",".join(ids) if len(ids) == len(inputs) else ""


def _joined(examples: Sequence[_Input], name: str) -> str:
    return ",".join(
        filter(None, (_number(one.stored, name) for one in examples if one.stored is not None))
    )


def _number(artifact: pb.Artifact, name: str) -> str:
    """A whole number of an artifact as text; Kubeflow makes floats of integers."""
    for values in (artifact.custom_properties, artifact.properties):
        if name in values and (kind := values[name].WhichOneof("value")):
            return str(int(float(getattr(values[name], kind))))
    return ""


def _texts(joined: str) -> list[str]:
    return [text.strip() for text in joined.split(",") if text.strip()]


def _input_pairs(
    store: metadata_store.MetadataStore, inputs: Sequence[_Input], provenance: Provenance
) -> Iterator[_Pair]:
    counts: collections.Counter[str] = collections.Counter()
    for one in inputs:
        event = _event(pb.Event.INPUT, one.key, counts[one.key])
        counts[one.key] += 1
        if one.stored is not None:
            # the artifact itself is left out, or this would undo what others change of it meanwhile
            event.artifact_id = one.stored.id
            yield None, event
        else:
            yield _new_input(store, one, provenance), event


def _new_input(
    store: metadata_store.MetadataStore, one: _Input, provenance: Provenance
) -> pb.Artifact:
    artifact_type = _artifact_type(store, _TYPES[one.key])
    # of several writers at once one makes it, the others take it
    identity = hashlib.sha256(one.place.uri.encode()).hexdigest()[:32]
    artifact = pb.Artifact(
        type_id=artifact_type.id,
        uri=one.place.uri,
        state=pb.Artifact.LIVE,
        external_id=f"microtome:{artifact_type.name}:{identity}",
    )
    told = _of_examples(provenance, one.place) if one.key == EXAMPLES else {}
    for name, value in told.items():
        kind = pb.INT if isinstance(value, int) else pb.STRING
        declared = artifact_type.properties.get(name) == kind
        _fill(artifact.properties if declared else artifact.custom_properties, {name: value})
    return artifact


def _of_examples(provenance: Provenance, place: Place) -> dict[str, Any]:
    splits = list(place.splits) or _texts(provenance.split)
    numbers = {"span": provenance.span, "version": provenance.data_version}
    return {
        **{name: int(text) for name, text in numbers.items() if text.isdecimal()},
        **({"split_names": json.dumps(splits)} if splits else {}),
    }


def _output_pairs(store: metadata_store.MetadataStore, entry: Entry) -> Iterator[_Pair]:
    uri = entry.provenance.evaluation_uri
    slices, selection = _slice_artifacts(store, entry)
    evaluation = _artifact(_artifact_type(store, schema.EVALUATION_TYPE).id, uri)
    described = properties.of_evaluation(selection, entry.provenance, entry.verdict, entry.reasons)
    if entry.evaluated_at is not None:
        described[schema.EVALUATED_AT] = entry.evaluated_at.isoformat()
    _fill(evaluation.custom_properties, described)
    yield evaluation, _event(pb.Event.OUTPUT, EVALUATION, 0)
    for index, artifact in enumerate(slices):
        yield artifact, _event(pb.Event.OUTPUT, SLICED_METRICS, index)


def _slice_artifacts(
    store: metadata_store.MetadataStore, entry: Entry
) -> tuple[list[pb.Artifact], Selection]:
    """As many slices as one message takes, the largest; and which these are."""
    type_id = _artifact_type(store, schema.SLICED_METRICS_TYPE).id
    uri, selection = entry.provenance.evaluation_uri, entry.selection
    artifacts: list[pb.Artifact] = []
    size = 0
    for record in selection.records:
        artifact = _artifact(type_id, uri)
        _fill(artifact.custom_properties, properties.of_slice(record, entry.provenance))
        size += artifact.ByteSize()
        if size > _MESSAGE_BYTES and artifacts:
            break
        artifacts.append(artifact)
    selection = selection.truncated(len(artifacts))
    if entry.eval_config.tracking.publish == config_pb2.Tracking.SINGLE:
        single = _artifact(type_id, uri)
        _fill(single.custom_properties, properties.of_slices(selection, entry.provenance))
        artifacts = [single]
    return artifacts, selection


def _artifact(type_id: int, uri: str) -> pb.Artifact:
    return pb.Artifact(type_id=type_id, uri=uri, state=pb.Artifact.LIVE)


def _event(kind: int, key: str, index: int) -> pb.Event:
    event = pb.Event(type=kind)
    event.path.steps.add().key = key
    event.path.steps.add().index = index
    return event


def _contexts(store: metadata_store.MetadataStore, provenance: Provenance) -> list[pb.Context]:
    pipeline = provenance.pipeline_name
    run = pb.Context(name=_run_context_name(store, provenance))
    run.custom_properties["pipeline_name"].string_value = pipeline
    named = {
        schema.PIPELINE_CONTEXT: pb.Context(name=pipeline),
        schema.RUN_CONTEXT: run,
        schema.NODE_CONTEXT: pb.Context(name=f"{pipeline}.{provenance.component_id}"),
    }
    for type_name, context in named.items():
        context.type_id = _context_type_id(store, type_name)
    return list(named.values())


def _run_context_name(store: metadata_store.MetadataStore, provenance: Provenance) -> str:
    """The run's name, as TFX has it; after the pipeline's, where another pipeline has that run."""
    run = store.get_context_by_type_and_name(schema.RUN_CONTEXT, provenance.pipeline_run)
    if run is None:
        return provenance.pipeline_run
    owners = {parent.name for parent in store.get_parent_contexts_by_context(run.id)}
    if "pipeline_name" in run.custom_properties:
        owners.add(run.custom_properties["pipeline_name"].string_value)
    if not owners or provenance.pipeline_name in owners:
        return provenance.pipeline_run
    return f"{provenance.pipeline_name}.{provenance.pipeline_run}"


def _link_run(store: metadata_store.MetadataStore, execution_id: int) -> None:
    """Makes the pipeline the run's parent, as TFX does."""
    contexts = {one.type: one for one in store.get_contexts_by_execution(execution_id)}
    pipeline, run = contexts.get(schema.PIPELINE_CONTEXT), contexts.get(schema.RUN_CONTEXT)
    if pipeline is None or run is None:
        return
    if pipeline.id in {one.id for one in store.get_parent_contexts_by_context(run.id)}:
        return
    with contextlib.suppress(errors.AlreadyExistsError):
        store.put_parent_contexts([pb.ParentContext(parent_id=pipeline.id, child_id=run.id)])


def _artifact_type(store: metadata_store.MetadataStore, name: str) -> pb.ArtifactType:
    try:
        return store.get_artifact_type(name)
    except errors.NotFoundError:
        store.put_artifact_type(_ARTIFACT_TYPES[name], can_add_fields=True, can_omit_fields=True)
        return store.get_artifact_type(name)


def _context_type_id(store: metadata_store.MetadataStore, name: str) -> int:
    try:
        return int(store.get_context_type(name).id)
    except errors.NotFoundError:
        context_type = pb.ContextType(name=name)
        return int(store.put_context_type(context_type, can_add_fields=True, can_omit_fields=True))


def _execution_name(provenance: Provenance) -> str:
    identity = (provenance.pipeline_name, provenance.pipeline_run, provenance.evaluation_uri)
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]


def _other_executions(
    store: metadata_store.MetadataStore, provenance: Provenance
) -> Iterator[pb.Execution]:
    """Executions of this run, TFX's for instance, that made an evaluation with this URI."""
    pipeline, run = provenance.pipeline_name, provenance.pipeline_run
    ids = [
        artifact.id
        for artifact in store.get_artifacts_by_uri(provenance.evaluation_uri)
        if artifact.type == schema.EVALUATION_TYPE and artifact.state == pb.Artifact.LIVE
    ]
    events = store.get_events_by_artifact_ids(ids) if ids else []
    makers = sorted({event.execution_id for event in events if event.type in _OUTPUTS})
    for execution in store.get_executions_by_id(makers) if makers else []:
        contexts = {(one.type, one.name) for one in store.get_contexts_by_execution(execution.id)}
        runs = {(kind, name) for kind in _RUN_CONTEXTS for name in (run, f"{pipeline}.{run}")}
        if (schema.PIPELINE_CONTEXT, pipeline) in contexts and runs & contexts:
            yield execution


def _found(store: metadata_store.MetadataStore, execution_id: int) -> Found:
    ids = [
        event.artifact_id
        for event in store.get_events_by_execution_ids([execution_id])
        if event.type in _OUTPUTS and event.path.steps[0].key == EVALUATION
    ]
    (evaluation,) = store.get_artifacts_by_id(ids)
    told = evaluation.custom_properties
    return Found(
        execution_id=execution_id,
        evaluation_id=evaluation.id,
        slice_count=told[schema.TRACKED_SLICE_COUNT].int_value,
        packed=read_text(told, schema.TRACKED),
    )


def _fill(values: Any, plain: Mapping[str, Any]) -> None:
    """Puts values into a message's properties as TFX puts them."""
    for name, value in plain.items():
        if isinstance(value, str):
            values[name].string_value = value
        elif isinstance(value, int):
            values[name].int_value = value
        elif isinstance(value, float):
            values[name].double_value = value
        else:
            content = value if isinstance(value, Mapping) else {"__value__": value}
            json_format.ParseDict(content, values[name].struct_value)
