"""Loads an EvalSavedModel into a session, with the user's own metrics added to its graph."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from microtome.errors import ConfigError, ModelError
from microtome.model.op_errors import callback_scope, op_error_text
from microtome.model.signature import ModelSignature, read_signature

# callback(features, predictions, labels) -> {metric name: (value tensor, update tensor or op)}
MetricsCallback = Callable[[Any, Any, Any], Mapping[str, tuple[Any, Any]]]


@dataclasses.dataclass
class LoadedModel:
    """A model's graph in a session; variables hold their trained, or initial, values.

    Attributes:
        inputs: placeholders to feed the batch of serialized examples to, each string `[n]`.
        input_refs: int `[rows]`, the index of the example that each row came from; None where row i
            is example i.
        features, labels, predictions: Tensor, SparseTensor or RaggedTensor by key, aligned by row.
        metrics: (value tensor, update tensor) by name.
        iterator_lock: held while the model's iterator goes through a batch.
        initial_values: of the metric variables that were looked at, from before any update.
        fetchers: what has been added to the graph to fetch, by what it fetches.
    """

    signature: ModelSignature
    graph: tf.Graph
    session: tf.compat.v1.Session
    inputs: list[tf.Tensor]
    input_refs: tf.Tensor | None
    features: dict[str, Any]
    labels: dict[str, Any]
    predictions: dict[str, Any]
    additional: dict[str, dict[str, Any]]
    metrics: dict[str, tuple[tf.Tensor, tf.Tensor]]
    iterator_initializer: tf.Operation | None
    iterator_lock: threading.Lock = dataclasses.field(default_factory=threading.Lock, repr=False)
    initial_values: dict[str, np.ndarray] = dataclasses.field(default_factory=dict, repr=False)
    fetchers: dict[Any, Any] = dataclasses.field(default_factory=dict, repr=False)

    @functools.cached_property
    def num_rows(self) -> tf.Tensor:
        """int32 scalar: the number of rows of a batch. Added to the graph when first asked for."""
        with self.graph.as_default():
            return tf.size(self.inputs[0] if self.input_refs is None else self.input_refs)

    def close(self) -> None:
        self.session.close()


def load_model(
    path: str,
    add_metrics_callbacks: Sequence[MetricsCallback] = (),
    include_default_metrics: bool = True,
    additional_fetches: Sequence[str] = (),
    tags: Sequence[str] | None = None,
) -> LoadedModel:
    """Loads the EvalSavedModel at `path` and adds the metrics of the callbacks to its graph.

    Raises:
        ModelError: the directory holds no EvalSavedModel, or its parts cannot be restored.
        ConfigError: a callback's metric has the name of another metric.
    """
    signature = read_signature(path, tuple(additional_fetches), tuple(tags) if tags else None)
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph, config=_session_config())
    with graph.as_default(), session.as_default(), without_deprecation_warnings():
        try:
            tf.compat.v1.saved_model.load(session, list(signature.tags), path)
        except (tf.errors.OpError, ValueError, OSError) as error:
            session.close()
            raise ModelError(
                f"The EvalSavedModel {path!r} cannot be restored: {op_error_text(error)} Its "
                "directory must hold saved_model.pb, variables/ and assets/ as they were exported."
            ) from error
        model = _resolve(signature, graph, session, include_default_metrics)
        _add_callbacks(model, add_metrics_callbacks)
    return model


def _session_config() -> tf.compat.v1.ConfigProto:
    """As it is written, a graph gives the same numbers in every session.

    Optimized, it would round otherwise for other fetches: planning and a worker would differ, as
    would two runners. Planning, which asks for many, would wait longer for each than it saves.
    """
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config


@contextlib.contextmanager
def without_deprecation_warnings() -> Iterator[None]:
    """Keeps TensorFlow from calling `tf.compat.v1`, which both lines need, deprecated."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _resolve(
    signature: ModelSignature,
    graph: tf.Graph,
    session: tf.compat.v1.Session,
    include_default_metrics: bool,
) -> LoadedModel:
    def tensors(group: Mapping[str, Any]) -> dict[str, Any]:
        return {key: tensor_from_info(info, graph) for key, info in sorted(group.items())}

    metrics = {}
    if include_default_metrics:
        for name, pair in signature.metrics.items():
            metrics[name] = (
                tensor_from_info(pair.value, graph),
                tensor_from_info(pair.update, graph),
            )
    inputs = tensors(signature.inputs)
    if not inputs:
        raise ModelError(
            f"The EvalSavedModel {signature.path!r} declares no input to feed the examples to."
        )
    initializer = signature.iterator_initializer
    return LoadedModel(
        signature=signature,
        graph=graph,
        session=session,
        inputs=[inputs[key] for key in sorted(inputs)],
        input_refs=_explicit_refs(signature, graph),
        features=tensors(signature.features),
        labels=tensors(signature.labels),
        predictions=tensors(signature.predictions),
        additional={prefix: tensors(group) for prefix, group in signature.additional.items()},
        metrics=metrics,
        iterator_initializer=graph.get_operation_by_name(initializer) if initializer else None,
    )


