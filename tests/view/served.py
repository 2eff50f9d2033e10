"""Asks a running server of the views, in whatever words."""

from __future__ import annotations

import dataclasses
import gzip
import http.client
import json
from typing import Any

from microtome.view.server import Server
from tests.view.schema import checked


@dataclasses.dataclass
class Answer:
    """What came back; `body` is as it came, compressed if it was."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        is_compressed = self.headers.get("Content-Encoding") == "gzip"
        return (gzip.decompress(self.body) if is_compressed else self.body).decode()

    @property
    def error(self) -> str:
        """The message of a JSON error."""
        assert self.headers["Content-Type"] == "application/json"
        content = json.loads(self.text)
        assert list(content) == ["error"]
        return content["error"]

    @property
    def report(self) -> dict[str, Any]:
        """The report, which must be valid."""
        assert self.status == 200, self.text
        assert self.headers["Content-Type"] == "application/json"
        return checked(json.loads(self.text))


class Client:
    """Asks a server, with its token unless told otherwise."""

    def __init__(self, server: Server):
        self._server = server

    def __call__(
        self,
        path: str,
        method: str = "GET",
        *,
        token: str | None = None,
        host: str | None = None,
        **headers: str,
    ) -> Answer:
        """Sends a request of exactly this path.

        Args:
            token: For the header; by default the right one, none if it is empty.
            host: The header Host; by default the server's own.
            headers: Others, with `_` for `-`.
        """
        server = self._server
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        own = f"127.0.0.1:{server.port}"
        sent = {"Host": own if host is None else host}
        token = server.token if token is None else token
        if token:
            sent["Authorization"] = f"Bearer {token}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        found = Answer(answer.status, answer.headers, answer.read())
        connection.close()
        return found
