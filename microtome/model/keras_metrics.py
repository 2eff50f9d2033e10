"""Keras metrics and losses that are means over rows, computed by Keras and summed by slice."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from microtome.errors import ConfigError, DataError
from microtome.metrics.metric import Floats, Metric, Part, Rows, Sum, Sums, divide
from microtome.metrics.sums import WEIGHTS
from microtome.metrics.views import one_hot

# they, and what is derived from them, see all classes of a row
_OF_CLASSES = frozenset(
    {
        "CategoricalAccuracy",
        "CategoricalCrossentropy",
        "CategoricalFocalCrossentropy",
        "CategoricalHinge",
        "CosineSimilarity",
        "KLDivergence",
        "TopKCategoricalAccuracy",
    }
)
# and their labels are the number of one
_SPARSE = frozenset(
    {
        "SparseCategoricalAccuracy",
        "SparseCategoricalCrossentropy",
        "SparseTopKCategoricalAccuracy",
    }
)
_RowFunction = Callable[[Any, Any], Any]


@dataclasses.dataclass(frozen=True)
class KerasClass:
    """A Keras metric or loss.

    Attributes:
        class_name: its class.
        module: where that is; "" in `tf.keras.metrics` or `tf.keras.losses`.
        settings: its arguments, as JSON.
    """

    class_name: str
    module: str
    settings: str

    def __call__(self, rows: Rows) -> Floats:
        """Its value of each row, float64 `[rows]`."""
        # Keras hands its functions nothing wider
        dtype = tf.keras.backend.floatx()
        columns = [tf.constant(column, dtype) for column in self._columns(rows)]
        values = np.asarray(_opened(self)[1](*columns), np.float64)
        if values.size != len(rows.weights):
            raise DataError(
                f"Keras' {self.class_name} gives {values.shape} for {len(rows.weights)} rows; it "
                "must give one number a row"
            )
        return values.reshape(-1)

    def _columns(self, rows: Rows) -> tuple[Floats, Floats]:
        labels, predictions = rows.labels, rows.predictions
        if _is_one_of(self, _SPARSE):
            return labels if labels.ndim == 1 else np.argmax(labels, axis=1), predictions
        if _is_one_of(self, _OF_CLASSES):
            return one_hot(labels, predictions.shape[1]), predictions
        return labels[:, None], predictions[:, None]


@dataclasses.dataclass(frozen=True)
class KerasMean(Metric):
    """The weighted mean of a Keras metric or loss over rows; NaN without weight.

    Attributes:
        of: whose mean.
    """

    of: KerasClass
    name: str

    @property
    def parts(self) -> tuple[Part, ...]:
        return Sum(self.of), WEIGHTS

    def compute(self, sums: Sums) -> Floats:
        """`[slices]`."""
        return divide(sums[Sum(self.of)], sums[WEIGHTS])


@dataclasses.dataclass(frozen=True)
class KerasMeanOfClasses(KerasMean):
    """Such a mean that sees all classes of a row."""

    of_classes: ClassVar[bool] = True


def keras_metric(class_name: str, module: str, settings: Mapping[str, Any]) -> Metric | None:
    """The metric that a Keras class is.

    Args:
        class_name: the name of a Keras metric or loss.
        module: where it is; "" for Keras' own metrics, then losses.
        settings: its arguments.

    Returns:
        None if the module has no class of that name.

    Raises:
        ConfigError: it is no mean over rows, cannot be made with these arguments, or there is no
            such module.
    """
    if _class(class_name, module) is None:
        return None
    of = KerasClass(class_name, module, json.dumps(dict(settings), sort_keys=True))
    kind = KerasMeanOfClasses if _is_one_of(of, _OF_CLASSES | _SPARSE) else KerasMean
    return kind(of, _opened(of)[0])


def _is_one_of(of: KerasClass, names: frozenset[str]) -> bool:
    """Whether a class, or one that it is derived from, has one of the names."""
    made = _class(of.class_name, of.module)
    return made is not None and any(base.__name__ in names for base in made.__mro__)


def _class(class_name: str, module: str) -> type | None:
    if module in ("", "tf.keras.metrics", "tensorflow.keras.metrics", "keras.metrics"):
        homes = [tf.keras.metrics, *([tf.keras.losses] if not module else [])]
    elif module in ("tf.keras.losses", "tensorflow.keras.losses", "keras.losses"):
        homes = [tf.keras.losses]
    else:
        try:
            homes = [importlib.import_module(module)]
        except ImportError as error:
            raise ConfigError(
                f"The module {module!r} of the metric {class_name!r} cannot be imported: {error}. "
                "It must be installed where the evaluation runs."
            ) from error
    found = (getattr(home, class_name, None) for home in homes)
    return next((item for item in found if inspect.isclass(item)), None)


@functools.cache
def _opened(of: KerasClass) -> tuple[str, _RowFunction]:
    """The name, and what gives a value a row."""
    made = _class(of.class_name, of.module)
    assert made is not None
    settings = json.loads(of.settings)
    is_loss = issubclass(made, tf.keras.losses.Loss)
    if not is_loss and not issubclass(made, tf.keras.metrics.MeanMetricWrapper):
        raise ConfigError(
            f"The Keras metric {of.class_name!r} is no mean over rows, and Microtome has none of "
            f"its own by that name. Keras metrics that are: {', '.join(_supported())}; and losses."
        )
    try:
        opened = made(**settings, reduction="none") if is_loss else made(**settings)
    except Exception as error:
        raise ConfigError(
            f"Keras' {of.class_name} cannot be made with {settings}: {error}"
        ) from error
    if is_loss:
        return opened.name or of.class_name, opened.call
    return opened.name, functools.partial(opened._fn, **opened._fn_kwargs)


def _supported() -> list[str]:
    wrapper = tf.keras.metrics.MeanMetricWrapper
    return sorted(
        name
        for name, item in vars(tf.keras.metrics).items()
        if inspect.isclass(item) and issubclass(item, wrapper) and item is not wrapper
    )
