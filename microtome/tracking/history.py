"""The evaluations of a pipeline over time, and the questions that people ask of them."""

from __future__ import annotations

import datetime
import os
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from microtome.errors import ConfigError, DataError
from microtome.messages import nearest
from microtome.slicing.keys import OVERALL, SliceKey, stringify_slice_key
from microtome.tracking import comparison, folder_source, regressions, slices
from microtome.tracking.evaluations import Evaluation

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store

    from microtome.tracking.lineage import Ancestor

COLUMNS = (
    *("run", "time", "pipeline", "node", "model_id", "model_uri", "model_digest"),
    *("data_id", "data_uri", "span", "data_version", "split", "data_digest", "config_digest"),
    *("slice", "n", "metric", "value", "lower", "upper", "verdict"),
    *("evaluation_id", "evaluation_uri"),
)
_FROM_PROVENANCE = (
    *("model_id", "model_uri", "model_digest", "data_id", "data_uri", "span", "data_version"),
    *("split", "data_digest", "config_digest", "evaluation_uri"),
)


class History:
    """All tracked evaluations of a store or of folders, read once; `refresh` reads them anew.

    Example:
        >>> history = History.open("metadata.sqlite", pipeline="flights")
        >>> history.table(slices=["carrier:UA"], metrics=["auc"])
        >>> history.regressions(against="latest_blessed")

    Slices are named as elsewhere: `"Overall"`, `"carrier:UA"`, or a slice key such as
    `(("carrier", "UA"),)`. A run is named by its id; -1 is the last one, -2 the one before.

    Attributes:
        evaluations: In order of time.
        described: What to call the source in messages.
    """

    def __init__(
        self,
        source: Any,
        store: metadata_store.MetadataStore | None = None,
        described: str = "the history",
    ):
        """Reads the evaluations.

        Args:
            source: Gives the list of evaluations when called.
            store: The store that they stand in, for their lineage.
            described: What to call the source in messages.
        """
        self._source = source
        self._store = store
        self.described = described
        self.evaluations: list[Evaluation] = []
        self.refresh()

    @classmethod
    def open(cls, where: Any, pipeline: str | None = None) -> History:
        """Opens whatever holds evaluations.

        Args:
            where: A folder of results or a pattern of such, or what `from_mlmd` takes.
            pipeline: Only of the pipeline of this name.

        Raises:
            DataError: There is no such store or folder.
        """
        if isinstance(where, str | os.PathLike) and folder_source.are_folders(os.fspath(where)):
            return cls.from_dir(where, pipeline)
        return cls.from_mlmd(where, pipeline)

    @classmethod
    def from_mlmd(cls, where: Any, pipeline: str | None = None) -> History:
        """The history that stands in an ML Metadata store.

        Args:
            where: The store, as `stores.open_store` takes it: an SQLite file, a URL such as
                `mysql://user:password@host/database`, a `ConnectionConfig`, or an open store.
            pipeline: Only of the pipeline of this name.

        Raises:
            DataError: There is no such store.
        """
        from microtome.tracking import stores

        store = stores.open_store(where)
        # after open_store, which tells where ml_metadata is not installed
        from microtome.tracking import mlmd_source

        described = stores.describe_store(where)
        return cls(lambda: mlmd_source.read_evaluations(store, pipeline), store, described)

    @classmethod
    def from_dir(cls, where: str | os.PathLike[str], pipeline: str | None = None) -> History:
        """The history that lies in folders of results.

        Args:
            where: A folder, or a pattern of folders.
            pipeline: Only of the pipeline of this name.

        Raises:
            DataError: There is no result.
        """
        path = os.fspath(where)
        return cls(lambda: folder_source.read_folders(path, pipeline), described=repr(path))

    def refresh(self) -> None:
        """Reads what has been recorded since."""
        self.evaluations = self._source()

    def __len__(self) -> int:
        return len(self.evaluations)

    @property
    def pipelines(self) -> list[str]:
        """The names of the pipelines, sorted."""
        return sorted({one.pipeline for one in self.evaluations})

    @property
    def nodes(self) -> list[str]:
        """The names of the nodes that evaluated, sorted."""
        return sorted({one.node for one in self.evaluations})

    @property
    def runs(self) -> list[str]:
        """The runs, in order of time."""
        return list(dict.fromkeys(one.run for one in self.evaluations))

    def select(
        self,
        run: str | int | None = None,
        node: str | None = None,
        since: datetime.datetime | str | None = None,
        last: int | None = None,
        model: str | None = None,
        data: str | None = None,
    ) -> list[Evaluation]:
        """Some of the evaluations, in order of time.

        Args:
            run: Of this run.
            node: Of this node.
            since: Recorded at this time or later; a text such as "2024-06-01" is one in UTC.
            last: Of the last so many runs.
            model: Of the model of this id, URI or digest.
            data: On data of this id, URI, digest, or span.

        Raises:
            ConfigError: There is no such run or node.
        """
        found = self.evaluations
        if run is not None:
            name = self._run_name(run)
            found = [one for one in found if one.run == name]
        if node is not None:
            _check(node, self.nodes, "node", self.described)
            found = [one for one in found if one.node == node]
        if since is not None:
            start = _in_utc(since)
            found = [one for one in found if one.time >= start]
        if model is not None:
            found = [one for one in found if model in _names_of_model(one)]
        if data is not None:
            found = [one for one in found if data in _names_of_data(one)]
        if last is not None:
            recent = set(list(dict.fromkeys(one.run for one in found))[-last:])
            found = [one for one in found if one.run in recent]
        return found

    def table(
        self,
        slices: Sequence[str | SliceKey] | None = None,
        metrics: Sequence[str] | None = None,
        **which: Any,
    ) -> pd.DataFrame:
        """The numbers as one tidy table.

        Args:
            slices: Only these; by default, all tracked ones.
            metrics: Only these; by default, all that are one number.
            **which: Of which evaluations, as in `select`.

        Returns:
            One row a run, node, slice and metric, with the columns COLUMNS. `n` is the slice's
            number of examples; `lower` and `upper` bound the metric's interval and are missing
            where none was computed.

        Raises:
            ConfigError: There is no such run, node, slice or metric.
        """
        evaluations = self.select(**which)
        keys = None if slices is None else [self.slice_key(one, evaluations) for one in slices]
        if metrics is not None:
            self._check_metrics(metrics, evaluations)
        return _table(evaluations, [_numbers(one, keys, metrics) for one in evaluations])

    def metric(self, metric: str, slice: str | SliceKey = OVERALL, **which: Any) -> pd.DataFrame:
        """How a metric of a slice went from run to run: question 1.

        Args:
            metric: Its name.
            slice: The slice.
            **which: Of which evaluations, as in `select`.

        Returns:
            As `table`; evaluations that do not have the slice are left out.
        """
        return self.table([slice], [metric], **which)

    def regressions(
        self,
        run: str | int = -1,
        against: str = "previous",
        node: str | None = None,
        **options: Any,
    ) -> pd.DataFrame:
        """What got worse in a run, on which slices, beyond noise: question 2.

        Args:
            run: The run that is judged.
            against: "previous", "latest_blessed" or "best", of all earlier runs.
            node: Of this node; by default every node of the run, each against its own past.
            **options: As `regressions.find_regressions`: metrics, lower_is_better, min_examples,
                min_change, confidence.

        Returns:
            One row a slice and metric, worst first; see `regressions.find_regressions`.
        """
        tables = [
            regressions.find_regressions(one, self._before(one), against, **options)
            for one in self.select(run, node) or [self.one(run, node)]
        ]
        filled = [table for table in tables if len(table)]
        return pd.concat(filled, ignore_index=True) if filled else tables[0]

    def worst(
        self,
        metric: str,
        run: str | int | None = None,
        node: str | None = None,
        count: int = 10,
        min_examples: int = 0,
        lower_is_better: Collection[str] = (),
    ) -> pd.DataFrame:
        """The worst slices of a run, or of every run: question 3."""
        chosen = self.select(run, node)
        self._check_metrics([metric], chosen)
        tables = [
            slices.worst_slices(one, metric, count, min_examples, lower_is_better) for one in chosen
        ]
        return pd.concat(tables, ignore_index=True)

    def slice_changes(
        self, run: str | int = -1, node: str | None = None, shrunk_by: float = 0.5
    ) -> pd.DataFrame:
        """Which slices are new, vanished or shrunk in a run since the one before: question 3."""
        tables = [
            slices.changed_slices(one, before[-1], shrunk_by)
            for one in self.select(run, node)
            if (before := self._before(one))
        ]
        return pd.concat(tables, ignore_index=True) if tables else slices.no_changes()

    def lineage(self, run: str | int = -1, node: str | None = None) -> list[Ancestor]:
        """What the numbers of a run were made of: question 4.

        Raises:
            ConfigError: The history is of folders, which know no lineage; `table` has what they
                do know.
        """
        if self._store is None:
            raise ConfigError(
                f"{self.described} holds results only. Lineage is in ML Metadata: open the "
                "history from there. What is known of model and data stands in `table()`."
            )
        from microtome.tracking import lineage

        found: list[Ancestor] = []
        for one in self.select(run, node):
            found += lineage.ancestors(self._store, one)
        return found

    def of_model(self, model: str, **options: Any) -> pd.DataFrame:
        """Every evaluation ever made of a model, on whatever data: question 5.

        Args:
            model: Its id, URI or digest.
            **options: `slices` and `metrics`, as in `table`.

        Raises:
            ConfigError: No evaluation is of this model.
        """
        known = {name for one in self.evaluations for name in _names_of_model(one)}
        _check(model, known, "model", self.described)
        return self.table(model=model, **options)

    def of_data(self, data: str, **options: Any) -> pd.DataFrame:
        """How every model did on some data: question 5.

        Args:
            data: Their id, URI, digest or span.
            **options: `slices` and `metrics`, as in `table`.

        Raises:
            ConfigError: No evaluation is on these data.
        """
        known = {name for one in self.evaluations for name in _names_of_data(one)}
        _check(data, known, "data", self.described)
        return self.table(data=data, **options)

    def matrix(self, metric: str, slice: str | SliceKey = OVERALL, **which: Any) -> pd.DataFrame:
        """A metric of every model on every data: question 6.

        A row shows one model on successive data, a column successive models on the same data: what
        TFMA calls model-centric and data-centric.

        Returns:
            Rows are models by URI, columns data by span (or URI, where there is none), both in
            order of their first evaluation; the last evaluation counts.
        """
        table = self.metric(metric, slice, **which)
        data = table["span"].where(table["span"] != "", table["data_uri"])
        split = np.where(table["split"] != "", " " + table["split"].astype(str), "")
        table = table.assign(data=data.astype(str) + split)
        cells = table.groupby(["model_uri", "data"], sort=False)["value"].last().unstack()
        return cells.reindex(
            index=table["model_uri"].unique(), columns=table["data"].unique()
        ).rename_axis(index="model", columns="data")

    def verdicts(self, run: str | int | None = None, node: str | None = None) -> pd.DataFrame:
        """Whether runs were blessed, and why or why not: question 7.

        Returns:
            One row a reason, at least one an evaluation: columns `run`, `time`, `node`, `verdict`,
            and those of the reasons (`slice`, `metric`, `rule`, `value`, `limit`, …).
        """
        rows = []
        for one in self.select(run, node):
            common = {"run": one.run, "time": one.time, "node": one.node, "verdict": one.verdict}
            rows += [{**common, **reason} for reason in one.reasons or ({},)]
        return pd.DataFrame(rows, columns=None if rows else ["run", "time", "node", "verdict"])

    def compare(
        self, run: str | int, reference: str | int, node: str | None = None
    ) -> comparison.Comparison:
        """Whether the numbers of two runs may be compared: question 8.

        Args:
            run, reference: The runs.
            node: The node, where runs have several.

        Raises:
            ConfigError: A run has several evaluations and no node is named.
        """
        return comparison.compare(self.one(run, node), self.one(reference, node))

    def one(self, run: str | int = -1, node: str | None = None) -> Evaluation:
        """The one evaluation of a run and node.

        Raises:
            ConfigError: There is none, or there are several nodes; names them.
        """
        found = self.select(run, node)
        nodes = sorted({one.node for one in found})
        if not found:
            raise ConfigError(f"Run {run!r} has no evaluation of node {node!r}.")
        if len(nodes) > 1:
            raise ConfigError(
                f"Run {found[0].run!r} has evaluations of several nodes. Name one of: "
                f"{', '.join(nodes)}."
            )
        return found[-1]

    def slice_key(
        self, named: str | SliceKey, evaluations: Sequence[Evaluation] | None = None
    ) -> SliceKey:
        """The key of a slice that is named as text.

        Raises:
            ConfigError: No evaluation has tracked such a slice; says which are like it.
        """
        if isinstance(named, tuple):
            return named
        if named in ("", "Overall"):
            return OVERALL
        known: dict[str, None] = {}
        # the newest first: most slices are found in it
        for one in reversed(self.evaluations if evaluations is None else evaluations):
            for key in one.block.keys:
                text = stringify_slice_key(key)
                if text == named:
                    return key
                known[text] = None
        raise ConfigError(
            f"No run of {self.described} has tracked the slice {named!r}"
            f"{nearest(named, sorted(known))}. There are {len(known)}, such as "
            f"{', '.join(list(known)[:5])}. Slices that tracking leaves out stand in the result "
            "files only."
        )

    def _before(self, evaluation: Evaluation) -> list[Evaluation]:
        """Earlier evaluations of the same pipeline and node, of other runs."""
        position = self.evaluations.index(evaluation)
        return [
            one
            for one in self.evaluations[:position]
            if (one.pipeline, one.node) == (evaluation.pipeline, evaluation.node)
            and one.run != evaluation.run
        ]

    def _run_name(self, run: str | int) -> str:
        runs = self.runs
        if not runs:
            raise DataError(
                f"{self.described} holds no evaluation that Microtome has recorded"
                " completely. Run the pipeline with a SlicedEvaluator, or "
                "microtome.tracking.record."
            )
        if isinstance(run, int):
            if not -len(runs) <= run < len(runs):
                raise ConfigError(f"There is no run {run}: there are {len(runs)} runs.")
            return runs[run]
        _check(run, runs, "run", self.described)
        return run

    def _check_metrics(self, metrics: Sequence[str], evaluations: Sequence[Evaluation]) -> None:
        remaining = set(metrics)
        known: set[str] = set()
        for one in reversed(evaluations):
            remaining.difference_update(one.block.metrics)
            if not remaining:
                return
            known.update(one.block.metrics)
        for name in metrics:
            if name in remaining:
                _check(name, known, "metric", self.described)


