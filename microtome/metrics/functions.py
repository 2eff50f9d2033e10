"""A metric of one's own made of functions, where a class would be too much.

Synopsis:

    def squared_error(rows: Rows) -> Floats:
        return (rows.predictions - rows.labels) ** 2


    def root(sums: Mapping[str, Floats]) -> Floats:
        return np.sqrt(sums["squared_error"] / sums["weights"])


    register_metric("rmse", squared_error, root)

and `metrics { class_name: "rmse" }` in a config.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from microtome.errors import ConfigError
from microtome.metrics.metric import (
    Computed,
    Floats,
    Metric,
    Part,
    Rows,
    Sum,
    Sums,
    divide,
    register_made,
)
from microtome.metrics.sums import WEIGHTS

OfRows = Callable[[Rows], Floats]
OfSums = Callable[[Mapping[str, Floats]], Computed]
_WEIGHTS = "weights"


@dataclass(frozen=True)
class FunctionMetric(Metric):
    """A metric of functions of the rows. Make one with `register_metric`.

    Attributes:
        of: what is summed, by name.
        value: of the sums by name; None for the weighted mean of the only one.
        columns: names of further features that the functions look at.
    """

    name: str
    of: tuple[tuple[str, OfRows], ...]
    value: OfSums | None = None
    columns: tuple[str, ...] = ()

    @property
    def features(self) -> Sequence[str]:
        return self.columns

    @property
    def parts(self) -> Sequence[Part]:
        return [*(Sum(function) for _, function in self.of), WEIGHTS]

    def compute(self, sums: Sums) -> Computed:
        """What `value` gives of float64 `[slices]` by name; NaN without weight for a mean."""
        by_name = {name: sums[Sum(function)] for name, function in self.of}
        if self.value is None:
            return divide(next(iter(by_name.values())), sums[WEIGHTS])
        return self.value({**by_name, _WEIGHTS: sums[WEIGHTS]})


def register_metric(
    name: str,
    of: OfRows | Mapping[str, OfRows],
    compute: OfSums | None = None,
    *,
    features: Sequence[str] = (),
) -> FunctionMetric:
    """Makes a metric of functions, known by its name, to configs as well.

    Args:
        name: its `class_name` in a config, and the name of its values.
        of: gives float64 `[rows]` of `Rows`, what each row adds; the examples' weights are
            multiplied in afterwards. Or several such functions by name; one alone has its own name.
        compute: gives the value `[slices]` of the sums, float64 `[slices]` by name; "weights" is
            the sum of the weights. By default the weighted mean of the one function.
        features: names of columns that the functions look at besides labels and predictions; they
            stand in `rows.features`.

    Raises:
        ConfigError: the functions do not make a metric.
    """
    functions = dict(of) if isinstance(of, Mapping) else {getattr(of, "__name__", name): of}
    for what, function in [*functions.items(), ("compute", compute or divide)]:
        if not callable(function):
            raise ConfigError(
                f"register_metric({name!r}): {what!r} must be a function, it is {function!r}."
            )
    if not functions or (compute is None and len(functions) > 1):
        raise ConfigError(
            f"register_metric({name!r}) needs a function of rows; of several, {len(functions)} "
            "are given, `compute` besides, which makes a value of their sums."
        )
    if _WEIGHTS in functions:
        raise ConfigError(
            f"register_metric({name!r}): the name {_WEIGHTS!r} is that of the sum of the weights; "
            "name the function otherwise."
        )
    metric = FunctionMetric(name, tuple(functions.items()), compute, tuple(features))
    register_made(name, metric)
    return metric
