"""How long the history's questions take on a store of many runs.

    python -m microtome_bench.history --runs 100 1000

Each store has 200 tracked slices a run, each an artifact of its own as TFX records them, with 10
metrics. What is timed starts with opening the store, in a process that has imported everything.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from microtome.proto import config_pb2
from microtome.tracking import History, mlmd_writer, schema
from microtome.tracking.selection import Selection, SliceRecord
from microtome.tracking.stores import open_store

SLICES, METRICS = 200, 10
PIPELINE, METRIC, SLICE = "flights", "auc", "dest:D7"


def make_store(path: str, runs: int) -> None:
    """Writes a store, one publish a run, as TFX's launcher would."""
    store = open_store(path, writable=True)
    generator = np.random.default_rng(0)
    for run in range(runs):
        entry = mlmd_writer.Entry(
            model=None,
            examples=(),
            selection=Selection(tuple(_records(generator)), SLICES, 0),
            provenance=_provenance(run),
            eval_config=config_pb2.EvalConfig(),
            verdict=schema.NOT_VALIDATED,
            reasons=(),
            evaluated_at=None,
        )
        mlmd_writer.write(store, entry)


def _records(generator: np.random.Generator) -> list[SliceRecord]:
    keys = [(), *((("dest", f"D{i}"),) for i in range(SLICES - 1))]
    values = 0.7 + 0.01 * generator.standard_normal((SLICES, METRICS))
    names = [METRIC, *(f"metric_{i}" for i in range(METRICS - 1))]
    return [
        SliceRecord(key, dict(zip(names, row, strict=True)), 1000 - i, 1000.0 - i)
        for i, (key, row) in enumerate(zip(keys, values.tolist(), strict=True))
    ]


def _provenance(run: int) -> schema.Provenance:
    told = {name: f"{name} of {run}" for name in schema.PROVENANCE}
    same = {"pipeline_name": PIPELINE, "component_id": "SlicedEvaluator", "config_digest": "c"}
    return schema.Provenance(**{**told, **same})


def questions(path: str) -> dict[str, Callable[[], object]]:
    """What is asked, each from opening the store on."""

    def opened() -> History:
        return History.open(path, pipeline=PIPELINE)

    return {
        "one slice's history of one metric": lambda: opened().metric(METRIC, SLICE),
        "the whole last run": lambda: opened().table(run=-1),
        "regressions, previous": lambda: opened().regressions(),
        "regressions, best ever": lambda: opened().regressions(against="best"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", default="data", help="for the stores")
    args = parser.parse_args()
    os.makedirs(args.folder, exist_ok=True)
    seconds: dict[str, dict[int, float]] = {}
    for runs in args.runs:
        path = os.path.join(args.folder, f"metadata-{runs}.sqlite")
        if not os.path.exists(path):
            print(f"writing {path}", file=sys.stderr)
            make_store(path + ".part", runs)
            os.replace(path + ".part", path)
        for name, ask in questions(path).items():
            taken = []
            for _ in range(args.repeat):
                started = time.perf_counter()
                ask()
                taken.append(time.perf_counter() - started)
            seconds.setdefault(name, {})[runs] = statistics.median(taken)
    print(f"| seconds | {' | '.join(f'{runs} runs' for runs in args.runs)} |")
    print("|---|" + "---|" * len(args.runs))
    for name, by_runs in seconds.items():
        print(f"| {name} | {' | '.join(f'{by_runs[runs]:.2f}' for runs in args.runs)} |")


if __name__ == "__main__":
    main()
