"""Where results go: checked before the work starts, filled in one step at its end."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator

from microtome.errors import OutputError
from microtome.results import files, leftovers, names

# Whoever reads a directory while its files are renamed one by one takes it for unfinished until
# the last of them is there.
_LAST = names.EVAL_CONFIG
_FIRST = names.RUN_INFO

# Mount points, and directories of other owners.
_NOT_RENAMABLE = (errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES)


def check_output_path(path: str | os.PathLike[str]) -> None:
    """Makes sure that results can be written to a directory, and changes nothing.

    The directory may be missing, empty, or hold an older result, which would be replaced.

    Raises:
        OutputError: It holds other files, or cannot be written.
    """
    target = _target(path)
    found = files.list_names(target)
    if found is None and not files.is_remote(target) and os.path.lexists(target):
        raise OutputError(f"Results cannot be written to {target}: it is a file, not a directory.")
    _result_files(target, found or ())
    with explained(target):
        if files.is_remote(target):
            _probe_remote(target)
        else:
            _probe_local(target)


class Staging:
    """A local directory whose files become a result all at once.

    Attributes:
        directory: Where to write the files.
    """

    def __init__(self, path: str | os.PathLike[str]):
        """Makes the staging directory: beside the target if possible, so that it can be renamed.

        Args:
            path: Where the result is to be.

        Raises:
            OutputError: As `check_output_path`.
        """
        check_output_path(path)
        self._target = _target(path)
        with explained(self._target):
            self.directory = self._make_directory()
            self._lock: int | None = leftovers.lock(self.directory)

    def publish(self) -> None:
        """Puts the files at the target, in the place of an older result.

        Raises:
            OutputError: That failed. A target that can be replaced in one step is as it was; on
                another (remote, or a mount point) the result may read as unfinished.
        """
        with explained(self._target):
            if files.is_remote(self._target):
                self._upload()
            else:
                _sync_all(self.directory)
                self._rename()
                leftovers.remove(self._target)

    def discard(self) -> None:
        """Removes what is staged."""
        shutil.rmtree(self.directory, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _make_directory(self) -> str:
        if files.is_remote(self._target):
            return tempfile.mkdtemp(prefix="microtome-")
        beside = leftovers.hidden_path(self._target)
        try:
            os.makedirs(os.path.dirname(beside), exist_ok=True)
            os.mkdir(beside)
            return beside
        except OSError:
            if not os.path.isdir(self._target):
                raise
        # Nothing may be made beside the target: it was made for us, or is mounted.
        inside = leftovers.hidden_path(self._target, inside=True)
        os.mkdir(inside)
        return inside

    def _rename(self) -> None:
        if os.path.dirname(self.directory) == self._target:
            self._move_files()
            return
        if os.path.isdir(self._target):
            shutil.copymode(self._target, self.directory)
        try:
            # Succeeds for a target that is missing or empty.
            os.rename(self.directory, self._target)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                self._exchange()
            elif error.errno in _NOT_RENAMABLE and os.path.isdir(self._target):
                self._move_files()
            else:
                raise
        _sync(os.path.dirname(self._target))

    def _exchange(self) -> None:
        """Renames the older result aside, then the new one in its place."""
        _result_files(self._target)
        aside = self.directory + leftovers.OLD
        try:
            os.rename(self._target, aside)
        except OSError as error:
            if error.errno not in _NOT_RENAMABLE:
                raise
            self._move_files()
            return
        try:
            os.rename(self.directory, self._target)
        except BaseException:
            os.rename(aside, self._target)
            raise
        shutil.rmtree(aside, ignore_errors=True)

    def _move_files(self) -> None:
        """Replaces the files of a directory that cannot be replaced itself."""
        staged = os.listdir(self.directory)
        old = _result_files(self._target)
        for name in sorted(old, key=lambda name: name != _LAST):
            if name == _LAST or name not in staged:
                os.remove(os.path.join(self._target, name))
        for name in _in_order(staged):
            _move(os.path.join(self.directory, name), os.path.join(self._target, name))
        _sync(self._target)

    def _upload(self) -> None:
        old = _result_files(self._target, files.list_names(self._target) or [])
        # The config goes first and comes last: without it the directory reads as unfinished.
        for name in sorted(old, key=lambda name: name != _LAST):
            files.delete_remote([files.join(self._target, name)])
        for name in _in_order(os.listdir(self.directory)):
            files.upload(os.path.join(self.directory, name), files.join(self._target, name))


def _target(path: str | os.PathLike[str]) -> str:
    target = files.normalized(path)
    # The result takes the place of the directory, not of a link to it.
    return target if files.is_remote(target) else os.path.realpath(target)


def _in_order(staged: Iterable[str]) -> list[str]:
    return sorted(staged, key=lambda name: (name == _LAST, name != _FIRST, name))


def _result_files(directory: str, found: Iterable[str] | None = None) -> list[str]:
    """The files of an older result.

    Raises:
        OutputError: There are other files too.
    """
    found = os.listdir(directory) if found is None else found
    there = [name for name in sorted(found) if not leftovers.is_leftover(name)]
    others = [name for name in there if not names.is_result_file(name)]
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        raise OutputError(
            f"Results cannot be written to {directory}: it holds other files "
            f"({', '.join(others[:5])}{more}), which would be lost. "
            "Give a new or empty directory, or one that holds an older result."
        )
    return there


def _move(source: str, destination: str) -> None:
    try:
        os.replace(source, destination)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy = leftovers.hidden_path(destination)
        shutil.copyfile(source, copy)
        os.replace(copy, destination)


def _probe_local(target: str) -> None:
    """Makes and removes a directory at the target or in the nearest directory above it."""
    existing = target
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
        raise OutputError(
            f"Results cannot be written to {target}: {existing} is a file, not a directory."
        )
    probe = leftovers.hidden_path(existing, inside=True)
    try:
        os.mkdir(probe)
        os.rmdir(probe)
    except OSError as error:
        raise OutputError(
            f"Results cannot be written to {target}: nothing can be made in {existing} "
            f"({error.strerror})."
        ) from error


def _probe_remote(target: str) -> None:
    probe = files.join(target, leftovers.hidden_name(target))
    with files.file_systems(target).create(probe) as writer:
        writer.write(b"\n")
    files.delete_remote([probe])


@contextlib.contextmanager
def explained(target: str | os.PathLike[str]) -> Iterator[None]:
    """Errors of any file system become one that names the target."""
    try:
        yield
    except OutputError:
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"Results cannot be written to {target}: {reason}.") from error


def _sync_all(directory: str) -> None:
    for name in os.listdir(directory):
        _sync(os.path.join(directory, name))
    _sync(directory)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems cannot sync a directory.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
