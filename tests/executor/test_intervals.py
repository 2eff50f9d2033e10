"""Confidence intervals of a whole run, against what pandas says of each replicate's rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apache_beam as beam
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.stats

import microtome
from microtome.errors import ConfigError
from microtome.executor.sources import Batch
from microtome.executor.units import units_of
from microtome.slicing.resampling import Method, Resampling

pytestmark = pytest.mark.current

ROWS = 600
GENERATOR = np.random.default_rng(5)
LABELS = GENERATOR.integers(0, 2, ROWS)
FRAME = pd.DataFrame(
    {
        "label": LABELS,
        "score": (GENERATOR.random(ROWS) / 2 + LABELS / 3).round(3),
        "other": (GENERATOR.random(ROWS) / 2 + LABELS / 2).round(3),
        "weight": GENERATOR.random(ROWS).round(2) + 0.1,
        "query": GENERATOR.integers(0, 60, ROWS),
        "country": GENERATOR.choice(["de", "fr"], ROWS),
        "tags": [list(tags) for tags in GENERATOR.choice(["x", "y", "z"], (ROWS, 2))],
    }
)
BINARY = {"label_key": "label", "prediction_key": "score"}
WEIGHTED = {**BINARY, "example_weight_key": "weight"}
METHODS = [Method.JACKKNIFE, Method.POISSON_BOOTSTRAP]


def options(method: Method = Method.JACKKNIFE, closed_forms: bool = False, **more: Any) -> Any:
    intervals = {"method": method.name, "closed_forms": closed_forms, **more}
    return {"compute_confidence_intervals": True, "confidence_intervals": intervals}


def evaluated(models: Any, metrics: Any, data: Any = FRAME, **config: Any) -> microtome.EvalResult:
    models = models if isinstance(models, list) else [models]
    specs = [
        {"metrics": [{"class_name": each} if isinstance(each, str) else each for each in metrics]}
    ]
    config = {"metrics_specs": specs, **config}
    config["slicing_specs"] = [{}, {"feature_keys": ["country"]}, {"feature_keys": ["tags"]}]
    return microtome.analyze_raw_data(data, {"model_specs": models, **config})


def table_of(result: microtome.EvalResult) -> pd.DataFrame:
    frame = pq.read_table(f"{result.output_path}/sliced_metrics.parquet").to_pandas()
    return frame.set_index(["slice", "model_name", "metric"])


def row_of(result: microtome.EvalResult, metric: str, key: str = "Overall", model: str = "") -> Any:
    return table_of(result).loc[(key, model, metric)]


def units(frame: pd.DataFrame = FRAME) -> np.ndarray:
    return units_of(Batch(pa.RecordBatch.from_pandas(frame), "the data", 0))


def standing(key: str) -> np.ndarray:
    if key == "Overall":
        return np.ones(ROWS, bool)
    feature, value = key.split(":")
    return np.array([value in np.atleast_1d(each) for each in FRAME[feature]])


def expected(
    resampling: Resampling,
    key: str,
    of: Callable[[pd.DataFrame], float],
    of_units: np.ndarray | None = None,
) -> tuple[float, float, float, float]:
    """Value, lower and upper bound, and standard error, from the rows of each replicate."""
    draws = resampling.draws(units() if of_units is None else of_units)
    is_in = standing(key)
    value, number = of(FRAME[is_in]), resampling.num_replicates
    quantile = scipy.stats.t.ppf(0.975, number - 1)
    if resampling.method is Method.JACKKNIFE:
        others = [of(FRAME[is_in & (draws.states != part)]) for part in range(number)]
        pseudo = number * value - (number - 1) * np.array(others)
        middle, error = np.mean(others), pseudo.std(ddof=1) / np.sqrt(number)
    else:
        rows_of = [draws.rows[draws.states == i] for i in range(number)]
        replicates = [of(FRAME.iloc[rows[is_in[rows]]]) for rows in rows_of]
        middle, error = value, np.std(replicates, ddof=1)
    return value, middle - quantile * error, middle + quantile * error, error


def accuracy(frame: pd.DataFrame, score: str = "score") -> float:
    return float(np.mean((frame[score] > 0.5) == frame.label))


def weighted_error(frame: pd.DataFrame) -> float:
    return float(np.average((frame.score - frame.label) ** 2, weights=frame.weight))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("key", ["Overall", "country:de", "tags:y"])
def test_resampled_intervals(method: Method, key: str) -> None:
    replicates, seed = 7, 11
    result = evaluated(
        WEIGHTED,
        ["MeanSquaredError"],
        options=options(method, num_replicates=replicates, seed=seed),
    )
    wanted = expected(Resampling(method, replicates, seed), key, weighted_error)
    found = row_of(result, "mean_squared_error", key)
    names = ["value", "lower_bound", "upper_bound", "standard_error"]
    assert found[names].tolist() == pytest.approx(wanted, rel=1e-9)
    assert found.degrees_of_freedom == replicates - 1


@pytest.mark.parametrize("method", METHODS)
def test_differences_to_a_baseline_are_of_the_same_replicates(method: Method) -> None:
    models = [
        {"name": "new", **BINARY},
        {"name": "old", "label_key": "label", "prediction_key": "other", "is_baseline": True},
    ]
    result = evaluated(models, ["BinaryAccuracy"], options=options(method, closed_forms=True))
    wanted = expected(
        Resampling(method), "country:fr", lambda rows: accuracy(rows) - accuracy(rows, "other")
    )
    found = row_of(result, "binary_accuracy_diff", "country:fr", "new")
    names = ["value", "lower_bound", "upper_bound", "standard_error"]
    assert found[names].tolist() == pytest.approx(wanted, rel=1e-9)
    told = result.run_info["confidence_intervals"]["metrics"]
    assert told["binary_accuracy_diff"] == {"method": method.value}
    assert told["binary_accuracy"] == {"method": "wilson"}


@pytest.mark.parametrize("method", METHODS)
def test_totals_are_scaled(method: Method) -> None:
    """TFMA's jackknife of a total lies around twice the total."""
    found = row_of(evaluated(BINARY, ["TruePositives"], options=options(method)), "true_positives")
    positives = ((FRAME.score > 0.5) & (FRAME.label == 1)).sum()
    assert found.value == positives
    assert (found.lower_bound + found.upper_bound) / 2 == pytest.approx(positives)
    share = positives / ROWS
    # of rows that are a sample of a Poisson number; of 20 replicates
    assert 0.5 < found.standard_error / np.sqrt(ROWS * share) < 1.6


