"""`microtome slices`: which slices of a result differ from another beyond noise."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from microtome.cli import tables
from microtome.errors import ConfigError
from microtome.messages import nearest
from microtome.results import EvalResult, load_eval_result
from microtome.results.slice_keys import AnySliceKey, slice_text

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 20
# columns as a terminal has room for them
_SHOWN = {
    "slice": "slice",
    "example_count": "examples",
    "value": "value",
    "difference": "difference",
    "lower_bound": "lower",
    "upper_bound": "upper",
    "p_value": "p",
    "q_value": "q",
    "differs": "differs",
}


def run(args: argparse.Namespace) -> None:
    """Loads, compares and prints.

    Raises:
        OutputError: the directory holds no result.
        ConfigError: there is no such metric or slice, or it has no interval.
    """
    result = load_eval_result(args.result, model_name=args.model_name)
    metric = tables.find_metric(result, args.metric)
    baseline = _key(result, args.baseline)
    frame = result.compare_slices(
        metric, baseline, level=args.level, fdr=args.fdr, model_name=args.model_name
    )
    if args.csv:
        print(frame.iloc[: args.slices].to_csv(index=False, lineterminator="\n"), end="")
    else:
        print(_text(frame, metric, args))


def _key(result: EvalResult, name: str) -> AnySliceKey:
    keys = {slice_text(key): key for key, _ in result.slicing_metrics}
    if name not in keys:
        raise ConfigError(f"There is no slice {name!r}{nearest(name, keys)}.")
    return keys[name]


def _text(frame: pd.DataFrame, metric: str, args: argparse.Namespace) -> str:
    rows = _ROWS if args.slices is None else args.slices
    shown = frame.head(rows)[list(_SHOWN)].rename(columns=_SHOWN)
    shown["examples"] = shown["examples"].astype("int64")
    table = shown.to_string(index=False, float_format=lambda number: f"{number:.4g}")
    base = frame["baseline_value"].iloc[0] if len(frame) else float("nan")
    return (
        f"{metric} of {args.baseline}: {base:.4g}. {int(frame['differs'].sum())} of {len(frame)} "
        f"slices differ from it; of such, at most {args.fdr:.0%} are expected not to.\n\n{table}"
    )
