"""Evaluations as they lie in folders of results, with no ML Metadata at hand."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import glob
import json
import math
import os
from collections.abc import Callable, Collection, Iterator
from typing import cast

from microtome.errors import DataError
from microtome.proto import config_pb2
from microtome.results import names
from microtome.results.eval_result import EvalResult, count_of
from microtome.results.loader import load_description, load_eval_result
from microtome.results.records import WITHHELD
from microtome.results.slice_keys import is_cross_slice_key
from microtome.slicing.keys import SliceKey
from microtome.tracking import schema
from microtome.tracking.block import Block, make_block, pack
from microtome.tracking.evaluations import Evaluation
from microtome.tracking.schema import Provenance
from microtome.tracking.selection import SliceRecord, counted_slices, select_slices

_LARGEST = 1000


def read_folders(where: str, pipeline: str | None = None) -> list[Evaluation]:
    """The evaluations whose results lie in or below some folders.

    Args:
        where: A folder, or a pattern of folders such as `runs/*/evaluation`.
        pipeline: Only of the pipeline of this name.

    Returns:
        In order of time.

    Raises:
        DataError: There is no folder, or no result in any.
    """
    found = [read_result(result) for result in find_results(where)]
    wanted = [one for one in found if pipeline in (None, one.pipeline)]
    return sorted(wanted, key=in_time)


def are_folders(where: str) -> bool:
    """Whether a text names a folder, or is a pattern of such; what it names may still be a file."""
    if "://" in where:
        return False
    return os.path.isdir(where) or (not os.path.exists(where) and bool(glob.glob(where)))


def find_results(where: str) -> list[str]:
    """The absolute paths of the results in or below some folders, sorted.

    Args:
        where: As `read_folders` takes it.

    Raises:
        DataError: There is no folder, or no result in any.
    """
    folders = sorted(folder for folder in glob.glob(where) if os.path.isdir(folder))
    if not folders and os.path.isdir(where):  # its name has characters of patterns
        folders = [where]
    if not folders:
        raise DataError(f"No results: there is no folder {where!r}.")
    results = sorted({result for folder in folders for result in _results_below(folder)})
    if not results:
        raise DataError(
            f"No results: no folder in {where!r} holds a finished evaluation (a file "
            f"{names.EVAL_CONFIG!r} tells one)."
        )
    return results


def in_time(evaluation: Evaluation) -> tuple[datetime.datetime, str]:
    """Sorts evaluations by time."""
    return evaluation.time, evaluation.id


def _results_below(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        if _finished_by(files):
            yield os.path.abspath(parent)
            folders.clear()


def _finished_by(files: Collection[str]) -> str | None:
    """The file of a finished result that was written last: the config, a pickle in older TFMA's."""
    last = (names.EVAL_CONFIG, names.PICKLED_EVAL_CONFIG)
    is_any = names.is_result(files) and not names.is_unfinished(files)
    return next((name for name in last if name in files), None) if is_any else None


def read_result(result: str, *, later: Callable[[str], EvalResult] | None = None) -> Evaluation:
    """The evaluation that a folder of result files tells of.

    Args:
        result: The folder.
        later: Loads a result. With it, an evaluation that was not tracked reads its numbers when
            its `block` is first asked for. It has those of up to 1,000 slices then, of whatever
            features, and whether or not they say how many examples they have.

    Raises:
        DataError: The file of what was tracked is damaged.
        OutputError: Another file is.
    """
    path = os.path.join(result, names.TRACKING)
    more = {}
    kind: type[Evaluation] = Evaluation
    if os.path.exists(path):
        content = _tracked(path)
    elif later is not None:
        content, kind, more = _described(load_description(result)), _LazyEvaluation, {"load": later}
    else:
        content = _untracked(result)
    last = _finished_by(os.listdir(result)) or names.EVAL_CONFIG
    modified = os.path.getmtime(os.path.join(result, last))
    provenance = Provenance(**content["provenance"])
    return kind(
        id=result,
        execution_id="",
        time=datetime.datetime.fromtimestamp(modified, datetime.timezone.utc),
        run=provenance.pipeline_run or os.path.basename(result),
        provenance=provenance,
        verdict=content[schema.VERDICT],
        reasons=tuple(content[schema.REASONS]),
        not_tracked=content.get(schema.NOT_TRACKED, ""),
        packed=content.get(schema.TRACKED, ""),
        **more,
    )


@dataclasses.dataclass(frozen=True)
class _LazyEvaluation(Evaluation):
    """An evaluation whose numbers are read when they are asked for.

    Attributes:
        load: Loads the result of its folder.
    """

    load: Callable[[str], EvalResult] = dataclasses.field(default=load_eval_result, repr=False)

    @functools.cached_property
    def block(self) -> Block:
        """The numbers of Overall and of the largest slices, of several features too."""
        loaded = self.load(self.id)
        counts = {key: count_of(metrics) or 0.0 for key, metrics in loaded.slicing_metrics}
        records = [
            SliceRecord(cast(SliceKey, key), metrics, _whole(counts[key]), counts[key])
            for key, metrics in loaded.slices()
            if not is_cross_slice_key(key) and WITHHELD not in metrics
        ]
        records.sort(key=lambda one: (len(one.key) > 0, -one.example_count, one.slice_key))
        return make_block(records[:_LARGEST])


def _whole(count: float) -> int:
    return int(count) if math.isfinite(count) else 0


def _tracked(path: str) -> dict:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise DataError(f"The file {path!r} cannot be read: {error}") from error


def _untracked(result: str) -> dict:
    """What can be told of the results of an evaluation that was not tracked."""
    loaded = load_eval_result(result)
    selection = select_slices(counted_slices(loaded), config_pb2.EvalConfig())
    return {
        **_described(loaded),
        schema.NOT_TRACKED: selection.left_out_note(),
        schema.TRACKED: pack(make_block(selection.records)),
    }


def _described(loaded: EvalResult) -> dict:
    provenance = {
        "model_uri": loaded.model_location,
        "data_uri": loaded.data_location,
        "evaluation_uri": loaded.output_path,
        "microtome_version": str(loaded.run_info.get("version", "")),
    }
    verdict, reasons = loaded.verdict.told() if loaded.verdict else (schema.NOT_VALIDATED, [])
    return {"provenance": provenance, schema.VERDICT: verdict, schema.REASONS: reasons}
