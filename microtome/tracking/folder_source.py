"""Evaluations as they lie in folders of results, with no ML Metadata at hand."""

from __future__ import annotations

import datetime
import glob
import json
import os
from collections.abc import Iterator

from microtome.errors import DataError
from microtome.proto import config_pb2
from microtome.results import names
from microtome.results.loader import load_eval_result
from microtome.tracking import schema
from microtome.tracking.block import make_block, pack
from microtome.tracking.evaluations import Evaluation
from microtome.tracking.schema import Provenance
from microtome.tracking.selection import select_slices


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
    folders = sorted(folder for folder in glob.glob(where) if os.path.isdir(folder))
    if not folders:
        raise DataError(f"No results: there is no folder {where!r}.")
    results = sorted({result for folder in folders for result in _results_below(folder)})
    if not results:
        raise DataError(
            f"No results: no folder in {where!r} holds a finished evaluation (a file "
            f"{names.EVAL_CONFIG!r} tells one)."
        )
    found = [_read(result) for result in results]
    wanted = [one for one in found if pipeline in (None, one.pipeline)]
    return sorted(wanted, key=lambda evaluation: (evaluation.time, evaluation.id))


def _results_below(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        if names.EVAL_CONFIG in files:
            yield os.path.abspath(parent)
            folders.clear()


def _read(result: str) -> Evaluation:
    path = os.path.join(result, names.TRACKING)
    content = _tracked(path) if os.path.exists(path) else _untracked(result)
    modified = os.path.getmtime(os.path.join(result, names.EVAL_CONFIG))
    provenance = Provenance(**content["provenance"])
    return Evaluation(
        id=result,
        execution_id="",
        time=datetime.datetime.fromtimestamp(modified, datetime.timezone.utc),
        run=provenance.pipeline_run or os.path.basename(result),
        provenance=provenance,
        verdict=content[schema.VERDICT],
        reasons=tuple(content[schema.REASONS]),
        not_tracked=content[schema.NOT_TRACKED],
        packed=content[schema.TRACKED],
    )


def _tracked(path: str) -> dict:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise DataError(f"The file {path!r} cannot be read: {error}") from error


def _untracked(result: str) -> dict:
    """What can be told of the results of an evaluation that was not tracked."""
    loaded = load_eval_result(result)
    selection = select_slices(loaded.slices(), config_pb2.EvalConfig())
    provenance = {
        "model_uri": loaded.model_location,
        "data_uri": loaded.data_location,
        "evaluation_uri": result,
        "microtome_version": str(loaded.run_info.get("version", "")),
    }
    return {
        "provenance": provenance,
        schema.VERDICT: schema.NOT_VALIDATED,
        schema.REASONS: [],
        schema.NOT_TRACKED: selection.left_out_note(),
        schema.TRACKED: pack(make_block(selection.records)),
    }
