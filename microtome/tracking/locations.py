"""Where a store of ML Metadata is: read from a URL or a path, and told without passwords."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
from urllib.parse import quote, unquote, urlsplit

from microtome.errors import ConfigError
from microtome.messages import nearest

# URL schemes and the ports that their servers listen on by default; None: there is no such port
DEFAULT_PORTS = {"sqlite": None, "mysql": 3306, "postgresql": 5432, "grpc": None}
FORMS = (
    "the path of an SQLite file, sqlite:///path, mysql://user:password@host:port/database, "
    "postgresql://user:password@host:port/database, or grpc://host:port"
)


# a URL, something like one, or nothing: user:password@host, mysql:host
_URL = re.compile(r"[\w+.-]+://|(sqlite|mysql|mariadb|postgres\w*|grpc):|[^/]*:.*@|$", re.S)


@dataclasses.dataclass(frozen=True)
class Location:
    """The address of a store; as text it has no password.

    Attributes:
        scheme: `sqlite`, `mysql`, `postgresql` or `grpc`.
        path: of the SQLite file; or of a local MySQL server's socket, if it is reached by that.
        host: name or address of the server.
        port: of the server; 0 where none is given.
        user: name of the database's user.
        password: of that user.
        database: name of the database on the server.
    """

    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = dataclasses.field(default="", repr=False)
    database: str = ""

    def __str__(self) -> str:
        if self.scheme == "sqlite":
            return self.path
        user = quote(self.user, safe="") + (":***" if self.password else "") + "@"
        database = f"/{quote(self.database, safe='')}" if self.database else ""
        return f"{self.scheme}://{user if self.user else ''}{self.address}{database}"

    @property
    def address(self) -> str:
        """`host:port`, or the path of the socket."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (f"{host}:{self.port}" if self.port else host) or self.path


def parse_location(where: str | os.PathLike[str]) -> Location:
    """Reads a path or a URL; what is percent-encoded in a URL's parts is decoded.

    As in SQLAlchemy's URLs, `sqlite:///runs.db` is a file of the working directory and
    `sqlite:////var/runs.db` an absolute path. A bare path may start with `~`.

    Raises:
        ConfigError: it is none of the forms. The message holds no password.
    """
    text = os.fspath(where)
    if isinstance(where, os.PathLike) or pathlib.Path(text).is_file() or not _URL.match(text):
        return Location("sqlite", path=os.path.expanduser(text))
    scheme = text.partition("://")[0].lower()
    if scheme not in DEFAULT_PORTS:
        if "://" not in text:
            raise ConfigError(f"{mask(text)!r} is not the location of a store; that is {FORMS}.")
        hint = nearest(scheme, DEFAULT_PORTS)
        raise ConfigError(f"{mask(text)} starts with {scheme!r}{hint}; a store is {FORMS}.")
    if scheme == "sqlite":
        return Location("sqlite", path=_sqlite_path(text))
    return _server(scheme, text)


def mask(text: str) -> str:
    """The text of a URL, right or wrong, without what may be a password."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return re.sub(r"(?s):.*@", ":***@", text)
    credentials, at, place = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    place, question, _ = place.partition("?")
    return (
        f"{scheme}{separator}{user}{':***' if colon else ''}{at}{place}{'?…' if question else ''}"
    )


def _sqlite_path(text: str) -> str:
    path = unquote(text.partition("://")[2])
    if len(path) < 2 or not path.startswith("/"):
        raise ConfigError(
            f"{text} names no file: write sqlite:///name for a file of the working directory, "
            "sqlite:////folder/name for an absolute path."
        )
    relative = path[1:]
    if pathlib.Path(path).exists() and not pathlib.Path(relative).exists():
        raise ConfigError(
            f"{text} is the file {relative!r} of the working directory, and there is none. For "
            f"{path} write four slashes: sqlite:///{path}."
        )
    return relative


def _server(scheme: str, text: str) -> Location:
    shown = mask(text)
    login = "" if scheme == "grpc" else "user:password@"
    form = f"{scheme}://{login}host:port{'/database' if login else ''}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port or DEFAULT_PORTS[scheme]
    except ValueError:
        host = None
    if not host:  # not raised from the ValueError, whose text may hold the password
        raise ConfigError(
            f"{shown} is not of the form {form}. Characters such as @ : / ? # and % in a user's "
            "name or password are percent-encoded: @ is %40, / is %2F."
        )
    if parts.query or parts.fragment:
        raise ConfigError(
            f"{shown} has options behind the database's name, which a URL cannot give here. "
            "For TLS and the like hand over ml_metadata's ConnectionConfig."
        )
    database = unquote(parts.path.strip("/"))
    if scheme == "grpc":
        if port is None or database or "@" in parts.netloc:
            raise ConfigError(f"{shown} is not of the form {form}.")
        return Location("grpc", host=host, port=port)
    if not database or not parts.username:
        missing = "user" if database else "database"
        raise ConfigError(f"{shown} names no {missing}: the form is {form}.")
    return Location(
        scheme,
        host=host,
        port=int(port or 0),
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        database=database,
    )
