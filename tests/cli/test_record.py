"""`microtome evaluate --record`: into the history of a pipeline, from the shell."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from microtome.cli import arguments, evaluate
from microtome.errors import MicrotomeError, OutputError

pytestmark = pytest.mark.current
pytest.importorskip("ml_metadata")

from microtome.tracking import recording  # noqa: E402
from microtome.tracking.history import History  # noqa: E402
from microtome.tracking.stores import open_store  # noqa: E402

RECORDED = ("--record", "metadata.sqlite", "--pipeline", "people")


def microtome(*args: str, cwd: pathlib.Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "microtome", *args]
    return subprocess.run(program, cwd=cwd, capture_output=True, text=True)


def line(model, *args: str) -> list[str]:
    return ["evaluate", "--model", model.model_path, "--data", model.data_path, *args]


def test_evaluations_join_a_history(committed_model, tmp_path):
    model = committed_model("handmade_serve_tf1")
    result = tmp_path / "results" / "monday"
    run = microtome(
        *line(model, "--slice", "country", "--output", "results/monday", *RECORDED),
        *("--run", "monday", "--span", "3", "--split", "next"),
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    progress = [words.split()[0] for words in run.stderr.splitlines()]
    assert progress == ["Evaluating", "Planned:", "Evaluated", "Recorded:"]
    assert run.stderr.splitlines()[-1].endswith(
        "slices as run monday of pipeline people in metadata.sqlite"
    )
    where = tmp_path / "metadata.sqlite"
    (evaluation,) = History.open(where, pipeline="people").evaluations
    told = evaluation.provenance
    assert (evaluation.run, told.span, told.split) == ("monday", "3", "next")
    assert (told.evaluation_uri, told.model_uri) == (str(result), model.model_path)
    assert told.model_digest
    assert told.data_digest
    assert evaluation.number((), "accuracy") == pytest.approx(model.expected[()]["accuracy"])
    # what the shell recorded is known to Python
    assert not recording.record(result, where, pipeline="people", run="monday").is_new


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--record", "{path}/file/metadata.sqlite", "--pipeline", "p"], "no folder to write to"),
        (["--record", "{path}/file", "--pipeline", "p"], "not an SQLite file"),
        (["--record", "mysql://host/db", "--pipeline", "p"], "names no user"),
        (["--record", "{path}/s", "--pipeline", "p" * 200], "at most 127 printable characters"),
        (["--record", "{path}/s", "--pipeline", "p", "--config", "{path}/config"], "'acuracy'"),
    ],
)
def test_errors_before_the_work_begins(committed_model, tmp_path, args, complaint):
    (tmp_path / "file").write_text("no database at all, " * 100)
    (tmp_path / "config").write_text('{"tracking": {"metrics": ["acuracy"]}}')
    model = committed_model("handmade_serve_tf1")
    args = ["--output", f"{tmp_path}/result", *(arg.format(path=tmp_path) for arg in args)]
    with pytest.raises(MicrotomeError) as caught:
        evaluate.run(arguments.parse(line(model, *args)))
    assert complaint in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "config"}


def test_an_evaluation_that_cannot_be_recorded_is_not_lost(
    committed_model, tmp_path, monkeypatch, capsys
):
    model = committed_model("handmade_serve_tf1")
    where = tmp_path / "metadata.sqlite"
    # somebody takes the right to write away while the model is evaluated
    open_store(where, writable=True)
    monkeypatch.setattr(recording.stores, "open_store", lambda store, writable: open_store(store))
    args = ["--output", f"{tmp_path}/result", "--record", str(where), "--pipeline", "p"]
    with pytest.raises(OutputError, match=r"is complete, in .*result\. Record it with"):
        evaluate.run(arguments.parse(line(model, *args)))
    assert "Overall" in capsys.readouterr().out
