"""Specs of metrics that are objects, and the defaults, end to end."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import microtome
from microtome import metrics
from microtome.errors import ConfigError

ROWS = 60


def evaluated(specs: list[object], frame: pd.DataFrame) -> dict[str, object]:
    config = microtome.EvalConfig(
        model_specs=[{"label_key": "label", "prediction_key": "score"}], metrics_specs=specs
    )
    result = microtome.analyze_raw_data(frame, config)
    return dict(result.slices())[()]


def frame(classes: int) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    scores = generator.dirichlet([1] * classes, ROWS) if classes > 2 else generator.random(ROWS)
    return pd.DataFrame({"label": generator.integers(0, classes, ROWS), "score": list(scores)})


def test_objects_of_all_kinds() -> None:
    specs = metrics.specs_from_metrics(
        [
            metrics.AUC(curve="PR", name="pr"),
            tf.keras.metrics.Poisson(name="of_keras"),
            tf.keras.metrics.Recall(thresholds=0.3),
            tf.keras.losses.BinaryCrossentropy(),
        ],
        unweighted_metrics=[metrics.MeanLabel()],
    )
    data = frame(2)
    found = evaluated(specs, data)
    labels, scores = data["label"].to_numpy(), np.stack(data["score"])
    poisson = tf.keras.metrics.Poisson()
    poisson.update_state(labels, scores)
    assert found["of_keras"] == pytest.approx(float(poisson.result()))
    assert found["recall"] == pytest.approx(np.mean(scores[labels == 1] > 0.3))
    assert found["mean_label"] == pytest.approx(labels.mean())
    assert found["example_count"] == found["weighted_example_count"] == ROWS
    assert {"pr", "binary_crossentropy"} <= set(found)


def test_metrics_by_output() -> None:
    specs = metrics.specs_from_metrics(
        {"a": [metrics.AUC()], "b": [metrics.MeanLabel()]},
        include_example_count=False,
        include_weighted_example_count=False,
    )
    assert [list(spec.output_names) for spec in specs] == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("specs", "classes", "wanted"),
    [
        (metrics.default_regression_specs(), 2, {"mse", "mean_label", "calibration"}),
        (metrics.default_binary_classification_specs(), 2, {"auc", "auc_precision_recall"}),
        (
            metrics.default_multi_class_classification_specs(),
            3,
            {"loss", "accuracy", "micro_average_auc"},
        ),
    ],
    ids=["regression", "binary", "classes"],
)
def test_defaults(specs: list[object], classes: int, wanted: set[str]) -> None:
    assert wanted <= set(evaluated(specs, frame(classes)))


def test_specs_of_tfma() -> None:
    tfma = pytest.importorskip("tensorflow_model_analysis")
    specs = tfma.metrics.default_binary_classification_specs()
    model = tfma.ModelSpec(label_key="label", prediction_key="score")
    config = tfma.EvalConfig(model_specs=[model], metrics_specs=specs)
    found = dict(microtome.analyze_raw_data(frame(2), config).slices())[()]
    ours = evaluated(metrics.default_binary_classification_specs(), frame(2))
    shared = {"auc", "precision", "recall", "mean_label", "calibration", "binary_accuracy"}
    assert {name: found[name] for name in shared} == {name: ours[name] for name in shared}


def test_what_is_no_metric() -> None:
    with pytest.raises(ConfigError, match=r"'AUC' is no metric.*microtome\.metrics\.AUC"):
        metrics.specs_from_metrics(["AUC"])
    with pytest.raises(AttributeError, match="AUCC"):
        _ = metrics.AUCC
