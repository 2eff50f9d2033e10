"""`microtome show`: a result as a table, as CSV or as JSON."""

from __future__ import annotations

import argparse

from microtome.cli import tables
from microtome.errors import ConfigError
from microtome.results import EvalResult, load_eval_result

_ROWS = 20


def run(args: argparse.Namespace) -> None:
    """Loads, selects, orders and prints.

    Raises:
        OutputError: the directory holds no result.
        ConfigError: there is no such metric or slice.
    """
    if args.reverse and not args.sort:
        raise ConfigError("--reverse needs --sort METRIC.")
    result = _selected(load_eval_result(args.result), args)
    if args.csv:
        print(tables.to_csv(tables.first_slices(result, args.slices)), end="")
    elif args.json:
        print(tables.to_json(tables.first_slices(result, args.slices)))
    else:
        rows = _ROWS if args.slices is None else args.slices
        print(tables.to_text(result, rows, in_order=True))


def _selected(result: EvalResult, args: argparse.Namespace) -> EvalResult:
    # ordered first: a metric may be sorted by and not shown
    if args.sort:
        metric = tables.find_metric(result, args.sort)
        result = tables.by_metric(result, metric, lowest_first=args.reverse)
    else:
        result = tables.by_size(result)
    if args.slice:
        result = tables.with_slices(result, args.slice)
    if args.metric:
        labels = [tables.find_metric(result, name) for name in args.metric]
        result = tables.with_metrics(result, labels)
    return result
