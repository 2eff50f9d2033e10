"""The schema that every report keeps."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = json.loads(
    (pathlib.Path(__file__).parents[2] / "microtome/view/report.schema.json").read_text()
)


def checked(report: Any) -> Any:
    """The report as it comes out of strict JSON in UTF-8, held to the schema."""
    text = json.dumps(report, allow_nan=False, ensure_ascii=False).encode("utf-8")
    read = json.loads(text)
    jsonschema.validate(read, SCHEMA)
    rows = len(read["slices"]["name"])
    assert rows == len(read["slices"]["keys"]) == len(set(read["slices"]["name"]))
    known = {metric["id"] for metric in read["metrics"]}
    runs = [run["id"] for run in read["runs"]]
    assert len(set(runs)) == len(runs)
    for part in ("values", "complex", "attributions"):
        for run, columns in read.get(part, {}).items():
            assert run in runs
            # a series' metrics are described where it is added to, attributions have their own
            assert known.issuperset(columns) or part != "complex"
    return read
