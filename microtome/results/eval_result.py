"""The result of an evaluation, loaded."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from microtome.errors import ConfigError
from microtome.messages import nearest
from microtome.proto import config_pb2, result_pb2
from microtome.results import values
from microtome.results.records import (
    EXAMPLE_COUNTS,
    WITHHELD,
    Attributions,
    Metrics,
    Plots,
    label,
    withheld,
)
from microtome.results.slice_keys import AnySliceKey, CrossSliceKey, is_cross_slice_key
from microtome.results.values import JsonValue, number_of
from microtome.results.verdict import Verdict
from microtome.slicing.keys import SliceKey, slice_key

if TYPE_CHECKING:
    import pandas as pd

MODEL_CENTRIC_MODE = "model_centric_mode"
DATA_CENTRIC_MODE = "data_centric_mode"
_LOG = logging.getLogger(__name__)
_MODES = (MODEL_CENTRIC_MODE, DATA_CENTRIC_MODE)


class EvalResult:
    """The metrics of every slice, and what was evaluated.

    Printed, it is a table of the largest slices; in a notebook, `microtome.view.slicing` of it.

    Attributes:
        slicing_metrics: (slice key, {output: {sub-key: {metric: value}}}) of every slice. The key
            is `()` for Overall, else ((column, value), …). Output and sub-key (such as `classId:3`)
            are mostly the empty string. Values are proto3 JSON of `microtome.MetricValue`, such as
            {"doubleValue": 0.5}.
        plots: (slice key, {output: {sub-key: plots}}) of every slice that has some.
        attributions: (slice key, {output: {sub-key: {metric: {feature: value}}}}) of every slice
            that has some.
        config: The configuration; None where the result does not say it.
        data_location: Where the examples were read.
        file_format: Their format.
        model_location: Where the model was read.
        run_info: What Microtome says of its run, from `run.json`; empty for results of TFMA's.
        output_path: Where the result was loaded from; empty if it was not.
        verdict: Whether the model may ship, and why; None where the result does not say it.
    """

    def __init__(
        self,
        slicing_metrics: Sequence[tuple[AnySliceKey, Metrics]],
        plots: Sequence[tuple[AnySliceKey, Plots]] = (),
        attributions: Sequence[tuple[AnySliceKey, Attributions]] = (),
        config: config_pb2.EvalConfig | None = None,
        data_location: str = "",
        file_format: str = "",
        model_location: str = "",
        run_info: Mapping[str, Any] | None = None,
        output_path: str = "",
        verdict: Verdict | None = None,
    ):
        self.slicing_metrics = list(slicing_metrics)
        self.plots = list(plots)
        self.attributions = list(attributions)
        self.config = config
        self.data_location = data_location
        self.file_format = file_format
        self.model_location = model_location
        self.run_info = dict(run_info or {})
        self.output_path = output_path
        self.verdict = verdict

    @functools.cached_property
    def validation_result(self) -> result_pb2.ValidationResult | None:
        """The verdict in TFMA's form, from `validations*`; None where there is none.

        Raises:
            OutputError: The file is damaged, or has more than one.
        """
        from microtome.results.loader import find_validation_result

        return find_validation_result(self.output_path) if self.output_path else None

    @property
    def metric_paths(self) -> dict[str, Any]:
        """How each metric was computed, as {"path": …, "reason": …}; empty where it is not said."""
        return dict(self.run_info.get("metrics", {}))

    @property
    def timings(self) -> dict[str, float]:
        """Seconds of work by step, added up over all workers; empty where they are not told.

        Steps are those of `microtome.executor.account.STEPS`: plan, read, predict, slice, sum,
        combine, finish and write. They overlap, so that they add up to more than the time that
        the evaluation took; what Beam itself does is in none of them.
        """
        return dict(self.run_info.get("timings", {}))

    def get_slice_names(self) -> list[AnySliceKey]:
        """The keys of all slices."""
        return [key for key, _ in self.slicing_metrics]

    def get_metric_names(self) -> list[str]:
        """The names of all metrics, of any output and class, sorted.

        What stands in place of the metrics of withheld slices is none; see `withheld_slices`.
        """
        found: set[str] = set()
        for _, metrics in self.slicing_metrics:
            for sub_keys in metrics.values():
                found.update(*sub_keys.values())
        return sorted(found - {WITHHELD})

    def withheld_slices(self) -> dict[AnySliceKey, str]:
        """The slices with fewer examples than `min_slice_size`, and what is said of them."""
        why = ((key, withheld(metrics)) for key, metrics in self.slicing_metrics)
        return {key: text for key, text in why if text is not None}

    def get_metrics_for_slice(
        self,
        slice_name: AnySliceKey = (),
        output_name: str = "",
        class_id: int | None = None,
        k: int | None = None,
        top_k: int | None = None,
    ) -> dict[str, JsonValue] | None:
        """The metrics of one slice.

        Args:
            slice_name: Its key; `()` is Overall. Columns may stand in any order.
            output_name: The output, for a model of several.
            class_id: The class, for metrics of one class.
            k: The rank, for metrics of the class with the k-th highest prediction.
            top_k: The ranks, for metrics of the classes with the top k predictions.

        Returns:
            Values by metric name; None if there is no such slice.

        Raises:
            ConfigError: The slice has no such output, class or rank, or k stands beside another.
        """
        metrics = self._by_key.get(_normal_key(slice_name))
        if metrics is None:
            return None
        sub_key = _sub_key(class_id, k, top_k)
        _check_known("output", output_name, metrics)
        _check_known("sub-key", sub_key, metrics[output_name])
        return metrics[output_name][sub_key]

    def get_metrics_for_all_slices(
        self,
        output_name: str = "",
        class_id: int | None = None,
        k: int | None = None,
        top_k: int | None = None,
    ) -> dict[AnySliceKey, dict[str, JsonValue]]:
        """The metrics of all slices that have such an output and sub-key, by slice key.

        The arguments are those of `get_metrics_for_slice`.

        Raises:
            ConfigError: No slice has them, or k stands beside another.
        """
        return _of_all(self.slicing_metrics, output_name, _sub_key(class_id, k, top_k))

    def get_attributions_for_slice(
        self,
        slice_name: AnySliceKey = (),
        metric_name: str = "",
        output_name: str = "",
        class_id: int | None = None,
        k: int | None = None,
        top_k: int | None = None,
    ) -> dict[str, JsonValue] | None:
        """How much each feature contributes to a metric in one slice.

        Args:
            slice_name: As of `get_metrics_for_slice`.
            metric_name: The metric that is attributed; may be left out if there is only one.
            output_name: As of `get_metrics_for_slice`.
            class_id: As of `get_metrics_for_slice`.
            k: As of `get_metrics_for_slice`.
            top_k: As of `get_metrics_for_slice`.

        Returns:
            Values by feature; None if the slice has no attributions.

        Raises:
            ConfigError: The slice has no such output, class, rank or metric, or has several metrics
                and none is named.
        """
        wanted = _normal_key(slice_name)
        sub_key = _sub_key(class_id, k, top_k)
        for key, attributions in self.attributions:
            if _normal_key(key) == wanted:
                _check_known("output", output_name, attributions)
                _check_known("sub-key", sub_key, attributions[output_name])
                named = attributions[output_name][sub_key]
                return named[_attributed(metric_name, named)]
        return None

    def get_attributions_for_all_slices(
        self,
        metric_name: str = "",
        output_name: str = "",
        class_id: int | None = None,
        k: int | None = None,
        top_k: int | None = None,
    ) -> dict[AnySliceKey, dict[str, JsonValue]]:
        """The attributions of all slices that have such ones, by slice key.

        The arguments are those of `get_attributions_for_slice`.

        Raises:
            ConfigError: No slice has them, or there are several metrics and none is named.
        """
        found = _of_all(self.attributions, output_name, _sub_key(class_id, k, top_k))
        if not found:
            return {}
        name = _attributed(metric_name, {name for named in found.values() for name in named})
        return {key: named[name] for key, named in found.items() if name in named}

    def slices(self) -> Iterator[tuple[AnySliceKey, dict[str, Any]]]:
        """Every slice's key and its metrics as plain values.

        Metrics of an output or sub-key are named `output/metric (sub-key)`. Values are as
        `plain_value` gives them: floats, arrays, bytes, texts, or JSON of structures.
        """
        for key, metrics in self.slicing_metrics:
            plain = {
                label(output, sub_key, name): values.plain_value(value)
                for output, sub_key, name, value in flat(metrics)
            }
            yield key, plain

    def example_count(self, slice_name: AnySliceKey = ()) -> float | None:
        """The number of a slice's examples; None if there is no such slice or it does not say."""
        metrics = self._by_key.get(_normal_key(slice_name))
        return None if metrics is None else count_of(metrics)

    def with_slicing_metrics(
        self, slicing_metrics: Sequence[tuple[AnySliceKey, Metrics]]
    ) -> EvalResult:
        """The same result with other slices."""
        return EvalResult(
            slicing_metrics,
            plots=self.plots,
            attributions=self.attributions,
            config=self.config,
            data_location=self.data_location,
            file_format=self.file_format,
            model_location=self.model_location,
            run_info=self.run_info,
            output_path=self.output_path,
            verdict=self.verdict,
        )

    def to_dataframe(self) -> pd.DataFrame:
        """All numbers, a row for each metric of each slice.

        Columns: `slice` (text); one for each slicing feature, empty (NA) where the slice does not
            name it; `example_count`;
        `output_name`; `sub_key`; `metric`; `value`, NaN where it is not one number; `lower_bound`
        and `upper_bound` of bounded values; `array`, a numpy array where the value is one. A
        feature with the name of another column is in `slice_key.<name>`. Withheld slices have no
        rows; see `withheld_slices`. Two slices compared have the features of neither: `slice` tells
        both.
        """
        from microtome.results.frame import to_dataframe

        return to_dataframe(self)

    def compare_slices(
        self,
        metric: str,
        baseline: AnySliceKey = (),
        level: float = 0.95,
        fdr: float = 0.1,
        model_name: str | None = None,
    ) -> pd.DataFrame:
        """Which slices differ from another in a metric, beyond noise.

        Slices are tested all at once: of those that are said to differ, at most the share `fdr` is
        expected not to (Benjamini & Hochberg 1995). `microtome.statistics.comparisons` has the
        formulas.

        Args:
            metric: Its name, with confidence intervals; `output/metric (sub-key)` where it has
                these.
            baseline: The slice that others are compared with; Overall by default.
            level: The share of intervals that cover.
            fdr: The share of false discoveries that is allowed.
            model_name: The model, where there are several; by default the first that is no
                baseline.

        Returns:
            A row a slice but the baseline, those that surely differ most first: `slice`,
            `example_count`, `value`, `baseline_value`, `difference`, its interval `lower_bound` and
            `upper_bound`, `p_value` of there being no difference, `q_value`, the same for so many
            slices, `differs` (bool), and `effect_lower_bound`, the least size of the difference
            within the interval. NaN where a slice has no interval.

        Raises:
            ConfigError: There is no such metric, slice or model; the baseline has no interval; the
                result was not loaded from a directory.
        """
        from microtome.results.slice_comparison import compare_slices

        return compare_slices(self, metric, _normal_key(baseline), level, fdr, model_name)

    def plots_dataframe(self, kind: str | None = None) -> pd.DataFrame:
        """All plots, a row for each bucket, each threshold, or each cell of a matrix of classes.

        Args:
            kind: Only plots of this kind, and only its columns; by default all. Kinds are
                `calibration_histogram_buckets`, `confusion_matrix_at_thresholds`,
                `multi_class_confusion_matrix_at_thresholds` and
                `multi_label_confusion_matrix_at_thresholds`.

        Columns: `slice` and the slicing features, as of `to_dataframe`; `output_name`; `sub_key`;
        `plot`, the name, mostly empty; `kind`; then, as float64, what the kind has, NaN in rows of
        other kinds: bounds of buckets and sums in them; thresholds and weighted counts; classes
        (-1 where nothing was predicted) and weights.

        Raises:
            ConfigError: There is no such kind.
        """
        from microtome.results.frame import plots_to_dataframe

        return plots_to_dataframe(self, kind)

    def to_string(self, max_rows: int | None = 20, max_width: int = 100) -> str:
        """A table of the slices as text, Overall first, then the largest.

        Args:
            max_rows: At most so many slices; None for all.
            max_width: At most so many characters in a line; columns that do not fit are named
                below.
        """
        from microtome.results import display

        return display.to_text(self, max_rows, max_width)

    def to_html(self, path: str | os.PathLike[str] | None = None, **options: Any) -> str:
        """The result as one HTML page with all its views, which needs no network.

        Args:
            path: Where to write it; by default it is only returned.
            **options: `max_bytes`, the most that the page may have; see `microtome.view.View`.
        """
        return _front().view.to_html(self, path, **options)

    def __str__(self) -> str:
        return self.to_string()

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return _shown(lambda view: view.slicing(self))

    def _repr_html_(self) -> str:
        from microtome.results import display

        return display.to_html(self)

    @functools.cached_property
    def _by_key(self) -> dict[AnySliceKey, Metrics]:
        return {_normal_key(key): metrics for key, metrics in self.slicing_metrics}


