"""What a browser that holds the token's cookie lets other sites do with the server."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.view.e2e.app import App, state_of

pytestmark = pytest.mark.e2e

OTHER = "http://other.example/"


@pytest.fixture
def context(chromium):
    made = chromium.new_context()
    yield made
    made.close()


@pytest.fixture
def visit(context):
    """A function that opens a page of another site, with this content."""

    def open_page(content: str):
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.route(
            f"{OTHER}**", lambda route: route.fulfill(content_type="text/html", body=content)
        )
        page.goto(OTHER)
        return page

    return open_page


def let_in(context, served) -> None:
    page = context.new_page()
    page.goto(served.address)
    expect(App(page).tab("Slices")).to_be_visible()
    page.close()


def test_a_link_on_another_site_opens_the_view(context, visit, served_small):
    """The cookie is not sent along from there; a page of the server's own fetches it."""
    let_in(context, served_small)
    page = visit(f'<a href="{served_small.origin}/#v=history">here</a>')
    page.get_by_text("here").click()
    expect(App(page).tab("History")).to_have_attribute("aria-selected", "true")
    assert page.url.startswith(f"{served_small.origin}/#")
    assert state_of(page)["v"] == "history"


def test_so_does_the_printed_address(visit, served_small):
    """Such as in a terminal that is shown in a browser."""
    page = visit(f'<a href="{served_small.url("v=history")}">here</a>')
    page.get_by_text("here").click()
    expect(App(page).tab("History")).to_have_attribute("aria-selected", "true")
    assert "token" not in page.url


def test_without_the_cookie_such_a_link_says_why_not(visit, served_small):
    page = visit(f'<a href="{served_small.origin}/#v=history">here</a>')
    page.get_by_text("here").click()
    expect(page.get_by_text("No token")).to_be_visible()


def test_another_site_cannot_read(context, visit, served_small):
    let_in(context, served_small)
    page = visit("other")
    for mode in ("cors", "no-cors"):
        read = page.evaluate(
            """async ([address, mode]) => {
                const asked = fetch(address, { credentials: "include", mode });
                return asked.then((answer) => answer.text(), () => "");
            }""",
            [f"{served_small.origin}/api/report", mode],
        )
        assert read == ""


@pytest.mark.parametrize("path", ["/", "/api/report"])
def test_another_site_cannot_frame_or_run_it(context, visit, served_small, path):
    let_in(context, served_small)
    address = served_small.origin + path
    page = visit(f'<iframe src="{address}"></iframe><script src="{address}"></script>')
    page.wait_for_load_state("networkidle")
    frame = next(frame for frame in page.frames if frame != page.main_frame)
    assert frame.locator("#microtome").count() == 0
    assert "report/1" not in frame.content()


def test_scripts_of_the_page_cannot_read_the_cookie(context, served_small):
    page = context.new_page()
    page.goto(served_small.address)
    expect(App(page).tab("Slices")).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    assert [cookie["sameSite"] for cookie in context.cookies()] == ["Strict"]
