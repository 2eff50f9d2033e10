"""A loaded model at work: from serialized examples to what they contribute to each slice's sums."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from microtome.model.contributions import fetcher_for
from microtome.model.feeding import Records, RowFeeder
from microtome.model.loading import LoadedModel
from microtome.model.parts import MAX_TENSOR_BYTES, run_in_parts
from microtome.model.plan import Path, Plan
from microtome.model.reference import ReferenceGraph, RowsFeed
from microtome.model.structure import Structure, analyze
from microtome.slicing.contributions import Contributions, concatenate


class ModelEvaluator:
    """Computes, by a plan, what batches of examples contribute.

    Safe to use from several threads.

    Args:
        model: the loaded model; ops are added to its graph, which is then closed to changes.
        plan: made by `make_plan` for the same model.
        features: names of the slicing features to fetch.
        max_tensor_bytes: bounds the examples that go through the model at once.
    """

    def __init__(
        self,
        model: LoadedModel,
        plan: Plan,
        features: Sequence[str],
        max_tensor_bytes: int = MAX_TENSOR_BYTES,
    ):
        self.plan = plan
        self._model = model
        self._lock = threading.Lock()
        with model.graph.as_default():
            self._fetcher = fetcher_for(
                model,
                plan.dense,
                plan.scattered,
                features,
                plan.weight_keys,
                plan.collection.all_sources,
            )
            self._rows_at_once = max(1, max_tensor_bytes // self._fetcher.row_bytes)
            self._feeder: RowFeeder | None = None
            self._summing = self._listing = None
            summed, listed = plan.on(Path.REFERENCE_SUMS), plan.listed
            if summed or listed:
                structure = analyze(model)
                self._feeder = RowFeeder(model)
                self._summing = _reference(model, structure, summed)
                self._listing = _reference(model, structure, listed)
        model.graph.finalize()

    def contributions(self, records: Records) -> Contributions:
        """What each row of a batch contributes.

        A batch whose tensors would take too much memory goes through the model in parts. One that
        the model refuses is halved until the refused example stands alone.

        Raises:
            RefusedExampleError: the model refuses an example.
            DataError: a metric outside the graph cannot be computed.
        """
        whole = run_in_parts(self._fetcher, concatenate, records, self._rows_at_once)
        return self.plan.collection.contribute(whole)

    def rows_feed(self, records: Records) -> RowsFeed:
        """Prepares a batch for the reference path."""
        assert self._feeder is not None
        with self._lock:
            return self._feeder.load(records)

    def reference_sums(self, feed: RowsFeed, rows: np.ndarray) -> np.ndarray:
        """What some rows add to the variables of `Plan.summed`: float64 `[summed_width]`."""
        assert self._summing is not None
        parts = np.array_split(rows, -(-len(rows) // self._rows_at_once))
        with self._lock:
            sums = [self._summing.sums([(feed, part)]) for part in parts]
        added = [np.sum(of_variable, axis=0) for of_variable in zip(*sums, strict=True)]
        by_name = {v.name: amount for v, amount in zip(self._summing.variables, added, strict=True)}
        return np.concatenate([by_name[name].reshape(-1) for name in self.plan.summed])

    def reference_values(self, batches: Sequence[tuple[Records, np.ndarray]]) -> Mapping[str, Any]:
        """The metrics of the path REFERENCE_ROWS over the rows of one slice.

        Args:
            batches: examples, and which of their rows stand in the slice.
        """
        assert self._listing is not None
        feeds = [(self.rows_feed(records), rows) for records, rows in batches]
        wanted = self.plan.listed
        with self._lock:
            values = self._listing.values(feeds)
        return {name: values[name] for name in wanted}

    def close(self) -> None:
        self._model.close()


def _reference(
    model: LoadedModel, structure: Structure, metrics: Sequence[str]
) -> ReferenceGraph | None:
    if not metrics:
        return None
    updated = structure.updated_with(list(metrics))
    return ReferenceGraph(model, metrics, updated, structure.written_by(updated))
