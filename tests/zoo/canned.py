"""Models from canned estimators and heads, of TensorFlow 2 (V2) and TensorFlow 1 (V1)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tests.zoo import data, training
from tests.zoo.models import Built

v1 = tf.compat.v1.estimator
v2 = tf.estimator

HEADS = {"bin": "label", "mc": "label_class", "reg": "target", "ml": "label_multi"}


def _builder(
    make: Callable[..., Any],
    labels: str | Mapping[str, str],
    weight: str | None = None,
    uncut: tuple[str, ...] = (),
) -> Callable[[str], Built]:
    """A builder of the estimator that `make(home=..., config=..., [weight_column=...])` gives."""

    def build(home: str) -> Built:
        records = data.people()
        weighting = {} if weight is None else {"weight_column": weight}
        estimator = make(home=home, config=training.run_config(home), **weighting)
        return Built(
            model_path=training.train_and_export(estimator, records, home, labels),
            records=records,
            slice_features=data.SLICE_FEATURES,
            example_weight_key=weight,
            uncut=uncut,
        )

    return build


def _dnn(estimator: Any, **more: Any) -> Callable[..., Any]:
    def make(home: str, **common: Any) -> Any:
        return estimator(
            hidden_units=[8],
            feature_columns=training.feature_columns(),
            optimizer=_optimizer(estimator),
            **more,
            **common,
        )

    return make


def _optimizer(estimator: Any) -> Any:
    """One that learns in a few steps, of the kind that this era of Estimators takes."""
    if issubclass(estimator, tf.estimator.Estimator):
        return tf.keras.optimizers.legacy.Adagrad(0.3)
    return tf.compat.v1.train.AdagradOptimizer(0.3)


def _linear(estimator: Any, **more: Any) -> Callable[..., Any]:
    def make(home: str, **common: Any) -> Any:
        return estimator(feature_columns=training.sparse_columns(), **more, **common)

    return make


def _wide_and_deep(estimator: Any, **more: Any) -> Callable[..., Any]:
    def make(home: str, **common: Any) -> Any:
        return estimator(
            linear_feature_columns=training.sparse_columns(),
            dnn_feature_columns=training.feature_columns(),
            dnn_hidden_units=[8],
            dnn_optimizer=_optimizer(estimator),
            **more,
            **common,
        )

    return make


def _headed(head: Callable[..., Any]) -> Callable[..., Any]:
    """A DNN under the V2 head that `head([weight_column=...])` gives."""

    def make(home: str, config: Any, **weighting: Any) -> Any:
        return v2.DNNEstimator(
            head=head(**weighting),
            hidden_units=[8],
            feature_columns=training.feature_columns(),
            optimizer=_optimizer(v2.DNNEstimator),
            config=config,
        )

    return make


def _multi_head(**weighting: Any) -> Any:
    heads = [
        v2.BinaryClassHead(name="bin", thresholds=[0.3, 0.7], **weighting),
        v2.MultiClassHead(n_classes=3, name="mc", **weighting),
        v2.RegressionHead(name="reg", **weighting),
        _multi_label_head(name="ml", **weighting),
    ]
    return v2.MultiHead(heads)


def _multi_label_head(**more: Any) -> Any:
    return v2.MultiLabelHead(
        n_classes=data.NUM_LABELS, thresholds=[0.3], classes_for_class_based_metrics=[0, 2], **more
    )


def _with_assets(home: str, **common: Any) -> Any:
    """A linear model with a vocabulary file, and labels that are looked up."""
    vocabulary = os.path.join(home, "languages.txt")
    with open(vocabulary, "w", encoding="utf-8") as file:
        file.write("\n".join(data.LANGUAGES) + "\n")
    column = tf.feature_column.categorical_column_with_vocabulary_file("languages", vocabulary)
    return v1.LinearClassifier(
        feature_columns=[*training.sparse_columns()[:2], column],
        n_classes=3,
        label_vocabulary=list(data.CLASS_NAMES),
        **common,
    )


NAMED = {"n_classes": 3, "label_vocabulary": list(data.CLASS_NAMES)}
LOSSES = tuple(f"loss/{head}" for head in HEADS)

MODELS: dict[str, Callable[[str], Built]] = {
    "dnn_binary_v2": _builder(_dnn(v2.DNNClassifier), "label", "weight"),
    "linear_binary_v1": _builder(_linear(v1.LinearClassifier), "label"),
    "dnn_binary_v1": _builder(_dnn(v1.DNNClassifier), "label", "weight"),
    "linear_binary_v2": _builder(_linear(v2.LinearClassifier), "label"),
    "wide_deep_binary_v2": _builder(_wide_and_deep(v2.DNNLinearCombinedClassifier), "label"),
    "wide_deep_binary_v1": _builder(
        _wide_and_deep(v1.DNNLinearCombinedClassifier), "label", "weight"
    ),
    "dnn_multi_class_v2": _builder(_dnn(v2.DNNClassifier, n_classes=3), "label_class"),
    "dnn_multi_class_v1": _builder(_dnn(v1.DNNClassifier, n_classes=3), "label_class", "weight"),
    "linear_named_classes_v2": _builder(
        _linear(v2.LinearClassifier, **NAMED), "label_name", "weight"
    ),
    "linear_named_classes_assets_v1": _builder(_with_assets, "label_name"),
    "dnn_regression_v2": _builder(_dnn(v2.DNNRegressor), "target"),
    "dnn_regression_v1": _builder(_dnn(v1.DNNRegressor), "target", "weight"),
    "linear_regression_v2": _builder(_linear(v2.LinearRegressor), "target", "weight"),
    "linear_regression_v1": _builder(_linear(v1.LinearRegressor), "target"),
    "wide_deep_regression_v1": _builder(_wide_and_deep(v1.DNNLinearCombinedRegressor), "target"),
    "dnn_regression_2d_v2": _builder(
        _dnn(v2.DNNRegressor, label_dimension=2), "target_pair", "weight"
    ),
    "dnn_regression_2d_v1": _builder(_dnn(v1.DNNRegressor, label_dimension=2), "target_pair"),
    "poisson_regression_v2": _builder(_headed(v2.PoissonRegressionHead), "count", "weight"),
    "logistic_regression_v2": _builder(_headed(v2.LogisticRegressionHead), "label"),
    "multi_label_v2": _builder(_headed(_multi_label_head), "label_multi", "weight"),
    "multi_head_v2": _builder(_headed(_multi_head), HEADS, "weight", uncut=LOSSES),
}
