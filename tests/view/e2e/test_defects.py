"""The eleven defects of TFMA's views that the inventory found, each shown not to be ours."""

from __future__ import annotations

import json
import pathlib
import re

import pytest
from playwright.sync_api import Locator, expect

import microtome
from microtome.results import ResultsWriter, metrics_for_slice
from microtome.view import View
from microtome.view.contract import report_of
from microtome.view.numbers import unpacked
from tests.view.e2e import reports
from tests.view.e2e.app import App, shown
from tests.view.e2e.reports import SMALL_NAMES, small_value

pytestmark = pytest.mark.e2e

RUN, BASE = "run-3", "run-2"
SIZE = 60
TALL = {"viewport": {"width": 1600, "height": 1400}}


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory) -> pathlib.Path:
    """A report of two runs, with rates at two thresholds."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    View(reports.large(SIZE)).to_html(path)
    return path


def value_of(run: str, metric: str, row: int) -> float:
    return float(unpacked(reports.large(SIZE)["values"][run][metric]["v"])[row])


def columns_of(table: Locator) -> list[str]:
    """Of each column, what stands over it and its own name."""
    return table.evaluate(
        """(table) => {
          const [groups, heads] = table.tHead.rows.length > 1
            ? table.tHead.rows : [null, table.tHead.rows[0]];
          const over = [];
          for (const cell of groups?.cells ?? []) {
            for (let i = 0; i < cell.colSpan; i++) over.push(cell.textContent);
          }
          return [...heads.cells].map((cell, i) => `${over[i] ?? ""} ${cell.textContent}`.trim());
        }"""
    )


def test_defect_01_numbers_stand_under_their_own_heads(open_file, two_runs):
    """Two runs at two thresholds: TFMA's cells were in another order than its heads."""
    state = "v=fairness&run=run-2&base=run-1&thr=0.3,0.7&fm=false_positive_rate@&feat=hour"
    page = open_file(two_runs, state, **TALL)
    card = page.get_by_role("region", name="false_positive_rate", exact=True)
    table = card.get_by_role("table")
    expect(table).to_be_visible()
    names = reports.large(SIZE)["slices"]["name"]
    columns = columns_of(table)
    checked = 0
    for name in ("hour:3", "hour:17"):
        row = table.get_by_role("row").filter(has=page.get_by_role("button", name=name, exact=True))
        cells = row.get_by_role("cell").all_inner_texts()
        for column, cell in zip(columns, cells, strict=True):
            of = re.fullmatch(r"(run-\d) at ([\d.]+) Value.*", column)
            if of:
                expected = value_of(of[1], f"false_positive_rate@{of[2]}", names.index(name))
                assert cell.split(" ±")[0] == shown(expected), (name, column)
                checked += 1
    assert checked == 8


def test_defect_02_a_difference_is_the_run_less_its_baseline(open_file, small_file):
    state = f"v=compare&run={RUN}&base={BASE}&x=auc&m=auc"
    page = open_file(small_file, state, **TALL)
    app = App(page)
    grid = page.get_by_role("grid", name="Differences")
    head = grid.get_by_role("columnheader", name="Run − baseline")
    column = head.get_attribute("aria-colindex")
    name = grid.get_by_role("rowheader").first.inner_text()
    cell = grid.locator(f"[aria-rowindex='2'] [aria-colindex='{column}']")
    change = small_value(2, name, "auc") - small_value(1, name, "auc")
    text = cell.inner_text().replace("−", "-")  # a minus sign and a hyphen
    found = float(re.search(r"[-+]?[\d.]+(e[-+]?\d+)?", text)[0])
    assert found == pytest.approx(change, rel=0.01)
    # the other way round
    app.button("Swap the runs").click()
    row = grid.locator("[role=row]").filter(
        has=page.get_by_role("rowheader", name=name, exact=True)
    )
    swapped = row.locator(f"[aria-colindex='{column}']")
    expect(swapped).to_contain_text(re.compile(r"\+" if change < 0 else "[−-]"))


