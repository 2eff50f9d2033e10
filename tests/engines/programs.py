"""What Flink's and Spark's clusters have in common: Java, Beam's job server and Python workers."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from tests.processes import HOST, NotInstalledError, free_port, serving

ENGINES = pathlib.Path(__file__).resolve().parents[2] / ".venv-engines"
WAIT_SECONDS = 90

_PACKAGES = [
    *("java.io", "java.lang", "java.lang.invoke", "java.lang.reflect", "java.math", "java.net"),
    *("java.nio", "java.text", "java.time", "java.util", "java.util.concurrent"),
    *("java.util.concurrent.atomic", "java.util.concurrent.locks", "sun.net.util", "sun.nio.ch"),
    *("sun.nio.cs", "sun.security.action", "sun.util.calendar"),
]
# both engines look into Java's own classes, which Java 17 must be told to allow
OPENS = [
    "-XX:+IgnoreUnrecognizedVMOptions",
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _PACKAGES),
]

LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %p %c{1} %m%n
"""


def java(heap: str) -> list[str]:
    """The start of a command that runs Java.

    Raises:
        NotInstalledError: there is no Java.
    """
    program = shutil.which("java")
    if program is None:
        raise NotInstalledError("no java here: it is in Debian's package default-jre-headless")
    # two cores for all: the cheapest collector and compiler
    return [program, f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def distribution(name: str) -> pathlib.Path:
    """The folder of Flink's or Spark's distribution: `pyflink` or `pyspark`.

    Raises:
        NotInstalledError: it is not there.
    """
    found = next(ENGINES.glob(f"lib/python*/site-packages/{name}"), None)
    if found is None:
        raise NotInstalledError(f"no {name} in {ENGINES.name}: `make engines` installs it")
    return found


def job_server(engine: str) -> pathlib.Path:
    """The folder of the jars of Beam's job server for `flink` or `spark`.

    Raises:
        NotInstalledError: they are not there.
    """
    folder = ENGINES / "job_servers" / engine
    if not folder.exists():
        raise NotInstalledError(
            f"no job server for {engine} in {ENGINES.name}: `make engines` fetches it, with Maven"
        )
    return folder


@contextlib.contextmanager
def worker_pool(folder: pathlib.Path) -> Iterator[int]:
    """Runs Beam's pool that starts a Python process for each worker of an engine; its port."""
    port = free_port()
    command = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main"]
    # the pool starts its workers as `python`
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": ""}
    with serving(
        [*command, f"--service_port={port}"], folder, port, env=environment, log_name="workers.log"
    ):
        yield port


@contextlib.contextmanager
def running_job_server(
    folder: pathlib.Path,
    classpath: Sequence[str],
    driver: str,
    arguments: Sequence[str],
    properties: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Runs a job server, with some of Java's properties; yields its address."""
    port = free_port()
    command = [
        *java("512m"),
        *OPENS,
        *(f"-D{name}={value}" for name, value in (properties or {}).items()),
        *("-cp", ":".join(classpath), driver),
        *(f"--job-host={HOST}", f"--job-port={port}", "--artifact-port=0", "--expansion-port=0"),
        f"--artifacts-dir={folder}/artifacts",
        *arguments,
    ]
    with serving(command, folder, port, log_name="job_server.log"):
        yield f"{HOST}:{port}"


def portable_args(folder: pathlib.Path, endpoint: str, pool: int) -> list[str]:
    """Beam's arguments to run a pipeline by a job server, with workers from a pool."""
    nothing = folder / "no_jars"
    nothing.touch()
    return [
        # the cluster has the jars; without this each job would bring them again
        f"--files_to_stage={nothing}",
        "--runner=PortableRunner",
        f"--job_endpoint={endpoint}",
        "--environment_type=EXTERNAL",
        f"--environment_config={HOST}:{pool}",
    ]


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Waits until something is so.

    Raises:
        TimeoutError: it never is.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:.0f} s not yet: {what}")
        time.sleep(0.1)
