"""What the demo says when something is wrong. That it works is seen by running it: `make demo`."""

from __future__ import annotations

import pathlib

import pytest

from microtome.errors import DataError
from microtome.pipelines import demo
from microtome.pipelines.flights import data


def test_a_mendable_error_is_told_without_a_traceback(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise DataError("The flights are not there.")

    monkeypatch.setattr(data, "load_flights", fail)
    with pytest.raises(SystemExit) as exit_info:
        demo.run_demo(str(tmp_path))
    assert exit_info.value.code == 1
    shown = capfd.readouterr().out.splitlines()
    assert shown[-2:] == ["The flights are not there.", f"More in {tmp_path / 'demo.log'}"]


def test_it_starts_afresh_and_leaves_other_files_alone(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("data/span-3/old", "pipeline/old", "mine/notes"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("")
    monkeypatch.setattr(demo, "_run", lambda *_: None)
    demo.run_demo(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.log", "mine"]
    assert (tmp_path / "mine" / "notes").exists()