class EvalResults:
    """Results of several evaluations, to be looked at together."""

    def __init__(self, results: Iterable[EvalResult], mode: str = MODEL_CENTRIC_MODE):
        """Takes results in order.

        Raises:
            ConfigError: There is no such mode.
        """
        if mode not in _MODES:
            raise ConfigError(f"mode must be one of {', '.join(_MODES)}, is {mode!r}.")
        self._results = list(results)
        self._mode = mode

    def get_results(self) -> list[EvalResult]:
        """The results."""
        return list(self._results)

    def get_mode(self) -> str:
        """`MODEL_CENTRIC_MODE` or `DATA_CENTRIC_MODE`."""
        return self._mode

    def to_html(self, path: str | os.PathLike[str] | None = None, **options: Any) -> str:
        """The results as one HTML page; see `EvalResult.to_html`."""
        return _front().view.to_html(self, path, **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return _shown(lambda view: view.time_series(self))

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[EvalResult]:
        return iter(self._results)

    def __getitem__(self, index: int) -> EvalResult:
        return self._results[index]

    def __repr__(self) -> str:
        paths = ", ".join(result.output_path or "(not loaded)" for result in self._results)
        return f"EvalResults({len(self._results)} results, {self._mode}: {paths})"


def make_eval_results(results: Iterable[EvalResult], mode: str = MODEL_CENTRIC_MODE) -> EvalResults:
    """Puts loaded results together. See `load_eval_results`."""
    return EvalResults(results, mode)


def _front() -> Any:
    """The package, which knows all its rooms: the views stand above the results in it."""
    import microtome

    return microtome


def _shown(make: Callable[[Any], Any]) -> dict[str, Any]:
    """What a notebook shows of results: a view of them; nothing, where that cannot be made.

    What the bundle does not have, a notebook takes from the other methods.
    """
    try:
        bundle = dict(make(_front().view)._repr_mimebundle_())
    except Exception:
        _LOG.warning("The view could not be made; a table stands for it.", exc_info=True)
        return {}
    bundle.pop("text/plain", None)
    return bundle


def count_of(metrics: Metrics) -> float | None:
    """The number of examples that a slice's metrics say."""
    for _, sub_keys in sorted(metrics.items()):
        for _, named in sorted(sub_keys.items()):
            for name in EXAMPLE_COUNTS:
                if name in named:
                    return number_of(named[name])
    return None


def flat(metrics: Metrics) -> Iterator[tuple[str, str, str, JsonValue]]:
    """Output, sub-key, name and value of each metric."""
    for output, sub_keys in metrics.items():
        for sub_key, named in sub_keys.items():
            for name, value in named.items():
                yield output, sub_key, name, value


def _normal_key(key: AnySliceKey) -> AnySliceKey:
    """The key with sorted columns, and values that compare equal to those of loaded keys."""
    try:
        if is_cross_slice_key(key):
            baseline, comparison = cast(CrossSliceKey, key)
            return slice_key(baseline), slice_key(comparison)
        return slice_key(cast(SliceKey, key))
    except (TypeError, ValueError):
        raise ConfigError(
            f"A slice key is () for Overall, else ((column, value), …), not {key!r}."
        ) from None


def _sub_key(class_id: int | None, k: int | None, top_k: int | None) -> str:
    if k is not None and (class_id is not None or top_k is not None):
        raise ConfigError(f"k={k} cannot stand beside class_id={class_id} or top_k={top_k}.")
    parts = {"classId": class_id, "k": k, "topK": top_k}
    return " ".join(f"{name}:{value}" for name, value in parts.items() if value is not None)


def _of_all(
    pairs: Iterable[tuple[AnySliceKey, Mapping[str, Mapping[str, dict[str, Any]]]]],
    output_name: str,
    sub_key: str,
) -> dict[AnySliceKey, dict[str, Any]]:
    """What slices have of an output and sub-key, by slice key.

    Raises:
        ConfigError: There are slices, but none has them.
    """
    listed = list(pairs)
    found = {
        key: outputs[output_name][sub_key]
        for key, outputs in listed
        if sub_key in outputs.get(output_name, {})
    }
    if not found and listed:
        _check_known("output", output_name, {name for _, outputs in listed for name in outputs})
        sub_keys = {name for _, outputs in listed for name in outputs.get(output_name, ())}
        _check_known("sub-key", sub_key, sub_keys)
    return found


def _attributed(name: str, known: Collection[str]) -> str:
    """The metric that is meant; the only one if none is named."""
    if not name and len(known) == 1:
        return next(iter(known))
    _check_known("metric with attributions", name, known)
    return name


def _check_known(kind: str, name: str, known: Iterable[str]) -> None:
    known = sorted(known)
    if name not in known:
        there = ", ".join(map(repr, known)) or "none"
        raise ConfigError(f"There is no {kind} {name!r}{nearest(name, known)}; there is: {there}.")
