"""Models with a `model_fn` of their own, rich in metrics of `tf.compat.v1.metrics` or Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tests.zoo import data, training
from tests.zoo.models import Built

Metrics = dict[str, Any]
MetricsFn = Callable[[dict[str, tf.Tensor], dict[str, tf.Tensor], dict[str, tf.Tensor]], Metrics]

LABELS = {"bin": "label", "mc": "label_class", "ml": "label_multi", "reg": "target"}
thresholds = [0.2, 0.5, 0.7]


def model_fn_with(eval_metrics: MetricsFn) -> Callable[..., Any]:
    """A small net with a binary, a multi-class, a multi-label and a regression output."""

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        predictions, logits = _net(features)
        if mode == tf.estimator.ModeKeys.PREDICT:
            return tf.estimator.EstimatorSpec(mode, predictions=predictions)
        loss = _loss(labels, logits)
        if mode == tf.estimator.ModeKeys.TRAIN:
            step = tf.compat.v1.train.get_or_create_global_step()
            train_op = tf.compat.v1.train.GradientDescentOptimizer(0.1).minimize(loss, step)
            return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)
        metrics = eval_metrics(features, labels, predictions)
        return tf.estimator.EstimatorSpec(
            mode, predictions=predictions, loss=loss, eval_metric_ops=metrics
        )

    return model_fn


def _net(features: Any) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    age = (features["age"] - 50) / 20
    level = (tf.cast(features["level"], tf.float32) - 3) / 2
    country = tf.strings.to_hash_bucket_fast(features["country"][:, 0], 8)
    languages = tf.strings.to_hash_bucket_fast(features["languages"].values, 8)
    bags = tf.scatter_nd(
        tf.stack([features["languages"].indices[:, 0], languages], axis=1),
        tf.ones(tf.shape(languages)),
        tf.stack([tf.shape(age, tf.int64)[0], 8]),
    )
    inputs = tf.concat([age, level, tf.one_hot(country, 8), bags], axis=1)
    kernel = tf.compat.v1.get_variable("kernel", [18, 8])
    bias = tf.compat.v1.get_variable("bias", [8], initializer=tf.compat.v1.zeros_initializer())
    outputs = tf.matmul(inputs, kernel) + bias
    logits = {
        "bin": outputs[:, 0:1],
        "mc": outputs[:, 1:4],
        "ml": outputs[:, 4:7],
        "reg": outputs[:, 7:8],
    }
    predictions = {
        "bin": tf.sigmoid(logits["bin"]),
        "mc": tf.nn.softmax(logits["mc"]),
        "class": tf.argmax(logits["mc"], axis=1)[:, None],
        "ml": tf.sigmoid(logits["ml"]),
        "reg": 5 + logits["reg"],
    }
    return predictions, logits


def _loss(labels: dict[str, tf.Tensor], logits: dict[str, tf.Tensor]) -> tf.Tensor:
    losses = [
        tf.nn.sigmoid_cross_entropy_with_logits(labels=labels["bin"], logits=logits["bin"])[:, 0],
        tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=labels["mc"][:, 0], logits=logits["mc"]
        ),
        tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(
                labels=tf.cast(labels["ml"], tf.float32), logits=logits["ml"]
            ),
            axis=1,
        ),
        tf.square(labels["reg"] - 5 - logits["reg"])[:, 0] / 10,
    ]
    return tf.reduce_mean(tf.add_n(losses))


def _tf_metrics(features: Any, labels: Any, predictions: Any) -> Metrics:
    m = tf.compat.v1.metrics
    weight, hit = features["weight"], predictions["bin"] > 0.5
    target, value = labels["reg"], predictions["reg"]
    directions = [
        tf.math.l2_normalize(tf.cast(tensor["ml"], tf.float32), axis=1)
        for tensor in (labels, predictions)
    ]
    return {
        "mean": m.mean(predictions["bin"]),
        "mean_of_rows": m.mean(predictions["mc"]),
        "mean_weighted": m.mean(value, weight),
        "accuracy": m.accuracy(labels["mc"], predictions["class"]),
        "accuracy_weighted": m.accuracy(labels["mc"], predictions["class"], weight),
        "mae": m.mean_absolute_error(target, value),
        "mse": m.mean_squared_error(target, value, weight),
        "rmse": m.root_mean_squared_error(target, value),
        "mre": m.mean_relative_error(target, value, tf.abs(target) + 1),
        "mean_iou": m.mean_iou(labels["mc"], predictions["class"], 3),
        "mean_iou_weighted": m.mean_iou(labels["mc"], predictions["class"], 3, weight),
        "mean_per_class_accuracy": m.mean_per_class_accuracy(labels["mc"], predictions["class"], 3),
        "mean_per_class_accuracy_weighted": m.mean_per_class_accuracy(
            labels["mc"], predictions["class"], 3, weight
        ),
        "precision": m.precision(labels["bin"], hit, weight),
        "recall": m.recall(labels["bin"], hit),
        "precision_at_thresholds": m.precision_at_thresholds(
            labels["bin"], predictions["bin"], thresholds, weight
        ),
        "recall_at_thresholds": m.recall_at_thresholds(
            labels["bin"], predictions["bin"], thresholds
        ),
        "recall_at_1": m.recall_at_k(labels["mc"], predictions["mc"], 1),
        "recall_at_2": m.recall_at_k(labels["mc"], predictions["mc"], 2, weights=weight[:, 0]),
        "recall_at_2_class_1": m.recall_at_k(labels["mc"], predictions["mc"], 2, class_id=1),
        "precision_at_2": m.precision_at_k(labels["mc"], predictions["mc"], 2),
        "precision_at_top_k": m.precision_at_top_k(
            labels["mc"], tf.math.top_k(predictions["mc"], 2).indices, 2
        ),
        "average_precision_at_2": m.average_precision_at_k(labels["mc"], predictions["mc"], 2),
        "sensitivity_at_specificity": m.sensitivity_at_specificity(
            labels["bin"], predictions["bin"], 0.6
        ),
        "specificity_at_sensitivity": m.specificity_at_sensitivity(
            labels["bin"], predictions["bin"], 0.6, weight
        ),
        "cosine_distance": m.mean_cosine_distance(*directions, dim=1),
        "percentage_below": m.percentage_below(value, 5.0, weight),
        "true_positives": m.true_positives(labels["bin"], hit),
        "true_negatives": m.true_negatives(labels["bin"], hit, weight),
        "false_positives": m.false_positives(labels["bin"], hit),
        "false_negatives": m.false_negatives(labels["bin"], hit, weight),
        "true_positives_at_thresholds": m.true_positives_at_thresholds(
            labels["bin"], predictions["bin"], thresholds
        ),
        "false_negatives_at_thresholds": m.false_negatives_at_thresholds(
            labels["bin"], predictions["bin"], thresholds, weight
        ),
        "true_negatives_at_thresholds": m.true_negatives_at_thresholds(
            labels["bin"], predictions["bin"], thresholds
        ),
        "false_positives_at_thresholds": m.false_positives_at_thresholds(
            labels["bin"], predictions["bin"], thresholds
        ),
        "auc": m.auc(labels["bin"], predictions["bin"], weight),
        "auc_flat": m.auc(labels["ml"], predictions["ml"]),
        "auc_pr_careful": m.auc(
            labels["bin"],
            predictions["bin"],
            num_thresholds=50,
            curve="PR",
            summation_method="careful_interpolation",
        ),
        "auc_minoring": m.auc(labels["bin"], predictions["bin"], summation_method="minoring"),
    }


def _keras_metrics(features: Any, labels: Any, predictions: Any) -> Metrics:
    k = tf.keras.metrics
    weight = features["weight"]
    one_hot = tf.one_hot(labels["mc"][:, 0], 3)
    multi = tf.cast(labels["ml"], tf.float32)
    metrics: Metrics = {}

    def add(metric: Any, label: Any, prediction: Any, weights: Any = None, name: str = "") -> None:
        metric.update_state(label, prediction, sample_weight=weights)
        metrics[name or metric.name] = metric

    mean = k.Mean()
    mean.update_state(predictions["bin"], sample_weight=weight)
    total = k.Sum()
    total.update_state(predictions["reg"])
    metrics.update(mean=mean, sum=total)
    binary, classes, regression = predictions["bin"], predictions["mc"], predictions["reg"]
    add(k.BinaryAccuracy(), labels["bin"], binary, weight)
    add(k.Accuracy(), labels["mc"], predictions["class"])
    add(k.CategoricalAccuracy(), one_hot, classes, weight)
    add(k.SparseCategoricalAccuracy(), labels["mc"], classes)
    add(k.TopKCategoricalAccuracy(k=2), one_hot, classes)
    add(k.SparseTopKCategoricalAccuracy(k=2), labels["mc"], classes)
    add(k.AUC(), labels["bin"], binary, weight)
    add(k.AUC(curve="PR", num_thresholds=50, name="auc_pr"), labels["bin"], binary)
    add(k.AUC(thresholds=[0.1, 0.25, 0.6], name="auc_uneven"), labels["bin"], binary)
    add(k.AUC(multi_label=True, name="auc_multi_label"), multi, predictions["ml"])
    add(k.Precision(), labels["bin"], binary, weight)
    add(k.Precision(thresholds=[0.3, 0.6], name="precision_at"), labels["bin"], binary)
    add(k.Recall(), labels["bin"], binary)
    add(k.Recall(top_k=1, name="recall_top_1"), one_hot, classes)
    add(k.PrecisionAtRecall(0.6), labels["bin"], binary)
    add(k.RecallAtPrecision(0.6), labels["bin"], binary)
    add(k.SensitivityAtSpecificity(0.6), labels["bin"], binary, weight)
    add(k.SpecificityAtSensitivity(0.6), labels["bin"], binary)
    add(k.TruePositives(thresholds=0.4), labels["bin"], binary, weight)
    add(k.FalsePositives(), labels["bin"], binary)
    add(k.TrueNegatives(), labels["bin"], binary)
    add(k.FalseNegatives(), labels["bin"], binary)
    add(k.MeanIoU(3), labels["mc"], predictions["class"], weight)
    add(k.BinaryIoU(), labels["bin"], binary)
    add(k.RootMeanSquaredError(), labels["reg"], regression, weight)
    add(k.MeanSquaredError(), labels["reg"], regression, weight)
    add(k.MeanAbsoluteError(), labels["reg"], regression)
    add(k.MeanAbsolutePercentageError(), labels["reg"], regression)
    add(k.MeanSquaredLogarithmicError(), labels["reg"], regression)
    add(k.CosineSimilarity(axis=-1), multi, predictions["ml"])
    add(k.Hinge(), labels["bin"], binary)
    add(k.SquaredHinge(), labels["bin"], binary)
    add(k.CategoricalHinge(), one_hot, classes, weight)
    add(k.LogCoshError(), labels["reg"], regression)
    add(k.Poisson(), labels["bin"], binary)
    add(k.KLDivergence(), one_hot, classes)
    add(k.BinaryCrossentropy(), labels["bin"], binary, weight)
    add(k.CategoricalCrossentropy(), one_hot, classes)
    add(k.SparseCategoricalCrossentropy(), labels["mc"], classes)
    return metrics


def builder(
    eval_metrics: MetricsFn, weight: str | None = None, uncut: tuple[str, ...] = ()
) -> Callable[[str], Built]:
    """A builder of the custom net with these metrics."""

    def build(home: str) -> Built:
        records = data.people()
        estimator = tf.estimator.Estimator(
            model_fn_with(eval_metrics), config=training.run_config(home)
        )
        return Built(
            model_path=training.train_and_export(estimator, records, home, LABELS),
            records=records,
            slice_features=data.SLICE_FEATURES,
            example_weight_key=weight,
            uncut=uncut,
        )

    return build


MODELS: dict[str, Callable[[str], Built]] = {
    "tf_metrics": builder(_tf_metrics, "weight"),
    "keras_metrics": builder(_keras_metrics, "weight"),
}
