"""What a metric outside a model's graph is: what each row adds, and a value from the sums.

Synopsis, a metric of one's own:

    def error(rows: Rows) -> Floats:
        return rows.predictions - rows.labels


    @register
    @dataclass(frozen=True)
    class MeanError(Metric):
        name: str = "mean_error"
        parts = (Sum(error), WEIGHTS)

        def compute(self, sums: Sums) -> Floats:
            return divide(sums[Sum(error)], sums[WEIGHTS])

Parts that are equal are summed once, whichever metrics ask for them. Functions alone make a metric
too: `microtome.metrics.functions`.
"""

from __future__ import annotations

import abc
import dataclasses
import difflib
import importlib
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from microtome.errors import ConfigError, DataError
from microtome.metrics.keys import TopK
from microtome.metrics.left_out import LEFT_OUT
from microtome.metrics.light import Light
from microtome.metrics.settings import check_settings, frozen
from microtome.slicing.sums import Scattered
from microtome.statistics.intervals import Interval

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Rows:
    """The examples of a batch, as metrics see them.

    For metrics `of_classes`, predictions are `[rows, classes]`, and labels `[rows]`, the number of
    a class, or `[rows, classes]`.

    Attributes:
        labels: float64 `[rows]`; NaN where there are none.
        predictions: float64 `[rows]`; NaN where there are none.
        weights: float64 `[rows]`; 1 where examples are not weighed.
        baseline: predictions of the model that is compared with; None where none is.
        features: the columns that the metric names in `features`, float64 `[rows]`.
        index: int64 `[rows]`, the example of each row; None where row i is example i.
    """

    labels: Floats
    predictions: Floats
    weights: Floats
    baseline: Floats | None = None
    features: Mapping[str, Floats] = dataclasses.field(default_factory=dict)
    index: npt.NDArray[np.int64] | None = None


class Part(Light, abc.ABC):
    """What rows add to a slice's state. Equal parts are the same part: they must be hashable."""

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, ...]:
        """`()` for one sum; `(k, bins)` for k histograms."""

    @abc.abstractmethod
    def added(self, rows: Rows) -> Floats | Scattered:
        """A number a row, `[rows]`; of histograms, the bin and the k values of each row."""


def identity(function: Any) -> Any:
    """What is equal for a function and for what became of it on its way to a worker.

    A function of a notebook or a script travels by value: each time it arrives it is another
    object.
    """
    if not isinstance(function, types.FunctionType):
        return function
    held = tuple(cell.cell_contents for cell in function.__closure__ or ())
    return (
        function.__module__,
        function.__qualname__,
        function.__code__,
        *map(_hashable, (*held, *(function.__defaults__ or ()))),
    )


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return id(value)
    return identity(value)


class OfFunction:
    """What makes a sum of a function's values the same sum wherever the function comes from."""

    of: Callable[..., Floats]
    is_weighted: bool

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[Any, bool]:
        return identity(self.of), self.is_weighted

    @property
    def shape(self) -> tuple[int, ...]:
        return ()


@dataclasses.dataclass(frozen=True, eq=False)
class Sum(OfFunction, Part):
    """A sum over rows, each as often as its weight says.

    Attributes:
        of: gives float64 `[rows]`. A function of a module: it travels to workers, and metrics that
            name the same one share its sum.
        is_weighted: whether each is multiplied by the row's weight.
    """

    of: Callable[[Rows], Floats]
    is_weighted: bool = True

    def added(self, rows: Rows) -> Floats:
        values = np.asarray(self.of(rows), np.float64)
        if values.shape != rows.weights.shape:
            named = getattr(self.of, "__name__", repr(self.of))
            raise DataError(
                f"{named} gives the shape {list(values.shape)} for {len(rows.weights)} rows; it "
                "must give one number a row"
            )
        return values * rows.weights if self.is_weighted else values


class Metric(Light, abc.ABC):
    """A metric: a frozen dataclass whose fields are its settings.

    Attributes:
        name: of its values.
        features: names of further columns that it looks at.
    """

    name: str
    # further names that configs may give for the class
    aliases: ClassVar[tuple[str, ...]] = ()
    # what of the examples it cannot do without
    needs_labels: ClassVar[bool] = True
    needs_predictions: ClassVar[bool] = True
    # whether it sees all classes side by side, not one number a row
    of_classes: ClassVar[bool] = False
    # whether it compares predictions with those of a baseline model
    needs_baseline: ClassVar[bool] = False
    # whether its parts are of the groups of rows of each query (`microtome.metrics.queries`)
    by_query: ClassVar[bool] = False
    # whether its values are `PlotData`
    is_plot: ClassVar[bool] = False
    # whether its numbers are estimates, not counts of what is there
    has_interval: ClassVar[bool] = True

    @property
    def features(self) -> Sequence[str]:
        return ()

    def for_classes(self, number: int) -> Metric:
        """The metric for outputs of so many classes, for those whose sums depend on it."""
        return self

    def for_top_k(self) -> Metric:
        """The metric for views of the `top_k` predictions, where the others are minus infinity."""
        return self

    def for_replicates(self) -> Metric:
        """The metric for states that were resampled, of which there are many.

        What it is made of is there in the parts of this metric; its spread is as good as the same.
        """
        return self

    @property
    @abc.abstractmethod
    def parts(self) -> Sequence[Part]:
        """What is to be summed."""

    @abc.abstractmethod
    def compute(self, sums: Sums) -> Computed:
        """The values of slices.

        Args:
            sums: of each part float64 `[slices, *part.shape]`.

        Returns:
            `[slices, ...]`: numbers, or objects each of which is a message of `result.proto`. Of
            several metrics: such by their names, of which a `TopK` says how many of the highest
            predictions the value is of.
        """

    def closed_form(self, sums: Sums, level: float) -> ClosedForm:
        """Confidence intervals that need no resampling, where there are such.

        Args:
            sums: as of `compute`, of rows that count once each.
            level: the share of intervals that cover.

        Returns:
            Of several metrics: intervals by name, of those that have some. None: there are none.
        """
        return None


