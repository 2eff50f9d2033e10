"""Files of columns, Parquet, Arrow and CSV, read in batches of bounded size."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from microtome.errors import ConfigError, DataError
from microtome.executor import damage
from microtome.messages import nearest_feature

_BUFFER_BYTES = 1 << 20
# the types of CSV columns are told by a block
_CSV_BLOCK_BYTES = 8 << 20
_TYPES_BLOCK_BYTES = 1 << 20
_IPC_FILE = b"ARROW1"


def read_columns(
    file: str,
    file_format: str,
    rows: int,
    max_bytes: int,
    columns: Sequence[str] | None = None,
    types: pa.Schema | None = None,
) -> Iterator[pa.RecordBatch]:
    """Reads a file, a part at a time.

    Args:
        file: its name, as Beam's file systems know it.
        file_format: one of `damage.COLUMN_FORMATS`.
        rows: most rows a batch.
        max_bytes: most bytes a batch of several rows. What is one batch in an Arrow file is read at
            once.
        columns: those that are wanted; None for all.
        types: of columns in CSV, from `csv_types`; of others the first block tells.

    Raises:
        ConfigError: the file lacks one of the columns.
        DataError: the file is not of the format, or is damaged or cut off.
    """
    readers = {
        damage.PARQUET: _parquet,
        damage.ARROW: _arrow,
        damage.CSV: functools.partial(_csv, types=types),
    }
    number = 0
    with _opened(file) as stream:
        head = stream.read(damage.HEAD_BYTES)
        if not head:
            return
        damage.check_columns_form(file, file_format, head)
        stream.seek(0)
        batches = readers[file_format](stream, file, rows, max_bytes, columns)
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                reason = " ".join(str(error).split()).rstrip(".")
                described = damage.described_columns(file, file_format, number, reason)
                raise DataError(described) from error
            if batch is None:
                return
            for part in split(batch, rows, max_bytes):
                yield part
                number += len(part)


def split(batch: pa.RecordBatch, rows: int, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """Parts of a batch, none of more rows, and of more bytes only where it is one row."""
    for start in range(0, len(batch), rows):
        yield from _halved(batch.slice(start, rows), max_bytes)


def _halved(batch: pa.RecordBatch, max_bytes: int) -> Iterator[pa.RecordBatch]:
    if len(batch) < 2 or batch.nbytes <= max_bytes:
        yield batch
        return
    middle = len(batch) // 2
    yield from _halved(batch.slice(0, middle), max_bytes)
    yield from _halved(batch.slice(middle), max_bytes)


def size_of(file: str) -> int:
    """Bytes of a file, as it is stored."""
    return int(FileSystems.get_filesystem(file).size(file))


@contextlib.contextmanager
def _opened(file: str) -> Iterator[pa.NativeFile]:
    try:
        raw = FileSystems.open(file, compression_type=CompressionTypes.UNCOMPRESSED)
    except (OSError, BeamIOError) as error:
        raise DataError(f"The data file {file!r} cannot be read: {error}") from error
    with contextlib.closing(raw), pa.PythonFile(raw, mode="r") as stream:
        yield stream


def _parquet(
    stream: Any, file: str, rows: int, max_bytes: int, columns: Sequence[str] | None
) -> Iterator[pa.RecordBatch]:
    parquet = pq.ParquetFile(stream, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    _check_columns(file, parquet.schema_arrow, columns)
    metadata = parquet.metadata
    num_bytes = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    mean = max(1, num_bytes // max(1, metadata.num_rows))
    size = max(1, min(rows, max_bytes // mean))
    yield from parquet.iter_batches(size, columns=None if columns is None else list(columns))


def _arrow(
    stream: Any, file: str, rows: int, max_bytes: int, columns: Sequence[str] | None
) -> Iterator[pa.RecordBatch]:
    is_file = stream.read(len(_IPC_FILE)) == _IPC_FILE
    stream.seek(0)
    reader = pa.ipc.open_file(stream) if is_file else pa.ipc.open_stream(stream)
    _check_columns(file, reader.schema, columns)
    batches = map(reader.get_batch, range(reader.num_record_batches)) if is_file else reader
    for batch in batches:
        # there are no checksums, and wrong offsets would lead out of the memory
        batch.validate(full=True)
        yield _chosen(batch, columns)


def csv_types(files: Sequence[str]) -> pa.Schema:
    """The types of the columns of several files, the same for all: what the first blocks tell.

    A column that is text in one file is text in all, and one without values is text. Where some
    have whole numbers, and others have fractions, all are floats.

    Raises:
        DataError: a file cannot be read.
    """
    found: dict[str, set[pa.DataType]] = {}
    for file in files:
        with _opened(file) as stream:
            reader = _csv_reader(stream, file, _TYPES_BLOCK_BYTES, None)
            for field in reader.schema if reader is not None else ():
                found.setdefault(field.name, set()).add(field.type)
    return pa.schema([(name, _common(types - {pa.null()})) for name, types in found.items()])


def _common(types: set[pa.DataType]) -> pa.DataType:
    if len(types) == 1:
        return next(iter(types))
    return pa.float64() if types == {pa.int64(), pa.float64()} else pa.string()


def _csv_reader(
    stream: Any, file: str, block_bytes: int, types: pa.Schema | None
) -> pa.csv.CSVStreamingReader | None:
    """A reader; None of a file without even a header."""
    codec = damage.CSV_CODECS.get(os.path.splitext(file)[1])
    if codec is not None:
        stream = pa.CompressedInputStream(stream, codec)
    try:
        return pa.csv.open_csv(
            stream,
            read_options=pa.csv.ReadOptions(block_size=block_bytes, use_threads=False),
            # no other word is a missing value: NA is Namibia
            convert_options=pa.csv.ConvertOptions(
                column_types=types,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV file" in str(error):
            return None
        raise


def _csv(
    stream: Any,
    file: str,
    rows: int,
    max_bytes: int,
    columns: Sequence[str] | None,
    types: pa.Schema | None,
) -> Iterator[pa.RecordBatch]:
    reader = _csv_reader(stream, file, min(_CSV_BLOCK_BYTES, max_bytes), types)
    if reader is None:
        return
    _check_columns(file, reader.schema, columns)
    for batch in reader:
        yield _chosen(batch, columns)


def _chosen(batch: pa.RecordBatch, columns: Sequence[str] | None) -> pa.RecordBatch:
    if columns is None:
        return batch
    return pa.RecordBatch.from_arrays(
        [batch.column(batch.schema.get_field_index(name)) for name in columns], names=list(columns)
    )


def _check_columns(file: str, schema: pa.Schema, columns: Sequence[str] | None) -> None:
    for name in columns or ():
        found = len(schema.get_all_field_indices(name))
        if found != 1:
            names = ", ".join(map(repr, schema.names)) or "none"
            what = "no column" if not found else f"{found} columns"
            raise ConfigError(
                f"The data file {file!r} has {what} {name!r}{nearest_feature(name, schema.names)}. "
                f"Its columns are: {names}."
            )
