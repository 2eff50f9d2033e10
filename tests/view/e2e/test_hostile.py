"""Names that would run, break out or break the layout are shown as text, in every host.

Notebooks are in `test_notebooks.py`, which shares its servers.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from microtome.view import View
from tests.view.e2e import reports, serving
from tests.view.e2e.app import CHARTS, App, state_of

pytestmark = pytest.mark.e2e

SCRIPT, MARKUP = reports.HOSTILE_TEXTS[1], reports.HOSTILE_TEXTS[0]
# every text that people can see, each a value of one feature
SHORT = [text for text in reports.HOSTILE_TEXTS if len(text) < 100 and text.isprintable()]


def look_at_everything(app: App) -> None:
    for name in app.tabs():
        app.open(name)
    app.open("Slices")
    for chart in CHARTS:
        app.chart(chart)
        for mark in app.marks().locator("visible=true").all()[:4]:
            # one that is a pixel high is hard to hit
            mark.hover(force=True)
    app.button("Keys").click()
    app.dialog("Keys").get_by_role("button").first.click()


def test_in_a_report(open_file, hostile_file):
    page = open_file(hostile_file, "v=slices&feat=feature")
    app = App(page)
    look_at_everything(app)
    expect(page.get_by_role("heading", level=1)).to_contain_text("<b onmouseover")
    search = page.get_by_role("searchbox", name="Find slices")
    for text in SHORT:
        search.fill(text)
        row = app.row(f"feature:{text}")
        expect(row, text).to_be_visible()
    search.fill("")
    # nothing of it became markup
    assert page.locator("main img, main b[onmouseover], svg[onload]").count() == 0


def test_a_hostile_slice_is_selected_and_linked(open_file, hostile_file):
    page = open_file(hostile_file, "v=slices")
    app = App(page)
    page.get_by_role("searchbox", name="Find slices").fill(SCRIPT)
    name = f"feature:{SCRIPT}"
    app.choose(name)
    expect(app.drawer).to_contain_text(SCRIPT)
    page.wait_for_url(re.compile("[#&]sel="))
    assert state_of(page)["sel"] == name
    again = App(open_file(hostile_file, page.url.partition("#")[2]))
    expect(again.drawer).to_contain_text(SCRIPT)


def test_odd_numbers_are_told_apart(open_file, hostile_file):
    page = open_file(
        hostile_file, f"v=slices&m={'NaN'}&q=feature:", viewport={"width": 900, "height": 1400}
    )
    app = App(page)
    texts = set(app.grid.get_by_role("gridcell").all_inner_texts())
    for text in ("NaN", "∞", "−∞", "0"):
        assert any(cell.startswith(text) for cell in texts), (text, texts)


def test_a_text_of_10000_letters_does_not_widen_the_page(open_file, hostile_file):
    page = open_file(hostile_file, "v=slices")
    app = App(page)
    for name in app.tabs():
        app.open(name)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, name


def test_in_a_served_page(new_page, hostile, tmp_path):
    with serving.serve(hostile, tmp_path / "log") as served:
        page = new_page(origin=served.origin)
        page.goto(served.url("v=slices"))
        app = App(page)
        expect(app.tab("Slices")).to_be_visible()
        look_at_everything(app)
        for option in app.select("Run").locator("option").all():
            app.select("Run").select_option(option.get_attribute("value"))
        page.get_by_role("searchbox", name="Find slices").fill(MARKUP)
        expect(app.row(f"feature:{MARKUP}")).to_be_visible()


def test_in_every_text_of_a_report(open_file, tmp_path):
    """What only other programs write: titles, labels, definitions, reasons, plots' names."""
    made = reports.large(40)
    run = made["runs"][-1]
    run |= dict.fromkeys(("name", "model", "data", "model_path", "pipeline", "node"), MARKUP)
    run |= {"info": [[SCRIPT, MARKUP]], "path": "javascript:alert(1)"}
    made |= {"title": SCRIPT, "omitted": [{"slice": MARKUP, "why": SCRIPT}]}
    for number, metric in enumerate(made["metrics"]):
        text = reports.HOSTILE_TEXTS[number % 8]
        metric |= {"label": f"{text}{number}", "doc": SCRIPT, "family": MARKUP}
    made["plots"] = [{**plot, "name": MARKUP, "output": SCRIPT} for plot in made["plots"]]
    reason = {"failed": True, "slice": MARKUP, "metric": SCRIPT, "rule": SCRIPT, "message": MARKUP}
    made["verdicts"] = {
        run["id"]: {
            "verdict": "NOT_BLESSED",
            "reasons": [reason],
            "missing_slices": [MARKUP],
            "note": SCRIPT,
        }
    }
    View(made).to_html(tmp_path / "report.html")
    page = open_file(tmp_path / "report.html")
    app = App(page)
    look_at_everything(app)
    expect(page.get_by_role("heading", level=1)).to_have_text(SCRIPT)
    assert page.locator("main img").count() == 0


def test_a_hostile_address_is_only_read(open_file, small_file):
    state = (
        "v=slices&q=%3Cimg%20src%3Dx%20onerror%3D%22window.__pwned%3D1%22%3E&x=__proto__"
        "&m=constructor,__proto__&__proto__=1&constructor=2&sel=%ZZ&f=__proto__:1..2&thr=a,b"
        f"&base={'x' * 5000}&feat=%3Cscript%3E"
    )
    page = open_file(small_file, state)
    app = App(page)
    expect(app.tab("Slices")).to_be_visible()
    expect(page.get_by_role("searchbox", name="Find slices")).to_have_value(
        '<img src=x onerror="window.__pwned=1">'
    )
    for name in app.tabs():
        app.open(name)
