"""The views for people who do not see them, and for people without a mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from microtome.view import View
from tests.view.e2e import reports
from tests.view.e2e.accessibility import grave_findings
from tests.view.e2e.app import CHARTS, TABS, App, settle, state_of

pytestmark = pytest.mark.e2e

SIZE = 60
SCREENS = [
    *(tab for tab in TABS if tab != "Slices"),
    *(f"Slices {chart}" for chart in CHARTS),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A report with something on every screen."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    View(reports.large(SIZE)).to_html(path)
    return path


def open_screen(open_file, file, screen: str, state: str = "", **options) -> Page:
    tab, _, chart = screen.partition(" ")
    code = {"Histogram": "hist"}.get(chart, chart.lower())
    parts = [f"v={tab.lower()}", "sel=hour:5", f"c={code}" if chart else "", state]
    page = open_file(file, "&".join(filter(None, parts)), **options)
    expect(App(page).tab(tab)).to_have_attribute("aria-selected", "true")
    settle(page)
    return page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_grave(open_file, file, theme, screen):
    page = open_screen(open_file, file, screen, f"theme={theme}", bypass_csp=True)
    assert grave_findings(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("key", ["?", "m"])
def test_axe_finds_nothing_grave_in_dialogs(open_file, file, theme, key):
    page = open_file(file, f"v=slices&theme={theme}", bypass_csp=True)
    expect(App(page).row("Overall")).to_be_visible()
    settle(page)
    page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_be_visible()
    assert grave_findings(page) == []


# The control that has the focus, through shadow roots: what a screen reader would say of it.
FOCUSED = """() => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  if (!element || element === document.body) return null;
  window.seen ??= new Set();
  if (window.seen.has(element)) return "";
  window.seen.add(element);
  element.setAttribute("data-reached", "");
  return element.outerHTML.slice(0, 120);
}"""
# Controls that a mouse can use and that the tab key did not reach. Of a group with one stop of the
# tab key, such as tabs, the others are reached with arrows.
UNREACHED = """() => {
  const root = document.querySelector("#microtome > div").shadowRoot;
  const controls = root.querySelectorAll(
    "button, input, select, textarea, summary, a[href], [tabindex], [role=button], [role=slider]");
  const others = "[role=tab], [role=radio], input[type=radio], svg [role=button], "
    + "[tabindex='-1'], :disabled";
  return [...controls].filter((one) => !one.hasAttribute("data-reached")
      && !one.matches(others) && one.checkVisibility()).map((one) => one.outerHTML.slice(0, 160));
}"""


@pytest.mark.parametrize("screen", SCREENS)
def test_the_tab_key_reaches_every_control(open_file, file, screen):
    page = open_screen(open_file, file, screen)
    reached = []
    # until the focus leaves the page, or comes round
    while len(reached) < 400:
        page.keyboard.press("Tab")
        name = page.evaluate(FOCUSED)
        if not name:
            break
        reached.append(name)
    assert 5 < len(reached) < 400
    assert page.evaluate(UNREACHED) == []


def test_groups_are_walked_with_arrows(open_file, file):
    page = open_file(file, "v=slices&c=overview")
    app = App(page)
    # tabs
    app.tab("Slices").focus()
    page.keyboard.press("ArrowRight")
    expect(app.tab("History")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowLeft")
    expect(app.tab("Slices")).to_be_focused()
    # charts
    app.radio("Overview").focus()
    page.keyboard.press("ArrowRight")
    expect(app.radio("Histogram")).to_be_checked()
    page.keyboard.press("ArrowLeft")
    # bars: the first one, the next one, chosen
    app.marks().first.focus()
    page.keyboard.press("ArrowRight")
    expect(app.marks().nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    name = (app.marks().nth(1).get_attribute("aria-label") or "").partition(": accuracy")[0]
    expect(app.drawer).to_contain_text(name)


def test_the_grid_is_used_with_keys(open_file, file):
    page = open_file(file, "v=slices&m=auc,recall@0.7,accuracy")
    app = App(page)
    app.grid.focus()
    # in the header, Enter sorts
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(app.header("auc")).to_have_attribute("aria-sort", "descending")
    page.keyboard.press("Alt+ArrowRight")
    expect(app.grid.get_by_role("columnheader").nth(1)).to_contain_text("recall")
    assert app.headers()[1:] == ["recall@0.7", "auc", "accuracy"]
    # in rows, Enter opens, Escape closes; the last row comes into sight
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    first = app.names()[0]
    expect(app.drawer).to_contain_text(first)
    page.keyboard.press("Escape")
    expect(app.drawer).to_have_count(0)
    page.keyboard.press("Control+End")
    last = app.grid.locator(f"[role=row][aria-rowindex='{SIZE + 1}']")
    expect(last).to_be_visible()
    page.keyboard.press("Enter")
    expect(app.drawer).to_contain_text(last.get_by_role("rowheader").inner_text())
    active = app.grid.get_attribute("aria-activedescendant")
    assert active
    expect(page.locator(f"id={active}")).to_be_visible()


def test_a_range_is_chosen_with_keys(open_file, file):
    page = open_file(file, "v=slices&c=hist&x=auc")
    low = page.get_by_role("slider", name="Range from")
    high = page.get_by_role("slider", name="Range to")
    low.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("PageUp")
    high.focus()
    page.keyboard.press("PageDown")
    page.wait_for_url(re.compile("f=auc:"))
    expect(page.get_by_role("button", name="Clear range").first).to_be_visible()
    assert float(low.get_attribute("aria-valuenow")) > float(low.get_attribute("aria-valuemin"))
    assert float(high.get_attribute("aria-valuenow")) < float(high.get_attribute("aria-valuemax"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Clear range")).to_have_count(0)


def test_keys_for_everything(open_file, file):
    page = open_file(file, "v=slices&c=hist")
    app = App(page)
    expect(app.row("Overall")).to_be_visible()
    settle(page)
    # the sheet tells all that follow
    page.keyboard.press("?")
    sheet = app.dialog("Keys")
    for key in ("/", "m", "v", "[", "]", "?", *"123456"):
        expect(sheet.get_by_text(key, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    for number, name in enumerate(app.tabs(), start=1):
        page.keyboard.press(str(number))
        expect(app.tab(name)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("2")
    expect(app.row("Overall")).to_be_visible()
    settle(page)
    for chart in ("Matrix", "Scatter", "Overview", "Histogram"):
        page.keyboard.press("v")
        expect(app.radio(chart)).to_be_checked()
    page.keyboard.press("]")
    expect(app.marks()).to_have_count(11)
    page.keyboard.press("[")
    page.keyboard.press("[")
    expect(app.marks()).to_have_count(9)
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Find slices")
    expect(search).to_be_focused()
    # what is typed there is text, not keys
    page.keyboard.type("hour:1m?2")
    expect(search).to_have_value("hour:1m?2")
    expect(app.tab("Slices")).to_have_attribute("aria-selected", "true")
    search.fill("")
    search.blur()
    page.keyboard.press("m")
    expect(app.dialog("Metrics").get_by_role("combobox", name="Metric names")).to_be_visible()
    page.keyboard.press("Escape")
    expect(app.dialog("Metrics")).to_have_count(0)


def test_what_changes_is_told(open_file, file):
    page = open_file(file, "v=slices")
    page.get_by_role("searchbox", name="Find slices").fill("hour:1")
    expect(
        page.get_by_role("status").filter(has_text=re.compile(r"\d+ of 60 slices"))
    ).to_be_visible()


def test_charts_say_what_they_show(open_file, file):
    page = open_file(file, "v=history")
    expect(page.get_by_role("img").first).to_have_accessible_name(re.compile(r"Overall.*\d"))
    App(page).open("Slices")
    chart = page.get_by_role("region", name="Chart")
    expect(chart.get_by_role("group").first).to_have_accessible_name(
        re.compile("60 slices|59 slices")
    )


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_colours_follow_the_readers_and_can_be_changed(open_file, file, scheme):
    page = open_file(file, "v=slices", color_scheme=scheme)
    app = App(page)
    expect(app.row("Overall")).to_be_visible()
    before = ground(page)
    app.button("Theme").click()
    other = "light" if scheme == "dark" else "dark"
    page.wait_for_url(f"**theme={other}*")
    assert state_of(page)["theme"] == other
    after = ground(page)
    assert (before < 100, after < 100) == ((scheme == "dark"), (other == "dark"))


def ground(page: Page) -> float:
    """How light what lies behind the table is, from 0 to 255."""
    return page.evaluate(
        """() => {
          let element = document.querySelector("#microtome > div").shadowRoot.querySelector(".app");
          const colour = getComputedStyle(element).backgroundColor;
          return colour.match(/\\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b) / 3;
        }"""
    )


def test_without_motion_where_none_is_wanted(open_file, file):
    page = open_file(file, "v=slices", reduced_motion="reduce")
    expect(App(page).row("Overall")).to_be_visible()
    moving = page.evaluate(
        """() => [...document.querySelector("#microtome > div").shadowRoot.querySelectorAll("*")]
          .filter((one) => parseFloat(getComputedStyle(one).transitionDuration) > 0.01
            || parseFloat(getComputedStyle(one).animationDuration) > 0.01)
          .map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert moving == []


def test_forced_colours_leave_the_selection_visible(open_file, file):
    page = open_file(file, "v=slices&sel=hour:5", forced_colors="active")
    app = App(page)
    selected = app.grid.locator("[role=row][aria-selected=true]")
    expect(selected).to_have_count(1)
    expect(selected).to_be_visible()
