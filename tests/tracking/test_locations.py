"""Where a store is, read from text, and told without passwords."""

from __future__ import annotations

import importlib.util
import pathlib

import pytest

from microtome.errors import ConfigError
from microtome.tracking.locations import Location, mask, parse_location
from microtome.tracking.stores import describe_store, open_store

pytestmark = pytest.mark.current


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("runs/metadata.db", Location("sqlite", path="runs/metadata.db")),
        (pathlib.Path("metadata.db"), Location("sqlite", path="metadata.db")),
        ("sqlite:///metadata.db", Location("sqlite", path="metadata.db")),
        ("sqlite:////data/a%20b.db", Location("sqlite", path="/data/a b.db")),
        (
            "mysql://me:p%40ss%2Fw%3Ard@db.example:3307/mlmd",
            Location("mysql", "", "db.example", 3307, "me", "p@ss/w:rd", "mlmd"),
        ),
        ("mysql://me@db/mlmd", Location("mysql", host="db", port=3306, user="me", database="mlmd")),
        (
            "PostgreSQL://m%65:x@[::1]/ml%20md",
            Location("postgresql", "", "::1", 5432, "me", "x", "ml md"),
        ),
        ("grpc://metadata:8080", Location("grpc", host="metadata", port=8080)),
        ("grpc://metadata:8080/", Location("grpc", host="metadata", port=8080)),
    ],
)
def test_parts_are_read(text: str, location: Location) -> None:
    assert parse_location(text) == location


def test_home_is_meant_by_its_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home-of-tests")
    assert parse_location("~/metadata.db").path == "/home-of-tests/metadata.db"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "sqlite:///path"),
        ("sqlite:metadata.db", "is not the location of a store"),
        ("sqlite://metadata.db", "sqlite:////folder/name"),
        ("sqlite:///", "names no file"),
        ("mysql:/me:secret@db/mlmd", "is not the location of a store"),
        ("me:secret@db/mlmd", "is not the location of a store"),
        ("postgres://me:secret@db/mlmd", "did you mean 'postgresql'?"),
        ("mysql+pymysql://me:secret@db/mlmd", "did you mean 'mysql'?"),
        ("gs://bucket/metadata.db", "starts with 'gs'"),
        ("mysql://me:secret@db", "names no database"),
        ("mysql://db:3306/mlmd", "names no user"),
        ("mysql://me:sec/ret@db:3306/mlmd", "percent-encoded"),
        ("mysql://me:[secret@db:3306/mlmd", "percent-encoded"),
        ("mysql://me:secret@db:port/mlmd", "percent-encoded"),
        ("mysql://me:secret@db/mlmd?ssl_ca=x", "ConnectionConfig"),
        ("mysql://me:sec#ret@db/mlmd", "not of the form"),
        ("grpc://metadata", "grpc://host:port"),
        ("grpc://metadata:8080/mlmd", "grpc://host:port"),
        ("grpc://me:secret@metadata:8080", "grpc://host:port"),
        ("grpc://:8080", "grpc://host:port"),
    ],
)
def test_wrong_forms_are_told_without_the_password(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_location(text)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "ret@" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_four_slashes_are_asked_for_where_they_are_meant(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "metadata.db"
    path.touch()
    with pytest.raises(ConfigError, match="four slashes"):
        parse_location(f"sqlite://{path}")
    assert parse_location(f"sqlite:///{path}").path == str(path)


def test_a_file_may_have_any_name(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "me:b@c?d.db"
    path.touch()
    assert parse_location(str(path)).path == str(path)
    monkeypatch.chdir(tmp_path)
    assert parse_location(path.name).path == path.name


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mysql://me:a%40b@db:3306/mlmd", "mysql://me:***@db:3306/mlmd"),
        ("mysql://me@db/mlmd", "mysql://me@db:3306/mlmd"),
        ("postgresql://me:x@[::1]:5/mlmd", "postgresql://me:***@[::1]:5/mlmd"),
        ("grpc://metadata:8080", "grpc://metadata:8080"),
        ("sqlite:////data/metadata.db", "/data/metadata.db"),
    ],
)
def test_a_location_is_shown_without_its_password(url: str, shown: str) -> None:
    assert str(parse_location(url)) == shown
    assert "a@b" not in repr(parse_location(url))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mysql://me:a@b/c@db/mlmd", "mysql://me:***@db/mlmd"),
        ("mysql:me:a@b", "mysql:***@b"),
        ("postgresql://db/mlmd?password=x", "postgresql://db/mlmd?…"),
        ("no address", "no address"),
    ],
)
def test_wrong_text_is_masked(text: str, shown: str) -> None:
    assert mask(text) == shown


@pytest.mark.skipif(
    importlib.util.find_spec("ml_metadata") is not None, reason="ml_metadata is installed here"
)
def test_what_is_missing_where_ml_metadata_is_not_installed() -> None:
    with pytest.raises(ConfigError, match=r"pip install 'microtome\[mlmd\]'"):
        open_store("metadata.db")
    assert describe_store("mysql://me:secret@db/mlmd") == "mysql://me:***@db:3306/mlmd"
