"""Values, bounds and plots as TFMA gives them, slice by slice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from google.protobuf import json_format

from microtome import post_export_metrics
from microtome.post_export_metrics import PostExportMetric
from tests.post_export import model
from tests.post_export.values import values_of

pytestmark = pytest.mark.slow

WEIGHED = {"example_weight_key": "weight", "metric_tag": "weighed"}
SHARE = {"labels_key": "share"}
OF_A_CLASS = {
    "labels_key": "answer",
    "target_prediction_keys": ["probabilities"],
    "tensor_index": 2,
}
ANSWER = {"labels_key": "answer", "cutoffs": [0, 2, 1, 5]}

# what TFMA computes in another way
NOT_EQUAL = "squared_pearson_correlation"
# what it gives of Overall alone
OF_OVERALL = "/fairness/auc/"

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("example_count", {"metric_tag": "tagged"}),
    ("example_weight", {"example_weight_key": "weight", "metric_tag": "tagged"}),
    ("squared_pearson_correlation", SHARE),
    ("calibration", SHARE),
    ("calibration", SHARE | WEIGHED),
    ("auc", SHARE),
    ("auc", SHARE | {"curve": "PR", "num_buckets": 1000}),
    ("auc", SHARE | WEIGHED | {"num_buckets": 20}),
    ("auc", SHARE | WEIGHED | {"curve": "PR", "num_buckets": 20}),
    ("auc", OF_A_CLASS | {"num_buckets": 100}),
    ("auc_plots", SHARE | {"num_buckets": 100}),
    ("auc_plots", SHARE | WEIGHED | {"num_buckets": 7}),
    ("calibration_plot_and_prediction_histogram", SHARE | {"num_buckets": 100}),
    ("calibration_plot_and_prediction_histogram", SHARE | WEIGHED | {"num_buckets": 7}),
    ("confusion_matrix_at_thresholds", SHARE | {"thresholds": [0.7, 0.1, 0.33]}),
    ("confusion_matrix_at_thresholds", OF_A_CLASS | WEIGHED | {"thresholds": [0.31, 0.5]}),
    ("fairness_indicators", SHARE | WEIGHED),
    ("fairness_indicators", SHARE | {"thresholds": [0.125, 0.5]}),
    ("fairness_auc", SHARE | WEIGHED | {"subgroup_key": "group", "num_buckets": 50}),
    *((name, SHARE) for name in ("mean_absolute_error", "mean_squared_error")),
    *((name, SHARE | WEIGHED) for name in ("mean_absolute_error", "root_mean_squared_error")),
    ("mean_squared_error", OF_A_CLASS | WEIGHED | {"metric_tag": "a_class"}),
    *((name, ANSWER) for name in ("precision_at_k", "recall_at_k")),
    *((name, ANSWER | WEIGHED) for name in ("precision_at_k", "recall_at_k")),
]
SLICES: list[Any] = [(), (("side", "left"),), (("side", "right"),)]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = str(tmp_path_factory.mktemp("post_export"))
    model_path, data_path = model.export(home)
    result = tfma.run_model_analysis(
        eval_shared_model=tfma.default_eval_shared_model(
            eval_saved_model_path=model_path,
            add_metrics_callbacks=[
                getattr(tfma.post_export_metrics, name)(**settings) for name, settings in CALLS
            ],
        ),
        data_location=data_path,
        slice_spec=[
            tfma.slicer.SingleSliceSpec(),
            tfma.slicer.SingleSliceSpec(columns=["side"]),
        ],
        output_path=os.path.join(home, "result"),
    )
    metrics = {key: values[""][""] for key, values in result.slicing_metrics}
    plots = {key: values[""][""] for key, values in result.plots}
    return metrics, plots


def ours(key: Any, plots: bool) -> dict[str, list[Any]]:
    """Ours of a slice's rows."""
    columns = model.columns()
    if key:
        ((name, value),) = key
        rows = columns[name][:, 0] == value
        columns = {name: column[rows] for name, column in columns.items()}
    predictions = {
        "logistic": columns["score"],
        "probabilities": columns["scores"],
        "all_classes": np.tile(model.CLASSES, (len(columns["score"]), 1)),
    }
    labels = {name: columns[name] for name in ("share", "answer")}
    return values_of([made(*call) for call in CALLS], labels, predictions, columns, plots)


def made(name: str, settings: dict[str, Any]) -> PostExportMetric:
    metric: PostExportMetric = getattr(post_export_metrics, name)(**settings)
    return metric


@pytest.mark.parametrize("key", SLICES, ids=str)
def test_metrics(expected: Any, key: Any) -> None:
    metrics = dict(expected[0][key])
    # those that TFMA adds by default
    assert metrics.pop("post_export_metrics/example_count")
    found = {name: value for name, (value,) in ours(key, plots=False).items()}
    assert set(metrics) == {name for name in found if not key or OF_OVERALL not in name}
    for name in metrics:
        if not name.endswith(NOT_EQUAL):
            assert_equal(_json(found[name]), metrics[name], name)


@pytest.mark.parametrize("key", SLICES, ids=str)
def test_plots(expected: Any, key: Any) -> None:
    plots = expected[1][key]
    found = ours(key, plots=True)
    assert set(found) == set(plots) == {"post_export_metrics", "post_export_metrics/weighed"}
    for name, parts in found.items():
        merged = {field: value for part in parts for field, value in _json(part).items()}
        assert_equal(merged, plots[name], name)


def _json(value: Any) -> Any:
    if isinstance(value, float):
        return {"doubleValue": value}
    made = json_format.MessageToDict(value)
    field = {
        "BoundedValue": "boundedValue",
        "ValueAtCutoffs": "valueAtCutoffs",
        "ConfusionMatrixAtThresholds": "confusionMatrixAtThresholds",
    }.get(value.DESCRIPTOR.name)
    return made if field is None else {field: made}


def assert_equal(found: Any, wanted: Any, name: str) -> None:
    """Same keys and lengths everywhere, and numbers to 1e-6."""
    mine, theirs = (list(_leaves(value)) for value in (found, _corrected(wanted)))
    assert [path for path, _ in mine] == [path for path, _ in theirs], name
    for (path, value), (_, expected_value) in zip(mine, theirs, strict=True):
        if isinstance(expected_value, float | int):
            # TFMA's sums have 32 bits
            assert value == pytest.approx(expected_value, rel=2e-6, abs=1e-6), (name, path)
        else:
            assert value == expected_value, (name, path)


def _corrected(value: Any) -> Any:
    """TFMA's value, with a NaN for the precision 0 of a matrix without predicted positives."""
    if isinstance(value, list):
        return list(map(_corrected, value))
    if not isinstance(value, dict):
        return value
    corrected = {key: _corrected(item) for key, item in value.items()}
    if "boundedPrecision" in value and not (
        value.get("truePositives") or value.get("falsePositives")
    ):
        corrected["precision"] = corrected["boundedPrecision"]["value"] = "NaN"
        corrected["tDistributionPrecision"]["unsampledValue"] = "NaN"
    return corrected


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict):
        for key in sorted(value):
            yield from _leaves(value[key], (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value
