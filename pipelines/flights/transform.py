"""Transforms the flights with TensorFlow Transform, alike for training, evaluation and serving.

TFX's Transform calls `preprocessing_fn`.
"""

from __future__ import annotations

import tensorflow as tf
import tensorflow_transform as tft

SCALED = ("departure", "arrival", "distance", "plane_year", "plane_seats")
BUCKETS = {"departure": 4, "distance": 5}  # quantiles of the training rows
VOCABULARIES = ("carrier", "origin", "dest", "plane_type")
OOV_BUCKETS = 1
CATEGORIES = {"hour": 24, "weekday": 7}  # integers below that number already

LABEL = "late"
CLASSES = ("on time", "late")


def transformed_name(name: str) -> str:
    """What the feature `name` is called once it is transformed.

    Raw and transformed features stand side by side where a model is evaluated, so no two may have
    one name.
    """
    return f"{name}_xf"


def bucket_name(name: str) -> str:
    """What the bucket of the feature `name` is called."""
    return transformed_name(f"{name}_bucket")


def preprocessing_fn(
    inputs: dict[str, tf.Tensor | tf.SparseTensor],
) -> dict[str, tf.Tensor]:
    """Makes the features that the model learns from, and its label.

    Args:
        inputs: The raw features as the schema has them: sparse where some rows lack them, else
            dense `[rows, 1]`.

    Returns:
        All dense, `[rows]`: float32 z-scores of `SCALED` (a missing number is the mean), int64
        buckets of `BUCKETS`, int64 indices in the `VOCABULARIES` (what is missing or unknown comes
        after the known words), int64 `CATEGORIES`, and the label as one of `CLASSES`.
    """
    outputs = {}
    for name in SCALED:
        outputs[transformed_name(name)] = _dense(tft.scale_to_z_score(inputs[name]), 0.0)
    for name, buckets in BUCKETS.items():
        outputs[bucket_name(name)] = tft.bucketize(_dense(inputs[name], 0), buckets)
    for name in VOCABULARIES:
        outputs[transformed_name(name)] = tft.compute_and_apply_vocabulary(
            _dense(inputs[name], ""), num_oov_buckets=OOV_BUCKETS, vocab_filename=name
        )
    for name in CATEGORIES:
        outputs[transformed_name(name)] = _dense(inputs[name], 0)
    on_time, late = CLASSES
    outputs[transformed_name(LABEL)] = tf.where(_dense(inputs[LABEL], 0) > 0, late, on_time)
    return outputs


def _dense(feature: tf.Tensor | tf.SparseTensor, default: float | str) -> tf.Tensor:
    if isinstance(feature, tf.SparseTensor):
        shape = [feature.dense_shape[0], 1]
        one_a_row = tf.SparseTensor(feature.indices, feature.values, shape)
        feature = tf.sparse.to_dense(one_a_row, default)
    return tf.squeeze(feature, axis=1)
