"""Folders of results that a server shows: what is in them, what of it may be read, what is new."""

from __future__ import annotations

import dataclasses
import glob
import os
from collections.abc import Iterator

from microtome.errors import DataError, MicrotomeError, OutputError
from microtome.results.eval_result import EvalResult
from microtome.results.loader import load_eval_result
from microtome.tracking import folder_source
from microtome.tracking.evaluations import Evaluation
from microtome.view.kept_results import KeptResults, Stamp, folder_stamp


class ServedFolders:
    """Gives a history the evaluations in or below a folder, and keeps to that folder.

    Numbers stay unread where that is possible, and what has not changed is not read again.

    Attributes:
        root: The folder, or the folder that a pattern is in. Nothing outside of it is read, even
            where a link in it leads there.
        title: What to call them.
        left_out: What is not shown, and why, for people.
        results: Those that have been loaded.
    """

    def __init__(self, where: str, pipeline: str | None = None):
        """Takes a folder, or a pattern of folders.

        Args:
            where: As `folder_source.find_results` takes it.
            pipeline: Only of the pipeline of this name.
        """
        folder = _fixed_part(where)
        self.root = os.path.realpath(folder)
        self.title = os.path.relpath(os.path.abspath(where), os.path.dirname(folder))
        self.left_out: list[str] = []
        self.results = KeptResults()
        self._where = where
        self._pipeline = pipeline
        self._read: dict[str, tuple[Stamp, Evaluation | str]] = {}

    def __call__(self) -> list[Evaluation]:
        """The evaluations, in order of time."""
        read: dict[str, tuple[Stamp, Evaluation | str]] = {}
        for path in self._paths():
            stamp = folder_stamp(path)
            known = self._read.get(path)
            read[path] = known if known and known[0] == stamp else (stamp, self._evaluation(path))
        self._read = read
        found = [one for _, one in read.values() if isinstance(one, Evaluation)]
        self.left_out = [why for _, why in read.values() if isinstance(why, str)]
        wanted = [one for one in found if self._pipeline in (None, one.pipeline)]
        return sorted(wanted, key=folder_source.in_time)

    def load(self, path: str) -> EvalResult:
        """The result of one of the folders.

        Raises:
            OutputError: It is damaged, or not all of it is inside of the root.
        """
        check_inside(path, self.root)
        return load_eval_result(path)

    def _load_for_numbers(self, path: str) -> EvalResult:
        # of all runs, for a series: what people look at stays
        return self.results.get(path, self.load, keep=False)

    def stamp(self) -> Stamp:
        """Something that differs when what is in the folders does."""
        return tuple((path, *folder_stamp(path)) for path in self._paths())

    @property
    def pipelines(self) -> list[str]:
        """The names of all pipelines, whichever is wanted."""
        found = (one for _, one in self._read.values() if isinstance(one, Evaluation))
        return sorted({one.pipeline for one in found} - {""})

    def _paths(self) -> list[str]:
        try:
            found = folder_source.find_results(self._where)
        except DataError:  # it may be there again later
            return []
        # a link to another result of the same folder shows nothing new
        return list({os.path.realpath(path): path for path in reversed(found)}.values())[::-1]

    def _evaluation(self, path: str) -> Evaluation | str:
        """An evaluation, or why it is not shown."""
        try:
            check_inside(path, self.root)
            one = folder_source.read_result(path, later=self._load_for_numbers)
        except (MicrotomeError, OSError, ValueError, KeyError, TypeError) as error:
            # what comes of other programs' files, too, is no reason to show none
            return f"{os.path.relpath(path, self.root)} is not shown: {error}"
        if one.provenance.pipeline_run:
            return one
        # by itself it goes by its folder's name, which may be that of all
        relative = os.path.relpath(os.path.realpath(path), self.root)
        return dataclasses.replace(one, run=one.run if relative == "." else relative)


def check_inside(path: str, root: str) -> None:
    """Makes sure that a folder and all files in it lie where they seem to.

    Raises:
        OutputError: It, or a file in it, is a link that leads out of `root`.
    """
    for one in (path, *_links(path)):
        real = os.path.realpath(one)
        if os.path.commonpath([real, root]) != root:
            raise OutputError(f"{one} is a link out of the folder that is served.")


def _links(path: str) -> Iterator[str]:
    with os.scandir(path) as entries:
        yield from (entry.path for entry in entries if entry.is_symlink())


def _fixed_part(where: str) -> str:
    """The folder that a pattern's matches are in; of a plain path, itself."""
    path = os.path.abspath(where)
    while glob.has_magic(path) and not os.path.isdir(path):
        path = os.path.dirname(path)
    return path
