"""The served page: its address restores the whole view, in a browser that never saw it before."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.view.e2e import reports
from tests.view.e2e.app import App, shown, state_of

pytestmark = pytest.mark.e2e


def opened(new_page, served, state=""):
    page = new_page(origin=served.origin)
    page.goto(served.url(state))
    expect(App(page).root.get_by_role("tablist", name="Screens")).to_be_visible()
    return page


def test_the_token_leaves_the_address(new_page, served_small):
    page = opened(new_page, served_small, "v=history")
    assert "token" not in page.url
    assert state_of(page) == {"v": "history"}
    page.reload()
    expect(App(page).tab("History")).to_have_attribute("aria-selected", "true")


def test_without_the_token_there_is_nothing(new_page, served_small):
    page = new_page(origin=served_small.origin, complains=lambda complaint: "401" not in complaint)
    page.goto(served_small.origin)
    expect(page.get_by_text("token")).to_be_visible()
    expect(App(page).tab("Slices")).to_have_count(0)


def test_the_newest_run_is_shown_and_others_are_fetched(new_page, served_small):
    page = opened(new_page, served_small, "v=slices")
    app = App(page)
    for name in reversed(reports.SMALL_RUNS):
        app.pick("Run", name)
        value = reports.small_value(reports.SMALL_RUNS.index(name), "carrier:DL", "label/mean")
        expect(app.cell("carrier:DL", "label/mean")).to_contain_text(shown(value))


def test_a_deep_link_restores_the_whole_view(new_page, served_small):
    state = (
        "v=slices&c=hist&feat=hour&m=auc,recall,accuracy&x=recall&s=-recall&w=100&q=hour"
        "&b=25&log=1&k=both&f=recall:0.4..0.6&sel=hour:9&theme=dark"
    )
    page = opened(new_page, served_small, state)
    app = App(page)
    expect(app.select("Slice feature").locator("option:checked")).to_have_text("hour")
    expect(app.radio("Histogram")).to_be_checked()
    expect(app.select("Chart metric").locator("option:checked")).to_have_text("recall")
    expect(app.root.get_by_role("searchbox", name="Find slices")).to_have_value("hour")
    expect(app.root.get_by_label("Minimum weighted examples", exact=True)).to_have_value("100")
    expect(app.drawer).to_contain_text("hour:9")
    assert app.headers()[1:] == ["auc", "recall", "accuracy"]
    expect(app.header("recall")).to_have_attribute("aria-sort", "descending")
    shown = app.names()
    recall = {name: reports.small_value(2, name, "recall") for name in reports.SMALL_NAMES}
    weight = {name: reports.small_value(2, name, reports.WEIGHT) for name in reports.SMALL_NAMES}
    expected = [
        name
        for name in sorted(recall, key=recall.__getitem__, reverse=True)
        if name.startswith("hour:") and 0.4 <= recall[name] <= 0.6 and weight[name] >= 100
    ]
    assert len(expected) > 2
    assert shown == expected
    assert state_of(page) == dict(pair.split("=", 1) for pair in state.split("&"))


def test_back_goes_between_screens(new_page, served_small):
    page = opened(new_page, served_small, "v=slices&x=auc")
    app = App(page)
    app.open("History")
    page.wait_for_url("**#*v=history*")
    app.open("Compare")
    page.wait_for_url("**#*v=compare*")
    page.go_back()
    expect(app.tab("History")).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(app.tab("Slices")).to_have_attribute("aria-selected", "true")
    assert state_of(page)["x"] == "auc"
    page.go_forward()
    expect(app.tab("History")).to_have_attribute("aria-selected", "true")


def test_a_changed_address_is_followed_live(new_page, served_small):
    page = opened(new_page, served_small, "v=history")
    page.evaluate("location.hash = '#v=slices&c=overview&x=recall'")
    app = App(page)
    expect(app.tab("Slices")).to_have_attribute("aria-selected", "true")
    expect(app.select("Chart metric").locator("option:checked")).to_have_text("recall")


def test_a_brushed_range_survives(new_page, served_small):
    page = opened(new_page, served_small, "v=slices&c=hist&x=recall")
    app = App(page)
    low = app.root.get_by_role("slider", name="Range from")
    low.focus()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    expect(app.button("Clear range")).to_be_visible()
    expect(app.row(min_of("recall"))).to_have_count(0)
    page.wait_for_url("**f=recall:*")
    address = at_rest(page)
    shown = app.names()
    again = App(opened(new_page, served_small, address.partition("#")[2]))
    expect(again.button("Clear range")).to_be_visible()
    assert again.names() == shown
    again.button("Clear range").click()
    expect(again.row(min_of("recall"))).to_be_visible()


def at_rest(page) -> str:
    """The address, once it has caught up with the keys that were pressed."""
    before = ""
    while page.url != before:
        before = page.url
        page.wait_for_timeout(1000)
    return before


def min_of(metric: str) -> str:
    return min(reports.SMALL_NAMES, key=lambda name: reports.small_value(2, name, metric))


def test_a_part_that_cannot_be_had_is_told(new_page, served_small):
    page = new_page(
        origin=served_small.origin, complains=lambda complaint: "api/run" not in complaint
    )
    page.goto(served_small.url("v=slices"))
    app = App(page)
    expect(app.select("Run")).to_be_visible()
    page.route("**/api/run?*", lambda route: route.abort())
    app.pick("Run", reports.SMALL_RUNS[0])
    expect(page.get_by_role("alert")).to_be_visible()
    expect(app.select("Run")).to_be_visible()
