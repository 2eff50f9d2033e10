"""From batches of records to the sums of each slice."""

from __future__ import annotations

import collections
import concurrent.futures
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics

from microtome.executor import progress
from microtome.executor.account import COUNTS_OUTPUT, NAMESPACE, Stopwatch, told_by_worker
from microtome.executor.queries import query_records
from microtome.executor.shared_model import WorkerModel
from microtome.executor.sources import Batch, placing_refusals
from microtome.executor.units import units_of
from microtome.slicing.contributions import Contributions
from microtome.slicing.resampling import Resampling
from microtome.slicing.rollups import Union
from microtome.slicing.slicer import Assignment, Slicer, rows_by_slice
from microtome.slicing.spec import SingleSliceSpec
from microtome.slicing.sums import SliceSums
from microtome.slicing.table import SliceTable, side_by_side

if TYPE_CHECKING:
    from microtome.executor.subject import Evaluator, GraphEvaluator, Plan

ROWS_OUTPUT = "rows"
QUERIES_OUTPUT = "queries"
NUM_SHARDS = 16
# a bundle hands on its sums when they take more than this, or are of more slices
MAX_STATE_BYTES = 256 << 20
MAX_STATE_SLICES = 200_000
# batches that the model works on at once: between two runs of a session a core would idle
BATCHES_AT_ONCE = 3


class SumSlices(beam.DoFn):
    """Evaluates batches and sums the contributions of their rows slice by slice.

    Main output: (shard, serialized `SliceTable`), for each shard at the end of a bundle. Output
    `rows`: for metrics that need all rows of a slice, (serialized slice key, the records and which
    of their rows). Output `queries`: for metrics of queries, (shard, `queries.QueryRecords`), all
    rows of a query in one shard. Output `counts`: for each bundle what `account.told_by_worker`
    gives.

    Args:
        model: the model, with the slicing features.
        specs: which slices to form.
        max_state_bytes: sums that take more are handed on before the bundle ends.
        max_state_slices: so are those of more slices, and the slices are forgotten.
        plan: where it is known beforehand; the model is loaded before the first bundle then, else
            by its first batch.
        progress_token: names the progress to tell, where this is the process that shows it.
        resampling: how each slice gets several states; None where it has one.
    """

    def __init__(
        self,
        model: WorkerModel,
        specs: Sequence[SingleSliceSpec],
        max_state_bytes: int = MAX_STATE_BYTES,
        max_state_slices: int = MAX_STATE_SLICES,
        plan: Plan | None = None,
        progress_token: str = "",
        resampling: Resampling | None = None,
    ):
        self._model = model
        self._specs = tuple(specs)
        self._max_state_bytes = max_state_bytes
        self._max_state_slices = max_state_slices
        self._plan = plan
        self._progress_token = progress_token
        self._resampling = resampling
        self._examples = Metrics.counter(NAMESPACE, "examples")
        self._rows = Metrics.counter(NAMESPACE, "rows")
        self._batches = Metrics.counter(NAMESPACE, "batches")
        self._flushes = Metrics.counter(NAMESPACE, "state_flushes")

    def setup(self) -> None:
        # TensorFlow works on the next batches, without Python's lock, while one is summed
        self._threads = concurrent.futures.ThreadPoolExecutor(BATCHES_AT_ONCE)
        if self._plan is not None:
            self._model.get(self._plan)

    def teardown(self) -> None:
        self._threads.shutdown(wait=False)

    def start_bundle(self) -> None:
        self._sums: _BundleSums | None = None
        self._waiting: collections.deque[tuple[Batch, _Computing]] = collections.deque()
        self._counted_until = 0.0

    def process(self, batch: Batch, plan: Plan) -> Iterator[Any]:
        evaluator = self._model.get(plan)
        if self._sums is None:
            self._sums = _BundleSums(plan, self._specs, evaluator, self._resampling)
        computing = self._threads.submit(_timed_contributions, evaluator, batch)
        self._waiting.append((batch, computing))
        if len(self._waiting) > BATCHES_AT_ONCE:
            yield from self._add(self._sums, *self._waiting.popleft())

    def finish_bundle(self) -> Iterator[Any]:
        if self._sums is None:
            return
        outputs = [
            output for waiting in self._waiting for output in self._add(self._sums, *waiting)
        ]
        outputs += self._sums.flush()
        told = told_by_worker(self._sums.counts, self._sums.stopwatch)
        outputs.append(beam.pvalue.TaggedOutput(COUNTS_OUTPUT, told))
        for output in outputs:
            yield _globally(output)

    def _add(
        self,
        sums: _BundleSums,
        batch: Batch,
        computing: _Computing,
    ) -> Iterator[Any]:
        with placing_refusals([batch]):
            contributions, *at_work = computing.result()
            sums.stopwatch.seconds.update(
                read=batch.read_seconds, predict=self._not_counted(*at_work)
            )
            yield from sums.add(batch, contributions)
        self._examples.inc(len(batch.records))
        self._rows.inc(contributions.num_rows)
        self._batches.inc()
        shown = progress.of(self._progress_token)
        if shown is not None:
            shown.summed(contributions.num_rows, sums.num_slices)
        if sums.state_bytes > self._max_state_bytes or sums.num_slices > self._max_state_slices:
            self._flushes.inc()
            yield from sums.flush()

    def _not_counted(self, start: float, end: float) -> float:
        """Seconds between two times in which no batch before was at work."""
        start = max(start, self._counted_until)
        self._counted_until = max(end, self._counted_until)
        return max(0.0, end - start)


