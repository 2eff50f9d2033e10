"""The flights' data: what a row says, what it must not say, and how months become spans."""

from __future__ import annotations

import pathlib

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from microtome.errors import ConfigError
from microtome.pipelines.flights import data


def examples(*paths: pathlib.Path) -> list[tf.train.Example]:
    records = tf.data.TFRecordDataset([str(path) for path in paths], "GZIP")
    return [tf.train.Example.FromString(record) for record in records.as_numpy_iterator()]


def number(example: tf.train.Example, name: str) -> int:
    return int(example.features.feature[name].int64_list.value[0])


def test_all_flights_that_landed(flights: pd.DataFrame) -> None:
    assert len(flights) == 336_776 - 9_430
    assert flights["month"].value_counts().to_dict()[3] == 27_902
    # the mean of arr_delay > 15, counted on the raw table
    assert flights["late"].mean() == pytest.approx(0.236, abs=0.002)


def test_first_row_against_the_raw_table(flights: pd.DataFrame) -> None:
    """UA 1545, January 1: scheduled 5:15 to 8:19, EWR to IAH, 11 minutes late."""
    row = flights.iloc[0].to_dict()
    assert row.pop("hold_out") in (True, False)
    assert row == {
        "month": 1,
        "day": 1,
        "weekday": 1,
        "hour": 5,
        "departure": 315,
        "arrival": 499,
        "distance": 1400,
        "plane_year": 1999.0,
        "plane_seats": 149.0,
        "carrier": "UA",
        "origin": "EWR",
        "dest": "IAH",
        "plane_type": "Fixed wing multi engine",
        "tailnum": "N14228",
        "late": 0,
    }


def test_nothing_that_is_known_only_later(flights: pd.DataFrame) -> None:
    planned = {"departure", "arrival"}  # by the timetable: whole minutes, early flights at hour 5
    assert set(flights.columns) == {*data.COLUMNS, "tailnum", "hold_out"}
    assert (flights["departure"] // 60 == flights["hour"]).all()
    leaking = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"}
    assert not leaking & set(flights.columns) - planned


def test_hold_out_is_a_fifth_of_every_month(flights: pd.DataFrame) -> None:
    shares = flights.groupby("month")["hold_out"].mean()
    assert shares.between(0.19, 0.21).all()


def test_encoding_is_that_of_protobuf(flights: pd.DataFrame) -> None:
    rows = flights.head(50)
    for record, (_, row) in zip(data.encode_examples(rows), rows.iterrows(), strict=True):
        example = tf.train.Example.FromString(record)
        decoded = {
            name: (feature.int64_list.value or feature.bytes_list.value)[0]
            for name, feature in example.features.feature.items()
        }
        expected = {
            name: row[name].encode() if isinstance(row[name], str) else int(row[name])
            for name in data.COLUMNS
            if not pd.isna(row[name])
        }
        assert decoded == expected


def test_missing_values_make_no_feature(flights: pd.DataFrame) -> None:
    unknown = flights[flights["plane_seats"].isna()].head(1)
    example = tf.train.Example.FromString(data.encode_examples(unknown)[0])
    assert not {"plane_seats", "plane_type"} & set(example.features.feature)


def test_other_columns_can_be_encoded() -> None:
    frame = pd.DataFrame({"word": ["a", None], "size": np.array([0.5, 2.0], np.float32)})
    first, second = map(tf.train.Example.FromString, data.encode_examples(frame, ["word", "size"]))
    assert first.features.feature["word"].bytes_list.value == [b"a"]
    assert first.features.feature["size"].float_list.value == [0.5]
    assert list(second.features.feature) == ["size"]


def test_span(flights: pd.DataFrame, tmp_path: pathlib.Path) -> None:
    counts = data.write_span(flights, str(tmp_path), 3, rows_per_month=200)
    assert counts["next_month"] == 200
    assert counts["train"] + counts["eval"] == 400
    span = tmp_path / "span-3"
    assert sorted(path.name for path in (span / "train").iterdir()) == [
        "flights-2013-01.gz",
        "flights-2013-02.gz",
    ]
    next_month = examples(*(span / "next_month").iterdir())
    assert {number(example, "month") for example in next_month} == {3}
    assert len(examples(*(span / "eval").iterdir())) == counts["eval"]


def test_rows_stay_on_their_side(flights: pd.DataFrame, tmp_path: pathlib.Path) -> None:
    """A flight of January that is held out in one run is held out in the next."""
    for month in (2, 3):
        data.write_span(flights, str(tmp_path), month, rows_per_month=100)
    files = [tmp_path / f"span-{month}" / "eval" / "flights-2013-01.gz" for month in (2, 3)]
    assert examples(files[0]) == examples(files[1])


def test_span_is_replaced_as_a_whole(flights: pd.DataFrame, tmp_path: pathlib.Path) -> None:
    stray = tmp_path / "span-2" / "train" / "stray.gz"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"")
    data.write_span(flights, str(tmp_path), 2, rows_per_month=10)
    assert not stray.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["span-2"]


@pytest.mark.parametrize("month", [1, 13])
def test_months_without_a_span(flights: pd.DataFrame, tmp_path: pathlib.Path, month: int) -> None:
    with pytest.raises(ConfigError, match=f"Span {month} cannot be written"):
        data.write_span(flights, str(tmp_path), month)
    assert not list(tmp_path.iterdir())
