"""Opens stores of ML Metadata: an SQLite file, MySQL or MariaDB, PostgreSQL, or its gRPC server.

What ml_metadata 1.15 does with each of them, found by trial (MariaDB 10.11, PostgreSQL 15, default
settings):

* `double_value` keeps six decimals, on every kind of store, and refuses NaN and infinities: a
  number that must stay exact goes into a string or a struct.
* `int_value` has 32 bits on MySQL and PostgreSQL.
* A string ends at its first NUL. PostgreSQL refuses every backslash in strings, names and URIs
  (ml_metadata quotes them wrongly); in structs they are fine.
* PostgreSQL refuses a string property of more than about 2,650 bytes, and a struct of more than
  about 1,950, as far as they do not compress: both are indexed whole. A `proto_value` is not
  indexed and may have megabytes. URIs are indexed like strings.
* A string holds 16 MiB on MySQL (or the server's `max_allowed_packet`), names 255 characters.
* Under MySQL's default collations, names that differ in case or in trailing blanks only are the
  same: contexts, artifacts, and the properties of one artifact. A database created with
  `CHARACTER SET utf8mb4 COLLATE utf8mb4_bin` tells case apart.
* The MySQL client knows only the `mysql_native_password` plugin: MariaDB's default, not MySQL 8's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import random
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from microtome.errors import ConfigError
from microtome.messages import nearest
from microtome.tracking.locations import FORMS, Location, mask, parse_location

_PGOPTIONS = threading.Lock()
_READ_ONLY = "-c default_transaction_read_only=on"
_PROBE_SECONDS = 5
# seconds until a server that takes a request and gives no answer counts as away
_ANSWER_SECONDS = 120.0
_LOCKED = "Another process holds it locked. Try again when that is done."
# what ml_metadata or the server says, and what that means to the user
_REASONS = (
    (
        "is older than library",
        "An older ml_metadata wrote it. Upgrade its schema once, after a backup, with "
        "MetadataStore(config, enable_upgrade_migration=True).",
    ),
    (
        "is greater than library",
        "A newer ml_metadata than the one installed here wrote it. Install that version or later.",
    ),
    ("file is not a database", "It is not an SQLite file."),
    ("unable to open database file", "The file cannot be opened: look at its permissions."),
    ("database is locked", _LOCKED),
    # ml_metadata has tried again for a quarter of a minute
    ("Concurrent writes aborted", _LOCKED),
    ("disk is full", "The disk that it is on is full. Make room, and try again."),
    ("disk I/O error", "The disk that it is on is full or damaged."),
    ("Unknown database", "The server has no such database."),
)
# a store without tables, opened for reading; or an account that may not make them
_NO_SCHEMA = re.compile(
    "attempt to write a readonly database|CREATE command denied|cannot execute CREATE TABLE"
    "|permission denied for schema"
)

# another process makes the database or its tables at this moment
_BEING_MADE = re.compile(
    "concurrent connection to the empty database|database is locked|already exists"
    "|duplicate key value|concurrently updated|deadlock|being accessed by other users"
)
_ATTEMPTS = 8


def open_store(where: Any, *, writable: bool = False) -> Any:
    """Opens a store of ML Metadata.

    Opened for reading, an SQLite file is opened read-only, a PostgreSQL session is read-only, and
    nowhere is a database made. One thing is beyond reach: ml_metadata creates its tables in an
    empty MySQL database that is opened with an account that may do so. Of a store that has tables
    it only reads, so give readers an account with SELECT alone. Through a gRPC server, nothing
    but the caller keeps from writing. No schema is ever upgraded.

    Opened for writing, an SQLite file and its folder, a MySQL database, and a PostgreSQL database
    with a name in small letters are created where there are none.

    Args:
        where: the path of an SQLite file, `sqlite:///path`, `mysql://user:password@host:port/database`
            (MariaDB too), `postgresql://...` likewise, `grpc://host:port`, ml_metadata's
            `ConnectionConfig` or `MetadataStoreClientConfig`, or an open `MetadataStore`, which is
            returned as it is. Messages from a gRPC server may be of any size. PgBouncer needs
            `ignore_startup_parameters = options` to let readers through.
        writable: also for writing.

    Returns:
        An `ml_metadata.metadata_store.MetadataStore`.

    Raises:
        ConfigError: `where` is of none of these forms; there is no such file; the server does not
            answer, or refuses; the store is of another version; or ml_metadata is not installed.
            No message holds a password.
    """
    mlmd = _import_ml_metadata()
    if isinstance(where, mlmd.MetadataStore):
        return where
    if isinstance(where, (str, os.PathLike)):
        location = parse_location(where)
        config = _config_of(location, mlmd)
    elif isinstance(where, (mlmd.proto.ConnectionConfig, mlmd.proto.MetadataStoreClientConfig)):
        config = type(where)()
        config.CopyFrom(where)
        location = _location_of(config)
    else:
        raise ConfigError(
            f"A store is {FORMS}, a ConnectionConfig, a MetadataStoreClientConfig, or an open "
            f"MetadataStore; this is a {type(where).__name__}."
        )
    if location.scheme == "grpc":
        return _open_client(config, location, mlmd)
    _check(location)
    if location.scheme == "sqlite":
        _check_file(location, writable)
        _undo_interrupted(location.path)
    _set_mode(config, location, writable)
    return _connect(config, location, writable, mlmd)


def connection_config(where: str | os.PathLike[str]) -> Any:
    """What TFX takes as the connection to a store: for a pipeline, so for writing.

    Nothing is connected to. The folder of an SQLite file is made.

    Args:
        where: a path or a URL, as for `open_store`.

    Returns:
        ml_metadata's `ConnectionConfig`, or for `grpc://` its `MetadataStoreClientConfig`.

    Raises:
        ConfigError: `where` is of none of the forms, or ml_metadata is not installed. No message
            holds a password.
    """
    location = parse_location(where)
    config = _config_of(location, _import_ml_metadata())
    if location.scheme == "grpc":
        _unlimit(config)
        return config
    _check(location)
    if location.scheme == "sqlite":
        _check_file(location, writable=True)
    _set_mode(config, location, writable=True)
    return config


def describe_store(where: Any) -> str:
    """Says in a few characters which store that is, for messages; never with a password.

    Args:
        where: whatever `open_store` takes; anything else is described by its type.
    """
    if isinstance(where, (str, os.PathLike)):
        try:
            return str(parse_location(where))
        except ConfigError:
            return mask(os.fspath(where))
    # an open store remembers what it was opened with
    config = getattr(where, "_config", where)
    if not hasattr(config, "DESCRIPTOR"):
        return f"a {type(where).__name__}"
    return str(_location_of(config))


def what_happened(error: Exception, store: Any) -> str:
    """Says in a sentence or two why an open store refused; never with a password.

    Args:
        error: What ml_metadata raised.
        store: The `MetadataStore`.
    """
    said = str(error).strip()
    for part, meaning in _REASONS:
        if part in said:
            return meaning
    config = getattr(store, "_config", None)
    if hasattr(config, "DESCRIPTOR"):
        location = _location_of(config)
        problem = "" if location.scheme == "sqlite" else _unreachable(location)
        if problem:
            return f"Nothing answers at {location.address} any more ({problem})."
        said = said.replace(location.password, "***") if location.password else said
    return f"ML Metadata says: {said}"


def _import_ml_metadata() -> ModuleType:
    try:
        from ml_metadata import errors, metadata_store, proto  # noqa: F401
        from ml_metadata.metadata_store import metadata_store as module
    except ImportError as error:
        raise ConfigError(
            f"A store of ML Metadata needs the package ml-metadata, which cannot be imported "
            f"({error}). Install it with: pip install 'microtome[mlmd]' (on Python 3.11 or "
            "earlier). A folder of results can be read without it."
        ) from error
    return module


def _config_of(location: Location, mlmd: ModuleType) -> Any:
    if location.scheme == "grpc":
        host = location.address.rpartition(":")[0]
        return mlmd.proto.MetadataStoreClientConfig(host=host, port=location.port)
    config = mlmd.proto.ConnectionConfig()
    if location.scheme == "sqlite":
        config.sqlite.filename_uri = location.path
    elif location.scheme == "mysql":
        mysql = config.mysql
        # the client takes the name "localhost" for its own idea of a local socket
        mysql.host = "127.0.0.1" if location.host == "localhost" else location.host
        mysql.port, mysql.user, mysql.password = location.port, location.user, location.password
        mysql.database = _mysql_name(location)
    else:
        postgresql = config.postgresql
        postgresql.host, postgresql.port = location.host, str(location.port)
        postgresql.user = _conninfo_value(location.user)
        if location.password:
            postgresql.password = _conninfo_value(location.password)
        postgresql.dbname = location.database
    return config


def _location_of(config: Any) -> Location:
    """The location that a ConnectionConfig or MetadataStoreClientConfig names."""
    if config.DESCRIPTOR.name == "MetadataStoreClientConfig":
        return Location("grpc", host=config.host, port=config.port)
    kind = config.WhichOneof("config")
    if kind == "sqlite":
        return Location("sqlite", path=config.sqlite.filename_uri)
    if kind == "mysql":
        mysql = config.mysql
        return Location(
            "mysql", mysql.socket, mysql.host, mysql.port, mysql.user, mysql.password,
            mysql.database.strip("`"),
        )  # fmt: skip
    if kind == "postgresql":
        server = config.postgresql
        port = int(server.port) if server.port.isdecimal() else 0
        host = server.host or server.hostaddr
        return Location(
            "postgresql", "", host, port, server.user, server.password, server.dbname
        )  # fmt: skip
    return Location("fake_database" if kind else "empty ConnectionConfig")


def _mysql_name(location: Location) -> str:
    """The database's name as ml_metadata puts it into SQL: as it is."""
    if "`" in location.database:
        raise ConfigError(f"{location}: a database's name may not hold a backtick.")
    plain = re.fullmatch(r"\w+", location.database, re.ASCII)
    return location.database if plain else f"`{location.database}`"


