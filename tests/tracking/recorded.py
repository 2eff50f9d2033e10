"""Evaluations of made-up numbers, as objects and as TFX's launcher records them in a store."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import json_format

from microtome.slicing.keys import SliceKey
from microtome.tracking import properties, schema
from microtome.tracking.block import make_block, pack
from microtome.tracking.evaluations import Evaluation
from microtome.tracking.history import History
from microtome.tracking.selection import Selection, SliceRecord, json_value

UA: SliceKey = (("carrier", "UA"),)
B6: SliceKey = (("carrier", "B6"),)
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
# {slice: (examples, {metric: value})}
Numbers = Mapping[SliceKey, tuple[int, Mapping[str, float]]]


def records(numbers: Numbers) -> tuple[SliceRecord, ...]:
    return tuple(
        SliceRecord(key, {name: json_value(v) for name, v in metrics.items()}, n, float(n))
        for key, (n, metrics) in numbers.items()
    )


def provenance(day: int, pipeline: str = "flights", node: str = "evaluator", **more: str) -> Any:
    told = {
        "model_uri": f"models/{day}",
        "model_id": str(100 + day),
        "model_digest": f"m{day}",
        "data_uri": f"examples/{day}",
        "data_digest": f"d{day}",
        "span": str(day),
        "split": "eval",
        "config_digest": "c",
        "evaluation_uri": f"evaluations/{pipeline}/{node}/{day}",
        "component_id": node,
        "pipeline_name": pipeline,
        "pipeline_run": f"run-{day}",
        "microtome_version": "0.1.0",
    }
    return schema.Provenance(**{**told, **more})


def evaluation(
    day: int,
    numbers: Numbers,
    verdict: str = schema.NOT_VALIDATED,
    reasons: Sequence[Mapping[str, Any]] = (),
    **of_provenance: str,
) -> Evaluation:
    """The evaluation of a day, as the history has it."""
    made = provenance(day, **of_provenance)
    return Evaluation(
        id=str(day),
        execution_id=str(day),
        time=START + datetime.timedelta(days=day),
        run=made.pipeline_run,
        provenance=made,
        verdict=verdict,
        reasons=tuple(reasons),
        packed=pack(make_block(records(numbers))),
    )


def history(*evaluations: Evaluation) -> History:
    return History(lambda: list(evaluations), described="the test's history")


class Launcher:
    """Records evaluations in a store as TFX's launcher does: one publish an execution.

    Args:
        store: A store that can be written.
        pb: ML Metadata's messages.
        kubeflow: Whether contexts and executions are of the kind that Kubeflow v2's launcher makes.
    """

    def __init__(self, store: Any, pb: Any, kubeflow: bool = False):
        self.store, self._pb, self._kubeflow = store, pb, kubeflow
        self._types = {
            name: store.put_artifact_type(pb.ArtifactType(name=name))
            for name in (
                *("Model", "Examples", schema.EVALUATION_TYPE, schema.SLICED_METRICS_TYPE),
                schema.KUBEFLOW_EVALUATION_TYPE,
            )
        }
        self._executions = {
            name: store.put_execution_type(pb.ExecutionType(name=name))
            for name in ("Trainer", "SlicedEvaluator")
        }
        self._contexts = {
            name: store.put_context_type(pb.ContextType(name=name))
            for name in (
                *(schema.PIPELINE_CONTEXT, schema.RUN_CONTEXT, schema.NODE_CONTEXT),
                *(schema.KUBEFLOW_PIPELINE_CONTEXT, schema.KUBEFLOW_RUN_CONTEXT),
            )
        }

    def train(self, day: int, pipeline: str = "flights") -> int:
        """A model of a day, trained on the day's examples; returns the model's id."""
        examples = self._artifact("Examples", f"examples/{day}", {"span": str(day)})
        (examples_id,) = self.store.put_artifacts([examples])
        examples.id = examples_id
        model = self._artifact("Model", f"models/{day}", {})
        inputs = [(examples, self._event("INPUT", "examples", 0))]
        ids = self._publish(
            "Trainer",
            [*inputs, (model, self._event("OUTPUT", "model", 0))],
            pipeline,
            f"run-{day}",
            "Trainer",
        )
        return ids[1]

    def evaluate(
        self,
        day: int,
        numbers: Numbers,
        model: int | None = None,
        state: str = "COMPLETE",
        live: bool = True,
        verdict: str = schema.NOT_VALIDATED,
        reasons: Sequence[Mapping[str, Any]] = (),
        kind: str = schema.EVALUATION_TYPE,
        **of_provenance: str,
    ) -> list[int]:
        made = provenance(day, **of_provenance)
        selection = Selection(records(numbers), len(numbers), 0)
        filled = properties.of_evaluation(selection, made, verdict, reasons)
        filled[schema.EVALUATED_AT] = (START + datetime.timedelta(days=day)).isoformat()
        whole = self._artifact(kind, made.evaluation_uri, filled, live)
        outputs = [(whole, self._event("OUTPUT", "evaluation", 0))]
        for i, record in enumerate(selection.records):
            of_slice = properties.of_slice(record, made)
            uri = f"{made.evaluation_uri}/slice-{i:05d}"
            artifact = self._artifact(schema.SLICED_METRICS_TYPE, uri, of_slice, live)
            outputs.append((artifact, self._event("OUTPUT", "sliced_metrics", i)))
        inputs = []
        if model is not None:
            (known,) = self.store.get_artifacts_by_id([model])
            inputs = [(known, self._event("INPUT", "model", 0))]
        return self._publish(
            "SlicedEvaluator",
            [*inputs, *outputs],
            made.pipeline_name or "flights",
            made.pipeline_run or f"run-{day}",
            made.component_id,
            state,
        )

    def _publish(
        self,
        kind: str,
        pairs: Sequence[tuple[Any, Any]],
        pipeline: str,
        run: str,
        node: str,
        state: str = "COMPLETE",
    ) -> list[int]:
        pb = self._pb
        execution = pb.Execution(
            type_id=self._executions[kind],
            last_known_state=pb.Execution.State.Value(state),
        )
        named = {
            schema.PIPELINE_CONTEXT: pipeline,
            schema.RUN_CONTEXT: run,
            schema.NODE_CONTEXT: f"{pipeline}.{node}",
        }
        if self._kubeflow:
            execution.custom_properties[schema.KUBEFLOW_TASK].string_value = node
            named = {
                schema.KUBEFLOW_PIPELINE_CONTEXT: f"namespace/team/pipeline/{pipeline}",
                schema.KUBEFLOW_RUN_CONTEXT: run,
            }
        contexts = [
            pb.Context(type_id=self._contexts[name], name=value) for name, value in named.items()
        ]
        _, ids, _ = self.store.put_execution(
            execution, pairs, contexts, reuse_context_if_already_exist=True
        )
        return list(ids)

    def _event(self, kind: str, key: str, index: int) -> Any:
        event = self._pb.Event(type=self._pb.Event.Type.Value(kind))
        event.path.steps.add().key = key
        event.path.steps.add().index = index
        return event

    def _artifact(self, kind: str, uri: str, values: Mapping[str, Any], live: bool = True) -> Any:
        artifact = self._pb.Artifact(type_id=self._types[kind], uri=uri)
        if live:
            artifact.state = self._pb.Artifact.LIVE
        for name, value in values.items():
            place = artifact.custom_properties[name]
            if isinstance(value, str):
                place.string_value = value
            elif isinstance(value, int):
                place.int_value = value
            elif isinstance(value, float):
                place.double_value = value
            else:
                whole = value if isinstance(value, dict) else {"__value__": value}
                json_format.ParseDict(whole, place.struct_value)
        return artifact
