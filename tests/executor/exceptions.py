"""Where equality with TFMA, or with the graph itself, is not to a millionth: by name, and why.

Both compute in the model's own 32-bit floats, Microtome below the cut in 64 bits.
"""

from __future__ import annotations

import fnmatch
from typing import NamedTuple

import numpy as np

RELATIVE = 1e-6
# of values that are 0 but for rounding
ABSOLUTE = 1e-9


class Tolerance(NamedTuple):
    """How far apart values may be. Models and metrics are patterns."""

    model: str
    metric: str
    relative: float
    absolute: float
    why: str


TOLERANCES = [
    Tolerance(
        "*",
        "auc_p*r*",
        5e-6,
        ABSOLUTE,
        "Keras' PR curve is interpolated from differences and logarithms of 32-bit counts",
    ),
    Tolerance(
        "dnn_regression_2d_v*",
        "prediction/mean",
        RELATIVE,
        1e-6,
        "predictions of both signs cancel out in a 32-bit sum",
    ),
    Tolerance(
        "keras_metrics",
        "mean_squared_logarithmic_error",
        5e-6,
        ABSOLUTE,
        "differences of 32-bit logarithms",
    ),
    Tolerance(
        "function_metrics",
        "r2",
        5e-2,
        1e-6,
        "the total is a difference of 32-bit sums of squares, next to nothing for two rows",
    ),
    Tolerance(
        "uncut_metrics",
        "c*",  # covariance, centred, cosine_distance_of_columns
        5e-6,
        1e-6,
        "the graph itself computes them, in 32 bits, from differences of rows in another order",
    ),
]
# what TFMA computes otherwise, and rightly or wrongly so
NOT_AS_TFMA = {
    ("rows_of_inputs", "*"): "TFMA counts each row as often as its example has rows",
    ("iterator", "*"): "TFMA cannot compute the metrics of a model with an iterator",
    ("handmade_serve_tf1", "*"): "TFMA 0.46 does not read the format of 0.6",
}
# metric patterns and the path that they take where it is not a plain cut; all others are cut
PATHS = {
    ("multi_head_v2", "loss/*"): "cut, one batch",
    ("uncut_metrics", "absolute_of_sum"): "cut, one batch",
    ("uncut_metrics", "mean_of_batches"): "cut, one batch",
    ("uncut_metrics", "mean_tensor"): "cut, one batch",
    ("uncut_metrics", "centred"): "reference, all rows",
    ("uncut_metrics", "cosine_distance_of_columns"): "reference, all rows",
    ("uncut_metrics", "covariance"): "reference, all rows",
    ("uncut_metrics", "maximum"): "reference, all rows",
    ("python_metrics", "in_python"): "reference, summed",
    ("function_metrics", "f1"): "reference, summed",
    ("function_metrics", "r2"): "reference, summed",
}


def assert_equal(found: object, expected: object, model: str, metric: str, where: object) -> None:
    """Compares two values of a metric, as exactly as it can be."""
    relative, absolute = RELATIVE, ABSOLUTE
    for row in TOLERANCES:
        if fnmatch.fnmatch(model, row.model) and fnmatch.fnmatch(metric, row.metric):
            relative, absolute = row.relative, row.absolute
    np.testing.assert_allclose(
        np.asarray(found, float),
        np.asarray(expected, float),
        relative,
        absolute,
        err_msg=f"{metric} of {where}",
    )


def path(model: str, metric: str) -> str:
    """The path that a metric takes."""
    found = [
        path
        for (models, metrics), path in PATHS.items()
        if fnmatch.fnmatch(model, models) and fnmatch.fnmatch(metric, metrics)
    ]
    return found[0] if found else "cut"
