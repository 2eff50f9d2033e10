"""What a run tells of itself: counts, seconds by step, and how far it has come."""

from __future__ import annotations

import logging
import sys
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

import microtome
from microtome.executor import progress
from microtome.executor.account import STEPS, RunAccount, Stopwatch, told_by_worker
from microtome.slicing import SingleSliceSpec

pytestmark = pytest.mark.current

SPECS = [SingleSliceSpec(), SingleSliceSpec(columns=["country"])]


@pytest.fixture(scope="module")
def model(committed_model: Any) -> Any:
    return committed_model("handmade_serve_tf1")


def evaluate(model: Any, folder: Any, *beam_args: str) -> microtome.EvalResult:
    return microtome.run_model_analysis(
        microtome.default_eval_shared_model(model.model_path),
        model.data_path,
        slice_spec=SPECS,
        output_path=str(folder / "result"),
        pipeline_options=PipelineOptions(list(beam_args)),
    )


def test_timings_of_each_step(model: Any, tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="microtome"):
        result = evaluate(model, tmp_path)
    assert tuple(result.timings) == STEPS
    assert all(seconds > 0 for seconds in result.timings.values())
    assert microtome.load_eval_result(result.output_path).timings == result.timings
    (line,) = (record.getMessage() for record in caplog.records if "Evaluated" in record.message)
    for step, seconds in result.timings.items():
        assert f"{step} {seconds:.1f}" in line


def test_timings_of_several_processes(model: Any, tmp_path: Any) -> None:
    arguments = "--direct_running_mode=multi_processing", "--direct_num_workers=2"
    assert tuple(evaluate(model, tmp_path, *arguments).timings) == STEPS


def test_timings_without_files(model: Any, tmp_path: Any) -> None:
    """Neither planning nor reading is ours there."""
    output = str(tmp_path / "result")
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(model.records)
            | microtome.ExtractEvaluateAndWriteResults(
                microtome.default_eval_shared_model(model.model_path), output, slice_spec=SPECS
            )
        )
    timings = microtome.load_eval_result(output).timings
    assert tuple(timings) == STEPS[1:]
    assert timings["read"] == 0


def test_beam_has_the_timings(model: Any, tmp_path: Any) -> None:
    from microtome.executor import transforms

    shared = microtome.default_eval_shared_model(model.model_path)
    plan = transforms.plan_with(model.records, shared, ["country"])
    pipeline = beam.Pipeline()
    _ = (
        pipeline
        | transforms.ReadBatches([model.data_path], "tfrecords", 50)
        | transforms.EvaluateBatches(shared, SPECS, plan)
    )
    result = pipeline.run()
    result.wait_until_finish()
    counters = {
        counter.key.metric.name: counter.committed
        for counter in result.metrics().query()["counters"]
    }
    assert {f"{step}_ms" for step in STEPS[1:-1]} <= set(counters)
    assert (counters["examples"], counters["batches"]) == (120, 3)


def test_the_account_adds_up() -> None:
    account = RunAccount({"plan": 1.0})
    for rows in (3, 4):
        stopwatch = Stopwatch()
        stopwatch.seconds.update(read=0.5, predict=2.0)
        account.add(told_by_worker({"rows": rows}, stopwatch))
    stopwatch = Stopwatch()
    stopwatch.seconds["finish"] = 0.25
    account.add(stopwatch.told())
    told = account.told()
    assert told["counts"] == {"rows": 7}
    assert told["timings"] == {"plan": 1.0, "read": 1.0, "predict": 4.0, "finish": 0.25}
    ((_, worker),) = told["workers"].items()
    assert worker == {"rows": 7, "bundles": 2}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[progress.Progress]:
    """The progress of each evaluation, kept after its end."""
    kept: list[progress.Progress] = []
    close = progress.Progress.close

    def keep(self: progress.Progress) -> None:
        kept.append(self)
        close(self)

    monkeypatch.setattr(progress.Progress, "close", keep)
    return kept


def test_progress_of_a_file(model: Any, tmp_path: Any, seen: list[progress.Progress]) -> None:
    result = evaluate(model, tmp_path)
    text = str(seen[0])
    assert "120 rows" in text
    assert f"{len(result.slicing_metrics)} slices" in text
    assert "100% read" in text
    assert not seen[0].has_bar


def test_a_bar_where_somebody_looks(
    model: Any,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    seen: list[progress.Progress],
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    evaluate(model, tmp_path)
    assert seen[0].has_bar
    shown = capsys.readouterr().err
    assert "rows/s" in shown
    assert "100%" in shown


def test_a_line_now_and_then_where_nobody_does(
    model: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import time

    monkeypatch.setattr(progress, "_HEARTBEAT_SECONDS", 0.01)
    with (
        caplog.at_level(logging.INFO, logger="microtome"),
        progress.shown("a run", 400),
    ):
        found = progress.of("a run")
        assert found is not None
        found.read(100)
        found.summed(5000, 7)
        for _ in range(200):
            if caplog.records:
                break
            time.sleep(0.01)
    assert "5,000 rows" in caplog.text
    assert "7 slices, 25% read" in caplog.text
    assert progress.of("a run") is None
