"""`EvalResult.compare_slices` of whole runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import microtome
from microtome.errors import ConfigError

pytestmark = pytest.mark.current

ROWS = 6000
GENERATOR = np.random.default_rng(1)
GROUPS = np.array(["bad", *(f"same{i}" for i in range(20)), "tiny"])
GROUP = GENERATOR.choice(22, ROWS, p=[0.1, *[0.8995 / 20] * 20, 0.0005])
LABELS = GENERATOR.integers(0, 2, ROWS)
WRONG = GENERATOR.random(ROWS) < np.where(GROUP == 0, 0.4, 0.2)
FRAME = pd.DataFrame(
    {
        "label": LABELS,
        "score": np.abs(LABELS - WRONG * 0.9 - 0.05 * GENERATOR.random(ROWS)),
        "group": GROUPS[GROUP],
        "side": GENERATOR.choice(["l", "r"], ROWS),
    }
)
CONFIG: dict[str, Any] = {
    "model_specs": [{"label_key": "label", "prediction_key": "score"}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "BinaryAccuracy"},
                {"class_name": "MeanSquaredError"},
                {"class_name": "ExampleCount"},
            ]
        }
    ],
    "slicing_specs": [{}, {"feature_keys": ["group"]}, {"feature_keys": ["side"]}],
    "options": {"compute_confidence_intervals": True},
}


@pytest.fixture(scope="module")
def result() -> microtome.EvalResult:
    return microtome.analyze_raw_data(FRAME, CONFIG)


@pytest.mark.parametrize("metric", ["binary_accuracy", "mean_squared_error"])
def test_the_slice_that_differs_is_found(result: microtome.EvalResult, metric: str) -> None:
    frame = result.compare_slices(metric)
    assert len(frame) == 24
    assert frame.slice[0] == "group:bad"
    # the others are a little better than Overall, which has it in it
    assert frame.differs[0]
    assert frame.differs.sum() <= 3
    first = frame.iloc[0]
    assert first.difference == pytest.approx(first.value - first.baseline_value)
    sign = np.sign(first.difference)
    assert first.effect_lower_bound == pytest.approx(
        sign * (first.lower_bound if sign > 0 else first.upper_bound)
    )
    assert first.p_value < first.q_value < 0.001
    # three rows are not enough to be sure, whatever they are
    tiny = frame[frame.slice == "group:tiny"].iloc[0]
    assert tiny.example_count < 10
    assert not tiny.differs


def test_another_baseline(result: microtome.EvalResult) -> None:
    frame = result.compare_slices("binary_accuracy", (("group", "bad"),))
    bad = FRAME[FRAME.group == "bad"]
    assert np.allclose(frame.baseline_value, np.mean((bad.score > 0.5) == bad.label))
    same = frame[frame.slice.str.startswith("group:same")]
    assert same.differs.mean() > 0.8
    assert "Overall" in frame.slice.tolist()


def test_what_cannot_be_compared(result: microtome.EvalResult) -> None:
    with pytest.raises(ConfigError, match="did you mean 'binary_accuracy'"):
        result.compare_slices("binary_acuracy")
    with pytest.raises(ConfigError, match="of the slice 'group:none'"):
        result.compare_slices("binary_accuracy", (("group", "none"),))
    with pytest.raises(ConfigError, match="'example_count' of 'Overall' has no confidence"):
        result.compare_slices("example_count")
    with pytest.raises(ConfigError, match=r"fdr is 1\.5"):
        result.compare_slices("binary_accuracy", fdr=1.5)
    with pytest.raises(ConfigError, match="not loaded"):
        microtome.EvalResult(result.slicing_metrics).compare_slices("binary_accuracy")


def test_models_are_told_apart() -> None:
    models = [
        {"name": name, "label_key": "label", "prediction_key": "score"} for name in ("a", "b")
    ]
    models[1]["is_baseline"] = True
    frame = FRAME.assign(other=1 - FRAME.score)
    models[1]["prediction_key"] = "other"
    result = microtome.analyze_raw_data(frame, {**CONFIG, "model_specs": models})
    of_models = [result.compare_slices("binary_accuracy", model_name=name) for name in ("a", "b")]
    assert of_models[0].slice[0] == "group:bad"
    pd.testing.assert_frame_equal(result.compare_slices("binary_accuracy"), of_models[0])
    value, of_other = (frame.set_index("slice").value for frame in of_models)
    assert value["group:bad"] == pytest.approx(1 - of_other["group:bad"])
    result.config = None
    with pytest.raises(ConfigError, match="give one as model_name: 'a', 'b'"):
        result.compare_slices("binary_accuracy")
