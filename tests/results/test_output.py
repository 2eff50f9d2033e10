"""Where results cannot go is said before the work starts, and named."""

import errno
import os
import pathlib

import pytest
from apache_beam.io.filesystem import FileMetadata, FileSystem
from apache_beam.io.localfilesystem import LocalFileSystem

from microtome.errors import OutputError
from microtome.results import leftovers
from microtome.results.loader import load_eval_result, load_metrics
from microtome.results.output import Staging, check_output_path
from microtome.results.values import metrics_for_slice
from microtome.results.writer import ResultsWriter
from tests.results.made import EVAL_RUN, SLICES, write

pytestmark = pytest.mark.current


def test_good_paths_are_left_as_they_are(tmp_path, result_path):
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    for path in (result_path, tmp_path / "empty", tmp_path / "new" / "deep", f"{tmp_path}/new/"):
        check_output_path(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_output_path("new")
    write("new")
    assert os.listdir(tmp_path) == ["new"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("file", "/file: it is a file, not a directory"),
        ("file/below", "/file is a file, not a directory"),
        ("file/far/below", "/file is a file, not a directory"),
        ("others", r"it holds other files \(model.pb, notes.txt\), which would be lost"),
        ("crowd", r"\(0.txt, 1.txt, 10.txt, 11.txt, 12.txt and 15 more\)"),
        ("mixed", r"other files \(mine.csv\)"),
    ],
)
def test_other_peoples_files_are_in_the_way(tmp_path, path, words):
    (tmp_path / "file").write_text("")
    for directory, names in {
        "others": ["notes.txt", "model.pb"],
        "crowd": [f"{i}.txt" for i in range(20)],
        "mixed": ["mine.csv", "metrics", "eval_config.json"],
    }.items():
        (tmp_path / directory).mkdir()
        for name in names:
            (tmp_path / directory / name).write_text("kept")
    for attempt in (check_output_path, write):
        with pytest.raises(OutputError, match=words):
            attempt(str(tmp_path / path))
    assert all(file.read_text() == "kept" for file in tmp_path.glob("*/*"))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/proc/microtome/result", "nothing can be made in /proc"),
        ("", "an empty one was given"),
        (None, "A path was expected, None was given"),
        (7, "A path was expected, 7 was given"),
        (
            "nosuchscheme://bucket/result",
            r"no file system for nosuchscheme:// .*apache-beam\[gcp\]",
        ),
    ],
)
def test_unwritable_paths(path, words):
    for attempt in (check_output_path, ResultsWriter.__enter__):
        with pytest.raises(OutputError, match=words):
            attempt(path if attempt is check_output_path else ResultsWriter(path))


def test_files_that_come_while_the_work_is_done_are_not_lost(tmp_path):
    target = tmp_path / "result"
    with ResultsWriter(target) as writer:
        target.mkdir()
        (target / "notes.txt").write_text("kept")
        with pytest.raises(OutputError, match=r"notes\.txt"):
            writer.finish(EVAL_RUN)
        (target / "notes.txt").rename(tmp_path / "notes.txt")
        writer.finish(EVAL_RUN)
    assert (tmp_path / "notes.txt").read_text() == "kept"
    assert sorted(os.listdir(tmp_path)) == ["notes.txt", "result"]


