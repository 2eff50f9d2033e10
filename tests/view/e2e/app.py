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

    def dialog(self, name: str) -> Locator:
        return self.root.get_by_role("dialog", name=name)

    def radio(self, name: str) -> Locator:
        return self.root.get_by_role("radio", name=name, exact=True)

    # The chart of the slices

    def chart(self, name: str) -> None:
        """Shows the slices in another way."""
        self.radio(name).check(force=True)

    # The grid

    def header(self, metric: str) -> Locator:
        """The column header whose name begins with that of a metric."""
        pattern = re.compile(rf"^\W*{re.escape(metric)}(?![\w/@])")
        return self.grid.get_by_role("columnheader", name=pattern)

    def headers(self) -> list[str]:
        """The columns' names, without marks of how they are sorted."""
        texts = self.grid.get_by_role("columnheader").all_inner_texts()
        return [re.sub(r"[▲▼↑↓⇅\d\s]+$", "", text).strip() for text in texts]

    def rows(self) -> Locator:
        """The rows of slices, those that are in the page."""
        return self.grid.get_by_role("row").filter(has=self.root.get_by_role("rowheader"))

    def row(self, slice_name: str) -> Locator:
        name = self.root.get_by_role("rowheader", name=slice_name, exact=True)
        return self.grid.get_by_role("row").filter(has=name)

    def names(self) -> list[str]:
        """The names of the slices in the grid, from the top, those that are in the page."""
        return self.rows().get_by_role("rowheader").all_inner_texts()

    def cell(self, slice_name: str, metric: str) -> Locator:
        """The cell of a slice and a metric."""
        column = self.headers().index(metric)
        of_row = self.row(slice_name).locator("[role=rowheader], [role=gridcell]")
        return of_row.nth(column)


def state_of(page: Page) -> dict[str, str]:
    """The state in a page's address, decoded."""
    text = urllib.parse.urlsplit(page.url).fragment
    pairs = (pair.partition("=") for pair in text.split("&") if pair)
    return {name: urllib.parse.unquote(value) for name, _, value in pairs}
