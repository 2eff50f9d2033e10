"""Every metric and plot against TFMA 0.46 on the same rows."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow_model_analysis as tfma
from google.protobuf import text_format

from microtome.metrics.collection import Collection, Computation
from microtome.metrics.constrained import ThresholdAtRecall
from microtome.metrics.keys import TopK
from microtome.metrics.metric import Metric, make_metric, registered_metrics
from microtome.metrics.views import Examples, Source, View
from microtome.proto import result_pb2
from tests.metrics.summed import flat, value_of

pytestmark = pytest.mark.slow

ROWS, CLASSES = 90, 4
LABEL, SCORE, BASELINE = Source("labels"), Source("predictions"), Source("predictions", "", "b")
WEIGHT, GAIN = Source("features", "weight"), Source("features", "gain")
TWO_MODELS = """
    model_specs {
      name: "c" label_key: "label" prediction_key: "score" example_weight_key: "weight"
    }
    model_specs {
      name: "b" is_baseline: true
      label_key: "label" prediction_key: "baseline" example_weight_key: "weight"
    }"""
ONE_MODEL = """model_specs {
    label_key: "label" prediction_key: "score" example_weight_key: "weight" }"""
UNWEIGHTED = 'model_specs { label_key: "label" prediction_key: "score" }'

# what classes cannot do without
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "ConfusionMatrixAtThresholds": {"thresholds": [0.58, 0.3, 0.95, 1.0]},
    "PrecisionAtRecall": {"recall": 0.8},
    "RecallAtPrecision": {"precision": 0.7},
    "SensitivityAtSpecificity": {"specificity": 0.7},
    "SpecificityAtSensitivity": {"sensitivity": 0.7},
    "ThresholdAtRecall": {"recall": 0.8},
    # TFMA leaves out default names of plots; and of its thousand buckets some floats are rounded
    # into a neighbour
    "CalibrationPlot": {"num_buckets": 5, "name": "calibration_1"},
    "ConfusionMatrixPlot": {"num_thresholds": 100, "name": "matrix_plot"},
}
MORE = [
    ("AUC", {"summation_method": "minoring", "name": "auc_minoring"}),
    ("AUC", {"summation_method": "majoring", "name": "auc_majoring"}),
    ("AUC", {"num_thresholds": 50, "name": "auc_50"}),
    ("AUC", {"curve": "PR", "summation_method": "minoring", "name": "pr_minoring"}),
    ("AUC", {"curve": "PR", "num_thresholds": 50, "name": "pr_50"}),
    ("BinaryAccuracy", {"threshold": 0.3, "name": "accuracy_at_a_third"}),
    ("BinaryCrossEntropy", {"label_smoothing": 0.1, "name": "smoothed"}),
    ("CalibrationPlot", {"num_buckets": 4, "left": 0.2, "right": 0.7, "name": "calibration_2"}),
    ("FairnessIndicators", {"thresholds": [0.5, 0.25]}),
    ("Precision", {"thresholds": [0.7, 0.2, 1.5], "name": "precisions"}),
    ("PrecisionAtRecall", {"recall": [0.3, 0.8], "name": "at_recalls"}),
]
# Mean refuses weights in TFMA, which counts examples by weight; the others are not TFMA's classes
NOT_THERE = {"ExampleCount", "MCC", "Mean", "MeanPinballLoss", "RootMeanSquaredError"}
TYPOS = {
    "coefficient_of_discrimination": "coefficient_of_discimination",
    "relative_coefficient_of_discrimination": "relative_coefficient_of_discimination",
}


def binary_metrics() -> list[tuple[str, Mapping[str, Any]]]:
    names = [
        name
        for name, item in registered_metrics().items()
        if not (item.of_classes or item.by_query or item.needs_baseline or name in NOT_THERE)
    ]
    return [*((name, NEEDED.get(name, {})) for name in names), *MORE]


CLASS_METRICS: list[tuple[str, Mapping[str, Any]]] = [
    ("MultiClassConfusionMatrixAtThresholds", {"thresholds": [0.2, 0.5]}),
    ("MultiClassConfusionMatrixPlot", {"num_thresholds": 3}),
]
LABEL_METRICS: list[tuple[str, Mapping[str, Any]]] = [
    ("MultiLabelConfusionMatrixPlot", {"num_thresholds": 3}),
    ("MultiClassConfusionMatrixAtThresholds", {}),
]
FLIP_METRICS = [
    *((name, {}) for name, item in registered_metrics().items() if item.needs_baseline),
    ("PosToPosFlipRate", {"threshold": 0.3, "name": "at_a_third"}),
]
QUERY_METRICS: list[tuple[str, Mapping[str, Any]]] = [
    ("QueryStatistics", {}),
    ("MinLabelPosition", {}),
    ("MinLabelPosition", {"label_key": "gain", "name": "of_gains"}),
    ("NDCG", {"gain_key": "gain", "top_k_list": [1, 2, 100]}),
]
# TFMA looks at all classes of a row as rows where none is chosen, as when it aggregates
FLAT_METRICS = ["AUC", "MeanPrediction", "MeanSquaredError", "Precision", "Calibration"]
CHOSEN_METRICS = [
    ("Precision", {"class_id": 1}),
    ("Precision", {"top_k": 2}),
    ("Recall", {"top_k": 2}),
    ("BinaryAccuracy", {"top_k": 2}),
    ("F1Score", {"top_k": 2}),
    ("FalsePositives", {"top_k": 2}),
    ("AUC", {"class_id": 2}),
]


def frames() -> dict[str, pd.DataFrame]:
    generator = np.random.default_rng(7)
    labels = (generator.random(ROWS) < 0.4).astype(float)
    scores = np.clip(labels * 0.2 + generator.random(ROWS) * 0.8, 0, 1)
    scores[:30] = np.round(scores[:30], 2)
    scores[:4] = [0.0, 1.0, 0.3, 0.58]
    common = {
        "weight": generator.random(ROWS) + 0.1,
        "s": np.where(np.arange(ROWS) < 40, "x", "y"),
    }
    binary = pd.DataFrame({"label": labels, "score": scores, **common})
    binary.loc[:3, "s"], binary.loc[4:6, "s"] = "few", "negative"
    binary.loc[4:6, "label"] = 0.0
    of_classes = generator.dirichlet(np.ones(CLASSES), ROWS)
    of_labels = generator.random((ROWS, CLASSES))
    of_labels[0, 0] = 0.0
    return {
        "binary": binary,
        "classes": pd.DataFrame(
            {
                "label": generator.integers(0, CLASSES, ROWS),
                "score": list(of_classes),
                **common,
            }
        ),
        "labels": pd.DataFrame(
            {
                "label": list(generator.integers(0, 2, (ROWS, CLASSES)).astype(float)),
                "score": list(of_labels),
                **common,
            }
        ),
        "flips": binary.assign(baseline=generator.random(ROWS)),
        # without ties, which TFMA orders as rows happen to come
        "queries": binary.assign(
            score=generator.random(ROWS),
            label=(generator.random(ROWS) < 0.2).astype(float),
            gain=generator.integers(0, 4, ROWS).astype(float),
            query=generator.integers(0, 25, ROWS).astype(str),
        ),
    }


FRAMES = frames()


@dataclasses.dataclass(frozen=True)
class Found:
    """TFMA's values: by slice ("" for all) and name, or (name, classes), and plots likewise."""

    metrics: Mapping[tuple[str, Any], Any]
    plots: Mapping[tuple[str, str], result_pb2.PlotData]


