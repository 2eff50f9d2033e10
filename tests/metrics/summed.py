"""Sums over all rows of examples, by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from microtome.metrics.collection import Collection, Computation
from microtome.metrics.metric import Metric
from microtome.metrics.views import Examples, View


def sums_of(collection: Collection, examples: Examples) -> np.ndarray:
    """The state `[1, layout.width]` of the one slice that all rows stand in."""
    layout = collection.layout
    dense, scattered = collection.added(examples)
    state = np.zeros(layout.width)
    state[: layout.dense] = dense.sum(axis=0)
    for item, offset, (bins, k) in zip(scattered, layout.offsets, layout.shapes, strict=False):
        kept = item.index >= 0
        for j in range(k):
            counts = np.bincount(item.index[kept], item.values[kept, j], minlength=bins)
            state[offset + j * bins : offset + (j + 1) * bins] = counts
    return state[None, :]


def value_of(metric: Metric, examples: Examples, **view: Any) -> Any:
    """The value for all rows; of several metrics, by their names."""
    view = {"of_classes": metric.of_classes, **view}
    collection = Collection((Computation("it", metric, (View(**view),)),))
    sums = sums_of(collection, examples)
    values = dict(collection.plots(sums)) if metric.is_plot else collection.compute(sums)
    return values["it"][0] if "it" in values else {key: item[0] for key, item in values.items()}


def part_of(examples: Examples, rows: Any) -> Examples:
    """Some of the examples."""
    columns = {source: array[rows] for source, array in examples.columns.items()}
    return Examples(len(next(iter(columns.values()))), columns)


def flat(message: Any) -> Mapping[str, Any]:
    """The numbers of a message, zeros as well, by where they stand."""
    return dict(_leaves(message, ""))


def _leaves(message: Any, path: str) -> Any:
    for field in message.DESCRIPTOR.fields:
        name, value = f"{path}{field.name}", getattr(message, field.name)
        if field.label == field.LABEL_REPEATED:
            for i, item in enumerate(value):
                yield from _leaves(item, f"{name}[{i}].")
        elif field.message_type is None and field.type != field.TYPE_STRING:
            yield name, value
        elif field.message_type is not None and message.HasField(field.name):
            yield from _leaves(value, f"{name}.")