def full_disk(monkeypatch, module, function, number):
    def fails(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(module, function, fails)


def test_a_full_disk_is_an_output_error(tmp_path, monkeypatch):
    full_disk(monkeypatch, os, "fsync", errno.ENOSPC)
    with pytest.raises(OutputError, match=rf"{tmp_path}/result: No space left on device"):
        write(tmp_path / "result")
    assert os.listdir(tmp_path) == []


# A directory that may be written, in one that may not: a mounted volume, or another user's.
# Root may write anywhere, so the refusal is made.


@pytest.fixture
def target(tmp_path) -> pathlib.Path:
    target = tmp_path / "result"
    target.mkdir()
    return target


@pytest.fixture
def no_making_beside(target, tmp_path, monkeypatch):
    make = os.mkdir

    def refuse(path, *args, **kwargs):
        if os.path.dirname(path) == str(tmp_path):
            raise PermissionError(errno.EACCES, "Permission denied")
        make(path, *args, **kwargs)

    monkeypatch.setattr(os, "mkdir", refuse)


@pytest.fixture
def no_renaming(target, tmp_path, monkeypatch):
    rename = os.rename

    def refuse(source, destination):
        if str(target) in (source, destination):
            raise OSError(errno.EBUSY, "Device or resource busy")
        rename(source, destination)

    monkeypatch.setattr(os, "rename", refuse)


@pytest.mark.parametrize("fixture", ["no_making_beside", "no_renaming"])
@pytest.mark.parametrize("older", [True, False])
def test_target_that_cannot_be_replaced_is_filled(target, tmp_path, request, fixture, older):
    if older:
        write(target, {(): {"old": 1.0}})
        (target / "attributions").write_bytes(b"")
    identity = target.stat().st_ino
    request.getfixturevalue(fixture)
    write(target)
    assert target.stat().st_ino == identity
    assert load_eval_result(target).get_metric_names() == [
        "accuracy",
        "post_export_metrics/example_count",
    ]
    assert len(os.listdir(target)) == 5
    assert os.listdir(tmp_path) == ["result"]


def test_target_that_cannot_be_replaced_is_untouched_by_an_exception(target, no_making_beside):
    with pytest.raises(ZeroDivisionError), ResultsWriter(target) as writer:
        writer.add_metrics(metrics_for_slice(key, {"a": 1 / len(key)}) for key in SLICES)
    assert os.listdir(target) == []


def test_a_broken_off_fill_reads_as_unfinished(target, no_making_beside, monkeypatch):
    write(target)
    replace = os.replace

    def fails_at_last(source, destination):
        if destination.endswith("eval_config.json"):
            raise OSError(errno.EIO, "Input/output error")
        replace(source, destination)

    monkeypatch.setattr(os, "replace", fails_at_last)
    with pytest.raises(OutputError, match="Input/output error"):
        write(target)
    with pytest.raises(OutputError, match=r"unfinished result: eval_config\.json"):
        load_eval_result(target)
    monkeypatch.undo()
    write(target)
    assert load_eval_result(target).get_slice_names() == list(SLICES)


def test_files_are_copied_where_they_cannot_be_renamed(target, no_making_beside, monkeypatch):
    replace = os.replace

    def same_directory_only(source, destination):
        if os.path.dirname(source) != os.path.dirname(destination):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        replace(source, destination)

    monkeypatch.setattr(os, "replace", same_directory_only)
    write(target)
    assert load_eval_result(target).get_slice_names() == list(SLICES)
    assert len(os.listdir(target)) == 5


def test_only_unlocked_leftovers_of_the_same_target_go(tmp_path):
    target = str(tmp_path / "result")
    staging = Staging(target)
    abandoned = leftovers.hidden_path(target)
    aside = leftovers.hidden_path(target) + leftovers.OLD
    foreign = leftovers.hidden_path(str(tmp_path / "result2"))
    for path in (abandoned, aside, foreign):
        os.mkdir(path)
    write(target)
    assert sorted(os.listdir(tmp_path)) == sorted(
        ["result", os.path.basename(foreign), os.path.basename(staging.directory)]
    )
    staging.discard()
    assert not os.path.exists(staging.directory)


# File systems of Beam's


class SchemeFileSystem(FileSystem):
    """A file system of its own scheme, as gs:// has one, on local files: `mtest:///path`."""

    def __init__(self, pipeline_options):
        super().__init__(pipeline_options)
        self._files = LocalFileSystem(pipeline_options)

    @classmethod
    def scheme(cls):
        return "mtest"

    def join(self, basepath, *paths):
        return "/".join([basepath.rstrip("/"), *paths])

    def split(self, path):
        head, _, tail = path.rpartition("/")
        return head, tail

    def has_dirs(self):
        return True

    def _list(self, dir_or_prefix):
        for found in self._files._list(local(dir_or_prefix)):
            yield FileMetadata(f"mtest://{found.path}", found.size_in_bytes)

    def create(self, path, *args, **kwargs):
        return self._files.create(local(path), *args, **kwargs)

    def open(self, path, *args, **kwargs):
        return self._files.open(local(path), *args, **kwargs)

    def delete(self, paths):
        self._files.delete([local(path) for path in paths])

    def exists(self, path):
        return self._files.exists(local(path))

    def size(self, path):
        return self._files.size(local(path))

    def last_updated(self, path):
        return self._files.last_updated(local(path))

    def _unused(self, *args):
        raise NotImplementedError

    mkdirs = copy = rename = checksum = metadata = _unused


def local(path: str) -> str:
    return path.removeprefix("mtest://")


@pytest.fixture
def remote(tmp_path) -> str:
    return f"mtest://{tmp_path}/bucket/result"


def test_remote_results_are_written_and_read(remote, tmp_path):
    check_output_path(remote)
    for _ in range(2):
        write(remote)
        local = tmp_path / "bucket" / "result"
        assert len(os.listdir(local)) == 5
        assert load_eval_result(remote).slicing_metrics == load_eval_result(local).slicing_metrics
        assert len(list(load_metrics(f"{remote}/"))) == len(SLICES)


def test_remote_files_in_the_way(remote, tmp_path):
    local = tmp_path / "bucket" / "result"
    local.mkdir(parents=True)
    (local / "mine.csv").write_text("kept")
    with pytest.raises(OutputError, match=r"mine\.csv"):
        check_output_path(remote)
    assert os.listdir(local) == ["mine.csv"]


def test_a_broken_off_upload_reads_as_unfinished(remote, tmp_path, monkeypatch):
    write(remote)
    create = SchemeFileSystem.create

    def fails(self, path, *args, **kwargs):
        if path.endswith(".parquet"):
            raise OSError(errno.EIO, "connection lost")
        return create(self, path, *args, **kwargs)

    monkeypatch.setattr(SchemeFileSystem, "create", fails)
    with pytest.raises(OutputError, match="connection lost"):
        write(remote)
    with pytest.raises(OutputError, match="unfinished"):
        load_eval_result(remote)


def test_an_exception_leaves_the_remote_target_untouched(remote, tmp_path):
    with pytest.raises(ZeroDivisionError), ResultsWriter(remote):
        raise ZeroDivisionError
    assert not list(pathlib.Path(tmp_path).rglob("*.*"))


def test_remote_results_that_are_missing(remote):
    with pytest.raises(OutputError, match="no such directory"):
        load_eval_result(remote)
