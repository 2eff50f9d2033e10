"""Values of post-export metrics of columns in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from microtome.metrics.collection import Collection
from microtome.metrics.views import LABELS, PREDICTIONS, Examples, Source
from microtome.post_export_metrics import PostExportMetric, Tensor, Tensors
from microtome.post_export_metrics.codes import CODES, coded, joint_codes

Columns = Mapping[str, npt.NDArray[Any]]


def tensors_of(labels: Columns, predictions: Columns, features: Columns) -> Tensors:
    return Tensors(*(dict(map(_described, g.items())) for g in (labels, predictions, features)))


def _described(item: tuple[str, npt.NDArray[Any]]) -> tuple[str, Tensor]:
    name, column = item
    kind = "string" if column.dtype.kind in "SUO" else column.dtype.kind
    return name, Tensor(kind, column.ndim, column.shape[-1])


def values_of(
    metrics: Sequence[PostExportMetric],
    labels: Columns,
    predictions: Columns,
    features: Columns | None = None,
    plots: bool = False,
) -> dict[str, list[Any]]:
    """The values of one slice that holds all rows: by key, those of each computation."""
    groups = {"labels": labels, "predictions": predictions, "features": features or {}}
    tensors = tensors_of(*groups.values())
    found: dict[str, list[Any]] = {}
    for metric in metrics:
        collection = Collection(tuple(metric.computations(tensors)))
        names = metric.label_classes(tensors)
        columns = {
            source: _column(source, groups, names)
            for source in collection.sources
            if source.group != CODES
        }
        columns.update(_codes(groups))
        number = len(next(iter(labels.values())))
        sums = sums_of(collection, Examples(number, columns))
        for key, value in collection.plots(sums) if plots else collection.compute(sums).items():
            found.setdefault(key, []).append(value[0])
    return found


def sums_of(collection: Collection, examples: Examples) -> npt.NDArray[Any]:
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


def _column(
    source: Source, groups: Mapping[str, Columns], names: Mapping[Source, Source]
) -> npt.NDArray[Any]:
    column = groups[source.group][source.name]
    if source in names:
        classes = groups[PREDICTIONS][names[source].name][0]
        is_class = column == classes
        column = np.where(is_class.any(axis=1), is_class.argmax(axis=1), -1)
    return column.astype(np.float64)


def _codes(groups: Mapping[str, Columns]) -> Mapping[Source, npt.NDArray[Any]]:
    columns = {
        coded(group, name): column
        for group in (LABELS, PREDICTIONS)
        for name, column in groups[group].items()
    }
    return joint_codes(columns)
