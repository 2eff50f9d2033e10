"""Reads sliced metrics back from ML Metadata, for the demo.

It asks ML Metadata only by type, by context and by events, which every version of it can answer.
"""

from __future__ import annotations

import json
import os

import pandas as pd
from google.protobuf import json_format
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2

SLICED_METRICS = "microtome.SlicedMetrics"
_RUN_CONTEXT = "pipeline_run"


def read_sqlite(path: str) -> pd.DataFrame:
    """Every recorded metric in an SQLite store.

    Args:
        path: The store's file.

    Returns:
        One row a run, node and slice, in order of the runs: columns `run` (1 for the first),
        `node`, `slice_key`, `columns` (of the slice), `example_count`, `uri`, `model_uri`,
        `evaluation_uri`, `span`, and one a metric.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if not os.path.exists(path):
        raise FileNotFoundError(path)
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = path
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    return read_store(metadata_store.MetadataStore(config))


def read_store(store: metadata_store.MetadataStore) -> pd.DataFrame:
    """As `read_sqlite`, from an open store."""
    artifacts = {
        artifact.id: artifact
        for artifact in store.get_artifacts_by_type(SLICED_METRICS)
        if artifact.state == metadata_store_pb2.Artifact.LIVE
    }
    runs = sorted(store.get_contexts_by_type(_RUN_CONTEXT), key=lambda run: run.id)
    rows = []
    for number, run in enumerate(runs, start=1):
        executions = [execution.id for execution in store.get_executions_by_context(run.id)]
        for event in store.get_events_by_execution_ids(executions):
            artifact = artifacts.get(event.artifact_id)
            if artifact is not None and event.type == metadata_store_pb2.Event.OUTPUT:
                rows += [{"run": number, **row} for row in _rows(artifact)]
    return pd.DataFrame(rows)


def _rows(artifact: metadata_store_pb2.Artifact) -> list[dict[str, object]]:
    properties = artifact.custom_properties
    common = {
        "node": properties["component_id"].string_value,
        "uri": artifact.uri,
        **{name: properties[name].string_value for name in ("model_uri", "evaluation_uri", "span")},
    }
    if "slices" in properties:
        slices = json_format.MessageToDict(properties["slices"].struct_value)["__value__"]
    else:
        slices = [
            {
                "slice_key": properties["slice_key"].string_value,
                "slice": json.loads(properties["slice"].string_value),
                "example_count": properties["example_count"].int_value,
                "metrics": json_format.MessageToDict(properties["metrics"].struct_value),
            }
        ]
    return [
        {
            **common,
            "slice_key": one["slice_key"],
            "columns": tuple(column for column, _ in one["slice"]),
            "example_count": int(one["example_count"]),
            **{name: _number(value) for name, value in one["metrics"].items()},
        }
        for one in slices
    ]


def _number(value: object) -> object:
    """NaN and the infinities are recorded as text."""
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value
