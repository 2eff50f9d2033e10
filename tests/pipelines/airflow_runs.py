"""Runs DAGs one after another in this process, on a fresh database of Airflow's.

    python -m tests.pipelines.airflow_runs '[{"dag": "flights", "day": 1}, ...]'

Of each run: the DAG, the day that is its logical date, optionally `conf`, its configuration, and
`moves`, what is renamed before it. The same day is the same run, cleared and run again. The last
line that it prints is JSON: of each run its state, and of each of its tasks state and tries; of
each DAG file that Airflow could not load the error.

Airflow reads its settings when it is imported, and keeps them: hence a process of its own.
"""

from __future__ import annotations

import datetime
import itertools
import json
import os
import pathlib
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests import committed


def environment(folder: pathlib.Path, dags: pathlib.Path, **more: str) -> dict[str, str]:
    """Variables for an Airflow that has `folder` as its home, its database there.

    Args:
        folder: Its home.
        dags: The dags folder.
        more: Further variables, or others.
    """
    return {
        **os.environ,
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
        # the machine may do much else
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "240",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db",
        **more,
    }


def run_all(asked: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Runs what is asked for; gives what became of it, and the seconds that it took."""
    clock = [time.monotonic()]
    from airflow.models.dagbag import DagBag
    from airflow.utils import db

    db.initdb()
    clock.append(time.monotonic())
    bag = DagBag(include_examples=False)
    clock.append(time.monotonic())
    runs = []
    for one in asked:
        for source, target in one.get("moves", {}).items():
            os.replace(source, target)
        date = datetime.datetime(2024, 1, one["day"], tzinfo=datetime.timezone.utc)
        run = bag.dags[one["dag"]].test(execution_date=date, run_conf=one.get("conf"))
        tasks = run.get_task_instances()
        runs.append(
            {
                "run_id": run.run_id,
                "state": run.state,
                "tasks": {task.task_id: task.state for task in tasks},
                "tries": {task.task_id: task.try_number for task in tasks},
            }
        )
        clock.append(time.monotonic())
    seconds = [round(after - before, 1) for before, after in itertools.pairwise(clock)]
    refused = {pathlib.Path(path).name: error for path, error in bag.import_errors.items()}
    return {
        "runs": runs,
        "refused": refused,
        "initdb": seconds[0],
        "imports": seconds[1],
        "seconds": seconds[2:],
    }


def write_small(model: committed.CommittedModel, folder: pathlib.Path) -> None:
    """Writes what airflow_traps.py evaluates: a small model, and its data twice.

    Once it is in `examples`; and once in `late`, for `missing`, which has none.
    """
    import tensorflow as tf

    shutil.copytree(model.model_path, folder / "model" / "Format-TFMA")
    for examples in ("examples", "late"):
        split = folder / examples / "Split-eval"
        split.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(split / "data_tfrecord-00000-of-00001.gz"), "GZIP") as file:
            for record in model.records:
                file.write(record)
    (folder / "missing").mkdir()


def main() -> None:
    """The command line."""
    print(json.dumps(run_all(json.loads(sys.argv[1]))))


if __name__ == "__main__":
    main()
