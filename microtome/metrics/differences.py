"""How much the values of models are above those of the model that they are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
        NaN where either is NaN. Messages have no difference, nor have arrays of unlike shapes.
    """
    return {
        key._replace(is_diff=True): value.astype(np.float64) - values[of_baseline]
        for key, of_baseline in compared_keys(values, baseline)
        if _are_numbers(value := values[key]) and _are_numbers(values[of_baseline])
        if value.shape == values[of_baseline].shape
    }


def compared_keys(keys: Iterable[Any], baseline: str) -> list[tuple[MetricKey, MetricKey]]:
    """The keys of which there may be a difference, each with the baseline's.

    Args:
        keys: of all models' values.
        baseline: as of `differences`.
    """
    known = [key for key in keys if isinstance(key, MetricKey) and not key.is_diff]
    of_baseline = {key for key in known if key.model_name == baseline}
    pairs = ((key, key._replace(model_name=baseline)) for key in known if key not in of_baseline)
    return [pair for pair in pairs if pair[1] in of_baseline]


def _are_numbers(values: Values) -> bool:
    return bool(np.issubdtype(values.dtype, np.number))
