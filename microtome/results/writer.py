"""Writes the result of an evaluation: all of it or nothing.

Synopsis:

    check_output_path(path)                      # before the work starts
    with ResultsWriter(path) as writer:
        writer.add_metrics(metrics_for_slice(key, values) for key, values in slices)
        writer.finish(EvalRun(eval_config=config), {"rows": 336776})
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, BinaryIO, Protocol, TypeVar

import numpy as np
from google.protobuf import json_format
from google.protobuf.message import Message

from microtome import strict_proto
from microtome.config import OWN_FIELDS
from microtome.errors import OutputError
from microtome.proto import config_pb2, result_pb2
from microtome.results import names, tfrecord
from microtome.results.blocks import MetricsBlock
from microtome.results.output import Staging, explained
from microtome.results.records import size_of
from microtome.results.table import MetricsTable
from microtome.results.verdict import Verdict
from microtome.results.verdict import to_text as verdict_text
from microtome.version import __version__

M = TypeVar("M", bound=Message)

_LOG = logging.getLogger(__name__)


class Reporter(Protocol):
    """Makes the page for people, `report.html`, of what is written."""

    def add(self, data: bytes, size: float) -> None:
        """Takes note of a slice's serialized record, and of by how much the slice matters."""

    def page(
        self, eval_run: config_pb2.EvalRun, run_info: dict[str, Any], verdict: Verdict | None
    ) -> str:
        """The page, once all slices were added."""


class Judge(Protocol):
    """Comes to a verdict on what is written."""

    @property
    def has_rules(self) -> bool:
        """Whether there are thresholds."""

    def add(self, records: Iterable[result_pb2.MetricsForSlice | bytes]) -> None:
        """Takes the records of slices."""

    def verdict(self) -> Verdict:
        """The verdict, once all slices were added."""

    def validation_result(self) -> result_pb2.ValidationResult:
        """The same in TFMA's form."""