def test_defect_03_intervals_are_told_in_order_and_drawn_whole(open_file, small_file):
    page = open_file(small_file, "v=slices&c=overview&x=auc", **TALL)
    app = App(page)
    expect(app.marks()).to_have_count(len(SMALL_NAMES))
    for mark in app.marks().all():
        text = mark.get_attribute("aria-label") or ""
        low, high = re.search(r"\(([\d.]+) to ([\d.]+)\)", text).groups()
        value = re.search(r": auc ([\d.]+)", text)[1]
        assert float(low) <= float(value) <= float(high)
    # the path of the whiskers lies within the picture
    chart = page.get_by_role("region", name="Chart").locator("svg")
    box = chart.locator(".whisker").bounding_box()
    around = chart.bounding_box()
    assert box["height"] > 20
    assert box["y"] > around["y"]
    assert box["y"] + box["height"] < around["y"] + around["height"]


def test_defect_04_a_logarithmic_scale_keeps_the_counts(open_file, large_file):
    page = open_file(large_file(1000), "v=slices&c=hist&x=auc&k=both")
    app = App(page)
    expect(app.marks()).to_have_count(10)
    before = [mark.get_attribute("aria-label") for mark in app.marks().all()]
    app.button("Histogram settings").click()
    app.dialog("Histogram settings").get_by_role("checkbox", name="Logarithmic scale").check()
    chart = page.get_by_role("region", name="Chart")
    expect(chart.get_by_text("slices (log)")).to_be_visible()
    assert [mark.get_attribute("aria-label") for mark in app.marks().all()] == before
    # counts on the axis are counts
    ticks = chart.locator("svg .axis:not(.second) .grid-line + text").all_text_contents()
    assert {"1", "10", "100"} <= set(ticks)


def test_defect_05_classes_are_in_order_and_zeros_are_written(open_file, tfma_results, tmp_path):
    result = microtome.load_eval_result(str(tfma_results / "classes"))
    path = tmp_path / "report.html"
    microtome.view.plots(result).to_html(path)
    page = open_file(path, "v=plots&p=classes&thr=0.5&po=compact:0", **TALL)
    region = page.get_by_role("region", name="Multi-class confusion matrix").first
    compact = region.get_by_role("checkbox", name="Compact")
    compact.uncheck()
    table = region.get_by_role("table")
    heads = table.get_by_role("rowheader").all_inner_texts()
    assert heads == [str(number) for number in range(12)]
    cells = table.get_by_role("cell").all_inner_texts()
    assert "0" in cells
    assert all(re.fullmatch(r"[\d,.]+", cell) for cell in cells), cells
    # so are the classes of the metrics
    microtome.view.slicing(result).to_html(path)
    app = App(open_file(path, "v=slices", **TALL))
    options = app.select("Class").locator("option").all_inner_texts()
    numbers = [int(number) for text in options for number in re.findall(r"classId:(\d+)", text)]
    assert numbers == [0, 2, 11]


def test_defect_06_a_sorted_bar_selects_its_own_slice(open_file, small_file):
    page = open_file(small_file, "v=slices&c=overview&x=recall&cs=-auc", **TALL)
    app = App(page)
    expect(app.marks()).to_have_count(len(SMALL_NAMES))
    for place in (0, 3, len(SMALL_NAMES) - 1):
        mark = app.marks().nth(place)
        name = (mark.get_attribute("aria-label") or "").rpartition(": recall ")[0]
        mark.click()
        expect(app.drawer).to_contain_text(name)
        expect(mark).to_have_attribute("aria-pressed", "true")
        page.wait_for_function(
            "(name) => decodeURIComponent(location.hash).includes(`sel=${name}`)", arg=name
        )


def test_defect_07_slices_are_told_apart_and_told_whole(open_file, tmp_path: pathlib.Path):
    """TFMA's ids were a slice's last number; its events cut values at a colon.

    What an event tells Python is in `test_notebooks.py`.
    """
    keys = [
        (),
        *(((("a", name), ("b", 5))) for name in ("x", "y")),
        (("url", "http://a:80/b:c"),),
    ]
    path = tmp_path / "result"
    with ResultsWriter(path) as writer:
        writer.add_metrics(
            metrics_for_slice(key, {"auc": 0.5 + row / 10}) for row, key in enumerate(keys)
        )
        writer.finish(reports.EvalRun(eval_config={"model_specs": [{}]}))
    view = View(report_of(microtome.load_eval_result(str(path))))
    view.to_html(tmp_path / "report.html")
    page = open_file(tmp_path / "report.html", "v=slices", **TALL)
    app = App(page)
    for row, name in enumerate(("a_X_b:x_X_5", "a_X_b:y_X_5", "url:http://a:80/b:c"), start=1):
        app.choose(name)
        expect(app.grid.locator("[role=row][aria-selected=true]")).to_have_count(1)
        expect(app.row(name)).to_have_attribute("aria-selected", "true")
        page.wait_for_function(
            "(name) => decodeURIComponent(location.hash).endsWith(`sel=${name}`)", arg=name
        )
        view.state = page.url.partition("#")[2]
        assert view.selected[["slice", "value"]].values.tolist() == [[name, 0.5 + row / 10]]


