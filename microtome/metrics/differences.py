"""How much the values of models are above those of the model that they are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from microtome.metrics.keys import MetricKey
from microtome.metrics.metric import Values


def differences(values: Mapping[Any, Values], baseline: str) -> dict[MetricKey, Values]:
    """Values minus those of the baseline.

    Args:
        values: `[slices, ...]` by their keys.
        baseline: the name of the model that others are compared with.

    Returns:
        By the keys with `is_diff`, for each number of another model that the baseline has as well;
        NaN where either is NaN. Messages have no difference.
    """
    return {
        key._replace(is_diff=True): value - values[of_baseline]
        for key, value in values.items()
        if isinstance(key, MetricKey) and not key.is_diff and key.model_name != baseline
        if (of_baseline := key._replace(model_name=baseline)) in values
        if np.issubdtype(value.dtype, np.number)
    }
