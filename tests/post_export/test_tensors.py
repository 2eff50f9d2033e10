"""Which tensors are taken, and what is said where none is."""

from __future__ import annotations

import pickle
import re
from typing import Any

import pytest

from microtome import post_export_metrics as pe
from microtome.errors import ConfigError
from microtome.metrics.views import FEATURES, LABELS, PREDICTIONS, Source
from microtome.post_export_metrics import Tensor, Tensors

pytestmark = pytest.mark.current

ONE, THREE = Tensor("f", 2, 1), Tensor("f", 2, 3)
IDS, NAMES = Tensor("i", 2, 1), Tensor("string", 2, 1)
ALL_NAMES = Tensor("string", 2, 3)


def tensors(labels: dict[str, Tensor] | None = None, **predictions: Tensor) -> Tensors:
    named = {name.replace("__in__", "/"): tensor for name, tensor in predictions.items()}
    features = {"weight": ONE, "country": NAMES}
    return Tensors({"__labels": ONE} if labels is None else labels, named, features)


def view_of(metric: pe.PostExportMetric, given: Tensors) -> Any:
    ((view,),) = {computation.views for computation in metric.computations(given)}
    return view


@pytest.mark.parametrize(
    ("settings", "predictions", "expected"),
    [
        ({}, ["logits", "probabilities", "logistic"], "logistic"),
        ({}, ["logits", "predictions"], "predictions"),
        ({}, ["__predictions"], "__predictions"),
        ({"target_prediction_keys": ["a", "b"]}, ["b", "logistic"], "b"),
        ({"metric_tag": "head"}, ["other/logistic", "head/logits"], "head/logits"),
        # as in TFMA, names without the tag come first
        ({"metric_tag": "head"}, ["head/logistic", "logits"], "logits"),
        ({"metric_tag": "head_1", "tensor_index": 1}, ["head/logits"], "head/logits"),
    ],
)
def test_predictions(settings: Any, predictions: list[str], expected: str) -> None:
    given = Tensors({"__labels": IDS}, dict.fromkeys(predictions, THREE))
    if "tensor_index" not in settings:
        given = Tensors({"__labels": ONE}, dict.fromkeys(predictions, ONE))
    assert view_of(pe.auc(**settings), given).prediction == Source(PREDICTIONS, expected)


@pytest.mark.parametrize(
    ("settings", "labels", "expected"),
    [
        ({}, ["__labels"], "__labels"),
        ({"labels_key": "b"}, ["__labels"], "__labels"),
        ({}, ["only"], "only"),
        ({"labels_key": "b"}, ["a", "b"], "b"),
        ({"metric_tag": "b"}, ["a", "b"], "b"),
    ],
)
def test_labels(settings: Any, labels: list[str], expected: str) -> None:
    given = tensors(dict.fromkeys(labels, ONE), logistic=ONE)
    assert view_of(pe.calibration(**settings), given).label == Source(LABELS, expected)


def test_weights_and_class() -> None:
    metric = pe.mean_squared_error(example_weight_key="weight", tensor_index=2)
    view = view_of(metric, tensors({"__labels": IDS}, probabilities=THREE))
    assert view.weight == Source(FEATURES, "weight")
    assert view.class_id == 2
    assert not view.is_flattened


def test_labels_of_each_class() -> None:
    assert view_of(pe.auc(), tensors({"y": THREE}, probabilities=THREE)).is_flattened


def test_names_of_classes() -> None:
    given = tensors({"__labels": NAMES}, logistic=ONE, all_classes=Tensor("string", 2, 2))
    for metric in (pe.auc(), pe.fairness_indicators()):
        assert metric.label_classes(given) == {
            Source(LABELS, "__labels"): Source(PREDICTIONS, "all_classes")
        }
    assert not pe.example_count().label_classes(given)
    assert not pe.auc().label_classes(tensors(logistic=ONE))