def test_defect_08_names_are_never_markup(open_file, hostile_file):
    page = open_file(hostile_file, "v=slices&q=img")
    app = App(page)
    expect(app.row(f"feature:{reports.HOSTILE_TEXTS[0]}")).to_be_visible()
    assert page.locator("img").count() == 0
    # more in test_hostile.py


def odd_metrics(tmp_path: pathlib.Path) -> pathlib.Path:
    """Metrics that some slices do not have, and of kinds that are no number."""
    path = tmp_path / "result"
    with ResultsWriter(path) as writer:
        for row, value in enumerate((0.5, float("nan"), -0.3, None, 0.8)):
            metrics = {
                "array": reports.np.array([1, 2, row]),
                "text": f"text {row}".encode(),
                "whole": row,
                **({} if value is None else {"partial": value}),
            }
            writer.add_metrics([metrics_for_slice((("row", row),), metrics)])
        writer.finish(reports.EvalRun(eval_config={"model_specs": [{}]}))
    View(report_of(microtome.load_eval_result(str(path)))).to_html(tmp_path / "report.html")
    return tmp_path / "report.html"


def test_defect_09_what_is_missing_sorts_last_and_no_kind_breaks_a_chart(open_file, tmp_path):
    page = open_file(odd_metrics(tmp_path), "v=slices", **TALL)
    app = App(page)
    for state, expected in (
        ("descending", ["row:4", "row:0", "row:2"]),
        ("ascending", ["row:2", "row:0", "row:4"]),
    ):
        app.header("partial").click()
        expect(app.header("partial")).to_have_attribute("aria-sort", state)
        assert app.names() == [*expected, "row:1", "row:3"]
    for metric in app.select("Chart metric").locator("option").all_inner_texts():
        app.metric(metric)
        for chart in ("Overview", "Histogram", "Matrix", "Scatter"):
            app.chart(chart)
            expect(app.radio(chart)).to_be_checked()
    expect(app.cell("row:1", "array")).to_contain_text("1")
    expect(page.get_by_text("This part failed")).to_have_count(0)


def test_defect_10_narrow_pages_and_no_strange_fonts(open_file, two_runs):
    """Keys, names and dark colours are in `test_accessibility.py`."""
    page = open_file(two_runs, "v=slices", viewport={"width": 380, "height": 800})
    app = App(page)
    for name in app.tabs():
        app.open(name)
        assert page.evaluate("document.documentElement.scrollWidth") <= 380, name
    assert page.evaluate("[...document.fonts].length") == 0


def test_defect_11_a_report_is_columns_not_nested_objects():
    """10,000 slices of 13 metrics, three with intervals, were 7.3 MB in TFMA's form."""
    report = reports.large(10_000, runs=1)
    ours = len(View(report).to_json())
    columns = {name: unpacked(column["v"]) for name, column in report["values"]["run-1"].items()}
    assert len(columns) == 13
    theirs = len(
        json.dumps(
            [
                {
                    "slice": name,
                    "metrics": {
                        "": {"": {m: {"doubleValue": float(v[row])} for m, v in columns.items()}}
                    },
                }
                for row, name in enumerate(report["slices"]["name"])
            ]
        )
    )
    assert ours < 0.4 * theirs
    assert ours < 2_500_000


def test_defect_11_a_widget_sends_its_numbers_as_bytes_once():
    view = View(reports.large(10_000, runs=1), mode="widget")
    columns = view.widget._report["values"]["run-1"]
    assert isinstance(columns["auc"]["v"]["bytes"], bytes)
    assert "b64" not in columns["auc"]["v"]
    # what changes while one looks is a short text
    assert len(view.widget.state) < 1000
    assert view.widget.traits(sync=True).keys() >= {"state", "_report"}
