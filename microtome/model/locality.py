"""Checks that what a row contributes does not depend on the other rows of its batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from microtome.model.check import close
from microtome.model.feeding import BatchRunner, Records
from microtome.model.leaves import DenseLeaf, Leaf, RowLayout, ScatteredLeaf
from microtome.model.loading import LoadedModel


def check_leaves(
    model: LoadedModel, leaves: Sequence[Leaf], examples: Records
) -> tuple[dict[str, Leaf], dict[str, str]]:
    """Settles how tensors hold the rows, by a batch and some of its rows in another order.

    Args:
        leaves: some that each fetch something else.
        examples: serialized examples.

    Returns:
        The usable leaves, with their layouts, and why others are not usable, by output.
    """
    fetching = [leaf for leaf in leaves if isinstance(leaf, DenseLeaf | ScatteredLeaf)]
    forms = [form for leaf in fetching for form in _layouts(leaf)]
    first, second = _compare_batches(model, forms, examples)
    usable = {leaf.output: leaf for leaf in leaves if leaf not in fetching}
    for form, before, after in zip(forms, first, second, strict=True):
        if form.output not in usable and _agree(before, after):
            usable[form.output] = form
    refused = {
        leaf.output: f"what a row adds (to {leaf.output!r}) depends on the other rows of its batch"
        for leaf in leaves
        if leaf.output not in usable
    }
    return usable, refused


def _layouts(leaf: Any) -> list[Leaf]:
    layout = getattr(leaf, "layout", None)
    if layout is None or layout.per_row == 1:
        return [leaf]
    other = RowLayout(layout.per_row, interleaved=not layout.interleaved)
    return [leaf, dataclasses.replace(leaf, layout=other)]


def _compare_batches(
    model: LoadedModel, forms: Sequence[Leaf], examples: Records
) -> tuple[list[list[np.ndarray]], list[list[np.ndarray]]]:
    """Each form's values by row, for the same rows in the whole batch and in another."""
    with model.graph.as_default():
        tensors = [tensor for form in forms for tensor in _by_row(form, model.graph)]
        refs = [] if model.input_refs is None else [tf.reshape(model.input_refs, [-1])]
    runner = BatchRunner(model, [*tensors, *refs])
    order = np.arange(len(examples))[::-1][: max(2, len(examples) // 2 + 1)]
    order = np.zeros(2, np.int64) if len(examples) == 1 else order
    (whole,), (part,) = runner(examples), runner([examples[i] for i in order])
    if refs:
        rows = _matching_rows(whole.pop(), part.pop(), order)
    else:
        rows = order
    widths = [len(_by_row_count(form)) for form in forms]
    return _regroup([values[rows] for values in whole], widths), _regroup(part, widths)


def _by_row(form: Leaf, graph: tf.Graph) -> list[tf.Tensor]:
    if isinstance(form, ScatteredLeaf):
        return [tf.reshape(tensor, [-1, form.per_row]) for tensor in form.fetch(graph)]
    assert isinstance(form, DenseLeaf)
    return [form.fetch(graph)]


def _by_row_count(form: Leaf) -> range:
    return range(2 if isinstance(form, ScatteredLeaf) else 1)


def _regroup(values: list[np.ndarray], widths: list[int]) -> list[list[np.ndarray]]:
    iterator = iter(values)
    return [[next(iterator) for _ in range(width)] for width in widths]


def _matching_rows(whole: np.ndarray, part: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The row of the first batch that each row of the second is.

    Args:
        whole, part: the example that each row came from, in the first and in the second batch.
        order: for each example of the second batch, its number in the first.
    """
    seen = np.zeros(len(order), np.int64)
    rows = []
    for position in part:
        occurrences = np.flatnonzero(whole == order[position])
        rows.append(occurrences[min(seen[position], len(occurrences) - 1)])
        seen[position] += 1
    return np.asarray(rows, np.int64)


def _agree(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return all(close(a, b, _column_scales(a)) for a, b in zip(first, second, strict=True))


def _column_scales(values: np.ndarray) -> np.ndarray:
    """The largest size of the finite numbers in each column."""
    sizes = np.abs(values)
    return np.max(sizes, axis=0, initial=0.0, where=np.isfinite(sizes))