# contributions, and from when to when
_Computed = tuple["Contributions", float, float]
_Computing = concurrent.futures.Future[_Computed]


def _timed_contributions(evaluator: Evaluator, batch: Batch) -> _Computed:
    start = time.perf_counter()
    return evaluator.contributions(batch.records), start, time.perf_counter()


def _globally(output: Any) -> Any:
    value = beam.transforms.window.GlobalWindows.windowed_value
    if isinstance(output, beam.pvalue.TaggedOutput):
        return beam.pvalue.TaggedOutput(output.tag, value(output.value))
    return value(output)


class _BundleSums:
    """The sums of one bundle.

    Attributes:
        counts: examples, rows and batches so far.
        stopwatch: seconds so far.
    """

    def __init__(
        self,
        plan: Plan,
        specs: Sequence[SingleSliceSpec],
        evaluator: GraphEvaluator,
        resampling: Resampling | None,
    ):
        self._plan = plan
        self._evaluator = evaluator
        self._specs = specs
        self._resampling = resampling
        self._has_summed = bool(plan.summed)
        self._has_listed = bool(plan.listed)
        self._has_queries = bool(plan.collection.query_keys)
        self.counts = {"examples": 0, "rows": 0, "batches": 0}
        self.stopwatch = Stopwatch()
        self._forget()

    def _forget(self) -> None:
        # the reference path needs the rows of every slice
        only_sums = not (self._has_summed or self._has_listed or self._has_queries)
        # the slicer too: it keeps every slice and every value that it has met
        self._slicer = Slicer(self._specs, roll_up=only_sums)
        self._sums = SliceSums(self._plan.layout)
        self._replicates: SliceSums | None = None
        if self._resampling is not None:
            self._replicates = SliceSums(self._plan.of_replicates.layout)
        self._reference: dict[int, np.ndarray] = {}

    @property
    def num_slices(self) -> int:
        return len(self._slicer.keys)

    @property
    def state_bytes(self) -> int:
        replicates = 0 if self._replicates is None else self._replicates.nbytes
        reference = 8 * self._plan.summed_width * len(self._reference)
        return self._sums.nbytes + replicates + reference

    def add(self, batch: Batch, contributions: Contributions) -> Iterator[Any]:
        """Adds a batch; yields what goes out at once."""
        with self.stopwatch.timing("slice"):
            assignments = self._slicer.assign(contributions.columns, contributions.num_rows)
        with self.stopwatch.timing("sum"):
            self._roll_up(self._slicer.ended_unions())
            self._sums.add(
                assignments, len(self._slicer.keys), contributions.dense, contributions.scattered
            )
            self._add_replicates(batch, contributions, assignments)
        self.counts["examples"] += len(batch.records)
        self.counts["rows"] += contributions.num_rows
        self.counts["batches"] += 1
        if self._has_summed:
            self._add_reference(batch, assignments, contributions.num_rows)
        if self._has_listed:
            examples = contributions.example_rows()
            yield from self._listed_rows(batch, assignments, contributions.num_rows, examples)
        if self._has_queries:
            records = query_records(
                self._plan.collection, contributions, assignments, self._slicer.keys, NUM_SHARDS
            )
            yield from (beam.pvalue.TaggedOutput(QUERIES_OUTPUT, record) for record in records)

    def _add_replicates(
        self, batch: Batch, contributions: Contributions, assignments: list[Assignment]
    ) -> None:
        resampling = self._resampling
        if resampling is None or self._replicates is None:
            return
        units = units_of(batch)
        if contributions.examples is not None:
            units = units[contributions.examples]
        number = resampling.num_replicates * len(self._slicer.keys)
        added = self._plan.added_to_replicates(contributions)
        self._replicates.add(resampling.draws(units).expanded(assignments), number, *added)

    def _roll_up(self, unions: list[Union]) -> None:
        number = len(self._slicer.keys)
        self._sums.roll_up(unions, number)
        if self._resampling is not None and self._replicates is not None:
            number *= self._resampling.num_replicates
            self._replicates.roll_up(self._resampling.expanded_unions(unions), number)

    def _add_reference(self, batch: Batch, assignments: list[Assignment], num_rows: int) -> None:
        with self.stopwatch.timing("predict"):
            feed = self._evaluator.rows_feed(batch.records)
            for slice_id, rows in rows_by_slice(assignments, num_rows):
                added = self._evaluator.reference_sums(feed, rows)
                known = self._reference.get(slice_id)
                self._reference[slice_id] = added if known is None else known + added

    def _listed_rows(
        self, batch: Batch, assignments: list[Assignment], num_rows: int, examples: np.ndarray
    ) -> Iterator[Any]:
        for slice_id, rows in rows_by_slice(assignments, num_rows):
            needed = np.unique(examples[rows])
            records = [batch.records[i] for i in needed]
            # the rows of these examples alone, counted anew
            kept = np.isin(examples, needed)
            renumbered = (np.cumsum(kept) - 1)[rows]
            key = SliceTable([self._slicer.keys[slice_id]], np.zeros((1, 0))).to_bytes()
            yield beam.pvalue.TaggedOutput(ROWS_OUTPUT, (key, (records, renumbered.tolist())))

    def flush(self) -> Iterator[tuple[int, bytes]]:
        """Hands on all sums, and forgets them and their slices."""
        with self.stopwatch.timing("sum"):
            table = self._table()
            self._forget()
            parts = [
                (shard, part.to_bytes())
                for shard, part in enumerate(table.split(NUM_SHARDS))
                if len(part)
            ]
        yield from parts

    def _table(self) -> SliceTable:
        self._roll_up(self._slicer.unions())
        ids = np.flatnonzero(self._sums.touched)
        parts = [self._sums.states(ids)]
        if self._has_summed:
            nothing = np.zeros(self._plan.summed_width)
            added = [self._reference.get(i, nothing) for i in ids.tolist()]
            parts.append(np.reshape(added, (len(ids), self._plan.summed_width)))
        if self._resampling is not None and self._replicates is not None:
            parts.append(self._replicates.states(ids, self._resampling.num_replicates))
        return SliceTable([self._slicer.keys[i] for i in ids.tolist()], side_by_side(parts))
