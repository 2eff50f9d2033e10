"""What Microtome writes of metrics outside a graph, as TFMA's loader reads it."""

from __future__ import annotations

import pathlib

import numpy as np
import pandas as pd
import pytest
import tensorflow_model_analysis as tfma

import microtome

pytestmark = pytest.mark.slow

CONFIG = """
model_specs { name: "new" label_key: "label" prediction_key: "new" example_weight_key: "weight" }
model_specs { name: "old" label_key: "label" prediction_key: "old" example_weight_key: "weight"
              is_baseline: true }
metrics_specs {
  metrics { class_name: "AUC" }
  metrics { class_name: "Recall" config: '{"thresholds": [0.3, 0.6]}' }
  metrics { class_name: "ConfusionMatrixAtThresholds" config: '{"thresholds": [0.5]}' }
  metrics { class_name: "CalibrationPlot" config: '{"num_buckets": 4}' }
  metrics { class_name: "ConfusionMatrixPlot" config: '{"num_thresholds": 4}' }
}
metrics_specs { binarize { class_ids { values: 1 } } metrics { class_name: "MeanLabel" } }
slicing_specs {} slicing_specs { feature_keys: "side" }
cross_slicing_specs { baseline_spec {} slicing_specs { feature_keys: "side" } }
options { min_slice_size { value: 5 } }
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    generator = np.random.default_rng(7)
    rows = 200
    frame = pd.DataFrame(
        {
            "label": generator.integers(0, 2, rows),
            "new": generator.random(rows),
            "old": generator.random(rows),
            "weight": generator.random(rows),
            "side": np.where(np.arange(rows) < 3, "few", generator.choice(["a", "b"], rows)),
        }
    )
    path: pathlib.Path = tmp_path_factory.mktemp("native") / "result"
    microtome.analyze_raw_data(frame, CONFIG, str(path))
    return str(path)


@pytest.mark.parametrize("model", ["new", "old"])
def test_metrics_are_read(written: str, model: str) -> None:
    theirs = dict(tfma.load_eval_result(written, model_name=model).slicing_metrics)
    result = microtome.load_eval_result(written, model_name=model)
    ours = dict(result.slicing_metrics)
    # TFMA takes what is withheld for another model's
    for key in result.withheld_slices():
        del ours[key]
    assert set(ours) == set(theirs)
    assert {len(key) for key in ours} == {0, 1, 2}
    for key, metrics in ours.items():
        for output, sub_keys in metrics.items():
            for sub_key, named in sub_keys.items():
                read = theirs[key][output][sub_key]
                assert {name: read[name] for name in named} == named


def test_plots_are_read(written: str) -> None:
    theirs = dict(tfma.load_eval_result(written, model_name="new").plots)
    ours = dict(microtome.load_eval_result(written, model_name="new").plots)
    assert ours
    for key, plots in ours.items():
        assert theirs[key][""][""] == plots[""][""]
