"""Evaluations that are killed, terminated and interrupted: what stays, and how the next goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from microtome.results import leftovers, load_eval_result
from tests.operations.conftest import WORKERS, line, read_all, staged, worker_processes
from tests.results import made

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    ("number", "status", "left"),
    [(signal.SIGKILL, -9, 1), (signal.SIGTERM, -15, 1), (signal.SIGINT, 130, 0)],
    ids=["SIGKILL", "SIGTERM", "SIGINT"],
)
def test_stopped_while_it_writes(start, people, many_slices, tmp_path, number, status, left):
    made.write(tmp_path / "result")
    older = read_all(tmp_path / "result")
    process = start(*line(people, many_slices, "result"))
    process.wait_until(lambda: staged(tmp_path))
    assert process.end(number) == status, process.said()
    assert read_all(tmp_path / "result") == older
    assert len(staged(tmp_path)) == left
    if number == signal.SIGINT:
        assert process.said().splitlines()[-1] == "microtome: interrupted"
    # the next result takes away what is left
    made.write(tmp_path / "result")
    assert os.listdir(tmp_path) == ["result"]


def test_interrupted_with_worker_processes(start, people, many_slices, tmp_path):
    """Ctrl-C goes to all processes of a terminal."""
    process = start(*line(people, many_slices, "result", *WORKERS))
    process.wait_until(lambda: len(worker_processes(process.pid)) == 2)
    assert process.end(signal.SIGINT, whole_group=True) == 130
    assert process.said().splitlines()[-1] == "microtome: interrupted"
    assert os.listdir(tmp_path) == []
    assert worker_processes(process.pid) == []


DIES_BETWEEN_RENAMES = """
    import os, signal, sys
    from tests.results import made

    made.write(sys.argv[1], {(): {"accuracy": 0.25}})
    rename, calls = os.rename, []

    def second_kills(source, destination):
        calls.append(source)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(source, destination)

    os.rename = second_kills
    made.write(sys.argv[1], {(): {"accuracy": 0.5}})
"""


def test_killed_between_the_two_renames(tmp_path):
    """The one instant in which no result stands at its place: the older one stands beside."""
    target = tmp_path / "result"
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(DIES_BETWEEN_RENAMES), str(target)],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        check=False,
    )
    assert killed.returncode == -9
    assert not target.exists()
    (aside,) = [name for name in staged(tmp_path) if name.endswith(leftovers.OLD)]
    (tmp_path / aside).rename(target)
    (key, metrics), *_ = load_eval_result(target).slices()
    assert (key, metrics) == ((), {"accuracy": 0.25})
    made.write(target)
    assert os.listdir(tmp_path) == ["result"]
