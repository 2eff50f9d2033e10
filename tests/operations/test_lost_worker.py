"""A worker process of Beam's local runner is killed: an error soon, and no wrong result."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal

import pytest

from microtome.executor import lost_workers
from tests.operations.conftest import WORKERS, line, read_all, staged, worker_processes
from tests.results import made


def has_tensorflow(pid: int) -> bool:
    """Whether a process is at work: it loads TensorFlow when it opens its first data file."""
    with contextlib.suppress(OSError):
        return b"libtensorflow" in pathlib.Path(f"/proc/{pid}/maps").read_bytes()
    return False


@pytest.mark.e2e
@pytest.mark.timeout(300)
@pytest.mark.parametrize("is_at_work", [False, True], ids=["starting", "at work"])
def test_a_killed_worker_ends_the_evaluation(start, people, many_slices, tmp_path, is_at_work):
    made.write(tmp_path / "result")
    older = read_all(tmp_path / "result")
    process = start(*line(people, many_slices, "result", *WORKERS))
    process.wait_until(lambda: len(worker_processes(process.pid)) == 2)
    if is_at_work:
        process.wait_until(lambda: any(map(has_tensorflow, worker_processes(process.pid))))
    workers = sorted(worker_processes(process.pid), key=has_tensorflow)
    os.kill(workers[-1], signal.SIGKILL)
    # left to itself, Beam waits for ever
    assert process.wait() == 2, process.said()
    message = process.said().splitlines()[-1]
    assert message.startswith("microtome: A worker process was lost before its work was done: it ")
    assert "SIGKILL" in message
    assert "fewer workers (--direct_num_workers)" in message
    assert "Traceback" not in process.said()
    assert worker_processes(process.pid) == []
    assert read_all(tmp_path / "result") == older
    assert staged(tmp_path) == []


@pytest.mark.parametrize(
    ("code", "words"),
    [(137, "ended by SIGKILL"), (-11, "ended by SIGSEGV"), (3, "ended with exit status 3")],
)
def test_exit_statuses_are_told(code, words):
    assert words in lost_workers._reason(f"Worker subprocess exited with return code {code}")


def test_the_runner_is_left_as_it_was():
    from apache_beam.runners.portability.fn_api_runner import worker_handlers

    before = dict(worker_handlers.WorkerHandler._registered_environments)
    with lost_workers.noticed() as lost:
        assert worker_handlers.WorkerHandler._registered_environments != before
    assert worker_handlers.WorkerHandler._registered_environments == before
    assert lost.error is None
