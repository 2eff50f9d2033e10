"""What the guides ask for: S1 to S10 of the inventory, each shown to a reader of a report.

S5 and S10 have more in `test_served_deep_links.py` and `test_notebooks.py`.
"""

from __future__ import annotations

import re
import unicodedata

import pytest
from playwright.sync_api import expect

import microtome
from microtome.view.numbers import unpacked
from tests.view.e2e import reports
from tests.view.e2e.app import App, settle, shown, state_of
from tests.view.e2e.reports import SMALL_NAMES, SMALL_RUNS, small_value

pytestmark = pytest.mark.e2e

NEWEST = 2
LABELS = [name.removeprefix("post_export_metrics/") for name in reports.SMALL_METRICS]
# all columns are in sight
WIDE = {"viewport": {"width": 2200, "height": 1300}}
WEIGHTS = {name: small_value(NEWEST, name, reports.WEIGHT) for name in SMALL_NAMES}


def sorted_by(metric: str, names=SMALL_NAMES) -> list[str]:
    return sorted(names, key=lambda name: small_value(NEWEST, name, metric), reverse=True)


def in_order_of_names() -> list[str]:
    """Naturally: Overall first, numbers as numbers."""

    def natural(name: str):
        # letters without their accents, as the reader's language has it
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        parts = re.split(r"(\d+)", plain)
        return [(1, int(p), "") if p.isdigit() else (0, 0, p.lower()) for p in parts]

    return sorted(SMALL_NAMES, key=lambda name: (name != "Overall", natural(name)))


def test_s1_results_over_the_whole_data_over_slices_and_over_time(open_file, small_file):
    app = App(open_file(small_file, "v=slices"))
    for name in ("Overall", "carrier:DL", "carrier:Ünï:x"):
        expect(app.cell(name, "auc")).to_contain_text(shown(small_value(NEWEST, name, "auc")))
    history = app.open("History")
    for run, name in enumerate(SMALL_RUNS):
        value = shown(small_value(run, "Overall", "auc"))
        row = history.get_by_role("table", name="Runs").get_by_role("row").filter(has_text=name)
        expect(row).to_contain_text(value)


def test_s2_all_metrics_are_shown_by_name(open_file, small_file):
    app = App(open_file(small_file, "v=slices", **WIDE))
    expect(app.button(f"Metrics ({len(LABELS)}/{len(LABELS)})")).to_be_visible()
    assert app.headers() == ["Slice", *sorted(LABELS)]


def test_s2_metrics_are_removed_and_added_by_check_marks(open_file, small_file):
    page = open_file(small_file, "v=slices", **WIDE)
    app = App(page)
    app.button(re.compile(r"Metrics \(")).click()
    dialog = app.dialog("Metrics")
    dialog.get_by_role("checkbox", name="accuracy", exact=True).uncheck()
    dialog.get_by_role("checkbox", name="recall", exact=True).click(modifiers=["Control"])
    expected = [name for name in sorted(LABELS) if name not in ("accuracy", "recall")]
    expect(app.header("accuracy")).to_have_count(0)
    expect(app.header("recall")).to_have_count(0)
    assert app.headers() == ["Slice", *expected]
    expect(app.button(f"Metrics ({len(expected)}/{len(LABELS)})")).to_be_visible()
    expect(dialog.get_by_role("combobox", name="Metric names")).to_have_value(", ".join(expected))
    dialog.get_by_role("checkbox", name="recall", exact=True).check()
    expect(app.header("recall")).to_be_visible()
    dialog.get_by_role("button", name="Reset").click()
    expect(app.header("accuracy")).to_be_visible()
    assert app.headers() == ["Slice", *sorted(LABELS)]


def test_s2_metrics_are_typed_and_rearranged(open_file, small_file):
    page = open_file(small_file, "v=slices", **WIDE)
    app = App(page)
    expect(app.row("Overall")).to_be_visible()
    settle(page)
    page.keyboard.press("m")
    names = app.dialog("Metrics").get_by_role("combobox", name="Metric names")
    names.fill("recall, auc, example_weight")
    names.press("Enter")
    expect(app.header("accuracy")).to_have_count(0)
    assert app.headers() == ["Slice", "recall", "auc", "example_weight"]
    names.fill("auc,recall,nonsense")
    app.dialog("Metrics").get_by_role("button", name="Apply").click()
    expect(app.header("example_weight")).to_have_count(0)
    assert app.headers() == ["Slice", "auc", "recall"]
    # what is not known is told, not dropped
    expect(app.dialog("Metrics")).to_contain_text("nonsense")
    page.keyboard.press("Escape")
    expect(app.dialog("Metrics")).to_have_count(0)


