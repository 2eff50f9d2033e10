"""The zoo's data: people, with a binary, a multi-class, a multi-label and a regression label each.

Every example has all columns; a model's feature spec picks those that it needs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

COUNTRIES = ("de", "fr", "in", "us", "za")
LANGUAGES = ("c", "go", "py", "rust")
CLASS_NAMES = ("high", "low", "mid")
NUM_LABELS = 3
SLICE_FEATURES = ["country", "languages", "age_group", "level", "segment"]

SPEC: dict[str, Any] = {
    "age": tf.io.FixedLenFeature([1], tf.float32),
    "level": tf.io.FixedLenFeature([1], tf.int64),
    "country": tf.io.FixedLenFeature([1], tf.string, default_value=[""]),
    "languages": tf.io.VarLenFeature(tf.string),
    "scores": tf.io.VarLenFeature(tf.float32),
    "segment": tf.io.VarLenFeature(tf.string),
    "weight": tf.io.FixedLenFeature([1], tf.float32),
    "label": tf.io.FixedLenFeature([1], tf.float32),
    "label_class": tf.io.FixedLenFeature([1], tf.int64),
    "label_name": tf.io.FixedLenFeature([1], tf.string),
    "label_multi": tf.io.FixedLenFeature([NUM_LABELS], tf.int64),
    "target": tf.io.FixedLenFeature([1], tf.float32),
    "target_pair": tf.io.FixedLenFeature([2], tf.float32),
    "count": tf.io.FixedLenFeature([1], tf.float32),
}
LABELS = ("label", "label_class", "label_name", "label_multi", "target", "target_pair", "count")


def people(num_rows: int = 300, seed: int = 7) -> list[bytes]:
    """Serialised `tf.Example`s with the columns of `SPEC`.

    `languages` has 0 to 3 values a row, sometimes the same one twice; `country` and `segment` are
    missing in some rows.
    """
    rng = np.random.default_rng(seed)
    return [_person(rng) for _ in range(num_rows)]


def _person(rng: np.random.Generator) -> bytes:
    age = float(np.round(rng.uniform(18, 90), 1))
    level = int(rng.integers(1, 6))
    country = str(rng.choice(COUNTRIES, p=(0.3, 0.25, 0.2, 0.2, 0.05)))
    languages = [str(language) for language in rng.choice(LANGUAGES, size=rng.integers(0, 4))]
    merit = 0.03 * (age - 50) + 0.4 * (level - 3) + (0.8 if "py" in languages else -0.2)
    noisy = merit + rng.normal()
    rank = int(np.digitize(noisy, (-0.5, 0.8)))
    columns: dict[str, Any] = {
        "age": [age],
        "level": [level],
        "languages": languages,
        "scores": [float(score) for score in rng.normal(size=rng.integers(1, 4))],
        "weight": [float(np.round(rng.uniform(0.5, 3.0), 2))],
        "label": [float(noisy > 0)],
        "label_class": [rank],
        "label_name": [("low", "mid", "high")[rank]],
        "label_multi": [int(value > 0) for value in merit + rng.normal(size=NUM_LABELS)],
        "target": [float(2 * noisy + 5)],
        "target_pair": [float(2 * noisy + 5), float(age / 10 + rng.normal())],
        "count": [float(rng.poisson(np.exp(0.5 * merit)))],
    }
    if rng.random() > 0.05:
        columns["country"] = [country]
    if rng.random() > 0.3:
        columns["segment"] = [str(rng.choice(["a", "b"]))]
    return example(columns)


def example(columns: dict[str, Any]) -> bytes:
    """One serialised `tf.Example`.

    The type of a column is that of its first value; empty columns are left out.
    """
    features = {}
    for name, values in columns.items():
        if not values:
            continue
        if isinstance(values[0], float):
            features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
        elif isinstance(values[0], int):
            features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        else:
            values = [tf.compat.as_bytes(value) for value in values]
            features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(
        deterministic=True
    )
