"""A report's file: opened from the file system, with no network, by whoever has it."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from microtome.view import View
from tests.view.e2e import reports
from tests.view.e2e.app import App, state_of

pytestmark = pytest.mark.e2e


def test_every_screen_opens(open_file, small_file):
    app = App(open_file(small_file))
    # there are no plots
    assert app.tabs() == ["Summary", "Slices", "History", "Compare", "Fairness"]
    for name in app.tabs():
        expect(app.open(name)).to_contain_text("Overall")


def test_it_says_how_it_is_meant_to_be_read_without_scripts(open_file, small_file):
    page = open_file(small_file, java_script_enabled=False)
    row = page.get_by_role("row").filter(has_text="carrier:DL")
    expect(row.first).to_contain_text(f"{reports.small_value(2, 'carrier:DL', 'auc'):.4f}")


def test_its_policy_forbids_all_that_it_does_not_need(open_file, small_file):
    # what the policy forbids is a complaint on the console, which is what is wanted here
    page = open_file(
        small_file, complains=lambda complaint: "Content Security Policy" not in complaint
    )
    expect(App(page).tab("Slices")).to_be_visible()
    refused = page.evaluate(
        """async () => {
          const violations = [];
          document.addEventListener("securitypolicyviolation",
            (event) => violations.push(event.effectiveDirective));
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.body.append(script);
          await fetch("data:text/plain,x").catch(() => {});
          await new Promise((resolve) => setTimeout(resolve));
          return [violations.sort(), window.ran];
        }"""
    )
    assert refused == [["connect-src", "script-src-elem"], None]


def test_its_address_keeps_the_view(open_file, small_file):
    page = open_file(small_file)
    app = App(page)
    app.open("History")
    app.button("Theme").click()
    page.wait_for_url("**#*theme=dark*")
    again = open_file(small_file, page.url.partition("#")[2])
    expect(App(again).tab("History")).to_have_attribute("aria-selected", "true")
    assert state_of(again)["theme"] == "dark"


def test_a_link_of_another_time_still_opens(open_file, small_file):
    """Metrics, slices and runs that are gone, and keys that nobody knows yet, do no harm."""
    state = (
        "v=slices&m=gone,auc&x=gone&run=gone&sel=gone:1&bl=gone&s=gone&f=gone:1..2&new=1&w=x&b=-1"
    )
    page = open_file(small_file, state)
    app = App(page)
    expect(app.tab("Slices")).to_have_attribute("aria-selected", "true")
    expect(app.row("carrier:DL")).to_be_visible()
    app.open("History")
    page.wait_for_url("**#v=history*")
    assert state_of(page)["new"] == "1"


def test_a_newer_reports_form_is_refused_in_words(open_file, tmp_path: pathlib.Path):
    path = tmp_path / "newer.html"
    View({**reports.large(30), "schema": "report/2"}).to_html(path)
    expect(open_file(path).get_by_role("alert")).to_contain_text("newer Microtome")


@pytest.mark.parametrize("kind", ["html", "json"])
def test_a_dropped_report_is_shown(
    open_file: Callable[..., Page], small_file, tmp_path: pathlib.Path, kind: str
):
    view = View({**reports.large(30), "title": "Dropped"})
    text = view.to_html() if kind == "html" else view.to_json()
    page = open_file(small_file)
    expect(App(page).tab("Slices")).to_be_visible()
    page.evaluate(
        f"""(text) => {{
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([text], "dropped.{kind}"));
          document.body.dispatchEvent(
            new DragEvent("drop", {{dataTransfer, bubbles: true, cancelable: true}}));
        }}""",
        text,
    )
    expect(page.get_by_role("heading", level=1)).to_have_text("Dropped")


def test_something_else_that_is_dropped_is_told(open_file, small_file):
    page = open_file(small_file)
    expect(App(page).tab("Slices")).to_be_visible()
    page.evaluate(
        """(text) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([text], "notes.txt"));
          document.body.dispatchEvent(
            new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
        }""",
        json.dumps({"no": "report"}),
    )
    expect(page.get_by_role("alert")).to_contain_text("notes.txt")
    expect(App(page).tab("Slices")).to_be_visible()
