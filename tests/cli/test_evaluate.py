"""`microtome evaluate`, as a process: what it prints, where, and its exit status."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf

from microtome.cli import arguments, evaluate
from microtome.errors import ConfigError, MicrotomeError
from microtome.results import load_eval_result
from tests.results import made

pytestmark = pytest.mark.current


def microtome(*args: str, cwd: pathlib.Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "microtome", *args]
    return subprocess.run(program, cwd=cwd, capture_output=True, text=True)


def test_from_model_and_data_to_a_result(committed_model, tmp_path):
    model = committed_model("handmade_serve_tf1")
    (tmp_path / "config.json").write_text('{"slicingSpecs": [{"featureKeys": ["level"]}]}')
    run = microtome(
        *("evaluate", "--model", model.model_path, "--data", model.data_path),
        *("--slice", "country", "--slice", "country=de,languages=py", "--weight", "weight"),
        *("--config", "config.json", "--output", "result", "--batch-size", "50", "--slices", "3"),
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    result = load_eval_result(tmp_path / "result")
    for key, expected in model.expected.items():
        if key and key[0][0] == "languages":
            continue
        found = result.get_metrics_for_slice(key)["accuracy"]["doubleValue"]
        assert found == pytest.approx(expected["accuracy"], rel=1e-6)
    assert result.get_metrics_for_slice((("country", "de"), ("languages", "py")))
    weights = result.get_metrics_for_slice(())["post_export_metrics/example_weight"]
    assert weights["doubleValue"] > len(model.records)
    assert "Overall" in run.stdout
    assert "result: result\n" in run.stdout
    assert "more slices: see `microtome show result" in run.stdout
    assert "All metrics were computed from sums over rows (cut)." in run.stdout
    # progress, and not a word of anyone else's
    lines = run.stderr.splitlines()
    assert [line.split()[0] for line in lines] == ["Evaluating", "Planned:", "Evaluated"]
    assert "120 rows" in lines[-1]


def test_a_model_and_its_baseline(committed_model, tmp_path):
    model, older = committed_model("handmade_serve_tf1"), committed_model("linear_binary_v1")
    run = microtome(
        *("evaluate", "--model", model.model_path, "--baseline", older.model_path),
        *("--data", model.data_path, "--slice", "country", "--output", "result"),
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    assert "accuracy_diff" in run.stdout
    result = load_eval_result(tmp_path / "result")
    assert result.model_location == model.model_path
    baseline = dict(load_eval_result(tmp_path / "result", model_name="baseline").slices())
    for key, values in result.slices():
        difference = values["accuracy"] - baseline[key]["accuracy"]
        assert values["accuracy_diff"] == pytest.approx(difference, abs=1e-12)
        if key in model.expected:
            assert values["accuracy"] == pytest.approx(model.expected[key]["accuracy"], rel=1e-6)


def test_a_baseline_alone_is_refused(capsys):
    with pytest.raises(SystemExit):
        arguments.parse(["evaluate", "--baseline", "a", "--config", "c", "--data", "d"])
    assert "--baseline is compared with --model, which is missing" in capsys.readouterr().err


def test_what_is_not_cut_is_told(tmp_path):
    metrics = {
        "accuracy": {"path": "cut"},
        "loss": {"path": "cut, one batch", "reason": "it averages over batches"},
        "median": {"path": "reference, all rows", "reason": "it is sorted"},
    }
    result = load_eval_result(made.write(tmp_path / "result", metrics=metrics))
    assert evaluate.how_computed(result).splitlines() == [
        "1 of 3 metrics were simply cut; the others:",
        "  loss: cut, one batch (it averages over batches)",
        "  median: reference, all rows (it is sorted)",
    ]


def test_an_error_is_one_message(committed_model, tmp_path):
    model = committed_model("handmade_serve_tf1")
    path = str(tmp_path / "eval")
    with tf.io.TFRecordWriter(path) as writer:
        for record in [*model.records, b"poison \xff"]:
            writer.write(record)
    run = microtome(
        *("evaluate", "--model", model.model_path, "--data", path, "--output", "result"),
        cwd=tmp_path,
    )
    assert run.returncode == 2
    assert run.stdout == ""
    *progress, message = run.stderr.splitlines()
    assert [line.split()[0] for line in progress] == ["Evaluating", "Planned:"]
    assert message.startswith(f"microtome: Example 120 of {path!r} is refused by the model: ")
    assert [path.name for path in tmp_path.iterdir()] == ["eval"]


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--data", "nothing-*"], "no file matches 'nothing-*'"),
        (["--data", "{data}", "--config", "nothing"], "config 'nothing' cannot be read: No such"),
        (["--data", "{data}", "--slice", "contry"], "did you mean 'country'?"),
        (["--data", "{data}", "--slice", ","], "--slice ',' names no feature"),
    ],
)
def test_errors_before_the_work_begins(committed_model, tmp_path, args, complaint):
    model = committed_model("handmade_serve_tf1")
    args = [arg.format(data=model.data_path) for arg in args]
    line = ["evaluate", "--model", model.model_path, "--output", str(tmp_path / "result"), *args]
    with pytest.raises(MicrotomeError) as caught:
        evaluate.run(arguments.parse(line))
    assert complaint in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("lower", "flags", "status", "verdict"),
    [
        (0.0, ["--fail-on-not-blessed"], 0, "BLESSED (1 check, 0 failed)"),
        (2.0, ["--fail-on-not-blessed"], 1, "NOT_BLESSED (1 check, 1 failed)"),
        (2.0, [], 0, "NOT_BLESSED (1 check, 1 failed)"),
        (None, ["--fail-on-not-blessed"], 1, None),
    ],
)
def test_the_verdict_is_told(committed_model, tmp_path, capsys, lower, flags, status, verdict):
    model = committed_model("handmade_serve_tf1")
    threshold = {"accuracy": {"value_threshold": {"lower_bound": lower}}}
    config = {} if lower is None else {"metrics_specs": [{"thresholds": threshold}]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    line = ["--model", model.model_path, "--data", model.data_path, *flags]
    config_line = ["--config", str(tmp_path / "config.json")]
    args = arguments.parse(["evaluate", *line, *config_line])
    assert evaluate.run(args) == status
    printed = capsys.readouterr().out
    assert (f"Verdict: {verdict}" in printed) if verdict else ("Verdict" not in printed)


def test_error_of_the_simplest_kind_as_a_process(tmp_path):
    run = microtome("show", "nothing", cwd=tmp_path)
    assert run.returncode == 2
    assert run.stderr.startswith("microtome: nothing: no such directory.")
    assert len(run.stderr.splitlines()) == 1
    debugged = microtome("show", "nothing", "--debug", cwd=tmp_path)
    assert debugged.returncode != 0
    assert "Traceback" in debugged.stderr


def test_slices_of_config_and_line_are_joined(tmp_path):
    path = tmp_path / "config.txt"
    path.write_text('slicing_specs { feature_keys: "country" }')
    config = evaluate.read_config(str(path), [evaluate.parse_slice("country,level")])
    assert [list(spec.feature_keys) for spec in config.slicing_specs] == [
        ["country"],
        ["country", "level"],
    ]
    path.write_text("slicing_spec {}")
    with pytest.raises(ConfigError, match="slicing_specs"):
        evaluate.read_config(str(path), [])
