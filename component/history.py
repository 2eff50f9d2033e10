"""Gives a pipeline its own last evaluations."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.common import resolver
from tfx.types import channel, standard_artifacts

from microtome.errors import ConfigError
from microtome.executor import history, keys
from microtome.tracking import schema
from microtome.tracking.texts import read_text

DEFAULT_LIMIT = 5

_Artifacts = dict[str, list[types.Artifact]]


class LastEvaluationsStrategy(resolver.ResolverStrategy):
    """Keeps the last evaluations that Microtome made; `last_evaluations` makes a node of it.

    Of the `ModelEvaluation`s of the input `history`, those that are live and hold Microtome's
    tracked slices (TFMA's do not), the newest first. Fewer than the limit, or none, is no error.

    Where the inputs `model` and `examples` are there too, of each the newest artifact is kept, and
    evaluations of that model on those examples are left out: they are this very evaluation, made
    earlier. So the history of a repeated run is the one it had, and TFX takes the evaluation from
    its cache.

    TFX calls it with the artifacts of one pipeline only, by the pipeline's name.

    Args:
        limit: How many, at least 1.
        node: Id of the component whose evaluations are kept; empty: of all.
        latest_blessed: Whether to keep the latest one with the verdict `BLESSED` too, if it is not
            among these, as a check against `LATEST_BLESSED` needs it.

    Raises:
        ConfigError: The limit is not positive.
    """

    def __init__(
        self, limit: int = DEFAULT_LIMIT, node: str = "", latest_blessed: bool = False
    ) -> None:
        _check_limit(limit)
        self._limit = limit
        self._node = node
        self._latest_blessed = latest_blessed

    def resolve_artifacts(self, store: Any, input_dict: _Artifacts) -> _Artifacts:
        """Chooses among what TFX found; the store itself is not asked."""
        newest = {
            key: sorted(artifacts, key=lambda artifact: artifact.id)[-1:]
            for key, artifacts in input_dict.items()
            if key != keys.HISTORY
        }
        same = {key: {str(artifact.id) for artifact in newest[key]} for key in newest}
        found = [
            artifact
            for artifact in input_dict.get(keys.HISTORY, [])
            if self._is_wanted(artifact) and not _is_same(artifact, same)
        ]
        found.sort(key=lambda artifact: (history.evaluated_at(artifact), artifact.id), reverse=True)
        kept = found[: self._limit]
        if self._latest_blessed:
            blessed = [one for one in found if _text(one, schema.VERDICT) == schema.BLESSED]
            kept += [one for one in blessed[:1] if one not in kept]
        return {**newest, keys.HISTORY: kept}

    def _is_wanted(self, artifact: types.Artifact) -> bool:
        return (
            artifact.mlmd_artifact.state == artifact.mlmd_artifact.LIVE
            and artifact.has_custom_property(schema.TRACKED)
            and self._node in ("", _text(artifact, "component_id"))
        )


def last_evaluations(
    limit: int = DEFAULT_LIMIT,
    node: str = "",
    *,
    model: channel.BaseChannel | None = None,
    examples: channel.BaseChannel | None = None,
    latest_blessed: bool = False,
) -> resolver.Resolver:
    """A node that finds the pipeline's last evaluations; its output is `history`.

    It goes into the pipeline's components like any other node. Kubeflow v2 has no resolver of this
    kind and refuses it when it compiles the pipeline, with a TypeError.

    Args:
        limit: How many, at least 1.
        node: Id of the component whose evaluations are wanted; empty: of all. Evaluations of
            several nodes are mostly of different data, which do not make one history.
        model: What is to be evaluated now, and
        examples: on what: with both, earlier evaluations of just these are left out, so that a
            repeated run is taken from TFX's cache. Without them an evaluator with a history is
            never taken from the cache, as each run makes the history longer. (On Airflow this is
            without effect for what an Importer gives, which TFX leaves without a state there,
            unless `microtome.component.airflow_dag.make_dag` has made the DAG.)
        latest_blessed: Whether the latest one with the verdict `BLESSED` comes along, however long
            ago it was; wanted by checks against `LATEST_BLESSED`.

    Returns:
        The node, with the id `LastEvaluations`, or `LastEvaluations-<node>`.

    Raises:
        ConfigError: The limit is not positive, or one of model and examples is missing.
    """
    _check_limit(limit)
    if (model is None) != (examples is None):
        raise ConfigError(
            "last_evaluations needs both `model` and `examples` to know which evaluations are of "
            "the same, or neither."
        )
    same = {} if model is None else {keys.MODEL: model, keys.EXAMPLES: examples}
    return resolver.Resolver(
        strategy_class=LastEvaluationsStrategy,
        config={"limit": limit, "node": node, "latest_blessed": latest_blessed},
        **{keys.HISTORY: channel.Channel(type=standard_artifacts.ModelEvaluation)},
        **same,
    ).with_id("-".join(filter(None, ("LastEvaluations", node))))


def _check_limit(limit: int) -> None:
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ConfigError(f"limit must be a number of evaluations, 1 or more; it is {limit!r}.")


def _is_same(artifact: types.Artifact, newest: dict[str, set[str]]) -> bool:
    models, examples = newest.get(keys.MODEL), newest.get(keys.EXAMPLES)
    return (
        bool(models and examples)
        and _text(artifact, "model_id") in (models or ())
        and bool((examples or set()) & set(_text(artifact, "data_id").split(",")))
    )


def _text(artifact: types.Artifact, name: str) -> str:
    return read_text(artifact.mlmd_artifact.custom_properties, name)
