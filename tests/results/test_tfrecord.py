"""TFRecord files round-trip, agree with TensorFlow, and tell where they are damaged."""

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microtome.errors import OutputError
from microtome.results import tfrecord

pytestmark = pytest.mark.current


def written(records: list[bytes]) -> bytes:
    file = io.BytesIO()
    for record in records:
        tfrecord.write_record(file, record)
    return file.getvalue()


def read(data: bytes) -> list[bytes]:
    return list(tfrecord.read_records(io.BytesIO(data), "f.tfrecord"))


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_round_trip(records):
    assert read(written(records)) == records


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=3), st.data())
def test_any_cut_within_a_record_is_an_error(records, data):
    whole = written(records)
    ends = {len(written(records[:n])) for n in range(len(records) + 1)}
    end = data.draw(st.integers(0, len(whole) - 1).filter(lambda n: n not in ends))
    number = sum(e <= end for e in ends) - 1
    with pytest.raises(OutputError, match=rf"f\.tfrecord is cut off.* record {number} "):
        read(whole[:end])


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=3), st.data())
def test_any_flipped_bit_is_an_error(records, data):
    damaged = bytearray(written(records))
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(OutputError, match=r"f\.tfrecord (is damaged|is not a TFRecord)"):
        read(bytes(damaged))


def test_records_before_the_damage_are_given():
    records = tfrecord.read_records(io.BytesIO(written([b"one", b"two"])[:-1]), "f")
    assert next(records) == b"one"
    with pytest.raises(OutputError, match="record 1 "):
        next(records)


def test_a_length_that_no_memory_holds_is_a_cut():
    file = io.BytesIO()
    header = (1 << 60).to_bytes(8, "little")
    file.write(header + tfrecord._CHECKSUM.pack(tfrecord._masked_checksum(header)) + b"data")
    with pytest.raises(OutputError, match="cut off"):
        read(file.getvalue())


def test_other_files_are_refused():
    with pytest.raises(OutputError, match="is not a TFRecord file"):
        read(b"PAR1 and more than a header")
    with pytest.raises(OutputError, match=r"is compressed \(GZIP\)"):
        read(gzip.compress(written([b"data"])))


def test_long_records_round_trip():
    records = [bytes(3 << 23), b"", bytes(range(256)) * 100]
    assert read(written(records)) == records


def test_tensorflow_reads_ours_and_ours_reads_its(tmp_path):
    import tensorflow as tf

    records = [b"", b"a", bytes(range(256)) * 1000]
    (tmp_path / "ours").write_bytes(written(records))
    assert list(tf.data.TFRecordDataset(str(tmp_path / "ours")).as_numpy_iterator()) == records
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in records:
            writer.write(record)
    assert (tmp_path / "theirs").read_bytes() == (tmp_path / "ours").read_bytes()
