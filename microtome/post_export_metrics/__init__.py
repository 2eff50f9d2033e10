"""Metrics that are added to those of a model, under TFMA's names.

Synopsis:

    from microtome import post_export_metrics as pe

    microtome.default_eval_shared_model(path, add_metrics_callbacks=[
        pe.auc(), pe.auc_plots(), pe.confusion_matrix_at_thresholds([0.3, 0.7])])

All are computed outside the model's graph, in 64 bits. What many of them are told:

* example_weight_key: the feature that weighs the examples; by default each counts 1.
* target_prediction_keys: names of predictions; the first that is there is taken. By default the
  first of logistic, predictions, probabilities, logits.
* labels_key: the name of the labels, where there are several.
* metric_tag: part of the metrics' keys, `post_export_metrics/<tag>/<name>`; without it the first of
  target_prediction_keys is. Predictions may be named `<tag>/<name>`, labels `<tag>`.
* tensor_index: the class that is positive, where there are several. Predictions of a tag `head_3`
  with the index 3 may be named `head/<name>`. Without it each class of a row is looked at as if it
  were a row, where labels are as many; else several classes are an error.

Labels that are strings are classes; predictions `all_classes` say which has which number.

Different from TFMA 0.46, everywhere: what is a share of nothing (a precision without predicted
positives, an area without positives, a mean without weight) is NaN, not 0. Labels in [0, 1] are
that much of a positive, the rest of a negative, as in TFMA.
"""

from __future__ import annotations

from collections.abc import Sequence

from microtome.metrics.calibration import CalibrationPlot
from microtome.metrics.means import Calibration, ExampleCount, WeightedExampleCount
from microtome.metrics.metric import Metric
from microtome.metrics.regression import (
    MeanAbsoluteError,
    MeanSquaredError,
    RootMeanSquaredError,
    SquaredPearsonCorrelation,
)
from microtome.post_export_metrics import fairness
from microtome.post_export_metrics.callbacks import AtK, Named, PostExportMetric
from microtome.post_export_metrics.tensors import Target, Tensor, Tensors
from microtome.post_export_metrics.values import (
    Areas,
    Bounded,
    BoundedArea,
    Matrices,
    MatricesPlot,
)

__all__ = [
    "PostExportMetric",
    "Tensor",
    "Tensors",
    "auc",
    "auc_plots",
    "calibration",
    "calibration_plot_and_prediction_histogram",
    "confusion_matrix_at_thresholds",
    "example_count",
    "example_weight",
    "fairness_auc",
    "fairness_indicators",
    "mean_absolute_error",
    "mean_squared_error",
    "precision_at_k",
    "recall_at_k",
    "root_mean_squared_error",
    "squared_pearson_correlation",
]

_BUCKETS = 10_000
_TENTHS = tuple(i / 10 for i in range(1, 10))
_Keys = Sequence[str] | None


def example_count(
    target_prediction_keys: _Keys = None,
    labels_key: str | None = None,
    metric_tag: str | None = None,
    tensor_index: int | None = None,
) -> PostExportMetric:
    """The number of examples. Of the predictions and labels only the tag plays a part."""
    target = _target(None, target_prediction_keys, labels_key, metric_tag, tensor_index)
    return _one("example_count", ExampleCount(), target)


def example_weight(example_weight_key: str, metric_tag: str | None = None) -> PostExportMetric:
    """The sum of the examples' weights."""
    target = _target(example_weight_key, None, None, metric_tag, None)
    return _one("example_weight", WeightedExampleCount(), target)


def squared_pearson_correlation(
    example_weight_key: str | None = None,
    target_prediction_keys: _Keys = None,
    labels_key: str | None = None,
    metric_tag: str | None = None,
    tensor_index: int | None = None,
) -> PostExportMetric:
    """The squared weighted correlation of labels and predictions; NaN where either is constant.

    TFMA's metric of this name is 1 - SSE / SST instead, with weights that count twice, and the mean
    label of each batch alone: it changes with the size of batches.
    """
    target = _target(
        example_weight_key, target_prediction_keys, labels_key, metric_tag, tensor_index
    )
    return _bounded("squared_pearson_correlation", SquaredPearsonCorrelation(), target)


def calibration(
    example_weight_key: str | None = None,
    target_prediction_keys: _Keys = None,
    labels_key: str | None = None,
    metric_tag: str | None = None,
    tensor_index: int | None = None,
) -> PostExportMetric:
    """The weighted sum of the predictions over that of the labels.

    TFMA's ignores tensor_index.
    """
    target = _target(
        example_weight_key, target_prediction_keys, labels_key, metric_tag, tensor_index
    )
    return _bounded("calibration", Calibration(), target)


