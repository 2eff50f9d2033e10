"""One kind of view everywhere: what it shows where, what it tells, what it is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import microtome
from microtome import view
from microtome.errors import ConfigError
from microtome.results.eval_result import EvalResult, EvalResults
from microtome.results.loader import load_eval_result
from microtome.view import contract, environment
from microtome.view.numbers import unpacked
from tests.results import made
from tests.view import hostile
from tests.view.schema import checked

pytestmark = pytest.mark.current

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def result(tmp_path) -> EvalResult:
    return load_eval_result(made.write(tmp_path / "result"))


def test_a_view_is_text_in_a_terminal(result):
    shown = view.slicing(result)
    assert set(shown._repr_mimebundle_()) == {"text/plain"}
    assert "carrier:UA" in repr(shown)
    assert "0.8750" in repr(shown)


def test_a_view_is_a_framed_page_and_a_table_where_nobody_is_there(result):
    bundle = view.View(contract.report_of(result), mode="html")._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert "<iframe" in bundle["text/html"]
    assert "<table>" in bundle["text/html"].rpartition("</iframe>")[2]


def test_a_view_is_a_widget_with_a_table_beside_it(result):
    pytest.importorskip("anywidget")
    shown = view.View(contract.report_of(result), mode="widget")
    bundle = shown._repr_mimebundle_()
    assert bundle[WIDGET]["model_id"] == shown.widget.model_id
    assert "<table>" in bundle["text/html"]
    assert "<script" not in bundle["text/html"]
    assert bundle["text/plain"] == repr(shown)
    assert shown.widget is shown.widget


def test_the_widget_is_sent_the_report_with_binary_numbers():
    pytest.importorskip("anywidget")
    items = [((("i", i),), {"": {"": {"m": {"doubleValue": i / 10}}}}) for i in range(100)]
    shown = view.View(contract.report_of(EvalResult(items)), mode="widget")
    state = shown.widget.get_state()
    column = state["_report"]["values"]["r1"]["m"]["v"]
    assert "b64" not in column
    assert unpacked(column).tolist() == [i / 10 for i in range(100)]
    assert "render" in state["_esm"]


def test_the_widget_is_sent_hostile_texts():
    pytest.importorskip("anywidget")
    from ipywidgets.widgets.widget import _remove_buffers

    shown = view.View(contract.report_of(hostile.result()), mode="widget")
    state, _, buffers = _remove_buffers(shown.widget.get_state())
    json.dumps(state["_report"], allow_nan=False, ensure_ascii=False).encode("utf-8")
    # no column of a few rows is packed
    assert buffers == []


class Sent:
    """Takes what a widget sends to its page."""

    def __init__(self, widget):
        self.messages = []
        widget.send = self.messages.append


def test_events_reach_their_handlers(result):
    pytest.importorskip("anywidget")
    seen = []
    shown = view.slicing(result, event_handlers={"slice-selected": seen.append}, mode="widget")
    assert shown.on("filter-changed", seen.append) is shown
    data = {"slice": {"carrier": "U:A"}, "slice_name": "carrier:U:A", "run": "result"}
    for name in ("slice-selected", "filter-changed", "state-changed"):
        message = {"type": "event", "name": name, "data": data}
        shown.widget._handle_custom_msg(message, [])
    assert seen == [data, data]
    with pytest.raises(ConfigError, match="did you mean 'slice-selected'"):
        shown.on("slice-select", print)


def test_the_page_is_answered(result):
    pytest.importorskip("anywidget")
    asked = []

    def supply(what):
        asked.append(what)
        if what["kind"] == "plots":
            return {"schema": "report/1"}
        if what["kind"] == "run":
            raise ConfigError("no such run")
        raise KeyError("slice")

    shown = view.View(contract.report_of(result), mode="widget", supply=supply)
    sent = Sent(shown.widget)
    for number, kind in enumerate(("plots", "run", "series")):
        what = {"kind": kind}
        shown.widget._handle_custom_msg({"type": "request", "id": number, "what": what}, [])
    assert [one["id"] for one in sent.messages] == [0, 1, 2]
    assert sent.messages[0]["report"] == {"schema": "report/1"}
    assert sent.messages[1]["error"] == "no such run"
    assert "KeyError" in sent.messages[2]["error"]
    assert [what["kind"] for what in asked] == ["plots", "run", "series"]


def test_state_goes_both_ways(result):
    pytest.importorskip("anywidget")
    shown = view.slicing(result, mode="widget")
    assert shown.state == "v=slices"
    shown.state = "#v=slices&c=hist"
    assert shown.widget.state == shown.state == "v=slices&c=hist"
    shown.widget.state = "v=slices&sel=carrier%3AUA"
    assert shown.state == "v=slices&sel=carrier%3AUA"
    assert shown.url("report.html#old") == "report.html#v=slices&sel=carrier%3AUA"
    assert json.loads(shown.to_json())["initial"] == shown.state


def test_the_selected_slice_is_a_frame(result):
    shown = view.slicing(result)
    assert shown.selected.empty
    shown.state = "sel=carrier%3AUA"
    selected = shown.selected.set_index("metric")
    assert selected.loc["accuracy", "value"] == 0.875
    assert set(selected["slice"]) == {"carrier:UA"}
    assert set(selected["run"]) == {"result"}
    shown.state = "sel=not%3Athere"
    assert shown.selected.empty


def test_a_view_is_saved(result, tmp_path):
    shown = view.slicing(result)
    shown.save(tmp_path / "a.html")
    shown.save(tmp_path / "a.json")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == shown.to_html()
    report = checked(json.loads((tmp_path / "a.json").read_text()))
    assert report["initial"] == "v=slices"
    with pytest.raises(ConfigError, match=r"\.html or \.json"):
        shown.save(tmp_path / "a.pdf")


def test_there_are_four_modes(result):
    with pytest.raises(ConfigError, match="did you mean 'widget'"):
        view.slicing(result, mode="wigdet")


def test_a_file_has_nobody_to_ask(result):
    shown = view.View({**contract.report_of(result), "on_demand": ["plots"]})
    assert "on_demand" not in json.loads(shown.to_json())


def test_results_show_and_save_themselves(result, tmp_path, monkeypatch):
    assert result._repr_mimebundle_() == {}
    monkeypatch.setenv(environment.VARIABLE, "html")
    assert "<iframe" in result._repr_mimebundle_()["text/html"]
    # the result's own text stays
    assert "text/plain" not in result._repr_mimebundle_()
    both = EvalResults([result, result])
    assert "<iframe" in both._repr_mimebundle_()["text/html"]
    path = tmp_path / "page.html"
    text = result.to_html(path)
    assert path.read_text(encoding="utf-8") == text
    assert "microtome-report" in both.to_html()


def test_a_result_that_cannot_be_viewed_still_shows_its_table(result, monkeypatch, caplog):
    monkeypatch.setenv(environment.VARIABLE, "html")
    monkeypatch.setattr("microtome.view.page._STATIC", "/nowhere")
    assert result._repr_mimebundle_() == {}
    assert "<table>" in result._repr_html_()
    assert "make frontend" in caplog.text


def test_the_views_load_no_notebook_until_a_widget_is_made(tmp_path):
    path = made.write(tmp_path / "result")
    program = (
        "import sys, microtome\n"
        f"shown = microtome.view.slicing({path!r})\n"
        "shown.to_html(); repr(shown); shown._repr_mimebundle_()\n"
        "print(sorted({'anywidget', 'ipywidgets', 'IPython', 'tensorflow', 'apache_beam',"
        " 'ml_metadata'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_demo_is_a_report_like_others():
    report = checked(view.demo().report)
    assert len(report["runs"]) == 4
    assert report["verdicts"]["r4"]["verdict"] == "NOT_BLESSED"
    assert {plot["type"] for plot in report["plots"]} == {"calibration", "thresholds"}
    assert json.loads(view.demo().to_json())["values"] == report["values"]
    assert microtome.view.demo is view.demo


# where views are shown


class Shell:
    kernel = object()


class TerminalInteractiveShell(Shell):
    kernel = None


@pytest.fixture
def nowhere(monkeypatch):
    """No notebook, whatever runs the tests."""
    for name in (environment.VARIABLE, *environment._LIVE, "PAPERMILL_INPUT_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("DATABRICKS_RUNTIME_VERSION", "KAGGLE_KERNEL_RUN_TYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(environment, "_starter", set)
    monkeypatch.setattr(environment, "_in_marimo", lambda: False)
    return monkeypatch


@pytest.mark.parametrize(
    ("shell", "variables", "starter", "mode"),
    [
        (None, {}, (), "text"),
        (TerminalInteractiveShell(), {}, (), "text"),
        (Shell(), {}, (), "html"),
        (Shell(), {"JPY_SESSION_NAME": "/a.ipynb"}, (), "widget"),
        (Shell(), {"JPY_SESSION_NAME": "/a.ipynb"}, {"python", "jupyter-lab"}, "widget"),
        (Shell(), {}, {"python", "jupyter-notebook"}, "widget"),
        # executed from within a live notebook
        (Shell(), {"JPY_SESSION_NAME": "/a.ipynb"}, {"python", "jupyter-nbconvert"}, "html"),
        (Shell(), {"JPY_SESSION_NAME": "/a.ipynb"}, {"python", "-m", "papermill"}, "html"),
        (Shell(), {"JPY_SESSION_NAME": "a", "PAPERMILL_INPUT_PATH": "b"}, (), "html"),
        (Shell(), {"VSCODE_PID": "1"}, (), "widget"),
        (Shell(), {"VSCODE_PID": "1", "DATABRICKS_RUNTIME_VERSION": "15"}, (), "html"),
        (Shell(), {"KAGGLE_KERNEL_RUN_TYPE": "Batch"}, (), "html"),
        (Shell(), {"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}, (), "widget"),
        (None, {"MICROTOME_VIEW": "html"}, (), "html"),
    ],
)
def test_where_a_view_is_shown(nowhere, shell, variables, starter, mode):
    if mode == "widget":
        pytest.importorskip("anywidget")
    nowhere.setattr(environment, "_shell", lambda: shell)
    nowhere.setattr(environment, "_starter", lambda: set(starter))
    for name, value in variables.items():
        nowhere.setenv(name, value)
    assert environment.detect() == mode


def test_without_anywidget_a_live_notebook_is_shown_html(nowhere):
    nowhere.setattr(environment, "_shell", Shell)
    nowhere.setenv("JPY_SESSION_NAME", "/a.ipynb")
    nowhere.setattr(environment.importlib.util, "find_spec", lambda _: None)
    assert environment.detect() == "html"


def test_the_starter_is_the_parent_process(monkeypatch):
    pytest.importorskip("psutil")
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
    assert any(name.startswith("python") for name in environment._starter())
    monkeypatch.setenv("JPY_PARENT_PID", "not a number")
    assert environment._starter() == set()
