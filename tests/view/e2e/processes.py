"""Servers as subprocesses of a test, on loopback: started, read from, ended by their own id."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence

START_SECONDS = 90
HOST = "127.0.0.1"


@contextlib.contextmanager
def running(
    command: Sequence[str], log: pathlib.Path, pattern: str, environment: Mapping[str, str]
) -> Iterator[str]:
    """Runs a server and yields what it prints that matches `pattern`.

    Args:
        command: the server's.
        log: the file that gets all that it prints.
        pattern: a regular expression of what it prints once it serves.
        environment: its variables.
    """
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL, env=environment,
            cwd=log.parent, start_new_session=True,
        )  # fmt: skip
    try:
        yield _wait_for(pattern, log, process)
    finally:
        # with its own children, such as kernels
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(pattern: str, log: pathlib.Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_SECONDS
    while True:
        text = log.read_text(encoding="utf-8", errors="replace")
        found = re.search(pattern, text)
        if found:
            return found.group()
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} does not start:\n{text}")
        time.sleep(0.1)
