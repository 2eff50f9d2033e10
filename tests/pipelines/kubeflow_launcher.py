"""Runs the tasks of a pipeline compiled for Kubeflow v2 as its launcher does, without a cluster.

Each task's command is run as it stands in the file, in a process of its own, and what comes out is
handed on and recorded in ML Metadata in Kubeflow's manner: its types of contexts and executions,
one artifact an output, all that an executor tells of it as custom properties.

Open-source Kubeflow (the compiled YAML) runs no drivers and names artifacts by their ids; Vertex
(the JSON) runs the driver of a task first, and names artifacts by paths. What is done here was read
in the sources of Kubeflow's launcher, driver and metadata client, releases 2.0 to 2.5.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time
from concurrent import futures
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb

PLACEHOLDER = "{{$}}"


class Launcher:
    """Runs one pipeline once.

    Args:
        path: The compiled pipeline, YAML or JSON.
        folder: Where the tasks' own files go.
        store: Where the run is recorded.
        run_id: The run's id.
    """

    def __init__(
        self,
        path: pathlib.Path,
        folder: pathlib.Path,
        store: metadata_store.MetadataStore,
        run_id: str = "run-1",
    ) -> None:
        content = yaml.safe_load(path.read_text())
        self.vertex = "pipelineSpec" in content
        spec = content["pipelineSpec"] if self.vertex else content
        root = (
            content["runtimeConfig"]["gcsOutputDirectory"]
            if self.vertex
            else spec["defaultPipelineRoot"]
        )
        self.pipeline = spec["pipelineInfo"]["name"]
        # by task and key: artifacts as JSON, with `uri`, `metadata`, `type` and `name`
        self.outputs: dict[str, dict[str, dict[str, Any]]] = {}
        self.seconds: dict[str, float] = {}
        self._folder, self._store = folder, store
        self._tasks = spec["root"]["dag"]["tasks"]
        self._components = spec["components"]
        self._executors = spec["deploymentSpec"]["executors"]
        self._root = f"{root}/{self.pipeline}/{run_id}"
        self._contexts = [
            self._context("system.Pipeline", self.pipeline),
            self._context("system.PipelineRun", run_id),
        ]

    @property
    def tasks(self) -> list[str]:
        """The tasks' names, each after those that it depends on."""
        found: list[str] = []
        while len(found) < len(self._tasks):
            found += [
                name
                for name, task in self._tasks.items()
                if name not in found and set(task.get("dependentTasks", [])) <= set(found)
            ]
        return found

    def execute(self, task: str) -> None:
        """Runs a task, in a process of its own; what it depends on must be recorded."""
        container = self._executors[self._component(task)["executorLabel"]]["container"]
        given = self._executor_input(task)
        driver = container.get("lifecycle", {}).get("preCacheCheck")
        started = time.monotonic()
        if driver and self.vertex:
            self._execute(f"{task}-driver", driver, given)
            _merge(given["outputs"]["artifacts"], self._told(given))
        self._execute(task, container, given)
        self.seconds[task] = time.monotonic() - started
        _merge(given["outputs"]["artifacts"], self._told(given))
        self.outputs[task] = {
            key: listed["artifacts"][0] for key, listed in given["outputs"]["artifacts"].items()
        }

    def record(self, task: str) -> None:
        """Puts a task that was executed into ML Metadata, and names its outputs by their ids."""
        execution = pb.Execution(
            type_id=self._store.put_execution_type(
                pb.ExecutionType(name="system.ContainerExecution")
            ),
            last_known_state=pb.Execution.COMPLETE,
        )
        execution.custom_properties["task_name"].string_value = task
        pairs = []
        for key, source in self._tasks[task].get("inputs", {}).get("artifacts", {}).items():
            told = source["taskOutputArtifact"]
            used = self.outputs[told["producerTask"]][told["outputArtifactKey"]]
            artifact_id = int(used["name"].rpartition("/")[2])
            (artifact,) = self._store.get_artifacts_by_id([artifact_id])
            pairs.append((artifact, _event(pb.Event.INPUT, key)))
        for key, output in self.outputs[task].items():
            pairs.append((self._artifact(key, output), _event(pb.Event.OUTPUT, key)))
        _, ids, *_ = self._store.put_execution(execution, pairs, self._contexts)
        for output, artifact_id in zip(
            self.outputs[task].values(), ids[-len(self.outputs[task]) :], strict=True
        ):
            prefix = "projects/1/locations/l/metadataStores/default/artifacts/"
            output["name"] = f"{prefix * self.vertex}{artifact_id}"
            if not self.vertex:
                # of the schema only its title comes back from the store
                output["type"] = {"schemaTitle": _title(output)}

    def executor_output(self, task: str) -> dict[str, Any]:
        """What a task's entry point wrote."""
        return dict(json.loads(self._output_file(task).read_text()))

    def log(self, task: str) -> str:
        """What a task printed."""
        return (self._folder / f"{task}.log").read_text()

    def _component(self, task: str) -> dict[str, Any]:
        return dict(self._components[self._tasks[task]["componentRef"]["name"]])

    def _output_file(self, task: str) -> pathlib.Path:
        return self._folder / task / "executor_output.json"

    def _executor_input(self, task: str) -> dict[str, Any]:
        inputs = self._tasks[task].get("inputs", {})
        constants = {
            name: value["runtimeValue"] for name, value in inputs.get("parameters", {}).items()
        }
        parameters = (
            {"parameters": {name: value["constantValue"] for name, value in constants.items()}}
            if self.vertex
            else {"parameterValues": {name: value["constant"] for name, value in constants.items()}}
        )
        artifacts = {}
        for key, source in inputs.get("artifacts", {}).items():
            told = source["taskOutputArtifact"]
            artifacts[key] = self.outputs[told["producerTask"]][told["outputArtifactKey"]]
        outputs = {
            key: {"uri": f"{self._root}/{task}/{key}", "type": definition["artifactType"]}
            for key, definition in self._component(task)["outputDefinitions"]["artifacts"].items()
        }
        return {
            "inputs": {**parameters, "artifacts": _lists(artifacts)},
            "outputs": {
                "artifacts": _lists(outputs),
                "outputFile": str(self._output_file(task)),
            },
        }

    def _execute(self, name: str, command: dict[str, Any], given: dict[str, Any]) -> None:
        # strict, as Kubeflow's own: a field that the message has not is an error
        message = json_format.ParseDict(given, pipeline_spec_pb2.ExecutorInput())
        text = json_format.MessageToJson(message)
        words = [*command["command"], *command["args"]]
        assert words.count(PLACEHOLDER) == 1
        # the image has its Python first on the path
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
        log = self._folder / f"{name}.log"
        with log.open("w") as file:
            process = subprocess.run(
                [text if word == PLACEHOLDER else word for word in words],
                cwd=self._folder,
                env={**os.environ, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
            )
        assert process.returncode == 0, log.read_text()[-5000:]

    def _told(self, given: dict[str, Any]) -> dict[str, Any]:
        """The artifacts that the entry point, or the driver, told of."""
        told = json_format.Parse(
            pathlib.Path(given["outputs"]["outputFile"]).read_text(),
            pipeline_spec_pb2.ExecutorOutput(),
        )
        return dict(json_format.MessageToDict(told).get("artifacts", {}))

    def _context(self, type_name: str, name: str) -> pb.Context:
        type_id = self._store.put_context_type(pb.ContextType(name=type_name))
        found = self._store.get_context_by_type_and_name(type_name, name)
        if found is None:
            self._store.put_contexts([pb.Context(type_id=type_id, name=name)])
            found = self._store.get_context_by_type_and_name(type_name, name)
        return found

    def _artifact(self, key: str, output: dict[str, Any]) -> pb.Artifact:
        artifact = pb.Artifact(
            type_id=self._store.put_artifact_type(pb.ArtifactType(name=_title(output))),
            uri=output["uri"],
            state=pb.Artifact.LIVE,
        )
        metadata = output.setdefault("metadata", {})
        metadata.setdefault("display_name", key)
        metadata.setdefault("store_session_info", "{}")
        for name, value in metadata.items():
            stored = artifact.custom_properties[name]
            if isinstance(value, str):
                stored.string_value = value
            elif isinstance(value, int | float):
                stored.double_value = float(value)
            else:
                json_format.ParseDict(value, stored.struct_value)
        return artifact


def run_together(*steps: tuple[Launcher, str]) -> None:
    """Executes tasks at the same time, two at most, and records them in their order."""
    with futures.ThreadPoolExecutor(max_workers=2) as pool:
        for running in [pool.submit(launcher.execute, task) for launcher, task in steps]:
            running.result()
    for launcher, task in steps:
        launcher.record(task)


def _title(output: dict[str, Any]) -> str:
    return str(yaml.safe_load(output["type"]["instanceSchema"])["title"])


def _lists(artifacts: dict[str, Any]) -> dict[str, Any]:
    return {key: {"artifacts": [artifact]} for key, artifact in artifacts.items()}


def _merge(artifacts: dict[str, Any], told: dict[str, Any]) -> None:
    for key, listed in told.items():
        (new,) = listed["artifacts"]
        artifact = artifacts[key]["artifacts"][0]
        artifact["uri"] = new.get("uri") or artifact["uri"]
        artifact["metadata"] = {**artifact.get("metadata", {}), **new.get("metadata", {})}


def _event(kind: pb.Event.Type, key: str) -> pb.Event:
    event = pb.Event(type=kind)
    event.path.steps.add(key=key)
    return event
