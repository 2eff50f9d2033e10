"""Names of the files of a result directory, and of metrics that always are there.

Readers of TFMA's find records by `<kind>*`: no other file's name may start with the name of a kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

METRICS = "metrics"
PLOTS = "plots"
ATTRIBUTIONS = "attributions"
VALIDATIONS = "validations"
KINDS = (METRICS, PLOTS, ATTRIBUTIONS, VALIDATIONS)

EVAL_CONFIG = "eval_config.json"
# A pickle, in results of TFMA up to 0.14.
PICKLED_EVAL_CONFIG = "eval_config"
# Microtome's own files.
RUN_INFO = "run.json"
METRICS_TABLE = "sliced_metrics.parquet"
REPORT = "report.html"
TRACKING = "tracking.json"
VERDICT = "verdict.json"

# metrics that every slice has
EXAMPLE_COUNT = "post_export_metrics/example_count"
EXAMPLE_WEIGHT = "post_export_metrics/example_weight"

_RECORDS = re.compile(
    rf"(?P<kind>{'|'.join(KINDS)})(-\d{{5}}-of-\d{{5}})?(\.(?P<format>tfrecord|parquet))?"
)
_SINGLE = {EVAL_CONFIG, PICKLED_EVAL_CONFIG, RUN_INFO, METRICS_TABLE, REPORT, TRACKING, VERDICT}


def record_file(kind: str) -> str:
    """The name of the one file that Microtome writes of a kind of records."""
    return f"{kind}-00000-of-00001.tfrecord"


def is_result_file(name: str) -> bool:
    """Whether an evaluation, of Microtome or TFMA, writes a file of this name."""
    return name in _SINGLE or _RECORDS.fullmatch(name) is not None


def is_result(names: Iterable[str]) -> bool:
    """Whether files of these names are a result, or a part of one."""
    return any(is_result_file(name) and name != REPORT for name in names)


def is_unfinished(names: Iterable[str]) -> bool:
    """Whether they are a result of Microtome that is being written: the config comes last."""
    names = set(names)
    return bool(names & {RUN_INFO, METRICS_TABLE}) and EVAL_CONFIG not in names


def record_files(names: Iterable[str], kind: str, file_format: str) -> list[str]:
    """The files that hold the records of a kind, in order of their shards.

    Args:
        names: All names of the directory.
        kind: One of `KINDS`.
        file_format: "tfrecord" or "parquet". TFRecord files with no suffix, as older TFMA writes
            them, are taken where there are none with it.
    """
    found: dict[str | None, list[str]] = {}
    for name in sorted(names):
        match = _RECORDS.fullmatch(name)
        if match and match["kind"] == kind:
            found.setdefault(match["format"], []).append(name)
    if file_format == "tfrecord":
        return found.get("tfrecord") or found.get(None, [])
    return found.get(file_format, [])
