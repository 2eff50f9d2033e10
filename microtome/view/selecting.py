"""Which slices, plots and attributions of a result a view is asked for, by TFMA's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, cast

from google.protobuf.message import Message

from microtome.errors import ConfigError
from microtome.messages import nearest
from microtome.proto import config_pb2
from microtome.results.eval_result import EvalResult
from microtome.results.records import Metrics, Plots, is_plot_data
from microtome.results.slice_keys import AnySliceKey, is_cross_slice_key, short_key, slice_text
from microtome.slicing.keys import SliceKey
from microtome.slicing.spec import SingleSliceSpec

Keep: TypeAlias = Callable[[AnySliceKey], bool]
SliceSpec: TypeAlias = "SingleSliceSpec | config_pb2.SlicingSpec"


def keeping(
    keys: Iterable[AnySliceKey],
    slicing_column: str | None,
    slicing_spec: SliceSpec | None,
    with_overall: bool = False,
) -> Keep:
    """Which slices a view shows.

    Args:
        keys: All slices.
        slicing_column: Those of each value of this feature alone.
        slicing_spec: Those that the spec makes; counts before slicing_column.
        with_overall: Overall too. Without column and spec: all slices, otherwise Overall only.

    Raises:
        ConfigError: No slice is wanted that there is.
    """
    known = list(keys)
    if slicing_spec is not None:
        spec = as_spec(slicing_spec)
        wanted: Keep = _matching(spec)
        what = f"matches the slicing_spec {spec!r}"
    elif slicing_column is not None:
        wanted = _of_column(slicing_column)
        what = f"is one of each value of {slicing_column!r} alone"
    elif with_overall:
        return lambda _: True
    else:
        wanted, what = _is_overall, "is the whole data"
    if not any(map(wanted, known)):
        raise ConfigError(f"No slice {what}{_columns_there(known, slicing_column)}")
    return (lambda key: _is_overall(key) or wanted(key)) if with_overall else wanted


def only_one(keys: Iterable[AnySliceKey], keep: Keep) -> AnySliceKey:
    """The one slice that is wanted.

    Raises:
        ConfigError: There are several; says which.
    """
    found = list(dict.fromkeys(key for key in keys if keep(key)))
    if len(found) > 1:
        shown = ", ".join(slice_text(short_key(key)) for key in found[:5])
        raise ConfigError(
            f"The slicing_spec matches {len(found)} slices, such as {shown}. Plots are of one "
            "slice: name each feature's value, as in "
            'SingleSliceSpec(features=[("carrier", "UA")]).'
        )
    return found[0]


def as_spec(spec: Any) -> SingleSliceSpec:
    """A slicing spec in any of its forms.

    Raises:
        ConfigError: It is none.
    """
    if isinstance(spec, SingleSliceSpec):
        return spec
    if isinstance(spec, Message) and spec.DESCRIPTOR.name == "SlicingSpec":
        # TFMA's message has the same form
        return SingleSliceSpec.from_proto(
            config_pb2.SlicingSpec.FromString(spec.SerializeToString())
        )
    raise ConfigError(
        f"slicing_spec must be a microtome.SingleSliceSpec or a SlicingSpec; it is {spec!r:.80}."
    )


def sub_key_text(class_id: int | None, k: int | None, top_k: int | None) -> str | None:
    """The text of a class or rank; None if neither is given.

    Raises:
        ConfigError: k stands beside another.
    """
    if k is not None and (class_id is not None or top_k is not None):
        raise ConfigError(f"k={k} cannot stand beside class_id={class_id} or top_k={top_k}.")
    parts = {"classId": class_id, "k": k, "topK": top_k}
    return " ".join(f"{name}:{value}" for name, value in parts.items() if value is not None) or None


def plots_wanted(
    plots: Plots, output_name: str | None, sub_key: str | None, label: str | None
) -> Plots:
    """Those plots of a slice that are of an output and class, and whose name has a label in it.

    Raises:
        ConfigError: There is none; says what there is.
    """
    found: Plots = {}
    for output, one_sub_key, data in _flat(plots):
        if output_name not in (None, output) or sub_key not in (None, one_sub_key):
            continue
        if label is not None and label not in f"{output}/{one_sub_key}":
            named = {} if is_plot_data(data) else data
            data = {name: one for name, one in named.items() if label in name}
            if not data:
                continue
        found.setdefault(output, {})[one_sub_key] = data
    if not found:
        there = ", ".join(f"output {o!r} sub-key {s!r}" for o, s, _ in _flat(plots)) or "none"
        raise ConfigError(
            f"The slice has no plot of output {output_name!r}, sub-key {sub_key!r}, label "
            f"{label!r}; there is: {there}."
        )
    return found


def attributions_as_metrics(result: EvalResult, metric_name: str | None) -> EvalResult:
    """A result whose metrics are the features that a metric is attributed to.

    The numbers of examples stay metrics.

    Raises:
        ConfigError: There are no attributions of the metric, or of several and none is named.
    """
    known = sorted(
        {
            name
            for _, outputs in result.attributions
            for sub_keys in outputs.values()
            for named in sub_keys.values()
            for name in named
        }
    )
    if not known:
        raise ConfigError("The result has no attributions.")
    if metric_name is None and len(known) > 1:
        raise ConfigError(f"Name one metric_name of those with attributions: {', '.join(known)}.")
    wanted = known[0] if metric_name is None else metric_name
    if wanted not in known:
        raise ConfigError(
            f"No attributions are of {wanted!r}{nearest(wanted, known)}; there are of: "
            f"{', '.join(known)}."
        )
    counts = dict(result.slicing_metrics)
    converted: list[tuple[AnySliceKey, Metrics]] = []
    for key, outputs in result.attributions:
        metrics = _counts_only(counts.get(key, {}))
        for output, sub_keys in outputs.items():
            for sub_key, named in sub_keys.items():
                features = named.get(wanted, {})
                metrics.setdefault(output, {}).setdefault(sub_key, {}).update(features)
        converted.append((key, metrics))
    return EvalResult(
        slicing_metrics=converted,
        config=result.config,
        data_location=result.data_location,
        file_format=result.file_format,
        model_location=result.model_location,
        run_info=result.run_info,
    )


def _counts_only(metrics: Metrics) -> Metrics:
    return {
        output: {
            sub_key: {
                name: value
                for name, value in named.items()
                if name.rpartition("/")[2].endswith(("example_count", "example_weight"))
            }
            for sub_key, named in sub_keys.items()
        }
        for output, sub_keys in metrics.items()
    }


def _flat(plots: Plots) -> Iterator[tuple[str, str, Any]]:
    for output, sub_keys in plots.items():
        for sub_key, data in sub_keys.items():
            yield output, sub_key, data


def _matching(spec: SingleSliceSpec) -> Keep:
    return lambda key: not is_cross_slice_key(key) and spec.is_slice_applicable(cast(SliceKey, key))


def _of_column(column: str) -> Keep:
    return lambda key: (
        len(key) == 1 and not is_cross_slice_key(key) and cast(SliceKey, key)[0][0] == column
    )


def _is_overall(key: AnySliceKey) -> bool:
    return key == ()


def _columns_there(keys: Iterable[AnySliceKey], column: str | None) -> str:
    there = sorted(
        {
            " × ".join(column for column, _ in cast(SliceKey, key)) or "Overall"
            for key in keys
            if not is_cross_slice_key(key)
        }
    )
    shown = ", ".join(there[:20]) or "none"
    return f"{nearest(column, there) if column else ''}. There are slices of: {shown}."
