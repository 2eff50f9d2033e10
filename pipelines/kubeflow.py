"""Compiles the flights pipeline for Kubeflow Pipelines v2.

    python -m microtome.pipelines.kubeflow --root gs://bucket/pipeline --data gs://bucket/data \
        --image registry/microtome:1 --output flights.yaml

Kubeflow v2 allows one artifact a key, so the tracked slices of an evaluation go into one
`SlicedMetrics` artifact. It has no resolver that finds earlier evaluations, so that none is held
against its history.
"""

from __future__ import annotations

import argparse
import os

from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

from microtome.pipelines.flights import pipeline as flights_pipeline
from microtome.proto import config_pb2

PIPELINE_NAME = "flights"


def compile_pipeline(root: str, data_root: str, image: str, output: str) -> None:
    """Writes the pipeline's specification, as YAML of schema 2.1, to the file `output`.

    Args:
        root: URI of the pipeline's root, which all steps can write to.
        data_root: URI of the spans.
        image: Container image with TFX and Microtome.
        output: Path of the file to write.
    """
    pipeline = flights_pipeline.create_pipeline(
        PIPELINE_NAME,
        root,
        data_root,
        publish=config_pb2.Tracking.SINGLE,
        history=False,
    )
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
        default_image=image, use_pipeline_spec_2_1=True
    )
    folder, name = os.path.split(os.path.abspath(output))
    kubeflow_v2_dag_runner.KubeflowV2DagRunner(
        config=config, output_dir=folder, output_filename=name
    ).run(pipeline)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compile the flights pipeline for Kubeflow v2.")
    parser.add_argument("--root", required=True, help="URI of the pipeline's root")
    parser.add_argument("--data", required=True, help="URI of the folder of the spans")
    parser.add_argument("--image", required=True, help="container image with TFX and Microtome")
    parser.add_argument("--output", default="flights.yaml", help="file to write")
    arguments = parser.parse_args()
    compile_pipeline(arguments.root, arguments.data, arguments.image, arguments.output)


if __name__ == "__main__":
    main()
