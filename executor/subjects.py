"""From models and a config to what is evaluated, and which metrics of it."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from microtome.config import shown_model
from microtome.errors import ConfigError
from microtome.executor.frame_subject import FrameSubject
from microtome.executor.joint_subject import JointSubject, Part
from microtome.executor.metric_makers import make_any_metric
from microtome.executor.shared_model import EvalSharedModel
from microtome.executor.subject import Subject
from microtome.messages import nearest
from microtome.metrics.collection import Collection, Computation, value_keys
from microtome.metrics.differences import compared_keys
from microtome.metrics.specs import computations
from microtome.proto.config_pb2 import EvalConfig, ModelSpec
from microtome.results.metric_keys import MetricName
from microtome.results.records import is_of_model, label, places_of
from microtome.validation.rules import NO_RULES, Rules, rules_of

Models: TypeAlias = (
    EvalSharedModel | Sequence[EvalSharedModel] | Mapping[str, EvalSharedModel] | None
)


def subject_of(models: Models, config: EvalConfig) -> Subject:
    """What is evaluated: EvalSavedModels, data to which models that serve add predictions, or both.

    Args:
        models: one model, several (in a list, or by name), or none: predictions are in the data.

    Raises:
        ConfigError: models and config do not fit together.
        ModelError: there is no model where one is said to be.
    """
    given = listed_models(models)
    specs = list(config.model_specs)
    if len(given) == 1 and not config.metrics_specs:
        # only an EvalSavedModel brings metrics of its own
        _check_eval_spec(_matched(given, specs)[0][1])
        return _configured(given[0], specs[0] if specs else ModelSpec(), config)
    if not given and not config.metrics_specs:
        raise ConfigError(
            "metrics_specs is empty, and there is no EvalSavedModel that brings metrics of its "
            "own: nothing is to be computed. Name the metrics in metrics_specs of the config."
        )
    if not given:
        _check_in_data(specs)
        return FrameSubject(tuple(specs), ("",) * len(specs))
    from microtome.model.serving import model_kind

    of_specs = _matched(given, specs)
    has_graph = [model_kind(model.model_path, spec) == "tfma_eval" for model, spec in of_specs]
    graphs = [pair for pair, has in zip(of_specs, has_graph, strict=True) if has]
    served = [pair for pair, has in zip(of_specs, has_graph, strict=True) if not has]
    for _, spec in graphs:
        _check_eval_spec(spec)
    for model, _ in served:
        _check_served(model)
    if served and not config.metrics_specs:
        raise ConfigError(
            f"metrics_specs is empty, and {served[0][0].model_path!r} is no EvalSavedModel, which "
            "would bring metrics of its own. Name the metrics in metrics_specs of the config."
        )
    if not served and len(graphs) == 1:
        return _configured(*graphs[0], config)
    if not graphs:
        return _served_subject(served)
    return _joint_subject(graphs, served, config)


def _served_subject(
    served: Sequence[tuple[EvalSharedModel, ModelSpec]], is_named: bool = False
) -> FrameSubject:
    paths = tuple(model.model_path for model, _ in served)
    return FrameSubject(tuple(spec for _, spec in served), paths, is_named)


def _joint_subject(
    graphs: Sequence[tuple[EvalSharedModel, ModelSpec]],
    served: Sequence[tuple[EvalSharedModel, ModelSpec]],
    config: EvalConfig,
) -> JointSubject:
    parts = []
    for model, spec in graphs:
        configured = _configured(model, spec, config)
        # one model may stand under two names
        own = dataclasses.replace(configured, model_name=spec.name, token=uuid.uuid4().hex)
        parts.append(Part(own, (spec,)))
    if served:
        parts.append(Part(_served_subject(served, is_named=True), tuple(s for _, s in served)))
    order = {spec.name: (spec.is_baseline, i) for i, spec in enumerate(config.model_specs)}
    parts.sort(key=lambda part: min(order[spec.name] for spec in part.specs))
    return JointSubject(tuple(parts), _baseline_name(config))


def _baseline_name(config: EvalConfig) -> str | None:
    """The model that others are compared with; None where none is."""
    baselines = [spec.name for spec in config.model_specs if spec.is_baseline]
    return baselines[0] if baselines and len(config.model_specs) > 1 else None


# arguments that only an EvalSavedModel has a use for, and what a config has in their place
_IN_PLACE = {
    "add_metrics_callbacks": "name the metrics in metrics_specs of the config",
    "example_weight_key": "set example_weight_key in model_specs of the config",
    "additional_fetches": "leave it out",
    "tags": "leave it out",
}


def _check_served(model: EvalSharedModel) -> None:
    for argument, remedy in _IN_PLACE.items():
        if getattr(model, argument):
            raise ConfigError(
                f"{argument} is given with {model.model_path!r}, which is no EvalSavedModel: "
                f"{remedy}."
            )


def collection_of(subject: Subject, config: EvalConfig) -> Collection:
    """The metrics outside a graph that the config asks for.

    Raises:
        ConfigError: names all that is wrong.
    """
    own = subject.own_metrics()
    _check_distinct(own)
    named: tuple[Computation, ...] = ()
    if config.metrics_specs:
        columns = subject.model_columns(config)
        named = computations(config.metrics_specs, columns, make_any_metric)
    return Collection((*own, *named), _baseline_name(config))


def _check_distinct(own: Sequence[Computation]) -> None:
    # plots of one key are one message
    keys = [item.key for item in own if not item.metric.is_plot]
    twice = sorted({str(key) for key in keys if keys.count(key) > 1})
    if twice:
        raise ConfigError(
            f"add_metrics_callbacks give the metric {', '.join(map(repr, twice))} more than once; "
            "tell them apart by metric_tag."
        )


def metric_names(models: Models, config: EvalConfig) -> list[str]:
    """The metrics of each slice, as `EvalResult.slices` names them; of several models, the first's.

    Raises:
        MicrotomeError: as of `subject_of` and `collection_of`.
    """
    subject = subject_of(models, config)
    keys = _known_metrics(subject, collection_of(subject, config))
    baseline = _baseline_name(config)
    if baseline is not None:
        keys += [key._replace(is_diff=True) for key, _ in compared_keys(keys, baseline)]
    shown = shown_model(config)
    places = [place for place in places_of(keys) if is_of_model(place.model_name, shown)]
    return list(dict.fromkeys(label(*place[1:]) for place in places))


def rules_for(subject: Subject, collection: Collection, config: EvalConfig) -> Rules:
    """The thresholds that a result is held to.

    Args:
        subject: what is evaluated.
        collection: its metrics outside a graph.
        config: names the thresholds.

    Raises:
        ConfigError: names all thresholds of metrics that are not there.
    """
    if not config.metrics_specs:
        return NO_RULES
    return rules_of(
        config,
        subject.model_columns(config),
        make_any_metric,
        _known_metrics(subject, collection),
        subject.names_its_metrics,
    )


def _known_metrics(subject: Subject, collection: Collection) -> list[MetricName]:
    outside = [key for item in collection.computations for key in value_keys(item)]
    return [*subject.graph_metrics(), *subject.counts, *outside]


def listed_models(models: Any) -> list[EvalSharedModel]:
    """The models, one after the other, each with the name that it is given by.

    Raises:
        ConfigError: one was not made with `default_eval_shared_model`.
    """
    if models is None:
        return []
    names: list[str | None] = []
    if isinstance(models, Mapping):
        names, models = list(models), list(models.values())
    is_several = isinstance(models, Sequence) and not isinstance(models, str | bytes)
    found = list(models) if is_several else [models]
    for model in found:
        if not isinstance(model, EvalSharedModel):
            raise ConfigError(
                "eval_shared_model must be made with "
                f"microtome.default_eval_shared_model(directory); it is {model!r}."
            )
    if names:
        return [
            dataclasses.replace(model, model_name=name)
            for model, name in zip(found, names, strict=True)
        ]
    return found


def _matched(
    models: Sequence[EvalSharedModel], specs: Sequence[ModelSpec]
) -> list[tuple[EvalSharedModel, ModelSpec]]:
    """Each model with its spec, by name."""
    if len(models) == 1 and len(specs) <= 1:
        return [(models[0], specs[0] if specs else ModelSpec())]
    by_name = {spec.name: spec for spec in specs}
    _check_each_named(models)
    for model in models:
        if model.model_name not in by_name:
            there = ", ".join(map(repr, by_name)) or "none"
            raise ConfigError(
                f"There is no model_specs of the name {model.model_name!r}"
                f"{nearest(model.model_name, by_name)}, which the model {model.model_path!r} has; "
                f"there is: {there}. Give each of several models its name in "
                "default_eval_shared_model(model_name=...) and in model_specs."
            )
    missing = sorted(set(by_name) - {model.model_name for model in models})
    if missing:
        raise ConfigError(
            f"model_specs names the models {', '.join(map(repr, missing))}, which are not given in "
            "eval_shared_model."
        )
    return [(model, by_name[model.model_name]) for model in models]


def _check_each_named(models: Sequence[EvalSharedModel]) -> None:
    names = [model.model_name for model in models]
    if len(set(names)) < len(names):
        paths = ", ".join(f"{model.model_path!r} as {model.model_name!r}" for model in models)
        raise ConfigError(
            f"Several models have one name: {paths}. Give each a name of its own in "
            "default_eval_shared_model(model_name=...) and in model_specs; or say "
            "is_baseline=True of one of two."
        )


def _check_in_data(specs: Sequence[ModelSpec]) -> None:
    for number, spec in enumerate(specs):
        for field in ("signature_name", "preprocessing_function_names", "model_type"):
            if getattr(spec, field):
                raise ConfigError(
                    f"model_specs[{number}].{field} is set, but there is no model: predictions are "
                    "taken from the data. Give eval_shared_model, or leave the field empty."
                )
    names = [spec.name for spec in specs]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"model_specs gives the names {', '.join(map(repr, names))}; each of several models "
            "needs a name of its own."
        )


def _check_eval_spec(spec: ModelSpec) -> None:
    """Refuses what an EvalSavedModel has no use for."""
    if spec.preprocessing_function_names:
        raise ConfigError(
            "model_specs.preprocessing_function_names is set, but the model is an EvalSavedModel, "
            "whose graph transforms features and labels itself. Leave it empty."
        )
    if spec.signature_name not in ("", "eval"):
        raise ConfigError(
            f"model_specs.signature_name is {spec.signature_name!r}, but the model is an "
            'EvalSavedModel: its signature is "eval". Leave it empty, or give a model that serves.'
        )


def _configured(model: EvalSharedModel, spec: ModelSpec, config: EvalConfig) -> EvalSharedModel:
    """The model, with what the config and its spec say of its weights and its own metrics.

    Raises:
        ConfigError: the model was given another weight.
    """
    default = config.options.include_default_metrics
    if config.options.HasField("include_default_metrics") and not default.value:
        model = dataclasses.replace(model, include_default_metrics=False)
    named: Any = dict(spec.example_weight_keys) or spec.example_weight_key
    known = model.weight_features()
    if not named or known == ({"": named} if isinstance(named, str) else named):
        return model
    if known:
        raise ConfigError(
            f"The config weighs examples by {named!r}, but the model was given "
            f"example_weight_key={model.example_weight_key!r}. Name the weight in one place."
        )
    return dataclasses.replace(model, example_weight_key=named)