def tensor_from_info(info: Any, graph: tf.Graph) -> Any:
    """The Tensor, SparseTensor or RaggedTensor that a TensorInfo names."""
    return tf.compat.v1.saved_model.utils.get_tensor_from_tensor_info(info, graph)


def _explicit_refs(signature: ModelSignature, graph: tf.Graph) -> tf.Tensor | None:
    """The row-to-example references, or None where row i is example i."""
    if signature.input_refs is None:
        return None
    tensor = tensor_from_info(signature.input_refs, graph)
    if tensor.op.type == "Range" and _is_zero_to_n_by_one(tensor.op):
        return None
    return tensor


def _is_zero_to_n_by_one(op: tf.Operation) -> bool:
    start, limit, delta = op.inputs
    counts_examples = limit.op.type in ("Size", "StridedSlice", "Squeeze", "Cast")
    return counts_examples and tf.get_static_value(start) == 0 and tf.get_static_value(delta) == 1


def _add_callbacks(model: LoadedModel, callbacks: Sequence[MetricsCallback]) -> None:
    if not callbacks:
        return
    known = {v.ref() for v in _all_variables()}
    known_tables = set(_table_initializers())
    features, predictions, labels = (
        _for_callback(group, name)
        for group, name in (
            (model.features, "features"),
            (model.predictions, "predictions"),
            (model.labels, "labels"),
        )
    )
    for callback in callbacks:
        label = getattr(callback, "name", None) or getattr(callback, "__name__", repr(callback))
        try:
            with model.graph.name_scope(callback_scope(str(label))):
                added = callback(features, predictions, labels)
        except Exception as error:
            given = {"features": features, "predictions": predictions, "labels": labels}
            names = "; ".join(f"{group}: {_names(tensors)}" for group, tensors in given.items())
            raise ConfigError(
                f"The metrics callback {label!r} raised {type(error).__name__}: {error}. It was "
                f"given {names}."
            ) from error
        for name, (value, update) in _checked_metrics(added, label).items():
            if name in model.metrics:
                raise ConfigError(
                    f"The metrics callback {label!r} adds the metric {name!r}, a name already "
                    "taken."
                )
            model.metrics[name] = (tf.convert_to_tensor(value), _as_tensor(update))
    new = [v for v in _all_variables() if v.ref() not in known]
    model.session.run(tf.compat.v1.variables_initializer(new))
    model.session.run([op for op in _table_initializers() if op not in known_tables])


def _checked_metrics(added: Any, label: str | None) -> Mapping[str, tuple[Any, Any]]:
    """What a callback returned.

    Raises:
        ConfigError: it has another form.
    """
    form = "{name: (value tensor, update tensor)}, as tf.compat.v1.metrics give them"
    if not isinstance(added, Mapping):
        raise ConfigError(
            f"The metrics callback {label!r} returned {type(added).__name__}; it must return "
            f"{form}."
        )
    for name, pair in added.items():
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ConfigError(
                f"The metrics callback {label!r} returned {type(pair).__name__} for {name!r}; it "
                f"must return {form}."
            )
    return added


def _names(tensors: Any) -> str:
    return ", ".join(sorted(tensors)) if isinstance(tensors, Mapping) else "one tensor"


def _all_variables() -> list[Any]:
    return tf.compat.v1.global_variables() + tf.compat.v1.local_variables()


def _table_initializers() -> list[tf.Operation]:
    return tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.TABLE_INITIALIZERS)


def _as_tensor(update: Any) -> tf.Tensor:
    if isinstance(update, tf.Operation):
        with tf.control_dependencies([update]):
            return tf.zeros([0], name="metric_update")
    return tf.convert_to_tensor(update)


def _for_callback(group: dict[str, Any], name: str) -> Any:
    """A group as callbacks expect it: a dict, or the bare tensor if it has no name."""
    if list(group) == [f"__{name}"]:
        return group[f"__{name}"]
    return dict(group)
