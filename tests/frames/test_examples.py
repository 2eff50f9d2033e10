"""tf.Examples as columns."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from microtome.errors import UnusableExampleError
from microtome.frames.examples import ExampleDecoder, ExampleSchema
from tests.frames.examples import features, serialized

pytestmark = pytest.mark.current

ROWS = [
    {"age": 30, "tags": ["a", "b"], "score": 0.5},
    {"age": [1, 2, 3], "tags": [], "extra": b"\xff"},
    {"score": [1.5, -2.0]},
]


def test_types_are_those_of_the_examples() -> None:
    schema = ExampleSchema.infer(serialized(ROWS))
    assert schema.kinds == {"age": "int64", "extra": "bytes", "score": "float", "tags": "bytes"}
    assert schema.kind("never seen") == "bytes"
    assert schema.arrow_schema().field("score").type == pa.list_(pa.float32())


def test_wanted_features_alone_are_decoded() -> None:
    decoder = ExampleDecoder(ExampleSchema.infer(serialized(ROWS)), ["tags", "age", "never"])
    batch = decoder.batch(serialized(ROWS))
    decoder.close()
    assert batch.to_pydict() == {
        "tags": [[b"a", b"b"], [], []],
        "age": [[30], [1, 2, 3], []],
        "never": [[], [], []],
    }


VALUES = {
    "ints": st.integers(-(2**63), 2**63 - 1),
    "floats": st.floats(width=32, allow_nan=False),
    "words": st.binary(max_size=4),
}
LISTS = {name: st.lists(values, max_size=3) for name, values in VALUES.items()}


@settings(max_examples=40)
@given(st.lists(st.fixed_dictionaries({}, optional=LISTS), min_size=1, max_size=5))
def test_what_is_written_is_read(rows: list[dict[str, list[object]]]) -> None:
    records = serialized(rows)
    names = list(VALUES)
    decoder = ExampleDecoder(ExampleSchema.infer(records), names)
    assert decoder.batch(records).to_pydict() == {
        name: [row.get(name, []) for row in rows] for name in names
    }
    # again, of other sizes
    assert decoder.batch(records[:0]).num_rows == 0
    decoder.close()
    assert decoder.batch(records[:1]).num_rows == 1
    decoder.close()


def test_the_context_of_a_sequence() -> None:
    lists = {"steps": tf.train.FeatureList(feature=list(features({"x": 1.0}).feature.values()))}
    example = tf.train.SequenceExample(
        context=features({"country": "nl", "label": 1}),
        feature_lists=tf.train.FeatureLists(feature_list=lists),
    )
    records = np.array([example.SerializeToString()], object)
    schema = ExampleSchema.infer(records)
    decoder = ExampleDecoder(schema, ["country", "label"])
    assert decoder.batch(records).to_pydict() == {"country": [[b"nl"]], "label": [[1]]}
    decoder.close()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("age", 1.5, "'age' is float, where int64 is expected"),
        ("score", "high", "'score' is bytes, where float is expected"),
        ("never", 7, "'never' is int64, where bytes is expected. None of the examples"),
    ],
)
def test_another_type(name: str, value: object, words: str) -> None:
    decoder = ExampleDecoder(ExampleSchema.infer(serialized(ROWS)), ["age", "score", "never"])
    with pytest.raises(UnusableExampleError) as caught:
        decoder.batch(serialized([*ROWS, {name: value}, {name: value}]))
    decoder.close()
    assert caught.value.number == 3
    assert words in str(caught.value)


def test_types_that_differ_among_those_looked_at() -> None:
    with pytest.raises(UnusableExampleError, match="'age' is bytes, where int64") as caught:
        ExampleSchema.infer(serialized([*ROWS, {"age": "old"}]))
    assert caught.value.number == 3


@pytest.mark.parametrize("garbage", [b"garbage\xff", b"1,2,3\n"])
def test_no_example_at_all(garbage: bytes) -> None:
    records = np.array([*serialized(ROWS), garbage], object)
    decoder = ExampleDecoder(ExampleSchema.infer(records[:3]), ["age"])
    for refused in (lambda: decoder.batch(records), lambda: ExampleSchema.infer(records)):
        with pytest.raises(UnusableExampleError, match=r"are no tf\.Example") as caught:
            refused()
        assert caught.value.number == 3
    decoder.close()


def test_threads_share_a_decoder() -> None:
    records = serialized(ROWS * 50)
    decoder = ExampleDecoder(ExampleSchema.infer(records), ["age", "tags"])
    found: list[pa.RecordBatch] = []
    threads = [
        threading.Thread(target=lambda: found.append(decoder.batch(records))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    decoder.close()
    assert len(found) == 4
    assert all(batch.equals(found[0]) for batch in found)