def calibration_plot_and_prediction_histogram(
    example_weight_key: str | None = None,
    num_buckets: int = _BUCKETS,
    target_prediction_keys: _Keys = None,
    labels_key: str | None = None,
    metric_tag: str | None = None,
    tensor_index: int | None = None,
) -> PostExportMetric:
    """A plot: weights, labels and predictions, by buckets of predictions.

    There are `num_buckets` from 0 to 1, each with its lower edge, and one on each side. Predictions
    that are NaN are left out; where TFMA counts them is left to chance.
    """
    name = "calibration_plot_and_prediction_histogram"
    target = _target(
        example_weight_key, target_prediction_keys, labels_key, metric_tag, tensor_index
    )
    return Named(name, target, (("", CalibrationPlot(num_buckets=num_buckets, name=name)),))


def confusion_matrix_at_thresholds(
    thresholds: Sequence[float],
    example_weight_key: str | None = None,
    target_prediction_keys: _Keys = None,
    labels_key: str | None = None,
    metric_tag: str | None = None,
    tensor_index: int | None = None,
) -> PostExportMetric:
    """The confusion matrix at each threshold: predictions greater than it are positive.

    Thresholds become 32-bit numbers, as predictions are: 0.7 is 0.699999988.
    """
    target = _target(
        example_weight_key, target_prediction_keys, labels_key, metric_tag, tensor_index
    )
    name = "confusion_matrix_at_thresholds"
    return _one(name, Matrices(tuple(map(float, thresholds)), name), target)


def auc_plots(
    example_weight_key: str | None = None,
    num_buckets: int = _BUCKETS,
    target_prediction_keys: _Keys = None,
    labels_key: str | None = None,
    metric_tag: str | None = None,
    tensor_index: int | None = None,
) -> PostExportMetric:
    """A plot: confusion matrices at `num_buckets + 1` thresholds from 0 to 1, and one below."""
    target = _target(
        example_weight_key, target_prediction_keys, labels_key, metric_tag, tensor_index
    )
    return Named("auc_plots", target, (("", MatricesPlot(num_buckets)),))


def auc(
    example_weight_key: str | None = None,
    curve: str = "ROC",
    num_buckets: int = _BUCKETS,
    target_prediction_keys: _Keys = None,
    labels_key: str | None = None,
    metric_tag: str | None = None,
    tensor_index: int | None = None,
) -> PostExportMetric:
    """The area under the curve of ROC ("auc") or PR ("auprc"), and between which it lies.

    The curve has `num_buckets + 1` points. The area is by trapezoids for ROC, for PR by the
    interpolation of Davis & Goadrich (2006); its bounds are Riemann sums, of the lower and the
    higher of neighbouring points. A perfect area is 1, where TFMA's is 0.9999998; of one class
    alone there is none, where TFMA's is 0 or 1.
    """
    target = _target(
        example_weight_key, target_prediction_keys, labels_key, metric_tag, tensor_index
    )
    key = "auprc" if curve == "PR" else "auc"
    return Named("auc", target, ((key, BoundedArea(Areas(curve, num_buckets), key)),))


def precision_at_k(
    cutoffs: Sequence[int],
    example_weight_key: str | None = None,
    target_prediction_keys: _Keys = None,
    labels_key: str | None = None,
    metric_tag: str | None = None,
    classes_key: str | None = None,
    probabilities_key: str | None = None,
) -> PostExportMetric:
    """The share of the k classes with the highest predictions that are labels, over all rows.

    Args:
        cutoffs: values of k; 0 is all classes.
        classes_key: predictions `[rows, classes]` that name the classes: strings or numbers. By
            default all_classes or classes, else they are numbered from 0.
        probabilities_key: predictions `[rows, classes]` that rank them; by default
            target_prediction_keys, or probabilities.

    Numbers and strings that spell them are equal, whatever their type: of labels that are floats
    TFMA finds none among classes. Of equal predictions the last ranks first, as in TFMA where
    classes are few; where they are many, there any does.
    """
    target = _target(example_weight_key, target_prediction_keys, labels_key, metric_tag, None)
    return AtK("precision_at_k", target, tuple(cutoffs), False, classes_key, probabilities_key)


