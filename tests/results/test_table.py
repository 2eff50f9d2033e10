"""The Parquet table says the same as the records."""

import json
import math
import os

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from microtome.proto import result_pb2
from microtome.results import load_eval_result, names, table
from microtome.results.table import SCHEMA, MetricsTable
from microtome.results.values import metrics_for_slice
from tests.results.made import write

pytestmark = pytest.mark.current

COUNT = "post_export_metrics/example_count"


def read(path: str):
    return pq.read_table(os.path.join(path, names.METRICS_TABLE))


def test_rows(tmp_path):
    key = (("carrier", "AA"), ("day", 9), ("x", 0.5))
    matrix = np.array([[1.0, math.nan], [3.0, 4.0]])
    slices = {
        (): {"accuracy": 0.75, COUNT: 300.0},
        key: {
            "accuracy": math.nan,
            COUNT: 100.0,
            "matrix": matrix,
            "text": "späť",
            "bounded": result_pb2.BoundedValue(
                value={"value": 0.5}, lower_bound={"value": 0.25}, upper_bound={"value": 1}
            ),
            "at": result_pb2.ValueAtCutoffs(values=[{"cutoff": 3, "value": 0.5}]),
            "names": np.array([b"a"], dtype=object),
        },
    }
    found = read(write(tmp_path / "result", slices))
    assert found.schema.equals(SCHEMA)
    rows = {(row["slice"], row["metric"]): row for row in found.to_pylist()}
    assert len(rows) == found.num_rows == 9
    overall = rows["Overall", "accuracy"]
    assert overall == {
        "slice": "Overall",
        "slice_key": [],
        "model_name": "",
        "output_name": "",
        "sub_key": "",
        "metric": "accuracy",
        "value": 0.75,
        "lower_bound": None,
        "upper_bound": None,
        "standard_error": None,
        "degrees_of_freedom": None,
        "array_value": None,
        "array_shape": None,
        "text_value": None,
        "example_count": 300.0,
    }
    named = {metric: row for (text, metric), row in rows.items() if text != "Overall"}
    assert named["matrix"]["slice"] == "carrier_X_day_X_x:AA_X_9_X_0.5"
    empty = {"string_value": None, "int_value": None, "float_value": None}
    assert named["matrix"]["slice_key"] == [
        {**empty, "column": "carrier", "string_value": "AA"},
        {**empty, "column": "day", "int_value": 9},
        {**empty, "column": "x", "float_value": 0.5},
    ]
    assert math.isnan(named["accuracy"]["value"])
    np.testing.assert_array_equal(named["matrix"]["array_value"], matrix.reshape(-1))
    assert named["matrix"]["array_shape"] == [2, 2]
    assert named["text"]["text_value"] == "späť"
    bounded = named["bounded"]
    assert (bounded["value"], bounded["lower_bound"], bounded["upper_bound"]) == (0.5, 0.25, 1)
    assert json.loads(named["at"]["text_value"]) == {
        "valueAtCutoffs": {"values": [{"cutoff": 3, "value": 0.5}]}
    }
    assert json.loads(named["names"]["text_value"])["arrayValue"]["bytesValues"] == ["YQ=="]
    assert {row["example_count"] for row in named.values()} == {100.0}


def test_agrees_with_the_dataframe(tmp_path):
    slices = {(("n", i),): {"a": i / 7, "b": np.arange(i % 3 + 1), COUNT: 1.0} for i in range(20)}
    path = write(tmp_path / "result", slices)
    columns = ["slice", "example_count", "output_name", "sub_key", "metric", "value"]
    frame = load_eval_result(path).to_dataframe()[columns]
    pd.testing.assert_frame_equal(
        read(path).to_pandas()[columns].astype(frame.dtypes.to_dict()), frame
    )


def test_row_groups_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "_ROWS", 10)
    path = str(tmp_path / "t.parquet")
    writer = MetricsTable(path)
    for i in range(25):
        writer.add(metrics_for_slice((("n", i),), {"a": 1.0, "b": 2.0, "c": float(i)}))
        assert len(writer._rows) < 10
    writer.close()
    found = pq.ParquetFile(path)
    assert found.num_row_groups == 7
    assert found.read().to_pandas().query("metric == 'c'").value.tolist() == list(range(25))


def test_long_arrays_fill_a_row_group(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "_ROWS", 10)
    path = str(tmp_path / "t.parquet")
    writer = MetricsTable(path)
    for i in range(6):
        writer.add(metrics_for_slice((("n", i),), {"a": np.arange(4.0) + i}))
    writer.close()
    found = pq.ParquetFile(path)
    assert found.num_row_groups == 3
    assert found.read().to_pandas().array_value.map(max).tolist() == [3, 4, 5, 6, 7, 8]


def test_keyed_metrics_of_several_models(tmp_path):
    record = result_pb2.MetricsForSlice(
        cross_slice_key={
            "baseline_slice_key": {},
            "comparison_slice_key": {"single_slice_keys": [{"column": "a", "int64_value": 3}]},
        }
    )
    for model in ("new", "old"):
        item = record.metric_keys_and_values.add()
        item.key.MergeFrom(result_pb2.MetricKey(name="auc", model_name=model, output_name="o"))
        item.key.sub_key.class_id.value = 3
        item.value.double_value.value = len(model)
    path = str(tmp_path / "t.parquet")
    writer = MetricsTable(path)
    writer.add(record)
    writer.close()
    rows = pq.read_table(path).to_pylist()
    assert [(row["model_name"], row["output_name"], row["sub_key"]) for row in rows] == [
        ("new", "o", "classId:3"),
        ("old", "o", "classId:3"),
    ]
    assert rows[0]["slice"] == "Overall__XX__a:3"
    assert rows[0]["slice_key"][0]["int_value"] == 3
