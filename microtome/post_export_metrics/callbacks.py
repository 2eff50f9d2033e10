"""What stands in `add_metrics_callbacks`: metrics, and where in a model they find their needs."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from microtome.metrics.collection import Computation
from microtome.metrics.metric import Metric
from microtome.metrics.views import LABELS, PREDICTIONS, Source, View
from microtome.post_export_metrics.at_k import AtCutoffs
from microtome.post_export_metrics.codes import coded
from microtome.post_export_metrics.tensors import CLASS_NAMES, STRING, Target, Tensors

_ROOT = "post_export_metrics"


@dataclass(frozen=True)
class PostExportMetric(abc.ABC):
    """A metric, or several, that a model does not compute itself.

    Attributes:
        name: as TFMA calls it.
        target: what of the model it looks at.
    """

    name: str
    target: Target

    @abc.abstractmethod
    def computations(self, tensors: Tensors) -> Sequence[Computation]:
        """The metrics of a model, with their keys.

        Several plots of a slice may have the same key: their messages are to be merged.

        Raises:
            ConfigError: the model does not give what a metric needs.
        """

    def label_classes(self, tensors: Tensors) -> Mapping[Source, Source]:
        """Which labels are names of classes, to be replaced by numbers.

        Returns:
            By the column of such labels, the predictions `[rows, classes]` that name the classes in
            the order of their numbers.
        """
        return {}

    def _key(self, name: str) -> str:
        return "/".join(filter(None, (_ROOT, self.target.tag, name)))


@dataclass(frozen=True)
class Named(PostExportMetric):
    """Metrics of one number a row, or of a class.

    Attributes:
        metrics: (name, metric) pairs; the name stands at the end of the key. "" for plots.
        is_tagged: whether the tag stands in the keys.
    """

    metrics: tuple[tuple[str, Metric], ...]
    is_tagged: bool = True

    def computations(self, tensors: Tensors) -> Sequence[Computation]:
        return [
            Computation(self._key(name), metric, (self.target.view(metric, tensors),))
            for name, metric in self.metrics
        ]

    def label_classes(self, tensors: Tensors) -> Mapping[Source, Source]:
        if not any(metric.needs_labels for _, metric in self.metrics):
            return {}
        return self.target.label_classes(tensors, self.name)

    def _key(self, name: str) -> str:
        return super()._key(name) if self.is_tagged else f"{_ROOT}/{name}"


@dataclass(frozen=True)
class AtK(PostExportMetric):
    """Precision or recall at k.

    Labels and classes stand in columns of the group `codes.CODES`, see `codes.joint_codes`.

    Attributes:
        cutoffs: values of k.
        is_recall: whether it is recall.
        classes_key: the predictions that name the classes; None: "all_classes", else "classes" if
            there are such. Else, and for labels that are numbers beside "all_classes", classes are
            numbered from 0.
        probabilities_key: the predictions by which classes are ranked; None: those of the target,
            else "probabilities".
    """

    cutoffs: tuple[int, ...]
    is_recall: bool
    classes_key: str | None = None
    probabilities_key: str | None = None

    def __post_init__(self) -> None:
        self._metric(None)  # knows which cutoffs there are

    def computations(self, tensors: Tensors) -> Sequence[Computation]:
        target = self.target
        label = target.label(tensors, self.name)
        ranked = self._ranked(tensors)
        classes = self._classes(tensors, label, tensors.predictions[ranked].width)
        columns = () if classes is None else (coded(PREDICTIONS, classes),)
        view = View(
            coded(LABELS, label) if columns else Source(LABELS, label),
            Source(PREDICTIONS, ranked),
            target.weight(tensors, self.name),
            features=columns,
            of_classes=True,
        )
        column = columns[0].name if columns else None
        return [Computation(self._key(self.name), self._metric(column), (view,))]

    def _metric(self, column: str | None) -> AtCutoffs:
        return AtCutoffs(self.cutoffs, self.is_recall, self.name, column)

    def _ranked(self, tensors: Tensors) -> str:
        key = self.probabilities_key
        wanted = self.target.target_prediction_keys if key is None else (key,)
        return self.target.require(
            wanted or ("probabilities",), tensors, self.name, "probabilities_key"
        )

    def _classes(self, tensors: Tensors, label: str, width: int | None) -> str | None:
        """The predictions that name the classes; None where labels are their numbers."""
        if self.classes_key is not None:
            return self.target.require((self.classes_key,), tensors, self.name, "classes_key")
        is_named = tensors.labels[label].kind == STRING
        in_order = self.target.found([CLASS_NAMES], tensors)
        if in_order is not None:
            return in_order if is_named else None
        found = self.target.found(["classes"], tensors)
        # a model may name there only the class with the highest prediction
        if found is not None and width in (None, tensors.predictions[found].width):
            return found
        if not is_named:
            return None
        return self.target.require((CLASS_NAMES, "classes"), tensors, self.name, "classes_key")