def _conninfo_value(text: str) -> str:
    """A value as libpq's connection string has it; ml_metadata puts values there as they are."""
    if re.fullmatch(r"[^\s'\\]+", text):
        return text
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _check(location: Location) -> None:
    """Refuses what ml_metadata would end the whole process for."""
    if location.scheme not in ("sqlite", "mysql", "postgresql"):
        raise ConfigError(f"The {location.scheme} names no store; a store is {FORMS}.")
    if location.scheme == "sqlite":
        if not location.path:
            raise ConfigError("The ConnectionConfig names no SQLite file (sqlite.filename_uri).")
        return
    needed: dict[str, str | int] = {
        "host": location.host or location.path,
        "database": location.database,
    }
    if location.scheme == "postgresql":
        needed |= {"port": location.port, "user": location.user}
        if re.search(r"[\s'\\]", location.database):
            raise ConfigError(
                f"{location}: ml_metadata cannot open a PostgreSQL database whose name holds "
                "blanks, quotes or backslashes."
            )
    missing = [name for name, value in needed.items() if not value]
    if missing or (location.scheme == "mysql" and location.host and location.path):
        lacks = f"lacks {' and '.join(missing)}" if missing else "has both host and socket"
        raise ConfigError(f"The ConnectionConfig of {location} {lacks}.")


