"""Intervals of a run of Microtome's own, as views get them."""

from __future__ import annotations

import pandas as pd
import pytest

import microtome
from microtome.view import contract
from tests.view.schema import checked

pytestmark = pytest.mark.current

FRAME = pd.DataFrame(
    {"label": [0, 1, 1, 0] * 30, "score": [0.1, 0.8, 0.4, 0.6, 0.7] * 24, "side": ["a", "b"] * 60}
)
CONFIG = """
model_specs { label_key: "label" prediction_key: "score" }
metrics_specs {
  metrics { class_name: "BinaryAccuracy" } metrics { class_name: "MeanSquaredError" }
  metrics { class_name: "ExampleCount" }
}
slicing_specs {} slicing_specs { feature_keys: "side" }
options { compute_confidence_intervals { value: true } confidence_intervals { level: 0.9 } }
"""


def test_bounds_with_their_level_and_method() -> None:
    result = microtome.analyze_raw_data(FRAME, CONFIG)
    report = checked(contract.report_of(result))
    (columns,) = report["values"].values()
    methods = {"binary_accuracy": "wilson", "mean_squared_error": "jackknife"}
    frame = result.to_dataframe().set_index(["metric", "slice"])
    for metric, method in methods.items():
        column = columns[metric]
        assert (column["level"], column["method"]) == (0.9, method)
        for row, name in enumerate(report["slices"]["name"]):
            of_slice = frame.loc[(metric, name)]
            shown = [column[part][row] for part in ("lo", "v", "hi")]
            assert shown == of_slice[["lower_bound", "value", "upper_bound"]].tolist()
    assert "lo" not in columns["example_count"]
