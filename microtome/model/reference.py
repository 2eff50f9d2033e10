"""The reference path: the metric graph itself, run on the rows of one slice.

It is right for every metric, additive or not, and slow. It computes what cannot be cut, and is the
oracle for what can.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from microtome.model.loading import LoadedModel
from microtome.model.variables import MetricVariable, assign_variable, read_variable

# gives the feed for some of a batch's rows
RowsFeed = Callable[[np.ndarray], dict[tf.Tensor, Any]]
# batches with the rows to take of each
Batches = Sequence[tuple[RowsFeed, np.ndarray]]


class ReferenceGraph:
    """Resets, updates and reads the metrics of a model's own graph.

    Args:
        model: the loaded model; ops are added to its graph.
        metrics: names of the metrics to read.
        updated: names of the metrics to update.
        variables: all variables that these updates write.
    """

    def __init__(
        self,
        model: LoadedModel,
        metrics: Sequence[str],
        updated: Sequence[str],
        variables: Sequence[MetricVariable],
    ):
        self.variables = tuple(variables)
        self._session = model.session
        with model.graph.as_default():
            self._reset = tf.group(
                *(
                    assign_variable(variable.op, tf.constant(variable.initial, variable.dtype))
                    for variable in self.variables
                )
            )
            self._read = [read_variable(variable.op) for variable in self.variables]
            self._update = tf.group(*(model.metrics[name][1] for name in updated))
            self._values = {name: model.metrics[name][0] for name in metrics}

    def sums(self, batches: Batches) -> list[np.ndarray]:
        """What the batches add to each variable: float64, of the variables' shapes."""
        self._update_with(batches)
        return [
            np.asarray(value, np.float64) - np.asarray(variable.initial, np.float64)
            for variable, value in zip(self.variables, self._session.run(self._read), strict=True)
        ]

    def values(self, batches: Batches) -> dict[str, Any]:
        """The metrics' values over the batches."""
        self._update_with(batches)
        return self._session.run(self._values)

    def reset(self) -> None:
        """Gives the variables their initial values."""
        self._session.run(self._reset)

    def _update_with(self, batches: Batches) -> None:
        self.reset()
        try:
            for feed, rows in batches:
                self._session.run(self._update, feed(rows))
        except (tf.errors.InvalidArgumentError, tf.errors.ResourceExhaustedError):
            # some models refuse large batches
            self.reset()
            for feed, rows in batches:
                for row in rows:
                    self._session.run(self._update, feed(np.asarray([row])))
