"""Short fingerprints of data, model and config: are they the same as last time?

They are cheap: of a file they take the name, the size and both its ends, not all of its content.
The last bytes of a gzip file hold the checksum of the whole, so for what TFX writes equal digests
mean equal content. Different digests do not prove different content: the same rows written in
another order differ.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable

from microtome import config
from microtome.proto import config_pb2
from microtome.results import files as result_files

_SAMPLE = 64 * 1024
_LENGTH = 32  # hexadecimal digits: 128 bits


def digest_files(files: Iterable[tuple[str, str]]) -> str:
    """Fingerprint of a set of files, whatever their order.

    Args:
        files: Name and path of each; the name takes part in the digest, the path does not.

    Raises:
        OutputError: One of them cannot be read.
    """
    described = sorted([name, *_describe(path)] for name, path in files)
    return _digest(json.dumps(described).encode())


def digest_folder(folder: str) -> str:
    """Fingerprint of all files under a folder, by their paths relative to it.

    Raises:
        OutputError: One of them cannot be read.
    """
    return digest_files(result_files.files_below(folder))


def digest_config(eval_config: config_pb2.EvalConfig) -> str:
    """Fingerprint of what is computed; what of it is recorded (`tracking`) makes no difference."""
    computed = config_pb2.EvalConfig()
    computed.CopyFrom(eval_config)
    computed.ClearField("tracking")
    return digest_text(config.eval_config_to_json(computed))


def digest_text(text: str) -> str:
    """Fingerprint of a text."""
    return _digest(text.encode())


def _describe(path: str) -> tuple[int, str]:
    with result_files.open_file(path) as file:
        file.seek(0, io.SEEK_END)
        size = file.tell()
        file.seek(0)
        ends = file.read(_SAMPLE)
        if size > _SAMPLE:
            file.seek(max(size - _SAMPLE, _SAMPLE))
            ends += file.read()
    return size, _digest(ends)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_LENGTH]
