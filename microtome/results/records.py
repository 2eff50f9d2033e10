"""What the records of result files say, in the JSON form of `EvalResult`.

Records come in two forms: those of an EvalSavedModel's own metrics are maps by metric name; others
have keys with output, class and model. Both are read into `{output_name: {sub_key: {metric_name:
value}}}`.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from google.protobuf import json_format

from microtome.proto import result_pb2
from microtome.results.metric_keys import (
    MetricName,
    metric_key_from_proto,
    metric_key_to_proto,
)
from microtome.results.values import JsonValue, number_of, to_json
from microtome.statistics.intervals import Bounds

# {output_name: {sub_key: {metric_name: value}}}
Metrics: TypeAlias = dict[str, dict[str, dict[str, JsonValue]]]
# {output_name: {sub_key: plots}}
Plots: TypeAlias = dict[str, dict[str, dict[str, Any]]]
# {output_name: {sub_key: {metric_name: {feature: value}}}}
Attributions: TypeAlias = dict[str, dict[str, dict[str, dict[str, JsonValue]]]]

# The count of a slice's examples: as in-graph metrics name it, and other metrics.
EXAMPLE_COUNTS = ("post_export_metrics/example_count", "example_count")
# The only metric of a slice that has too few examples to be shown: a text that says so.
WITHHELD = "__ERROR__"
_PLOT_FIELDS = tuple(field.json_name for field in result_pb2.PlotData.DESCRIPTOR.fields)


class NamedValue(NamedTuple):
    """One metric of one slice.

    Attributes:
        model_name: The model's name; empty for the only model.
        output_name: The model's output; empty for the only output.
        sub_key: Class or rank, as `sub_key_text` gives it; empty for the whole output.
        name: The metric.
        message: Its value.
        interval: The confidence interval of the value.
    """

    model_name: str
    output_name: str
    sub_key: str
    name: str
    message: result_pb2.MetricValue
    interval: result_pb2.ConfidenceInterval | None

    def value(self) -> JsonValue:
        """The value in JSON. A number with both bounds of an interval is a bounded value."""
        value = to_json(self.message)
        if self.interval is None or "doubleValue" not in value:
            return value
        lower, upper = to_json(self.interval.lower_bound), to_json(self.interval.upper_bound)
        if "doubleValue" not in lower or "doubleValue" not in upper:
            return value
        bounds = {"lowerBound": lower["doubleValue"], "upperBound": upper["doubleValue"]}
        return {"boundedValue": {**bounds, "value": value["doubleValue"]}}

    def bounds(self) -> Bounds | None:
        """The confidence interval of a number; None where there is none."""
        interval = self.interval
        if interval is None or self.message.WhichOneof("type") != "double_value":
            return None
        parts = interval.lower_bound, interval.upper_bound, interval.standard_error
        lower, upper, error = (part.double_value.value for part in parts)
        return Bounds(lower, upper, error, interval.degrees_of_freedom.value or None)


class MetricPlace(NamedTuple):
    """Where the values of a metric stand in results: see the attributes of `NamedValue`."""

    model_name: str
    output_name: str
    sub_key: str
    metric: str


def place_of(metric: MetricName) -> MetricPlace:
    """The place of a metric's values."""
    if isinstance(metric, str):
        return MetricPlace("", "", "", metric)
    key = metric_key_to_proto(metric)
    return MetricPlace(key.model_name, key.output_name, sub_key_text(key.sub_key), metric_name(key))


def places_of(metrics: Sequence[MetricName]) -> list[MetricPlace]:
    """The places of a slice's metrics.

    Where those of several have the same, their names tell whether examples are weighted.
    """
    places = list(map(place_of, metrics))
    taken = collections.Counter(places)
    return [
        _told_apart(place, metric) if taken[place] > 1 else place
        for place, metric in zip(places, metrics, strict=True)
    ]


def _told_apart(place: MetricPlace, metric: MetricName) -> MetricPlace:
    if isinstance(metric, str) or metric.example_weighted is None:
        return place
    how = "weighted" if metric.example_weighted else "unweighted"
    return place._replace(metric=f"{place.metric} ({how})")


def named_values(record: result_pb2.MetricsForSlice) -> Iterator[NamedValue]:
    """All metrics of a slice, those with keys last."""
    names = sorted(record.metrics)
    items = record.metric_keys_and_values
    places = places_of([*names, *(metric_key_from_proto(item.key) for item in items)])
    for name in names:
        yield NamedValue("", "", "", name, record.metrics[name], None)
    for item, place in zip(items, places[len(names) :], strict=True):
        interval = item.confidence_interval if item.HasField("confidence_interval") else None
        yield NamedValue(*place, item.value, interval)


def metrics_of(record: result_pb2.MetricsForSlice, model_name: str | None) -> Metrics | None:
    """The metrics of one model in a slice; None where the slice has only others' metrics.

    Args:
        record: The slice's record.
        model_name: The model; None for all. What names no model belongs to each.
    """
    if record.metrics and not record.metric_keys_and_values:
        # what is in the map belongs to every model: the same as below, faster
        values = record.metrics
        return {"": {"": {name: to_json(values[name]) for name in sorted(values)}}}
    metrics: Metrics = {}
    empty = True
    for item in named_values(record):
        empty = False
        if is_of_model(item.model_name, model_name):
            outputs = metrics.setdefault(item.output_name, {})
            outputs.setdefault(item.sub_key, {})[item.name] = item.value()
    return metrics if metrics or empty else None


