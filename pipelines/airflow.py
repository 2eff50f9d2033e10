"""The flights pipeline as an Airflow DAG: put this file, or a link to it, into the dags folder.

Any name does, `airflow.py` too: Airflow appends the dags folder to the module search path, so that
its own package is found first. (Do not start Python with that folder in front, as
`python airflow.py` does.)

These environment variables of the scheduler and the workers say where it works:

* `MICROTOME_ROOT`: folder for all that the components write;
* `MICROTOME_DATA`: folder of the spans, of which a run takes the newest;
* `MICROTOME_METADATA`: ML Metadata, as a path or a URL: `postgresql://user:password@host/name`,
  `mysql://…`, `grpc://host:port`; by default an SQLite file in `MICROTOME_ROOT`;
* `MICROTOME_TRAIN_STEPS`: for how many steps the model is trained.

Airflow needs `AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT=120`, as importing TFX takes about as long as
the default of 30 seconds. `docs/airflow.md` tells the rest.
"""

from __future__ import annotations

import datetime
import os

from microtome.component.airflow_dag import make_dag
from microtome.pipelines import local
from microtome.pipelines.flights import pipeline as flights_pipeline
from microtome.tracking.stores import connection_config

_ROOT = os.path.abspath(os.environ.get("MICROTOME_ROOT", "pipeline"))

dag = make_dag(
    flights_pipeline.create_pipeline(
        local.PIPELINE_NAME,
        _ROOT,
        os.path.abspath(os.environ.get("MICROTOME_DATA", "data")),
        train_steps=int(os.environ.get("MICROTOME_TRAIN_STEPS", flights_pipeline.TRAIN_STEPS)),
        metadata_connection_config=connection_config(
            os.environ.get("MICROTOME_METADATA") or os.path.join(_ROOT, local.METADATA_FILE)
        ),
    ),
    schedule="@monthly",
    start_date=datetime.datetime(2013, 3, 1),
    catchup=False,
    # each run is held against the one before
    max_active_runs=1,
    default_args={"retries": 1},
)
