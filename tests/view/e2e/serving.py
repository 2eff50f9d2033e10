"""`microtome serve` as a subprocess."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.view.e2e.processes import running


@dataclasses.dataclass
class Served:
    """A running server.

    Attributes:
        address: that it printed, with the token.
        origin: such as `http://127.0.0.1:80`.
    """

    address: str

    @property
    def origin(self) -> str:
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    def url(self, state: str = "") -> str:
        """The address of a view of what is served."""
        return self.address + (f"#{state}" if state else "")


@contextlib.contextmanager
def serve(where: pathlib.Path | str, log: pathlib.Path) -> Iterator[Served]:
    """Serves a folder of results, or a store of ML Metadata."""
    command = [sys.executable, "-m", "microtome", "serve", str(where)]
    with running(command, log, r"http://\S+token=\S+", os.environ) as address:
        yield Served(address)
