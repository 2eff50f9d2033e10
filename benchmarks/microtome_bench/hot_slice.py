"""Whether a slice that all rows stand in holds a job, and whether a fan-out of hot keys helps.

    python -m microtome_bench.hot_slice --bundles 64 --slices 300 20000

Bundles hand on their sums as they do in an evaluation; what is timed is adding them up, by the
DirectRunner in two processes: as it is, and with `with_hot_key_fanout`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions

from microtome.executor.finishing import MergeTables
from microtome.executor.summing import NUM_SHARDS
from microtome.slicing.table import SliceTable

WIDTH, FAN_OUT = 400, 4
PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


def tables(bundle: int, slices: int) -> Iterator[tuple[int, bytes]]:
    """What one bundle hands on: Overall, and the slices of one feature."""
    keys = [(), *((("feature", value),) for value in range(slices - 1))]
    sums = np.random.default_rng(bundle).random((slices, WIDTH))
    for shard, table in enumerate(SliceTable(keys, sums).split(NUM_SHARDS)):
        yield shard, table.to_bytes()


def measure(bundles: int, slices: int, fan_out: int | None) -> float:
    """Seconds to make and add up the tables of all bundles."""
    combine = beam.CombinePerKey(MergeTables())
    start = time.perf_counter()
    with beam.Pipeline(options=PipelineOptions(PROCESSES)) as pipeline:
        _ = (
            pipeline
            | beam.Create(range(bundles))
            | beam.FlatMap(tables, slices)
            | (combine.with_hot_key_fanout(fan_out) if fan_out else combine)
            | "Count" >> beam.Map(lambda shard: len(SliceTable.from_bytes(shard[1])))
        )
    return time.perf_counter() - start


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundles", type=int, default=64)
    parser.add_argument("--slices", type=int, nargs="+", default=[300, 20_000])
    arguments = parser.parse_args()
    for slices in arguments.slices:
        plain = measure(arguments.bundles, slices, None)
        fanned = measure(arguments.bundles, slices, FAN_OUT)
        print(
            f"{arguments.bundles} bundles, {slices} slices: {plain:.1f} s; with a fan-out of "
            f"{FAN_OUT} {fanned:.1f} s"
        )


if __name__ == "__main__":
    main()
