"""Slice specs: what is accepted, what is said about the rest, and the wire form."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given

from microtome.errors import ConfigError
from microtome.proto import config_pb2
from microtome.slicing import SingleSliceSpec, Slicer, quantile_edges
from tests.slicing import rows as rows_lib

pytestmark = pytest.mark.current


def test_a_spec_shows_what_it_was_given():
    spec = SingleSliceSpec(
        columns=["b", "a", "b"],
        features=[("d", "x"), ("c", "5"), ("e", "007"), ("f", 0.5)],
        buckets={"g": (1, 2.5)},
    )
    assert spec.columns == ("a", "b")
    assert spec.features == (("c", 5), ("d", "x"), ("e", "007"), ("f", 0.5))
    assert spec.buckets == {"g": (1.0, 2.5)}
    assert spec.names == set("abcdefg")
    assert not spec.is_overall()
    assert eval(repr(spec)) == spec
    assert repr(SingleSliceSpec()) == "SingleSliceSpec()"
    assert SingleSliceSpec().is_overall()


def test_specs_compare_by_what_they_ask_for():
    assert SingleSliceSpec(features=[("x", "5")]) == SingleSliceSpec(features={"x": np.int64(5)})
    assert SingleSliceSpec(features={"x": "007"}) != SingleSliceSpec(features={"x": 7})
    assert SingleSliceSpec(["x"], buckets={"x": [1]}) == SingleSliceSpec(buckets={"x": [1]})
    assert SingleSliceSpec(["x"]) != SingleSliceSpec(buckets={"x": [1]})
    specs = [SingleSliceSpec(["a", "b"]), SingleSliceSpec(["b"]), SingleSliceSpec()]
    assert sorted(specs) == specs[::-1]
    assert len({*specs, SingleSliceSpec(["b", "a"])}) == 3


@given(rows_lib.specs())
def test_specs_survive_pickling_and_their_repr(spec):
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert eval(repr(spec), {"nan": float("nan"), "SingleSliceSpec": SingleSliceSpec}) == spec


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": "age"}, r"columns=\['age'\]"),
        ({"features": "age"}, "not one string"),
        ({"features": ["ab"]}, r"\(feature, value\) pairs"),
        ({"features": [("a", 1, 2)]}, r"\(feature, value\) pairs"),
        ({"features": [("a", None)]}, "the value of 'a' is None"),
        ({"features": {3: 1}}, "name features by strings"),
        ({"columns": [b"a"]}, "name features by strings"),
        ({"columns": ["a", "b"], "features": {"b": 1}}, "'b' in both `columns` and `features`"),
        ({"buckets": {"b": [1]}, "features": {"b": 1}}, "'b' in both `buckets` and `features`"),
        ({"buckets": {"b": []}}, "'b' must be one or more finite numbers"),
        ({"buckets": {"b": [1, float("inf")]}}, "finite numbers"),
        ({"buckets": {"b": [1, 1]}}, "ascend strictly"),
        ({"buckets": {"b": ["x"]}}, "list of numbers"),
        ({"buckets": {"b": 3}}, "list of numbers"),
    ],
)
def test_what_is_no_spec_is_an_error(arguments, message):
    with pytest.raises(ConfigError, match=message):
        SingleSliceSpec(**arguments)


@given(rows_lib.specs())
def test_wire_form(spec):
    wire = spec.to_proto().SerializeToString()
    assert SingleSliceSpec.from_proto(config_pb2.SlicingSpec.FromString(wire)) == spec


def test_wire_form_of_a_given_value_and_of_buckets():
    spec = SingleSliceSpec(["a"], {"x": 5, "y": 1e22}, {"b": [1, 2]})
    proto = spec.to_proto()
    assert list(proto.feature_keys) == ["a", "b"]
    assert dict(proto.feature_values) == {"x": "5", "y": "1.0e+22"}
    assert list(proto.buckets["b"].edges) == [1, 2]


def test_what_the_wire_form_cannot_say():
    with pytest.raises(ConfigError, match="one value a feature"):
        SingleSliceSpec(features=[("x", 1), ("x", 2)]).to_proto()
    with pytest.raises(ConfigError, match="slice_keys_sql"):
        SingleSliceSpec.from_proto(config_pb2.SlicingSpec(slice_keys_sql="SELECT 1"))


@given(spec=rows_lib.specs(), other=rows_lib.specs(), row=rows_lib.rows)
def test_a_key_is_applicable_to_the_spec_that_made_it(spec, other, row):
    slicer = Slicer([spec])
    slicer.assign(rows_lib.columns_of([row]), 1)
    assert all(map(spec.is_slice_applicable, slicer.keys))
    if other.names != spec.names:
        assert not any(map(other.is_slice_applicable, slicer.keys))


def test_a_key_of_another_value_is_not_applicable():
    spec = SingleSliceSpec(["a"], {"x": "5"}, {"b": [1]})
    assert spec.is_slice_applicable((("a", "?"), ("b", "[1, inf)"), ("x", 5.0)))
    assert spec.is_slice_applicable((("a", "?"), ("b", "nan"), ("x", "5")))
    assert not spec.is_slice_applicable((("a", "?"), ("b", "[1, inf)"), ("x", 6)))
    assert not spec.is_slice_applicable((("a", "?"), ("b", 1), ("x", 5)))
    assert not spec.is_slice_applicable(())


def test_quantile_edges_part_into_equal_shares():
    values = np.random.default_rng(0).permutation(100).reshape(10, 10)
    edges = quantile_edges(values, 4)
    assert edges == [25.0, 50.0, 75.0]
    counts = np.histogram(values, [-np.inf, *edges, np.inf])[0]
    assert counts.tolist() == [25, 25, 25, 25]


def test_quantile_edges_of_few_values():
    assert quantile_edges([0.0] * 90 + [1.0] * 10, 4) == [1.0]
    assert quantile_edges([3, 3, np.nan], 3) == [3.0]
    assert quantile_edges([0, 0, 0, 1, np.inf], 2) == [1.0]


@pytest.mark.parametrize(("values", "k"), [([1, 2], 1), ([], 2), ([np.nan, np.inf], 2)])
def test_quantile_edges_need_values_and_buckets(values, k):
    with pytest.raises(ConfigError):
        quantile_edges(values, k)
