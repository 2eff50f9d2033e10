"""The zoo's examples read with nothing of Microtome's: their columns, and who stands in a slice."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

# what the models' feature specs give where a row has none
DEFAULTS = {"country": [""], "slice_key": [""]}


def columns_of(record: bytes) -> dict[str, list[Any]]:
    """The values of each column of a serialised `tf.Example`; those without any are left out."""
    columns: dict[str, list[Any]] = dict(DEFAULTS)
    for name, feature in tf.train.Example.FromString(record).features.feature.items():
        values = feature.float_list.value or feature.int64_list.value or feature.bytes_list.value
        columns[name] = [v.decode() if isinstance(v, bytes) else v for v in values]
    if "age" in columns:
        # the receivers of trained models add it
        columns["age_group"] = [str(int(columns["age"][0] // 20) * 20)]
    return columns


def stands_in(record: bytes, key: tuple[tuple[str, Any], ...]) -> bool:
    """Whether an example of one row stands in a slice."""
    columns = columns_of(record)
    return all(value in columns.get(column, []) for column, value in key)