def _check_file(location: Location, writable: bool) -> None:
    path = pathlib.Path(location.path)
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; a store of ML Metadata is an SQLite file.")
    if path.exists():
        return
    if not writable:
        siblings = [other.name for other in path.parent.glob("*")] if path.parent.is_dir() else []
        there = nearest(path.name, siblings) if path.parent.is_dir() else ", nor its folder"
        raise ConfigError(
            f"There is no store of ML Metadata at {path}{there}. A store is an SQLite file, which "
            "the first run of a pipeline makes; or a server, given as a URL."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"The folder {path.parent} cannot be made: {error.strerror}.") from error


def _undo_interrupted(path: str) -> None:
    """Has SQLite undo what a killed writer left half-done: a read-only connection cannot.

    Of a writer that is alive nothing is undone: it holds the file's lock.
    """
    if not os.path.exists(f"{path}-journal"):
        return
    address = f"{pathlib.Path(path).absolute().as_uri()}?mode=rw"
    # who may not write reads what ml_metadata makes of it
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(address, uri=True)) as connection,
    ):
        connection.execute("PRAGMA schema_version").fetchone()


def _set_mode(config: Any, location: Location, writable: bool) -> None:
    if location.scheme == "sqlite":
        modes = config.sqlite
        modes.connection_mode = modes.READWRITE_OPENCREATE if writable else modes.READONLY
        return
    server = getattr(config, location.scheme)
    # PostgreSQL would make `name` for `Name`, and then not find it
    made = location.scheme == "mysql" or re.fullmatch(r"[a-z_][a-z0-9_]*", location.database)
    if not writable or not made:
        server.skip_db_creation = True


