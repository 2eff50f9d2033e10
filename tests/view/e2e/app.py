"""The app in a page, by the names that people who cannot see it are told."""

from __future__ import annotations

import re
import urllib.parse

from playwright.sync_api import Frame, FrameLocator, Locator, Page, expect

TABS = ("Summary", "Slices", "History", "Plots", "Compare", "Fairness")
CHARTS = ("Overview", "Histogram", "Matrix", "Scatter")


class App:
    """The app.

    Args:
        root: the page, frame or element that it is in.
    """

    def __init__(self, root: Page | Frame | FrameLocator | Locator):
        self.root = root
        self.grid = root.get_by_role("grid", name="Slices")
        self.drawer = root.get_by_role("complementary", name="Slice details")

    def tab(self, name: str) -> Locator:
        return self.root.get_by_role("tab", name=name, exact=True)

    def open(self, name: str) -> Locator:
        """Goes to a screen, and returns its panel."""
        self.tab(name).click()
        panel = self.root.get_by_role("tabpanel", name=name)
        expect(panel).to_be_visible()
        return panel

    def tabs(self) -> list[str]:
        """The names of the screens that there are."""
        return self.root.get_by_role("tab").all_inner_texts()

    def button(self, name: str | re.Pattern[str]) -> Locator:
        return self.root.get_by_role("button", name=name, exact=isinstance(name, str))

    def select(self, name: str) -> Locator:
        return self.root.get_by_role("combobox", name=name, exact=True)

    def pick(self, select: str, name: str) -> None:
        """Chooses what begins with a name."""
        options = self.select(select).locator("option")
        option = options.filter(has_text=re.compile(rf"^{re.escape(name)}($|\W)")).first
        self.select(select).select_option(option.get_attribute("value"))

    def dialog(self, name: str) -> Locator:
        return self.root.get_by_role("dialog", name=name)

    def radio(self, name: str) -> Locator:
        return self.root.get_by_role("radio", name=name, exact=True)

    # The chart of the slices

    def chart(self, name: str) -> None:
        """Shows the slices in another way."""
        # the radio itself is hidden behind its label
        self.radio(name).check(force=True)

    def metric(self, name: str) -> None:
        """Shows another metric in the chart."""
        self.select("Chart metric").select_option(label=name)

    def marks(self) -> Locator:
        """The bars of the chart, or its buckets; their names tell what they show."""
        return self.root.get_by_role("region", name="Chart").locator("svg [role=button]")

    # The grid. Columns and rows that are out of sight are not in the page.

    def header(self, metric: str) -> Locator:
        return self.grid.get_by_role("columnheader", name=metric, exact=True)

    def headers(self) -> list[str]:
        """The names of the columns in sight, without the marks of how they are sorted."""
        texts = self.grid.get_by_role("columnheader").all_inner_texts()
        return [re.sub(r"\s*[▲▼]\d*$", "", text) for text in texts]

    def rows(self) -> Locator:
        """The rows of slices in sight."""
        return self.grid.get_by_role("rowheader").locator("..")

    def row(self, slice_name: str) -> Locator:
        return self.grid.get_by_role("rowheader", name=slice_name, exact=True).locator("..")

    def names(self) -> list[str]:
        """The names of the slices in sight, from the top."""
        return self.grid.get_by_role("rowheader").all_inner_texts()

    def cell(self, slice_name: str, metric: str) -> Locator:
        """The cell of a slice and a metric."""
        column = self.header(metric).get_attribute("aria-colindex")
        return self.row(slice_name).locator(f"[role=gridcell][aria-colindex='{column}']")

    def choose(self, slice_name: str) -> None:
        """Selects a slice in the grid."""
        self.grid.get_by_role("rowheader", name=slice_name, exact=True).click()


def shown(value: float) -> str:
    """A number as the page writes it: with four significant digits, whole numbers with all."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{float(f'{value:.3e}'):,.12f}".rstrip("0").rstrip(".")


def state_of(page: Page) -> dict[str, str]:
    """The state in a page's address, decoded."""
    text = urllib.parse.urlsplit(page.url).fragment
    pairs = (pair.partition("=") for pair in text.split("&") if pair)
    return {name: urllib.parse.unquote(value) for name, _, value in pairs}


def settle(page: Page) -> None:
    """Waits until what was started is drawn, and the keys of what is drawn work."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
