"""Views in notebooks: in JupyterLab and Notebook, with both ipywidgets, live and exported."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

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


def show(folder: pathlib.Path, call: str = "slicing(results)") -> str:
    return SHOW.format(pattern=f"{folder}/*", call=call).strip()


@pytest.fixture(scope="module", params=FRONT_ENDS)
def notebook(request, jupyter_server, make_page, small, hostile) -> Iterator[Notebook]:
    """A notebook that is open in each front end in turn; its cells are there to be run."""
    with make_page(origin=jupyter_server.origin, complains=complains_of_ours) as page:
        cells = [
            show(small),
            "print(view.state); print(seen); print(sorted(set(view.selected['slice'])))",
            "view.state = 'v=history&theme=dark'",
            "view.state = 'v=slices&q=carrier&s=-auc'",
            show(small, "render_slicing_metrics(results[-1], slicing_column='hour')"),
            show(hostile),
        ]
        page.goto(jupyter_server.url(request.param, cells))
        yield Notebook(page)


def test_a_view_and_python_follow_each_other(notebook):
    app = App(notebook.run(0))
    # clicks reach Python; a value with a colon in it is told whole
    app.choose("carrier:Ünï:x")
    app.choose("carrier:DL")
    expect(app.drawer).to_contain_text("carrier:DL")
    app.header("auc").click()
    expect(app.header("auc")).to_have_attribute("aria-sort", "descending")
    state, seen, selected = notebook.text(1).split("\n")
    assert "sel=carrier:DL" in state.replace("%3A", ":")
    assert "s=-auc" in state
    assert seen == ("[({'carrier': 'Ünï:x'}, 'carrier:Ünï:x'), ({'carrier': 'DL'}, 'carrier:DL')]")
    assert selected == "['carrier:DL']"
    # what Python sets is shown
    notebook.run(2)
    expect(app.tab("History")).to_have_attribute("aria-selected", "true")
    notebook.run(3)
    expect(app.row("Overall")).to_have_count(0)
    carriers = [name for name in reports.SMALL_NAMES if name.startswith("carrier:")]
    auc = {name: reports.small_value(2, name, "auc") for name in carriers}
    assert app.names() == sorted(carriers, key=auc.__getitem__, reverse=True)


def test_keys_stay_in_the_view(notebook):
    """`b` inserts a cell in a notebook, `d d` deletes one, `x` cuts one."""
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
    notebook.page.keyboard.press("d")
    notebook.page.keyboard.press("d")
    expect(notebook.cells).to_have_count(before)


def test_s10_rendered_slicing_metrics(notebook):
    """S1, S10: what `load_eval_result` gives is rendered, by one feature's slices."""
    app = App(notebook.run(4))
    expect(app.row("hour:9")).to_be_visible()
    assert sorted(app.names()) == sorted(f"hour:{hour}" for hour in reports.HOURS)


def test_hostile_data(notebook):
    app = App(notebook.run(5))
    for name in app.tabs():
        app.open(name)
    expect(app.tab("Slices")).to_be_visible()


@pytest.fixture(scope="module")
def exported(small, tmp_path_factory) -> pathlib.Path:
    """A notebook that was executed with nobody there, then exported."""
    folder = tmp_path_factory.mktemp("exported")
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(show(small))])
    nbformat.write(made, folder / "made.ipynb")
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--execute"]
    # they would come from the network
    own = ["--HTMLExporter.mathjax_url=", "--HTMLExporter.require_js_url="]
    subprocess.run(
        [*command, *own, str(folder / "made.ipynb")],
        check=True,
        env={**os.environ, "IPYTHONDIR": str(folder)},
    )
    return folder / "made.html"


def test_an_exported_notebook_is_alive_without_a_network(new_page, exported):
    page = new_page()
    page.goto(exported.as_uri())
    app = App(page.frame_locator("iframe"))
    app.choose("carrier:DL")
    expect(app.drawer).to_contain_text("carrier:DL")
    app.open("History")
    # as high as what it shows: nothing is cut off
    page.wait_for_function(
        "() => document.querySelector('iframe').getBoundingClientRect().height !== 640"
    )
    assert page.locator("iframe").bounding_box()["height"] > 300


def test_an_exported_notebook_is_readable_without_scripts(new_page, exported):
    page = new_page(java_script_enabled=False, complains=lambda complaint: False)
    page.goto(exported.as_uri(), wait_until="commit")
    page.get_by_text("As a table").click()
    expect(page.get_by_role("row").filter(has_text="hour:3").first).to_be_visible()
