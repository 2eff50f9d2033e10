"""Stores of every kind that ML Metadata knows, on servers that run for the session."""

from __future__ import annotations

import contextlib
import itertools
import pathlib
from collections.abc import Iterator

import pytest

from tests.needed import skip_or_fail
from tests.tracking import servers

KINDS = ("sqlite", "mariadb", "postgresql", "grpc")
NUMBERS = itertools.count(1)


def _session(server: contextlib.AbstractContextManager[servers.Server]) -> Iterator[servers.Server]:
    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(server)
        except servers.NotInstalledError as error:
            skip_or_fail(str(error))
        yield running


@pytest.fixture(scope="session")
def mariadb() -> Iterator[servers.Server]:
    yield from _session(servers.mariadb())


@pytest.fixture(scope="session")
def postgresql() -> Iterator[servers.Server]:
    yield from _session(servers.postgresql())


@pytest.fixture(params=KINDS)
def store_url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[str]:
    """The URL of a store that nobody has opened yet, of each kind in turn.

    Two databases of one server, two files: what is written to one is not in another.
    """
    pytest.importorskip("ml_metadata")
    kind = request.param
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path}/metadata.db"
    elif kind == "grpc":
        with servers.metadata_server(tmp_path / "metadata.db") as url:
            yield url
    else:
        yield request.getfixturevalue(kind).url(f"mlmd_{next(NUMBERS)}")
