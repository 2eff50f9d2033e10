"""Disks that are full: of the result, of temporary files, of the store. Real ones, of tmpfs."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Iterator

import pytest

from microtome.errors import ConfigError, OutputError
from microtome.results import load_eval_result, names
from microtome.tracking import recording
from microtome.tracking.history import History
from tests.needed import skip_or_fail
from tests.operations.conftest import read_all, write_countries
from tests.results import made


@pytest.fixture
def small_disk(tmp_path) -> Iterator[pathlib.Path]:
    """A disk of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        skip_or_fail(f"no small disk: it is mounted by root only ({done.stderr.strip()})")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: pathlib.Path) -> pathlib.Path:
    """Takes all that is left of a disk."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)
    return filler


@pytest.fixture
def countries(people, tmp_path) -> str:
    path = str(tmp_path / "countries.tfrecord")
    write_countries(path, people.records, 600)
    return path


def test_no_room_for_the_result(evaluate, countries, small_disk):
    made.write(small_disk / "result")
    older = read_all(small_disk)
    filler = fill(small_disk)
    with pytest.raises(OutputError, match=rf"{small_disk}/result: .*No space left on device"):
        evaluate(data_location=countries, output_path=str(small_disk / "result"))
    assert sorted(os.listdir(small_disk)) == ["filler", "result"]
    filler.unlink()
    assert read_all(small_disk) == older
    # room, and on it goes
    evaluate(data_location=countries, output_path=str(small_disk / "result"))
    assert len(load_eval_result(small_disk / "result").get_slice_names()) == 601
    assert os.listdir(small_disk) == ["result"]


@pytest.mark.e2e
def test_no_room_while_it_is_written(people, evaluate, tmp_path, small_disk):
    """The disk fills up by the result itself."""
    made.write(small_disk / "result")
    older = read_all(small_disk)
    path = str(tmp_path / "more.tfrecord")
    write_countries(path, people.records, 6000)
    with pytest.raises(OutputError, match=r"result: .*No space left on device"):
        evaluate(data_location=path, output_path=str(small_disk / "result"))
    assert read_all(small_disk) == older
    assert os.listdir(small_disk) == ["result"]


@pytest.mark.e2e
def test_no_room_for_the_page_alone(evaluate, small_disk, tmp_path, caplog):
    filler = fill(small_disk)
    evaluate(output_path=str(tmp_path / "whole"))
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "whole").iterdir()}
    # blocks of 4 KiB, and half of the page
    room = 8 * 4096 + sum(sizes.values()) - sizes[names.REPORT] // 2
    os.truncate(filler, filler.stat().st_size - room)
    result = evaluate(output_path=str(small_disk / "result"))
    assert f"{small_disk}/result is written without report.html" in caplog.text
    assert result.get_slice_names()
    assert names.REPORT not in os.listdir(small_disk / "result")
    filler.unlink()
    evaluate(output_path=str(small_disk / "result"))
    assert names.REPORT in os.listdir(small_disk / "result")


@pytest.mark.e2e
def test_no_room_for_temporary_files(evaluate, small_disk, tmp_path, monkeypatch):
    """Only a result without a place of its own needs them; Python looks for another folder."""
    fill(small_disk)
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    result = evaluate(output_path=str(tmp_path / "result"))
    with pytest.raises(OutputError, match=rf"{small_disk}/microtome_\w+/result: .*No space left"):
        evaluate(output_path=None)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(small_disk))
    elsewhere = evaluate(output_path=None)
    assert not elsewhere.output_path.startswith(str(small_disk))
    assert dict(elsewhere.slices()) == dict(result.slices())


def test_no_room_in_the_store(small_disk, tmp_path):
    pytest.importorskip("ml_metadata")
    result = made.write(tmp_path / "result")
    where = small_disk / "metadata.sqlite"
    assert recording.record(result, where, pipeline="flights", run="1").is_new
    filler = fill(small_disk)
    files = read_all(tmp_path / "result")
    message = ""
    # the file has a little room of its own
    for number in range(2, 100):
        try:
            recording.record(result, where, pipeline="flights", run=f"{number}")
        except OutputError as error:
            message = str(error)
            break
    assert "nothing of it is. The disk that it is on is full. Make room" in message
    assert "Call microtome.record again with the same arguments" in message
    assert read_all(tmp_path / "result") == files
    # what stood there is read, and what could not be is recorded when there is room
    assert History.open(where).runs == [f"{i}" for i in range(1, number)]
    filler.unlink()
    again = recording.record(result, where, pipeline="flights", run=f"{number}")
    assert again.is_new
    assert History.open(where).runs == [f"{i}" for i in range(1, number + 1)]


def test_no_room_for_a_new_store(small_disk, tmp_path):
    pytest.importorskip("ml_metadata")
    fill(small_disk)
    with pytest.raises(ConfigError, match=r"cannot be opened\. The disk that it is on is full"):
        recording.record(made.write(tmp_path / "r"), small_disk / "new.sqlite", pipeline="p")


def test_read_only_place(evaluate, small_disk):
    """Told before the work starts; an older result is as it was."""
    made.write(small_disk / "result")
    older = read_all(small_disk)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(OutputError, match=r"nothing can be made in .* \(Read-only file system\)"):
        evaluate(output_path=str(small_disk / "result"))
    assert read_all(small_disk) == older