def test_s2_columns_are_dragged(open_file, small_file):
    app = App(open_file(small_file, "v=slices&m=accuracy,auc,recall", **WIDE))
    app.header("recall").drag_to(app.header("accuracy"), target_position={"x": 4, "y": 8})
    expect(app.grid.get_by_role("columnheader").nth(1)).to_contain_text("recall")
    assert app.headers() == ["Slice", "recall", "accuracy", "auc"]
    app.button(re.compile(r"Metrics \(")).click()
    names = app.dialog("Metrics").get_by_role("combobox", name="Metric names")
    expect(names).to_have_value("recall, accuracy, auc")


def test_s3_a_time_series_is_added_and_closed(open_file, small_file):
    page = open_file(small_file, "v=history")
    app = App(page)
    app.select("Add metric").select_option(label="recall")
    card = page.get_by_role("region", name="recall", exact=True)
    expect(card).to_be_visible()
    app.select("Add metric").select_option(label="average_loss")
    expect(page.get_by_role("region", name="average_loss", exact=True)).to_be_visible()
    close = card.get_by_role("button", name="Close recall")
    box, edge = close.bounding_box(), card.bounding_box()
    assert edge["x"] + edge["width"] - (box["x"] + box["width"]) < 30, "the X is at the top right"
    assert box["y"] - edge["y"] < 30
    close.click()
    expect(card).to_have_count(0)
    expect(page.get_by_role("region", name="average_loss", exact=True)).to_be_visible()


def test_s3_a_point_tells_its_run_its_data_and_its_value(open_file, small_file):
    page = open_file(small_file, "v=history&h=auc")
    points = page.get_by_role("group", name="Points").get_by_role("button")
    expect(points).to_have_count(len(SMALL_RUNS))
    for run in range(len(SMALL_RUNS)):
        points.nth(run).hover()
        tip = page.get_by_role("tooltip")
        for text in (f"{run + 1}", f"span-{run + 1}", shown(small_value(run, "Overall", "auc"))):
            expect(tip).to_contain_text(text)
        expect(points.nth(run)).to_have_accessible_name(re.compile(f"span-{run + 1}"))


def test_s3_runs_are_laid_out_by_model_or_by_data(open_file, small_file):
    page = open_file(small_file, "v=history&h=auc")
    app = App(page)
    app.radio("Data").check(force=True)
    chart = page.get_by_role("region", name="auc", exact=True).get_by_role("img")
    expect(chart).to_contain_text("Data span")
    app.radio("Model runs").check(force=True)
    expect(chart).to_contain_text("Model run")


def test_s4_the_table_has_the_chosen_metrics_and_sorts_by_a_click(open_file, small_file):
    page = open_file(small_file, "v=slices&m=auc,recall", **WIDE)
    app = App(page)
    assert app.headers() == ["Slice", "auc", "recall"]
    app.header("recall").click()
    expect(app.header("recall")).to_have_attribute("aria-sort", "descending")
    assert app.names() == sorted_by("recall")[: len(app.names())]
    history = app.open("History")
    table = history.get_by_role("table", name="Runs")
    header = table.get_by_role("columnheader", name="average_loss", exact=True)
    runs = sorted(SMALL_RUNS, key=lambda name: _loss_of(name))
    for state, first in (("descending", runs[-1]), ("ascending", runs[0])):
        header.get_by_role("button").click()
        expect(header).to_have_attribute("aria-sort", state)
        expect(table.get_by_role("row").nth(1)).to_contain_text(first)


def _loss_of(run: str) -> float:
    return small_value(SMALL_RUNS.index(run), "Overall", "average_loss")


