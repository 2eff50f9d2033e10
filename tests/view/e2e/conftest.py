"""What tests in a browser share: the browser, pages that are watched, data, servers."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.view.e2e import browser as browsers
from tests.view.e2e import jupyter as jupyters
from tests.view.e2e.browser import Watch


# of the package, not of the session: Playwright's event loop must not run while other tests have one
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(browsers.chromium())
        except browsers.NotInstalledError as error:
            pytest.skip(str(error))
        yield running


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """A function that makes a page in a context of its own; what it does wrong fails the test.

    Args of it: `origin`, the only one that may be asked; `complains`, as `Watch`'s; and those of
    Playwright's `new_context`.
    """
    watches: list[Watch] = []

    def make(
        origin: str | None = None,
        complains: Callable[[str], bool] | None = None,
        **options: Any,
    ) -> Page:
        options = {"viewport": browsers.VIEWPORT, "service_workers": "block", **options}
        context = chromium.new_context(offline=origin is None, **options)
        stack.callback(context.close)
        more = {} if complains is None else {"complains": complains}
        watches.append(Watch(context, origin, **more))
        page = context.new_page()
        page.set_default_timeout(15_000)
        return page

    with contextlib.ExitStack() as stack:
        yield make
        for watch in watches:
            watch.check()


@pytest.fixture
def open_file(new_page: Callable[..., Page]) -> Callable[..., Page]:
    """A function that opens a report from the file system, without any network."""

    def open_(path: pathlib.Path, state: str = "", **options: Any) -> Page:
        page = new_page(**options)
        page.goto(path.as_uri() + (f"#{state}" if state else ""))
        return page

    return open_


@pytest.fixture(scope="package", params=list(jupyters.ENVIRONMENTS))
def jupyter_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[jupyters.Jupyter]:
    """The Jupyter server of each environment in turn."""
    with contextlib.ExitStack() as stack:
        folder = tmp_path_factory.mktemp(f"jupyter-{request.param}")
        try:
            running = stack.enter_context(jupyters.jupyter(request.param, folder))
        except jupyters.NotInstalledError as error:
            pytest.skip(str(error))
        yield running
