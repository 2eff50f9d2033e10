"""What is wrong with a data file, told from its bytes.

TensorFlow takes a file for complete that ends within the head of a record, or within the end of a
compressed stream; those are found here.
"""

from __future__ import annotations

import os
import re
import zlib
from typing import Any

from microtome.errors import DataError

TFRECORDS, TEXT = "tfrecords", "text"
PARQUET, ARROW, CSV = COLUMN_FORMATS = "parquet", "arrow", "csv"
_COMPRESSION = {".gz": "GZIP", ".zlib": "ZLIB"}
# of compressed CSV files, as Arrow names them
CSV_CODECS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
# what compressed files begin with
_STARTS = {".gz": re.compile(rb"\x1f\x8b\x08"), ".zlib": re.compile(rb"\x78[\x01\x5e\x9c\xda]")}
# of zlib.decompressobj
_WINDOW_BITS = {"GZIP": 31, "ZLIB": 15}
# around a record: its length, checksums of the length and of itself; or the end of the line
FRAME_BYTES = {TFRECORDS: 16, TEXT: 1}
HEAD_BYTES = 64
# what files of columns begin with; Arrow's are files, or streams, which begin with a message
_MARKS = {PARQUET: (b"PAR1",), ARROW: (b"ARROW1", b"\xff\xff\xff\xff")}
_CHUNK_BYTES = 4 << 20


def compression_of(file: str) -> str:
    """The compression that a file's name tells, as `tf.data` names it."""
    return _COMPRESSION.get(os.path.splitext(file)[1], "")


def check_form(file: str, file_format: str) -> None:
    """Checks that what is to be read as lines of text may be text.

    Raises:
        DataError: it is not; says what it is.
    """
    if file_format != TEXT or compression_of(file):
        return
    head = _head(file)
    if b"\0" in head or _compressed_with(head):
        raise DataError(_not_of_format(file, file_format, head))


def check_complete(file: str, file_format: str, number: int, num_bytes: int) -> None:
    """Checks a file that was read to its end without an error.

    Args:
        number: of records that were read.
        num_bytes: of all these records.

    Raises:
        DataError: the file is cut off, or holds more.
    """
    compression = compression_of(file)
    if file_format == TEXT and not compression:
        return
    size = file_size(file)
    if size == 0:
        # empty, or no regular file
        return
    expected = None if file_format == TEXT else num_bytes + FRAME_BYTES[file_format] * number
    if compression == "GZIP" and expected and _gzip_size(file, size) == expected % 2**32:
        return
    actual = _decompressed_size(file, compression) if compression else size
    if actual is not None and expected in (None, actual):
        return
    if number == 0:
        raise DataError(_not_of_format(file, file_format, _head(file)))
    raise DataError(_cut_off(file, number))


def described(file: str, file_format: str, readable: int) -> str:
    """What to say of a file whose reading failed with a loss of data.

    Args:
        readable: the number of records before the loss.
    """
    if readable:
        return _cut_off(file, readable)
    return _not_of_format(file, file_format, _head(file))


def check_columns_form(file: str, file_format: str, head: bytes) -> None:
    """Checks that what is to be read as columns may be so.

    Args:
        head: the first bytes of the file.

    Raises:
        DataError: it is not; says what it is.
    """
    if file_format == CSV:
        is_plain = os.path.splitext(file)[1] not in CSV_CODECS
        is_other = is_plain and (b"\0" in head or bool(_compressed_with(head)))
    else:
        is_other = not head.startswith(_MARKS[file_format])
    if is_other:
        raise DataError(_not_of_format(file, file_format, head))


def described_columns(file: str, file_format: str, number: int, reason: str) -> str:
    """What to say of a file of columns that cannot be read on.

    Args:
        number: of the records before.
        reason: what the reader says.
    """
    if file_format == CSV and "compress" not in reason and "inflate" not in reason:
        return (
            f"The data file {file!r} cannot be read as csv after {number} records: {reason}. Mend "
            "the line, write the file anew, or leave it out of the pattern."
        )
    return _cut_off(file, number, f" ({reason})")


def _cut_off(file: str, number: int, reason: str = "") -> str:
    return (
        f"The data file {file!r} is damaged or cut off after {number} records{reason}. Write it "
        "anew, or leave it out of the pattern."
    )


def _not_of_format(file: str, file_format: str, head: bytes) -> str:
    suffix, found = os.path.splitext(file)[1], _compressed_with(head)
    what = f"The data file {file!r} cannot be read as {file_format}: "
    if found and file_format in _MARKS:
        return f"{what}it is compressed as a whole. Decompress it: the format compresses within."
    marked = next((name for name, marks in _MARKS.items() if head.startswith(marks)), "")
    if marked:
        return f"{what}it is {marked.capitalize()}. Give the file format {marked!r}."
    if found and found != suffix:
        return f"{what}it is compressed; a file of this compression must have a name in {found}."
    if suffix in _COMPRESSION and not found:
        return f"{what}its name ends in {suffix}, but it is not compressed so. Rename it."
    if suffix in _COMPRESSION:
        return f"{what}what is compressed in it is none, or is damaged or cut off from the start."
    others = {TFRECORDS: "TFRecords", TEXT: "lines of text", CSV: "lines below a header"}
    is_lines = file_format == TFRECORDS or (file_format in _MARKS and b"\0" not in head)
    likely = [TEXT, CSV] if is_lines else [TFRECORDS]
    advice = ", for ".join(
        f"{others[name]} {'give the file format ' if i == 0 else ''}{name!r}"
        for i, name in enumerate(likely)
    )
    return (
        f"{what}it begins with {head[:24]!r}, so it is something else, or damaged or cut off. "
        f"For {advice}."
    )


def _compressed_with(head: bytes) -> str:
    """The suffix that the name of such a compressed file has; empty if it is none."""
    return next((suffix for suffix, start in _STARTS.items() if start.match(head)), "")


def _gzip_size(file: str, size: int) -> int:
    """What the end of a gzip stream says of the bytes in it, modulo 2^32."""
    with _open(file) as stream:
        stream.seek(max(0, size - 4))
        return int.from_bytes(stream.read(4), "little")


def _decompressed_size(file: str, compression: str) -> int | None:
    """The number of bytes in a compressed file; None if it is damaged, cut off or more follows."""
    count, stream = 0, zlib.decompressobj(_WINDOW_BITS[compression])
    with _open(file) as reader:
        while chunk := reader.read(_CHUNK_BYTES):
            while chunk:
                if stream.eof:
                    if compression != "GZIP":
                        return None
                    stream = zlib.decompressobj(_WINDOW_BITS[compression])
                try:
                    count += len(stream.decompress(chunk))
                except zlib.error:
                    return None
                chunk = stream.unused_data
    return count if stream.eof else None


def _head(file: str) -> bytes:
    with _open(file) as stream:
        return stream.read(HEAD_BYTES)


def file_size(file: str) -> int:
    """Bytes of a file, as it is stored."""
    import tensorflow as tf

    return int(tf.io.gfile.stat(file).length)


def _open(file: str) -> Any:
    import tensorflow as tf

    return tf.io.gfile.GFile(file, "rb")
