"""TFRecord files without TensorFlow.

A record is the length of its data (8 bytes, little-endian), a checksum of the length, the data, and
a checksum of the data. Both checksums are CRC-32C, masked as in
https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import google_crc32c

from microtome.errors import OutputError

_HEADER = struct.Struct("<QI")
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8
_COMPRESSED = {b"\x1f\x8b": "GZIP", b"\x78\x9c": "ZLIB", b"\x78\x01": "ZLIB", b"\x78\xda": "ZLIB"}
# The length of a cut or hostile file can claim any size: memory is taken as bytes really come.
_CHUNK = 1 << 24


def write_record(file: BinaryIO, data: bytes) -> None:
    """Appends one record."""
    length = _LENGTH.pack(len(data))
    file.write(length)
    file.write(_CHECKSUM.pack(_masked_checksum(length)))
    file.write(data)
    file.write(_CHECKSUM.pack(_masked_checksum(data)))


def read_records(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yields the data of every record.

    Args:
        file: An open, uncompressed file.
        name: What error messages call it.

    Raises:
        OutputError: The file ends within a record, or a checksum is wrong. The records before are
            yielded.
    """
    number = 0
    while header := _read(file, _HEADER.size):
        if number == 0 and header[:2] in _COMPRESSED and not _is_header(header):
            kind = _COMPRESSED[header[:2]]
            raise OutputError(
                f"{name} is compressed ({kind}); uncompressed TFRecords were expected."
            )
        if len(header) < _HEADER.size:
            raise _cut(name, number)
        if not _is_header(header):
            what = "is damaged" if number else "is not a TFRecord file, or is damaged"
            raise OutputError(f"{name} {what}: wrong checksum of the length of record {number}.")
        length, _ = _HEADER.unpack(header)
        data = _read(file, length)
        checksum = _read(file, _CHECKSUM.size)
        if len(data) < length or len(checksum) < _CHECKSUM.size:
            raise _cut(name, number)
        if _CHECKSUM.unpack(checksum)[0] != _masked_checksum(data):
            raise OutputError(f"{name} is damaged: wrong checksum of the data of record {number}.")
        yield data
        number += 1


def _masked_checksum(data: bytes) -> int:
    checksum = int(google_crc32c.value(data))
    return ((checksum >> 15 | checksum << 17) + _MASK_DELTA) & 0xFFFFFFFF


def _is_header(header: bytes) -> bool:
    if len(header) < _HEADER.size:
        return False
    return bool(_HEADER.unpack(header)[1] == _masked_checksum(header[: _LENGTH.size]))


def _read(file: BinaryIO, size: int) -> bytes:
    """Up to `size` bytes; fewer at the end of the file only."""
    chunks = []
    while size > 0:
        chunk = file.read(min(size, _CHUNK))
        if not chunk:
            break
        chunks.append(chunk)
        size -= len(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _cut(name: str, number: int) -> OutputError:
    return OutputError(
        f"{name} is cut off: it ends within record {number} (counted from 0). "
        "It was not written or copied to its end."
    )
