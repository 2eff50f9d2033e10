"""Batches of columns: of Parquet, Arrow and CSV files, of RecordBatches and of dicts."""

from __future__ import annotations

import bz2
import gzip
import pathlib
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to

from microtome.errors import ConfigError, DataError, UnusableExampleError
from microtome.executor import sources

pytestmark = pytest.mark.current

ROWS = 2000
TABLE = pa.table(
    {
        "label": [i % 2 for i in range(ROWS)],
        "score": [i / ROWS for i in range(ROWS)],
        "country": [["nl", "at", None][i % 3] for i in range(ROWS)],
    }
)
Write = Callable[[pa.Table, str], None]


def write_parquet(table: pa.Table, path: str) -> None:
    pq.write_table(table, path, row_group_size=700)


def write_arrow(new: Callable[..., Any]) -> Write:
    def write(table: pa.Table, path: str) -> None:
        with new(path, table.schema) as writer:
            writer.write_table(table, 700)

    return write


def write_csv(compress: Callable[[bytes], bytes]) -> Write:
    def write(table: pa.Table, path: str) -> None:
        sink = pa.BufferOutputStream()
        pa.csv.write_csv(table, sink)
        pathlib.Path(path).write_bytes(compress(sink.getvalue().to_pybytes()))

    return write


WRITERS: dict[str, tuple[str, str, Write]] = {
    "parquet": ("parquet", "eval.parquet", write_parquet),
    "arrow file": ("arrow", "eval.arrow", write_arrow(pa.ipc.new_file)),
    "arrow stream": ("arrow", "eval.arrows", write_arrow(pa.ipc.new_stream)),
    "feather": ("arrow", "eval.feather", pyarrow.feather.write_feather),
    "csv": ("csv", "eval.csv", write_csv(bytes)),
    "csv.gz": ("csv", "eval.csv.gz", write_csv(gzip.compress)),
    "csv.bz2": ("csv", "eval.csv.bz2", write_csv(bz2.compress)),
}


@pytest.fixture(params=WRITERS)
def written(request, tmp_path) -> tuple[str, str]:
    """A file with TABLE, and its format."""
    file_format, name, write = WRITERS[request.param]
    path = str(tmp_path / name)
    write(TABLE, path)
    return path, file_format


def rows_of(batches: list[sources.Batch]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.records.to_pylist()]


def test_all_rows_in_batches(written) -> None:
    path, file_format = written
    batches = list(sources.read_batches(path, file_format, 300))
    assert rows_of(batches) == TABLE.to_pylist()
    assert max(len(batch.records) for batch in batches) <= 300
    ends = np.cumsum([len(batch.records) for batch in batches])
    assert [batch.first for batch in batches] == [0, *ends[:-1]]
    assert all(batch.num_bytes == batch.records.nbytes for batch in batches)
    assert {batch.source for batch in batches} == {path}


def test_batches_are_bounded_in_bytes(written) -> None:
    batches = list(sources.read_batches(*written, max_bytes=5000))
    assert rows_of(batches) == TABLE.to_pylist()
    assert max(batch.num_bytes for batch in batches) <= 5000


def test_wanted_columns_alone(written) -> None:
    batches = list(sources.read_batches(*written, columns=["score", "label"]))
    assert sorted(batches[0].records.schema.names) == ["label", "score"]
    assert rows_of(batches) == TABLE.select(["label", "score"]).to_pylist()
    with pytest.raises(ConfigError, match=r"has no column 'scores' \(did you mean 'score'\?\)"):
        list(sources.read_batches(*written, columns=["scores"]))


def test_the_first_rows(written) -> None:
    path, file_format = written
    batches = sources.first_batches([path, path], file_format, ROWS + 5)
    assert rows_of(batches) == [*TABLE.to_pylist(), *TABLE.slice(0, 5).to_pylist()]
    (few,) = sources.first_batches([path, path], file_format, 7, columns=["score"])
    assert few.records.to_pylist() == TABLE.select(["score"]).slice(0, 7).to_pylist()