def recall_at_k(
    cutoffs: Sequence[int],
    example_weight_key: str | None = None,
    target_prediction_keys: _Keys = None,
    labels_key: str | None = None,
    metric_tag: str | None = None,
    classes_key: str | None = None,
    probabilities_key: str | None = None,
) -> PostExportMetric:
    """The share of the labels that are among the k classes with the highest predictions.

    Arguments and differences are those of `precision_at_k`. A label that is no class counts.
    """
    target = _target(example_weight_key, target_prediction_keys, labels_key, metric_tag, None)
    return AtK("recall_at_k", target, tuple(cutoffs), True, classes_key, probabilities_key)


def mean_absolute_error(
    example_weight_key: str | None = None,
    target_prediction_keys: _Keys = None,
    labels_key: str | None = None,
    metric_tag: str | None = None,
    tensor_index: int | None = None,
) -> PostExportMetric:
    """The weighted mean of |label - prediction|."""
    target = _target(
        example_weight_key, target_prediction_keys, labels_key, metric_tag, tensor_index
    )
    return _one("mean_absolute_error", MeanAbsoluteError(), target)


def mean_squared_error(
    example_weight_key: str | None = None,
    target_prediction_keys: _Keys = None,
    labels_key: str | None = None,
    metric_tag: str | None = None,
    tensor_index: int | None = None,
) -> PostExportMetric:
    """The weighted mean of (label - prediction)²."""
    target = _target(
        example_weight_key, target_prediction_keys, labels_key, metric_tag, tensor_index
    )
    return _one("mean_squared_error", MeanSquaredError(), target)


def root_mean_squared_error(
    example_weight_key: str | None = None,
    target_prediction_keys: _Keys = None,
    labels_key: str | None = None,
    metric_tag: str | None = None,
    tensor_index: int | None = None,
) -> PostExportMetric:
    """The root of the weighted mean of (label - prediction)²."""
    target = _target(
        example_weight_key, target_prediction_keys, labels_key, metric_tag, tensor_index
    )
    return _one("root_mean_squared_error", RootMeanSquaredError(), target)


def fairness_indicators(
    thresholds: Sequence[float] = _TENTHS,
    example_weight_key: str | None = None,
    target_prediction_keys: _Keys = None,
    labels_key: str | None = None,
    metric_tag: str | None = None,
    tensor_index: int | None = None,
) -> PostExportMetric:
    """Eight rates at each threshold, `<rate>@<threshold>`, and the confusion matrices.

    Names of thresholds have as many decimals as the longest needs, and at least two; TFMA's are cut
    short for thresholds below 0.0001.
    """
    target = _target(
        example_weight_key, target_prediction_keys, labels_key, metric_tag, tensor_index
    )
    name = "fairness/confusion_matrix_at_thresholds"
    matrices = Matrices(tuple(map(float, thresholds)), name)
    metrics = ((name, matrices), *fairness.rates(thresholds))
    return Named("fairness_indicators", target, metrics)


def fairness_auc(
    subgroup_key: str,
    example_weight_key: str | None = None,
    num_buckets: int = _BUCKETS,
    target_prediction_keys: _Keys = None,
    labels_key: str | None = None,
    metric_tag: str | None = None,
    tensor_index: int | None = None,
) -> PostExportMetric:
    """Areas under ROC of a subgroup, and of it against the background, as those of `auc`.

    They are of every slice; TFMA gives those of Overall alone.

    `subgroup_auc` is of the subgroup, `bpsn_auc` of the background's positives and the subgroup's
    negatives, `bnsp_auc` of the background's negatives and the subgroup's positives. As in TFMA
    their keys, `post_export_metrics/fairness/auc/<area>/<subgroup>`, are without the tag.

    Args:
        subgroup_key: a feature that is a number, and not 0 for those of the subgroup.
    """
    target = _target(
        example_weight_key, target_prediction_keys, labels_key, metric_tag, tensor_index
    )
    metrics = tuple(fairness.group_areas(subgroup_key, num_buckets))
    return Named("fairness_auc", target, metrics, is_tagged=False)


def _target(
    example_weight_key: str | None,
    target_prediction_keys: _Keys,
    labels_key: str | None,
    metric_tag: str | None,
    tensor_index: int | None,
) -> Target:
    return Target(
        example_weight_key,
        tuple(target_prediction_keys or ()),
        labels_key,
        metric_tag,
        tensor_index,
    )


def _one(name: str, metric: Metric, target: Target) -> PostExportMetric:
    return Named(name, target, ((name, metric),))


def _bounded(name: str, metric: Metric, target: Target) -> PostExportMetric:
    return _one(name, Bounded(metric, name), target)
