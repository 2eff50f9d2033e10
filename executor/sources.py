"""Reading examples: files to batches of records."""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import apache_beam as beam
import numpy as np
from apache_beam.io.filesystems import FileSystems

from microtome.errors import ConfigError, DataError, RefusedExampleError
from microtome.executor import damage, progress

FILE_FORMATS = (damage.TFRECORDS, damage.TEXT)
DEFAULT_BATCH_ROWS = 8192
MAX_BATCH_BYTES = 32 << 20
_PEEK = 64


def expand_patterns(patterns: Sequence[str]) -> dict[str, int]:
    """The files that any of the patterns matches, sorted, and the bytes of each.

    Raises:
        DataError: a pattern matches nothing, or a directory.
    """
    if not patterns:
        raise DataError("No data: no file and no pattern of files is given.")
    files: dict[str, int] = {}
    for pattern, match in zip(patterns, _matches(patterns), strict=True):
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
        known = " or ".join(repr(name) for name in FILE_FORMATS)
        raise ConfigError(f"The file_format {file_format!r} is not known; it can be {known}.")


def first_batches(files: Sequence[str], file_format: str, count: int) -> list[Batch]:
    """The first records of the files, `count` at most, in one batch a file.

    Raises:
        DataError: a file cannot be read, or there are no records at all.
    """
    batches: list[Batch] = []
    for file in files:
        batch = next(read_batches(file, file_format, count), None)
        if batch is None:
            continue
        batches.append(Batch(batch.records[:count], file))
        count -= len(batches[-1].records)
        if count == 0:
            break
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
        records: object array `[n]` of bytes.
        source: name of the file; empty where the records came from elsewhere.
        first: number of the first record in the source.
        num_bytes: of all records, where they were read from a file.
        read_seconds: what it took to read them.
    """

    __slots__ = ("first", "num_bytes", "read_seconds", "records", "source")

    def __init__(
        self,
        records: np.ndarray,
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
        return Batch, (self.records, self.source, *numbers)

    def named(self, number: int) -> str:
        """Words for the example of this number in the batch."""
        if self.source:
            return f"Example {self.first + number} of {self.source!r}"
        record = bytes(self.records[number])
        return f"An example of the data (its {len(record)} bytes begin {record[:40]!r})"


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
    """Says where in the data an example of the batches stands that the model refuses.

    Raises:
        DataError: in place of a RefusedExampleError, whose number counts through all batches.
    """
    try:
        yield
    except RefusedExampleError as error:
        number = error.number
        for batch in batches:
            if number < len(batch.records):
                raise DataError(error.placed(batch.named(number))) from error
            number -= len(batch.records)
        raise


def read_batches(
    file: str, file_format: str, rows: int = DEFAULT_BATCH_ROWS, max_bytes: int = MAX_BATCH_BYTES
) -> Iterator[Batch]:
    """Reads a file in batches bounded in rows and in bytes.

    Raises:
        DataError: the file is not of the format, or is cut off.
    """
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


# records as an object array, and the bytes of all of them
_Sized = tuple[np.ndarray, int]


def _timed(arrays: Iterator[_Sized]) -> Iterator[tuple[_Sized, float]]:
    """Each array, with the seconds that it took."""
    while True:
        start = time.perf_counter()
        array = next(arrays, None)
        if array is None:
            return
        yield array, time.perf_counter() - start


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
    """

    def __init__(self, file_format: str, rows: int = DEFAULT_BATCH_ROWS, progress_token: str = ""):
        self._file_format = file_format
        self._rows = rows
        self._progress_token = progress_token

    def process(self, file: str) -> Iterator[Batch]:
        batches = read_batches(file, self._file_format, self._rows)
        shown = progress.of(self._progress_token)
        if shown is None:
            yield from batches
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
    """Gathers the records of a bundle into batches, bounded in rows and in bytes."""

    def __init__(self, rows: int = DEFAULT_BATCH_ROWS, max_bytes: int = MAX_BATCH_BYTES):
        self._rows = rows
        self._max_bytes = max_bytes

    def start_bundle(self) -> None:
        self._records: list[bytes] = []
        self._bytes = 0

    def process(self, record: bytes) -> Iterable[Batch]:
        if not isinstance(record, bytes):
            raise DataError(
                f"An example is a {type(record).__name__}; serialized examples (bytes) are "
                "expected."
            )
        self._records.append(record)
        self._bytes += len(record)
        if len(self._records) >= self._rows or self._bytes >= self._max_bytes:
            yield self._flush()

    def finish_bundle(self) -> Iterable[Any]:
        if self._records:
            yield beam.transforms.window.GlobalWindows.windowed_value(self._flush())

    def _flush(self) -> Batch:
        array = np.empty(len(self._records), object)
        array[:] = self._records
        self.start_bundle()
        return Batch(array)
