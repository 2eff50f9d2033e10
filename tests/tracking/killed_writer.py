"""Records evaluations until it is killed: `python -m tests.tracking.killed_writer URL PIPELINE`."""

from __future__ import annotations

import sys

from microtome.proto import config_pb2
from microtome.tracking import mlmd_writer, schema
from microtome.tracking.selection import Selection
from microtome.tracking.stores import open_store
from tests.tracking import recorded

SLICES = 300


def entry(day: int, pipeline: str) -> mlmd_writer.Entry:
    numbers = {(("dest", f"D{i}"),): (SLICES - i, {"auc": day + i / 7}) for i in range(SLICES)}
    return mlmd_writer.Entry(
        model=None,
        examples=(),
        selection=Selection(recorded.records(numbers), SLICES, 0),
        provenance=recorded.provenance(day, pipeline=pipeline),
        eval_config=config_pb2.EvalConfig(),
        verdict=schema.NOT_VALIDATED,
        reasons=(),
        evaluated_at=None,
    )


def main() -> None:
    url, pipeline = sys.argv[1:]
    store = open_store(url, writable=True)
    for day in range(1, 10_000):
        mlmd_writer.write(store, entry(day, pipeline))
        print(day, flush=True)


if __name__ == "__main__":
    main()
