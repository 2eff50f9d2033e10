"""Compiles the flights pipeline for Kubeflow Pipelines v1, in an environment with `tfx[kfp]`.

    python -m microtome.pipelines.kubeflow_v1 --root gs://bucket/pipeline --data gs://bucket/data \
        --image registry/microtome:1 --output flights-v1.yaml

There TFX's own launcher runs in each container: one artifact a slice, and the history of earlier
runs, as on one machine.
"""

from __future__ import annotations

import argparse
import os

from tfx.orchestration.kubeflow import kubeflow_dag_runner

from microtome.pipelines.flights import pipeline as flights_pipeline

PIPELINE_NAME = "flights"
METADATA_UI_PATH = "/tmp/mlpipeline-ui-metadata.json"


def compile_pipeline(
    root: str,
    data_root: str,
    image: str,
    output: str,
    *,
    train_steps: int = flights_pipeline.TRAIN_STEPS,
) -> None:
    """Writes the pipeline, as a workflow of Argo, to the file `output`.

    Args:
        root: URI of the pipeline's root, which all steps can write to.
        data_root: URI of the spans.
        image: Container image with TFX and Microtome.
        output: Path of the YAML file to write.
        train_steps: Batches of 512 rows that the model is trained on.
    """
    pipeline = flights_pipeline.create_pipeline(
        PIPELINE_NAME, root, data_root, train_steps=train_steps
    )
    # TFX's default is at the root of the file system, where the image's user cannot write
    config = kubeflow_dag_runner.KubeflowDagRunnerConfig(
        tfx_image=image, metadata_ui_path=METADATA_UI_PATH
    )
    folder, name = os.path.split(os.path.abspath(output))
    kubeflow_dag_runner.KubeflowDagRunner(
        output_dir=folder, output_filename=name, config=config
    ).run(pipeline)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compile the flights pipeline for Kubeflow v1.")
    parser.add_argument("--root", required=True, help="URI of the pipeline's root")
    parser.add_argument("--data", required=True, help="URI of the folder of the spans")
    parser.add_argument("--image", required=True, help="container image with TFX and Microtome")
    parser.add_argument("--output", default="flights-v1.yaml", help="file to write")
    parser.add_argument("--train-steps", type=int, default=flights_pipeline.TRAIN_STEPS)
    arguments = parser.parse_args()
    compile_pipeline(
        arguments.root,
        arguments.data,
        arguments.image,
        arguments.output,
        train_steps=arguments.train_steps,
    )


if __name__ == "__main__":
    main()
