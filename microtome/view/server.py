"""The web server of the views: lists runs, and gives the page their numbers when it asks.

Synopsis:

    with Server(Source.open("results/")) as server:
        print(server.address)  # http://127.0.0.1:36311/?token=…

`microtome serve` is this at the command line. Only reading is possible, and only of what the source
holds. `server_guard` says who may ask.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import errno
import functools
import gzip
import hashlib
import json
import logging
import os
import pathlib
import signal
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlencode

import tornado.httpserver
import tornado.web

from microtome.errors import ConfigError, MicrotomeError
from microtome.view import server_guard
from microtome.view.server_guard import Guard

Report = dict[str, Any]
_T = TypeVar("_T")

_LOG = logging.getLogger(__name__)
_PAGE_JS = pathlib.Path(__file__).parent / "static" / "page.js"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="microtome-api" content="api/">
<link rel="icon" href="data:,">
<title>Microtome</title>
</head>
<body>
<main id="microtome"><noscript>This page needs JavaScript. Without it, see the file
<code>report.html</code> beside a run's results, or use <code>microtome show</code>.</noscript>
</main>
<script src="static/page.js"></script>
</body>
</html>
"""
_NO_TOKEN = "No token: open the address that `microtome serve` printed."
_WRONG_TOKEN = "Wrong token: open the address that `microtome serve` printed last."

# A link on another site leads here without the cookie, which is SameSite=Strict. The page that it
# gets goes on to the same address by itself: as that comes from a page of ours, the cookie is sent.
_AGAIN = "again"
_BOUNCE_SCRIPT = (
    f'location.replace("./" + (location.search || "?") + "&{_AGAIN}=1" + location.hash)'
)
_BOUNCE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Microtome</title>'
    f"<script>{_BOUNCE_SCRIPT}</script></html>\n"
)
_BOUNCE_HASH = b64encode(hashlib.sha256(_BOUNCE_SCRIPT.encode()).digest()).decode()

# a question may hold several slices' names, each of many letters
_MAX_HEAD = 1 << 20
_MAX_BODY = 1 << 10
_BACKLOG = 128


class Source(Protocol):
    """What a server shows. Every answer is a report, whole or a part; see `report.schema.json`."""

    def report(self) -> Report:
        """All runs, and the values of the newest."""

    def run(self, run: str) -> Report:
        """The values of a run."""

    def plots(self, run: str, slice_name: str) -> Report:
        """The plots of a slice."""

    def series(self, slices: list[str], metrics: list[str] | None) -> Report:
        """Some slices of all runs."""

    def read_ahead(self) -> bool:
        """Does a little of the work that later series need; whether there was some."""

    def attributions(self, run: str) -> Report:
        """The feature attributions of a run."""


