"""Spark as a standalone cluster on loopback, with Beam's job server in front of it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

from tests.engines import programs
from tests.processes import HOST, free_port, serving

VERSION = "3.5"
_DRIVER = "org.apache.beam.runners.spark.SparkJobServerDriver"


@dataclasses.dataclass
class Cluster:
    """A running cluster.

    Attributes:
        beam_args: what Beam needs to run a pipeline on it, by a job server that runs already.
        runner_args: the same, by a SparkRunner that starts a job server itself.
        workers: the workers' processes.
        web_port: of the master.
    """

    beam_args: list[str]
    runner_args: list[str]
    workers: list[subprocess.Popen[bytes]]
    web_port: int

    def state(self) -> Any:
        """What the master tells of itself, its workers and applications."""
        with urllib.request.urlopen(f"http://{HOST}:{self.web_port}/json/", timeout=10) as answer:
            return json.load(answer)


@contextlib.contextmanager
def cluster(folder: pathlib.Path, workers: int = 2) -> Iterator[Cluster]:
    """Runs a master, workers of one core each, a pool of Python workers and Beam's job server.

    Raises:
        NotInstalledError: Java, Spark or the job server is not there.
    """
    home = programs.distribution("pyspark")
    jars = programs.job_server("spark")
    port, web_port = free_port(), free_port()
    environment = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": HOST,
        # its launcher would look for a source tree to learn it
        "SPARK_SCALA_VERSION": "2.12",
        "JAVA_HOME": str(pathlib.Path(shutil.which("java") or "java").resolve().parents[1]),
    }
    with contextlib.ExitStack() as stack:

        def run(name: str, main: str, *arguments: str, port: int) -> subprocess.Popen[bytes]:
            command = [*programs.java("256m"), *programs.OPENS, "-cp", f"{home}/jars/*", main]
            command += ["--host", HOST, "--port", str(port), *arguments]
            return stack.enter_context(
                serving(command, folder, port, env=environment, log_name=f"{name}.log")
            )

        master = f"spark://{HOST}:{port}"
        main = "org.apache.spark.deploy.master.Master"
        run("master", main, "--webui-port", str(web_port), port=port)
        processes = [
            run(
                f"worker_{number}",
                "org.apache.spark.deploy.worker.Worker",
                *("--cores", "1", "--memory", "1g", "--webui-port", "0"),
                *("--work-dir", str(folder / f"work_{number}"), master),
                port=free_port(),
            )
            for number in range(workers)
        ]
        pool = stack.enter_context(programs.worker_pool(folder))
        found = Cluster([], [], processes, web_port)
        programs.wait_until(
            lambda: found.state()["aliveworkers"] == workers, "all workers are there"
        )
        properties = {
            "spark.driver.host": HOST,
            "spark.driver.bindAddress": HOST,
            "spark.ui.enabled": "false",
            "spark.executor.memory": "512m",
            # there already, so that a job need not bring them
            "spark.executor.extraClassPath": f"{jars}/*",
            "spark.executor.extraJavaOptions": " ".join(programs.OPENS),
            "spark.cores.max": str(workers),
        }
        # Beam's come first: they need a younger Guava than Spark's
        endpoint = stack.enter_context(
            programs.running_job_server(
                folder,
                [f"{jars}/*", f"{home}/jars/*"],
                _DRIVER,
                [f"--spark-master-url={master}"],
                properties,
            )
        )
        found.beam_args = programs.portable_args(endpoint, folder, pool)
        jar = programs.executable_jar(folder / "job_server.jar", _DRIVER, [jars, home / "jars"])
        found.runner_args = [
            f"--spark_master_url={master}",
            f"--spark_job_server_jar={jar}",
            *(
                f"--job_server_jvm_properties=-D{name}={value}"
                for name, value in properties.items()
            ),
            *programs.worker_args(folder, pool),
        ]
        yield found