@pytest.mark.parametrize("method", METHODS)
def test_queries_are_resampled_whole(method: Method) -> None:
    from microtome.executor.units import units_of_values

    metrics = [{"metrics": [{"class_name": "MinLabelPosition"}], "query_key": "query"}]
    result = evaluated(BINARY, [], metrics_specs=metrics, options=options(method))

    def first_positive(frame: pd.DataFrame) -> float:
        """The mean over queries, each as often as it was drawn."""
        positions = []
        for query, rows in frame.groupby("query"):
            times = len(rows) // (FRAME["query"] == query).sum()
            ranked = rows.drop_duplicates().sort_values("score", ascending=False, kind="stable")
            places = np.flatnonzero(ranked.label.to_numpy())
            positions += [places[0] + 1] * times if len(places) else []
        return float(np.mean(positions))

    flat = FRAME.drop(columns="tags").assign(row=np.arange(ROWS))
    drawn = Resampling(method).draws(units_of_values(FRAME["query"].tolist()))
    found = row_of(result, "min_label_position")
    assert found.value == pytest.approx(first_positive(flat))
    if method is Method.JACKKNIFE:
        values = [first_positive(flat[drawn.states != part]) for part in range(20)]
        pseudo = 20 * first_positive(flat) - 19 * np.array(values)
        error = pseudo.std(ddof=1) / np.sqrt(20)
    else:
        replicates = [flat.iloc[drawn.rows[drawn.states == i]] for i in range(20)]
        error = np.std([first_positive(each) for each in replicates], ddof=1)
    assert found.standard_error == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_batches_do_not_matter(method: Method) -> None:
    tables = [
        table_of(evaluated(WEIGHTED, ["AUC", "Calibration"], options={**options(method), **more}))
        for more in ({}, {"batch_size": 37})
    ]
    numbers = [table.select_dtypes(float).sort_index() for table in tables]
    pd.testing.assert_frame_equal(*numbers, rtol=1e-9)
    assert numbers[0].lower_bound.notna().sum() == 2 * 6


