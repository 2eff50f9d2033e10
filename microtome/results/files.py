"""Files of a result directory, local or on any file system that Apache Beam knows."""

from __future__ import annotations

import glob
import os
import re
import shutil
from typing import Any, BinaryIO, cast

from microtome.errors import OutputError

# At least two letters, so that a drive letter is none.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def is_remote(path: str) -> bool:
    """Whether a path has a scheme other than `file://`."""
    match = _SCHEME.match(path)
    return match is not None and match[1].lower() != "file"


def normalized(path: str | os.PathLike[str]) -> str:
    """The path without `file://`, `~` and closing slashes.

    Raises:
        OutputError: It is empty, or no path.
    """
    try:
        text = os.fspath(path)
    except TypeError:
        raise OutputError(f"A path was expected, {path!r} was given.") from None
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    if not text:
        raise OutputError("A path was expected, an empty one was given.")
    if is_remote(text):
        return text.rstrip("/")
    if match := _SCHEME.match(text):
        text = text[match.end() :]
    return os.path.expanduser(text.rstrip("/") or "/")


def join(directory: str, name: str) -> str:
    """The path of a file in a directory."""
    if not is_remote(directory):
        return os.path.join(directory, name)
    return cast(str, file_systems(directory).join(directory, name))


def list_names(directory: str) -> list[str] | None:
    """Names of what is in a directory, sorted; None where there is no such directory.

    On an object store an empty directory does not exist, and its names are of objects only.

    Raises:
        OutputError: It cannot be read.
    """
    try:
        if is_remote(directory):
            return _remote_names(directory)
        return sorted(os.listdir(directory)) if os.path.isdir(directory) else None
    except Exception as error:
        raise OutputError(f"{directory} cannot be read: {error}") from error


def files_below(directory: str) -> list[tuple[str, str]]:
    """Name relative to a directory and path of every file in it and in its folders, sorted.

    Raises:
        OutputError: It cannot be read.
    """
    try:
        if is_remote(directory):
            prefix = directory.rstrip("/") + "/"
            paths = _remote_matches(prefix + "**")
            return sorted((path.removeprefix(prefix), path) for path in paths)
        paths = [
            os.path.join(parent, name)
            for parent, _, names in os.walk(normalized(directory), followlinks=True)
            for name in names
        ]
        return sorted((os.path.relpath(path, normalized(directory)), path) for path in paths)
    except Exception as error:
        raise OutputError(f"{directory} cannot be read: {error}") from error


def matching(pattern: str) -> list[str]:
    """The paths of the files that a pattern such as `eval-*` matches, sorted.

    Raises:
        OutputError: They cannot be looked up.
    """
    try:
        if is_remote(pattern):
            return sorted(_remote_matches(pattern))
        return sorted(path for path in glob.glob(normalized(pattern)) if os.path.isfile(path))
    except Exception as error:
        raise OutputError(f"{pattern} cannot be looked up: {error}") from error


def modified(path: str) -> float:
    """When a file was last written, in seconds since 1970.

    Raises:
        OutputError: It cannot be read.
    """
    try:
        if is_remote(path):
            return float(file_systems(path).last_updated(path))
        return os.path.getmtime(path)
    except Exception as error:
        raise OutputError(f"{path} cannot be read: {error}") from error


def open_file(path: str) -> BinaryIO:
    """Opens a file for reading bytes.

    Raises:
        OutputError: It cannot be read.
    """
    try:
        if is_remote(path):
            return cast(BinaryIO, file_systems(path).open(path, **_uncompressed()))
        return open(path, "rb")
    except Exception as error:
        raise OutputError(f"{path} cannot be read: {error}") from error


def read_file(path: str) -> bytes:
    """All bytes of a file.

    Raises:
        OutputError: It cannot be read.
    """
    with open_file(path) as file:
        return file.read()


def upload(source: str, path: str) -> None:
    """Copies a local file to a remote path."""
    with open(source, "rb") as reader:
        writer = file_systems(path).create(path, **_uncompressed())
        with writer:
            shutil.copyfileobj(reader, writer, 1 << 20)


def delete_remote(paths: list[str]) -> None:
    """Deletes remote files; no path is no work."""
    if paths:
        file_systems(paths[0]).delete(paths)


def file_systems(path: str) -> Any:
    """Beam's `FileSystems`, after a look whether it knows the path's scheme.

    Raises:
        OutputError: It does not.
    """
    from apache_beam.io.filesystems import FileSystems

    try:
        FileSystems.get_filesystem(path)
    except Exception as error:
        scheme = path.split("://")[0]
        raise OutputError(
            f"{path}: no file system for {scheme}:// is at hand. Apache Beam brings those of "
            f"gs://, s3:// and hdfs:// with its extras (pip install 'apache-beam[gcp]' or [aws]). "
            f"({error})"
        ) from error
    return FileSystems


def _remote_names(directory: str) -> list[str] | None:
    paths = _remote_matches(directory + "/*")
    names = {path.rstrip("/").rsplit("/", 1)[-1] for path in paths}
    return sorted(names) or None


def _remote_matches(pattern: str) -> list[str]:
    return [found.path for found in file_systems(pattern).match([pattern])[0].metadata_list]


def _uncompressed() -> dict[str, Any]:
    # by default Beam chooses from the file's suffix
    from apache_beam.io.filesystem import CompressionTypes

    return {"compression_type": CompressionTypes.UNCOMPRESSED}
