"""Real TensorFlow Model Analysis (TFMA), as an oracle: its metrics of a model, slice by slice."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma

from tests.zoo.models import ZooModel

SliceKey = tuple[tuple[str, Any], ...]
MetricsBySlice = dict[SliceKey, dict[str, Any]]


def evaluate(
    model: ZooModel,
    slices: Sequence[Sequence[str]] = ((),),
    add_metrics_callbacks: Sequence[Callable[..., Any]] = (),
) -> MetricsBySlice:
    """TFMA's metrics of `model` on its data.

    Args:
      model: a model of the zoo.
      slices: the columns of each slicing; `()` is Overall.
      add_metrics_callbacks: TFMA's own.

    Returns:
      Metrics by slice key. A value is a float, or an array where the metric is one.
    """
    # TFMA adds its counts to the list that it is given
    shared = tfma.default_eval_shared_model(
        eval_saved_model_path=model.model_path,
        example_weight_key=model.example_weight_key,
        add_metrics_callbacks=list(add_metrics_callbacks),
    )
    with tempfile.TemporaryDirectory() as output:
        result = tfma.run_model_analysis(
            eval_shared_model=shared,
            data_location=model.data_path,
            slice_spec=[tfma.slicer.SingleSliceSpec(columns=columns) for columns in slices],
            output_path=os.path.join(output, "result"),
        )
    metrics: MetricsBySlice = {}
    for key, by_output in result.slicing_metrics:
        (by_sub_key,) = by_output.values()
        (values,) = by_sub_key.values()
        metrics[key] = {name: _number(value) for name, value in values.items()}
    return metrics


def _number(value: dict[str, Any]) -> Any:
    if "doubleValue" in value:
        return float(value["doubleValue"])
    array = value["arrayValue"]
    kind = array["dataType"].lower()
    numbers = np.array(array[f"{kind}Values"], dtype=tf.as_dtype(kind).as_numpy_dtype)
    return numbers.reshape([int(size) for size in array["shape"]])
