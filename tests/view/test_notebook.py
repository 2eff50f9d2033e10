"""A notebook that is executed with nobody there, and what is made of it, can be read."""

from __future__ import annotations

import html

import pytest

from tests.results import made
from tests.view.test_page import Reader, embedded

pytestmark = pytest.mark.current

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

CELLS = """
import microtome
result = microtome.load_eval_result({path!r})
result
---
microtome.view.render_slicing_metrics(result, slicing_column="carrier")
---
microtome.view.slicing(result, mode="text")
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory):
    path = made.write(tmp_path_factory.mktemp("results") / "result")
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS.format(path=path).split("---\n")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return notebook


def data(notebook, cell):
    (output,) = notebook.cells[cell]["outputs"]
    return output["data"]


def test_outputs_are_pages_tables_and_texts(executed):
    shown = data(executed, 0)
    # no widget: nobody would be there to feed it
    assert set(shown) == {"text/plain", "text/html"}
    ((frame, _),) = Reader(shown["text/html"]).named("iframe")
    report = embedded(frame["srcdoc"])
    assert set(report["slices"]["name"]) == {"Overall", "carrier:AA", "carrier:UA"}
    assert "EvalResult" in shown["text/plain"]
    cells = [text for _, text in Reader(shown["text/html"]).named("td")]
    assert "carrier:UA" in cells

    ((frame, _),) = Reader(data(executed, 1)["text/html"]).named("iframe")
    assert set(embedded(frame["srcdoc"])["slices"]["name"]) == {"carrier:AA", "carrier:UA"}
    assert set(data(executed, 2)) == {"text/plain"}


def test_exported_html_holds_them(executed):
    nbconvert = pytest.importorskip("nbconvert")
    exported, _ = nbconvert.HTMLExporter(embed_images=True).from_notebook_node(executed)
    assert exported.count("<iframe") == 2
    frames = [a["srcdoc"] for a, _ in Reader(exported).named("iframe")]
    assert all(embedded(frame)["schema"] == "report/1" for frame in frames)
    assert "carrier:UA" in html.unescape(exported)


def test_exported_markdown_has_the_tables(executed):
    nbconvert = pytest.importorskip("nbconvert")
    exported, _ = nbconvert.MarkdownExporter().from_notebook_node(executed)
    assert "carrier:UA" in exported
