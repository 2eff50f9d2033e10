"""What tests in a browser share: the browser, pages that are watched, data, servers."""

from __future__ import annotations

import contextlib
import functools
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

import microtome
from microtome.view import View
from microtome.view.contract import report_of
from tests.view.e2e import browser as browsers
from tests.view.e2e import jupyter as jupyters
from tests.view.e2e import reports, serving
from tests.view.e2e.browser import Watch


# not of the session: Playwright's event loop must not run while other tests have one of their own
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(browsers.chromium())
        except browsers.NotInstalledError as error:
            pytest.skip(str(error))
        yield running


@pytest.fixture(scope="package")
def make_page(chromium: Browser) -> Callable[..., contextlib.AbstractContextManager[Page]]:
    """A function whose block has a page in a context of its own; at its end, what is wrong fails.

    Args of it: `origin`, the only one that may be asked; `complains`, as `Watch`'s; and those of
    Playwright's `new_context`.
    """

    @contextlib.contextmanager
    def make(
        origin: str | None = None,
        complains: Callable[[str], bool] = lambda complaint: True,
        **options: Any,
    ) -> Iterator[Page]:
        options = {"viewport": browsers.VIEWPORT, "service_workers": "block", **options}
        with chromium.new_context(offline=origin is None, **options) as context:
            watch = Watch(context, origin, complains)
            page = context.new_page()
            page.set_default_timeout(15_000)
            yield page
            watch.check()

    return make


@pytest.fixture
def new_page(make_page) -> Iterator[Callable[..., Page]]:
    """A function that makes a page, as `make_page` does, for one test."""
    with contextlib.ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(make_page(*args, **options))


@pytest.fixture
def open_file(new_page: Callable[..., Page]) -> Callable[..., Page]:
    """A function that opens a report from the file system, without any network."""

    def open_(path: pathlib.Path, state: str = "", **options: Any) -> Page:
        page = new_page(**options)
        page.goto(path.as_uri() + (f"#{state}" if state else ""))
        return page

    return open_


@pytest.fixture(scope="package")
def small(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with the three small results."""
    folder = tmp_path_factory.mktemp("small")
    reports.write_small(folder)
    return folder


@pytest.fixture(scope="package")
def small_file(small: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Their report."""
    return _file(_results(small), tmp_path_factory)


@pytest.fixture(scope="package")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], pathlib.Path]:
    """A function that makes the report of so many slices, once."""

    @functools.cache
    def make(size: int) -> pathlib.Path:
        path = tmp_path_factory.mktemp("large") / f"{size}.html"
        View(reports.large(size)).to_html(path, max_bytes=100_000_000)
        return path

    return make


@pytest.fixture(scope="package")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with the hostile results."""
    folder = tmp_path_factory.mktemp("hostile")
    reports.write_hostile(folder)
    return folder


@pytest.fixture(scope="package")
def hostile_file(hostile: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Their report."""
    return _file(_results(hostile), tmp_path_factory)


@pytest.fixture(scope="package")
def tfma_results(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """A folder with results that TFMA itself wrote; made once for all sessions."""
    from tests.view.e2e import tfma_results  # it needs TFMA

    cache = getattr(request.config, "cache", None)
    name = f"tfma-results-{tfma_results.digest()}"
    folder = tmp_path_factory.mktemp(name) if cache is None else cache.mkdir(name)
    tfma_results.write(folder)
    return folder


@pytest.fixture(scope="package")
def served_small(
    small: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[serving.Served]:
    """A server of the folder with the small results."""
    with serving.serve(small, tmp_path_factory.mktemp("served") / "log") as served:
        yield served


def _results(folder: pathlib.Path) -> list[Any]:
    return [microtome.load_eval_result(path) for path in sorted(folder.iterdir())]


def _file(results: list[Any], tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    View(report_of(results)).to_html(path)
    return path


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
