"""Simulated data sets of which the truth is known, evaluated by the real path.

Each data set is a slice, so that one run evaluates many. `python -m tests.statistics.simulated`
prints the figures of docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from scipy import special

import microtome
from microtome.statistics.comparisons import Estimates, compare
from microtome.statistics.intervals import Bounds
from microtome.statistics.multiple import benjamini_hochberg

# labels are 0 or 1, z is normal around the label, the prediction Φ(z - 1/2), x is exponential
TRUTH = {
    "binary_accuracy": float(special.ndtr(0.5)),
    "auc": float(special.ndtr(np.sqrt(0.5))),
    "mean_x": 1.0,
}
SIZES = (500, 5000)
HOW = {
    "jackknife": {"method": "JACKKNIFE", "closed_forms": False},
    "poisson_bootstrap": {"method": "POISSON_BOOTSTRAP", "closed_forms": False},
    "closed forms": {"method": "JACKKNIFE", "closed_forms": True},
}
# so many slices at once: the states of more would be many
_AT_ONCE = 250


def coverage(how: str, size: int, data_sets: int, seed: int = 0) -> dict[str, float]:
    """The shares of intervals that hold the truth, by metric."""
    covered: list[pd.Series] = []
    for number, frame in enumerate(_data(size, data_sets, seed)):
        config = {
            "model_specs": [{"label_key": "label", "prediction_key": "score"}],
            "metrics_specs": [{"metrics": _METRICS}],
            "slicing_specs": [{"feature_keys": ["data_set"]}],
            "options": _options(how, seed + number),
        }
        table = _table(microtome.analyze_raw_data(frame, config))
        table = table[table.metric.isin(TRUTH)]
        truth = table.metric.map(TRUTH)
        holds = (table.lower_bound <= truth) & (truth <= table.upper_bound)
        assert len(table) == len(TRUTH) * frame["data_set"].nunique()
        covered.append(holds.groupby(table.metric).sum())
    return (sum(covered) / data_sets).to_dict()


def false_discoveries(
    how: str, experiments: int, groups: int = 20, rows: int = 60, fdr: float = 0.1, seed: int = 1
) -> dict[str, float]:
    """The shares of experiments in which a group is said to differ, though none does, by metric.

    Groups have from a few to some hundreds of rows; each is compared with its experiment's whole.
    """
    generator = np.random.default_rng(seed)
    total = experiments * groups * rows
    shares = generator.dirichlet(np.ones(groups), experiments)
    experiment = np.repeat(np.arange(experiments), groups * rows)
    draws = generator.random(total)
    group = (draws[:, None] > shares.cumsum(axis=1)[experiment, :-1]).sum(axis=1)
    frame = _rows(generator, total).assign(experiment=experiment, group=group)
    config = {
        "model_specs": [{"label_key": "label", "prediction_key": "score"}],
        "metrics_specs": [{"metrics": [_METRICS[0], {"class_name": "MeanSquaredError"}]}],
        "slicing_specs": [
            {"feature_keys": ["experiment"]},
            {"feature_keys": ["experiment", "group"]},
        ],
        "options": _options(how, seed),
    }
    table = _table(microtome.analyze_raw_data(frame, config))
    names = table["slice"].str.extract(r"experiment(?:_X_group)?:(\d+)(?:_X_(\d+))?")
    table = table.assign(experiment=names[0], group=names[1])
    return {
        metric: float(np.mean([_finds(each, fdr) for _, each in of_metric.groupby("experiment")]))
        for metric, of_metric in table.dropna(subset=["standard_error"]).groupby("metric")
    }


_METRICS: list[dict[str, Any]] = [
    {"class_name": "BinaryAccuracy"},
    {"class_name": "AUC", "config": '"num_thresholds": 1001'},
    {"class_name": "Mean", "config": '"feature_key_path": ["features", "x"], "name": "mean_x"'},
]


def _data(size: int, data_sets: int, seed: int) -> Iterator[pd.DataFrame]:
    generator = np.random.default_rng(seed)
    for first in range(0, data_sets, _AT_ONCE):
        number = min(_AT_ONCE, data_sets - first)
        numbers = np.repeat(np.arange(number), size)
        yield _rows(generator, number * size).assign(data_set=numbers)


def _rows(generator: np.random.Generator, number: int) -> pd.DataFrame:
    labels = generator.integers(0, 2, number)
    scores = special.ndtr(generator.normal(labels - 0.5))
    return pd.DataFrame({"label": labels, "score": scores, "x": generator.exponential(size=number)})


def _options(how: str, seed: int) -> dict[str, Any]:
    return {
        "compute_confidence_intervals": True,
        "confidence_intervals": {**HOW[how], "seed": seed},
        "batch_size": 65536,
    }


def _table(result: microtome.EvalResult) -> pd.DataFrame:
    return pq.read_table(f"{result.output_path}/sliced_metrics.parquet").to_pandas()


def _finds(table: pd.DataFrame, fdr: float) -> bool:
    whole, groups = table[table.group.isna()], table[table.group.notna()]
    freedom = whole.degrees_of_freedom.iloc[0]
    bounds = Bounds(
        *whole[["lower_bound", "upper_bound", "standard_error"]].iloc[0],
        None if np.isnan(freedom) else int(freedom),
    )
    arrays = (groups[name].to_numpy() for name in ("value", "standard_error", "example_count"))
    found = compare(
        Estimates(*arrays, np.ones(len(groups), bool)),
        whole.value.iloc[0],
        bounds,
        whole.example_count.iloc[0],
        0.95,
    )
    return bool((benjamini_hochberg(found.p_values) <= fdr).any())


def main() -> None:
    for how in HOW:
        for size in SIZES:
            found = {name: f"{share:.1%}" for name, share in coverage(how, size, 1000).items()}
            print(f"coverage, {how}, n = {size}: {found}", flush=True)
        shares = {name: f"{share:.1%}" for name, share in false_discoveries(how, 1000).items()}
        print(f"false discoveries at 10%, {how}: {shares}", flush=True)


if __name__ == "__main__":
    main()
