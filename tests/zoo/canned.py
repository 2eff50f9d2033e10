"""Models from canned estimators, of TensorFlow 2 (V2) and TensorFlow 1 (V1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tests.zoo import data, training
from tests.zoo.models import Built

v1 = tf.compat.v1.estimator


def _builder(
    make: Callable[..., Any],
    labels: str | Mapping[str, str],
    weighted: bool = False,
) -> Callable[[str], Built]:
    """A builder of the estimator that `make(**common keyword arguments)` gives."""

    def build(home: str) -> Built:
        records = data.people()
        common: dict[str, Any] = {"config": training.run_config(home)}
        if weighted:
            common["weight_column"] = "weight"
        path = training.train_and_export(make(**common), records, home, labels)
        return Built(
            model_path=path,
            records=records,
            slice_features=data.SLICE_FEATURES,
            example_weight_key="weight" if weighted else None,
        )

    return build


def _dnn(estimator: Any, **more: Any) -> Callable[..., Any]:
    return lambda **common: estimator(
        hidden_units=[8], feature_columns=training.feature_columns(), **more, **common
    )


def _linear(estimator: Any, **more: Any) -> Callable[..., Any]:
    return lambda **common: estimator(feature_columns=training.sparse_columns(), **more, **common)


MODELS: dict[str, Callable[[str], Built]] = {
    "dnn_binary_v2": _builder(_dnn(tf.estimator.DNNClassifier), "label", weighted=True),
    "linear_binary_v1": _builder(_linear(v1.LinearClassifier), "label"),
}
