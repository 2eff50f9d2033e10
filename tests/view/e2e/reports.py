"""What the browsers are shown: results that are read, reports that are made, files of both.

Small ones go the way of users' own: written as result files, loaded, viewed. Large ones are made as
reports, with numpy. All numbers are the same in every run of the tests.
"""

from __future__ import annotations

import functools
import math
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from microtome.proto.config_pb2 import EvalRun
from microtome.proto.result_pb2 import BoundedValue
from microtome.results import ResultsWriter, metrics_for_slice
from microtome.view.numbers import bounds, numbers
from tests.view.e2e.browser import CANARY

Report = dict[str, Any]
SliceKey = tuple[tuple[str, Any], ...]
Floats = npt.NDArray[np.float64]

WEIGHT = "post_export_metrics/example_weight"
COUNT = "post_export_metrics/example_count"
# seconds: when the first run was, and between runs
START, STEP = 1_700_000_000, 86_400


# Small: 24 slices of four slicings, three runs, weights, intervals

HOURS = [0, 3, 6, 9, 12, 15, 18, 21]
DAYS = ["Fri", "Mon", "Sat", "Sun", "Thu", "Tue", "Wed"]
CARRIERS = ["AA", "B6", "DL", "UA", "WN", "Ünï:x"]
SMALL_SLICES: list[SliceKey] = [
    (),
    *((("hour", hour),) for hour in HOURS),
    *((("day", day),) for day in DAYS),
    *((("carrier", carrier),) for carrier in CARRIERS),
    (("day", "Fri"), ("hour", 9)),
    (("day", "Sat"), ("hour", 21)),
]
SMALL_NAMES = [
    "_X_".join(column for column, _ in key) + ":" + "_X_".join(str(value) for _, value in key)
    if key
    else "Overall"
    for key in SMALL_SLICES
]
SMALL_RUNS = ["run-1", "run-2", "run-3"]
SMALL_METRICS = [
    *("accuracy", "auc", "average_loss", "label/mean", "precision", "prediction/mean", "recall"),
    *(COUNT, WEIGHT),
]


@functools.cache
def small_values(run: int) -> dict[str, Floats]:
    """The values of the small data's metrics in run 0, 1 or 2, by slice."""
    size = len(SMALL_SLICES)
    sizes = np.random.default_rng(5).permutation(np.round(np.geomspace(40, 2400, size - 1)))
    examples = np.array([8000, *sizes])
    noise = np.random.default_rng([1, run]).normal(size=(5, size)) / np.sqrt(examples) * 0.6
    base = 0.7 + 0.03 * run
    return {
        "accuracy": np.clip(base + 0.08 + noise[0], 0, 1),
        "auc": np.clip(base + noise[1], 0, 1),
        "average_loss": 0.6 - 0.05 * run + np.abs(noise[2]),
        "label/mean": np.clip(0.3 + noise[3], 0, 1),
        "precision": np.clip(base - 0.1 + noise[4], 0, 1),
        "prediction/mean": np.clip(0.32 + noise[3] * 0.8, 0, 1),
        "recall": np.clip(0.5 + noise[0], 0, 1),
        COUNT: examples,
        WEIGHT: np.round(examples * (1.5 + 0.25 * noise[2]), 2),
    }


def small_value(run: int, slice_name: str, metric: str) -> float:
    """A value of the small data."""
    return float(small_values(run)[metric][SMALL_NAMES.index(slice_name)])


