"""Fingerprints: equal for equal content, whatever its place; other for other content."""

from __future__ import annotations

import pathlib

import pytest

from microtome.proto import config_pb2
from microtome.tracking import digests
from tests.results import test_output

pytestmark = pytest.mark.current

BIG = bytes(range(256)) * 1024  # more than both ends that are read
KNOWN = "2c8222300f556eb6ac5559f5e4827b72"


def write(folder: pathlib.Path, name: str, content: bytes) -> tuple[str, str]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return name, str(path)


def test_place_and_order_do_not_matter(tmp_path: pathlib.Path) -> None:
    here = [write(tmp_path / "here", name, name.encode() * 100) for name in ("a", "b")]
    there = [write(tmp_path / "there", name, name.encode() * 100) for name in ("b", "a")]
    assert digests.digest_files(here) == digests.digest_files(there)


@pytest.mark.parametrize("at", [0, 65535, len(BIG) - 1], ids=["first", "in the head", "last"])
def test_content_matters(tmp_path: pathlib.Path, at: int) -> None:
    changed = bytearray(BIG)
    changed[at] ^= 1
    one = digests.digest_files([write(tmp_path / "one", "file", BIG)])
    other = digests.digest_files([write(tmp_path / "other", "file", bytes(changed))])
    assert one != other


def test_name_and_size_matter(tmp_path: pathlib.Path) -> None:
    file = [write(tmp_path, "file", BIG)]
    assert digests.digest_files(file) != digests.digest_files([("other", file[0][1])])
    longer = [write(tmp_path / "longer", "file", BIG + BIG)]
    assert digests.digest_files(file) != digests.digest_files(longer)


def test_folder(tmp_path: pathlib.Path) -> None:
    for model in ("one", "two"):
        write(tmp_path / model, "saved_model.pb", b"graph")
        write(tmp_path / model, "variables/variables.index", b"weights")
    one = digests.digest_folder(str(tmp_path / "one"))
    assert one == digests.digest_folder(str(tmp_path / "two"))
    write(tmp_path / "two", "variables/variables.index", b"other weights")
    assert one != digests.digest_folder(str(tmp_path / "two"))


def test_remote_folder_is_as_a_local_one(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "saved_model.pb", BIG)
    write(tmp_path, "variables/variables.index", b"weights")
    scheme = test_output.SchemeFileSystem.scheme()
    assert digests.digest_folder(f"{scheme}://{tmp_path}") == digests.digest_folder(str(tmp_path))


def test_digests_stay_as_they_are(tmp_path: pathlib.Path) -> None:
    """They are compared with those that stand in ML Metadata already."""
    files = [write(tmp_path, "eval/data-0.gz", BIG), write(tmp_path, "eval/data-1.gz", b"")]
    assert digests.digest_files(files) == digests.digest_folder(str(tmp_path)) == KNOWN


def test_config_without_what_it_says_of_tracking() -> None:
    plain = config_pb2.EvalConfig(slicing_specs=[{"feature_keys": ["a"]}])
    tracked = config_pb2.EvalConfig(slicing_specs=[{"feature_keys": ["a"]}])
    tracked.tracking.max_slices = 3
    other = config_pb2.EvalConfig(slicing_specs=[{"feature_keys": ["b"]}])
    assert digests.digest_config(plain) == digests.digest_config(tracked)
    assert digests.digest_config(plain) != digests.digest_config(other)
    assert tracked.tracking.max_slices == 3