class ResultsWriter:
    """Streams records to files that appear at the output path when all is done.

    Nothing is at the path before `finish`, nor if the block is left by an exception. Memory does
    not grow with the number of slices.
    """

    def __init__(
        self,
        output_path: str | os.PathLike[str],
        reporter: Reporter | None = None,
        judge: Judge | None = None,
    ):
        """Prepares a writer; files are made on entering its block.

        Args:
            output_path: A directory that is missing, is empty or holds an older result. Local, or
                on a file system of Apache Beam's (`gs://…`), where the files are copied one by one
                at the end, the config last.
            reporter: Makes the page for people; by default there is none. A page that cannot be
                made is told in the log, and the result is written without it.
            judge: Comes to the verdict; by default there is none.
        """
        self._output_path = output_path
        self._reporter = reporter
        self._judge = judge
        self._open = contextlib.ExitStack()
        self._finished = False
        self._slices = 0

    def __enter__(self) -> ResultsWriter:
        """Makes the files.

        Raises:
            OutputError: The path cannot be written, or holds other files.
        """
        self._staging = Staging(self._output_path)
        self._open.callback(self._staging.discard)
        self._files: dict[str, BinaryIO] = {}
        try:
            with explained(self._output_path):
                self._file(names.METRICS)
                # TFMA's readers look for it, even if there are none.
                self._file(names.PLOTS)
                self._table = MetricsTable(self._path(names.METRICS_TABLE))
                self._open.callback(self._table.discard)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()
        if kind is None and not self._finished:
            raise OutputError(
                f"Nothing was written to {self._output_path}: `finish` was not called."
            )

    def add_metrics(self, records: Iterable[result_pb2.MetricsForSlice | bytes]) -> None:
        """Adds slices, one record each, as messages or serialized."""
        file = self._file(names.METRICS)
        for record in records:
            data, message = _both_forms(record, result_pb2.MetricsForSlice)
            with explained(self._output_path):
                tfrecord.write_record(file, data)
                self._table.add(message)
            self._slices += 1
            self._judge_slices([message])
            self._report([data], [size_of(message)])

    def add_block(self, block: MetricsBlock) -> None:
        """Adds the slices of a block; where all metrics are numbers, far faster than one by one."""
        self.add_plots(block.serialized_plots())
        if not block.has_numbers_alone:
            self.add_metrics(block.serialized())
            return
        file = self._file(names.METRICS)
        records = block.serialized()
        with explained(self._output_path):
            for data in records:
                tfrecord.write_record(file, data)
            self._table.add_block(block)
        self._slices += len(block)
        self._judge_slices(records)
        self._report(records, block.sizes())

    def add_plots(self, records: Iterable[result_pb2.PlotsForSlice | bytes]) -> None:
        """Adds the plots of slices, one record each."""
        self._add(names.PLOTS, records)

    def add_attributions(self, records: Iterable[result_pb2.AttributionsForSlice | bytes]) -> None:
        """Adds the attributions of slices, one record each."""
        self._add(names.ATTRIBUTIONS, records)

    def finish(
        self, eval_run: config_pb2.EvalRun, run_info: Mapping[str, Any] | None = None
    ) -> None:
        """Puts the result at the output path.

        Args:
            eval_run: What was evaluated. Its version is Microtome's unless it is set.
            run_info: What else is to be told of the run, for `run.json`: values of JSON, with
                numpy's numbers and arrays. Microtome's version, the whole config and the number of
                slices are added.

        Raises:
            OutputError: The files cannot be put there.
        """
        with explained(self._output_path):
            self._write_verdict()
            for file in self._files.values():
                file.close()
            self._table.close()
            self._write(names.EVAL_CONFIG, json_format.MessageToJson(_readable_by_tfma(eval_run)))
            self._write(names.RUN_INFO, self._run_info(eval_run, run_info or {}))
            self._write_page(eval_run, run_info or {})
            self._staging.publish()
        self._finished = True

    def _close(self) -> None:
        # closing writes what is buffered, which a full disk refuses again: that is told already
        with contextlib.suppress(OSError):
            self._open.close()

    def _judge_slices(self, records: Iterable[result_pb2.MetricsForSlice | bytes]) -> None:
        if self._judge is not None:
            self._judge.add(records)

    def _write_verdict(self) -> None:
        if self._judge is None:
            return
        self._write(names.VERDICT, verdict_text(self._judge.verdict()))
        if self._judge.has_rules:
            self._add(names.VALIDATIONS, [self._judge.validation_result()])

    def _report(self, records: Sequence[bytes], sizes: Sequence[float]) -> None:
        try:
            if self._reporter is not None:
                for data, size in zip(records, sizes, strict=True):
                    self._reporter.add(data, size)
        except Exception:
            self._give_up_page()

    def _write_page(self, eval_run: config_pb2.EvalRun, run_info: Mapping[str, Any]) -> None:
        if self._reporter is None:
            return
        path = self._path(names.REPORT)
        try:
            told = _jsonable(self._told(eval_run, run_info))
            verdict = None if self._judge is None else self._judge.verdict()
            page = self._reporter.page(eval_run, told, verdict)
            self._write(names.REPORT, page)
        except Exception:
            self._give_up_page()
            # a part of a page, where the disk is full
            with contextlib.suppress(OSError):
                os.remove(path)

    def _give_up_page(self) -> None:
        """The result is worth more than its picture."""
        self._reporter = None
        _LOG.warning(
            "%s is written without %s: it could not be made.",
            self._output_path,
            names.REPORT,
            exc_info=True,
        )

    def _run_info(self, eval_run: config_pb2.EvalRun, run_info: Mapping[str, Any]) -> str:
        return json.dumps(_jsonable(self._told(eval_run, run_info)), indent=2, allow_nan=False)

    def _told(self, eval_run: config_pb2.EvalRun, run_info: Mapping[str, Any]) -> dict[str, Any]:
        own = {
            "microtome_version": __version__,
            "slices": self._slices,
            # With the fields that eval_config.json must do without.
            "eval_config": json_format.MessageToDict(eval_run.eval_config),
        }
        return {**own, **run_info}

    def _add(self, kind: str, records: Iterable[Message | bytes]) -> None:
        file = self._file(kind)
        for record in records:
            data = record if isinstance(record, bytes) else record.SerializeToString()
            with explained(self._output_path):
                tfrecord.write_record(file, data)

    def _file(self, kind: str) -> BinaryIO:
        if kind not in self._files:
            file = open(self._path(names.record_file(kind)), "wb")  # noqa: SIM115
            self._files[kind] = self._open.enter_context(file)
        return self._files[kind]

    def _path(self, name: str) -> str:
        return os.path.join(self._staging.directory, name)

    def _write(self, name: str, text: str) -> None:
        with open(self._path(name), "w", encoding="utf-8") as file:
            file.write(text)


def _both_forms(record: M | bytes, message_class: type[M]) -> tuple[bytes, M]:
    if isinstance(record, bytes):
        return record, message_class.FromString(record)
    return record.SerializeToString(), record


def _readable_by_tfma(eval_run: config_pb2.EvalRun) -> config_pb2.EvalRun:
    """A copy without the fields that TFMA's strict parser does not know."""
    copy = strict_proto.without_fields_from(eval_run, OWN_FIELDS)
    for spec, original in zip(
        copy.eval_config.slicing_specs, eval_run.eval_config.slicing_specs, strict=True
    ):
        # A feature in buckets still slices.
        missing = sorted(set(original.buckets).difference(spec.feature_keys))
        spec.feature_keys.extend(missing)
    copy.version = copy.version or __version__
    return copy


def _jsonable(value: Any) -> Any:
    """The value as strict JSON can hold it. What a run says of itself must not make it fail."""
    if isinstance(value, Mapping):
        return {str(name): _jsonable(item) for name, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _jsonable(value.tolist())
    if isinstance(value, Message):
        return json_format.MessageToDict(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)
