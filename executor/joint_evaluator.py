"""Several models at work on the same batches: what they contribute, side by side."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from microtome.errors import DataError, RefusedExampleError, UnusableExampleError
from microtome.executor.joint_plan import JointPlan
from microtome.metrics.collection import Collection
from microtome.metrics.keys import MetricKey
from microtome.metrics.views import Examples
from microtome.slicing.contributions import Contributions
from microtome.slicing.sums import Floats


class JointEvaluator:
    """Computes, by a joint plan, what batches of examples contribute. Each model runs once a batch.

    Safe to use from several threads, as its parts are.

    Args:
        plan: the plan.
        parts: the evaluators of the plan's parts.
        titles: words for each part, for messages.
    """

    def __init__(self, plan: JointPlan, parts: Sequence[Any], titles: Sequence[str]):
        self.plan = plan
        self._parts = tuple(parts)
        self._titles = tuple(titles)

    def contributions(self, records: Any) -> Contributions:
        """What each row of a batch contributes. The first part tells which slices it stands in.

        Raises:
            RefusedExampleError: a model refuses an example.
            DataError: the models make other rows of it, or a metric cannot be computed.
        """
        return self.plan.collection.contribute(self._side_by_side(records))

    def fitted(self, records: Any) -> Collection:
        """The metrics outside graphs for data of the kind of a batch.

        Raises:
            DataError: as of `contributions`.
        """
        seen = self._side_by_side(records)
        return self.plan.collection.fitted(Examples(seen.num_rows, seen.seen))

    def with_plan(self, plan: JointPlan) -> JointEvaluator:
        """The same models with a plan of the same parts."""
        return JointEvaluator(plan, self._parts, self._titles)

    def rows_feed(self, records: Any) -> list[Any]:
        """Prepares a batch for the reference path; None for parts that do not take it."""
        return [
            evaluator.rows_feed(records) if part.plan.summed else None
            for part, evaluator in zip(self.plan.parts, self._parts, strict=True)
        ]

    def reference_sums(self, feed: Sequence[Any], rows: npt.NDArray[np.int64]) -> Floats:
        """What some rows add to the variables of each part: float64 `[summed_width]`."""
        sums = [
            evaluator.reference_sums(prepared, rows)
            for evaluator, prepared in zip(self._parts, feed, strict=True)
            if prepared is not None
        ]
        return np.concatenate(sums)

    def reference_values(
        self, batches: Sequence[tuple[Any, npt.NDArray[np.int64]]]
    ) -> Mapping[MetricKey, Any]:
        """The metrics that need all rows, over the rows of one slice, by model."""
        return {
            MetricKey(name, part.model): value
            for part, evaluator in zip(self.plan.parts, self._parts, strict=True)
            if part.plan.listed
            for name, value in evaluator.reference_values(batches).items()
        }

    def close(self) -> None:
        """Frees the models."""
        for evaluator in self._parts:
            evaluator.close()

    def _side_by_side(self, records: Any) -> Contributions:
        parts = []
        for evaluator, title in zip(self._parts, self._titles, strict=True):
            with naming_refuser(title):
                parts.append(evaluator.contributions(records))
        first, *others = parts
        for other, title in zip(others, self._titles[1:], strict=True):
            _check_same_rows(first, other, (self._titles[0], title))
        return dataclasses.replace(
            first,
            dense=np.concatenate([part.dense for part in parts], axis=1),
            scattered=[item for part in parts for item in part.scattered],
            columns={name: column for part in parts for name, column in part.columns.items()},
            seen={source: column for part in parts for source, column in part.seen.items()},
        )


@contextlib.contextmanager
def naming_refuser(title: str) -> Iterator[None]:
    """Says which of several models refuses an example."""
    try:
        yield
    except UnusableExampleError:
        raise
    except RefusedExampleError as error:
        reason = f"{title}: {error.reason}"
        raise RefusedExampleError(error.number, reason, error.remedy) from error


def _check_same_rows(first: Contributions, other: Contributions, titles: tuple[str, str]) -> None:
    apart = "Models are compared row by row; evaluate these in runs of their own."
    if first.num_rows != other.num_rows:
        raise DataError(
            f"Of the same examples {titles[0]} makes {first.num_rows} rows and {titles[1]} "
            f"{other.num_rows}. {apart}"
        )
    if first.examples is None and other.examples is None:
        return
    ours, theirs = first.example_rows(), other.example_rows()
    different = np.flatnonzero(ours != theirs)
    if len(different):
        row = different[0]
        raise DataError(
            f"Row {row} of a batch comes from example {ours[row]} in {titles[0]} and from example "
            f"{theirs[row]} in {titles[1]}. {apart}"
        )
