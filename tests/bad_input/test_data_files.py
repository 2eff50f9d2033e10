"""Data files that are not there, not whole, or something else."""

from __future__ import annotations

import gzip
import os
import pathlib
import re
import zlib

import pytest
import tensorflow as tf

from microtome.errors import ConfigError, DataError
from microtome.executor import sources

pytestmark = pytest.mark.current

COMPRESSIONS = {"": "", "GZIP": ".gz", "ZLIB": ".zlib"}


def test_pattern_without_files(refuse, tmp_path):
    (tmp_path / "train-0.tfrecord").touch()
    pattern = str(tmp_path / "eval-*")
    message = refuse(DataError, data=pattern)
    assert f"no file matches {pattern!r}" in message
    assert "there is: train-0.tfrecord" in message


def test_one_of_two_patterns_without_files(refuse, people, tmp_path):
    pattern = str(tmp_path / "eval-*")
    assert f"no file matches {pattern!r}" in refuse(DataError, data=[people.data_path, pattern])


def test_pattern_in_a_missing_directory(refuse, tmp_path):
    directory = str(tmp_path / "there" / "deep")
    message = refuse(DataError, data=os.path.join(directory, "eval-*"))
    assert f"there is no directory {directory!r}" in message


@pytest.mark.parametrize(("data", "error"), [([], DataError), (7, ConfigError)])
def test_no_pattern(refuse, data, error):
    assert "pattern" in refuse(error, data=data)


def test_directory(refuse, tmp_path):
    (tmp_path / "eval").mkdir()
    message = refuse(DataError, data=str(tmp_path / "eval"))
    assert "is a directory" in message
    assert repr(str(tmp_path / "eval" / "*")) in message


@pytest.mark.parametrize("content", ["carrier,delay\n" * 100, "a,b\n"], ids=["long", "short"])
def test_text_given_as_tfrecords(refuse, tmp_path, content):
    path = tmp_path / "eval.csv"
    path.write_text(content)
    message = refuse(DataError, data=str(path))
    assert repr(str(path)) in message
    assert f"begins with {content.encode()[:24]!r}" in message
    assert "give the file format 'text'" in message


def test_tfrecords_given_as_text(refuse, people):
    message = refuse(DataError, file_format="text")
    assert repr(people.data_path) in message
    assert "give the file format 'tfrecords'" in message


def test_unknown_file_format(refuse):
    message = refuse(ConfigError, file_format="tfrecord")
    assert "did you mean 'tfrecords'" in message
    assert "'tfrecords', 'text', 'parquet', 'arrow' or 'csv'" in message


def test_another_file_than_the_first_is_no_tfrecord(refuse, people, tmp_path, write_records):
    write_records("eval-0", people.records)
    (tmp_path / "eval-1").write_text("carrier,delay\n" * 100)
    message = refuse(DataError, data=str(tmp_path / "eval-*"))
    assert repr(str(tmp_path / "eval-1")) in message
    assert "begins with b'carrier,delay" in message


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_cut_off_in_the_middle(refuse, people, write_records, compression):
    path = write_records(f"eval{COMPRESSIONS[compression]}", people.records * 5, compression)
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) * 3 // 4)
    message = refuse(DataError, data=path)
    found = re.search(r"is damaged or cut off after (\d+) records\. Write it anew", message)
    assert repr(path) in message
    records = iter(tf.data.TFRecordDataset(path, compression))
    for _ in range(int(found[1])):
        next(records)
    with pytest.raises(tf.errors.DataLossError):
        next(records)


def test_cut_off_in_the_head_of_a_record(refuse, people, write_records):
    """TensorFlow alone takes such a file for whole."""
    path = write_records("eval", people.records[:61])
    with open(path, "r+b") as file:
        # all but five bytes of the last record's frame
        file.truncate(os.path.getsize(path) - len(people.records[60]) - 11)
    assert sum(1 for _ in tf.data.TFRecordDataset(path)) == 60
    assert "damaged or cut off after 60 records" in refuse(DataError, data=path)


