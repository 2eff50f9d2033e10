"""A real Chromium whose pages may reach their own server only, and may not complain."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

PROGRAM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # no name has an address: nothing leaves this machine even if a page asks for it
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
]
VIEWPORT = {"width": 1280, "height": 900}
# what hostile data does if it is ever run
CANARY = "__pwned"


class NotInstalledError(Exception):
    """There is no Chromium; the text says how one comes here."""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Runs Debian's Chromium.

    Raises:
        NotInstalledError: it is not installed.
    """
    if not os.access(PROGRAM, os.X_OK):
        raise NotInstalledError(f"no {PROGRAM} here: it is in Debian's package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Watch:
    """Notes what a context's pages do that none may do.

    That is: a request beyond `origin`, an error on the console, an exception that nobody catches, a
    dialog, and the canary of hostile data.

    Args:
        context: whose pages.
        origin: that may be asked, such as `http://127.0.0.1:80`; None: no request at all.
        complains: whether a complaint, with where it comes from, is one of ours. Jupyter has some
            of its own.
    """

    def __init__(
        self,
        context: BrowserContext,
        origin: str | None = None,
        complains: Callable[[str], bool] = lambda complaint: True,
    ):
        self.requests: list[str] = []
        self.problems: list[str] = []
        self._origin = origin
        self._context = context
        self._complains = complains
        context.on("request", lambda request: self._request(request.url))
        context.on("console", self._console)
        context.on("weberror", lambda error: self._complaint(f"exception: {_stack(error.error)}"))
        context.on("dialog", self._dialog)
        context.on("page", self._page)

    def check(self) -> None:
        """Fails if there was anything."""
        for page in self._context.pages:
            for frame in page.frames:
                with contextlib.suppress(Exception):  # a frame may be gone by now
                    if frame.evaluate(f"window.{CANARY}") is not None:
                        self.problems.append(f"data was executed in {frame.url}")
        assert not self.problems, "\n".join(self.problems)

    def _page(self, page: Page) -> None:
        page.on("websocket", lambda socket: self._request(socket.url))

    def _request(self, url: str) -> None:
        scheme, host, *_ = urlsplit(url)
        if scheme in ("file", "data", "blob", "about"):
            return
        self.requests.append(url)
        if self._origin is None or host != urlsplit(self._origin).netloc:
            self.problems.append(f"request: {url}")

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self._complaint(f"console: {message.text} ({message.location})")

    def _complaint(self, text: str) -> None:
        if self._complains(text):
            self.problems.append(text)

    def _dialog(self, dialog: Any) -> None:
        # leaving a notebook asks; nothing else may
        if dialog.type != "beforeunload":
            self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()


def _stack(error: Any) -> str:
    return str(error.stack or error.message)