def run_tfma(frame: str, metrics: Any, folder: pathlib.Path, model: str, extra: str = "") -> Found:
    configs = "".join(
        f'metrics {{ class_name: "{name}" config: {json.dumps(json.dumps(dict(settings)))} }}'
        for name, settings in metrics
    )
    by_slice = 'slicing_specs {} slicing_specs { feature_keys: "s" }'
    text = f"{model} metrics_specs {{ {configs} {extra} }} {by_slice}"
    config = text_format.Parse(text, tfma.EvalConfig())
    tfma.analyze_raw_data(FRAMES[frame], config, output_path=str(folder))
    values: dict[tuple[str, Any], Any] = {}
    for record in tfma.load_metrics(str(folder)):
        ours = result_pb2.MetricsForSlice.FromString(record.SerializeToString())
        for item in ours.metric_keys_and_values:
            if item.key.model_name == "c" and not item.key.is_diff:
                continue
            values[_slice(ours), _name(item.key)] = _value(item.value)
    plots = {}
    for plot_record in tfma.load_plots(str(folder)):
        of_slice = result_pb2.PlotsForSlice.FromString(plot_record.SerializeToString())
        for plot in of_slice.plot_keys_and_values:
            plots[_slice(of_slice), plot.key.name] = plot.value
    return Found(values, plots)


