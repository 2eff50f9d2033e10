"""Every run leaves a page beside its results, and never loses them for it."""

from __future__ import annotations

import logging
import os
import pathlib

import pytest

from microtome.metrics.keys import MetricKey
from microtome.proto.config_pb2 import EvalRun
from microtome.results import ResultsWriter, load_eval_result, metrics_for_slice, names
from microtome.tracking import schema
from microtome.view import page, run_report
from microtome.view.run_report import RunReport, page_of_evaluation
from tests.results import made
from tests.tracking.recorded import UA, evaluation
from tests.view.schema import checked
from tests.view.test_page import embedded

pytestmark = pytest.mark.current

COUNT = "post_export_metrics/example_count"


def write(path, slices, max_slices=run_report.MAX_SLICES):
    with ResultsWriter(path, RunReport(str(path), max_slices)) as writer:
        writer.add_metrics(metrics_for_slice(key, metrics) for key, metrics in slices)
        writer.finish(made.EVAL_RUN, {"counts": {"rows": 300}})


def test_the_page_says_what_the_result_says(tmp_path):
    path = tmp_path / "result"
    write(path, made.SLICES.items())
    report = checked(embedded((path / names.REPORT).read_text(encoding="utf-8")))
    (run,) = report["runs"]
    assert (run["id"], run["path"], run["model"]) == ("result", str(path), "7")
    assert ["Rows", "300"] in run["info"]
    by_name = dict(
        zip(report["slices"]["name"], report["values"]["result"]["accuracy"]["v"], strict=True)
    )
    assert by_name == {"Overall": 0.75, "carrier:AA": 0.5, "carrier:UA": 0.875}
    assert report["weight"] == COUNT
    # readers of results do not mind it, and a new result takes its place
    assert len(load_eval_result(path).slicing_metrics) == 3
    write(path, made.SLICES.items())


def test_the_page_is_of_the_model_and_not_of_its_baseline(tmp_path):
    path = tmp_path / "result"
    run = EvalRun()
    for name in ("a", "b"):
        run.eval_config.model_specs.add(name=name, is_baseline=name == "a")
        run.model_locations[name] = f"models/{name}"
    values = {
        MetricKey("accuracy", "b"): 0.75,
        MetricKey("accuracy", "a"): 0.25,
        MetricKey("accuracy", "b", is_diff=True): 0.5,
    }
    with ResultsWriter(path, RunReport(str(path))) as writer:
        writer.add_metrics([metrics_for_slice((), values)])
        writer.finish(run)
    report = checked(embedded((path / names.REPORT).read_text(encoding="utf-8")))
    assert [each["model_path"] for each in report["runs"]] == ["models/b"]
    shown = report["values"]["result"]
    assert {name: column["v"] for name, column in shown.items()} == {
        "accuracy": [0.75],
        "accuracy_diff": [0.5],
    }


def test_of_many_slices_the_largest_are_in_the_page(tmp_path):
    path = tmp_path / "result"
    sizes = {i: (i * 7919) % 1000 for i in range(1, 1000)}
    slices = [((("i", i),), {COUNT: float(size)}) for i, size in sizes.items()]
    slices.insert(500, ((), {COUNT: float("nan")}))
    write(path, slices, max_slices=100)
    report = checked(embedded((path / names.REPORT).read_text(encoding="utf-8")))
    largest = sorted(sizes, key=lambda i: -sizes[i])[:99]
    assert report["slices"]["name"] == ["Overall", *(f"i:{i}" for i in largest)]
    assert not report["runs"][-1]["complete"]
    assert "900 slices are left out" in report["omitted"][-1]["why"]


@pytest.mark.parametrize("fails", ["add", "page", "write"])
def test_a_page_that_cannot_be_made_does_not_cost_the_result(tmp_path, monkeypatch, caplog, fails):
    def failing(*_):
        raise OSError("no space left")

    if fails == "write":
        write_text = ResultsWriter._write

        def writing(writer, name, text):
            if name == names.REPORT:
                pathlib.Path(writer._path(name)).write_text(text[:10])
                failing()
            write_text(writer, name, text)

        monkeypatch.setattr(ResultsWriter, "_write", writing)
    else:
        monkeypatch.setattr(RunReport, fails, failing)
    path = tmp_path / "result"
    with caplog.at_level(logging.WARNING):
        write(path, made.SLICES.items())
    assert names.REPORT not in os.listdir(path)
    assert names.REPORT in caplog.text
    assert "no space left" in caplog.text
    assert len(load_eval_result(path).slicing_metrics) == 3


def test_without_scripts_there_is_a_result_all_the_same(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(page, "_STATIC", str(tmp_path))
    write(tmp_path / "result", made.SLICES.items())
    assert "make frontend" in caplog.text
    assert len(load_eval_result(tmp_path / "result").slicing_metrics) == 3


def test_a_writer_makes_no_page_unless_told_to(tmp_path):
    with ResultsWriter(tmp_path / "result") as writer:
        writer.finish(EvalRun())
    assert names.REPORT not in os.listdir(tmp_path / "result")


def test_the_page_of_an_evaluation_has_its_verdict_and_history(tmp_path, monkeypatch):
    path = made.write(tmp_path / "9")
    reasons = [{"rule": "max_relative_drop", "failed": True, "slice": "carrier:UA", "message": "x"}]
    now = evaluation(9, {UA: (200, {"accuracy": 0.875})}, schema.NOT_BLESSED, reasons)
    before = [evaluation(day, {UA: (200, {"accuracy": 0.5})}) for day in (1, 2)]
    text = page_of_evaluation(load_eval_result(path), now, before)
    report = checked(embedded(text))
    assert [run["id"] for run in report["runs"]] == ["1", "2", "9"]
    assert report["runs"][-1]["name"] == "run-9"
    assert report["verdicts"]["9"]["verdict"] == "NOT_BLESSED"
    assert report["verdicts"]["9"]["reasons"][0]["slice"] == "carrier:UA"
    assert len(report["slices"]["name"]) == 3

    monkeypatch.setattr(run_report, "MAX_SLICES", 2)
    report = checked(embedded(page_of_evaluation(load_eval_result(path), now)))
    assert report["slices"]["name"] == ["Overall", "carrier:UA"]
    assert "1 slices are left out" in report["omitted"][-1]["why"]