def test_s5_the_address_carries_the_configuration(open_file, small_file):
    page = open_file(small_file, "v=slices")
    app = App(page)
    app.select("Run").select_option(index=1)
    app.select("Slice feature").select_option(label="hour")
    app.chart("Histogram")
    app.metric("recall")
    page.wait_for_url("**x=recall*")
    found = state_of(page)
    assert found == {
        "v": "slices",
        "run": SMALL_RUNS[1],
        "feat": "hour",
        "c": "hist",
        "x": "recall",
    }
    again = App(open_file(small_file, page.url.partition("#")[2]))
    expect(again.select("Slice feature").locator("option:checked")).to_have_text("hour")
    expect(again.radio("Histogram")).to_be_checked()
    expect(again.cell("hour:9", "auc")).to_contain_text(shown(small_value(1, "hour:9", "auc")))
    assert sorted(again.names()) == sorted(f"hour:{hour}" for hour in reports.HOURS)


def test_s5_the_link_is_copied(open_file, small_file):
    page = open_file(small_file, "v=slices&feat=hour", permissions=["clipboard-write"])
    App(page).button("Copy link").click()
    # where the clipboard is out of reach, the link itself is shown
    expect(
        page.get_by_role("status").filter(has_text=re.compile("copied|#v=slices"))
    ).to_be_visible()


@pytest.mark.parametrize("chart", ["overview", "hist"])
def test_s6_slices_with_few_weighted_examples_are_left_out(open_file, small_file, chart):
    page = open_file(small_file, f"v=slices&c={chart}&x=auc", **WIDE)
    app = App(page)
    limit = 500
    page.get_by_role("spinbutton", name="Minimum weighted examples").fill(str(limit))
    kept = [name for name in in_order_of_names() if WEIGHTS[name] >= limit]
    assert 3 < len(kept) < len(SMALL_NAMES)
    expect(app.rows()).to_have_count(min(len(kept), 16))
    assert set(app.names()) <= set(kept)
    if chart == "overview":
        expect(app.marks()).to_have_count(len(kept))
    else:
        assert sum(slices_in(app)) == len(kept) - 1, "without the baseline slice"
    slider = page.get_by_role("slider", name="Minimum weighted examples slider")
    slider.focus()
    page.keyboard.press("Home")
    expect(app.row("carrier:AA")).to_be_visible()
    page.keyboard.press("End")
    expect(app.rows()).to_have_count(1)


def slices_in(app: App) -> list[int]:
    """The slices in each bucket, as the histogram tells them."""
    names = [mark.get_attribute("aria-label") or "" for mark in app.marks().all()]
    return [int(re.search(r"([\d,]+) slices?", name).group(1).replace(",", "")) for name in names]


def test_s7_the_overview_is_the_default_for_few_slices_and_sorts(open_file, small_file):
    page = open_file(small_file, "v=slices&x=recall")
    app = App(page)
    expect(app.radio("Overview")).to_be_checked()

    def bars() -> list[str]:
        names = [mark.get_attribute("aria-label") or "" for mark in app.marks().all()]
        return [name.rpartition(": recall ")[0] for name in names]

    expect(app.marks()).to_have_count(len(SMALL_NAMES))
    assert bars() == in_order_of_names()
    # by another metric, the largest first; then the other way
    app.select("Sort by").select_option(label="auc")
    expect(app.marks().first).to_have_accessible_name(re.compile(re.escape(sorted_by("auc")[0])))
    assert bars() == sorted_by("auc")
    app.button("Sort direction").click()
    expect(app.marks().last).to_have_accessible_name(re.compile(re.escape(sorted_by("auc")[0])))
    assert bars() == sorted_by("auc")[::-1]
    app.select("Sort by").select_option(label="Slice")
    expect(app.marks().first).to_have_accessible_name(re.compile("Overall"))
    value = shown(small_value(NEWEST, "hour:9", "recall"))
    assert any(
        f"hour:9: recall {value}" in (mark.get_attribute("aria-label") or "")
        for mark in app.marks().all()
    )


def test_s8_the_histogram_is_the_default_for_many_slices(open_file, large_file):
    app = App(open_file(large_file(1000), "v=slices"))
    expect(app.radio("Histogram")).to_be_checked()
    expect(app.marks()).to_have_count(10)
    assert sum(slices_in(app)) == 999


