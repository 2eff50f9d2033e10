"""Airflow as it is really run: its commands, and a scheduler with LocalExecutor on PostgreSQL."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote

import psutil

from tests.pipelines.airflow_runs import environment
from tests.tracking import servers

DATABASE = "airflow"
STOP_SECONDS = 60

# Found by its name in AIRFLOW_HOME/config. The processes of tasks, and the one that reads the dags
# folder, are forked from the scheduler: what it has imported, they have.
LOCAL_SETTINGS = """
import sys

if "scheduler" in sys.argv:
    import microtome.pipelines.flights.pipeline
    import microtome.pipelines.flights.trainer
"""


class Airflow:
    """An Airflow of its own.

    Args:
        folder: Its home.
        dags: The dags folder.
        server: PostgreSQL, on which its database is made.
        more: Further variables for it.
    """

    def __init__(
        self, folder: pathlib.Path, dags: pathlib.Path, server: servers.Server, **more: str
    ) -> None:
        servers.psql(server, f"CREATE DATABASE {DATABASE}")
        (folder / "config").mkdir(parents=True)
        (folder / "config" / "airflow_local_settings.py").write_text(LOCAL_SETTINGS)
        self._folder = folder
        self._server = server
        self.seconds: dict[str, float] = {}
        user, password = servers.USER, quote(servers.PASSWORD, safe="")
        address = f"{servers.HOST}:{server.port}/{DATABASE}"
        self._environment = environment(
            folder,
            dags,
            AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"postgresql+psycopg2://{user}:{password}@{address}",
            AIRFLOW__CORE__EXECUTOR="LocalExecutor",
            AIRFLOW__CORE__PARALLELISM="2",
            AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="False",
            AIRFLOW__CORE__DAG_FILE_PROCESSOR_TIMEOUT="240",
            AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY="1",
            AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL="600",
            AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE="False",
            AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
            **more,
        )

    def run(self, *arguments: str) -> str:
        """Runs one of Airflow's commands; what it prints.

        Raises:
            RuntimeError: It failed.
        """
        started = time.monotonic()
        done = subprocess.run(
            self._command(*arguments),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        name = " ".join(one for one in arguments[:2])
        self.seconds[name] = self.seconds.get(name, 0) + time.monotonic() - started
        if done.returncode:
            raise RuntimeError(f"airflow {name} failed:\n{done.stdout[-5000:]}")
        return done.stdout

    @contextlib.contextmanager
    def scheduler(self) -> Iterator[psutil.Process]:
        """Runs the scheduler until the end of the block, when all its processes must be gone.

        Raises:
            RuntimeError: It does not end when it is asked to.
        """
        with (self._folder / "scheduler.log").open("wb") as log:
            process = subprocess.Popen(
                self._command("scheduler", "--skip-serve-logs"),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        scheduler = psutil.Process(process.pid)
        try:
            yield scheduler
        finally:
            family = scheduler.children(recursive=True) if process.poll() is None else []
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            _, left = psutil.wait_procs(family, timeout=STOP_SECONDS)
            # whoever has adopted them may let them be
            left = [one for one in left if _is_running(one)]
            if process.poll() is None:
                left.append(scheduler)
            for one in left:
                one.kill()
            process.wait()
        if left:
            raise RuntimeError(f"Of the scheduler these did not end: {left}")

    def runners(self, scheduler: psutil.Process, task: str) -> list[psutil.Process]:
        """The processes under the scheduler in which a task runs, as `<DAG> <task>`."""
        found = []
        for process in scheduler.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if " ".join(process.cmdline()).startswith(f"airflow task runner: {task} "):
                    found.append(process)
        return found

    def states(self) -> dict[str, str]:
        """The state of each run of a DAG, by its id."""
        return dict(self._rows("SELECT run_id, state FROM dag_run ORDER BY id"))

    def tasks(self, run: str) -> dict[str, tuple[str, int]]:
        """State and number of tries of each task of a run."""
        rows = self._rows(
            f"SELECT task_id, state, try_number FROM task_instance WHERE run_id = '{run}'"
        )
        return {task: (state, int(tries)) for task, state, tries in rows}

    def wait(self, what: str, is_there: Callable[[], bool], seconds: float = 400) -> None:
        """Waits until something is so.

        Raises:
            TimeoutError: It is not so after these seconds.
        """
        started = time.monotonic()
        while not is_there():
            if time.monotonic() > started + seconds:
                log = (self._folder / "scheduler.log").read_text()
                raise TimeoutError(f"{what} did not come about:\n{log[-5000:]}")
            time.sleep(0.3)
        self.seconds[what] = time.monotonic() - started

    def _rows(self, query: str) -> list[list[str]]:
        text = servers.psql(self._server, query, DATABASE)
        return [line.split("|") for line in text.splitlines()]

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        return [sys.executable, "-W", "ignore", "-m", "airflow", *arguments]


def _is_running(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def told(seconds: Mapping[str, float]) -> str:
    """What took how long, as a text."""
    return ", ".join(f"{what} {taken:.0f} s" for what, taken in seconds.items())