def test_closed_forms_of_rows_that_count_once() -> None:
    metrics = ["BinaryAccuracy", "AUC", "F1Score", "ExampleCount", "MeanLabel"]
    result = evaluated(BINARY, metrics, options=options(closed_forms=True))
    told = result.run_info["confidence_intervals"]
    assert {name: item["method"] for name, item in told["metrics"].items()} == {
        "binary_accuracy": "wilson",
        "auc": "delong",
        "f1_score": "jackknife",
        "example_count": None,
        "mean_label": "jackknife",
    }
    rows = FRAME[standing("country:de")]
    right = round(accuracy(rows) * len(rows))
    wanted = scipy.stats.binomtest(right, len(rows)).proportion_ci(0.95, "wilson")
    found = row_of(result, "binary_accuracy", "country:de")
    assert found[["lower_bound", "upper_bound"]].tolist() == pytest.approx(list(wanted))
    weighted = evaluated(WEIGHTED, metrics, options=options(closed_forms=True))
    methods = weighted.run_info["confidence_intervals"]["metrics"]
    assert {item["method"] for item in methods.values()} == {"jackknife", None}


def test_soft_labels_have_no_closed_form() -> None:
    frame = FRAME.assign(label=FRAME.label * 0.8 + 0.1)
    result = evaluated(BINARY, ["AUC", "BinaryAccuracy"], frame, options=options(closed_forms=True))
    methods = result.run_info["confidence_intervals"]["metrics"]
    assert {item["method"] for item in methods.values()} == {"jackknife", None}


def test_classes_of_a_row_are_not_rows() -> None:
    scores = GENERATOR.dirichlet([1, 1, 1], ROWS)
    frame = FRAME.assign(label=GENERATOR.integers(0, 3, ROWS), score=list(scores))
    result = evaluated(BINARY, ["BinaryAccuracy"], frame, options=options(closed_forms=True))
    told = result.run_info["confidence_intervals"]["metrics"]
    assert told == {
        "binary_accuracy": {"method": "jackknife"},
        "example_count": {"method": None, "reason": "it counts what is there"},
    }


def test_why_there_is_no_interval() -> None:
    """A slice of which all positives stand in few partitions, and what is not a number."""
    frame = FRAME.assign(country=np.where(np.arange(ROWS) < 4, "few", "many"), label=1)
    frame.loc[np.arange(ROWS) > 0, "label"] = 0
    recall = {"class_name": "Recall", "config": '{"thresholds": [0.2, 0.4]}'}
    result = evaluated(BINARY, ["Calibration", recall, "CalibrationPlot"], frame, options=options())
    told = result.run_info["confidence_intervals"]["metrics"]
    # without the only positive there is nothing to divide by
    assert told["calibration"]["method"] == "jackknife"
    assert told["calibration"]["slices_without"] >= 2
    assert told["recall"] == {"method": None, "reason": "it is not one number"}
    assert row_of(result, "calibration", "country:few").value > 0
    assert np.isnan(row_of(result, "calibration", "country:few").lower_bound)
    assert "boundedValue" not in str(result.get_metrics_for_slice((("country", "few"),)))
    assert result.plots


def test_small_slices_are_withheld_by_their_whole_size() -> None:
    frame = FRAME.assign(country=np.where(np.arange(ROWS) < 60, "few", "many"))
    found = evaluated(
        BINARY, ["AUC"], frame, options={**options(Method.POISSON_BOOTSTRAP), "min_slice_size": 61}
    )
    assert list(found.withheld_slices()) == [(("country", "few"),)]
    assert found.example_count((("country", "many"),)) == ROWS - 60


