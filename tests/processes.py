"""Servers that tests start as processes of their own, on loopback."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

HOST = "127.0.0.1"
START_SECONDS = 60


class NotInstalledError(Exception):
    """A server's programs are not on this machine; the text says how they come there."""


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def serving(
    command: Sequence[str],
    folder: pathlib.Path,
    port: int,
    *,
    account: pwd.struct_passwd | None = None,
    stop: signal.Signals = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    log_name: str = "log",
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a server, in a session of its own, from when it answers to the end of the block.

    Args:
        folder: its working directory; its output goes to a file there.
        port: where it answers when it is ready; 0: it is not waited for.
        account: whom to run it as; None: this very user.
        stop: what asks it to end. What its session still runs 20 seconds later is killed.
        env: its environment; None: this one.
        log_name: of the file with its output.
    """
    log = folder / log_name
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=folder, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL,
            start_new_session=True, env=env, **as_account(account),
        )  # fmt: skip
    try:
        deadline = time.monotonic() + START_SECONDS
        while port and not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not start:\n{log.read_text()}")
            time.sleep(0.05)
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def as_account(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments of `subprocess` to run as someone; None: as this very user."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def answers(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False
