"""The narrower sums of resampled states: the same as if they had been summed by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from microtome.metrics.calibration import CalibrationPlot
from microtome.metrics.collection import Collection, Computation
from microtome.metrics.confusion import Recall
from microtome.metrics.constrained import SpecificityAtSensitivity
from microtome.metrics.curves import AUC
from microtome.metrics.means import Calibration, ExampleCount
from microtome.metrics.regression import MeanSquaredError
from microtome.metrics.views import LABEL, PREDICTION, Examples, View
from microtome.slicing.slicer import Assignment
from microtome.slicing.sums import SliceSums

pytestmark = pytest.mark.current

GENERATOR = np.random.default_rng(0)
ROWS = 5000
LABELS = GENERATOR.integers(0, 2, ROWS).astype(float)
# many of them on a threshold
SCORES = (0.3 * LABELS + 0.7 * GENERATOR.random(ROWS)).round(3)
EXAMPLES = Examples(ROWS, {LABEL: LABELS, PREDICTION: SCORES})
METRICS = [
    ExampleCount(),
    CalibrationPlot(),
    AUC(),
    AUC(curve="PR", num_thresholds=700, name="pr"),
    MeanSquaredError(),
    SpecificityAtSensitivity(sensitivity=0.8),
    Recall(thresholds=0.3337),
    AUC(thresholds=tuple(np.linspace(0, 1, 900).tolist()), name="given"),
    Calibration(),
]
WHOLE = Collection(tuple(Computation(metric.name, metric, (View(),)) for metric in METRICS))


def sums_of(collection: Collection, dense: np.ndarray, scattered: list) -> np.ndarray:
    sums = SliceSums(collection.layout)
    sums.add([Assignment(None, np.zeros(ROWS, np.int64))], 1, dense, scattered)
    return sums.sums


def test_what_rows_add_is_taken_from_what_they_add_to_the_whole() -> None:
    narrow = WHOLE.for_replicates()
    assert narrow.layout.width < WHOLE.layout.width / 5
    taken = narrow.taken_from(WHOLE, *WHOLE.added(EXAMPLES))
    assert np.array_equal(sums_of(narrow, *taken), sums_of(narrow, *narrow.added(EXAMPLES)))


def test_values_are_nearly_the_same() -> None:
    narrow = WHOLE.for_replicates()
    whole = WHOLE.compute(sums_of(WHOLE, *WHOLE.added(EXAMPLES)))
    values = narrow.compute(sums_of(narrow, *narrow.added(EXAMPLES)))
    assert set(whole) - set(values) == {"example_count"}
    for name, value in values.items():
        assert value == pytest.approx(whole[name], abs=3e-3), name
    for name in ("recall", "given", "mean_squared_error", "calibration"):
        assert values[name] == whole[name]
