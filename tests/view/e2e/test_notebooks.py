"""Views in notebooks: in JupyterLab and Notebook, with both ipywidgets, live and exported."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import nbformat
import pytest
from playwright.sync_api import expect

from tests.view.e2e import reports
from tests.view.e2e.app import App
from tests.view.e2e.jupyter import FRONT_ENDS, Notebook, complains_of_ours

pytestmark = pytest.mark.e2e

SHOW = """
import glob, microtome
seen = []
results = [microtome.load_eval_result(path) for path in sorted(glob.glob({pattern!r}))]
view = microtome.view.{call}
view.on("slice-selected", lambda data: seen.append((data["slice"], data["slice_name"])))
view
"""
SLICING = "render_slicing_metrics(results[-1], slicing_column='hour')"


def show(folder: pathlib.Path, call: str = "slicing(results)") -> str:
    return SHOW.format(pattern=f"{folder}/*", call=call).strip()


@pytest.fixture(params=FRONT_ENDS)
def open_notebook(request, jupyter_server, new_page):
    """A function that opens a notebook of these cells, in each front end in turn."""

    def open_(*cells: str) -> Notebook:
        page = new_page(origin=jupyter_server.origin, complains=complains_of_ours)
        page.goto(jupyter_server.url(request.param, cells))
        return Notebook(page)

    return open_


def test_a_view_and_python_follow_each_other(open_notebook, small):
    notebook = open_notebook(
        show(small),
        "print(view.state); print(seen); print(sorted(set(view.selected['slice'])))",
        "view.state = 'v=history&theme=dark'",
        "view.state = 'v=slices&q=carrier&s=-auc'",
    )
    app = App(notebook.run(0))
    # clicks reach Python
    app.choose("carrier:DL")
    expect(app.drawer).to_contain_text("carrier:DL")
    app.header("auc").click()
    expect(app.header("auc")).to_have_attribute("aria-sort", "descending")
    state, seen, selected = notebook.text(1).split("\n")
    assert "sel=carrier:DL" in state.replace("%3A", ":")
    assert "s=-auc" in state
    assert seen == "[({'carrier': 'DL'}, 'carrier:DL')]"
    assert selected == "['carrier:DL']"
    # what Python sets is shown
    notebook.run(2)
    expect(app.tab("History")).to_have_attribute("aria-selected", "true")
    notebook.run(3)
    expect(app.row("Overall")).to_have_count(0)
    carriers = [name for name in reports.SMALL_NAMES if name.startswith("carrier:")]
    auc = {name: reports.small_value(2, name, "auc") for name in carriers}
    assert app.names() == sorted(carriers, key=auc.__getitem__, reverse=True)


def test_keys_stay_in_the_view(open_notebook, small):
    """`b` inserts a cell in a notebook, `d d` deletes one, `x` cuts one."""
    notebook = open_notebook(show(small), "1")
    app = App(notebook.run(0))
    before = notebook.cells.count()
    app.choose("carrier:DL")
    app.drawer.get_by_role("button", name="Close", exact=True).click()
    app.grid.focus()
    for key in "badxbmdd/?":
        notebook.page.keyboard.press(key)
        notebook.page.keyboard.press("Escape")
    app.tab("Slices").focus()
    notebook.page.keyboard.press("b")
    notebook.page.keyboard.press("x")
    assert notebook.cells.count() == before
    expect(app.row("carrier:DL")).to_be_visible()
    # and those of the notebook work still
    notebook.cells.nth(1).locator(".jp-InputArea-editor").click()
    notebook.page.keyboard.press("Escape")
    notebook.page.keyboard.press("b")
    expect(notebook.cells).to_have_count(before + 1)


def test_s10_rendered_slicing_metrics(open_notebook, small):
    """S1, S10: what `load_eval_result` gives is rendered, by one feature's slices."""
    notebook = open_notebook(show(small, SLICING))
    app = App(notebook.run(0))
    expect(app.row("hour:9")).to_be_visible()
    assert sorted(app.names()) == sorted(f"hour:{hour}" for hour in reports.HOURS)


def test_hostile_data(open_notebook, hostile):
    notebook = open_notebook(show(hostile))
    app = App(notebook.run(0))
    for name in app.tabs():
        app.open(name)
    expect(app.tab("Slices")).to_be_visible()


def test_an_executed_notebook_stays_readable(new_page, small, tmp_path: pathlib.Path):
    """Executed with nobody there, then exported: the views work in it, without any network."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(show(small))])
    nbformat.write(notebook, tmp_path / "made.ipynb")
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--execute"]
    # MathJax and require.js would come from the network
    own = ["--HTMLExporter.mathjax_url=", "--HTMLExporter.require_js_url=", "--template=lab"]
    subprocess.run(
        [*command, *own, str(tmp_path / "made.ipynb")],
        check=True,
        env={**os.environ, "IPYTHONDIR": str(tmp_path)},
    )
    page = new_page()
    page.goto((tmp_path / "made.html").as_uri())
    frame = page.frame_locator("iframe")
    app = App(frame)
    app.choose("carrier:DL")
    expect(app.drawer).to_contain_text("carrier:DL")
    app.open("History")
    # as high as what it shows: nothing is cut off
    element = page.locator("iframe")
    page.wait_for_function(
        "() => document.querySelector('iframe').getBoundingClientRect().height !== 640"
    )
    assert element.bounding_box()["height"] > 300


def test_an_executed_notebook_is_readable_without_scripts(new_page, small, tmp_path: pathlib.Path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(show(small))])
    nbformat.write(notebook, tmp_path / "made.ipynb")
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--execute"]
    subprocess.run(
        [*command, "--embed-images", str(tmp_path / "made.ipynb")],
        check=True,
        env={**os.environ, "IPYTHONDIR": str(tmp_path)},
    )
    page = new_page(java_script_enabled=False, complains=lambda complaint: False)
    page.goto((tmp_path / "made.html").as_uri(), wait_until="commit")
    page.get_by_text("As a table").click()
    expect(page.get_by_role("row").filter(has_text="hour:9").first).to_be_visible()