class _Numbers(NamedTuple):
    """What one evaluation adds to the table, each `[rows]`."""

    slices: npt.NDArray[np.object_]
    counts: npt.NDArray[np.int64]
    metrics: npt.NDArray[np.object_]
    values: npt.NDArray[np.float64]


def _numbers(
    evaluation: Evaluation, keys: Sequence[SliceKey] | None, metrics: Sequence[str] | None
) -> _Numbers:
    block = evaluation.block
    if keys is None:
        rows, texts = np.arange(len(block.slices)), block.slice_keys
    else:
        places = [(block.position(key), key) for key in keys]
        rows = np.array([place for place, _ in places if place is not None], np.int64)
        texts = [stringify_slice_key(key) for place, key in places if place is not None]
    wanted = block.metrics if metrics is None else metrics
    names = [name for name in wanted if name in block.metrics]
    columns = np.array([block.metrics.index(name) for name in names], np.int64)
    return _Numbers(
        np.repeat(np.array(texts, object), len(columns)),
        np.repeat(block.counts[rows], len(columns)),
        np.tile(np.array(names, object), len(rows)),
        block.values[np.ix_(rows, columns)].reshape(-1),
    )


def _table(evaluations: Sequence[Evaluation], numbers: Sequence[_Numbers]) -> pd.DataFrame:
    if not evaluations:
        return pd.DataFrame(columns=list(COLUMNS))
    rows = [len(one.values) for one in numbers]
    told: dict[str, list[Any]] = {
        "run": [one.run for one in evaluations],
        "pipeline": [one.pipeline for one in evaluations],
        "node": [one.node for one in evaluations],
        "verdict": [one.verdict for one in evaluations],
        "evaluation_id": [one.id for one in evaluations],
        **{
            name: [getattr(one.provenance, name) for one in evaluations]
            for name in _FROM_PROVENANCE
        },
    }
    slices_, counts, metrics, values = (
        np.concatenate(parts) for parts in zip(*numbers, strict=True)
    )
    repeated = {name: np.repeat(np.array(items, object), rows) for name, items in told.items()}
    times = pd.DatetimeIndex([one.time for one in evaluations]).repeat(rows)
    table = {**repeated, "time": times, "slice": slices_, "n": counts, "metric": metrics}
    table |= {"value": values, "lower": np.nan, "upper": np.nan}
    return pd.DataFrame(table)[list(COLUMNS)]


def _names_of_model(one: Evaluation) -> set[str]:
    known = one.provenance
    return {known.model_id, known.model_uri, known.model_digest} - {""}


def _names_of_data(one: Evaluation) -> set[str]:
    known = one.provenance
    parts = (known.data_id, known.data_uri, known.span)
    return {known.data_digest, *parts, *(p for text in parts for p in text.split(","))} - {""}


def _in_utc(time: datetime.datetime | str) -> datetime.datetime:
    if isinstance(time, str):
        try:
            time = datetime.datetime.fromisoformat(time)
        except ValueError:
            raise ConfigError(
                f"since is {time!r}; give a date or time such as '2024-06-01' or "
                "'2024-06-01T12:00'."
            ) from None
    return time if time.tzinfo else time.replace(tzinfo=datetime.timezone.utc)


def _check(named: str, known: Collection[str], what: str, where: str) -> None:
    if named not in known:
        shown = sorted(known)
        more = f", … ({len(shown)} in all)" if len(shown) > 10 else ""
        raise ConfigError(
            f"{where} has no {what} {named!r}{nearest(named, shown)}. It has: "
            f"{', '.join(shown[:10]) or '(none)'}{more}."
        )
