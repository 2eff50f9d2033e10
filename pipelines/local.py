"""Runs the flights pipeline once, here, with ML Metadata in an SQLite file.

    python -m microtome.pipelines.local --data data --root pipeline

reads the newest span of `data` (see `microtome.pipelines.flights.data`).
"""

from __future__ import annotations

import argparse
import os

from tfx.orchestration import metadata
from tfx.orchestration.local import local_dag_runner

from microtome.pipelines.flights import pipeline as flights_pipeline

PIPELINE_NAME = "flights"
METADATA_FILE = "metadata.sqlite"


def run(root: str, data_root: str, *, train_steps: int = flights_pipeline.TRAIN_STEPS) -> None:
    """Runs the pipeline on the newest span of `data_root`; everything is written under `root`."""
    root = os.path.abspath(root)
    local_dag_runner.LocalDagRunner().run(
        flights_pipeline.create_pipeline(
            PIPELINE_NAME,
            root,
            os.path.abspath(data_root),
            train_steps=train_steps,
            metadata_connection_config=metadata.sqlite_metadata_connection_config(
                os.path.join(root, METADATA_FILE)
            ),
        )
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Run the flights pipeline once.")
    parser.add_argument("--data", required=True, help="folder of the spans")
    parser.add_argument("--root", required=True, help="folder to write to")
    parser.add_argument("--train-steps", type=int, default=flights_pipeline.TRAIN_STEPS)
    arguments = parser.parse_args()
    run(arguments.root, arguments.data, train_steps=arguments.train_steps)


if __name__ == "__main__":
    main()
