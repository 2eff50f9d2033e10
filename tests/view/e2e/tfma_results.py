"""Results as TFMA 0.46 itself writes them: plots, thresholds, validation, intervals, classes."""

from __future__ import annotations

import hashlib
import pathlib

import numpy as np
import pandas as pd
import tensorflow_model_analysis as tfma
from google.protobuf import text_format

ROWS = 2000
BINARY = """
model_specs { label_key: "label" prediction_key: "prediction" example_weight_key: "weight" }
slicing_specs {}
slicing_specs { feature_keys: "carrier" }
slicing_specs { feature_keys: "sex" }
slicing_specs { feature_keys: ["carrier", "sex"] }
options { min_slice_size { value: 100 } }
"""
PLOTS = """
metrics_specs {
  metrics { class_name: "AUC"
            threshold { value_threshold { lower_bound { value: 0.7 } } }
            per_slice_thresholds {
              slicing_specs { feature_keys: "carrier" }
              threshold { value_threshold { lower_bound { value: 0.77 } } } } }
  metrics { class_name: "BinaryAccuracy" }
  metrics { class_name: "Calibration" }
  metrics { class_name: "WeightedExampleCount" }
  metrics { class_name: "ConfusionMatrixAtThresholds" config: '{"thresholds": [0.25, 0.5]}' }
  metrics { class_name: "CalibrationPlot" config: '{"num_buckets": 50}' }
  metrics { class_name: "ConfusionMatrixPlot" config: '{"num_thresholds": 100}' }
}
"""
FAIRNESS = """
metrics_specs {
  metrics { class_name: "AUC" }
  metrics { class_name: "WeightedExampleCount" }
  metrics { class_name: "FairnessIndicators" config: '{"thresholds": [0.3, 0.7]}' }
}
"""
INTERVALS = """
model_specs { label_key: "label" prediction_key: "prediction" }
slicing_specs {}
slicing_specs { feature_keys: "sex" }
metrics_specs {
  metrics { class_name: "BinaryAccuracy" }
  metrics { class_name: "ExampleCount" }
}
options { compute_confidence_intervals { value: true }
          confidence_intervals { method: JACKKNIFE } }
"""
CLASSES = """
model_specs { label_key: "label" prediction_key: "prediction" }
slicing_specs {}
slicing_specs { feature_keys: "sex" }
metrics_specs {
  metrics { class_name: "SparseCategoricalCrossentropy" }
  metrics { class_name: "ExampleCount" }
  metrics { class_name: "MultiClassConfusionMatrixPlot" config: '{"thresholds": [0.0, 0.5]}' }
  metrics { class_name: "MultiClassConfusionMatrixAtThresholds" config: '{"thresholds": [0.5]}' }
}
metrics_specs {
  binarize { class_ids { values: [0, 2, 11] } }
  metrics { class_name: "AUC" }
}
"""
NUM_CLASSES = 12


def digest() -> str:
    """Tells one version of these results from another."""
    return hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()[:16]


def write(folder: pathlib.Path) -> None:
    """Writes `plots`, `fairness-a` and `fairness-b`, `intervals` and `classes` below `folder`."""
    first, second = _binary(0.7), _binary(0.4)
    for name, data, config in (
        ("plots", first, BINARY + PLOTS),
        ("fairness-a", first, BINARY + FAIRNESS),
        ("fairness-b", second, BINARY + FAIRNESS),
        ("intervals", first, INTERVALS),
        ("classes", _classes(), CLASSES),
    ):
        path = folder / name
        if path.exists():
            continue
        part = folder / f"{name}.part"
        tfma.analyze_raw_data(
            data, text_format.Parse(config, tfma.EvalConfig()), output_path=str(part)
        )
        part.rename(path)


def _binary(noise: float) -> pd.DataFrame:
    random = np.random.default_rng(7)
    score = random.normal(size=ROWS)
    carrier = random.choice(["AA", "B6", "DL", "UA", "WN"], ROWS)
    late = score + random.normal(size=ROWS) + 0.8 * (carrier == "B6") > 0.3
    seen = score + noise * random.normal(size=ROWS)
    return pd.DataFrame(
        {
            "label": late.astype(float),
            "prediction": 1 / (1 + np.exp(-1.3 * seen)),
            "weight": random.uniform(0.5, 2, ROWS),
            "carrier": carrier,
            "sex": random.choice(["female", "male"], ROWS),
        }
    )


def _classes() -> pd.DataFrame:
    random = np.random.default_rng(8)
    scores = random.dirichlet(np.full(NUM_CLASSES, 0.3), 600)
    return pd.DataFrame(
        {
            "label": [int(random.choice(NUM_CLASSES, p=row)) for row in scores],
            "prediction": list(scores),
            "sex": random.choice(["female", "male"], len(scores)),
        }
    )
