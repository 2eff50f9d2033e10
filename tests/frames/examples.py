"""tf.Examples made of dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf


def feature(value: Any) -> tf.train.Feature:
    """A feature of the type of its first value; none where there is no value."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    if not values:
        return tf.train.Feature()
    if isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    if isinstance(values[0], int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    encoded = [value.encode() if isinstance(value, str) else value for value in values]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))


def features(row: Mapping[str, Any]) -> tf.train.Features:
    return tf.train.Features(feature={name: feature(value) for name, value in row.items()})


def serialized(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """An object array of serialized tf.Examples."""
    records = np.empty(len(rows), object)
    records[:] = [tf.train.Example(features=features(row)).SerializeToString() for row in rows]
    return records
