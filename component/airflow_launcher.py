"""Launches the nodes of a TFX pipeline on Airflow, and keeps their account in ML Metadata right.

TFX runs a node on Airflow by a launcher, a driver and a publisher of an older kind than elsewhere.
What these leave undone is done here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow import exceptions
from tfx.dsl.components.base import base_node, executor_spec
from tfx.orchestration import data_types, metadata
from tfx.orchestration.launcher import in_process_component_launcher
from tfx.orchestration.portable import data_types as portable_data_types
from tfx.orchestration.portable import outputs_utils
from tfx.types import artifact as artifact_lib

from microtome import errors
from microtome.tracking import texts

_LOG = logging.getLogger(__name__)

_STATE = "state"
_FAILED = "failed"

_Outputs = Mapping[str, Sequence[artifact_lib.Artifact]]


class ComponentLauncher(in_process_component_launcher.InProcessComponentLauncher):
    """Runs a node in the process that Airflow has for the task, as TFX's own launcher does.

    Beyond that:

    * Two nodes of a pipeline may have outputs of one type under one key, and two pipelines may run
      at the same time of their schedules. TFX's launcher gives their artifacts the same name,
      which ML Metadata refuses.
    * Arguments of `with_beam_pipeline_args` reach the node; TFX's drops them.
    * Of a failed node the execution is FAILED, and what it announced as outputs is ABANDONED; TFX's
      leaves them as if the node were still running.
    * A task that is tried again goes on with the same execution. With TFX's, any further try fails
      with an AlreadyExistsError. A node that was done already in this run is not run again.
    * An artifact that an Importer brings is LIVE, so that resolvers find it.
    * A config of any length and with any characters can be recorded on PostgreSQL.

    Errors that the same run cannot get over (a wrong config, a verdict that is to fail the run) are
    raised as Airflow's AirflowFailException, after which it does not try again.
    """

    def __init__(
        self,
        component: base_node.BaseNode,
        pipeline_info: data_types.PipelineInfo,
        driver_args: data_types.DriverArgs,
        metadata_connection: metadata.Metadata,
        beam_pipeline_args: list[str],
        additional_pipeline_args: dict[str, Any],
        component_config: Any = None,
    ) -> None:
        super().__init__(
            component=component,
            pipeline_info=pipeline_info,
            driver_args=driver_args,
            metadata_connection=_Metadata(metadata_connection.connection_config),
            beam_pipeline_args=beam_args(component, beam_pipeline_args),
            additional_pipeline_args=additional_pipeline_args,
            component_config=component_config,
        )

    def launch(self) -> portable_data_types.ExecutionInfo:
        """Runs the driver, the executor and the publisher; see the class."""
        with self._metadata_connection as connection:
            earlier = connection.execution_of(self._component_info)
        if earlier is not None and _is_done(earlier):
            _LOG.warning(
                "%s is done already in this run, as execution %d: nothing to do. To have it done "
                "anew, start a new run.",
                self._component_info.component_id,
                earlier.id,
            )
            return portable_data_types.ExecutionInfo(execution_id=earlier.id)
        try:
            return super().launch()
        except BaseException as error:  # Airflow ends a task by exceptions of every kind
            self._record_failure()
            if isinstance(error, (errors.ConfigError, errors.HistoryError)):
                raise exceptions.AirflowFailException(str(error)) from error
            raise

    def _record_failure(self) -> None:
        try:
            with self._metadata_connection as connection:
                connection.fail_execution(self._component_info)
        except Exception:  # what the node failed of is what the user must see
            _LOG.warning("ML Metadata could not be told of the failure.", exc_info=True)


def beam_args(component: base_node.BaseNode, of_pipeline: list[str]) -> list[Any]:
    """The arguments of a node's Beam pipelines: the pipeline's, and behind them its own."""
    spec = component.executor_spec
    if not isinstance(spec, executor_spec.BeamExecutorSpec):
        return of_pipeline
    # TFX's Pipeline has put its own before them
    return list(spec.beam_pipeline_args)


class _Metadata(metadata.Metadata):
    """TFX's access to ML Metadata for its older launcher, with one execution a node and run."""

    def execution_of(self, component_info: data_types.ComponentInfo) -> Any:
        """The execution of this node in this run, of whatever state; None if there is none."""
        context = self.get_component_run_context(component_info)
        if context is None:
            return None
        executions = self.store.get_executions_by_context(context.id)
        return executions[0] if executions else None

    def fail_execution(self, component_info: data_types.ComponentInfo) -> None:
        """Marks the execution as failed, and what it was to put out as abandoned."""
        execution = self.execution_of(component_info)
        if execution is None or _is_done(execution):
            return
        execution.last_known_state = execution.FAILED
        execution.properties[_STATE].string_value = _FAILED
        ids = list(self._outputs(execution).values())
        outputs = self.store.get_artifacts_by_id(ids) if ids else []
        for output in outputs:
            output.state = output.ABANDONED
        self.store.put_execution(execution, [(output,) for output in outputs], [])

    def register_execution(
        self,
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
        contexts: list[Any],
        exec_properties: dict[str, Any] | None = None,
        input_artifacts: dict[str, list[artifact_lib.Artifact]] | None = None,
    ) -> Any:
        """Registers an execution, or takes up the one that an earlier try has left."""
        exec_properties = self._storable(exec_properties)
        earlier = self.execution_of(component_info)
        if earlier is None:
            return super().register_execution(
                pipeline_info=pipeline_info,
                component_info=component_info,
                contexts=contexts,
                exec_properties=exec_properties,
                input_artifacts=input_artifacts,
            )
        execution = self._prepare_execution(
            metadata.EXECUTION_STATE_NEW, exec_properties or {}, pipeline_info, component_info
        )
        execution.id = earlier.id
        contexts.append(self.get_component_run_context(component_info))
        self.update_execution(
            execution=execution,
            component_info=component_info,
            input_artifacts=input_artifacts,
            contexts=contexts,
        )
        return execution

    def update_execution(
        self,
        execution: Any,
        component_info: data_types.ComponentInfo,
        input_artifacts: dict[str, list[artifact_lib.Artifact]] | None = None,
        output_artifacts: dict[str, list[artifact_lib.Artifact]] | None = None,
        exec_properties: dict[str, Any] | None = None,
        execution_state: str | None = None,
        artifact_state: str | None = None,
        contexts: list[Any] | None = None,
    ) -> None:
        """Updates an execution; its outputs get names of their own, or those of an earlier try."""
        if output_artifacts:
            self._identify(execution, component_info, output_artifacts)
            if execution_state == metadata.EXECUTION_STATE_CACHED:
                _complete_imported(output_artifacts)
        super().update_execution(
            execution=execution,
            component_info=component_info,
            input_artifacts=input_artifacts,
            output_artifacts=output_artifacts,
            exec_properties=self._storable(exec_properties),
            execution_state=execution_state,
            artifact_state=artifact_state,
            contexts=contexts,
        )

    def get_cached_outputs(
        self,
        input_artifacts: dict[str, list[artifact_lib.Artifact]],
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, list[artifact_lib.Artifact]] | None:
        """Outputs of an earlier execution that had the same inputs and properties.

        None for a node whose earlier try has announced outputs: it would have both.
        """
        earlier = self.execution_of(component_info)
        if earlier is not None and self._outputs(earlier):
            return None
        return super().get_cached_outputs(
            input_artifacts, self._storable(exec_properties), pipeline_info, component_info
        )

    def _storable(self, exec_properties: dict[str, Any] | None) -> dict[str, Any]:
        """Execution properties as the store takes them; `read_text` makes texts of them again."""
        properties = exec_properties or {}
        config = self.connection_config
        if config.DESCRIPTOR.name != "ConnectionConfig" or not config.HasField("postgresql"):
            return properties
        stored: dict[str, Any] = {}
        for name, value in properties.items():
            text = value.decode("utf-8") if isinstance(value, bytes) else str(value)
            stored |= texts.text_properties(name, text)
        return stored

    def _identify(
        self, execution: Any, component_info: data_types.ComponentInfo, outputs: _Outputs
    ) -> None:
        registered = self._outputs(execution)
        run = component_info.pipeline_info.pipeline_run_context_name
        for key, artifacts in outputs.items():
            for index, artifact in enumerate(artifacts):
                if artifact.id:
                    continue
                if artifact.name:
                    artifact.name = f"{run}:{component_info.component_id}:{key}:{index}"
                if (key, index) in registered:
                    artifact.set_mlmd_artifact_type(
                        self._prepare_artifact_type(artifact.artifact_type)
                    )
                    artifact.id = registered[key, index]

    def _outputs(self, execution: Any) -> dict[tuple[str, int], int]:
        """Ids of the artifacts that an execution has announced or put out, by key and index."""
        return {
            (event.path.steps[0].key, event.path.steps[1].index): event.artifact_id
            for event in self.store.get_events_by_execution_ids([execution.id])
            if event.type == event.OUTPUT
        }


def _complete_imported(outputs: _Outputs) -> None:
    """Gives what an Importer brings its state and, without which it would count as old, version."""
    for key, artifacts in outputs.items():
        imported = [one for one in artifacts if one.mlmd_artifact.state != one.mlmd_artifact.LIVE]
        outputs_utils.tag_output_artifacts_with_version({key: imported})
        for artifact in imported:
            artifact.state = artifact_lib.ArtifactState.PUBLISHED


def _is_done(execution: Any) -> bool:
    return execution.properties[_STATE].string_value in metadata.FINAL_EXECUTION_STATES