def test_flipped_bit(people, write_records):
    path = write_records("eval", people.records)
    with open(path, "r+b") as file:
        file.seek(16 * 101 + sum(map(len, people.records[:100])) + 20)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 4]))
    with pytest.raises(DataError, match="damaged or cut off after 100 records"):
        list(sources.read_batches(path, "tfrecords"))


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_cut_is_found(tmp_path, write_records, compression):
    """Wherever a file ends: it is refused, or it ends between two records without a trace."""
    path = write_records(f"whole{COMPRESSIONS[compression]}", [b"abc" * 9] * 3, compression)
    with open(path, "rb") as file:
        whole = file.read()
    cut = str(tmp_path / f"cut{COMPRESSIONS[compression]}")
    for size in range(0, len(whole), 1 if compression else 2):
        with open(cut, "wb") as file:
            file.write(whole[:size])
        is_between = size == 0 or (not compression and size % (len(whole) // 3) == 0)
        try:
            batches = list(sources.read_batches(cut, "tfrecords"))
        except DataError:
            assert not is_between, size
        else:
            assert is_between, size
            assert sum(len(batch.records) for batch in batches) == 3 * size // len(whole)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_whole_files_are_read(write_records, compression):
    records = [bytes([i]) * i for i in range(100)]
    path = write_records(f"eval{COMPRESSIONS[compression]}", records, compression)
    batches = list(sources.read_batches(path, "tfrecords", rows=30))
    assert [batch.first for batch in batches] == [0, 30, 60, 90]
    assert [record for batch in batches for record in batch.records] == records


def test_gzip_files_may_be_joined(tmp_path, write_records):
    parts = [write_records(f"{name}.gz", [name.encode()] * 70, "GZIP") for name in "ab"]
    joined = tmp_path / "joined.gz"
    joined.write_bytes(b"".join(pathlib.Path(part).read_bytes() for part in parts))
    batches = list(sources.read_batches(str(joined), "tfrecords"))
    assert sum(len(batch.records) for batch in batches) == 140


def test_what_follows_a_zlib_stream_is_not_lost_in_silence(write_records):
    """TensorFlow alone reads the first stream only."""
    path = write_records("eval.zlib", [b"abc"] * 70, "ZLIB")
    with open(path, "r+b") as file:
        content = file.read()
        file.write(content)
    with pytest.raises(DataError, match="after 70 records"):
        list(sources.read_batches(path, "tfrecords"))


def test_text_that_is_cut_off_within_its_compression(tmp_path):
    path = tmp_path / "eval.csv.gz"
    lines = "".join(f"{i},{i * i}\n" for i in range(1000))
    path.write_bytes(gzip.compress(lines.encode()))
    batches = list(sources.read_batches(str(path), "text"))
    assert sum(len(batch.records) for batch in batches) == 1000
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match="damaged or cut off after 1000"):
        list(sources.read_batches(str(path), "text"))


def test_zero_bytes(refuse, tmp_path):
    path = tmp_path / "eval"
    path.touch()
    message = refuse(DataError, data=str(path))
    assert f"the file {str(path)!r} is without a record" in message


def test_only_empty_files(refuse, tmp_path, write_records):
    for number in range(3):
        write_records(f"eval-{number}", [])
    message = refuse(DataError, data=str(tmp_path / "eval-*"))
    assert "the 3 files" in message
    assert "without a record" in message


def test_an_empty_file_among_others_is_no_error(evaluate, people, tmp_path, write_records):
    write_records("eval-0", [])
    write_records("eval-1", people.records[:50])
    result = evaluate(data=str(tmp_path / "eval-*"))
    assert result.example_count() == 50


@pytest.mark.parametrize(("compression", "suffix"), [("GZIP", ".gz"), ("ZLIB", ".zlib")])
def test_compressed_without_the_suffix(refuse, people, write_records, compression, suffix):
    path = write_records("eval-00000-of-00001", people.records, compression)
    message = refuse(DataError, data=path)
    assert repr(path) in message
    assert f"must have a name in {suffix}" in message


def test_compressed_text_without_the_suffix(refuse, tmp_path):
    path = tmp_path / "eval.csv"
    path.write_bytes(gzip.compress(b"1,2\n" * 100))
    assert "must have a name in .gz" in refuse(DataError, data=str(path), file_format="text")


@pytest.mark.parametrize("suffix", [".gz", ".zlib"])
def test_the_suffix_without_compression(refuse, people, write_records, suffix):
    path = write_records(f"eval{suffix}", people.records)
    message = refuse(DataError, data=path)
    assert repr(path) in message
    assert f"its name ends in {suffix}, but it is not compressed so" in message


def test_garbage_in_a_compressed_file(refuse, tmp_path):
    path = tmp_path / "eval.zlib"
    path.write_bytes(zlib.compress(b"no TFRecord at all"))
    assert "what is compressed in it is none" in refuse(DataError, data=str(path))
