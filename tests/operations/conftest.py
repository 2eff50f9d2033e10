"""Evaluations as processes that can be stopped, on data with many slices, over an older result."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import tensorflow as tf

import microtome
from microtome.results import leftovers
from tests.bad_input.conftest import changed

SLICES = 12_000
WORKERS = ("--", "--direct_running_mode=multi_processing", "--direct_num_workers=2")
_PATIENCE = 120


@pytest.fixture(scope="session")
def people(committed_model):
    """A small model, quickly loaded."""
    return committed_model("handmade_serve_tf1")


@pytest.fixture(scope="session")
def many_slices(people, tmp_path_factory) -> str:
    """Data with so many countries that its result takes seconds to write."""
    path = str(tmp_path_factory.mktemp("many") / "eval.tfrecord")
    write_countries(path, people.records, SLICES)
    return path


def write_countries(path: str, records: Sequence[bytes], count: int) -> None:
    """Writes examples, each of a country of its own."""
    with tf.io.TFRecordWriter(path) as writer:
        for i in range(count):
            writer.write(changed(records[i % len(records)], country=[b"c%d" % i]))


class Process:
    """`microtome evaluate`, in a process group of its own.

    Attributes:
        stderr: what it has said so far is in this file.
    """

    def __init__(self, args: Sequence[str], cwd: pathlib.Path, **environment: str) -> None:
        self._files = tempfile.TemporaryDirectory(prefix="microtome-said-")
        self.stderr = pathlib.Path(self._files.name) / "stderr"
        self.stdout = pathlib.Path(self._files.name) / "stdout"
        self._started = time.monotonic()
        with self.stderr.open("wb") as stderr, self.stdout.open("wb") as stdout:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *args],
                cwd=cwd,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def wait_until(self, happened: Callable[[], Any]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not happened():
            assert self._process.poll() is None, f"ended too early:\n{self.said()}"
            assert time.monotonic() < deadline, f"still waiting:\n{self.said()}"
            time.sleep(0.002)

    def end(self, number: int, whole_group: bool = False) -> int:
        """Sends a signal, and returns the exit status."""
        (os.killpg if whole_group else os.kill)(self.pid, number)
        return self.wait()

    def wait(self) -> int:
        """The exit status of what ends by itself."""
        status = self._process.wait(timeout=_PATIENCE)
        print(f"{time.monotonic() - self._started:.1f} s, exit status {status}")
        return status

    def said(self) -> str:
        return self.stderr.read_text(errors="replace")

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._files.cleanup()


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Process]]:
    """A function that starts `python -m …`; what still runs at the test's end is ended."""
    started: list[Process] = []

    def run(*args: str, **environment: str) -> Process:
        started.append(Process(args, tmp_path, **environment))
        return started[-1]

    yield run
    for process in started:
        process.close()


@pytest.fixture
def evaluate(people, tmp_path):
    """A function that evaluates here, to `tmp_path / "result"` unless it is told otherwise."""

    def run(**options: Any) -> microtome.EvalResult:
        options.setdefault("data_location", people.data_path)
        options.setdefault("output_path", str(tmp_path / "result"))
        return microtome.run_model_analysis(
            microtome.default_eval_shared_model(options.pop("model", people.model_path)),
            slice_spec=[microtome.SingleSliceSpec(), microtome.SingleSliceSpec(["country"])],
            **options,
        )

    return run


def line(people: Any, data: str, output: str, *args: str) -> list[str]:
    """The arguments of `python` that evaluate by country."""
    model = ["--model", people.model_path, "--data", data, "--slice", "country"]
    return ["microtome", "evaluate", *model, "--output", output, *args]


def worker_processes(group: int) -> list[int]:
    """The Beam workers of a process group."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        # processes end meanwhile
        with contextlib.suppress(OSError):
            command = (path / "cmdline").read_bytes().split(b"\0")
            is_worker = b"apache_beam.runners.worker.sdk_worker_main" in command
            if is_worker and os.getpgid(int(path.name)) == group:
                found.append(int(path.name))
    return found


def staged(folder: pathlib.Path) -> list[str]:
    """The hidden directories in which results are being written, or were."""
    return [name for name in os.listdir(folder) if leftovers.is_leftover(name)]


def read_all(folder: pathlib.Path) -> dict[str, bytes]:
    """The files of a result, hidden ones and deeper ones too."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
