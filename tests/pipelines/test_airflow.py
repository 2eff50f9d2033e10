"""The flights pipeline on Airflow."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

import microtome.pipelines

NODES = {"ImportExampleGen", "Trainer", "SlicedEvaluator-hold-out", "SlicedEvaluator-next-month"}
HISTORY = "LastEvaluations-SlicedEvaluator-next-month"

_LOAD_DAG = """
import json, os, sys
from airflow.models.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[1], include_examples=False)
print(json.dumps({
    "errors": bag.import_errors,
    "dags": {name: {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks}
             for name, dag in bag.dags.items()},
    "retries": sorted({task.retries for dag in bag.dags.values() for task in dag.tasks}),
}))
"""


@pytest.mark.slow
def test_airflow_loads_the_dag(tmp_path: pathlib.Path) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    source = pathlib.Path(microtome.pipelines.__file__).with_name("airflow.py")
    (dags / "flights.py").symlink_to(source)
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "240",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
        "MICROTOME_ROOT": str(tmp_path / "root"),
        "MICROTOME_DATA": str(tmp_path / "data"),
    }
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _LOAD_DAG, str(dags)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    loaded = json.loads(process.stdout.splitlines()[-1])
    assert loaded["errors"] == {}
    tasks = loaded["dags"]["flights"]
    assert set(tasks) == {*NODES, HISTORY}
    assert set(tasks["SlicedEvaluator-next-month"]) == {"ImportExampleGen", "Trainer", HISTORY}
    assert tasks["SlicedEvaluator-hold-out"] == ["ImportExampleGen", "Trainer"]
    assert loaded["retries"] == [0]
