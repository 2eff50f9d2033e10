"""Results that a server has loaded, so that it need not load them again."""

from __future__ import annotations

import collections
import os
from collections.abc import Callable, Hashable

from microtome.results import files
from microtome.results.eval_result import EvalResult

Stamp = tuple[Hashable, ...]

# at most so many, and of so many slices together: a slice takes some kilobytes
_KEPT_RESULTS = 8
_KEPT_SLICES = 150_000


class KeptResults:
    """Results that have been loaded: the last ones asked for, no more than memory allows."""

    def __init__(self) -> None:
        self._kept: collections.OrderedDict[str, tuple[Stamp, EvalResult]] = (
            collections.OrderedDict()
        )

    def get(self, path: str, load: Callable[[str], EvalResult], *, keep: bool = True) -> EvalResult:
        """A result, loaded again if its files have changed.

        Args:
            path: Its folder.
            load: Loads it.
            keep: Whether it is kept, if it was not.

        Raises:
            MicrotomeError: What `load` raises.
        """
        stamp = () if files.is_remote(path) else folder_stamp(files.normalized(path))
        kept = self._kept.get(path)
        if kept is None or kept[0] != stamp:
            kept = stamp, load(path)
            if not keep:
                return kept[1]
        self._kept[path] = kept
        self._kept.move_to_end(path)
        while len(self._kept) > _KEPT_RESULTS or (len(self._kept) > 1 and self._is_too_much()):
            self._kept.popitem(last=False)
        return kept[1]

    def _is_too_much(self) -> bool:
        kept = (len(result.slicing_metrics) for _, result in self._kept.values())
        return sum(kept) > _KEPT_SLICES


def folder_stamp(path: str) -> Stamp:
    """Something that differs when the files of a folder do; empty where there is no such folder."""
    try:
        with os.scandir(path) as entries:
            return tuple(sorted(_file_stamp(entry) for entry in entries))
    except OSError:
        return ()


def _file_stamp(entry: os.DirEntry[str]) -> tuple[str, int, int, int]:
    try:
        told = entry.stat()
    except OSError:  # a broken link
        return entry.name, 0, 0, 0
    return entry.name, told.st_ino, told.st_mtime_ns, told.st_size