class Server:
    """Serves the views of a source. It listens from the start, and answers while it runs.

    Attributes:
        address: Where a browser finds it, with the token: `http://127.0.0.1:36311/?token=…`.
        host: The name or address that it listens at.
        port: The port.
        token: The token.
    """

    def __init__(
        self,
        source: Source,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
    ):
        """Takes the port.

        Args:
            source: What is shown.
            host: The name or address to listen at. All but a loopback one lets other machines in.
            port: The port; 0 takes a free one.
            token: What requests must bear; by default a new one that cannot be guessed.

        Raises:
            ConfigError: The port is in use, or may not be used; there is no such host; or the
                token cannot be one.
        """
        self.token = server_guard.new_token() if token is None else server_guard.check_token(token)
        self._socket = _listen(host, port)
        self.host, self.port = host, self._socket.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{self.port}/?token={quote(self.token)}"
        self._source = source
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._started = threading.Event()
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Answers until `stop`, or in the main thread until SIGINT or SIGTERM."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """Ends `run`, from whatever thread; leaves the port."""
        if self._loop is None:
            self._socket.close()
        else:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._stop.set)

    def __enter__(self) -> Server:
        """Answers in a thread of its own."""
        self._thread = threading.Thread(target=self.run, name="microtome-serve", daemon=True)
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        if self._thread is not None:
            self._thread.join()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        # one thread reads: sources need no locks, and the loop stays free for the page itself
        worker = concurrent.futures.ThreadPoolExecutor(1, "microtome-serve-reads")
        server = tornado.httpserver.HTTPServer(
            _application(_Shared(self._source, Guard(self.token, self.host), worker)),
            max_header_size=_MAX_HEAD,
            max_body_size=_MAX_BODY,
        )
        server.add_socket(self._socket)
        with _signals(self._loop, self._stop.set):
            self._started.set()
            await self._stop.wait()
        server.stop()
        await server.close_all_connections()
        worker.shutdown(wait=False, cancel_futures=True)


def _listen(host: str, port: int) -> socket.socket:
    if not host:
        raise ConfigError("--host is empty; 0.0.0.0 are all IPv4 addresses of this machine.")
    if not 0 <= port <= 65535:
        raise ConfigError(f"A port is a number from 0 to 65535, not {port}.")
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(place[:2], family=family, backlog=_BACKLOG)
    except socket.gaierror as error:
        raise ConfigError(f"There is no host {host!r}: {error.strerror}.") from error
    except OSError as error:
        raise ConfigError(_cannot_listen(host, port, error)) from error
    listening.setblocking(False)
    return listening


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is in use, perhaps by another `microtome serve`. Choose "
            "another, or leave --port out for a free one."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than you have. Take one above 1023."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine."
    return f"Port {port} of {host} cannot be listened at: {os.strerror(error.errno or 0)}."


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> Iterator[None]:
    """Has SIGINT and SIGTERM call `stop`; in threads other than the main one, does nothing."""
    signals = (signal.SIGINT, signal.SIGTERM)
    is_main = threading.current_thread() is threading.main_thread()
    for number in signals if is_main else ():
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in signals if is_main else ():
            loop.remove_signal_handler(number)


class _Shared:
    """What all handlers have."""

    def __init__(self, source: Source, guard: Guard, worker: concurrent.futures.Executor):
        self.source = source
        self.guard = guard
        self._worker = worker
        self._reading_ahead: asyncio.Task[None] | None = None

    async def work(self, task: Callable[[], _T]) -> _T:
        """Has the worker do something, after what it was given before."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, task)

    def read_ahead(self) -> None:
        """Has the source read ahead, in steps between which questions are answered."""
        if self._reading_ahead is None or self._reading_ahead.done():
            self._reading_ahead = asyncio.create_task(self._read_ahead())

    async def _read_ahead(self) -> None:
        while await self.work(self.source.read_ahead):
            pass


def _application(shared: _Shared) -> tornado.web.Application:
    arguments = {"shared": shared}
    return tornado.web.Application(
        [
            ("/", _PageHandler, arguments),
            (r"/static/page\.js", _ScriptHandler, arguments),
            (f"/api/({'|'.join(_QUESTIONS)})", _ApiHandler, arguments),
        ],
        default_handler_class=_Handler,
        default_handler_args=arguments,
        # addresses may hold the token
        log_function=lambda handler: None,
    )


class _Refused(tornado.web.HTTPError):
    """A request is not answered as it wants, with words for the one who asked."""

    def __init__(self, status: int, message: str):
        self.message = message
        super().__init__(status)