Values = npt.NDArray[Any]
Computed = Values | Mapping[str, Values] | Mapping[str | TopK, Values]
ClosedForm = Interval | Mapping[str, Interval] | Mapping[str | TopK, Interval] | None
Sums = Mapping[Part, Floats]
M = TypeVar("M", bound=type[Metric])
_REGISTERED: dict[str, type[Metric]] = {}
# metrics that have no class of their own
_MADE: dict[str, Metric] = {}


def register(metric: M) -> M:
    """Makes a metric's class known by its name, to configs as well.

    A class of a user's own goes before one of Microtome's of the same name.

    Raises:
        ConfigError: it is no class of a metric, or no dataclass.
    """
    if not (isinstance(metric, type) and issubclass(metric, Metric)):
        raise ConfigError(f"register takes a class of a Metric; it is given {metric!r}.")
    check_dataclass(metric)
    for name in (metric.__name__, *metric.aliases):
        if metric.__module__.startswith("microtome."):
            _REGISTERED.setdefault(name, metric)
        else:
            _REGISTERED[name] = metric
            _MADE.pop(name, None)
    return metric


def registered_metrics() -> Mapping[str, type[Metric]]:
    """All classes by name."""
    # it imports this module
    importlib.import_module("microtome.metrics.library")
    return _REGISTERED


def register_made(class_name: str, metric: Metric) -> None:
    """Makes a metric known by a name, as if it were the only one of a class of that name."""
    _MADE[class_name] = metric


def check_dataclass(metric: type[Metric]) -> None:
    """Checks that a class tells its settings.

    Raises:
        ConfigError: it does not.
    """
    if not dataclasses.is_dataclass(metric):
        raise ConfigError(
            f"The metric {metric.__name__} is no dataclass, whose fields are its settings. Write "
            "@dataclasses.dataclass(frozen=True) above the class (and beneath @register)."
        )


def registered_names() -> list[str]:
    """The names of all metrics that are known, sorted."""
    return sorted({*registered_metrics(), *_MADE})


def metric_class(name: str) -> type[Metric]:
    """The class of a name.

    Raises:
        ConfigError: there is none; says which are near, or why it was left out.
    """
    known = registered_names()
    if name in _MADE:
        return type(_MADE[name])
    if name in _REGISTERED:
        return _REGISTERED[name]
    if name in LEFT_OUT:
        raise ConfigError(f"Microtome does not compute the metric {name!r}: {LEFT_OUT[name]}.")
    near = difflib.get_close_matches(name, known, n=3)
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    raise ConfigError(f"There is no metric {name!r}.{meant} Known are: {', '.join(known)}.")


def make_metric(class_name: str, settings: Mapping[str, Any]) -> Metric:
    """A metric of a registered class.

    Raises:
        ConfigError: there is no such class, or it has no such setting, or one of another type.
    """
    found = metric_class(class_name)
    if class_name not in _MADE:
        return metric_of(found, settings)
    made = _MADE[class_name]
    _check_known(class_name, settings, ["name"])
    check_settings(type(made), settings)
    return dataclasses.replace(made, **settings)  # type: ignore[type-var]


def metric_of(found: type[Metric], settings: Mapping[str, Any]) -> Metric:
    """A metric of a class.

    Raises:
        ConfigError: it has no such setting, or one of another type.
    """
    check_dataclass(found)
    known = [field.name for field in dataclasses.fields(found)]  # type: ignore[arg-type]
    _check_known(found.__name__, settings, known)
    given = {name: frozen(value) for name, value in settings.items()}
    check_settings(found, given)
    return found(**given)


def _check_known(class_name: str, settings: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in settings:
        if name not in known:
            raise ConfigError(
                f"The metric {class_name} has no setting {name!r}; it has: {', '.join(known)}."
            )


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """A quotient; NaN where the denominator is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator == 0, np.nan, numerator / denominator)