def test_s8_buckets_tell_slices_examples_or_both(open_file, large_file):
    page = open_file(large_file(1000), "v=slices&x=auc")
    app = App(page)
    chart = page.get_by_role("region", name="Chart")
    expect(chart.get_by_text("slices", exact=True)).to_be_visible()
    app.select("Count").select_option(label="Weighted examples")
    expect(chart.get_by_text("weighted examples", exact=True)).to_be_visible()
    app.select("Count").select_option(label="Both")
    expect(chart.get_by_text("slices", exact=True)).to_be_visible()
    expect(chart.get_by_text("weighted examples", exact=True)).to_be_visible()
    weight = reports.large(1000)["values"]["run-2"]["example_weight"]["v"]
    told = [mark.get_attribute("aria-label") or "" for mark in app.marks().all()]
    examples = [float(re.search(r"([\d,.]+) weighted", text)[1].replace(",", "")) for text in told]
    assert sum(examples) == pytest.approx(unpacked(weight)[1:].sum(), rel=1e-3)


def test_s8_the_gear_has_the_buckets_and_the_scale(open_file, large_file):
    page = open_file(large_file(1000), "v=slices&x=auc")
    app = App(page)
    expect(app.marks()).to_have_count(10)
    app.button("Histogram settings").click()
    dialog = app.dialog("Histogram settings")
    dialog.get_by_role("spinbutton", name="Number of buckets").fill("25")
    expect(app.marks()).to_have_count(25)
    before = slices_in(app)
    assert sum(before) == 999
    dialog.get_by_role("checkbox", name="Logarithmic scale").check()
    expect(page.get_by_role("region", name="Chart").get_by_text("slices (log)")).to_be_visible()
    # only heights change
    assert slices_in(app) == before
    slider = dialog.get_by_role("slider", name="Number of buckets slider")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(app.marks()).to_have_count(26)
    page.wait_for_url("**b=26*")
    assert state_of(page)["log"] == "1"


def test_s8_a_dragged_range_leaves_outliers_out(open_file, large_file):
    page = open_file(large_file(1000), "v=slices&x=auc")
    app = App(page)
    expect(app.marks()).to_have_count(10)
    box = page.locator(".strip").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.4, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=3)
    # live, before it is released
    expect(app.button("Clear range").first).to_be_visible()
    page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=3)
    page.mouse.up()
    low, high = (
        float(page.get_by_role("slider", name=name, exact=True).get_attribute("aria-valuenow"))
        for name in ("Range from", "Range to")
    )
    assert low < high
    auc = unpacked(reports.large(1000)["values"]["run-2"]["auc"]["v"])
    inside = ((auc >= low) & (auc <= high)).sum()
    assert 100 < inside < 900
    expect(page.get_by_text(f"{inside} of 1,000 slices")).to_be_visible()
    page.locator(".strip").dblclick()
    expect(app.button("Clear range")).to_have_count(0)
    expect(page.get_by_text("1,000 slices", exact=True)).to_be_visible()


def test_s9_the_table_has_the_slices_that_pass_and_sorts(open_file, small_file):
    page = open_file(small_file, "v=slices&feat=day&w=100&m=auc,recall,example_weight", **WIDE)
    app = App(page)
    kept = [
        name for name in in_order_of_names() if name.startswith("day:") and WEIGHTS[name] >= 100
    ]
    expect(app.rows()).to_have_count(len(kept))
    assert app.names() == kept
    # descending, ascending, as it was
    for order, state in ((1, "descending"), (-1, "ascending")):
        app.header("auc").click()
        expect(app.header("auc")).to_have_attribute("aria-sort", state)
        assert app.names() == sorted_by("auc", kept)[::order]
    app.header("auc").click()
    expect(app.header("auc")).to_have_attribute("aria-sort", "none")
    assert app.names() == kept
    page.get_by_role("searchbox", name="Find slices").fill("s")
    expect(app.rows()).to_have_count(len([name for name in kept if "s" in name.lower()]))


@pytest.mark.parametrize("column", [None, "hour"])
def test_s10_what_is_loaded_is_rendered(open_file, small, tmp_path, column):
    result = microtome.load_eval_result(str(small / SMALL_RUNS[NEWEST]))
    view = microtome.view.render_slicing_metrics(result, slicing_column=column)
    view.to_html(tmp_path / "report.html")
    app = App(open_file(tmp_path / "report.html"))
    expected = ["Overall"] if column is None else [f"hour:{hour}" for hour in reports.HOURS]
    expect(app.row(expected[0])).to_be_visible()
    assert app.names() == expected
