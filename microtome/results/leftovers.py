"""Directories in which results are being written, and what is left of them after a crash.

They stand beside the target, hidden, under its name. Who writes holds a lock on one, which the
operating system takes back when the process ends: what is not locked can be removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import uuid

# Suffix of an older result that makes place for a new one.
OLD = ".old"
_LEFTOVER = re.compile(r"\..+\.microtome-[0-9a-f]{12}(\.old)?")


def hidden_name(target: str) -> str:
    """A new name that tells what it stands for."""
    return f".{os.path.basename(target)}.microtome-{uuid.uuid4().hex[:12]}"


def hidden_path(target: str, inside: bool = False) -> str:
    """A new path beside a target, or in it."""
    return os.path.join(target if inside else os.path.dirname(target), hidden_name(target))


def is_leftover(name: str) -> bool:
    """Whether `hidden_name` gave a name."""
    return _LEFTOVER.fullmatch(name) is not None


def lock(directory: str) -> int | None:
    """Locks a directory until the returned file descriptor is closed; None if it is locked."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        # Locked, or on a file system without locks.
        os.close(descriptor)
        return None
    return descriptor


def remove(target: str) -> None:
    """Removes what crashed writers of a target left beside and in it."""
    mine = f".{os.path.basename(target)}."
    for directory in (os.path.dirname(target), target):
        with contextlib.suppress(OSError):
            for name in os.listdir(directory):
                if is_leftover(name) and name.startswith(mine):
                    _remove_unlocked(os.path.join(directory, name))


def remove_abandoned(directory: str) -> None:
    """Removes what crashed writers of any target in a directory left there.

    Older results that were renamed aside stay: without the new one they may be all there is.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            if is_leftover(name) and not name.endswith(OLD):
                _remove_unlocked(os.path.join(directory, name))


def _remove_unlocked(path: str) -> None:
    if not os.path.isdir(path):
        return
    descriptor = lock(path)
    if descriptor is not None:
        try:
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(descriptor)
