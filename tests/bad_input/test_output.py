"""Places where no result can be written, and results that must survive a failure."""

from __future__ import annotations

import pytest

from microtome.errors import DataError, OutputError
from tests.bad_input.conftest import contents

pytestmark = pytest.mark.current


def test_file_in_the_way(refuse, tmp_path):
    path = tmp_path / "taken"
    path.write_text("mine")
    message = refuse(OutputError, output_path=str(path))
    assert f"Results cannot be written to {path}: it is a file, not a directory" in message


def test_below_a_file(refuse, tmp_path):
    path = tmp_path / "taken"
    path.write_text("mine")
    message = refuse(OutputError, output_path=str(path / "deep" / "result"))
    assert f"{path} is a file, not a directory" in message


def test_where_nothing_can_be_made(refuse):
    message = refuse(OutputError, output_path="/proc/microtome/result")
    assert "Results cannot be written to /proc/microtome/result: nothing can be made in" in message


def test_directory_with_other_files(refuse, tmp_path):
    directory = tmp_path / "home"
    directory.mkdir()
    (directory / "thesis.tex").write_text("mine")
    message = refuse(OutputError, output_path=str(directory))
    assert "it holds other files (thesis.tex), which would be lost" in message
    assert "Give a new or empty directory" in message


@pytest.mark.parametrize("path", ["", 7])
def test_no_path(refuse, path):
    assert "A path was expected" in refuse(OutputError, output_path=path)


def test_an_older_result_survives_an_evaluation_that_fails(
    evaluate, refuse, people, tmp_path, write_records
):
    evaluate()
    before = contents(tmp_path / "result")
    path = write_records("eval", [*people.records, b"poison"])
    refuse(DataError, data=path, output_path=str(tmp_path / "result"))
    assert contents(tmp_path / "result") == before
    evaluate(data=write_records("eval", people.records[:60]))
    assert contents(tmp_path / "result") != before
