"""Metrics of queries: all rows of a query come together, whatever batches they were in."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import apache_beam as beam
import numpy as np
import scipy.sparse

from microtome.errors import DataError, MetricError
from microtome.executor.units import units_of_values
from microtome.metrics.collection import Collection
from microtome.metrics.views import Examples, Source
from microtome.slicing.columns import Column
from microtome.slicing.contributions import Contributions, stacked
from microtome.slicing.keys import SliceKey
from microtome.slicing.resampling import Resampling
from microtome.slicing.slicer import Assignment
from microtome.slicing.table import SliceTable, side_by_side

if TYPE_CHECKING:
    from microtome.executor.subject import Plan


class QueryRecords(NamedTuple):
    """Rows of a batch, those of some queries.

    Attributes:
        key: the feature by which rows belong to queries.
        queries: `[rows]`, its values.
        columns: `[rows, ...]`, what metrics look at.
        rows, slices: int64 `[pairs]`, which of the rows stand in which of the slices.
        keys: the slices.
    """

    key: str
    queries: list[Any]
    columns: Mapping[Source, np.ndarray]
    rows: np.ndarray
    slices: np.ndarray
    keys: Sequence[SliceKey]


def query_records(
    collection: Collection,
    contributions: Contributions,
    assignments: Sequence[Assignment],
    keys: Sequence[SliceKey],
    num_shards: int,
) -> Iterator[tuple[int, QueryRecords]]:
    """The rows of a batch by shard of their queries.

    Args:
        contributions: with the columns of the queries' keys, and of what metrics look at.
        assignments: which slices the rows stand in.
        keys: of the slices.

    Raises:
        DataError: a row stands in several queries.
    """
    rows, slices = _pairs(assignments, contributions.num_rows)
    for query_key in collection.query_keys:
        of_row, values = _queries(query_key, contributions)
        shard_of_value = np.array([_shard(value, num_shards) for value in values], np.int64)
        shards = np.where(of_row < 0, -1, np.append(shard_of_value, -1)[of_row])
        for shard in np.unique(shards[shards >= 0]).tolist():
            kept = np.flatnonzero(shards == shard)
            place = np.full(contributions.num_rows, -1)
            place[kept] = np.arange(len(kept))
            is_in = place[rows] >= 0
            used, renumbered = np.unique(slices[is_in], return_inverse=True)
            yield (
                shard,
                QueryRecords(
                    query_key,
                    [values[i] for i in of_row[kept].tolist()],
                    {source: column[kept] for source, column in contributions.seen.items()},
                    place[rows[is_in]],
                    renumbered,
                    [keys[i] for i in used.tolist()],
                ),
            )


def _pairs(assignments: Sequence[Assignment], num_rows: int) -> tuple[np.ndarray, np.ndarray]:
    every = np.arange(num_rows)
    rows = [every if a.rows is None else a.rows for a in assignments]
    ids = [a.ids for a in assignments]
    return np.concatenate([every[:0], *rows]), np.concatenate([every[:0], *ids])


def _queries(query_key: str, contributions: Contributions) -> tuple[np.ndarray, list[Any]]:
    """The number of each row's query, -1 for none, and what each query is called."""
    column: Column = contributions.columns[query_key]
    distinct, codes = _distinct(column.flat)
    of_row = np.full(contributions.num_rows, -1)
    rows = np.arange(len(codes)) if column.rows is None else column.rows
    if len(np.unique(rows)) < len(rows):
        raise DataError(
            f"A row has several values of {query_key!r}, the query_key; it must have one: the "
            "query that it belongs to."
        )
    of_row[rows] = codes
    return of_row, distinct


def _distinct(values: np.ndarray) -> tuple[list[Any], np.ndarray]:
    import pandas as pd

    # whole numbers and texts are the same in whatever form a batch has them
    if values.dtype.kind == "f":
        values = np.array([_plain(value) for value in values.tolist()], object)
    elif values.dtype == object:
        codes, distinct = pd.factorize(values)
        values = np.array([*map(_plain, distinct), None], object)[codes]
    codes, distinct = pd.factorize(values)
    return list(distinct), codes.astype(np.int64)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, float):
        return int(value) if value.is_integer() else (None if value != value else value)
    return value


def _shard(value: Any, num_shards: int) -> int:
    text = value if isinstance(value, bytes) else str(value).encode()
    return zlib.crc32(text) % num_shards


class SumQueries(beam.DoFn):
    """Sums what the queries of a shard add to slices.

    Input: (shard, the `QueryRecords` of all batches). Output: as the main output of `SumSlices`.

    Args:
        num_shards: into which tables are split.
        resampling: how each slice gets several states, with all rows of a query in the same; None
            where it has one.
    """

    def __init__(self, num_shards: int, resampling: Resampling | None = None):
        self._num_shards = num_shards
        self._resampling = resampling

    def process(
        self, element: tuple[int, Iterable[QueryRecords]], plan: Plan
    ) -> Iterator[tuple[int, bytes]]:
        records = list(element[1])
        for query_key in plan.collection.query_keys:
            of_key = [record for record in records if record.key == query_key]
            if of_key:
                table = _summed(plan, query_key, of_key, self._resampling)
                for shard, part in enumerate(table.split(self._num_shards)):
                    if len(part):
                        yield shard, part.to_bytes()


def _summed(
    plan: Plan,
    query_key: str,
    records: Sequence[QueryRecords],
    resampling: Resampling | None,
) -> SliceTable:
    names = [value for record in records for value in record.queries]
    columns = {
        source: stacked([record.columns[source] for record in records])
        for source in records[0].columns
    }
    known: dict[SliceKey, int] = {}
    ids = [
        np.array([known.setdefault(key, len(known)) for key in record.keys], np.int64)
        for record in records
    ]
    starts = np.cumsum([0, *(len(record.queries) for record in records)])
    rows = np.concatenate(
        [record.rows + start for record, start in zip(records, starts, strict=False)]
    )
    slices = np.concatenate(
        [of_record[record.slices] for record, of_record in zip(records, ids, strict=True)]
    )
    array = np.empty(len(names), object)
    array[:] = names
    distinct_queries, queries = _distinct(array)
    examples = Examples(len(names), columns)
    drawn: list[tuple[np.ndarray, np.ndarray]] = []
    if resampling is not None:
        units = units_of_values(distinct_queries)[queries]
        drawn = list(resampling.draws(units).pairs(rows, slices))

    def states(plan: Plan, pairs: tuple[np.ndarray, np.ndarray], each: int) -> Any:
        """The states of slices, those of each one after another."""
        ids, found = plan.collection.query_states(examples, queries, *pairs, query_key)
        cells = plan.states_of(found).tocoo()
        of_slice, state = np.divmod(ids[cells.row], each)
        width = plan.width if each == 1 else plan.layout.width
        places = (of_slice, state * width + cells.col)
        return scipy.sparse.csr_matrix((cells.data, places), shape=(len(known), each * width))

    try:
        parts = [states(plan, (rows, slices), 1)]
        if resampling is not None:
            each = resampling.num_replicates
            nothing = scipy.sparse.csr_matrix((len(known), each * plan.of_replicates.layout.width))
            parts.append(sum((states(plan.of_replicates, pairs, each) for pairs in drawn), nothing))
    except MetricError as error:
        of = f"{len(names)} rows of {len(set(queries.tolist()))} queries by {query_key!r}"
        raise DataError(error.placed(f"{of}, the first of them {names[0]!r}")) from error
    return SliceTable(list(known), side_by_side(parts))
