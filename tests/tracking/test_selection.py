"""Which slices are recorded, and what of each."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microtome.errors import ConfigError
from microtome.proto import config_pb2
from microtome.results.names import EXAMPLE_COUNT, EXAMPLE_WEIGHT
from microtome.slicing.keys import SliceKey
from microtome.tracking import selection as tracking

pytestmark = pytest.mark.current


def metrics(count: float, **more: Any) -> dict[str, Any]:
    return {EXAMPLE_COUNT: count, EXAMPLE_WEIGHT: 2.5 * count, **more}


SLICES: list[tuple[SliceKey, dict[str, Any]]] = [
    ((("carrier", "AA"),), metrics(30, auc=0.7)),
    ((("carrier", "UA"),), metrics(70, auc=0.6)),
    ((("carrier", "UA"), ("hour", 5)), metrics(20, auc=0.5)),
    ((), metrics(100, auc=1 / 3)),
    ((("hour", 5),), metrics(30, auc=math.nan)),
]


def select(**settings: Any) -> tracking.Selection:
    config = config_pb2.EvalConfig(tracking=config_pb2.Tracking(**settings))
    return tracking.select_slices(SLICES, config)


def names(selection: tracking.Selection) -> list[str]:
    return [record.slice_key for record in selection.records]


def test_default_is_overall_and_single_features_the_largest_first() -> None:
    selection = select()
    assert names(selection) == ["Overall", "carrier:UA", "carrier:AA", "hour:5"]
    assert selection.overall is selection.records[0]
    assert (selection.computed, selection.over_limit) == (5, 0)
    assert selection.left_out_note() == "1 slice that tracking does not name"


def test_limit_leaves_out_the_smallest() -> None:
    selection = select(max_slices=2)
    assert names(selection) == ["Overall", "carrier:UA"]
    assert selection.over_limit == 2
    assert selection.left_out_note() == (
        "the 2 slices with fewest examples, over the limit, and 1 slice that tracking does not name"
    )


def test_specs_choose() -> None:
    specs = [{"feature_keys": ["hour", "carrier"]}, {"feature_values": {"carrier": "AA"}}]
    assert names(select(slicing_specs=specs)) == ["carrier:AA", "carrier_X_hour:UA_X_5"]
    assert select(slicing_specs=specs).overall is None


def test_nothing_left_out_is_not_told() -> None:
    specs = [{}, {"feature_keys": ["hour"]}, {"feature_keys": ["carrier"]}]
    specs.append({"feature_keys": ["carrier", "hour"]})
    assert select(slicing_specs=specs).left_out_note() == ""


def test_withheld_slices_are_not_recorded() -> None:
    withheld: tuple[SliceKey, dict[str, Any]] = ((("carrier", "ZZ"),), {"__ERROR__": "too small"})
    selection = tracking.select_slices([*SLICES, withheld], config_pb2.EvalConfig())
    assert names(selection) == names(select())


def test_comparisons_of_slices_are_not_recorded() -> None:
    comparison: Any = ((), (("carrier", "AA"),))
    selection = tracking.select_slices(
        [*SLICES, (comparison, metrics(0, auc=0.1))], config_pb2.EvalConfig()
    )
    assert names(selection) == names(select())


def test_metrics_choose_but_counts_are_always_there() -> None:
    record = select(metrics=["auc"]).records[0]
    assert dict(record.metrics) == {"auc": 1 / 3}
    assert (record.example_count, record.example_weight) == (100, 250.0)


def test_unknown_metric_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"'aux', which .* not compute\. Did you mean auc\?"):
        select(metrics=["aux"])


def test_record_keeps_full_precision_and_rounds_only_doubles() -> None:
    record = select().records[0]
    assert json.loads(json.dumps(record.to_json()))["metrics"]["auc"] == 1 / 3
    assert record.doubles()["auc"] == 0.333333


def test_nan_is_text_in_json_and_no_double() -> None:
    record = select().records[-1]
    assert record.to_json()["metrics"]["auc"] == "NaN"
    assert "auc" not in record.doubles()


def test_slice_as_json_tells_numbers_from_text() -> None:
    assert [record.slice_json for record in select().records] == [
        "[]",
        '[["carrier", "UA"]]',
        '[["carrier", "AA"]]',
        '[["hour", 5]]',
    ]


VALUES = st.recursive(
    st.floats() | st.integers(-(2**60), 2**60) | st.text() | st.binary() | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(VALUES)
def test_any_value_is_strict_json(value: object) -> None:
    json.dumps(tracking.json_value(value), allow_nan=False)


@given(st.floats())
def test_floats_come_back_as_they_were(value: float) -> None:
    back = float(tracking.json_value(np.float64(value)))
    assert back == value or (math.isnan(back) and math.isnan(value))


def test_arrays_become_lists() -> None:
    array = np.array([[1.0, np.inf], [np.nan, 0.5]])
    assert tracking.json_value(array) == [[1.0, "Infinity"], ["NaN", 0.5]]
    assert tracking.json_value(np.float32(0.5)) == 0.5
