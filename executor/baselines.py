"""A model and the one that it is compared with: their names, and the config that names both."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Sequence

from microtome.config import BASELINE_KEY, CANDIDATE_KEY
from microtome.errors import ConfigError
from microtome.executor.metric_makers import make_any_metric
from microtome.executor.shared_model import EvalSharedModel
from microtome.executor.subjects import Models, listed_models
from microtome.metrics.specs import comparison_name
from microtome.proto.config_pb2 import EvalConfig, MetricsSpec, ModelSpec

_LOG = logging.getLogger(__name__)


def with_baseline(models: Models, config: EvalConfig) -> tuple[Models, EvalConfig]:
    """Two models, one of them the baseline, with their names, and a config that names both.

    A config of one model, or of none, is one of both: what it says of the model holds for the
    baseline, too. What has no name is called "candidate" and "baseline", as by TFMA.

    Args:
        models: as `run_model_analysis` takes them.
        config: is not changed.

    Returns:
        Models and config as they were where there are not two models, or none is the baseline.

    Raises:
        ConfigError: the config says that another model is the baseline.
    """
    given = listed_models(models)
    if len(given) != 2:
        return models, config
    specs = list(config.model_specs)
    known = {spec.name for spec in specs} - {""}
    is_baseline = [model.is_baseline or model.model_name == BASELINE_KEY for model in given]
    if len(specs) == 2:
        return _named_as(given, specs), config
    if is_baseline.count(True) != 1 or len(specs) > 2:
        return models, config
    candidate_name = next(iter(known), CANDIDATE_KEY)
    names = [BASELINE_KEY if is_one else candidate_name for is_one in is_baseline]
    named = [
        model if model.model_name else dataclasses.replace(model, model_name=name)
        for model, name in zip(given, names, strict=True)
    ]
    both = EvalConfig()
    both.CopyFrom(config)
    del both.model_specs[:]
    template = specs[0] if specs else ModelSpec()
    for model, is_one in sorted(zip(named, is_baseline, strict=True), key=lambda pair: pair[1]):
        both.model_specs.append(_spec_of(model, template, is_one))
    for metrics_spec in both.metrics_specs:
        # the nameless model is both
        if list(metrics_spec.model_names) == [""]:
            del metrics_spec.model_names[:]
    return named, both


def _spec_of(model: EvalSharedModel, template: ModelSpec, is_baseline: bool) -> ModelSpec:
    spec = ModelSpec()
    spec.CopyFrom(template)
    spec.name = model.model_name
    spec.is_baseline = is_baseline
    if not (spec.example_weight_key or spec.example_weight_keys):
        spec.example_weight_key = model.weight_features().get("", "")
    return spec


def _named_as(
    models: Sequence[EvalSharedModel], specs: Sequence[ModelSpec]
) -> list[EvalSharedModel]:
    """The models with the names of their specs; one without a name is told by being the baseline.

    Raises:
        ConfigError: a spec does not say that its model is the baseline, which it is given as.
    """
    by_role = {spec.is_baseline: spec.name for spec in specs}
    named = []
    for model in models:
        if not model.model_name and len(by_role) == 2:
            model = dataclasses.replace(model, model_name=by_role[model.is_baseline])
        spec = next((spec for spec in specs if spec.name == model.model_name), None)
        if model.is_baseline and spec is not None and not spec.is_baseline:
            raise ConfigError(
                f"The model {model.model_path!r} is given as the baseline, but model_specs "
                f"{spec.name!r}, which is its, has no is_baseline: true. Say it in the config."
            )
        named.append(model)
    return named


def without_differences(config: EvalConfig, known: Iterable[str]) -> EvalConfig:
    """A config that tracks no differences to a baseline, where there is none yet.

    Args:
        config: is not changed.
        known: the metrics that are computed.
    """
    there = set(known)

    def is_missing(name: str) -> bool:
        return "_diff" in name and name not in there

    changed = EvalConfig()
    changed.CopyFrom(config)
    tracking = changed.tracking
    metrics = [name for name in tracking.metrics if not is_missing(name)]
    checks = [check for check in tracking.history_checks if not is_missing(check.metric)]
    if len(metrics) + len(checks) == len(tracking.metrics) + len(tracking.history_checks):
        return config
    del tracking.metrics[:], tracking.history_checks[:]
    tracking.metrics.extend(metrics)
    tracking.history_checks.extend(checks)
    return changed


def without_baseline(config: EvalConfig) -> EvalConfig:
    """A config of a model and its baseline where there is no baseline yet: of the model alone.

    What only compares models is left out, with its thresholds, and said in the log: see
    `validation.rules.rules_of_comparisons`. Other thresholds stay as they are.

    Args:
        config: is not changed.
    """
    if not any(spec.is_baseline for spec in config.model_specs):
        return config
    alone = EvalConfig()
    alone.CopyFrom(config)
    kept = [spec for spec in config.model_specs if not spec.is_baseline]
    baselines = {spec.name for spec in config.model_specs if spec.is_baseline}
    del alone.model_specs[:]
    alone.model_specs.extend(kept)
    if len(kept) == 1:
        alone.model_specs[0].name = ""
    del alone.metrics_specs[:]
    left_out = [
        name
        for spec in config.metrics_specs
        for item in spec.metrics
        if (name := comparison_name(item, make_any_metric))
    ]
    for spec in config.metrics_specs:
        names = set(spec.model_names)
        copy = MetricsSpec()
        copy.CopyFrom(spec)
        del copy.metrics[:]
        copy.metrics.extend(
            item for item in spec.metrics if comparison_name(item, make_any_metric) is None
        )
        named = (copy.thresholds, copy.per_slice_thresholds, copy.cross_slice_thresholds)
        for by_name in named:
            for name in set(left_out) & set(by_name):
                del by_name[name]
        if (names and names <= baselines) or not (copy.metrics or any(named)):
            continue
        del copy.model_names[:]
        if len(kept) > 1:
            copy.model_names.extend(name for name in spec.model_names if name not in baselines)
        alone.metrics_specs.append(copy)
    also = f" Left out are {', '.join(left_out)}, which compare models." if left_out else ""
    _LOG.info("There is no baseline model: the candidate is evaluated alone.%s", also)
    return alone
