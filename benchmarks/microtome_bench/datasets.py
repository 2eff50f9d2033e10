"""The data that is measured: real flights, and made-up visits to a shop for wide models."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

FILES = 8
DISTINCT_VISITS = 1_000_000

FLIGHTS, VISITS, SCORED = "flights", "visits", "scored"
VISIT_SIZES = {
    "user": 1_000_000,
    "item": 300_000,
    "category": 30,
    "country": 40,
    "device": 4,
    "hour": 24,
    "weekday": 7,
}
# the others are words
NUMBERED = ("hour", "weekday")


def folder_of(folder: str, kind: str, rows: int) -> str:
    """Where the files of a number of rows are."""
    return os.path.join(folder, f"{kind}-{rows}")


def prepare(folder: str, kind: str, rows: int) -> str:
    """Writes the files of a number of rows where they are not there; returns their folder."""
    target = folder_of(folder, kind, rows)
    if not os.path.exists(target):
        _write(records(folder, kind), rows, target)
    return target


def records(folder: str, kind: str, count: int | None = None) -> Sequence[bytes]:
    """The examples, shuffled, from a file that keeps them."""
    import tensorflow as tf

    path = os.path.join(folder, f"{kind}.tfrecord")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        made = _flights() if kind == FLIGHTS else _visits()
        write_records(made, path + ".unfinished")
        os.replace(path + ".unfinished", path)
    dataset = tf.data.TFRecordDataset(path).take(-1 if count is None else count)
    return list(dataset.as_numpy_iterator())


def _flights() -> list[bytes]:
    from microtome.pipelines.flights import data

    flights = data.load_flights().sample(frac=1.0, random_state=2013)
    return data.encode_examples(flights, [*data.COLUMNS, "tailnum"])


def visits(rows: int) -> pd.DataFrame:
    """Visits with three labels: `bought` (0 or 1), `rating` (0 to 9) and `spent` (a number).

    A few users, items and countries are frequent and most are rare, as they are in shops.
    """
    generator = np.random.default_rng(2013)
    table = {}
    for name, size in VISIT_SIZES.items():
        numbers = (generator.pareto(1.1, rows) * size / 50).astype(np.int64) % size
        words = np.char.add(name[0], numbers.astype(str)).astype(object)
        table[name] = numbers if name in NUMBERED else words
    frame = pd.DataFrame(table)
    frame["age"] = generator.normal(40, 12, rows).astype(np.float32)
    frame["price"] = generator.lognormal(3, 1, rows).astype(np.float32)
    taste = pd.util.hash_array(frame["category"].to_numpy()) % 7 / 7.0
    score = taste + 0.02 * (frame["age"] - 40) - 0.2 * np.log(frame["price"])
    noisy = score + generator.normal(0, 0.5, rows)
    frame["bought"] = (noisy > -0.2).astype(np.int64)
    frame["rating"] = pd.cut(noisy, 10, labels=False).astype(np.int64)
    frame["spent"] = (frame["bought"] * frame["price"]).astype(np.float32)
    return frame


def _visits() -> list[bytes]:
    from microtome.pipelines.flights import data

    table = visits(DISTINCT_VISITS)
    return data.encode_examples(table, list(table.columns))


def write_records(records: Iterable[bytes], path: str) -> None:
    """Writes a file of TFRecords."""
    import tensorflow as tf

    with tf.io.TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)


def _write(examples: Sequence[bytes], rows: int, target: str) -> None:
    unfinished = target + ".unfinished"
    os.makedirs(unfinished, exist_ok=True)
    for number in range(FILES):
        records = (examples[i % len(examples)] for i in range(number, rows, FILES))
        write_records(records, os.path.join(unfinished, f"{number:02d}.tfrecord"))
    os.rename(unfinished, target)
