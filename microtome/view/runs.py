"""What a report tells of each run, and how runs are told apart."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from microtome.results import names
from microtome.results.eval_result import EvalResult
from microtome.tracking.evaluations import Evaluation
from microtome.view.texts import clean

# Parts of paths that say nothing of which model or which data it is; patterns of files do not.
_ANY_MODEL = re.compile(
    r"Format-\w+|eval_model_dir|eval_saved_model|serving_model_dir|export|exporter|eval|model"
)
_ANY_DATA = re.compile(r".*[*?].*|Split-.*")

# as TFX calls its runs
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?")


def unique(wanted: Iterable[str]) -> list[str]:
    """The names; one that was there before ends in `~2`, `~3` and so on."""
    found: dict[str, None] = {}
    for name in wanted:
        number, one = 1, name
        while one in found:
            number += 1
            one = f"{name}~{number}"
        found[one] = None
    return list(found)


def ids_of_results(results: Sequence[EvalResult]) -> list[str]:
    """A run's id for each result: its folder's name, which is the same when it is read again."""
    folders = (_last(result.output_path) for result in results)
    return unique(clean(folder) or f"r{number}" for number, folder in enumerate(folders, start=1))


def ids_of_evaluations(evaluations: Sequence[Evaluation]) -> list[str]:
    """A run's id for each evaluation: that of its artifact, or its folder's name.

    Where folders of several have one name, such as `day-1/evaluation` and `day-2/evaluation`, ids
    are paths from the folder that they share: a number would be another run's when some are gone.
    """
    folders = [one.id for one in evaluations if not one.execution_id]
    ids = {folder: _last(folder) for folder in folders}
    if len(set(ids.values())) < len(ids):
        shared = os.path.commonpath(list(ids))
        ids = {folder: os.path.relpath(folder, shared).replace(os.sep, "/") for folder in folders}
    return unique(clean(one.id if one.execution_id else ids[one.id]) for one in evaluations)


def of_result(result: EvalResult, run_id: str, name: str = "") -> dict[str, Any]:
    """What a report tells of the run that gave a result.

    Args:
        name: For people; by default the folder's name.
    """
    counts = result.run_info.get("counts", {})
    info = {
        "Examples": counts.get("examples"),
        "Rows": counts.get("rows"),
        "Slices": len(result.slicing_metrics),
        "File format": result.file_format,
        "Metrics": _metric_paths(result.metric_paths),
        "Microtome": result.run_info.get("microtome_version"),
    }
    return _run(
        id=run_id,
        name=name or _last(result.output_path) or run_id,
        model=identify(result.model_location, _ANY_MODEL),
        data=identify(result.data_location, _ANY_DATA),
        model_path=result.model_location,
        data_path=result.data_location,
        path=result.output_path,
        started=_written(result.output_path),
        info=info,
    )


def of_evaluation(evaluation: Evaluation, run_id: str, name: str) -> dict[str, Any]:
    """What a report tells of a tracked evaluation."""
    known = evaluation.provenance
    info = {
        "Model id": known.model_id,
        "Data id": known.data_id,
        "Span": known.span,
        "Data version": known.data_version,
        "Split": known.split,
        "Not recorded": evaluation.not_tracked,
        "Microtome": known.microtome_version,
    }
    data = f"span {known.span}" if known.span and "," not in known.span else ""
    return _run(
        id=run_id,
        # Airflow and Kubeflow v2 do not tell a component its run
        name=name or run_id,
        model=identify(known.model_uri, _ANY_MODEL),
        data=data or identify(known.data_uri, _ANY_DATA),
        model_path=known.model_uri,
        data_path=known.data_uri,
        path=known.evaluation_uri,
        pipeline=evaluation.pipeline,
        node=evaluation.node,
        started=_iso(evaluation.time),
        info=info,
    )


def names_of_evaluations(evaluations: Sequence[Evaluation]) -> list[str]:
    """A name for people for each evaluation: its run, and its node where a run has several.

    A run that is called by its time is so to the minute, if that tells all apart. The name is empty
    where the run is not known.
    """
    several = len({one.node for one in evaluations}) > 1
    runs = [one.run for one in evaluations]
    to_the_minute = [_to_the_minute(run) for run in runs]
    if len(set(to_the_minute)) == len(set(runs)):
        runs = to_the_minute
    return [
        clean(f"{run} {one.node}" if several and run and one.node else run)
        for run, one in zip(runs, evaluations, strict=True)
    ]


def _to_the_minute(run: str) -> str:
    return f"{run[:10]} {run[11:16]}" if _TIME.fullmatch(run) else run


def now() -> str:
    """The time, in UTC, ISO 8601."""
    return _iso(datetime.datetime.now(datetime.timezone.utc))


def identify(path: str, meaningless: re.Pattern[str]) -> str:
    """What of a path tells a model, or data, from others: the last folder that says something.

    Of several paths, separated by commas, the first, and how many there are more.
    """
    first, *more = path.split(",") if "," in path else [path]
    parts = [part for part in first.replace("\\", "/").split("/") if part]
    telling = [part for part in parts if not meaningless.fullmatch(part)]
    found = clean((telling or parts or [""])[-1])
    return f"{found} and {len(more)} more" if more else found


def _run(info: Mapping[str, Any], **told: str) -> dict[str, Any]:
    rows = [[name, clean(str(value))] for name, value in info.items() if value not in (None, "")]
    found: dict[str, Any] = {name: clean(value) for name, value in told.items() if value}
    return {**found, **({"info": rows} if rows else {})}


def _metric_paths(paths: Mapping[str, Any]) -> str:
    """How many metrics were computed in which way."""
    kinds = [str(told.get("path", "")) for told in paths.values() if isinstance(told, Mapping)]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)) if kind)


def _last(path: str) -> str:
    return os.path.basename(path.rstrip("/"))


def _written(path: str) -> str:
    """When a local result was finished."""
    try:
        seconds = os.path.getmtime(os.path.join(path, names.EVAL_CONFIG)) if path else None
    except OSError:
        seconds = None
    if seconds is None:
        return ""
    return _iso(datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc))


def _iso(time: datetime.datetime) -> str:
    return time.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
