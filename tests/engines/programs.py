"""What Flink's and Spark's clusters have in common: Java, Beam's job server and Python workers."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence

import psutil

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
    cheap = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    # Flink takes its network memory outside the heap, and waits where there is none
    return [program, f"-Xmx{heap}", "-XX:MaxDirectMemorySize=768m", *cheap]


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


@dataclasses.dataclass(frozen=True)
class Pool:
    """Beam's pool that starts a Python process for each worker of an engine.

    Attributes:
        port: that it listens on.
        pid: its process; the workers are its children.
    """

    port: int
    pid: int

    def open_files(self) -> dict[int, set[str]]:
        """The files that each worker has open just now."""
        found = {}
        for worker in psutil.Process(self.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                found[worker.pid] = {file.path for file in worker.open_files()}
        return found


@contextlib.contextmanager
def worker_pool(folder: pathlib.Path) -> Iterator[Pool]:
    """Runs a pool of workers."""
    port = free_port()
    command = [sys.executable, str(pathlib.Path(__file__).with_name("pool.py")), str(port)]
    # the pool starts its workers as `python`
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": ""}
    with serving(command, folder, port, env=environment, log_name="workers.log") as process:
        yield Pool(port, process.pid)


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


def executable_jar(path: pathlib.Path, main: str, folders: Sequence[pathlib.Path]) -> pathlib.Path:
    """Writes a jar that runs a class with all jars of the folders, in the place of a fat one.

    Beam's own artifacts of this kind hold all in one file, which not every mirror of Maven has.
    """
    jars = [jar for folder in folders for jar in sorted(folder.glob("*.jar"))]
    attributes = {
        "Manifest-Version": "1.0",
        "Main-Class": main,
        "Add-Opens": " ".join(f"java.base/{package}" for package in _PACKAGES),
        "Class-Path": " ".join(jar.as_uri() for jar in jars),
    }
    lines = []
    for name, value in attributes.items():
        # at most 72 bytes a line
        text = f"{name}: {value}"
        parts = [text[:70], *(text[at : at + 69] for at in range(70, len(text), 69))]
        lines.append("\r\n ".join(parts) + "\r\n")
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "".join(lines) + "\r\n")
    return path


def portable_args(endpoint: str, folder: pathlib.Path, pool: Pool) -> list[str]:
    """Beam's arguments to run a pipeline by a job server that is there."""
    return ["--runner=PortableRunner", f"--job_endpoint={endpoint}", *worker_args(folder, pool)]


def worker_args(folder: pathlib.Path, pool: Pool) -> list[str]:
    """Beam's arguments to take workers from a pool."""
    nothing = folder / "no_jars"
    nothing.touch()
    return [
        # the cluster has the jars; without this each job would bring them again
        f"--files_to_stage={nothing}",
        "--environment_type=EXTERNAL",
        f"--environment_config={HOST}:{pool.port}",
        # workers are kept from stage to stage: each would import TensorFlow and load the model anew
        "--environment_cache_millis=60000",
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
        time.sleep(0.02)
