"""Flink as a standalone cluster on loopback, with Beam's job server in front of it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

from tests.engines import programs
from tests.processes import HOST, free_port, serving

VERSION = "1.19"
SLOTS = 2
TASK_MANAGERS = 2

_DRIVER = "org.apache.beam.runners.flink.FlinkJobServerDriver"
_MEMORY = {
    "taskmanager.cpu.cores": "2.0",
    "taskmanager.memory.framework.heap.size": "128m",
    "taskmanager.memory.framework.off-heap.size": "128m",
    "taskmanager.memory.task.heap.size": "256m",
    "taskmanager.memory.task.off-heap.size": "64m",
    "taskmanager.memory.network.min": "192m",
    "taskmanager.memory.network.max": "192m",
    "taskmanager.memory.managed.size": "256m",
    "taskmanager.memory.jvm-metaspace.size": "256m",
    "taskmanager.memory.jvm-overhead.min": "128m",
    "taskmanager.memory.jvm-overhead.max": "128m",
}


@dataclasses.dataclass
class Cluster:
    """A running cluster.

    Attributes:
        beam_args: what Beam needs to run a pipeline on it, by a job server that runs already.
        runner_args: the same, by a FlinkRunner that starts a job server itself.
        task_managers: the workers' processes; each has `SLOTS` slots.
        pool: the Python workers.
        rest_port: of the job manager.
    """

    beam_args: list[str]
    runner_args: list[str]
    task_managers: list[subprocess.Popen[bytes]]
    pool: programs.Pool
    rest_port: int

    def ask(self, path: str) -> Any:
        """What the job manager's REST service answers."""
        with urllib.request.urlopen(f"http://{HOST}:{self.rest_port}{path}", timeout=10) as answer:
            return json.load(answer)

    def last_job(self) -> dict[str, Any] | None:
        """The job that was started last, with its vertices."""
        jobs = self.ask("/jobs/overview")["jobs"]
        if not jobs:
            return None
        last = max(jobs, key=lambda job: job["start-time"])
        return self.ask(f"/jobs/{last['jid']}")


@contextlib.contextmanager
def cluster(folder: pathlib.Path, heartbeat_seconds: int = 60) -> Iterator[Cluster]:
    """Runs a job manager, task managers, a pool of Python workers and Beam's job server.

    Args:
        folder: for their files.
        heartbeat_seconds: how long a task manager may be silent before it counts as lost.

    Raises:
        NotInstalledError: Java, Flink or the job server is not there.
    """
    lib = programs.distribution("pyflink") / "lib"
    jars = programs.job_server("flink")
    rpc, rest = free_port(), free_port()
    conf = _write_conf(folder, rpc, rest, heartbeat_seconds)
    with contextlib.ExitStack() as stack:

        def run(name: str, main: str, *arguments: str, port: int = 0) -> subprocess.Popen[bytes]:
            command = [
                *programs.java("448m"),
                *programs.OPENS,
                f"-Dlog4j.configurationFile={conf}/log4j.properties",
                # Beam's jars are there already, so that a job need not bring them
                *("-cp", f"{lib}/*:{jars}/*", main, "--configDir", str(conf), *arguments),
            ]
            return stack.enter_context(serving(command, folder, port, log_name=f"{name}.log"))

        entry = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
        run("job_manager", entry, "--executionMode", "cluster", port=rest)
        runner = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
        workers = [
            run(
                f"task_manager_{number}",
                runner,
                *_settings({**_MEMORY, "taskmanager.resource-id": f"tm{number}"}),
            )
            for number in range(TASK_MANAGERS)
        ]
        pool = stack.enter_context(programs.worker_pool(folder))
        found = Cluster([], [], workers, pool, rest)
        programs.wait_until(
            lambda: len(found.ask("/taskmanagers")["taskmanagers"]) == TASK_MANAGERS,
            "all task managers are there",
        )
        endpoint = stack.enter_context(
            programs.running_job_server(
                folder,
                [f"{lib}/*", f"{jars}/*"],
                _DRIVER,
                [f"--flink-master={HOST}:{rest}", f"--flink-conf-dir={conf}"],
            )
        )
        parallelism = f"--parallelism={SLOTS}"
        found.beam_args = [*programs.portable_args(endpoint, folder, pool), parallelism]
        jar = programs.executable_jar(folder / "job_server.jar", _DRIVER, [lib, jars])
        found.runner_args = [
            f"--flink_master={HOST}:{rest}",
            f"--flink_job_server_jar={jar}",
            f"--flink_version={VERSION}",
            *programs.worker_args(folder, pool),
            parallelism,
        ]
        yield found


def _settings(settings: dict[str, str]) -> list[str]:
    return [part for name, value in settings.items() for part in ("-D", f"{name}={value}")]


def _write_conf(folder: pathlib.Path, rpc: int, rest: int, heartbeat_seconds: int) -> pathlib.Path:
    conf = folder / "conf"
    conf.mkdir()
    settings = {
        "jobmanager.rpc.address": HOST,
        "jobmanager.rpc.port": rpc,
        "jobmanager.bind-host": HOST,
        "jobmanager.memory.process.size": "1024m",
        "taskmanager.host": HOST,
        "taskmanager.bind-host": HOST,
        "taskmanager.numberOfTaskSlots": SLOTS,
        "cluster.evenly-spread-out-slots": "true",
        "rest.address": HOST,
        "rest.bind-address": HOST,
        "rest.port": rest,
        "rest.bind-port": rest,
        "io.tmp.dirs": folder / "tmp",
        # a lost task manager is noticed, and what it did is done anew
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": 5,
        "restart-strategy.fixed-delay.delay": "1 s",
        "classloader.resolve-order": "parent-first",
        "heartbeat.interval": 1000,
        "heartbeat.timeout": heartbeat_seconds * 1000,
        "env.java.opts.all": " ".join(programs.OPENS),
    }
    (folder / "tmp").mkdir()
    text = "".join(f"{name}: {value}\n" for name, value in settings.items())
    (conf / "flink-conf.yaml").write_text(text, encoding="utf-8")
    (conf / "log4j.properties").write_text(programs.LOG4J, encoding="utf-8")
    return conf
