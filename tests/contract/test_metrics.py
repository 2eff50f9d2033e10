"""The same config on the same data: TFMA's keys and values are Microtome's, but for a table."""

from __future__ import annotations

import functools
import pathlib
import tempfile
from typing import NamedTuple

import pytest
import tensorflow_model_analysis as tfma
from google.protobuf import text_format
from google.protobuf.message import Message

import microtome
from tests.contract.cases import CASES, Case
from tests.contract.compare import Place, differing, read
from tests.contract.differences import DIFFERENCES, RENAMED, RENAMED_IN, Difference

pytestmark = pytest.mark.slow


class Differing(NamedTuple):
    """What is not equal, and the first row of the table that explains it."""

    place: Place
    what: str
    why: Difference | None


def _theirs(name: str, case: Case, folder: pathlib.Path) -> dict[Place, Message]:
    found = {}
    for output, text in case.theirs.items():
        path = str(folder / f"tfma{output}")
        config = text_format.Parse(text, tfma.EvalConfig())
        tfma.analyze_raw_data(case.frame(), config, output_path=path)
        found.update(read(path, output))
    renamed = {**RENAMED, **RENAMED_IN.get(name, {})}
    for place in list(found):
        key = place.key
        for old, new in renamed.items():
            key = key.replace(old, new)
        found[place._replace(key=key)] = found.pop(place)
    return found


@functools.cache
def _differing(name: str) -> list[Differing]:
    case = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        theirs = _theirs(name, case, pathlib.Path(folder))
        path = str(pathlib.Path(folder, "microtome"))
        microtome.analyze_raw_data(case.frame(), case.config, output_path=path)
        ours = read(path)
    assert len(ours) > 10
    return [
        Differing(place, what, _why(name, place, theirs.get(place), ours.get(place)))
        for place in sorted({*theirs, *ours})
        if (what := _what(theirs.get(place), ours.get(place)))
    ]


def _what(theirs: Message | None, ours: Message | None) -> str:
    if theirs is None or ours is None:
        return "only of TFMA" if ours is None else "only of Microtome"
    return "; ".join(differing(theirs, ours))


def _why(
    name: str, place: Place, theirs: Message | None, ours: Message | None
) -> Difference | None:
    known = (d for d in DIFFERENCES if d.explains(name, place.key, theirs, ours))
    return next(known, None)


@pytest.mark.parametrize("case", CASES)
def test_the_same_but_for_the_table(case) -> None:
    unknown = [f"{d.place}: {d.what}" for d in _differing(case) if d.why is None]
    assert not unknown, "\n".join(unknown)


# alone, it waits for all runs of TFMA
@pytest.mark.timeout(900)
def test_every_row_of_the_table_is_of_use() -> None:
    used = [each.why for case in CASES for each in _differing(case)]
    assert [row.why for row in DIFFERENCES if row not in used] == []
