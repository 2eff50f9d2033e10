"""Reading examples: files to batches of records."""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from microtome.errors import ConfigError, DataError, MetricError, RefusedExampleError
from microtome.executor import column_files, damage, progress
from microtome.frames.dataframe import batch_of_dicts
from microtome.messages import nearest

FILE_FORMATS = (damage.TFRECORDS, damage.TEXT, *damage.COLUMN_FORMATS)
DEFAULT_BATCH_ROWS = 8192
MAX_BATCH_BYTES = 32 << 20
_PEEK = 64
_SHOWN_ROW = 200


def expand_patterns(patterns: Sequence[str]) -> dict[str, int]:
    """The files that any of the patterns matches, sorted, and the bytes of each.

    Raises:
        DataError: a pattern matches nothing, or a directory.
    """
    if not patterns:
        raise DataError("No data: no file and no pattern of files is given.")
    files: dict[str, int] = {}
    # Beam finds nothing by a bare name that is a pattern
    placed = [os.path.join(os.curdir, name) if _is_bare(name) else name for name in patterns]
    for pattern, match in zip(patterns, _matches(placed), strict=True):
        found = {metadata.path: metadata.size_in_bytes for metadata in match.metadata_list}
        if not found:
            raise DataError(
                f"No data: no file matches {pattern!r}{_neighbours(pattern)}. Name files or a "
                "pattern such as '/data/eval-*.tfrecord.gz'."
            )
        directory = next((path for path in found if os.path.isdir(path)), None)
        if directory is not None:
            raise DataError(
                f"The data {directory!r} is a directory. Name the files in it, such as "
                f"{os.path.join(directory, '*')!r}."
            )
        files.update(found)
    return dict(sorted(files.items()))


def _is_bare(pattern: str) -> bool:
    return "://" not in pattern and not os.path.dirname(pattern)


def _matches(patterns: Sequence[str]) -> list[Any]:
    try:
        return list(FileSystems.match(list(patterns)))
    except (OSError, ValueError, beam.io.filesystem.BeamIOError) as error:
        raise DataError(f"The data {', '.join(patterns)!r} cannot be looked up: {error}") from error


def _neighbours(pattern: str) -> str:
    directory = os.path.dirname(pattern) or "."
    if not os.path.isdir(directory):
        return f" (there is no directory {directory!r})" if "://" not in pattern else ""
    names = sorted(os.listdir(directory))
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return f" (in {directory!r} there is: {shown or 'nothing'})"


def check_file_format(file_format: str) -> None:
    """Checks the name of a file format.

    Raises:
        ConfigError: it is not known.
    """
    if file_format not in FILE_FORMATS:
        *others, last = map(repr, FILE_FORMATS)
        known = f"{', '.join(others)} or {last}"
        raise ConfigError(
            f"The file_format {file_format!r} is not known{nearest(file_format, FILE_FORMATS)}; it "
            f"can be {known}."
        )


def first_batches(
    files: Sequence[str],
    file_format: str,
    count: int,
    columns: Sequence[str] | None = None,
    types: pa.Schema | None = None,
) -> list[Batch]:
    """The first records of the files, `count` at most, in one batch a file or, of columns, several.

    Args:
        columns: of files of columns those that are wanted; None for all.
        types: of the columns of CSV files.

    Raises:
        ConfigError: a file lacks one of the columns.
        DataError: a file cannot be read, or there are no records at all.
    """
    batches: list[Batch] = []
    # columns come in the parts that their file is written in
    parts = None if file_format in damage.COLUMN_FORMATS else 1
    for file in files:
        for batch in itertools.islice(
            read_batches(file, file_format, count, columns=columns, types=types), parts
        ):
            batches.append(Batch(batch.records[:count], file, batch.first))
            count -= len(batches[-1].records)
            if count == 0:
                return batches
    if not batches:
        raise DataError(
            f"No examples: {_described(files)} without a record, so there is nothing to evaluate."
        )
    return batches


def _described(files: Sequence[str]) -> str:
    if len(files) == 1:
        return f"the file {files[0]!r} is"
    return f"the {len(files)} files {files[0]!r} to {files[-1]!r} are"


