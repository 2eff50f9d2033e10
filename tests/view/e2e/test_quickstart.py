"""The notebook that runs the guides' code runs, and shows what it says."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import nbformat
import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
NOTEBOOK = ROOT / "docs/quickstart.ipynb"


def test_it_is_committed_without_outputs():
    text = NOTEBOOK.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, 4)
    nbformat.validate(notebook)
    assert not [cell for cell in notebook.cells if cell.get("outputs")]
    assert not re.findall(r"/(?:tmp|home|root|work)/", text)


def test_it_runs(tmp_path: pathlib.Path):
    # in a process of its own: nbclient's event loop and Playwright's do not go together
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute"]
    subprocess.run(
        [*command, f"--output-dir={tmp_path}", str(NOTEBOOK)],
        check=True,
        env={**os.environ, "IPYTHONDIR": str(tmp_path), "TMPDIR": str(tmp_path)},
    )
    notebook = nbformat.read(tmp_path / NOTEBOOK.name, 4)
    shown = {
        cell.source: output.data
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "execute_result"
    }
    views = [data for source, data in shown.items() if "microtome.view" in source.split("\n")[-1]]
    assert len(views) >= 4
    for data in views:
        assert "Overall" in data["text/plain"] or "country:br" in data["text/plain"]
        assert "<iframe" in data["text/html"]
    (selected,) = (data for source, data in shown.items() if source.endswith("view.selected"))
    assert "country:br" in selected["text/plain"]
    assert "auc" in selected["text/plain"]
