"""The pages of metrics and of compatibility name what is there, all of it, and nothing else."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from microtome import post_export_metrics
from microtome.metrics import metric as registry
from microtome.metrics.collection import Collection, Computation
from microtome.metrics.left_out import LEFT_OUT
from microtome.metrics.metric import _REGISTERED, Metric
from microtome.metrics.views import PREDICTIONS, Source, View
from tests.house.test_readme import NODES

pytestmark = pytest.mark.current

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
TABLE = (ROOT / "docs/compatibility.md").read_text(encoding="utf-8")
OWN = re.findall(
    r"^```python\n(.*?)^```", PAGE.partition("## A metric of your own")[2], flags=re.M | re.S
)
SETTING = re.compile(r"`(\w+)=([^`]+)`")
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
# what some metrics cannot be made without
NEEDED: dict[str, dict[str, Any]] = {
    "ConfusionMatrixAtThresholds": {"thresholds": (0.5,)},
    "Mean": {"feature_key_path": ("labels",)},
    "NDCG": {"gain_key": "gain"},
}


class Row(NamedTuple):
    """What the page says of a metric."""

    classes: list[str]
    name: str
    settings: dict[str, Any]
    of_nothing: str


def page_rows() -> Iterator[Row]:
    for section in PAGE.split("\n## "):
        (shared,) = re.findall(r"^All take (.*?)\. ", section, flags=re.M) or [""]
        for line in re.findall(r"^\| (`[A-Z].*) \|$", section, flags=re.M):
            classes, name, settings, _, of_nothing = re.split(r" *\| +", line)
            found = dict(SETTING.findall(f"{shared} {settings}"))
            values = {key: ast.literal_eval(value) for key, value in found.items()}
            yield Row(re.findall(r"\w+", classes), name.strip("`"), values, of_nothing)


ROWS = list(page_rows())


def registered() -> dict[str, type[Metric]]:
    importlib.import_module("microtome.metrics.library")
    return {
        name: metric
        for name, metric in _REGISTERED.items()
        if metric.__module__.startswith("microtome.")
    }


def test_every_metric_is_there_and_no_other() -> None:
    named = [name for row in ROWS for name in row.classes]
    assert sorted(named) == sorted(registered())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.classes[0])
def test_settings_and_defaults(row: Row) -> None:
    metric = registered()[row.classes[0]]
    assert {registered()[name] for name in row.classes} == {metric}
    defaults = {field.name: field.default for field in dataclasses.fields(metric)}  # type: ignore[arg-type]
    assert {"name": row.name, **row.settings} == defaults


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.classes[0])
def test_of_nothing(row: Row) -> None:
    found = registered()[row.classes[0]]
    metric = found(**NEEDED.get(row.classes[0], {})).for_classes(2)
    view = View(
        of_classes=metric.of_classes,
        baseline=Source(PREDICTIONS, "", "old"),
        features=tuple(Source("features", name) for name in metric.features),
        query="query" if metric.by_query else None,
    )
    collection = Collection((Computation("it", metric, (view,)),))
    sums = np.zeros((1, collection.layout.width))
    if row.of_nothing == "plot":
        assert metric.is_plot
        assert collection.plots(sums)
        return
    values = [value for (value,) in collection.compute(sums).values()]
    if row.of_nothing == "message":
        assert [value.DESCRIPTOR.full_name.split(".")[0] for value in values] == ["microtome"]
        return
    said = [float(value) for value in row.of_nothing.split(", ")]
    np.testing.assert_array_equal(values, said * (len(values) // len(said)))


def test_every_post_export_metric_is_there_and_no_other() -> None:
    (section,) = re.findall(r"^## Post-export metrics\n(.*?)(?=^## |\Z)", PAGE, flags=re.M | re.S)
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section, flags=re.M)
    named = {name for row in rows for name in re.findall(r"\w+", row)}
    assert named == {name for name in post_export_metrics.__all__ if name[0].islower()}


def test_a_metric_of_ones_own(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registered()
    for name in ("_REGISTERED", "_MADE"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    source, *programs, pipeline = OWN
    (tmp_path / "my_metrics.py").write_text(source, encoding="utf-8")
    names: dict[str, Any] = {}
    found = []
    for program in programs:
        exec(program, names)
        frame = names["result"].to_dataframe().query("metric != 'example_count'")
        found.append({(row.metric, row.slice): row.value for row in frame.itertuples()})
    sys.modules.pop("my_metrics")
    by_slice = {"Overall": 0.5, "country:de": 0.5, "country:fr": 0.5}
    assert found[0] == {("mean_shortfall", key): value for key, value in by_slice.items()}
    assert found[1] == {("short", key): value for key, value in by_slice.items()}
    assert found[2]["bias", "Overall"] == pytest.approx(-1 / 3)
    pytest.importorskip("tfx")
    exec(NODES + pipeline, names)
    assert "my_metrics.py" in str(names["evaluator"].exec_properties)


def test_what_is_left_out_is_told() -> None:
    missing = [name for name in LEFT_OUT if f"`{name}`" not in TABLE]
    assert not missing


def test_tests_of_the_table_are_there() -> None:
    named = TEST.findall(TABLE)
    assert len(named) > 50
    missing = []
    for path, name in named:
        file = ROOT / path
        source = file.read_text(encoding="utf-8") if file.is_file() else ""
        if not source or (name and not re.search(rf"^\s*def {name}\(", source, flags=re.M)):
            missing.append(f"{path}::{name}")
    assert not missing


def test_every_row_of_the_table_has_a_status_and_what_shows_it() -> None:
    rows = [
        re.split(r" *\| +", line)
        for line in re.findall(r"^\| (.*)\|$", TABLE, flags=re.M)
        if not line.startswith(("---", "feature", "TFMA |"))
    ]
    assert len(rows) > 80
    for row in rows:
        assert len(row) == 3, row
        feature, status, shown = row
        assert re.match("(same|better|different|left out|later)", status), feature
        assert TEST.search(shown) or status.startswith(("left out", "later")), feature
