"""Metrics outside of graphs: the same predictions, config and files for Microtome and TFMA.

The data are New York's flights with a made-up score and weight each. Contenders keep the values
that they compute, and the contest ends unless all are the same.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from microtome_bench import contest, datasets, slices

TFRECORDS, PARQUET = "tfrecords", "parquet"
_ENDINGS = {TFRECORDS: "tfrecord", PARQUET: "parquet"}
_TOLERANCE = 1e-6
METRICS = (
    "ExampleCount",
    "WeightedExampleCount",
    "MeanLabel",
    "MeanPrediction",
    "Calibration",
    "AUC",
    "AUCPrecisionRecall",
    "BinaryAccuracy",
    "BinaryCrossEntropy",
    "Precision",
    "Recall",
    "Specificity",
    "FallOut",
    "MissRate",
    "NegativePredictiveValue",
    "FalseDiscoveryRate",
    "F1Score",
    "BalancedAccuracy",
    "MatthewsCorrelationCoefficient",
    "SpecificityAtSensitivity",
)
_SETTINGS = {"SpecificityAtSensitivity": {"sensitivity": 0.8}}


def config_of(columns: slices.Slices) -> dict[str, Any]:
    """An EvalConfig of the metrics, as JSON."""
    metrics = [
        {"class_name": name, "config": json.dumps(_SETTINGS.get(name, {}))} for name in METRICS
    ]
    # TFMA sums weights in place of counting where it is not told otherwise
    counts, others = {"example_weights": {"unweighted": True}, "metrics": metrics[:1]}, metrics[1:]
    return {
        "model_specs": [
            {"label_key": "late", "prediction_key": "score", "example_weight_key": "weight"}
        ],
        "slicing_specs": [{"feature_keys": list(each)} for each in columns],
        "metrics_specs": [counts, {"metrics": others}],
    }


@dataclasses.dataclass(frozen=True)
class ScoredJob(contest.Job):
    """A contender on predictions that stand in the data."""

    def prepare(self, folder: str) -> list[str]:
        contest.start("microtome_bench.native", folder, str(self.rows))
        return ["--model", datasets.SCORED, "--data", _folder(folder, self.rows)]


def microtome(args: argparse.Namespace, columns: slices.Slices) -> Any:
    import apache_beam  # noqa: F401
    import tensorflow  # noqa: F401

    import microtome
    import microtome.frames.evaluator
    import microtome.model.plan
    from microtome_bench import contenders

    microtome.run_model_analysis  # noqa: B018  (imports)

    def run() -> dict[str, Any]:
        result = microtome.run_model_analysis(
            data_location=os.path.join(args.data, f"*.{_ENDINGS[args.format]}"),
            file_format=args.format,
            eval_config={**config_of(columns), "options": contenders.options_of(args)},
            output_path=tempfile.mkdtemp(),
        )
        return {**_told(args, "microtome", result), "timings": result.timings}

    return run


def tfma(args: argparse.Namespace, columns: slices.Slices) -> Any:
    import tensorflow_model_analysis as tfma
    from google.protobuf import json_format

    config = json_format.ParseDict(config_of(columns), tfma.EvalConfig())
    # it computes confidence intervals only where they are asked for, as here they are not

    def run() -> dict[str, Any]:
        result = tfma.run_model_analysis(
            data_location=os.path.join(args.data, "*.tfrecord"),
            eval_config=config,
            output_path=tempfile.mkdtemp(),
        )
        return _told(args, "tfma", result)

    return run


CONTENDERS = {"microtome-native": microtome, "tfma-native": tfma}


def check(runs: Mapping[str, Sequence[contest.Figures]]) -> None:
    """Ends this program unless all contenders computed the same values of the same slices."""
    of_labels = {label: _values(of_label[-1]["values"]) for label, of_label in runs.items()}
    (first, expected), *others = of_labels.items()
    for label, found in others:
        differing = [
            f"{key}: {expected.get(key)} and {found.get(key)}"
            for key in sorted(expected.keys() | found.keys())
            if not _same(expected.get(key), found.get(key))
            and not (_is_area_of_one_class(key, expected) and _is_area_of_one_class(key, found))
        ]
        if differing:
            listed = "\n".join(differing[:20])
            sys.exit(f"{first} and {label} differ in {len(differing)} values:\n{listed}")
    print(f"All agree on {len(expected)} values to {_TOLERANCE:g}.", file=sys.stderr)


def _told(args: argparse.Namespace, name: str, result: Any) -> dict[str, Any]:
    path = os.path.join(args.data, f"values-{name}-{args.format}.json")
    values = [
        (repr([list(each) for each in key]), name, _number(value))
        for key, outputs in result.slicing_metrics
        for of_output in outputs.values()
        for of_sub_key in of_output.values()
        for name, value in of_sub_key.items()
    ]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(values, file)
    return {"slices": len(result.slicing_metrics), "values": path}


def _number(value: Mapping[str, Any]) -> Any:
    """A value with or without an interval."""
    return value["doubleValue"] if "doubleValue" in value else value["boundedValue"]["value"]


def _values(path: str) -> dict[tuple[str, str], float]:
    with open(path, encoding="utf-8") as file:
        return {(key, name): value for key, name, value in json.load(file)}


def _is_area_of_one_class(key: tuple[str, str], values: dict[tuple[str, str], float]) -> bool:
    """Whether it is the area under a curve that is none: to Microtome NaN, to TFMA 0."""
    of_slice, name = key
    return (
        name.startswith("auc")
        and float(values.get((of_slice, "mean_label"), math.nan)) in (0.0, 1.0)
        and (math.isnan(float(values.get(key, 1))) or float(values.get(key, 1)) == 0)
    )


def _same(a: float | str | None, b: float | str | None) -> bool:
    if a is None or b is None:
        return a is b
    a, b = float(a), float(b)
    return (math.isnan(a) and math.isnan(b)) or math.isclose(
        a, b, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE
    )


def prepare(folder: str, rows: int) -> str:
    """Writes the files of a number of rows where they are not there; returns their folder."""
    from microtome.pipelines.flights import data

    target = _folder(folder, rows)
    if os.path.exists(target):
        return target
    frame = _scored(data.load_flights(), rows)
    columns = [*data.COLUMNS, "score", "weight"]
    encoded = data.encode_examples(frame, columns)
    unfinished = target + ".unfinished"
    os.makedirs(unfinished, exist_ok=True)
    for number in range(datasets.FILES):
        part = slice(number, None, datasets.FILES)
        path = os.path.join(unfinished, f"{number:02d}")
        datasets.write_records(encoded[part], f"{path}.{_ENDINGS[TFRECORDS]}")
        frame[columns].iloc[part].to_parquet(f"{path}.{_ENDINGS[PARQUET]}", index=False)
    os.rename(unfinished, target)
    return target


def _folder(folder: str, rows: int) -> str:
    return datasets.folder_of(folder, datasets.SCORED, rows)


def _scored(flights: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Flights in any order, again and again, with a score of float32 that tells something."""
    generator = np.random.default_rng(2013)
    frame = flights.iloc[generator.permutation(max(rows, len(flights)))[:rows] % len(flights)]
    late = frame["late"].to_numpy()
    logit = generator.normal(0, 1, rows) + late - 1.5 + 0.05 * (frame["hour"].to_numpy() - 12)
    return frame.assign(
        score=(1 / (1 + np.exp(-logit))).astype(np.float32),
        weight=generator.lognormal(0, 0.5, rows).astype(np.float32),
    )


if __name__ == "__main__":
    # python -m microtome_bench.native FOLDER ROWS: in a process of its own
    prepare(sys.argv[1], int(sys.argv[2]))