def write_small(folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes the three runs below `folder` as result directories, oldest first."""
    return [_write_small_run(folder / name, run) for run, name in enumerate(SMALL_RUNS)]


def _write_small_run(path: pathlib.Path, run: int) -> pathlib.Path:
    values = small_values(run)

    def metrics(row: int) -> dict[str, Any]:
        found: dict[str, Any] = {name: float(column[row]) for name, column in values.items()}
        for name in ("accuracy", "auc"):
            half = 1.96 * math.sqrt(found[name] * (1 - found[name]) / found[COUNT])
            found[name] = _bounded(found[name], half)
        return found

    # a number above 1 beside values below: it must not be lost at the edge
    records = (metrics_for_slice(key, metrics(row)) for row, key in enumerate(SMALL_SLICES))
    with ResultsWriter(path) as writer:
        writer.add_metrics(records)
        writer.finish(
            EvalRun(
                eval_config={
                    "model_specs": [{"example_weight_key": "weight"}],
                    "slicing_specs": [{}, {"feature_keys": ["hour"]}, {"feature_keys": ["day"]}],
                },
                data_location=f"/data/span-{run + 1}/eval-*",
                file_format="tfrecords",
                model_locations={"": f"/models/{run + 1}"},
            ),
            {"counts": {"examples": 8000}},
        )
    _date(path, run)
    return path


def _bounded(value: float, half: float) -> BoundedValue:
    return BoundedValue(
        value={"value": value},
        lower_bound={"value": max(value - half, 0)},
        upper_bound={"value": min(value + half, 1)},
        methodology=BoundedValue.POISSON_BOOTSTRAP,
    )


def _date(path: pathlib.Path, run: int) -> None:
    for file in path.iterdir():
        os.utime(file, (START + run * STEP, START + run * STEP))


# Large: as many slices as one likes, every screen has something to show


def large(size: int, runs: int = 2) -> Report:
    """A report of `size` slices: 13 metrics, three with intervals; thresholds, plots, a verdict."""
    keys = list(_large_keys(size))
    ids = [f"run-{number + 1}" for number in range(runs)]
    return {
        "schema": "report/1",
        "title": f"{size} slices",
        "created": "2026-01-02T03:04:05Z",
        "generator": {"name": "Microtome", "version": "0"},
        "runs": [
            {
                "id": name,
                "name": name,
                "model": str(number + 1),
                "data": f"span-{number + 1}",
                "started": f"2026-01-{number + 1:02}T00:00:00Z",
            }
            for number, name in enumerate(ids)
        ],
        "metrics": [dict(metric) for metric in _LARGE_METRICS],
        "weight": "example_weight",
        "baseline_slice": "Overall",
        "slices": {
            "name": [
                "_X_".join(c for c, _ in key) + ":" + "_X_".join(v for _, v in key) or "Overall"
                if key
                else "Overall"
                for key in keys
            ],
            "keys": [[list(pair) for pair in key] for key in keys],
        },
        "values": {name: _large_values(size, number) for number, name in enumerate(ids)},
        "plots": [plot for name in ids for plot in _large_plots(name)],
        "plot_slices": {name: ["Overall"] for name in ids},
        "verdicts": {
            ids[-1]: {
                "verdict": "NOT_BLESSED",
                "reasons": [
                    {
                        "failed": True,
                        "slice": "Overall",
                        "metric": "auc",
                        "rule": "value_lower",
                        "value": 0.7,
                        "limit": 0.8,
                        "lower": 0.8,
                    }
                ],
            }
        },
    }


_RATES = [f"{rate}@{t}" for rate in ("false_positive_rate", "recall") for t in (0.3, 0.7)]
_LARGE_METRICS = [
    *(
        {"id": name, "label": name, "kind": "float", "better": better, "range": [0, 1]}
        for name, better in (
            ("accuracy", "up"),
            ("auc", "up"),
            ("f1", "up"),
            ("label/mean", "none"),
            ("precision", "up"),
            ("prediction/mean", "none"),
        )
    ),
    {"id": "average_loss", "label": "average_loss", "kind": "float", "better": "down"},
    *(
        {
            "id": name,
            "label": name,
            "kind": "float",
            "range": [0, 1],
            "better": "up" if name.startswith("recall") else "down",
            "family": name.partition("@")[0],
            "threshold": float(name.partition("@")[2]),
        }
        for name in _RATES
    ),
    {"id": "example_count", "label": "example_count", "kind": "count", "better": "none"},
    {"id": "example_weight", "label": "example_weight", "kind": "count", "better": "none"},
]


def _large_keys(size: int) -> Iterator[tuple[tuple[str, str], ...]]:
    yield ()
    for hour in range(min(24, size - 1)):
        yield (("hour", str(hour)),)
    for number in range(size - 25):
        airport = f"A{number // 24:04}"
        yield (("airport", airport), ("hour", str(number % 24)))


def _large_values(size: int, run: int) -> dict[str, Any]:
    random = np.random.default_rng([2, run])
    examples = np.round(np.random.default_rng(3).lognormal(5, 1.5, size)) + 1
    examples[0] = examples[1:].sum()
    spread = 1 / np.sqrt(examples) * 0.6
    columns: dict[str, Any] = {}
    for metric in _LARGE_METRICS:
        name, has_interval = metric["id"], metric["id"] in ("accuracy", "auc", "recall@0.7")
        values = np.clip(0.7 + 0.02 * run + 0.05 * random.normal(size=size) + spread, 0, 1)
        if metric["kind"] == "count":
            values = examples * (1.0 if name == "example_count" else 1.5)
        if name == "f1":
            values[5::50] = np.nan
        columns[name] = {"v": numbers(values)}
        if has_interval:
            columns[name] |= {
                "lo": bounds(np.maximum(values - spread, 0), -1),
                "hi": bounds(np.minimum(values + spread, 1), 1),
                "level": 0.95,
                "method": "jackknife",
            }
    return columns


def _large_plots(run: str) -> Iterator[Report]:
    edges = np.linspace(0, 1, 51)
    weight = 200 * (1 - np.abs(edges[:-1] - 0.4))
    middle = (edges[:-1] + edges[1:]) / 2
    calibration = {
        "lo": edges[:-1],
        "hi": edges[1:],
        "weight": weight,
        "label": weight * middle**1.1,
        "prediction": weight * middle,
    }
    thresholds = np.linspace(0, 1, 101)
    positive, negative = 3000 * (1 - thresholds**2), 5000 * (1 - thresholds) ** 2
    rates = {
        "threshold": thresholds,
        "tp": positive,
        "fp": negative,
        "fn": 3000 - positive,
        "tn": 5000 - negative,
    }
    for kind, columns in (("calibration", calibration), ("thresholds", rates)):
        shown = {name: numbers(np.asarray(column, float)) for name, column in columns.items()}
        yield {"run": run, "slice": "Overall", "type": kind, "columns": shown}


# Hostile: what would run, break out, or break a layout if it were taken for anything but text

HOSTILE_TEXTS = [
    f"<img src=x onerror=\"window.{CANARY}='img'\">",
    f"</script><script>window.{CANARY}='script'</script>",
    f"<svg onload=window.{CANARY}='svg'>",
    f"\"'><b onmouseover=window.{CANARY}='b'>'\"",
    f"${{window.{CANARY}='template'}}{{{{window.{CANARY}='braces'}}}}",
    f"javascript:window.{CANARY}='url'",
    "<!-- <script> -->]]>&lt;&amp;",
    "héllo wörld 🦩 日本語",
    "\u202eright-to-left\u202c and \u200bnothing",
    "a\x00b\tc\nd\u2028e",
    "quotes \" ' ` \\ and #v=plots&q=%3Cb%3E%zz",
    "__proto__",
    "constructor",
    " ",
    "NaN",
    "long " + "x" * 10_000,
]
ODD_NUMBERS = [math.nan, math.inf, -math.inf, 1e308, 5e-324, -0.0, 0.0, 2.0**53]


def write_hostile(folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes two runs whose every name is hostile, and whose values are odd."""
    paths = []
    for run in range(2):
        path = folder / f"<b onmouseover=window.{CANARY}=1>&'\"{run}"
        with ResultsWriter(path) as writer:
            writer.add_metrics(
                metrics_for_slice(key, _hostile_metrics(row + run))
                for row, key in enumerate(hostile_keys())
            )
            writer.finish(
                EvalRun(
                    eval_config={"model_specs": [{"name": ""}]},
                    data_location=HOSTILE_TEXTS[0],
                    file_format=HOSTILE_TEXTS[1],
                    model_locations={"": HOSTILE_TEXTS[2]},
                )
            )
        _date(path, run)
        paths.append(path)
    return paths


def hostile_keys() -> list[SliceKey]:
    """Slices with hostile features and values."""
    values = [(("feature", text),) for text in HOSTILE_TEXTS]
    features = [((text, "value"),) for text in HOSTILE_TEXTS]
    crossed = [((HOSTILE_TEXTS[0], HOSTILE_TEXTS[1]), (HOSTILE_TEXTS[5], HOSTILE_TEXTS[3]))]
    return [(), *values, *features, *crossed]


def _hostile_metrics(row: int) -> Mapping[str, Any]:
    odd = {text: ODD_NUMBERS[(row + i) % len(ODD_NUMBERS)] for i, text in enumerate(HOSTILE_TEXTS)}
    return {**odd, "auc": 0.5 + row / 100, "text": HOSTILE_TEXTS[1].encode(), COUNT: 100.0 + row}