def _slice(record: Any) -> str:
    return "".join(item.bytes_value.decode() for item in record.slice_key.single_slice_keys)


def _name(key: result_pb2.MetricKey) -> Any:
    chosen = tuple(
        (field.name, value.value) for field, value in key.sub_key.ListFields() if key.sub_key
    )
    return (key.name, *chosen) if chosen else key.name


def _value(value: result_pb2.MetricValue) -> Any:
    kind = value.WhichOneof("type")
    assert kind is not None
    if kind == "double_value":
        return value.double_value.value
    if kind == "array_value":
        return np.array(value.array_value.float64_values)
    return getattr(value, kind)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Found]:
    """All runs of TFMA."""
    folder = tmp_path_factory.mktemp("tfma")
    by_query = 'query_key: "query"'
    flat_metrics = [(name, {}) for name in FLAT_METRICS]
    return {
        "binary": run_tfma("binary", binary_metrics(), folder / "1", ONE_MODEL),
        "classes": run_tfma("classes", CLASS_METRICS[:1], folder / "2", ONE_MODEL),
        "class plots": run_tfma("classes", CLASS_METRICS[1:], folder / "7", ONE_MODEL),
        "labels": run_tfma("labels", LABEL_METRICS, folder / "3", ONE_MODEL),
        "flips": run_tfma("flips", FLIP_METRICS, folder / "4", TWO_MODELS),
        "queries": run_tfma("queries", QUERY_METRICS, folder / "5", UNWEIGHTED, by_query),
        "flat": run_tfma("classes", [*flat_metrics, *CHOSEN_METRICS], folder / "6", ONE_MODEL),
    }


def examples_of(frame: pd.DataFrame) -> Examples:
    columns = {LABEL: "label", SCORE: "score", WEIGHT: "weight", BASELINE: "baseline", GAIN: "gain"}
    arrays = {
        source: np.stack(frame[name].to_numpy()).astype(float)
        for source, name in columns.items()
        if name in frame
    }
    return Examples(len(frame), arrays)


def slices(name: str) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "", FRAMES[name]
    for key, rows in FRAMES[name].groupby("s"):
        yield str(key), rows


def assert_same(ours: Any, theirs: Any, atol: float = 1e-9) -> None:
    if not hasattr(ours, "DESCRIPTOR"):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=atol)
        return
    numbers, expected = flat(ours), flat(theirs)
    assert numbers.keys() == expected.keys()
    assert list(numbers.values()) == pytest.approx(
        list(expected.values()), rel=1e-6, abs=1e-9, nan_ok=True
    )


def is_better(metric: Metric, rows: pd.DataFrame) -> bool:
    """Says whether we deliberately give another value than TFMA."""
    if "AUC" in type(metric).__name__:
        # 0 in TFMA
        return bool(rows["label"].map(str).nunique() == 1)
    if type(metric).__name__ == "BinaryCrossEntropy":
        # infinite or NaN in TFMA for predictions of 0 and 1
        return bool(rows["score"].isin([0.0, 1.0]).any())
    return False


