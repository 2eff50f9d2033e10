"""From the `metrics_specs` of a config to the metrics that are computed.

Synopsis:

    columns = ModelColumns(labels={"": LABEL}, predictions={"": PREDICTION}, weights={})
    collection = Collection(computations(config.metrics_specs, [columns]))
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from microtome.errors import ConfigError
from microtome.messages import nearest
from microtome.metrics.collection import Computation
from microtome.metrics.histogram import Thresholds
from microtome.metrics.keys import MetricKey, SubKey
from microtome.metrics.metric import Metric, make_metric
from microtome.metrics.views import FEATURES, Source, View
from microtome.proto import config_pb2

# settings of a metric that choose classes
_CLASSES = ("class_id", "k", "top_k")
_UNNAMED = ("calibration_plot", "confusion_matrix_plot")
# makes a metric of a class name, a module and settings
MakeMetric = Callable[[str, str, Mapping[str, Any]], Metric]


@dataclass(frozen=True)
class ModelColumns:
    """Where the labels, predictions and weights of a model stand.

    Attributes:
        labels, predictions, weights: by output; "" for the only one. Where an output has no label
            or weight of its own, that of "" is its.
        name: the model's, among several.
        is_baseline: whether others are compared with it.
        features_of: whose the features are that metrics name; "" for the data's.
    """

    labels: Mapping[str, Source]
    predictions: Mapping[str, Source]
    weights: Mapping[str, Source]
    name: str = ""
    is_baseline: bool = False
    features_of: str = ""

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs."""
        return sorted(self.predictions) or [""]

    def of(self, columns: Mapping[str, Source], output: str) -> Source | None:
        """The column of an output."""
        return columns.get(output, columns.get(""))


def registered_metric(class_name: str, module: str, settings: Mapping[str, Any]) -> Metric:
    """A metric of a registered class.

    Raises:
        ConfigError: there is no such class, or it does not take the settings.
    """
    del module
    return make_metric(class_name, settings)


def computations(
    specs: Sequence[config_pb2.MetricsSpec],
    models: Sequence[ModelColumns],
    make: MakeMetric = registered_metric,
) -> tuple[Computation, ...]:
    """All that the specs ask for, each key once.

    Args:
        models: those of the config.
        make: makes a metric.

    Raises:
        ConfigError: names all that is wrong, by field.
    """
    found: dict[Any, Computation] = {}
    problems = []
    for place, spec in _numbered("metrics_specs", specs):
        for metric_place, config in _numbered(f"{place}.metrics", spec.metrics):
            try:
                for computation in computations_of(spec, config, models, make):
                    metric = computation.metric
                    place_of_key = computation.key, metric.is_plot and metric
                    if found.setdefault(place_of_key, computation) != computation:
                        raise ConfigError(
                            f"another metric is called {metric.name!r}, too; give one of them a "
                            "name of its own in its config."
                        )
            except ConfigError as error:
                problems.append(f"{metric_place}: {error}")
    if problems:
        raise ConfigError("\n  ".join(["The metrics cannot be computed:", *problems]))
    return tuple(found.values())


def comparison_name(
    config: config_pb2.MetricConfig, make: MakeMetric = registered_metric
) -> str | None:
    """The name of a metric of a config that compares a model with a baseline.

    Returns:
        None for others, and for what is wrong.
    """
    try:
        metric, _ = _metric(config, make)
    except ConfigError:
        return None
    return metric.name if metric.needs_baseline else None


def computations_of(
    spec: config_pb2.MetricsSpec,
    config: config_pb2.MetricConfig,
    models: Sequence[ModelColumns],
    make: MakeMetric = registered_metric,
) -> list[Computation]:
    """What one metric of a spec asks for.

    Raises:
        ConfigError: says what is wrong.
    """
    metric, chosen = _metric(config, make)
    return list(_of_metric(spec, metric, chosen, models))


def chosen_models(
    spec: config_pb2.MetricsSpec, models: Sequence[ModelColumns]
) -> list[ModelColumns]:
    """The models that a spec is of.

    Raises:
        ConfigError: it names one that is not there.
    """
    wanted = [name for name in spec.model_names if name or len(models) > 1]
    known = [model.name for model in models]
    for name in wanted:
        if name not in known:
            there = ", ".join(map(repr, known))
            raise ConfigError(
                f"model_names: there is no model {name!r}{nearest(name, known)}; there is: {there}."
            )
    return [model for model in models if not wanted or model.name in wanted]


