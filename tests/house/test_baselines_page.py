"""What docs/baselines.md says is so: its code runs, and its command."""

from __future__ import annotations

import pathlib
import re
import shlex
import shutil
from typing import Any

import pytest

from microtome.cli import main

pytestmark = pytest.mark.current

PAGE = (pathlib.Path(__file__).resolve().parents[2] / "docs/baselines.md").read_text("utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.M | re.S)
(SHELL,) = re.findall(r"^```sh\n(.*?)^```", PAGE, flags=re.M | re.S)


@pytest.fixture
def folder(
    committed_model: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> pathlib.Path:
    """The page's models and data, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for number, name in (("1", "linear_binary_v1"), ("2", "dnn_binary_v2")):
        shutil.copytree(committed_model(name).model_path, tmp_path / "export" / number / "eval")
    (tmp_path / "data").mkdir()
    data = committed_model("dnn_binary_v2").data_path
    shutil.copy(data, tmp_path / "data" / "eval-0.tfrecord")
    return tmp_path


def test_its_code_runs(folder: pathlib.Path) -> None:
    names: dict[str, Any] = {}
    *library, in_a_pipeline = PYTHON
    assert "SlicedEvaluator(" in in_a_pipeline
    first, loading, second = library
    exec(first, names)
    exec(loading, names)
    old = dict(names["old"].slices())
    new = dict(names["result"].slices())
    assert len(new) > 3
    for key, difference in names["better"].items():
        assert difference == pytest.approx(new[key]["accuracy"] - old[key]["accuracy"], abs=1e-12)
    exec(second, names)
    (overall,) = (values for key, values in names["result"].slices() if key == ())
    assert 0 < overall["symmetric_flip_rate_diff"] < 1
    assert "mean_prediction_diff" in overall


def test_its_command_runs(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(SHELL)[1:]) == 0
    assert "accuracy_diff" in capsys.readouterr().out
    assert (folder / "evaluation" / "report.html").is_file()
