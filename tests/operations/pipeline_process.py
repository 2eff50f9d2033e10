"""Runs a pipeline: `python -m tests.operations.pipeline_process FOLDER MODEL_URI EXAMPLES_URI`."""

from __future__ import annotations

import pathlib
import sys

from tests.component.test_local_run import Pipeline

TRACKING = {"max_slices": 50}

if __name__ == "__main__":
    Pipeline(pathlib.Path(sys.argv[1]), *sys.argv[2:]).run(tracking=TRACKING)
