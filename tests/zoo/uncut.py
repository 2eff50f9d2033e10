"""Metrics that are not sums over rows, or that hide it: for these the graph itself must be run.

With Keras metrics that update their state inside a `tf.function`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tests.zoo.custom import Metrics, builder
from tests.zoo.models import Built


def _variable(name: str, shape: tuple[int, ...] = (), initial: float = 0.0) -> tf.Variable:
    keys = tf.compat.v1.GraphKeys
    return tf.compat.v1.get_variable(
        name,
        shape,
        initializer=tf.compat.v1.constant_initializer(initial),
        trainable=False,
        collections=[keys.LOCAL_VARIABLES, keys.METRIC_VARIABLES],
    )


def covariance(x: tf.Tensor, y: tf.Tensor, name: str = "covariance") -> tuple[tf.Tensor, tf.Tensor]:
    """Streaming covariance: what is added depends on the mean so far.

    Formula: Chan, Golub & LeVeque 1979, merge of two sets' co-moments.
    """
    with tf.compat.v1.variable_scope(name):
        count, mean_x, mean_y, moment = (
            _variable(part) for part in ("count", "mean_x", "mean_y", "moment")
        )
    rows = tf.cast(tf.size(x), tf.float32)
    before = [tf.identity(variable.read_value()) for variable in (count, mean_x, mean_y)]
    with tf.control_dependencies(before):
        total = before[0] + rows
        delta_x = tf.reduce_mean(x) - before[1]
        delta_y = tf.reduce_mean(y) - before[2]
        batch = tf.reduce_sum((x - tf.reduce_mean(x)) * (y - tf.reduce_mean(y)))
        update = tf.group(
            count.assign_add(rows),
            mean_x.assign_add(delta_x * rows / total),
            mean_y.assign_add(delta_y * rows / total),
            moment.assign_add(batch + delta_x * delta_y * before[0] * rows / total),
        )
    with tf.control_dependencies([update]):
        update_value = tf.identity(rows)
    return tf.math.divide_no_nan(moment.read_value(), count.read_value()), update_value


def maximum(x: tf.Tensor, name: str = "maximum") -> tuple[tf.Tensor, tf.Tensor]:
    """The largest value met, or 0: the state is assigned, not added to."""
    variable = _variable(name)
    update = variable.assign(tf.maximum(variable.read_value(), tf.reduce_max(x)))
    return variable.read_value(), tf.identity(update)


def from_minus_one(x: tf.Tensor, name: str = "from_minus_one") -> tuple[tf.Tensor, tf.Tensor]:
    """A sum that starts at -1: it can be cut, but two partial states may not simply be added."""
    variable = _variable(name, initial=-1.0)
    update = variable.assign_add(tf.reduce_sum(x))
    return variable.read_value(), tf.identity(update)


def mean_of_batches(x: tf.Tensor, name: str = "batches") -> tuple[tf.Tensor, tf.Tensor]:
    """Mean over batches of the batch's mean: depends on how rows are batched."""
    return tf.compat.v1.metrics.mean(tf.reduce_mean(x), name=name)


def absolute_of_sum(x: tf.Tensor, name: str = "absolute") -> tuple[tf.Tensor, tf.Tensor]:
    """Adds up |sum of the batch|: a reduction, but not linear after it."""
    variable = _variable(name)
    update = variable.assign_add(tf.abs(tf.reduce_sum(x)))
    return variable.read_value(), tf.identity(update)


def centred(x: tf.Tensor, name: str = "centred") -> tuple[tf.Tensor, tf.Tensor]:
    """A sum of squares about the batch's mean: each row's part depends on the other rows."""
    variable = _variable(name)
    update = variable.assign_add(tf.reduce_sum(tf.square(x - tf.reduce_mean(x))))
    return variable.read_value(), tf.identity(update)


def in_python(x: tf.Tensor, name: str = "in_python") -> tuple[tf.Tensor, tf.Tensor]:
    """A sum taken in Python: additive, though no graph shows it.

    It lives in `add_metrics_callbacks`; a model that is exported with it cannot be run.
    """
    variable = _variable(name)
    total = tf.numpy_function(lambda values: np.float32(np.sum(np.sort(values))), [x], tf.float32)
    total.set_shape(())
    update = variable.assign_add(total)
    return variable.read_value(), tf.identity(update)


def in_function(
    metric: Any, label: tf.Tensor, prediction: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """A Keras metric whose update is hidden in a library function of the graph."""
    metric.build(label.shape, prediction.shape)
    for variable in metric.variables:
        for key in (
            tf.compat.v1.GraphKeys.LOCAL_VARIABLES,
            tf.compat.v1.GraphKeys.METRIC_VARIABLES,
        ):
            if variable not in tf.compat.v1.get_collection_ref(key):
                tf.compat.v1.add_to_collection(key, variable)

    @tf.function(autograph=False)
    def update(label: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
        metric.update_state(label, prediction)
        return tf.constant(0.0)

    return metric.result(), update(label, prediction)


def _uncut_metrics(features: Any, labels: Any, predictions: Any) -> Metrics:
    label, prediction = labels["bin"], predictions["bin"]
    return {
        "mean": tf.compat.v1.metrics.mean(prediction),
        "covariance": covariance(label, prediction),
        "maximum": maximum(features["age"]),
        "from_minus_one": from_minus_one(prediction),
        "mean_of_batches": mean_of_batches(prediction),
        "mean_tensor": tf.compat.v1.metrics.mean_tensor(tf.reduce_mean(predictions["mc"], axis=0)),
        "absolute_of_sum": absolute_of_sum(prediction - 0.5),
        "centred": centred(predictions["reg"]),
        "cosine_distance_of_columns": tf.compat.v1.metrics.mean_cosine_distance(
            tf.math.l2_normalize(label, axis=0), tf.math.l2_normalize(prediction, axis=0), dim=0
        ),
    }


def _python_metrics(features: Any, labels: Any, predictions: Any) -> Metrics:
    return {
        "mean": tf.compat.v1.metrics.mean(predictions["bin"]),
        "in_python": in_python(predictions["bin"]),
    }


def _function_metrics(features: Any, labels: Any, predictions: Any) -> Metrics:
    keras = tf.keras.metrics
    multi = tf.cast(labels["ml"], tf.float32)
    return {
        "mean": tf.compat.v1.metrics.mean(predictions["bin"]),
        "f1": in_function(keras.F1Score(threshold=0.5), multi, predictions["ml"]),
        "r2": in_function(keras.R2Score(), labels["reg"], predictions["reg"]),
    }


BATCH_DEPENDENT = (
    "mean_of_batches",
    "mean_tensor",
    "absolute_of_sum",
    "centred",
    "cosine_distance_of_columns",
)

MODELS: dict[str, Callable[[str], Built]] = {
    "uncut_metrics": builder(_uncut_metrics, uncut=("covariance", "maximum", *BATCH_DEPENDENT)),
    "function_metrics": builder(_function_metrics, uncut=("f1", "r2")),
}

python_metrics = builder(_python_metrics, uncut=("in_python",))