@pytest.mark.parametrize(
    ("given", "label", "classes"),
    [
        # names in the order of their numbers
        (tensors({"y": NAMES}, all_classes=ALL_NAMES), "labels/y", "predictions/all_classes"),
        # numbers need no names
        (tensors({"y": IDS}, all_classes=ALL_NAMES), "y", None),
        (tensors({"y": IDS}), "y", None),
        # some classes, ranked
        (tensors({"y": IDS}, classes=Tensor("i", 2, 3)), "labels/y", "predictions/classes"),
        # the highest alone
        (tensors({"y": IDS}, classes=NAMES), "y", None),
    ],
)
def test_classes_at_k(given: Tensors, label: str, classes: str | None) -> None:
    given = Tensors(given.labels, {**given.predictions, "probabilities": THREE})
    view = view_of(pe.recall_at_k([1]), given)
    assert view.label.name == label
    assert [feature.name for feature in view.features] == ([] if classes is None else [classes])


PROBLEMS = [
    (
        pe.auc(metric_tag="head"),
        tensors(score=ONE),
        "'auc' looks for predictions named 'logistic', 'predictions', 'probabilities', 'logits', "
        "'head/logistic', 'head/predictions', 'head/probabilities', 'head/logits'; the model has "
        "'score'. Name one in target_prediction_keys.",
    ),
    (
        pe.auc(),
        tensors({"a": ONE, "b": ONE}, logistic=ONE),
        "the model has several: 'a', 'b'. Name one in labels_key.",
    ),
    (
        pe.auc(labels_key="clicks"),
        tensors({"click": ONE, "b": ONE}, logistic=ONE),
        "looks for labels named 'clicks' (did you mean 'click'?); the model has 'click', 'b'.",
    ),
    (pe.auc(), tensors({}, logistic=ONE), "needs labels, and the model has none"),
    (
        pe.auc(),
        tensors({"__labels": NAMES}, logistic=ONE),
        "'__labels' are strings. Predictions named 'all_classes' would say which class has which",
    ),
    (
        pe.auc(),
        tensors({"__labels": IDS}, probabilities=THREE),
        "the predictions 'probabilities' have 3, the labels '__labels' 1. Name a class in tensor_i",
    ),
    (
        pe.auc(tensor_index=3),
        tensors({"__labels": IDS}, probabilities=THREE),
        "for class 3 (tensor_index); the predictions 'probabilities' have classes from 0 to 2.",
    ),
    (
        pe.auc(tensor_index=0),
        tensors(logistic=ONE),
        "the predictions 'logistic' have one number a row.",
    ),
    (
        pe.example_weight("weigth"),
        tensors(),
        "for the feature 'weigth' (did you mean 'weight'?); the model has 'weight', 'country'",
    ),
    (pe.fairness_auc("country"), tensors(logistic=ONE), "'country' of the features are strings"),
    (pe.precision_at_k([1]), tensors({"y": IDS}), "looks for predictions named 'probabilities'"),
    (
        pe.precision_at_k([1], classes_key="names"),
        tensors({"y": IDS}, probabilities=THREE),
        "looks for predictions named 'names'; the model has 'probabilities'. Name one in classes_k",
    ),
    (
        pe.precision_at_k([1]),
        tensors({"y": NAMES}, probabilities=THREE),
        "looks for predictions named 'all_classes', 'classes'; the model has 'probabilities'",
    ),
]


@pytest.mark.parametrize(("metric", "given", "message"), PROBLEMS)
def test_problems(metric: pe.PostExportMetric, given: Tensors, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        metric.computations(given)


@pytest.mark.parametrize(
    "make",
    [
        lambda: pe.auc(curve="LIFT"),
        lambda: pe.auc(num_buckets=0),
        lambda: pe.auc_plots(num_buckets=0),
        lambda: pe.calibration_plot_and_prediction_histogram(num_buckets=0),
        lambda: pe.confusion_matrix_at_thresholds([]),
        lambda: pe.precision_at_k([]),
        lambda: pe.recall_at_k([-1]),
    ],
)
def test_settings_that_are_refused(make: Any) -> None:
    with pytest.raises(ConfigError):
        make()


@pytest.mark.parametrize("metric", [problem[0] for problem in PROBLEMS], ids=lambda m: m.name)
def test_survives_pickling(metric: pe.PostExportMetric) -> None:
    assert pickle.loads(pickle.dumps(metric)) == metric
    assert hash(metric) == hash(pickle.loads(pickle.dumps(metric)))
