"""The command line's grammar, and that asking for help costs nothing."""

from __future__ import annotations

import pathlib
import re
import shlex
import subprocess
import sys

import pytest

import microtome
from microtome.cli import arguments, evaluate
from microtome.errors import ConfigError
from microtome.slicing.spec import SingleSliceSpec

pytestmark = pytest.mark.current

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"
LIGHT = """
import contextlib, io, sys
from microtome.cli import main
said = io.StringIO()
with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
    main(sys.argv[1:])
heavy = {"tensorflow", "apache_beam", "numpy", "pandas", "pyarrow"} & set(sys.modules)
print(sorted(heavy), said.getvalue())
"""


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--version"], microtome.__version__),
        (["--help"], "evaluate"),
        (["evaluate", "--help"], "--model DIR"),
        (["show", "--help"], "--sort METRIC"),
        (["inspect", "--help"], "EvalSavedModel"),
    ],
)
def test_help_loads_nothing_heavy(args, said):
    program = [sys.executable, "-c", LIGHT, *args]
    output = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    assert output.startswith("[] ")
    assert said in output


def test_package_is_a_command():
    program = [sys.executable, "-m", "microtome", "--version"]
    run = subprocess.run(program, check=True, capture_output=True, text=True)
    assert run.stdout == f"microtome {microtome.__version__}\n"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "the following arguments are required: COMMAND"),
        ("valuate", "invalid choice: 'valuate'"),
        ("evaluate --model m", "the following arguments are required: --data"),
        ("evaluate --model m --data d --format xml", "invalid choice: 'xml'"),
        ("evaluate --model m --data d --flink_master=x", "unrecognized arguments: --flink_master"),
        ("evaluate --model m --data d --span 3", "--span says where an evaluation is recorded"),
        ("evaluate --model m --data d --record s", "--record needs --pipeline and --output"),
        ("evaluate --model m --data d --record s --pipeline p", "--record needs --output"),
        ("evaluate --model m --data d --record s --span x", "must be a whole number, not 'x'"),
        ("show r --slices -3", "must be a whole number, not '-3'"),
        ("show r --slices few", "must be a whole number, not 'few'"),
        ("show r --csv --json", "not allowed with argument"),
        ("show r -- --runner=DirectRunner", "show does not run it"),
    ],
)
def test_wrong_lines(capsys, line, complaint):
    with pytest.raises(SystemExit) as caught:
        arguments.parse(shlex.split(line))
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err


def test_what_stands_after_two_dashes_is_for_beam():
    line = "evaluate --model m --data a b --data c -- --runner=DirectRunner --slice x"
    args = arguments.parse(shlex.split(line))
    assert args.data == ["a", "b", "c"]
    assert args.beam_args == ["--runner=DirectRunner", "--slice", "x"]
    assert args.slice == []


@pytest.mark.parametrize(
    ("text", "columns", "features"),
    [
        ("carrier", ["carrier"], []),
        ("carrier,origin", ["carrier", "origin"], []),
        ("carrier=AA", [], [("carrier", "AA")]),
        ("origin, carrier=AA=B,month=7", ["origin"], [("carrier", "AA=B"), ("month", "7")]),
        ("carrier=", [], [("carrier", "")]),
    ],
)
def test_slices(text, columns, features):
    assert evaluate.parse_slice(text) == SingleSliceSpec(columns, features)


@pytest.mark.parametrize("text", ["", "carrier,", "=AA", "carrier,carrier=AA"])
def test_wrong_slices(text):
    with pytest.raises(ConfigError, match="carrier" if "carrier" in text else "--slice"):
        evaluate.parse_slice(text)


def test_commands_of_the_readme():
    blocks = re.findall(r"^```sh\n(.*?)^```", README.read_text("utf-8"), flags=re.M | re.S)
    lines = re.findall(r"^microtome (.*)$", "".join(blocks).replace("\\\n", ""), flags=re.M)
    commands = {arguments.parse(shlex.split(line, comments=True)).command for line in lines}
    assert commands == {"check", "evaluate", "show", "inspect"}