def _connect(config: Any, location: Location, writable: bool, mlmd: ModuleType) -> Any:
    read_only = location.scheme == "postgresql" and not writable
    said = ""
    for attempt in range(_ATTEMPTS):
        time.sleep(random.uniform(0, 0.25 * attempt))
        try:
            with _read_only_sessions() if read_only else contextlib.nullcontext():
                return mlmd.MetadataStore(config)
        except (RuntimeError, mlmd.errors.StatusError) as error:
            said = str(error)
        if not _BEING_MADE.search(said):
            break
    # not chained: what ml_metadata says may hold the password
    raise ConfigError(f"The store {location} cannot be opened. {_reason(said, location, writable)}")


@contextlib.contextmanager
def _read_only_sessions() -> Iterator[None]:
    """Has libpq open sessions that refuse to write; it looks at the environment on connecting."""
    with _PGOPTIONS:
        before = os.environ.get("PGOPTIONS")
        os.environ["PGOPTIONS"] = f"{before} {_READ_ONLY}" if before else _READ_ONLY
        try:
            yield
        finally:
            if before is None:
                del os.environ["PGOPTIONS"]
            else:
                os.environ["PGOPTIONS"] = before


def _reason(said: str, location: Location, writable: bool) -> str:
    if _NO_SCHEMA.search(said):
        if writable:
            return "It has no tables of ML Metadata, and they cannot be made: look at permissions."
        return "It has no tables of ML Metadata: the first run of a pipeline makes them."
    for part, meaning in _REASONS:
        if part in said:
            return meaning
    if location.scheme == "sqlite":
        return f"ml_metadata says: {said}"
    problem = _unreachable(location)
    if problem:
        return f"Nothing answers at {location.address} ({problem}). Is the server running there?"
    detail = said.replace(location.password, "***") if location.password else said
    plugin = (
        " A MySQL user's plugin must be mysql_native_password, the only one that ml_metadata knows."
    )
    return (
        f"The server answers, and refuses: look at the user {location.user!r}, its password, "
        f"whether there is a database {location.database!r}, and the user's rights there."
        f"{plugin if location.scheme == 'mysql' else ''} ml_metadata says: {detail.strip()}"
    )


def _unreachable(location: Location) -> str:
    """Why no connection to the server comes about; empty if one does."""
    if location.path:
        return "" if pathlib.Path(location.path).exists() else os.strerror(errno.ENOENT)
    port = location.port or 3306
    host = "127.0.0.1" if location.host == "localhost" else location.host
    try:
        with socket.create_connection((host, port), timeout=_PROBE_SECONDS):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def _open_client(config: Any, location: Location, mlmd: ModuleType) -> Any:
    if not config.host or not config.port:
        raise ConfigError("The MetadataStoreClientConfig lacks host or port.")
    _unlimit(config)
    store = mlmd.MetadataStore(config)
    try:
        store.get_context_types()  # connects
    except (mlmd.errors.UnavailableError, mlmd.errors.DeadlineExceededError) as error:
        problem = _unreachable(location) or str(error)
        raise ConfigError(
            f"No server of ML Metadata answers at {location.address} ({problem}). Is it running "
            "there, and is that its gRPC port?"
        ) from error
    except mlmd.errors.StatusError as error:
        raise ConfigError(
            f"What answers at {location.address} is no server of ML Metadata, or one that "
            f"refuses: {error}"
        ) from error
    return store


def _unlimit(config: Any) -> None:
    if not config.channel_arguments.HasField("max_receive_message_length"):
        config.channel_arguments.max_receive_message_length = -1
    if not config.HasField("client_timeout_sec"):
        config.client_timeout_sec = _ANSWER_SECONDS