class _Handler(tornado.web.RequestHandler):
    """Lets only those through who may ask; by itself it has nothing for them."""

    SUPPORTED_METHODS = ("GET", "HEAD")

    def initialize(self, shared: _Shared) -> None:
        self._shared = shared
        self._guard = shared.guard

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in server_guard.HEADERS.items():
            self.set_header(name, value)

    def compute_etag(self) -> None:
        """Nothing is stored that could be asked about again."""

    def prepare(self) -> None:
        headers = self.request.headers
        host = headers.get("Host")
        if not self._guard.is_own_host(host):
            raise _Refused(403, "Wrong host: this server goes by the name that it listens at.")
        if not self._guard.is_own_origin(headers.get("Origin"), host):
            raise _Refused(403, "Wrong origin: only this server's own page may ask it.")
        self._admit()

    def _admit(self) -> None:
        if not self._bears_token():
            raise _Refused(401, _NO_TOKEN)

    def _bears_token(self) -> bool:
        headers = self.request.headers
        cookie = self.get_cookie(server_guard.cookie_name(headers.get("Host")))
        return self._guard.bears_token(cookie, headers.get("Authorization"))

    async def get(self, *parts: str) -> None:
        raise _Refused(404, "There is nothing at this address.")

    async def head(self, *parts: str) -> None:
        await self.get(*parts)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        told = _MESSAGES.get(status_code, _FAILED)
        message = error.message if isinstance(error, _Refused) else told
        if status_code == 405:
            self.set_header("Allow", ", ".join(self.SUPPORTED_METHODS))
        if status_code == 401:
            self.set_header("WWW-Authenticate", 'Bearer realm="microtome"')
        if self.request.path.startswith("/api/"):
            self.set_header("Content-Type", "application/json")
            self.finish(json.dumps({"error": message}))
        else:
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(f"Microtome\n\n{message}\n")

    def log_exception(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Logs what should not have happened, without the query, in which a token may stand."""
        if not isinstance(error, tornado.web.HTTPError):
            what = f"{self.request.method} {self.request.path}"
            _LOG.error("%s failed", what, exc_info=(kind, error, traceback))  # type: ignore[arg-type]

    def _given(self, name: str) -> list[str]:
        """What the query says of a name, to the letter: tornado's own would strip and clean it.

        Raises:
            _Refused: It is not UTF-8.
        """
        try:
            return [value.decode("utf-8") for value in self.request.query_arguments.get(name, ())]
        except UnicodeDecodeError:
            raise _Refused(400, f"{name} is not UTF-8.") from None

    def _finish_compressed(self, compressed: bytes, content_type: str) -> None:
        self.set_header("Content-Type", content_type)
        self.set_header("Vary", "Accept-Encoding")
        if "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.finish(compressed)
        else:
            self.finish(gzip.decompress(compressed))


_FAILED = "The server failed at this; its terminal tells why."
_MESSAGES = {400: "This is no request that can be answered.", 405: "Only GET and HEAD work here."}


class _PageHandler(_Handler):
    """The page. Its address with the token lets a browser in, and takes the token off it."""

    def _admit(self) -> None:
        tokens = self._given("token")
        if tokens:
            if not self._guard.is_token(tokens[-1]):
                raise _Refused(401, _WRONG_TOKEN)
            name = server_guard.cookie_name(self.request.headers.get("Host"))
            self.set_cookie(name, tokens[-1], httponly=True, samesite="Strict")
            self._go_on_without("token")
        elif self._bears_token():
            if self._given(_AGAIN):
                self._go_on_without(_AGAIN)
        elif self.request.headers.get("Sec-Fetch-Site") == "cross-site":
            self._bounce()
        else:
            raise _Refused(401, _NO_TOKEN)

    def _go_on_without(self, taken: str) -> None:
        """Redirects; browsers keep the fragment, in which the view's state stands."""
        rest = [
            (name, value)
            for name, values in self.request.query_arguments.items()
            for value in values
            if name != taken
        ]
        self.redirect(f"./?{urlencode(rest)}" if rest else "./")

    def _bounce(self) -> None:
        policy = f"default-src 'none'; script-src 'sha256-{_BOUNCE_HASH}'; frame-ancestors 'none'"
        self.set_header("Content-Security-Policy", policy)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(_BOUNCE)

    async def get(self, *parts: str) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(_PAGE)


class _ScriptHandler(_Handler):
    """The page's program."""

    async def get(self, *parts: str) -> None:
        compressed = gzip.compress(_PAGE_JS.read_bytes())
        self._finish_compressed(compressed, "text/javascript; charset=utf-8")


class _ApiHandler(_Handler):
    """Answers with a report, or a part of one, as JSON."""

    async def get(self, *parts: str) -> None:
        question = functools.partial(_QUESTIONS[parts[0]], self._shared.source, self._given)
        try:
            compressed = await self._shared.work(functools.partial(_encoded, question))
        except asyncio.CancelledError:  # the server ends, and with it the connection
            return
        except ConfigError as error:  # it names something that is not there
            raise _Refused(404, str(error)) from error
        except MicrotomeError as error:
            raise _Refused(422, str(error)) from error
        self._finish_compressed(compressed, "application/json")
        if parts[0] == "series":
            self._shared.read_ahead()


# all values that a question's address gives a name
_Given = Callable[[str], list[str]]


def _report(source: Source, given: _Given) -> Report:
    return source.report()


def _run(source: Source, given: _Given) -> Report:
    return source.run(_one(given, "id"))


def _plots(source: Source, given: _Given) -> Report:
    return source.plots(_one(given, "run"), _one(given, "slice"))


def _series(source: Source, given: _Given) -> Report:
    if not given("slice"):
        raise _Refused(400, "The address must say slice= at least once.")
    return source.series(given("slice"), given("metric") or None)


def _attributions(source: Source, given: _Given) -> Report:
    return source.attributions(_one(given, "run"))


def _one(given: _Given, name: str) -> str:
    values = given(name)
    if len(values) != 1:
        raise _Refused(400, f"The address must say {name}= once.")
    return values[0]


_QUESTIONS: dict[str, Callable[[Source, _Given], Report]] = {
    "report": _report,
    "run": _run,
    "plots": _plots,
    "series": _series,
    "attributions": _attributions,
}


def _encoded(question: Callable[[], Report]) -> bytes:
    """The answer, compressed: quickly, as it mostly goes to this machine."""
    text = json.dumps(question(), allow_nan=False, separators=(",", ":"))
    return gzip.compress(text.encode("ascii"), compresslevel=1)