def plots_of(record: result_pb2.PlotsForSlice, model_name: str | None) -> Plots | None:
    """The plots of one model in a slice, by name where a map has several.

    See `metrics_of`.
    """
    plots: Plots = {}
    named = {name: _to_dict(record.plots[name]) for name in sorted(record.plots)}
    if len(named) > 1:
        plots[""] = {"": named}
    elif named:
        plots[""] = {"": next(iter(named.values()))}
    elif record.HasField("plot_data"):
        plots[""] = {"": _to_dict(record.plot_data)}
    keyed: dict[tuple[str, str], dict[str, Any]] = {}
    for item in record.plot_keys_and_values:
        if is_of_model(item.key.model_name, model_name):
            where = item.key.output_name, sub_key_text(item.key.sub_key)
            keyed.setdefault(where, {})[item.key.name] = _to_dict(item.value)
    for (output, sub_key), by_name in keyed.items():
        one = next(iter(by_name.values())) if len(by_name) == 1 else by_name
        plots.setdefault(output, {})[sub_key] = one
    return plots if plots or not record.plot_keys_and_values else None


def attributions_of(
    record: result_pb2.AttributionsForSlice, model_name: str | None
) -> Attributions | None:
    """The attributions of one model in a slice. See `metrics_of`."""
    attributions: Attributions = {}
    for item in record.attributions_keys_and_values:
        key = item.key
        if is_of_model(key.model_name, model_name):
            outputs = attributions.setdefault(key.output_name, {})
            name = f"{key.name}_diff" if key.is_diff else key.name
            features = {feature: to_json(item.values[feature]) for feature in sorted(item.values)}
            outputs.setdefault(sub_key_text(key.sub_key), {})[name] = features
    return attributions if attributions or not record.attributions_keys_and_values else None


def withheld(metrics: Metrics) -> str | None:
    """Why a slice's metrics are withheld; None if they are not."""
    for sub_keys in metrics.values():
        for named in sub_keys.values():
            if WITHHELD in named:
                why = named[WITHHELD].get("debugMessage")
                return str(why or "it has fewer examples than min_slice_size")
    return None


def is_plot_data(data: Mapping[str, Any]) -> bool:
    """Whether this is the data of a plot, rather than plots by name."""
    return any(field in data for field in _PLOT_FIELDS)


def named_plots(plots: Plots) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Output, sub-key, name and data of each plot of a slice; the name is mostly empty."""
    for output, sub_keys in plots.items():
        for sub_key, data in sub_keys.items():
            named = {"": data} if not data or is_plot_data(data) else data
            for name, one in named.items():
                yield output, sub_key, name, one


def example_count(items: Iterable[NamedValue]) -> float | None:
    """The number of a slice's examples; None where no metric says it."""
    counts = [item for item in items if item.name in EXAMPLE_COUNTS]
    first = min(counts, key=lambda item: (item.output_name, item.sub_key), default=None)
    return None if first is None else number_of(first.value())


def size_of(record: result_pb2.MetricsForSlice) -> float:
    """By how much a slice matters: its examples; Overall above all, an unknown count below."""
    if not record.slice_key.single_slice_keys and not record.HasField("cross_slice_key"):
        return float("inf")
    if EXAMPLE_COUNTS[0] in record.metrics:
        count = float(record.metrics[EXAMPLE_COUNTS[0]].double_value.value)
    else:
        count = example_count(named_values(record)) or 0.0
    # NaN cannot be ordered
    return count if count == count else 0.0


def sub_key_text(sub_key: result_pb2.SubKey) -> str:
    """A sub-key as text, such as `classId:3 topK:5`."""
    parts = [
        f"{field.json_name}:{getattr(sub_key, field.name).value}"
        for field in sub_key.DESCRIPTOR.fields
        if sub_key.HasField(field.name)
    ]
    return " ".join(parts)


def label(output_name: str, sub_key: str, name: str) -> str:
    """One name for a metric of an output and class: `output/metric (classId:3)`."""
    path = f"{output_name}/{name}" if output_name else name
    return f"{path} ({sub_key})" if sub_key else path


def is_of_model(name: str, wanted: str | None) -> bool:
    """Whether a model's name is the wanted one; what names no model belongs to each."""
    return wanted is None or not name or name == wanted


def metric_name(key: result_pb2.MetricKey) -> str:
    """A metric's name; `_diff` at its end where it is a difference, its aggregation before."""
    kind = key.aggregation_type.WhichOneof("type") if key.HasField("aggregation_type") else None
    name = f"{kind}_{key.name}" if kind else key.name
    return f"{name}_diff" if key.is_diff else name


def _to_dict(data: result_pb2.PlotData) -> dict[str, Any]:
    return dict(json_format.MessageToDict(data))
