"""`microtome show`, on results whose content is known."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest

from microtome.cli import arguments, show
from microtome.errors import ConfigError, OutputError
from tests.results import made

pytestmark = pytest.mark.current

COUNT = "post_export_metrics/example_count"


def of(count: float, auc: float) -> dict[str, object]:
    return {COUNT: count, "auc": auc, "loss": count / 7, "curve": np.array([auc, 1.0])}


SLICES = {
    (): of(100.0, 0.8),
    (("carrier", "AA"),): of(60.0, 0.9),
    (("carrier", "UA"),): of(30.0, 0.7),
    (("carrier", "WN"),): of(10.0, float("nan")),
    (("month", 7),): of(40.0, 0.6),
    (("carrier", "AA"), ("month", 7)): of(20.0, 0.95),
}


@pytest.fixture
def shown(tmp_path, capsys):
    """A function that shows a result with the given arguments, and returns what is printed."""
    path = made.write(tmp_path / "result", SLICES, metrics={"auc": {"path": "cut"}})

    def run(*args: str) -> str:
        show.run(arguments.parse(["show", path, *args]))
        return capsys.readouterr().out

    return run


def table(text: str) -> list[list[str]]:
    """The cells of a printed table."""
    lines = text.split("\n\n")[1].splitlines()
    return [line.split() for line in lines]


def names(text: str) -> list[str]:
    return [row[0] for row in table(text)[1:]]


def test_overall_and_the_largest_slices_first(shown):
    text = shown()
    assert table(text)[0] == ["slice", "examples", "auc", "loss"]
    assert table(text)[1] == ["Overall", "100", "0.8000", "14.2857"]
    order = ["carrier:AA", "month:7", "carrier:UA", "carrier_X_month:AA_X_7", "carrier:WN"]
    assert names(text)[1:] == order
    assert "not single numbers: curve" in text


def test_order_by_a_metric(shown):
    best = ["carrier_X_month:AA_X_7", "carrier:AA", "carrier:UA", "month:7"]
    assert names(shown("--sort", "auc")) == ["Overall", *best, "carrier:WN"]
    worst = ["Overall", *reversed(best), "carrier:WN"]
    assert names(shown("--sort", "auc", "--reverse")) == worst
    assert names(shown("--sort", "example_count", "--reverse"))[1] == "carrier:WN"


def test_some_slices(shown, tmp_path):
    text = shown("--sort", "auc", "--slices", "2")
    assert names(text) == ["Overall", "carrier_X_month:AA_X_7"]
    assert f"4 more slices: see `microtome show {tmp_path / 'result'} --slices 6`" in text


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["carrier"], ["carrier:AA", "carrier:UA", "carrier:WN"]),
        (["month,carrier"], ["carrier_X_month:AA_X_7"]),
        (["*AA*", "Overall"], ["Overall", "carrier:AA", "carrier_X_month:AA_X_7"]),
        (["carrier:[UW]?"], ["carrier:UA", "carrier:WN"]),
    ],
)
def test_slices_by_name(shown, patterns, found):
    args = [arg for pattern in patterns for arg in ("--slice", pattern)]
    assert names(shown(*args)) == found


def test_some_metrics(shown):
    assert table(shown("--metric", "loss", "--sort", "auc"))[0] == ["slice", "loss"]
    assert table(shown("--metric", "example_count", "auc"))[0] == ["slice", "examples", "auc"]


def test_csv(shown):
    rows = list(csv.DictReader(io.StringIO(shown("--csv"))))
    assert len(rows) == len(SLICES)
    assert list(rows[0]) == ["slice", "carrier", "month", "auc", "curve", "loss", COUNT]
    assert rows[0]["slice"] == "Overall"
    assert rows[0]["carrier"] == ""
    assert (rows[1]["carrier"], rows[1]["month"]) == ("AA", "")
    assert float(rows[1]["loss"]) == 60 / 7
    assert json.loads(rows[1]["curve"]) == [0.9, 1.0]
    assert rows[-1]["auc"] == "nan"


def test_json(shown, tmp_path):
    content = json.loads(shown("--json", "--slice", "carrier", "--slices", "3"))
    assert content["result"] == str(tmp_path / "result")
    assert content["model"] == made.EVAL_RUN.model_locations[""]
    assert content["computed"] == {"auc": {"path": "cut"}}
    first, _, last = content["slices"]
    assert first["slice"] == "carrier:AA"
    assert first["key"] == {"carrier": "AA"}
    assert first["metrics"] == {COUNT: 60.0, "auc": 0.9, "curve": [0.9, 1.0], "loss": 60 / 7}
    assert last["metrics"]["auc"] is None


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--metric", "acu"], "no metric 'acu' (did you mean 'auc'?); there is: auc, curve, loss"),
        (["--sort", "acu"], "no metric 'acu'"),
        (["--slice", "carier"], "no slice 'carier' (did you mean 'carrier'?)"),
        (["--slice", "carrier:DL"], "slices of: Overall, carrier, carrier,month, month"),
        (["--reverse"], "--reverse needs --sort"),
    ],
)
def test_what_is_not_there(shown, args, complaint):
    with pytest.raises(ConfigError) as caught:
        shown(*args)
    assert complaint in str(caught.value)


def test_no_result(tmp_path):
    with pytest.raises(OutputError, match="no such directory"):
        show.run(arguments.parse(["show", str(tmp_path / "nothing")]))


def test_whoever_reads_may_stop(tmp_path):
    path = made.write(tmp_path / "result", {(("n", i),): of(1.0, 0.5) for i in range(5_000)})
    command = f"{sys.executable} -m microtome show {path} --csv | head -n 1"
    run = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert run.stdout.startswith("slice,n,")
    assert run.stderr == ""
