"""The flights pipeline as an Airflow DAG: put this file, or a link to it, into the dags folder.

Environment variables say where it works: `MICROTOME_ROOT` (all that the components write, and ML
Metadata's SQLite file) and `MICROTOME_DATA` (the spans). Airflow needs
`AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT=120`: importing TFX takes about as long as the default of 30
seconds.
"""

from __future__ import annotations

import datetime
import os

from tfx.orchestration import metadata
from tfx.orchestration.airflow import airflow_dag_runner

from microtome.pipelines import local
from microtome.pipelines.flights import pipeline as flights_pipeline

_ROOT = os.path.abspath(os.environ.get("MICROTOME_ROOT", "pipeline"))
_DATA = os.path.abspath(os.environ.get("MICROTOME_DATA", "data"))

# No retries: a second try of a TFX task in the same run meets its own first try in ML Metadata,
# and fails.
_CONFIG = {
    "schedule_interval": "@monthly",
    "start_date": datetime.datetime(2013, 3, 1),
    "catchup": False,
    "default_args": {"retries": 0},
}

dag = airflow_dag_runner.AirflowDagRunner(airflow_dag_runner.AirflowPipelineConfig(_CONFIG)).run(
    flights_pipeline.create_pipeline(
        local.PIPELINE_NAME,
        _ROOT,
        _DATA,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            os.path.join(_ROOT, local.METADATA_FILE)
        ),
    )
)
