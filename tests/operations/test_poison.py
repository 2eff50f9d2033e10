"""Bad examples among many good ones, beyond those of `tests/bad_input`."""

from __future__ import annotations

import math
import os

import apache_beam as beam
import pytest
import tensorflow as tf

import microtome
from microtome.errors import DataError
from tests.bad_input.conftest import changed
from tests.operations.conftest import read_all
from tests.results import made

PLACE = 90


def write(path, records, compression: str = "") -> str:
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record)
    return str(path)


def with_one(people, bad: bytes) -> list[bytes]:
    return [*people.records[:PLACE], bad, *people.records[PLACE:]]


POISONS = {
    "no example": lambda record: b"poison",
    "another shape": lambda record: changed(record, age=[40.0, 41.0]),
}


@pytest.mark.parametrize("kind", POISONS)
def test_a_bad_example_is_named_found_and_left_out(evaluate, people, tmp_path, kind):
    """The older result stays; the message tells enough to go on without the example."""
    made.write(tmp_path / "result")
    older = read_all(tmp_path / "result")
    records = with_one(people, POISONS[kind](people.records[0]))
    path = write(tmp_path / "eval.tfrecord", records)
    with pytest.raises(DataError, match=rf"^Example {PLACE} of '{path}' is refused"):
        evaluate(data_location=path)
    assert read_all(tmp_path / "result") == older
    # as docs/operations.md tells
    kept = [record for number, record in enumerate(records) if number != PLACE]
    result = evaluate(data_location=write(tmp_path / "mended.tfrecord", kept))
    assert result.example_count(()) == len(people.records)
    assert sorted(os.listdir(tmp_path)) == ["eval.tfrecord", "mended.tfrecord", "result"]


def test_a_bad_example_of_a_collection(people, tmp_path):
    made.write(tmp_path / "result")
    older = read_all(tmp_path / "result")
    bad = changed(people.records[0], age=[b"old"])
    transform = microtome.ExtractEvaluateAndWriteResults(
        microtome.default_eval_shared_model(people.model_path), str(tmp_path / "result")
    )
    message = rf"An example of the data \(its {len(bad)} bytes begin .* is refused by the model"
    with pytest.raises(Exception, match=message), beam.Pipeline() as pipeline:
        _ = pipeline | beam.Create(with_one(people, bad)) | transform
    assert read_all(tmp_path / "result") == older


def test_a_compressed_file_among_others_is_cut_off(evaluate, people, tmp_path):
    made.write(tmp_path / "result")
    older = read_all(tmp_path / "result")
    paths = [write(tmp_path / f"eval-{i}.gz", people.records * 20, "GZIP") for i in range(3)]
    with open(paths[1], "r+b") as file:
        file.truncate(os.path.getsize(paths[1]) // 2)
    with pytest.raises(DataError, match=rf"'{paths[1]}' is damaged or cut off after \d+ records"):
        evaluate(data_location=str(tmp_path / "eval-*"))
    assert read_all(tmp_path / "result") == older
    # without it
    assert evaluate(data_location=[paths[0], paths[2]]).example_count(()) == 4800


def test_a_feature_that_is_no_number(evaluate, people, tmp_path):
    """What the model's own metrics check is refused; NaN else goes into the metrics as it is."""
    odd = changed(people.records[0], age=[math.nan])
    path = write(tmp_path / "eval", with_one(people, odd))
    with pytest.raises(DataError, match=rf"^Example {PLACE} of '{path}'.*predictions must be in"):
        evaluate(data_location=path)


def test_very_long_strings(evaluate, people, tmp_path):
    """One longer than a batch may be, and one that names a slice."""
    name = "x" * (1 << 20)
    long = changed(people.records[0], languages=[b"y" * (33 << 20)], country=[name.encode()])
    result = evaluate(data_location=write(tmp_path / "eval", with_one(people, long)))
    assert result.example_count(()) == len(people.records) + 1
    assert result.example_count((("country", name),)) == 1