def check(metric: Metric, frame: str, found: Found, **view: Any) -> None:
    for key, rows in slices(frame):
        if is_better(metric, rows):
            continue
        ours = value_of(metric, examples_of(rows), weight=WEIGHT, **view)
        if metric.is_plot:
            assert_same(ours, found.plots[key, metric.name])
            continue
        named = ours if isinstance(ours, dict) else {metric.name: ours}
        # TFMA gives the threshold before, of 10,000
        atol = 2e-4 if isinstance(metric, ThresholdAtRecall) else 1e-9
        for name, value in named.items():
            assert_same(value, found.metrics[key, TYPOS.get(name, name)], atol)


@pytest.mark.parametrize(("name", "settings"), binary_metrics())
def test_of_one_class(name: str, settings: Any, found: Mapping[str, Found]) -> None:
    check(make_metric(name, settings), "binary", found["binary"])


@pytest.mark.parametrize(("name", "settings"), CLASS_METRICS)
def test_of_all_classes(name: str, settings: Any, found: Mapping[str, Found]) -> None:
    metric = make_metric(name, settings).for_classes(CLASSES)
    # of two such in one run TFMA computes one
    check(metric, "classes", found["class plots" if metric.is_plot else "classes"])


@pytest.mark.parametrize(("name", "settings"), LABEL_METRICS)
def test_of_several_labels(name: str, settings: Any, found: Mapping[str, Found]) -> None:
    check(make_metric(name, settings).for_classes(CLASSES), "labels", found["labels"])


@pytest.mark.parametrize(("name", "settings"), FLIP_METRICS)
def test_of_two_models(name: str, settings: Any, found: Mapping[str, Found]) -> None:
    check(make_metric(name, settings), "flips", found["flips"], baseline=BASELINE)


@pytest.mark.parametrize("name", FLAT_METRICS)
def test_of_each_class_as_a_row(name: str, found: Mapping[str, Found]) -> None:
    metric = dataclasses.replace(make_metric(name, {}), name=name)  # type: ignore[type-var]
    for key, rows in slices("classes"):
        ours = value_of(metric, examples_of(rows), weight=WEIGHT, is_flattened=True)
        assert_same(ours, found["flat"].metrics[key, make_metric(name, {}).name])


@pytest.mark.parametrize(("name", "chosen"), CHOSEN_METRICS)
def test_of_chosen_classes(name: str, chosen: Any, found: Mapping[str, Found]) -> None:
    metric = make_metric(name, {})
    metric = metric.for_top_k() if "top_k" in chosen else metric
    for key, rows in slices("classes"):
        ours = value_of(metric, examples_of(rows), weight=WEIGHT, **chosen)
        assert_same(ours, found["flat"].metrics[key, (metric.name, *chosen.items())])


def test_of_queries(found: Mapping[str, Found]) -> None:
    frame = FRAMES["queries"]
    view, of_gains = View(), View(features=(GAIN,))
    metrics = [make_metric(name, settings) for name, settings in QUERY_METRICS]
    collection = Collection(
        tuple(Computation(m.name, m, (of_gains if m.features else view,)) for m in metrics)
    )
    # slice 0 is of all
    names, codes = np.unique(frame["s"], return_inverse=True)
    rows = np.concatenate([np.arange(ROWS), np.arange(ROWS)])
    numbers = np.concatenate([np.zeros(ROWS, np.int64), codes + 1])
    queries = frame["query"].astype(int).to_numpy()
    ids, states = collection.query_states(examples_of(frame), queries, rows, numbers)
    values = collection.compute(states.toarray())
    assert ids.tolist() == list(range(len(names) + 1))
    for key, of_slices in values.items():
        name = (key.name, ("top_k", key.top_k)) if isinstance(key, TopK) else key
        theirs = [found["queries"].metrics[s, name] for s in ("", *names)]
        np.testing.assert_allclose(of_slices, theirs, rtol=1e-6)
