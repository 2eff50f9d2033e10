"""Checks that what a row contributes does not depend on the other rows of its batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from microtome.metrics.views import Source
from microtome.model.check import close
from microtome.model.contributions import ContributionFetcher, fetcher_for
from microtome.model.feeding import Records
from microtome.model.leaves import DenseLeaf, Leaf, RowLayout, ScatteredLeaf
from microtome.model.loading import LoadedModel
from microtome.slicing.contributions import Contributions


def check_leaves(
    model: LoadedModel,
    leaves: Sequence[Leaf],
    examples: Records,
    features: Sequence[str] = (),
    weight_keys: Sequence[str] = (),
    sources: Sequence[Source] = (),
) -> tuple[dict[str, Leaf], dict[str, str]]:
    """Settles how tensors hold the rows, by a batch and some of its rows in another order.

    Args:
        leaves: some that each fetch something else.
        examples: serialized examples.
        features, weight_keys, sources: what is to be fetched with the leaves later on.

    Returns:
        The usable leaves, with their layouts, and why others are not usable, by output.
    """
    fetching = [leaf for leaf in leaves if isinstance(leaf, DenseLeaf | ScatteredLeaf)]
    usable = {leaf.output: leaf for leaf in leaves if leaf not in fetching}
    if fetching:
        forms = [form for leaf in fetching for form in _layouts(leaf)]
        fetcher = _fetcher(model, forms, features, weight_keys, sources)
        for form, before, after in _compare_batches(fetcher, forms, examples):
            if form.output not in usable and _agree(before, after):
                usable[form.output] = form
    refused = {
        leaf.output: f"what a row adds (to {leaf.output!r}) depends on the other rows of its batch"
        for leaf in leaves
        if leaf.output not in usable
    }
    return usable, refused


def _fetcher(
    model: LoadedModel,
    forms: Sequence[Leaf],
    features: Sequence[str],
    weight_keys: Sequence[str],
    sources: Sequence[Source],
) -> ContributionFetcher:
    # where all forms prove usable, the one that evaluates
    dense = [form for form in forms if isinstance(form, DenseLeaf)]
    scattered = [form for form in forms if isinstance(form, ScatteredLeaf)]
    return fetcher_for(model, dense, scattered, features, weight_keys, sources)


def _layouts(leaf: Any) -> list[Leaf]:
    layout = getattr(leaf, "layout", None)
    if layout is None or layout.per_row == 1:
        return [leaf]
    other = RowLayout(layout.per_row, interleaved=not layout.interleaved)
    return [leaf, dataclasses.replace(leaf, layout=other)]


def _compare_batches(
    fetcher: ContributionFetcher, forms: Sequence[Leaf], examples: Records
) -> Iterator[tuple[Leaf, list[np.ndarray], list[np.ndarray]]]:
    """Each form's values by row, for the same rows in the whole batch and in another."""
    order = np.arange(len(examples))[::-1][: max(2, len(examples) // 2 + 1)]
    order = np.zeros(2, np.int64) if len(examples) == 1 else order
    whole, part = fetcher(examples), fetcher([examples[i] for i in order])
    rows = order
    if whole.examples is not None:
        rows = _matching_rows(whole.examples, part.example_rows(), order)
    for form, before, after in zip(forms, _by_row(whole, forms), _by_row(part, forms), strict=True):
        yield form, [values[rows] for values in before], after


def _by_row(contributions: Contributions, forms: Sequence[Leaf]) -> Iterator[list[np.ndarray]]:
    """The values of each form, each array `[rows, n]`."""
    widths = [form.width for form in forms if isinstance(form, DenseLeaf)]
    start = contributions.dense.shape[1] - sum(widths)
    dense = iter(np.split(contributions.dense, start + np.cumsum([0, *widths]), axis=1)[1:])
    scattered = iter(contributions.scattered)
    for form in forms:
        if isinstance(form, ScatteredLeaf):
            item = next(scattered)
            yield [array.reshape(-1, form.per_row) for array in (item.index, item.values)]
        else:
            yield [next(dense)]


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