def test_level() -> None:
    metrics = ["AUC", "MeanLabel"]
    result = evaluated(BINARY, metrics, options=options(closed_forms=True, level=0.5))
    assert result.run_info["confidence_intervals"]["level"] == 0.5
    for metric, quantile in (("auc", 0.67449), ("mean_label", 0.68762)):
        found = row_of(result, metric)
        half = (found.upper_bound - found.lower_bound) / 2
        assert half == pytest.approx(quantile * found.standard_error, rel=1e-4)


def test_results_and_frames_show_bounds() -> None:
    result = evaluated(BINARY, ["AUC"], options=options())
    metric = result.get_metrics_for_slice()["auc"]["boundedValue"]
    found = row_of(result, "auc")
    assert [metric["lowerBound"], metric["value"], metric["upperBound"]] == [
        found.lower_bound,
        found.value,
        found.upper_bound,
    ]
    frame = result.to_dataframe().set_index(["slice", "metric"])
    assert frame.loc[("Overall", "auc")].lower_bound == found.lower_bound
    assert np.isnan(frame.loc[("Overall", "example_count")].lower_bound)


def test_examples_of_a_pipeline_are_told_apart_by_content() -> None:
    """Equal ones in a batch are not the same unit; the order of different ones does not matter."""
    records = np.array([b"a", b"b", b"a", b"c"], object)
    found = units_of(Batch(records))
    assert len(set(found.tolist())) == 4
    assert units_of(Batch(records[[3, 0, 2, 1]])).tolist() == found[[3, 0, 2, 1]].tolist()
    frame = FRAME.drop(columns=["label", "weight"])
    columns = [
        units_of(Batch(pa.RecordBatch.from_pandas(each, preserve_index=False)))
        for each in (frame, frame.iloc[::-1])
    ]
    assert len(set(columns[0].tolist())) == ROWS
    assert columns[0].tolist() == columns[1][::-1].tolist()
    longer = frame.assign(tags=[[*tags, "x"] for tags in frame.tags])
    other = units_of(Batch(pa.RecordBatch.from_pandas(longer, preserve_index=False)))
    assert not set(other.tolist()) & set(columns[0].tolist())


def test_a_pipeline_of_ones_own(tmp_path: Any) -> None:
    config = {
        "model_specs": [BINARY],
        "metrics_specs": [{"metrics": [{"class_name": "MeanSquaredError"}]}],
    }
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(FRAME.to_dict("records"))
            | microtome.ExtractEvaluateAndWriteResults(
                output_path=str(tmp_path / "result"),
                eval_config=config,
                compute_confidence_intervals=True,
            )
        )
    found = row_of(microtome.load_eval_result(str(tmp_path / "result")), "mean_squared_error")
    errors = (FRAME.score - FRAME.label) ** 2
    # of 20 replicates
    assert 0.5 < found.standard_error / (errors.std() / np.sqrt(ROWS)) < 1.6


def test_settings_without_intervals_are_refused() -> None:
    intervals = {"confidence_intervals": {"method": "JACKKNIFE"}}
    with pytest.raises(ConfigError, match="no intervals are asked for"):
        evaluated(BINARY, ["AUC"], options=intervals)
    result = evaluated(
        BINARY, ["AUC"], options={**intervals, "compute_confidence_intervals": False}
    )
    assert "confidence_intervals" not in result.run_info
    assert result.to_dataframe().lower_bound.isna().all()


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ({"level": 1.0}, "between 0 and 1"),
        ({"level": -0.5}, "between 0 and 1"),
        ({"num_replicates": 1}, "from 2 to 1000"),
        ({"num_replicates": -3}, "from 2 to 1000"),
    ],
)
def test_settings_without_meaning_are_refused(setting: Any, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        evaluated(BINARY, ["AUC"], options=options(**setting))