class Batch:
    """Consecutive records of one source.

    Attributes:
        records: object array `[n]` of bytes, or a RecordBatch of n rows.
        source: name of the file; empty where the records came from elsewhere.
        first: number of the first record in the source.
        num_bytes: of all records, where they were read from a file: as they stand in memory.
        read_seconds: what it took to read them.
    """

    __slots__ = ("first", "num_bytes", "read_seconds", "records", "source")

    def __init__(
        self,
        records: np.ndarray | pa.RecordBatch,
        source: str = "",
        first: int = 0,
        num_bytes: int = 0,
        read_seconds: float = 0.0,
    ):
        self.records = records
        self.source = source
        self.first = first
        self.num_bytes = num_bytes
        self.read_seconds = read_seconds

    def __reduce__(self) -> tuple[Any, ...]:
        numbers = self.first, self.num_bytes, self.read_seconds
        if isinstance(self.records, pa.RecordBatch):
            # a part of a batch would be pickled with the whole
            return _unpickled_columns, (_to_stream(self.records), self.source, *numbers)
        return Batch, (self.records, self.source, *numbers)

    def named(self, number: int) -> str:
        """Words for the example of this number in the batch."""
        if self.source:
            return f"Example {self.first + number} of {self.source!r}"
        return f"An example of the data ({self._shown(number)})"

    def named_rows(self) -> str:
        """Words for all examples of the batch."""
        count = len(self.records)
        if self.source:
            return f"rows {self.first} to {self.first + count - 1} of {self.source!r}"
        return f"{count} rows, the first of them ({self._shown(0)})" if count else "no rows"

    def _shown(self, number: int) -> str:
        if isinstance(self.records, pa.RecordBatch):
            return _shown(self.records.slice(number, 1).to_pylist()[0])
        record = self.records[number]
        if isinstance(record, Mapping):
            return _shown(record)
        return f"its {len(record)} bytes begin {bytes(record)[:40]!r}"


def _shown(row: Mapping[str, Any]) -> str:
    shown = ", ".join(f"{name!r}: {value!r}" for name, value in row.items())
    return f"{{{shown[:_SHOWN_ROW]}{'...' if len(shown) > _SHOWN_ROW else ''}}}"


