"""Counts of examples, means of labels and predictions, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from microtome.errors import ConfigError
from microtome.metrics.metric import Floats, Metric, Part, Rows, Sum, Sums, divide, register
from microtome.metrics.sums import EXAMPLES, LABELS, PREDICTIONS, WEIGHTS


@register
@dataclass(frozen=True)
class ExampleCount(Metric):
    """The number of examples."""

    name: str = "example_count"
    needs_labels = needs_predictions = False
    has_interval = False
    parts = (EXAMPLES,)

    def compute(self, sums: Sums) -> Floats:
        return sums[EXAMPLES]


@register
@dataclass(frozen=True)
class WeightedExampleCount(Metric):
    """The sum of the examples' weights."""

    name: str = "weighted_example_count"
    needs_labels = needs_predictions = False
    has_interval = False
    parts = (WEIGHTS,)

    def compute(self, sums: Sums) -> Floats:
        return sums[WEIGHTS]


@register
@dataclass(frozen=True)
class MeanLabel(Metric):
    """The weighted mean of the labels; NaN without weight."""

    name: str = "mean_label"
    needs_predictions = False
    parts = (LABELS, WEIGHTS)

    def compute(self, sums: Sums) -> Floats:
        return divide(sums[LABELS], sums[WEIGHTS])


@register
@dataclass(frozen=True)
class MeanPrediction(Metric):
    """The weighted mean of the predictions; NaN without weight."""

    name: str = "mean_prediction"
    needs_labels = False
    parts = (PREDICTIONS, WEIGHTS)

    def compute(self, sums: Sums) -> Floats:
        return divide(sums[PREDICTIONS], sums[WEIGHTS])


@register
@dataclass(frozen=True)
class Calibration(Metric):
    """The weighted sum of the predictions over that of the labels; NaN where that is zero."""

    name: str = "calibration"
    parts = (PREDICTIONS, LABELS)

    def compute(self, sums: Sums) -> Floats:
        return divide(sums[PREDICTIONS], sums[LABELS])


@dataclass(frozen=True)
class _Column:
    """What of the rows a path names."""

    path: tuple[str, ...]

    def __call__(self, rows: Rows) -> Floats:
        if self.path == ("labels",):
            return rows.labels
        if self.path == ("predictions",):
            return rows.predictions
        return rows.features[self.path[-1]]


@dataclass(frozen=True)
class _Weighed:
    """A column, times another in place of the examples' weights."""

    values: _Column
    weights: _Column

    def __call__(self, rows: Rows) -> Floats:
        return self.values(rows) * self.weights(rows)


@register
@dataclass(frozen=True)
class Mean(Metric):
    """The weighted mean of a feature, of labels or of predictions; NaN without weight.

    Attributes:
        feature_key_path: ("features", its name), ("labels",) or ("predictions",).
        example_weights_key_path: such a path to what examples weigh here, in place of their
            weights.
        name: by default "mean_" and the path, joined by dots.
    """

    feature_key_path: tuple[str, ...] = ()
    example_weights_key_path: tuple[str, ...] | None = None
    name: str = ""

    @property
    def needs_labels(self) -> bool:  # type: ignore[override]
        return ("labels",) in self._paths

    @property
    def needs_predictions(self) -> bool:  # type: ignore[override]
        return ("predictions",) in self._paths

    def __post_init__(self) -> None:
        for path in self._paths:
            if path not in (("labels",), ("predictions",)) and path[:-1] != ("features",):
                raise ConfigError(
                    f"The metric Mean has the path {list(path)}; it must be "
                    '["features", name], ["labels"] or ["predictions"].'
                )
        if not self.name:
            object.__setattr__(self, "name", "mean_" + ".".join(self.feature_key_path))

    @property
    def features(self) -> Sequence[str]:
        return [path[-1] for path in self._paths if path[0] == "features"]

    @property
    def parts(self) -> tuple[Part, ...]:
        return self._sums

    def compute(self, sums: Sums) -> Floats:
        """`[slices]`."""
        values, weights = self._sums
        return divide(sums[values], sums[weights])

    @property
    def _paths(self) -> list[tuple[str, ...]]:
        weights = self.example_weights_key_path
        return [self.feature_key_path, *([] if weights is None else [weights])]

    @property
    def _sums(self) -> tuple[Sum, Sum]:
        values = _Column(self.feature_key_path)
        if self.example_weights_key_path is None:
            return Sum(values), WEIGHTS
        weights = _Column(self.example_weights_key_path)
        return Sum(_Weighed(values, weights), is_weighted=False), Sum(weights, is_weighted=False)
