"""The pictures of the documentation, taken where MICROTOME_SCREENSHOTS names a folder for them.

In a checkout: MICROTOME_SCREENSHOTS=docs/images make test-e2e ARGS="-k screenshots". Otherwise they
are taken for nobody, which shows that they can be.
"""

from __future__ import annotations

import os
import pathlib

import pytest
from playwright.sync_api import expect

import microtome.view
from microtome.view import View
from tests.conftest import ROOT
from tests.view.e2e.app import App, settle

pytestmark = pytest.mark.e2e

MOST_BYTES = 150_000
# what each picture shows of the demo, and how high it is
PICTURES = {
    "summary": ("v=summary", 700),
    "slices": ("v=slices&c=overview&feat=carrier&x=auc&sel=carrier:B6", 800),
    "histogram": ("v=slices&c=hist&x=auc&k=both&b=20&m=auc,accuracy,recall,example_count", 860),
    "history": ("v=history&h=auc,accuracy,average_loss&hs=Overall,carrier:B6", 760),
    "plots": ("v=plots", 900),
    "compare": ("v=compare&x=auc", 860),
    "fairness": ("v=fairness&feat=carrier&fm=false_positive_rate@&thr=0.3,0.7", 760),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("demo") / "report.html"
    view: View = microtome.view.demo()
    view.to_html(path)
    return path


@pytest.mark.parametrize("name", list(PICTURES))
def test_screenshots(open_file, demo, tmp_path, name):
    state, height = PICTURES[name]
    viewport = {"width": 1100, "height": height}
    page = open_file(demo, f"{state}&theme=light", viewport=viewport, reduced_motion="reduce")
    expect(App(page).root.get_by_role("tabpanel")).to_be_visible()
    settle(page)
    named = os.environ.get("MICROTOME_SCREENSHOTS")
    folder = ROOT / named if named else tmp_path
    path = folder / f"views-{name}.png"
    page.screenshot(path=path, animations="disabled", caret="hide")
    assert 10_000 < path.stat().st_size < MOST_BYTES
