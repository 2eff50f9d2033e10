"""What names the value of a metric: the metric, the model, its output, the class."""

from __future__ import annotations

from typing import Any, NamedTuple


class SubKey(NamedTuple):
    """Which classes a value is of. All None: of the whole output.

    Attributes:
        class_id: the one class that is positive.
        k: the class of each row's k-th highest prediction.
        top_k: the classes of each row's k highest predictions.
    """

    class_id: int | None = None
    k: int | None = None
    top_k: int | None = None


class MetricKey(NamedTuple):
    """The key of a metric's value, as in TFMA's `MetricKey`.

    Attributes:
        name: the metric's.
        model_name: empty for the only model.
        output_name: empty for the only output.
        sub_key: the classes.
        aggregation: "micro_average", "macro_average", "weighted_macro_average" or none.
        example_weighted: whether rows count as their weights say; None where it is not known.
        is_diff: whether the value is the difference to the baseline model's.
    """

    name: str
    model_name: str = ""
    output_name: str = ""
    sub_key: SubKey = SubKey()
    aggregation: str = ""
    example_weighted: bool | None = None
    is_diff: bool = False


class TopK(NamedTuple):
    """What names one of a metric's values: its name, and how many of the highest it is of."""

    name: str
    top_k: int


def renamed(key: Any, name: str | TopK) -> Any:
    """The key with another metric's name; keys are `MetricKey`s or plain names."""
    if not isinstance(name, TopK):
        return key._replace(name=name) if isinstance(key, MetricKey) else name
    if not isinstance(key, MetricKey):
        return name
    return key._replace(name=name.name, sub_key=key.sub_key._replace(top_k=name.top_k))
