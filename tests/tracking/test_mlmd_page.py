"""What docs/mlmd.md says is so: its code runs, and its commands."""

from __future__ import annotations

import pathlib
import re
import shlex
from typing import Any

import pytest

from microtome.cli import main
from microtome.tracking import properties, schema
from microtome.tracking.stores import open_store
from tests.results import made
from tests.tracking import recorded
from tests.tracking.recorded import UA

metadata_store_pb2 = pytest.importorskip("ml_metadata.proto.metadata_store_pb2")

PAGE = (pathlib.Path(__file__).resolve().parents[2] / "docs/mlmd.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.M | re.S)
# | 1 | question | `python` | `shell` |
QUESTIONS = re.findall(r"^\| (\d) \| .* \| `(history\..+?)` \| `(.+?)` \|$", PAGE, flags=re.M)


@pytest.fixture
def store(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The page's store, in the working directory: three runs, and a result to record."""
    monkeypatch.chdir(tmp_path)
    made.write(tmp_path / "evaluation")
    opened = open_store("metadata.sqlite", writable=True)
    launcher = recorded.Launcher(opened, metadata_store_pb2)
    for day in (1, 2, 3):
        numbers = {
            (): (5000, {"auc": 0.8, "average_loss": 0.4, "label/mean": 0.5}),
            UA: (3000, {"auc": 0.9 - 0.1 * day, "average_loss": 0.4, "label/mean": 0.5}),
        }
        verdict = schema.BLESSED if day == 2 else schema.NOT_BLESSED
        run = {"pipeline_run": f"2024-06-{day:02}", "component_id": "SlicedEvaluator"}
        model = launcher.train(day)
        launcher.evaluate(day, numbers, model, verdict=verdict, **run)
    return opened


def test_the_page_has_what_is_tested() -> None:
    assert len(BLOCKS) == 4
    assert sorted({number for number, _, _ in QUESTIONS}) == list("12345678")


def test_its_code_runs(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(block, names)
    said = capsys.readouterr().out
    assert "carrier:UA 0.6" in said
    assert re.search("evaluations/.* BLESSED", said)
    assert "model Model models/3" in said
    assert names["history"].runs == ["2024-06-01", "2024-06-02", "2024-06-03", "2024-06-04"]


@pytest.mark.parametrize(("number", "python", "shell"), QUESTIONS)
def test_its_questions_are_answered(
    store: Any, capsys: pytest.CaptureFixture[str], number: str, python: str, shell: str
) -> None:
    names: dict[str, Any] = {}
    exec(BLOCKS[-1], names)
    answer = eval(python, names)
    assert number == "3" or not hasattr(answer, "empty") or not answer.empty
    # question 2: the last run fell
    assert main(["history", "metadata.sqlite", *shlex.split(shell)]) == (number == "2")
    assert capsys.readouterr().out.strip()


def test_it_names_every_property(store: Any) -> None:
    selection = recorded_selection()
    whole = recorded.provenance(1, data_version="1")
    told = {
        *properties.of_evaluation(selection, whole),
        *properties.of_slice(selection.records[0], whole),
        *properties.of_slices(selection, whole),
    }
    named = {
        name for cell in re.findall(r"^\| (`.*?) \|", PAGE, flags=re.M) for name in names(cell)
    }
    assert told - named == {"auc"}


def recorded_selection() -> Any:
    return recorded.Selection(recorded.records({(): (10, {"auc": 0.5})}), 2, 1)


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)
