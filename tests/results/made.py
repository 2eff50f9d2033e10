"""Results to test with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from microtome.proto.config_pb2 import EvalRun
from microtome.results.values import metrics_for_slice
from microtome.results.writer import ResultsWriter

EVAL_RUN = EvalRun(
    eval_config={"model_specs": [{}], "slicing_specs": [{}, {"feature_keys": ["carrier"]}]},
    data_location="/data/eval-*",
    file_format="tfrecords",
    model_locations={"": "/models/7"},
)
SLICES: dict[tuple, dict[str, Any]] = {
    (): {"accuracy": 0.75, "post_export_metrics/example_count": 300.0},
    (("carrier", "AA"),): {"accuracy": 0.5, "post_export_metrics/example_count": 100.0},
    (("carrier", "UA"),): {"accuracy": 0.875, "post_export_metrics/example_count": 200.0},
}


def write(
    path: str | os.PathLike[str],
    slices: Mapping[tuple, Mapping[str, Any]] = SLICES,
    **run_info: Any,
) -> str:
    """Writes a result with Microtome and returns its path."""
    with ResultsWriter(path) as writer:
        writer.add_metrics(metrics_for_slice(key, metrics) for key, metrics in slices.items())
        writer.finish(EVAL_RUN, run_info)
    return str(path)
