"""`microtome history`, on a store and on folders of the same evaluations, worked out by hand."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys

import pytest

from microtome.cli import history_text, main
from microtome.results import names
from microtome.tracking import schema
from microtome.tracking.history import COLUMNS, History
from tests.results import made
from tests.tracking import recorded
from tests.tracking.recorded import B6, UA

pytestmark = pytest.mark.current

# its third value needs all of 17 digits
THIRD = 0.1 + 0.2
REASON = {"rule": "max_relative_drop", "failed": True, "message": "carrier:UA fell by 0.1."}

# an AUC is as noisy as its positives are few
SHARE = {"label/mean": 0.5}


def numbers(overall: float, ua: float, auc: float, b6: float | None = None) -> recorded.Numbers:
    slices = {
        (): (4000, {"accuracy": overall, "auc": 0.75, "average_loss": 1 - overall, **SHARE}),
        UA: (1000, {"accuracy": ua, "auc": auc, "average_loss": 1 - ua, **SHARE}),
    }
    return slices if b6 is None else {**slices, B6: (100, {"accuracy": b6, "auc": 0.5, **SHARE})}


RUNS = {
    1: (numbers(0.80, 0.80, 0.6, 0.9), schema.BLESSED, []),
    2: (numbers(0.82, 0.90, math.nan), schema.NOT_BLESSED, [REASON]),
    3: (numbers(0.81, 0.70, 0.7, 0.2), schema.NOT_VALIDATED, []),
    4: (numbers(THIRD, 0.71, 0.8, 0.3), schema.NOT_VALIDATED, []),
}


def in_a_store(folder) -> str:
    pytest.importorskip("ml_metadata")
    from ml_metadata.proto import metadata_store_pb2

    from microtome.tracking.stores import open_store

    path = str(folder / "metadata.sqlite")
    store = open_store(path, writable=True)
    launcher = recorded.Launcher(store, metadata_store_pb2)
    for day, (slices, verdict, reasons) in RUNS.items():
        model = launcher.train(day)
        # a digest of the data that is the same in two runs
        launcher.evaluate(
            day,
            slices,
            model,
            verdict=verdict,
            reasons=reasons,
            model_id=str(model),
            data_digest=f"d{min(day, 3)}",
        )
    return path


def in_folders(folder) -> str:
    for day, (slices, verdict, reasons) in RUNS.items():
        one = recorded.evaluation(day, slices, verdict, reasons, data_digest=f"d{min(day, 3)}")
        path = folder / f"evaluation-{day}"
        made.write(path)
        content = {
            "provenance": vars(one.provenance),
            "verdict": verdict,
            "reasons": reasons,
            "not_tracked": "",
            "tracked": one.packed,
        }
        (path / names.TRACKING).write_text(json.dumps(content))
        os.utime(path / names.EVAL_CONFIG, (one.time.timestamp(),) * 2)
    return str(folder)


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> str:
    return in_a_store(tmp_path_factory.mktemp("database"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> str:
    return in_folders(tmp_path_factory.mktemp("folders"))


@pytest.fixture(params=["database", "folders"])
def where(request) -> str:
    return request.getfixturevalue(request.param)


@pytest.fixture
def asked(where, capfd):
    """A function that asks one question, and returns what is printed; all must be well."""

    def ask(*args: str, status: int = 0) -> str:
        assert main(["history", where, *args]) == status
        printed = capfd.readouterr()
        assert printed.err == ""
        return printed.out

    return ask


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table that starts with a heading."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.split()[:1] == [heading])
    end = next((i for i in range(first, len(lines)) if not lines[i]), len(lines))
    # a time is of two words
    return [line.replace("-01 ", "-01_").split() for line in lines[first + 1 : end]]


def test_question_1_the_course_of_a_metric(asked):
    text = asked("metric", "accuracy", "--slice", "carrier:UA")
    assert text.splitlines()[:2] == ["accuracy, carrier:UA", "▅█▁▁"]
    table = [line.split()[-5:] for line in text.splitlines()[3:7]]
    assert table == [
        ["run-1", "1", "1,000", "0.8000", "-"],
        ["run-2", "2", "1,000", "0.9000", "0.1000"],
        ["run-3", "3", "1,000", "0.7000", "-0.2000"],
        ["run-4", "4", "1,000", "0.7100", "0.0100"],
    ]


def test_question_1_gaps(asked):
    # NaN in run 2
    assert asked("metric", "auc", "--slice", "carrier:UA").splitlines()[1] == "▁ ▄█"
    # run 2 has no such slice
    text = asked("metric", "accuracy", "--slice", "carrier:B6")
    assert text.splitlines()[1] == "█ ▁▂"
    assert "run-2" not in text
    assert "1 of 4 have no such slice and metric" in text


def test_question_1_some_runs(asked):
    text = asked("metric", "accuracy", "--last", "2", "--node", "evaluator")
    assert "run-3" in text
    assert "run-2" not in text
    assert "2 earlier runs not shown" in text


def test_since(folders, capfd):
    assert main(["history", folders, "metric", "accuracy", "--since", "2024-01-04", "--json"]) == 0
    assert [row["run"] for row in json.loads(capfd.readouterr().out)] == ["run-3", "run-4"]
    assert main(["history", folders, "runs", "--since", "2025-01-01"]) == 0
    assert capfd.readouterr().out == "no runs\n"


def test_question_1_for_machines(asked, where):
    history = History.open(where)
    told = json.loads(asked("metric", "accuracy", "--json"))
    assert list(told[0]) == list(COLUMNS)
    expected = history.metric("accuracy")
    assert [row["value"] for row in told] == expected["value"].tolist()
    assert told[-1]["value"] == THIRD
    assert [row["time"] for row in told] == [time.isoformat() for time in expected["time"]]
    assert told[0]["lower"] is None
    table = list(csv.DictReader(io.StringIO(asked("metric", "accuracy", "--csv"))))
    assert list(table[0]) == list(COLUMNS)
    assert float(table[-1]["value"]) == THIRD
    assert table[0]["time"] == told[0]["time"]
    nan = json.loads(asked("metric", "auc", "--slice", "carrier:UA", "--json"))[1]
    assert nan["value"] is None


def test_runs(asked):
    text = asked("runs")
    assert [line.split()[2:4] for line in text.splitlines()[1:]] == [
        [f"run-{day}", str(day)] for day in RUNS
    ]
    assert "NOT_BLESSED" in text.splitlines()[2]
    last = json.loads(asked("runs", "--last", "1", "--json"))
    assert len(last) == 1
    assert (last[0]["run"], last[0]["n"], last[0]["slices"]) == ("run-4", 4000, 3)
    assert last[0]["data_digest"] == "d3"


def test_question_2_what_regressed(asked):
    text = asked("regressions", "--run", "-2")
    table = rows(text, "slice")
    assert ["carrier:UA", "accuracy"] in [row[:2] for row in table]
    assert "Run run-3 against previous: 5 numbers compared (2 slices, 3 metrics), 1 " in text
    everything = json.loads(asked("regressions", "--run", "-2", "--all", "--json"))
    assert len(everything) == 5
    regressed = json.loads(asked("regressions", "--run", "run-3", "--json"))
    assert [(row["slice"], row["metric"]) for row in regressed] == [("carrier:UA", "accuracy")]
    assert regressed[0]["change"] == 0.70 - 0.90
    assert regressed[0]["regressed"] is True
    # the noise of losses is not known after so few runs
    assert {row["metric"] for row in everything if row["regressed"] is None} == {"average_loss"}
    assert "could not be judged" in text


def test_question_2_status_and_limits(asked):
    assert "run-2" in asked("regressions", "--run", "-2", "--fail", status=1)
    asked("regressions", "--run", "-2", "--fail", "--min-change", "0.3")
    asked("regressions", "--run", "-2", "--fail", "--min-examples", "2000")
    asked("regressions", "--run", "-2", "--fail", "--metrics", "auc")
    blessed = asked("regressions", "--run", "-2", "--against", "latest_blessed")
    assert "run-1" in blessed
    assert "run-2" not in blessed
    assert "run-2" in asked("regressions", "--run", "-2", "--against", "best")
    first = asked("regressions", "--run", "run-1", "--fail")
    assert first.startswith("Run run-1: nothing to compare with")
    # auc as if less of it were better: from 0.7 to 0.8 is worse
    asked("regressions", "--fail", "--metrics", "auc")
    asked("regressions", "--fail", "--metrics", "auc", "--lower-is-better", "auc", status=1)


def test_question_3_worst_slices(asked):
    assert [row[2] for row in rows(asked("worst", "accuracy"), "run")] == [
        "carrier:B6",
        "carrier:UA",
    ]
    text = asked("worst", "accuracy", "--run", "-4", "--count", "1")
    assert [row[2:5] for row in rows(text, "run")] == [["carrier:UA", "1,000", "0.8000"]]
    every = json.loads(asked("worst", "accuracy", "--all-runs", "--count", "1", "--json"))
    assert [row["slice"] for row in every] == [
        *("carrier:UA", "carrier:UA", "carrier:B6", "carrier:B6")
    ]
    lower = json.loads(asked("worst", "accuracy", "--lower-is-better", "--count", "1", "--json"))
    assert lower[0]["slice"] == "carrier:UA"
    assert "carrier:B6" not in asked("worst", "accuracy", "--min-examples", "500")


def test_question_3_slices_that_came_and_went(asked):
    assert rows(asked("slices", "--run", "-2"), "run")[0][2:4] == ["carrier:B6", "new"]
    assert json.loads(asked("slices", "--run", "-3", "--json"))[0]["change"] == "vanished"
    assert asked("slices").startswith("no slice is new")
    assert asked("slices", "--csv").splitlines() == [
        "run,node,slice,change,n,n_reference,share,share_reference"
    ]


def test_question_4_lineage(database, capfd):
    assert main(["history", database, "lineage", "--run", "-2"]) == 0
    lines = capfd.readouterr().out.splitlines()
    # each deeper than the one that was made of it
    assert [line.index(line.lstrip("│├└─ ")) for line in lines] == [0, 3, 6, 9, 12]
    for line, expected in zip(
        lines,
        ("ModelEvaluation", "SlicedEvaluator", "model: Model", "Trainer", "examples: Examples"),
        strict=True,
    ):
        assert line.lstrip("│├└─ ").startswith(expected)
    assert "models/3" in lines[2]
    assert "run run-3" in lines[3]
    assert "examples/3  span=3" in lines[4]
    assert main(["history", database, "lineage", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert [one["kind"] for one in told] == ["artifact", "execution"] * 2 + ["artifact"]
    assert [one["of"] for one in told[1:]] == [one["id"] for one in told[:-1]]


def test_folders_know_no_lineage(folders, capfd):
    assert main(["history", folders, "lineage"]) == 2
    assert "Lineage is in ML Metadata" in capfd.readouterr().err


def test_question_5_of_a_model_and_of_data(asked):
    text = asked("model", "models/2", "--metrics", "accuracy", "auc", "--slice", "carrier:UA")
    assert text.splitlines()[0].split()[-4:] == ["slice", "n", "accuracy", "auc"]
    assert text.splitlines()[1].split()[-4:] == ["carrier:UA", "1,000", "0.9000", "-"]
    told = json.loads(asked("data", "3", "--json"))
    assert {row["model_uri"] for row in told} == {"models/3"}
    assert {row["metric"]: row["value"] for row in told} == RUNS[3][0][()][1]
    same = json.loads(asked("data", "d3", "--metrics", "accuracy", "--json"))
    assert [row["run"] for row in same] == ["run-3", "run-4"]


def test_question_6_models_and_data(asked):
    header, *lines = asked("matrix", "accuracy", "--csv").splitlines()
    assert header == "model,1 eval,2 eval,3 eval,4 eval"
    assert lines[3] == f"models/4,,,,{THIRD!r}"
    told = json.loads(asked("matrix", "accuracy", "--slice", "carrier:UA", "--json"))
    expected = {"1 eval": None, "2 eval": 0.9, "3 eval": None, "4 eval": None}
    assert told[1] == {"model": "models/2", **expected}
    assert asked("matrix", "accuracy").splitlines()[2].split()[:3] == ["models/2", "-", "0.8200"]


def test_question_7_verdicts(asked):
    assert asked("verdict", "--run", "run-2").splitlines() == [
        "Run run-2, evaluator: NOT_BLESSED",
        "  failed: carrier:UA fell by 0.1.",
    ]
    assert "no reasons are recorded" in asked("verdict")
    told = json.loads(asked("verdict", "--run", "run-2", "--json"))
    assert told[0]["verdict"] == "NOT_BLESSED"
    assert told[0]["failed"] is True
    assert told[0]["rule"] == "max_relative_drop"


def test_question_8_comparisons(asked):
    text = asked("compare", "-1", "-3")
    assert text.startswith("Not like with like:")
    assert "span 4 and span 2" in text
    assert asked("compare", "-1", "run-3").startswith("The comparison is valid")
    told = json.loads(asked("compare", "run-4", "run-3", "--json"))
    assert told["is_valid"] is True
    assert (told["same_data"], told["same_model"]) == (True, False)


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["metric", "acuracy"], "no metric 'acuracy' (did you mean 'accuracy'?)"),
        (["metric", "auc", "--slice", "carrier:VA"], "(did you mean 'carrier:UA'?)"),
        (["metric", "auc", "--since", "yesterday"], "give a date or time such as"),
        (["worst", "auc", "--run", "run-9"], "no run 'run-9' (did you mean"),
        (["worst", "auc", "--run", "-9"], "There is no run -9: there are 4 runs."),
        (["regressions", "--metrics", "acc"], "There is no metric 'acc'"),
        (["model", "models/9"], "no model 'models/9'"),
        (["verdict", "--node", "evaluater"], "(did you mean 'evaluator'?)"),
        (["--pipeline", "fligths", "runs"], "There is no pipeline 'fligths' (did you mean 'flig"),
        (["runs", "--pipeline", "fligths"], "There is no pipeline 'fligths'"),
    ],
)
def test_what_is_not_there(where, capfd, args, complaint):
    assert main(["history", where, *args]) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("microtome: ")
    assert len(printed.err.splitlines()) == 1
    assert complaint in printed.err


@pytest.mark.parametrize(
    "args", [["--pipeline", "flights", "runs"], ["runs", "--pipeline=flights"]]
)
def test_a_pipeline_that_is_there(asked, args):
    assert asked(*args) == asked("runs")


def test_no_store(tmp_path, capfd):
    missing = tmp_path / "nothing.sqlite"
    assert main(["history", str(missing), "runs"]) == 2
    error = capfd.readouterr().err
    assert len(error.splitlines()) == 1
    assert not missing.exists()


def test_no_server():
    pytest.importorskip("ml_metadata")
    url = "mysql://reader:secret@127.0.0.1:1/mlmd"
    args = [sys.executable, "-m", "microtome", "history", url, "runs"]
    done = subprocess.run(args, capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "127.0.0.1:1" in done.stderr
    assert "secret" not in done.stderr


def test_no_evaluations(tmp_path, capfd):
    pytest.importorskip("ml_metadata")
    from microtome.tracking.stores import open_store

    open_store(str(tmp_path / "empty.sqlite"), writable=True)
    assert main(["history", str(tmp_path / "empty.sqlite"), "runs"]) == 2
    assert "holds no evaluation" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["metric", "auc", "--last", "0"], "must be 1 or more"),
        (["metric", "auc", "--csv", "--json"], "not allowed with"),
        (["regressions", "--min-change", "-0.1"], "must be 0 or a number above"),
        (["regressions", "--against", "next"], "invalid choice"),
        (["worst", "auc", "--run", "-1", "--all-runs"], "not allowed with"),
        ([], "required: COMMAND"),
    ],
)
def test_the_grammar(capsys, args, complaint):
    with pytest.raises(SystemExit):
        main(["history", "store", *args])
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("place", ["database", "folders"])
def test_tensorflow_and_beam_stay_out(place, request):
    where = request.getfixturevalue(place)
    program = (
        "import sys; from microtome.cli import main; main(sys.argv[1:]); "
        "print(*sorted({'tensorflow', 'apache_beam', 'tfx'} & set(sys.modules)), file=sys.stderr)"
    )
    args = [sys.executable, "-c", program, "history", where, "metric", "auc"]
    done = subprocess.run(args, capture_output=True, text=True, check=True)
    assert "run-4" in done.stdout
    assert done.stderr.split() == []


def test_a_terminal_without_bars(folders):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    args = [sys.executable, "-m", "microtome", "history", folders, "metric", "accuracy"]
    done = subprocess.run(args, capture_output=True, env=environment, check=True)
    assert b"0.8000" in done.stdout


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        ([], ""),
        ([1.0, 1.0], "▅▅"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([0.0, math.nan, 7.0], "▁ █"),
        ([0.0, math.inf, 3.0, -math.inf], "▁██▁"),
        ([math.nan], " "),
    ],
)
def test_bars(values, bars):
    assert history_text.sparkline(values) == bars


def test_many_values_share_bars():
    values = [value for value in range(8) for _ in range(100)]
    assert history_text.sparkline(values, 8) == "▁▂▃▄▅▆▇█"
    assert history_text.sparkline([math.nan] * 100 + [1.0] * 100, 2) == " ▅"