def _numbered(place: str, items: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for number, item in enumerate(items):
        yield f"{place}[{number}]", item


def _metric(config: config_pb2.MetricConfig, make: MakeMetric) -> tuple[Metric, SubKey]:
    """A metric, and the classes that its own settings choose."""
    if not config.class_name:
        raise ConfigError("it names no class; set class_name.")
    settings = _settings(config)
    chosen = SubKey(**{name: settings.pop(name, None) for name in _CLASSES})
    for name, value in chosen._asdict().items():
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise ConfigError(f"config: {name} is {value!r}; it must be an integer.")
    try:
        return make(config.class_name, config.module, settings), chosen
    except (TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"config: {config.class_name} refuses {settings}: {error}") from error


def _settings(config: config_pb2.MetricConfig) -> dict[str, Any]:
    """The settings in JSON, whose braces may be left out."""
    text = config.config.strip()
    try:
        settings = json.loads(text if text.startswith("{") else f"{{{text}}}")
    except ValueError as error:
        raise ConfigError(
            f"config: {config.config!r} is no JSON object of settings: {error}"
        ) from error
    return dict(settings)


def _of_metric(
    spec: config_pb2.MetricsSpec,
    metric: Metric,
    chosen: SubKey,
    models: Sequence[ModelColumns],
) -> Iterator[Computation]:
    compared = chosen_models(spec, models)
    baseline = next((model for model in models if model.is_baseline), None)
    if metric.needs_baseline:
        if baseline is None:
            raise ConfigError(
                f"{metric.name} compares models; mark one of model_specs with is_baseline: true."
            )
        compared = [model for model in compared if not model.is_baseline]
    for model in compared:
        for output in _chosen_outputs(spec, model):
            for is_weighted in _weightings(spec, model, output):
                view = _view(metric, model, output, is_weighted, baseline)
                if metric.by_query:
                    view = _of_queries(spec, metric, view)
                # plots that have no names of their own share a message, as in TFMA
                name = "" if metric.name in _UNNAMED else metric.name
                key = MetricKey(
                    name,
                    model.name,
                    output,
                    example_weighted=is_weighted,
                    is_diff=metric.needs_baseline,
                )
                if spec.aggregate.weighted_macro_average and view.label is None:
                    # classes count as often as they are labels
                    view = dataclasses.replace(view, label=_label(metric, model, output))
                yield from _of_view(spec, metric, chosen, key, view)


def _chosen_outputs(spec: config_pb2.MetricsSpec, model: ModelColumns) -> list[str]:
    wanted = list(spec.output_names) or model.outputs
    for name in wanted:
        if name not in model.outputs:
            there = ", ".join(map(repr, model.outputs))
            raise ConfigError(
                f"output_names: the model has no output {name!r}{nearest(name, model.outputs)}; "
                f"it has: {there}."
            )
    return wanted


def _weightings(spec: config_pb2.MetricsSpec, model: ModelColumns, output: str) -> list[bool]:
    options = spec.example_weights
    if not (options.weighted or options.unweighted):
        return [model.of(model.weights, output) is not None]
    # weighted examples that have no weights count 1, as in TFMA, whose default specs ask for them
    return [*([True] if options.weighted else []), *([False] if options.unweighted else [])]


def _view(
    metric: Metric,
    model: ModelColumns,
    output: str,
    is_weighted: bool,
    baseline: ModelColumns | None,
) -> View:
    label = _label(metric, model, output) if metric.needs_labels else None
    # labels alone do not tell of how many classes they are
    is_looked_at = metric.needs_predictions or (metric.needs_labels and not metric.by_query)
    prediction = model.of(model.predictions, output) if is_looked_at else None
    if metric.needs_predictions and prediction is None:
        raise ConfigError(
            f"{metric.name} needs predictions; set prediction_key in model_specs, or give a model."
        )
    compared = None
    if metric.needs_baseline and baseline is not None:
        compared = baseline.of(baseline.predictions, output)
    return View(
        label=label,
        prediction=prediction,
        weight=model.of(model.weights, output) if is_weighted else None,
        baseline=compared,
        features=tuple(Source(FEATURES, name, model.features_of) for name in metric.features),
        of_classes=metric.of_classes,
        # of several classes, each is looked at unless some are chosen
        is_flattened=prediction is not None and not metric.of_classes,
    )


def _label(metric: Metric, model: ModelColumns, output: str) -> Source:
    label = model.of(model.labels, output)
    if label is None:
        raise ConfigError(f"{metric.name} needs labels; set label_key in model_specs.")
    return label


def _of_queries(spec: config_pb2.MetricsSpec, metric: Metric, view: View) -> View:
    if not spec.query_key:
        raise ConfigError(
            f"{metric.name} is of the results of queries; set query_key in its metrics_specs, the "
            "feature that is equal for all rows of a query."
        )
    return dataclasses.replace(view, query=spec.query_key, is_flattened=False)


def _of_view(
    spec: config_pb2.MetricsSpec, metric: Metric, chosen: SubKey, key: MetricKey, view: View
) -> Iterator[Computation]:
    if metric.of_classes:
        yield Computation(key, metric, (view,))
        return
    if chosen != SubKey():
        yield _of_classes(metric, key, view, chosen)
        return
    kind = spec.aggregate.WhichOneof("type")
    sub_keys = list(_sub_keys(spec.binarize))
    if kind is None or not getattr(spec.aggregate, kind):
        if spec.aggregate.class_weights or spec.aggregate.HasField("top_k_list"):
            raise ConfigError(
                "aggregate names classes, but not how they are averaged; set micro_average, "
                "macro_average or weighted_macro_average."
            )
        for sub_key in sub_keys or [SubKey()]:
            yield _of_classes(metric, key, view, sub_key)
        return
    if kind == "micro_average":
        yield from _micro(spec, metric, key, view)
        for sub_key in sub_keys:
            yield _of_classes(metric, key, view, sub_key)
        return
    if spec.binarize.k_list.values or spec.binarize.top_k_list.values:
        raise ConfigError(
            f"binarize.k_list and top_k_list cannot stand beside aggregate.{kind}; put them into "
            "metrics_specs of their own, or use aggregate.top_k_list."
        )
    yield from _macro(spec, metric, key._replace(aggregation=kind), view, sub_keys)


def _sub_keys(options: config_pb2.BinarizationOptions) -> Iterator[SubKey]:
    yield from (SubKey(class_id=number) for number in options.class_ids.values)
    yield from (SubKey(k=number) for number in options.k_list.values)
    yield from (SubKey(top_k=number) for number in options.top_k_list.values)


def _of_classes(metric: Metric, key: MetricKey, view: View, sub_key: SubKey) -> Computation:
    if sub_key.k is not None and sub_key != SubKey(k=sub_key.k):
        raise ConfigError("k chooses one class; class_id and top_k cannot stand beside it.")
    if sub_key.k is not None and metric.needs_baseline:
        raise ConfigError(
            f"k: {metric.name} compares the same class of two models; choose it by class_id."
        )
    for name, least in (("class_id", 0), ("k", 1), ("top_k", 1)):
        number = getattr(sub_key, name)
        if number is not None and number < least:
            raise ConfigError(f"{name} is {number}; it must be at least {least}.")
    seen = dataclasses.replace(view, **sub_key._asdict())
    adapted = metric if sub_key.top_k is None else metric.for_top_k()
    return Computation(key._replace(sub_key=sub_key), adapted, (seen,))


def _micro(
    spec: config_pb2.MetricsSpec, metric: Metric, key: MetricKey, view: View
) -> Iterator[Computation]:
    weights = tuple(sorted(spec.aggregate.class_weights.items())) or None
    seen = dataclasses.replace(view, class_weights=weights)
    # what is not of thresholds is the same whether averaged or not
    if any(isinstance(part, Thresholds) for part in metric.parts):
        key = key._replace(aggregation="micro_average")
    tops = list(spec.aggregate.top_k_list.values)
    for sub_key in [SubKey(top_k=top) for top in tops] or [SubKey()]:
        yield _of_classes(metric, key, seen, sub_key)


def _macro(
    spec: config_pb2.MetricsSpec,
    metric: Metric,
    key: MetricKey,
    view: View,
    sub_keys: Iterable[SubKey],
) -> Iterator[Computation]:
    named = [sub_key.class_id for sub_key in sub_keys if sub_key.class_id is not None]
    weights = dict(sorted(spec.aggregate.class_weights.items())) or dict.fromkeys(named, 1.0)
    if not weights:
        raise ConfigError(
            f"aggregate.{key.aggregation}: name the classes to average over, in "
            "aggregate.class_weights or binarize.class_ids."
        )
    tops: list[int | None] = list(spec.aggregate.top_k_list.values) or [None]
    for top in tops:
        adapted = metric if top is None else metric.for_top_k()
        views = tuple(dataclasses.replace(view, class_id=c, top_k=top) for c in weights)
        yield Computation(
            key._replace(sub_key=SubKey(top_k=top)),
            adapted,
            views,
            tuple(weights.values()),
            by_labels=key.aggregation == "weighted_macro_average",
        )
    if spec.binarize.class_ids.values:
        plain = key._replace(aggregation="")
        for class_id in dict.fromkeys(itertools.chain(named)):
            yield _of_classes(metric, plain, view, SubKey(class_id=class_id))
