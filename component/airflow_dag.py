"""Makes an Airflow DAG of a TFX pipeline."""

from __future__ import annotations

from typing import Any

from airflow import models
from airflow.utils.template import literal
from tfx.dsl.placeholder import placeholder
from tfx.orchestration import data_types
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.airflow import airflow_dag_runner

from microtome.component import airflow_launcher
from microtome.errors import ConfigError

# The argument of PythonOperator that TFX hands the nodes' execution properties in.
_PROPERTIES = "exec_properties"


def make_dag(pipeline: tfx_pipeline.Pipeline, **arguments: Any) -> models.DAG:
    """Makes a DAG of a pipeline, as TFX's `AirflowDagRunner` does, without its traps.

    Nodes run by `ComponentLauncher`. Strings of their configs reach them as they are: Airflow would
    take `{{` and `{%` in them for templates. Only a `RuntimeParameter` is a template still; its
    value comes from the configuration of the run, `airflow dags trigger --conf`.

    Example:
        ```python
        dag = make_dag(
            pipeline,
            schedule="@monthly",
            start_date=datetime.datetime(2013, 3, 1),
            catchup=False,
            default_args={"retries": 1},
        )
        ```

    Args:
        pipeline: The pipeline, with a connection to ML Metadata. Its name is the DAG's.
        arguments: Further ones of Airflow's `DAG`.

    Raises:
        ConfigError: The pipeline has no connection to ML Metadata, a `RuntimeParameter` has no
            default, or a Beam argument is a placeholder, none of which Airflow can do with.
    """
    _check(pipeline)
    templates = {
        (node.id, name)
        for node in pipeline.components
        for name, value in node.exec_properties.items()
        if isinstance(value, data_types.RuntimeParameter)
    }
    config = airflow_dag_runner.AirflowPipelineConfig(
        arguments, supported_launcher_classes=[airflow_launcher.ComponentLauncher]
    )
    dag = airflow_dag_runner.AirflowDagRunner(config).run(pipeline)
    for task in dag.tasks:
        properties = task.op_kwargs[_PROPERTIES]
        task.op_kwargs = {
            **task.op_kwargs,
            _PROPERTIES: {
                name: value if (task.task_id, name) in templates else literal(value)
                for name, value in properties.items()
            },
        }
    return dag


def _check(pipeline: tfx_pipeline.Pipeline) -> None:
    if pipeline.metadata_connection_config is None:
        raise ConfigError(
            f"The pipeline {pipeline.pipeline_info.pipeline_name!r} does not say where ML Metadata "
            "is, and Airflow does not know: give it metadata_connection_config=…, for instance "
            "microtome.tracking.stores.connection_config('postgresql://user:password@host/name')."
        )
    for node in pipeline.components:
        for name, value in node.exec_properties.items():
            if isinstance(value, data_types.RuntimeParameter) and value.default is None:
                raise ConfigError(
                    f"The RuntimeParameter {value.name!r} for {name} of {node.id} has no default, "
                    "which it needs on Airflow: scheduled runs have no configuration."
                )
        for argument in airflow_launcher.beam_args(node, pipeline.beam_pipeline_args):
            if isinstance(argument, placeholder.Placeholder):
                raise ConfigError(
                    f"A Beam argument of {node.id} is a placeholder, which Airflow does not know: "
                    f"{argument}. Give plain text."
                )
