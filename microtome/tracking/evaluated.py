"""What an evaluation outside TFX was made of: paths of a model and of data, as artifacts of TFX.

A path into an artifact, such as `…/Trainer/model/7/Format-TFMA`, tells the artifact, so that the
evaluation's lineage joins that of the pipeline which made it.
"""

from __future__ import annotations

import dataclasses
import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence

from microtome.errors import OutputError
from microtome.results import files
from microtome.tracking import digests

_MODEL_PART = re.compile(r"(?P<uri>.+?)/+Format-(?P<part>[^/]+)(/.*)?")
_SPLIT_PART = re.compile(r"(?P<uri>.+?)/+Split-(?P<part>[^/]+)(/.*)?")
_EVAL_FOLDER = "Format-TFMA"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a model or examples are.

    Attributes:
        uri: The artifact's, or the path itself where it tells of no artifact.
        given: The path.
        splits: The examples' splits that it tells.
    """

    uri: str
    given: str
    splits: tuple[str, ...] = ()

    @property
    def uris(self) -> list[str]:
        """What the artifact's URI may be in a store."""
        return list(dict.fromkeys((self.uri, self.given)))


def absolute(path: str) -> str:
    """A path that means the same everywhere."""
    plain = files.normalized(path)
    return plain if files.is_remote(plain) else os.path.abspath(plain)


def model_place(path: str) -> Place:
    """The model artifact of a path in it."""
    found = _MODEL_PART.fullmatch(absolute(path))
    return Place(found["uri"] if found else absolute(path), path)


def examples_places(paths: Iterable[str]) -> list[Place]:
    """The examples artifacts of paths or patterns of files in them, each once."""
    places: dict[str, Place] = {}
    for path in paths:
        found = _SPLIT_PART.fullmatch(absolute(path))
        uri = found["uri"] if found else _absolute_if_there(path)
        splits = (found["part"],) if found else ()
        known = places.get(uri)
        splits = tuple(dict.fromkeys((*(known.splits if known else ()), *splits)))
        places[uri] = Place(uri, known.given if known else path, splits)
    return list(places.values())


def model_digest(paths: Sequence[str]) -> str:
    """Fingerprint of the EvalSavedModel that the first of the paths is; empty if none is one."""
    for path in paths:
        for folder in (files.join(path, _EVAL_FOLDER), path):
            try:
                if "saved_model.pb" in (files.list_names(folder) or ()):
                    return digests.digest_folder(folder)
            except OutputError:
                continue
    return ""


def data_digest(patterns: Iterable[str]) -> str:
    """Fingerprint of data files; empty if they are not there.

    It is that of the same files in a pipeline: the names of those in a folder `Split-x` are
    taken with their split.
    """
    try:
        found = [path for pattern in patterns for path in files.matching(pattern)]
        return digests.digest_files(_named(found)) if found else ""
    except OutputError:
        return ""


def _absolute_if_there(text: str) -> str:
    """An absolute path; what is none, such as the name of a table, as it is."""
    is_path = files.is_remote(text) or os.path.isabs(files.normalized(text))
    return absolute(text) if is_path or glob.glob(files.normalized(text)) else text


def _named(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        name = path.rsplit("/", 1)[-1]
        found = _SPLIT_PART.fullmatch(path)
        yield f"{found['part']}/{name}" if found else name, path
