"""ML Metadata is locked or away while evaluations are recorded and read."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("ml_metadata")

from microtome.errors import ConfigError, DataError, OutputError
from microtome.tracking import recording, stores
from microtome.tracking.history import History
from microtome.tracking.stores import open_store
from tests.needed import skip_or_fail
from tests.operations import locker
from tests.operations.conftest import read_all
from tests.results import made
from tests.tracking import servers

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

AGAIN = "Call microtome.record again with the same arguments"


class Locker:
    """Another process that can lock an SQLite file."""

    def __init__(self, path: pathlib.Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-S", locker.__file__, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, word: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(word, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == f"{word}\n"


@contextlib.contextmanager
def locking(path: pathlib.Path) -> Iterator[Locker]:
    lock = Locker(path)
    try:
        yield lock
    finally:
        lock.process.kill()
        lock.process.communicate()


@pytest.fixture
def result(tmp_path) -> str:
    return made.write(tmp_path / "result")


def record(result: str, where, run: str) -> recording.Recorded:
    return recording.record(result, where, pipeline="flights", run=run)


def test_a_locked_file(result, tmp_path):
    """Who opens it, to record or to read, waits a while and is told what is wrong."""
    path = tmp_path / "metadata.sqlite"
    record(result, path, "1")
    files = read_all(tmp_path / "result")
    with locking(path) as lock:
        lock("lock")
        started = time.monotonic()
        with pytest.raises(ConfigError, match=r"cannot be opened\. Another process holds it"):
            record(result, path, "2")
        print(f"SQLite locked: an error after {time.monotonic() - started:.0f} s")
        assert time.monotonic() - started < 120
        lock("unlock")
    assert read_all(tmp_path / "result") == files
    assert History.open(path).runs == ["1"]
    assert record(result, path, "2").is_new
    assert not record(result, path, "2").is_new
    assert History.open(path).runs == ["1", "2"]


def test_a_file_that_is_locked_for_a_moment(result, tmp_path):
    """Who waits a little is served."""
    path = tmp_path / "metadata.sqlite"
    record(result, path, "1")
    with locking(path) as lock:
        lock("moment")
        assert record(result, path, "2").is_new
    assert History.open(path).runs == ["1", "2"]


def test_the_server_of_ml_metadata_goes_away(result, tmp_path):
    path = tmp_path / "metadata.sqlite"
    with servers.metadata_server(path) as url:
        record(result, url, "1")
        store, history = open_store(url, writable=True), History.open(url)
    started = time.monotonic()
    with pytest.raises(
        OutputError, match=r"all of it may be\. Nothing answers at .* any more"
    ) as e:
        record(result, store, "2")
    assert AGAIN in str(e.value)
    with pytest.raises(DataError, match=r"cannot be read\. Nothing answers at"):
        history.refresh()
    print(f"gRPC away: errors after {time.monotonic() - started:.0f} s")
    with servers.metadata_server(path) as url:
        assert record(result, url, "2").is_new
        assert History.open(url).runs == ["1", "2"]


def test_a_server_that_does_not_answer(result, monkeypatch):
    """It takes connections, as one does whose process is stopped, and says nothing."""
    monkeypatch.setattr(stores, "_ANSWER_SECONDS", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"grpc://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(ConfigError, match=r"No server of ML Metadata answers at 127"):
            record(result, url, "1")
        assert time.monotonic() - started < 60


@pytest.mark.parametrize("server", [servers.mariadb, servers.postgresql])
def test_the_database_goes_away(server, result, tmp_path):
    files = read_all(tmp_path / "result")
    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(server())
        except servers.NotInstalledError as error:
            skip_or_fail(str(error))
        url = running.url("mlmd")
        record(result, url, "1")
        store, history = open_store(url, writable=True), History.open(url)
        running.process.kill()
        running.process.wait()
        started = time.monotonic()
        for attempt in (lambda: record(result, store, "2"), history.refresh):
            with pytest.raises((OutputError, DataError), match="Nothing answers at 127") as e:
                attempt()
            assert servers.PASSWORD not in str(e.value)
        with pytest.raises(ConfigError, match=r"cannot be opened\. Nothing answers at 127"):
            record(result, url, "2")
        print(f"{running.scheme} away: errors after {time.monotonic() - started:.1f} s")
    assert read_all(tmp_path / "result") == files
