"""Kubeflow Pipelines v2: compiles a pipeline for it, and runs one task of it in a container.

    python -m microtome.component.kubeflow --executor_class_path ...

is the command of every compiled task. It is TFX's own entry point, and mends what is missing there:

* `SlicedMetrics` is of Kubeflow's type `system.Metrics`, so that Kubeflow's page of a task shows
  its numbers as a table, and holds them against those of other runs. TFX knows no way to title an
  artifact type of one's own.
* Open-source Kubeflow does not run the driver of ExampleGen, which finds the newest span; it is run
  here unless it has been. With schema 2.0 TFX's executor does not read what the driver found.
* An artifact has the id that ML Metadata knows it by, not a hash of it.
* Beam is given the pipeline's arguments only. TFX puts the program's name before them, for which
  Beam packs all of TFX at every start.
"""

from __future__ import annotations

import argparse
import json
import pathlib
from typing import Any

try:
    from kfp.pipeline_spec import pipeline_spec_pb2
except ImportError as error:
    raise ImportError(
        "microtome.component.kubeflow needs Kubeflow's client of version 2, which is not "
        "installed: pip install 'microtome[tfx,kfp]'."
    ) from error
import yaml
from absl import app
from google.protobuf import json_format
from tfx.components.example_gen import base_example_gen_executor
from tfx.dsl.io import fileio
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as tfx_artifacts
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor as run_executor
from tfx.orchestration.kubeflow.v2.file_based_example_gen import driver
from tfx.types import standard_component_specs
from tfx.types.artifact import Artifact
from tfx.utils import import_utils, name_utils

from microtome.component.artifacts import SlicedMetrics

COMMAND = ("python", "-m", "microtome.component.kubeflow")

# The type of Kubeflow's own whose properties its page shows as a table of names and values.
METRICS_TITLE = "system.Metrics"

_compiled_schema = compiler_utils.get_artifact_schema
_hashed_id = tfx_artifacts._get_hashed_id


def write_pipeline(
    pipeline: tfx_pipeline.Pipeline, output: str, *, image: str, vertex: bool = False
) -> None:
    """Compiles a pipeline and writes it to a file.

    Args:
        pipeline: The pipeline. Its `SlicedEvaluator`s must have `tracking.publish: SINGLE`, and no
            history: Kubeflow v2 takes one artifact of each output and has no resolver of one's own.
        output: The file: YAML of schema 2.1 for open-source Kubeflow, or, with `vertex`, JSON of
            schema 2.0.
        image: The container image of all tasks, which has Microtome; see `docs/kubeflow.md`.
        vertex: Whether it is for Google's Vertex AI Pipelines.
    """
    # it imports all of TFX's components, which running a task does without
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

    register()
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
        default_image=image, default_commands=list(COMMAND), use_pipeline_spec_2_1=not vertex
    )
    job = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config).run(pipeline, write_out=False)
    if vertex:
        text = json.dumps(job, indent=1, sort_keys=True)
    else:
        spec = job["pipelineSpec"]
        spec["defaultPipelineRoot"] = pipeline.pipeline_info.pipeline_root
        _never_cache_ingestion(spec)
        text = yaml.safe_dump(spec)
    pathlib.Path(output).write_text(text, encoding="utf-8")


def register() -> None:
    """Makes TFX's compiler and entry point take `SlicedMetrics` for Kubeflow's `system.Metrics`."""
    compiler_utils.TITLE_TO_CLASS_PATH[METRICS_TITLE] = name_utils.get_full_name(SlicedMetrics)
    compiler_utils.get_artifact_schema = _schema
    tfx_artifacts._get_hashed_id = _id_of


def main(argv: list[str] | None = None) -> None:
    """Runs one task: the container's command line is that of TFX's entry point."""
    register()
    app.run(_run, argv=argv, flags_parser=lambda args: run_executor._parse_flags(args[1:]))


def _run(parsed: tuple[argparse.Namespace, list[str]]) -> None:
    args, beam_args = parsed
    _resolve_span(args)
    run_executor.main((args, beam_args))


def _schema(artifact_type: type[Artifact]) -> Any:
    if artifact_type is SlicedMetrics:
        return yaml.safe_dump({"title": METRICS_TITLE, "type": "object"})
    return _compiled_schema(artifact_type)


def _id_of(name: str, name_from_id: dict[int, str]) -> int:
    """Open-source Kubeflow names an artifact by its id in ML Metadata; Vertex gives it a path."""
    if not name.isdecimal():
        return _hashed_id(name, name_from_id)
    name_from_id[int(name)] = name
    return int(name)


def _never_cache_ingestion(spec: dict[str, Any]) -> None:
    """Lets tasks with a driver run each time: their parameters do not tell of a new span."""
    executors = spec["deploymentSpec"]["executors"]
    for task in spec["root"]["dag"]["tasks"].values():
        label = spec["components"][task["componentRef"]["name"]]["executorLabel"]
        if "lifecycle" in executors[label].get("container", {}):
            task.pop("cachingOptions", None)


def _resolve_span(args: argparse.Namespace) -> None:
    """Gives an ExampleGen's executor what its driver finds, which is run unless it has been."""
    given = pipeline_spec_pb2.ExecutorInput()
    json_format.Parse(args.json_serialized_invocation_args, given, ignore_unknown_fields=True)
    executor = import_utils.import_class_by_path(args.executor_class_path)
    is_ingestion = issubclass(executor, base_example_gen_executor.BaseExampleGenExecutor)
    parameters = {**given.inputs.parameter_values, **given.inputs.parameters}
    if not is_ingestion or standard_component_specs.INPUT_BASE_KEY not in parameters:
        return
    if not fileio.exists(given.outputs.output_file):
        driver.main(args)
    found = pipeline_spec_pb2.ExecutorOutput()
    with fileio.open(given.outputs.output_file, "r") as file:
        json_format.Parse(file.read(), found, ignore_unknown_fields=True)
    for key, artifacts in found.artifacts.items():
        given.outputs.artifacts[key].artifacts[0].metadata.MergeFrom(
            artifacts.artifacts[0].metadata
        )
    for name, value in found.parameter_values.items():
        # those of schema 2.1 the executor reads itself
        if value.HasField("string_value"):
            given.inputs.parameters[name].string_value = value.string_value
        else:
            given.inputs.parameters[name].int_value = int(value.number_value)
    args.json_serialized_invocation_args = json_format.MessageToJson(given)


if __name__ == "__main__":
    main()
