"""From metrics as objects to the `metrics_specs` of a config, as TFMA's users write them.

Synopsis:

    from microtome import metrics

    config = microtome.EvalConfig(
        metrics_specs=metrics.specs_from_metrics([metrics.AUC(), tf.keras.metrics.Poisson()])
    )
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from microtome.errors import ConfigError
from microtome.metrics.calibration import CalibrationPlot
from microtome.metrics.classes import MultiClassConfusionMatrixPlot
from microtome.metrics.confusion import BinaryAccuracy, Precision, Recall
from microtome.metrics.curves import AUC
from microtome.metrics.matrices import ConfusionMatrixPlot
from microtome.metrics.means import (
    Calibration,
    ExampleCount,
    MeanLabel,
    MeanPrediction,
    WeightedExampleCount,
)
from microtome.metrics.metric import Metric
from microtome.metrics.regression import MeanSquaredError
from microtome.proto.config_pb2 import (
    AggregationOptions,
    BinarizationOptions,
    ExampleWeightOptions,
    MetricConfig,
    MetricsSpec,
)

_List: TypeAlias = Sequence[Any]
# what is told of all outputs, or by output
Metrics: TypeAlias = _List | Mapping[str, _List] | None


def specs_from_metrics(
    metrics: Metrics = None,
    unweighted_metrics: Metrics = None,
    model_names: Sequence[str] = (),
    output_names: Sequence[str] = (),
    binarize: BinarizationOptions | None = None,
    aggregate: AggregationOptions | None = None,
    query_key: str | None = None,
    include_example_count: bool = True,
    include_weighted_example_count: bool = True,
) -> list[MetricsSpec]:
    """The specs of metrics.

    Args:
        metrics: metrics of Microtome's or of Keras', and losses of Keras'; or such by output.
        unweighted_metrics: those for which each example counts 1.
        model_names, output_names: the models and outputs; none: all.
        binarize, aggregate: the classes.
        query_key: the feature by which rows belong to queries.
        include_example_count, include_weighted_example_count: whether examples and their weights
            are counted, too.

    Raises:
        ConfigError: one of the metrics is no metric.
    """
    counts = []
    if include_example_count:
        counts.append(_spec([ExampleCount()], model_names, example_weights=_UNWEIGHTED))
    if include_weighted_example_count:
        weighted = ExampleWeightOptions(weighted=True)
        counts.append(
            _spec([WeightedExampleCount()], model_names, output_names, example_weights=weighted)
        )
    chosen = {"binarize": binarize, "aggregate": aggregate, "query_key": query_key}
    return [
        *counts,
        *_of_outputs(metrics, model_names, output_names, chosen),
        *_of_outputs(
            unweighted_metrics,
            model_names,
            output_names,
            {**chosen, "example_weights": _UNWEIGHTED},
        ),
    ]


def default_regression_specs(
    model_names: Sequence[str] = (), output_names: Sequence[str] = ()
) -> list[MetricsSpec]:
    """What one looks at first where numbers are predicted."""
    metrics = [MeanLabel(), MeanPrediction(), Calibration(), MeanSquaredError(name="mse")]
    return specs_from_metrics(metrics, None, model_names, output_names)


def default_binary_classification_specs(
    model_names: Sequence[str] = (),
    output_names: Sequence[str] = (),
    binarize: BinarizationOptions | None = None,
    aggregate: AggregationOptions | None = None,
) -> list[MetricsSpec]:
    """What one looks at first where one of two classes is predicted, or classes one by one."""
    return specs_from_metrics(_OF_TWO, None, model_names, output_names, binarize, aggregate)


def default_multi_class_classification_specs(
    model_names: Sequence[str] = (),
    output_names: Sequence[str] = (),
    binarize: BinarizationOptions | None = None,
    aggregate: AggregationOptions | None = None,
) -> list[MetricsSpec]:
    """What one looks at first where one of several classes is predicted.

    Labels are numbers of classes. Where neither binarize nor aggregate is given, classes are
    averaged by `micro_average`.
    """
    if binarize is None and aggregate is None:
        aggregate = AggregationOptions(micro_average=True)
    of_classes = MetricsSpec(
        metrics=[
            MetricConfig(class_name="SparseCategoricalCrossentropy", config='{"name": "loss"}'),
            MetricConfig(class_name="SparseCategoricalAccuracy", config='{"name": "accuracy"}'),
            _config(MultiClassConfusionMatrixPlot()),
        ],
        model_names=model_names,
        output_names=output_names,
    )
    one_by_one = default_binary_classification_specs(model_names, output_names, binarize, aggregate)
    return [of_classes, *one_by_one]


_UNWEIGHTED = ExampleWeightOptions(unweighted=True)
_OF_TWO = (
    BinaryAccuracy(),
    AUC(),
    AUC(curve="PR", name="auc_precision_recall"),
    Precision(),
    Recall(),
    MeanLabel(),
    MeanPrediction(),
    Calibration(),
    ConfusionMatrixPlot(),
    CalibrationPlot(),
)


def _of_outputs(
    metrics: Metrics,
    model_names: Sequence[str],
    output_names: Sequence[str],
    further: Mapping[str, Any],
) -> list[MetricsSpec]:
    if not metrics:
        return []
    if isinstance(metrics, Mapping):
        return [
            _spec(of_output, model_names, [output], **further)
            for output, of_output in metrics.items()
        ]
    return [_spec(metrics, model_names, output_names, **further)]


def _spec(
    metrics: _List,
    model_names: Sequence[str],
    output_names: Sequence[str] = (),
    **further: Any,
) -> MetricsSpec:
    return MetricsSpec(
        metrics=[_config(metric) for metric in metrics],
        model_names=model_names,
        output_names=output_names,
        **further,
    )


def _config(metric: Any) -> MetricConfig:
    kind = type(metric)
    if isinstance(metric, Metric):
        own = dataclasses.fields(metric)  # type: ignore[arg-type]
        settings = {field.name: getattr(metric, field.name) for field in own}
        said = {name: value for name, value in settings.items() if value is not None}
        is_ours = kind.__module__.startswith(f"{__package__}.")
        module = "" if is_ours else kind.__module__
    elif callable(getattr(metric, "get_config", None)):
        module = kind.__module__
        # a loss of Keras tells more than it takes, and how it is reduced: here by the mean
        taken = set(inspect.signature(kind).parameters) - {"reduction"}
        said = {name: value for name, value in metric.get_config().items() if name in taken}
    else:
        raise ConfigError(
            f"{metric!r} is no metric: give objects of microtome.metrics, such as "
            "microtome.metrics.AUC(), or of tf.keras.metrics or tf.keras.losses."
        )
    return MetricConfig(
        class_name=kind.__name__, module=module, config=json.dumps(said, sort_keys=True)
    )
