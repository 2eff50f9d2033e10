"""Metric values and slice keys become messages and come back."""

import math

import numpy as np
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from microtome.errors import OutputError
from microtome.proto import result_pb2
from microtome.results.slice_keys import (
    is_cross_slice_key,
    record_slice_key,
    slice_key_from_proto,
    slice_key_to_proto,
    slice_text,
)
from microtome.results.values import (
    array_from_proto,
    plain_value,
    to_json,
    to_metric_value,
)
from microtome.slicing.keys import slice_key

pytestmark = pytest.mark.current


def there_and_back(value):
    message = result_pb2.MetricValue.FromString(to_metric_value(value).SerializeToString())
    return plain_value(to_json(message))


@given(st.floats(), st.sampled_from([float, np.float64]))
def test_floats_are_exact(value, kind):
    back = there_and_back(kind(value))
    assert math.isnan(back) if math.isnan(value) else back == value


@pytest.mark.parametrize(
    "value", [3, True, np.int32(-7), np.float32(0.1), np.bool_(True), np.array(2.5), np.array(4)]
)
def test_other_numbers_become_doubles(value):
    assert to_metric_value(value).WhichOneof("type") == "double_value"
    assert there_and_back(value) == float(value)


@given(
    npst.arrays(
        st.sampled_from(["float16", "float32", "float64", "int8", "int32", "int64", "uint32"]),
        npst.array_shapes(min_dims=1, max_dims=3, min_side=0),
    )
)
def test_arrays_keep_shape_and_values(array):
    for back in (there_and_back(array), array_from_proto(to_metric_value(array).array_value)):
        assert back.shape == array.shape
        assert np.can_cast(array.dtype, back.dtype)
        np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        ("bool", "INT32"),
        ("int16", "INT32"),
        ("uint16", "INT32"),
        ("int32", "INT32"),
        ("uint32", "INT64"),
        ("int64", "INT64"),
        ("uint64", "FLOAT64"),
        ("float16", "FLOAT32"),
        ("float32", "FLOAT32"),
        ("float64", "FLOAT64"),
        ("S3", "BYTES"),
        ("U3", "BYTES"),
    ],
)
def test_array_types(dtype, kind):
    message = to_metric_value(np.zeros([2], dtype)).array_value
    assert result_pb2.ArrayValue.DataType.Name(message.data_type) == kind


def test_texts():
    assert there_and_back("späť") == "späť".encode()
    assert there_and_back(b"\xff\x00") == b"\xff\x00"
    array = np.array([[b"a", "b"]], dtype=object)
    np.testing.assert_array_equal(there_and_back(array), np.array([[b"a", b"b"]], dtype=object))
    assert there_and_back(result_pb2.MetricValue(debug_message="why")) == "why"


def test_messages_are_taken_as_they_are():
    bounded = result_pb2.BoundedValue(value={"value": 0.5}, lower_bound={"value": 0.25})
    assert to_metric_value(bounded) == result_pb2.MetricValue(bounded_value=bounded)
    assert to_metric_value(to_metric_value(bounded)) == to_metric_value(bounded)
    assert there_and_back(bounded) == 0.5
    cutoffs = result_pb2.ValueAtCutoffs(values=[{"cutoff": 3, "value": 0.5}])
    assert there_and_back(cutoffs) == {"valueAtCutoffs": {"values": [{"cutoff": 3, "value": 0.5}]}}


@pytest.mark.parametrize(
    "value",
    [None, {"a": 1}, np.array([1j]), np.array([None, 1], dtype=object), result_pb2.SubKey()],
)
def test_what_has_no_field_is_named(value):
    message = to_metric_value(value)
    assert message.WhichOneof("type") == "unknown_type"
    assert type(value).__name__ in message.unknown_type.error


@given(
    st.one_of(
        st.floats(),
        npst.arrays(st.sampled_from(["float32", "int64", "S3"]), npst.array_shapes(max_dims=2)),
        st.binary(),
    )
)
def test_json_is_that_of_protobuf(value):
    message = to_metric_value(value)
    assert to_json(message) == json_format.MessageToDict(message)


float32s = st.floats(width=32)
keys = st.dictionaries(
    st.text(st.characters(codec="utf-8")),
    st.one_of(st.text(st.characters(codec="utf-8")), st.integers(-(2**63), 2**63 - 1), float32s),
    max_size=3,
).map(lambda columns: slice_key(columns.items()))


@given(keys)
def test_slice_keys_round_trip(key):
    message = slice_key_to_proto(key)
    back = slice_key_from_proto(result_pb2.SliceKey.FromString(message.SerializeToString()))
    assert back == key
    assert [type(value) for _, value in back] == [type(value) for _, value in key]
    assert not is_cross_slice_key(key)


def test_values_beyond_the_message():
    def back(value):
        return slice_key_from_proto(slice_key_to_proto((("a", value),)))[0][1]

    assert back(0.1) == float(np.float32(0.1))
    assert back(1e300) == math.inf
    assert back(2**70) == str(2**70)


def test_bytes_that_are_not_utf8_are_escaped():
    message = result_pb2.SliceKey(single_slice_keys=[{"column": "a", "bytes_value": b"\xff"}])
    assert slice_key_from_proto(message) == (("a", "\\xff"),)


def test_a_key_without_a_value_is_an_error():
    with pytest.raises(OutputError, match="column 'a'"):
        slice_key_from_proto(result_pb2.SliceKey(single_slice_keys=[{"column": "a"}]))


def test_cross_slice_keys():
    key = slice_key_to_proto((("a", "x"),))
    record = result_pb2.MetricsForSlice(
        cross_slice_key={"baseline_slice_key": {}, "comparison_slice_key": key}
    )
    assert record_slice_key(record) == ((), (("a", "x"),))
    assert is_cross_slice_key(record_slice_key(record))
    assert slice_text(record_slice_key(record)) == "Overall__XX__a:x"
    assert not is_cross_slice_key((("a", "x"), ("b", "y")))
    assert not is_cross_slice_key(())
