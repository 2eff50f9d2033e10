"""Which of a model's tensors a post-export metric looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from microtome.errors import ConfigError
from microtome.messages import nearest, nearest_feature
from microtome.metrics.metric import Metric
from microtome.metrics.views import FEATURES, LABELS, PREDICTIONS, Source, View

STRING = "string"
# predictions that name all classes in the order of their numbers
CLASS_NAMES = "all_classes"
_PREDICTIONS = ("logistic", "predictions", "probabilities", "logits")
# what the signature calls the only tensor of a group
_LONE = {LABELS: "__labels", PREDICTIONS: "__predictions"}


class Tensor(NamedTuple):
    """A tensor that a model gives.

    Attributes:
        kind: numpy's character for its dtype, such as "f" or "i", or "string".
        ndim: its number of dimensions; None where the model does not tell.
        last: the size of its last dimension; None where the model does not tell.
    """

    kind: str
    ndim: int | None = None
    last: int | None = None

    @property
    def width(self) -> int | None:
        """Numbers a row; None where the model does not tell."""
        return 1 if self.ndim == 1 else self.last


@dataclass(frozen=True)
class Tensors:
    """What a model gives, by the names of its signature.

    Attributes:
        labels, predictions: a lone tensor without a name is `__labels`, `__predictions`.
        features: those of the signature.
    """

    labels: Mapping[str, Tensor] = field(default_factory=dict)
    predictions: Mapping[str, Tensor] = field(default_factory=dict)
    features: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """What a metric is asked to look at.

    Attributes:
        example_weight_key: the feature that weighs the examples; None: each counts 1.
        target_prediction_keys: names of predictions; the first that is there is taken. Of none:
            the first of logistic, predictions, probabilities, logits.
        labels_key: the name of the labels, where there are several.
        metric_tag: part of the metrics' keys; predictions may be named `<tag>/<name>`.
        tensor_index: the class that is positive, where there are several. The predictions of a tag
            `head_3` with the index 3 may be named `head/<name>`.
    """

    example_weight_key: str | None = None
    target_prediction_keys: tuple[str, ...] = ()
    labels_key: str | None = None
    metric_tag: str | None = None
    tensor_index: int | None = None

    @property
    def tag(self) -> str:
        """What stands for the tag in keys; "" for none."""
        return self.metric_tag or (self.target_prediction_keys or ("",))[0]

    def view(self, metric: Metric, tensors: Tensors) -> View:
        """What a metric sees of a model.

        Raises:
            ConfigError: a tensor is not there, or not of a kind that the metric can take.
        """
        features = tuple(feature(name, tensors, metric.name) for name in metric.features)
        weight = self.weight(tensors, metric.name)
        if not metric.needs_predictions:
            return View(label=None, prediction=None, weight=weight, features=features)
        key = self.prediction(tensors, metric.name)
        _check_number(PREDICTIONS, key, tensors.predictions[key], metric.name)
        label = self.label(tensors, metric.name)
        self.label_classes(tensors, metric.name)
        several = self._has_label_a_class(key, label, tensors, metric.name)
        return View(
            Source(LABELS, label),
            Source(PREDICTIONS, key),
            weight,
            features=features,
            class_id=self.tensor_index,
            is_flattened=several and self.tensor_index is None,
        )

    def weight(self, tensors: Tensors, metric: str) -> Source | None:
        """The column that weighs the examples."""
        if self.example_weight_key is None:
            return None
        return feature(self.example_weight_key, tensors, metric)

    def prediction(self, tensors: Tensors, metric: str) -> str:
        """The name of the predictions."""
        if list(tensors.predictions) == [_LONE[PREDICTIONS]]:
            return _LONE[PREDICTIONS]
        wanted = self.target_prediction_keys or _PREDICTIONS
        return self.require(wanted, tensors, metric, "target_prediction_keys")

    def require(self, names: Sequence[str], tensors: Tensors, metric: str, argument: str) -> str:
        """As `found`, for an argument that may name predictions.

        Raises:
            ConfigError: the model has none of them.
        """
        found = self.found(names, tensors)
        if found is None:
            raise ConfigError(
                f"The metric {metric!r} looks for predictions named "
                f"{_listed(self.candidates(names))}; the model has "
                f"{_listed(tensors.predictions)}. Name one in {argument}."
            )
        return found

    def candidates(self, names: Sequence[str]) -> list[str]:
        """The names under which predictions may stand, the first choice first."""
        prefixes = ["", *(f"{head}/" for head in self._heads)]
        return [prefix + name for prefix in prefixes for name in names]

    def found(self, names: Sequence[str], tensors: Tensors) -> str | None:
        """The first name that the model's predictions have."""
        there = (name for name in self.candidates(names) if name in tensors.predictions)
        return next(there, None)

    def label(self, tensors: Tensors, metric: str) -> str:
        """The name of the labels."""
        labels = list(tensors.labels)
        if labels == [_LONE[LABELS]]:
            return labels[0]
        wanted = self._heads if self.labels_key is None else (self.labels_key,)
        for name in wanted:
            if name in labels:
                return name
        if self.labels_key is None and len(labels) == 1:
            return labels[0]
        if not labels:
            raise ConfigError(f"The metric {metric!r} needs labels, and the model has none.")
        if not wanted:
            raise ConfigError(
                f"The metric {metric!r} looks for labels, and the model has several: "
                f"{_listed(labels)}. Name one in labels_key."
            )
        raise ConfigError(
            f"The metric {metric!r} looks for labels named {_listed(wanted)}"
            f"{nearest(wanted[0], labels)}; the model has {_listed(labels)}. Name one in "
            "labels_key."
        )

    def label_classes(self, tensors: Tensors, metric: str) -> Mapping[Source, Source]:
        """The predictions that name the classes by number, by the labels that are such names."""
        name = self.label(tensors, metric)
        if tensors.labels[name].kind != STRING:
            return {}
        names = self.found([CLASS_NAMES], tensors)
        if names is None:
            raise ConfigError(
                f"The metric {metric!r} takes labels that are numbers, and {name!r} are strings. "
                f"Predictions named {CLASS_NAMES!r} would say which class has which number; the "
                f"model has {_listed(tensors.predictions)}."
            )
        return {Source(LABELS, name): Source(PREDICTIONS, names)}

    @property
    def _heads(self) -> tuple[str, ...]:
        if not self.tag:
            return ()
        head = self.tag.removesuffix(f"_{self.tensor_index}")
        return (self.tag,) if head == self.tag else (self.tag, head)

    def _has_label_a_class(self, key: str, label: str, tensors: Tensors, metric: str) -> bool:
        """Whether labels are as wide as predictions that stand for several classes."""
        width, labels = tensors.predictions[key].width, tensors.labels[label].width
        index = self.tensor_index
        if index is not None and width is not None and not (width > 1 and 0 <= index < width):
            there = "one number a row" if width == 1 else f"classes from 0 to {width - 1}"
            raise ConfigError(
                f"The metric {metric!r} looks for class {self.tensor_index} (tensor_index); the "
                f"predictions {key!r} have {there}."
            )
        if width is None or width == 1 or index is not None:
            return False
        if labels is not None and labels != width:
            raise ConfigError(
                f"The metric {metric!r} takes one number a row; the predictions {key!r} have "
                f"{width}, the labels {label!r} {labels}. Name a class in tensor_index, or other "
                "predictions in target_prediction_keys."
            )
        return labels == width


def feature(name: str, tensors: Tensors, metric: str) -> Source:
    """The column of a feature that is a number.

    Raises:
        ConfigError: there is none of that name, or it holds strings.
    """
    if name not in tensors.features:
        near = nearest_feature(name, tensors.features)
        raise ConfigError(
            f"The metric {metric!r} looks for the feature {name!r}{near}; the model has "
            f"{_listed(tensors.features)}."
        )
    _check_number(FEATURES, name, tensors.features[name], metric)
    return Source(FEATURES, name)


def _check_number(group: str, name: str, tensor: Tensor, metric: str) -> None:
    if tensor.kind == STRING:
        raise ConfigError(
            f"The metric {metric!r} takes numbers, and {name!r} of the {group} are strings."
        )


def _listed(names: Sequence[str] | Mapping[str, Tensor]) -> str:
    return ", ".join(map(repr, names)) or "none"