def _to_stream(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return cast(bytes, sink.getvalue().to_pybytes())


def _unpickled_columns(stream: bytes, *rest: Any) -> Batch:
    with pa.ipc.open_stream(stream) as reader:
        return Batch(reader.read_next_batch(), *rest)


class _BatchCoder(beam.coders.Coder):
    """Pickles, but does not to tell a size: Beam asks for that of some elements on their way."""

    def encode(self, value: Batch) -> bytes:
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    def decode(self, encoded: bytes) -> Batch:
        return cast(Batch, pickle.loads(encoded))

    def estimate_size(self, value: Batch) -> int:
        return value.num_bytes

    def is_deterministic(self) -> bool:
        return False

    def to_type_hint(self) -> type:
        return Batch


beam.coders.registry.register_coder(Batch, _BatchCoder)


@contextlib.contextmanager
def placing_refusals(batches: Sequence[Batch]) -> Iterator[None]:
    """Says where in the data stands what the model refuses or a metric cannot be computed from.

    Raises:
        DataError: in place of a RefusedExampleError, whose number counts through all batches, and
            of a MetricError, which is of all of them.
    """
    try:
        yield
    except MetricError as error:
        rows = ", ".join(batch.named_rows() for batch in batches)
        raise DataError(error.placed(rows)) from error
    except RefusedExampleError as error:
        number = error.number
        for batch in batches:
            if number < len(batch.records):
                raise DataError(error.placed(batch.named(number))) from error
            number -= len(batch.records)
        raise


def read_batches(
    file: str,
    file_format: str,
    rows: int = DEFAULT_BATCH_ROWS,
    max_bytes: int = MAX_BATCH_BYTES,
    columns: Sequence[str] | None = None,
    types: pa.Schema | None = None,
) -> Iterator[Batch]:
    """Reads a file in batches bounded in rows and in bytes.

    Args:
        columns: of files of columns those that are wanted; None for all.
        types: of the columns of CSV files.

    Raises:
        ConfigError: the file lacks one of the columns.
        DataError: the file is not of the format, or is cut off.
    """
    if file_format in damage.COLUMN_FORMATS:
        return _column_batches(file, file_format, rows, max_bytes, columns, types)
    return _record_batches(file, file_format, rows, max_bytes)


def _column_batches(
    file: str,
    file_format: str,
    rows: int,
    max_bytes: int,
    columns: Sequence[str] | None,
    types: pa.Schema | None,
) -> Iterator[Batch]:
    number = 0
    parts = column_files.read_columns(file, file_format, rows, max_bytes, columns, types)
    for records, seconds in _timed(parts):
        yield Batch(records, file, number, records.nbytes, seconds)
        number += len(records)


def _record_batches(file: str, file_format: str, rows: int, max_bytes: int) -> Iterator[Batch]:
    import tensorflow as tf

    from microtome.model.op_errors import op_error_text

    number = num_bytes = 0
    arrays = _tfrecord_arrays if file_format == damage.TFRECORDS else _text_arrays
    try:
        damage.check_form(file, file_format)
        for (array, size), seconds in _timed(arrays(file, rows, max_bytes)):
            for records in [array] if size <= max_bytes else _bounded(array, max_bytes):
                share = len(records) / len(array)
                yield Batch(records, file, number, round(size * share), seconds * share)
                number += len(records)
            num_bytes += size
        damage.check_complete(file, file_format, number, num_bytes)
    except tf.errors.DataLossError as error:
        readable = _count_readable(arrays(file, 1, 1))
        raise DataError(damage.described(file, file_format, readable)) from error
    except tf.errors.OpError as error:
        raise DataError(f"The data file {file!r} cannot be read: {op_error_text(error)}") from error


_T = TypeVar("_T")
# records as an object array, and the bytes of all of them
_Sized = tuple[np.ndarray, int]


def _timed(parts: Iterator[_T]) -> Iterator[tuple[_T, float]]:
    """Each part, with the seconds that it took."""
    while True:
        start = time.perf_counter()
        part = next(parts, None)
        if part is None:
            return
        yield part, time.perf_counter() - start


def _tfrecord_arrays(file: str, rows: int, max_bytes: int) -> Iterator[_Sized]:
    import tensorflow as tf

    from microtome.model.loading import without_deprecation_warnings

    options = tf.io.TFRecordOptions(damage.compression_of(file))
    with without_deprecation_warnings():
        # a third of the time that a TFRecordDataset takes
        iterator = tf.compat.v1.io.tf_record_iterator(file, options)
    records = list(itertools.islice(iterator, min(rows, _PEEK)))
    size = _batch_size(records, rows, max_bytes)
    while records:
        records.extend(itertools.islice(iterator, max(0, size - len(records))))
        array = np.empty(len(records), object)
        array[:] = records
        # of the list: to go through an array of objects takes twice as long
        yield array, sum(map(len, records))
        records = list(itertools.islice(iterator, size))


def _text_arrays(file: str, rows: int, max_bytes: int) -> Iterator[_Sized]:
    import tensorflow as tf

    dataset = tf.data.TextLineDataset(file, compression_type=damage.compression_of(file))
    peeked = next(dataset.batch(min(rows, _PEEK)).take(1).as_numpy_iterator(), ())
    batches = dataset.batch(_batch_size(peeked, rows, max_bytes)).prefetch(2)
    for array in batches.as_numpy_iterator():
        yield array, sum(map(len, array.tolist()))


def _batch_size(first: Sequence[bytes], rows: int, max_bytes: int) -> int:
    """A number of records that, of the size of the first ones, take no more than `max_bytes`."""
    mean = max(1, sum(map(len, first)) // max(1, len(first)))
    return max(1, min(rows, max_bytes // mean))


def _count_readable(arrays: Iterator[_Sized]) -> int:
    import tensorflow as tf

    count = 0
    try:
        for array, _ in arrays:
            count += len(array)
    except tf.errors.OpError:
        pass
    return count


def _bounded(records: np.ndarray, max_bytes: int) -> list[np.ndarray]:
    sizes = np.fromiter(map(len, records), np.int64, len(records))
    return np.split(records, np.flatnonzero(np.diff(sizes.cumsum() // max_bytes)) + 1)


@beam.typehints.with_output_types(Batch)
class ReadFiles(beam.DoFn):
    """Reads the batches of each file named.

    Args:
        file_format: one of FILE_FORMATS.
        rows: most rows a batch.
        progress_token: names the progress to tell, where this is the process that shows it.
        columns: of files of columns those that are wanted; None for all.
        types: of the columns of CSV files.
    """

    def __init__(
        self,
        file_format: str,
        rows: int = DEFAULT_BATCH_ROWS,
        progress_token: str = "",
        columns: Sequence[str] | None = None,
        types: pa.Schema | None = None,
    ):
        self._types = types
        self._file_format = file_format
        self._rows = rows
        self._progress_token = progress_token
        self._columns = columns

    def process(self, file: str) -> Iterator[Batch]:
        batches = read_batches(
            file, self._file_format, self._rows, columns=self._columns, types=self._types
        )
        shown = progress.of(self._progress_token)
        if shown is None:
            yield from batches
            return
        if self._file_format in damage.COLUMN_FORMATS:
            # columns take other bytes in memory than in their file
            yield from batches
            shown.read(column_files.size_of(file))
            return
        is_compressed = bool(damage.compression_of(file))
        for batch in batches:
            if not is_compressed:
                frames = damage.FRAME_BYTES[self._file_format] * len(batch.records)
                shown.read(batch.num_bytes + frames)
            yield batch
        if is_compressed:
            shown.read(damage.file_size(file))


@beam.typehints.with_output_types(Batch)
class BatchRecords(beam.DoFn):
    """Gathers the records of a bundle into batches, bounded in rows and in bytes.

    Records are serialized examples (bytes), or rows as dicts, or rows as RecordBatches; all are of
    one kind. RecordBatches are not joined.
    """

    def __init__(self, rows: int = DEFAULT_BATCH_ROWS, max_bytes: int = MAX_BATCH_BYTES):
        self._rows = rows
        self._max_bytes = max_bytes

    def start_bundle(self) -> None:
        self._kind: str = ""
        self._forget()

    def _forget(self) -> None:
        self._records: list[Any] = []
        self._bytes = 0

    def process(self, record: Any) -> Iterable[Batch]:
        self._check_kind(record)
        if isinstance(record, pa.RecordBatch):
            yield from self._parts(record)
            return
        self._records.append(record)
        if isinstance(record, bytes):
            self._bytes += len(record)
        if len(self._records) >= self._rows or self._bytes >= self._max_bytes:
            yield from self._flush()

    def finish_bundle(self) -> Iterable[Any]:
        if self._records:
            for batch in self._flush():
                yield beam.transforms.window.GlobalWindows.windowed_value(batch)

    def _check_kind(self, record: Any) -> None:
        kind = next((name for name, types in _KINDS.items() if isinstance(record, types)), "")
        if not kind:
            raise DataError(
                f"An example is a {type(record).__name__}; serialized examples (bytes), dicts or "
                "RecordBatches are expected."
            )
        self._kind = self._kind or kind
        if kind != self._kind:
            raise DataError(
                f"Some of the examples are {self._kind}, others are {kind}. Give examples of one "
                "kind."
            )

    def _flush(self) -> list[Batch]:
        records = self._records
        self._forget()
        if not isinstance(records[0], bytes):
            return list(self._parts(batch_of_dicts(records)))
        array = np.empty(len(records), object)
        array[:] = records
        return [Batch(array)]

    def _parts(self, batch: pa.RecordBatch) -> Iterator[Batch]:
        for part in column_files.split(batch, self._rows, self._max_bytes):
            yield Batch(part)


_KINDS = {
    "serialized (bytes)": bytes,
    "RecordBatches": pa.RecordBatch,
    "dicts": Mapping,
}
