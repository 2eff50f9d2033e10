"""What a server shows: the runs of a history, and each run's numbers when they are asked for.

Synopsis:

    source = Source.open("metadata.sqlite", pipeline="flights")
    source.report()                     # all runs, the values of the newest
    source.run("12")                    # the values of one run
    source.series(["carrier:UA"])       # a slice in all runs

A run is shown from its result files, with every slice, if they can be read here; else from what is
tracked of it, and the report says so.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import time
import weakref
from collections.abc import Sequence

from microtome.errors import ConfigError, MicrotomeError
from microtome.messages import nearest
from microtome.results import files, names
from microtome.results.eval_result import EvalResult
from microtome.results.loader import load_eval_result
from microtome.tracking import folder_source
from microtome.tracking.block import make_block, pack
from microtome.tracking.evaluations import Evaluation
from microtome.tracking.history import History
from microtome.tracking.locations import parse_location
from microtome.view import contract
from microtome.view.contract import Report
from microtome.view.kept_results import KeptResults, Stamp
from microtome.view.served_folders import ServedFolders, check_inside
from microtome.view.texts import clean

_LOG = logging.getLogger(__name__)
# how long a store on a server is not asked again for new runs
_PATIENCE_SECONDS = 2
_NOT_IN_SERIES = "No run has tracked it, or it is small: its values are in result files only."
# how long one question may read result files of runs that were not tracked
_READING_SECONDS = 5


class Source:
    """The runs of a history, read when they are asked for. Not for several threads at once.

    Attributes:
        title: For people: where the runs are from.
    """

    def __init__(
        self,
        history: History,
        folders: ServedFolders | None = None,
        database: str | None = None,
        stamp: Stamp | None = None,
    ):
        """Takes a history.

        Args:
            history: The runs.
            folders: The folders that they lie in; None where they stand in a store.
            database: The store's file, if it is one, by which is seen whether it has changed.
            stamp: What that file was like before the history was read.
        """
        self._history = history
        self._folders = folders
        self._database = database
        self._stamp = stamp
        self._read_at = time.monotonic()
        self._results = folders.results if folders is not None else KeptResults()
        # by the evaluation's id, why its result files are not shown
        self._without_files: dict[str, str] = {}
        self._left_out: list[str] = []
        self._reports: weakref.WeakKeyDictionary[EvalResult, Report] = weakref.WeakKeyDictionary()
        # ids of evaluations that were read ahead
        self._tried: set[str] = set()
        self.title = history.described

    @classmethod
    def open(cls, where: str | os.PathLike[str], pipeline: str | None = None) -> Source:
        """Opens what holds runs.

        Args:
            where: A result directory, a folder with such below, a pattern of folders, or a store
                of ML Metadata, as `History.open` takes it.
            pipeline: Only of the pipeline of this name.

        Raises:
            ConfigError: There is no such store or pipeline.
            DataError: There is no result in the folder.
        """
        path = os.fspath(where)
        if not folder_source.are_folders(path):
            database = _sqlite_file(path)
            stamp = _stamp_of_sqlite(database)
            history = History.open(path, pipeline)
            known = History.open(path).pipelines if pipeline and not len(history) else []
            _check_pipeline(pipeline, history, known)
            return cls(history, None, database, stamp)
        folder_source.find_results(path)  # tells where there are none
        folders = ServedFolders(path, pipeline)
        history = History(folders, described=folders.title)
        _check_pipeline(pipeline, history, folders.pipelines)
        return cls(history, folders)

    def __len__(self) -> int:
        return len(self._history)

    def report(self) -> Report:
        """All runs there are by now, and the values of the newest.

        What cannot be read is left out, and the report says so.
        """
        self._refresh()
        try:
            report = contract.report_of_runs(self._history, title=self.title, run=self._run)
        except ConfigError:
            raise
        except MicrotomeError:
            self._leave_out(self._history.evaluations[-1:])
            report = contract.report_of_runs(self._history, title=self.title, run=self._run)
        # a run has its attributions in it
        report["on_demand"] = [part for part in report["on_demand"] if part != "attributions"]
        last = self._history.evaluations[-1:]
        return self._noted(report, last, [*self._left_out, *self._folder_notes()])

    def run(self, run: str) -> Report:
        """A run with every slice.

        Args:
            run: Its id, as the report names it.

        Raises:
            ConfigError: There is no such run.
            OutputError: Its result files are damaged, and nothing of it is tracked.
        """
        one = self._find(run)
        return self._noted(self._run(run), [one])

    def plots(self, run: str, slice_name: str) -> Report:
        """The plots of a slice.

        Args:
            run: The run's id.
            slice_name: The slice, as the report names it.

        Raises:
            ConfigError: There is no such run.
        """
        one = self._find(run)
        report = contract.report_of_plots(self._history, run, slice_name, self._load)
        return self._noted(report, [one])

    def series(self, slices: Sequence[str], metrics: Sequence[str] | None = None) -> Report:
        """Some slices in all runs, of what is tracked.

        Args:
            slices: Their names, as the report has them.
            metrics: Ids of metrics; by default all.
        """
        evaluations, notes, is_more_to_come = self._readable()
        history = History(lambda: evaluations, described=self.title)
        report = contract.report_of_series(history, slices, metrics)
        shown = set(report["slices"]["name"])
        missing = [
            {"slice": name, "why": _NOT_IN_SERIES}
            for name in dict.fromkeys(slices)
            if name not in shown and not is_more_to_come
        ]
        report["omitted"] = [*report.get("omitted", []), *missing]
        return self._noted(report, (), notes)

    def _run(self, run: str) -> Report:
        """The report of a run, which is kept as long as its result is."""
        one, _ = contract.find_run(self._history, run)
        result = self._load(one)
        report = self._reports.get(result) if result else None
        if report is None:
            report = contract.report_of_run(self._history, run, lambda _: result)
            if result is not None:
                self._reports[result] = report
        return dict(report)

    def read_ahead(self) -> bool:
        """Reads one more run that a series waits for; whether there was one."""
        for one in reversed(self._history.evaluations):
            if not _is_read(one) and one.id not in self._tried:
                # what is damaged is told when it is asked for
                self._tried.add(one.id)
                _damage(one)
                return True
        return False

    def attributions(self, run: str) -> Report:
        """The run, with the attributions that its result files have; see `run`."""
        return self.run(run)

    def _find(self, run: str) -> Evaluation:
        try:
            return contract.find_run(self._history, run)[0]
        except ConfigError:
            # it may have come since
            self._refresh()
            return contract.find_run(self._history, run)[0]

    def _refresh(self) -> None:
        """Looks for new runs, if there may be some. If that fails, those that are known stay."""
        stamp = self._history_stamp()
        if stamp is not None and stamp == self._stamp:
            return
        if stamp is None and time.monotonic() - self._read_at < _PATIENCE_SECONDS:
            return
        known = [one.id for one in self._history.evaluations]
        try:
            self._history.refresh()
        except Exception as error:  # ml_metadata's errors have no common class
            _LOG.warning("No new runs are shown: %s cannot be read: %s", self.title, error)
            self._left_out = [f"New runs, if any: {self.title} cannot be read now."]
            return
        self._left_out = []
        self._tried.clear()
        if known != [one.id for one in self._history.evaluations]:
            # runs are named so that they can be told apart
            self._reports.clear()
        self._stamp = stamp
        self._read_at = time.monotonic()

    def _history_stamp(self) -> Stamp | None:
        """Something that differs when there may be new runs; None where only asking tells."""
        if self._folders is not None:
            return self._folders.stamp()
        return _stamp_of_sqlite(self._database)

    def _load(self, one: Evaluation) -> EvalResult | None:
        """The result of an evaluation, if its files can be read here."""
        path = one.id if self._folders else one.provenance.evaluation_uri
        try:
            _check_result(path)
            load = self._folders.load if self._folders else _load_alone
            result = self._results.get(path, load)
        except (MicrotomeError, OSError, ValueError) as error:
            self._without_files[one.id] = str(error)
            return None
        self._without_files.pop(one.id, None)
        return result

    def _leave_out(self, evaluations: Sequence[Evaluation]) -> None:
        """Takes the damaged of these evaluations, and of all tracked ones, off the list."""
        chosen = {one.id for one in evaluations}
        damaged = {}
        for one in self._history.evaluations:
            if one.id in chosen or one.packed:
                why = _damage(one)
                if why:
                    damaged[one.id] = f"Run {one.run} is not shown: {why}"
        self._left_out += damaged.values()
        self._history.evaluations = [
            one for one in self._history.evaluations if one.id not in damaged
        ]

    def _readable(self) -> tuple[list[Evaluation], list[str], bool]:
        """All evaluations, what is to be said of them, and whether some wait to be read.

        Those that were not tracked are read from all of their result files, which takes time, and
        kept. Those that wait, and damaged ones, are without numbers.
        """
        found: list[Evaluation] = []
        notes = []
        deadline = time.monotonic() + _READING_SECONDS
        waiting = 0
        for one in reversed(self._history.evaluations):
            if _is_read(one) or time.monotonic() < deadline:
                why = _damage(one)
                notes += [f"Run {one.run} is not shown: {why}"] if why else []
            else:
                waiting += 1
                why = "later"
            found.append(_without_numbers(one) if why else one)
        if waiting:
            runs = "1 earlier run is" if waiting == 1 else f"{waiting:,} earlier runs are"
            notes.append(f"{runs} being read. Ask again for more of them.")
        return found[::-1], notes, waiting > 0

    def _folder_notes(self) -> list[str]:
        return self._folders.left_out if self._folders else []

    def _noted(
        self, report: Report, shown: Sequence[Evaluation], notes: Sequence[str] = ()
    ) -> Report:
        """The report, which says too what is not in it."""
        why = [
            f"Run {one.run} is shown with what is tracked of it: {self._without_files[one.id]}"
            for one in shown
            if one.id in self._without_files
        ]
        told = [{"slice": "", "why": clean(text)} for text in (*why, *notes)]
        omitted = [*report.pop("omitted", []), *told]
        return {**report, **({"omitted": omitted} if omitted else {})}


def _load_alone(path: str) -> EvalResult:
    """The result that a store names; nothing outside of its folder is read."""
    if not files.is_remote(path):
        path = files.normalized(path)
        check_inside(path, os.path.realpath(path))
    return load_eval_result(path)


def _check_result(path: str) -> None:
    if not path:
        raise ConfigError("it is not recorded where its result files are.")
    found = files.list_names(path)
    if not found or not names.is_result(found):
        raise ConfigError(f"{path}, where its result files were, has none here.")


def _check_pipeline(pipeline: str | None, history: History, known: Sequence[str]) -> None:
    known = [name for name in known if name]
    if pipeline is not None and not len(history) and known:
        raise ConfigError(
            f"There is no pipeline {pipeline!r}{nearest(pipeline, known)}; there is: "
            f"{', '.join(known)}."
        )


def _is_read(one: Evaluation) -> bool:
    """Whether its numbers are at hand, without a look into result files."""
    return bool(one.packed) or "block" in vars(one)


def _damage(one: Evaluation) -> str:
    """Why the numbers of an evaluation cannot be read; empty if they can."""
    try:
        len(one.block.slices)
    except MicrotomeError as error:
        return str(error)
    return ""


def _without_numbers(one: Evaluation) -> Evaluation:
    told = {field.name: getattr(one, field.name) for field in dataclasses.fields(Evaluation)}
    return Evaluation(**{**told, "packed": pack(make_block(()))})


def _sqlite_file(where: str) -> str | None:
    location = parse_location(where)
    return location.path if location.scheme == "sqlite" else None


def _stamp_of_sqlite(path: str | None) -> Stamp | None:
    if path is None:
        return None
    # its newest pages may stand in files beside it
    return tuple(_stamp_of_file(path + suffix) for suffix in ("", "-wal", "-journal"))


def _stamp_of_file(path: str) -> tuple[int, int, int]:
    try:
        told = os.stat(path)
    except OSError:
        return 0, 0, 0
    return told.st_ino, told.st_mtime_ns, told.st_size