def test_without_a_row(written, tmp_path) -> None:
    path, file_format = written
    _, _, write = next(w for w in WRITERS.values() if path.endswith(w[1]))
    empty = str(tmp_path / f"empty-{pathlib.Path(path).name}")
    write(TABLE.slice(0, 0), empty)
    (tmp_path / "zero").touch()
    for file in (empty, str(tmp_path / "zero")):
        assert list(sources.read_batches(file, file_format)) == []
    with pytest.raises(DataError, match="without a record"):
        sources.first_batches([empty], file_format, 5)


def test_cut_off(written) -> None:
    path, file_format = written
    whole = pathlib.Path(path).read_bytes()
    for size in (len(whole) // 2, len(whole) - 20):
        pathlib.Path(path).write_bytes(whole[:size])
        if path.endswith(".csv"):
            # a line that lacks a column; others may be cut off in silence
            pathlib.Path(path).write_bytes(whole[: whole.rindex(b",", 0, size)])
        with pytest.raises(DataError) as caught:
            list(sources.read_batches(path, file_format, 300))
        message = str(caught.value)
        assert message.startswith(f"The data file {path!r} ")
        assert "is damaged or cut off after" in message or "cannot be read as csv" in message
        assert message.endswith("leave it out of the pattern.")
        assert "\n" not in message


@pytest.mark.parametrize("kind", ["arrow file", "arrow stream", "parquet"])
def test_damage_is_no_crash(tmp_path, kind) -> None:
    """Arrow has no checksums: offsets that lead anywhere must not be followed."""
    file_format, name, write = WRITERS[kind]
    path = tmp_path / name
    write(TABLE, str(path))
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    messages = []
    for _ in range(60):
        damaged = bytearray(whole)
        for place in generator.integers(8, len(whole), 3):
            damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            for batch in sources.read_batches(str(path), file_format):
                batch.records.validate(full=file_format == "arrow")
        except DataError as error:
            messages.append(str(error))
    assert messages
    assert all(repr(str(path)) in message for message in messages)


@pytest.mark.parametrize(
    ("kind", "file_format", "words"),
    [
        ("csv", "parquet", "For lines of text give the file format 'text', for lines below a head"),
        ("csv", "arrow", "For lines of text give the file format 'text'"),
        ("parquet", "arrow", "it is Parquet. Give the file format 'parquet'."),
        ("parquet", "csv", "it is Parquet. Give the file format 'parquet'."),
        ("parquet", "text", "it is Parquet. Give the file format 'parquet'."),
        ("parquet", "tfrecords", "it is Parquet. Give the file format 'parquet'."),
        ("arrow file", "parquet", "it is Arrow. Give the file format 'arrow'."),
        ("arrow stream", "csv", "it is Arrow. Give the file format 'arrow'."),
        ("csv.gz", "parquet", "it is compressed as a whole. Decompress it"),
    ],
)
def test_another_format(tmp_path, kind, file_format, words) -> None:
    _, name, write = WRITERS[kind]
    path = str(tmp_path / name)
    write(TABLE, path)
    with pytest.raises(DataError) as caught:
        list(sources.read_batches(path, file_format))
    assert words in str(caught.value)
    assert f"{path!r} cannot be read as {file_format}:" in str(caught.value)


def test_compressed_csv_without_the_suffix(tmp_path) -> None:
    path = tmp_path / "eval.csv"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    with pytest.raises(DataError, match=r"must have a name in \.gz"):
        list(sources.read_batches(str(path), "csv"))


def test_a_missing_file(tmp_path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        list(sources.read_batches(str(tmp_path / "eval.parquet"), "parquet"))


def test_cells_of_csv(tmp_path) -> None:
    path = tmp_path / "eval.csv"
    path.write_text('country,age,note\nNA,3,""\n,,null\n')
    (batch,) = sources.read_batches(str(path), "csv")
    assert batch.records.to_pylist() == [
        {"country": "NA", "age": 3, "note": ""},
        {"country": None, "age": None, "note": "null"},
    ]


def test_a_csv_cell_of_another_type(tmp_path) -> None:
    path = tmp_path / "eval.csv"
    path.write_text("age\n" + "1\n" * 5000 + "old\n")
    with pytest.raises(DataError, match=r"cannot be read as csv after \d+ records: .*'old'"):
        list(sources.read_batches(str(path), "csv", max_bytes=5000))


def test_columns_are_read_without_tensorflow(tmp_path) -> None:
    path = str(tmp_path / "eval.parquet")
    write_parquet(TABLE, path)
    program = (
        "import sys; from microtome.executor import sources;"
        f"print(len(list(sources.ReadFiles('parquet', 500).process({path!r}))));"
        "print('tensorflow' in sys.modules)"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert output.split() == ["4", "False"]


def test_files_through_beam(written) -> None:
    path, file_format = written
    with TestPipeline() as pipeline:
        scores = (
            pipeline
            | beam.Create([path])
            | beam.ParDo(sources.ReadFiles(file_format, 300, columns=["score"]))
            | beam.Reshuffle()
            | beam.FlatMap(lambda batch: batch.records["score"].to_pylist())
        )
        assert_that(scores, equal_to(TABLE["score"].to_pylist()))


def gathered(records: list[Any], rows: int = 3, **bounds: int) -> list[sources.Batch]:
    function = sources.BatchRecords(rows, **bounds)
    function.start_bundle()
    batches = [batch for record in records for batch in function.process(record)]
    return batches + [windowed.value for windowed in function.finish_bundle()]


def test_dicts_are_gathered() -> None:
    batches = gathered([{"a": 1}, {"b": "x"}, {"a": 2}, {"a": 3, "b": None}])
    assert [batch.records.to_pydict() for batch in batches] == [
        {"a": [1, None, 2], "b": [None, "x", None]},
        {"a": [3], "b": [None]},
    ]


def test_record_batches_are_split() -> None:
    (whole,) = TABLE.combine_chunks().to_batches()
    batches = gathered([whole.slice(0, 2), whole.slice(2, 7), whole.slice(0, 0)])
    assert [len(batch.records) for batch in batches] == [2, 3, 3, 1]
    assert rows_of(batches) == TABLE.slice(0, 9).to_pylist()
    batches = gathered([whole], rows=ROWS, max_bytes=5000)
    assert rows_of(batches) == TABLE.to_pylist()
    assert max(batch.records.nbytes for batch in batches) <= 5000


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([b"x", {"a": 1}], "Some of the examples are serialized (bytes), others are dicts."),
        ([{"a": 1}, TABLE.to_batches()[0]], "Some of the examples are dicts, others are RecordB"),
        (["text"], "An example is a str; serialized examples (bytes), dicts or RecordBatches"),
        ([{"a": 1}, {"a": "x"}], "The column 'a' holds values of the types int, str"),
    ],
)
def test_records_that_do_not_go_together(records, words) -> None:
    with pytest.raises(DataError) as caught:
        gathered(records)
    assert words in str(caught.value)


def test_batches_that_travel_take_no_more_than_their_rows() -> None:
    (whole,) = TABLE.combine_chunks().to_batches()
    batch = sources.Batch(whole.slice(500, 10), "file", 500, 17, 0.5)
    pickled = pickle.dumps(batch)
    assert len(pickled) < 2000
    copy = pickle.loads(pickled)
    assert copy.records.equals(batch.records)
    assert (copy.source, copy.first, copy.num_bytes, copy.read_seconds) == ("file", 500, 17, 0.5)


def test_rows_that_cannot_be_evaluated_are_placed() -> None:
    (whole,) = TABLE.combine_chunks().to_batches()
    batches = [sources.Batch(whole.slice(i, 10), "eval.parquet", i) for i in (0, 10)]
    words = r"^Example 13 of 'eval.parquet' cannot be evaluated: its 'label' is missing\."
    with pytest.raises(DataError, match=words), sources.placing_refusals(batches):
        raise UnusableExampleError(13, "its 'label' is missing.")
    unnamed = sources.Batch(whole.slice(0, 2))
    assert unnamed.named(1) == (
        "An example of the data ({'label': 1, 'score': 0.0005, 'country': 'at'})"
    )
