"""Compiles the flights pipeline for Kubeflow Pipelines v2.

    python -m microtome.pipelines.kubeflow --root gs://bucket/pipeline --data gs://bucket/data \
        --image registry/microtome:1 --output flights.yaml

writes YAML for open-source Kubeflow; `--vertex` writes JSON for Google's Vertex AI Pipelines.
`docs/kubeflow.md` leads from here to the metrics.

Kubeflow v2 allows one artifact a key, so the tracked slices of an evaluation go into one
`SlicedMetrics` artifact. It has no resolver that finds earlier evaluations, so that none is held
against its history.
"""

from __future__ import annotations

import argparse

from microtome.component import kubeflow
from microtome.pipelines.flights import pipeline as flights_pipeline
from microtome.proto import config_pb2

PIPELINE_NAME = "flights"


def compile_pipeline(
    root: str,
    data_root: str,
    image: str,
    output: str,
    *,
    vertex: bool = False,
    train_steps: int = flights_pipeline.TRAIN_STEPS,
) -> None:
    """Writes the pipeline to the file `output`.

    Args:
        root: URI of the pipeline's root, which all steps can write to.
        data_root: URI of the spans.
        image: Container image with TFX and Microtome.
        output: Path of the file to write: YAML of schema 2.1, or JSON of schema 2.0 with `vertex`.
        vertex: Whether it is for Vertex AI Pipelines.
        train_steps: Batches of 512 rows that the model is trained on.
    """
    pipeline = flights_pipeline.create_pipeline(
        PIPELINE_NAME,
        root,
        data_root,
        train_steps=train_steps,
        publish=config_pb2.Tracking.SINGLE,
        history=False,
    )
    kubeflow.write_pipeline(pipeline, output, image=image, vertex=vertex)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compile the flights pipeline for Kubeflow v2.")
    parser.add_argument("--root", required=True, help="URI of the pipeline's root")
    parser.add_argument("--data", required=True, help="URI of the folder of the spans")
    parser.add_argument("--image", required=True, help="container image with TFX and Microtome")
    parser.add_argument("--output", help="file to write; flights.yaml, or flights.json for Vertex")
    parser.add_argument("--vertex", action="store_true", help="for Vertex AI Pipelines")
    parser.add_argument("--train-steps", type=int, default=flights_pipeline.TRAIN_STEPS)
    arguments = parser.parse_args()
    compile_pipeline(
        arguments.root,
        arguments.data,
        arguments.image,
        arguments.output or ("flights.json" if arguments.vertex else "flights.yaml"),
        vertex=arguments.vertex,
        train_steps=arguments.train_steps,
    )


if __name__ == "__main__":
    main()
