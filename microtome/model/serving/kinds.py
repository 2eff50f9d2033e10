"""Which kind of model a directory holds, by its `saved_model.pb` and the config."""

from __future__ import annotations

from typing import Any

from tensorflow.core.protobuf import meta_graph_pb2

from microtome.errors import ConfigError, ModelError
from microtome.messages import nearest
from microtome.model.signature import EVAL_TAG, SERVE_TAG, read_saved_model
from microtome.proto.config_pb2 import ModelSpec

TFMA_EVAL = "tfma_eval"
TF_GENERIC = "tf_generic"
TF_KERAS = "tf_keras"
KINDS = (TFMA_EVAL, TF_GENERIC, TF_KERAS)

# models that Keras saves as one file
KERAS_FILES = (".keras", ".h5", ".hdf5")

_OLD_EVAL_COLLECTION = "evaluation_only/metrics/key"
_HOW_TO_EXPORT = (
    "Export one with tf.saved_model.save(model, path, signatures=...), or with model.export(path) "
    "of Keras"
)


def is_keras_file(path: str) -> bool:
    """Whether a path names a model that Keras saved as one file."""
    return path.endswith(KERAS_FILES)


def read_meta_graphs(path: str) -> list[meta_graph_pb2.MetaGraphDef]:
    """The meta graphs of the SavedModel in a directory.

    Raises:
        ModelError: there is none.
    """
    return list(read_saved_model(path, "SavedModel", _HOW_TO_EXPORT).meta_graphs)


def is_eval_saved_model(path: str) -> bool:
    """Whether a directory holds an EvalSavedModel of any age.

    Raises:
        ModelError: it holds no SavedModel at all.
    """
    return not is_keras_file(path) and any(map(_is_eval, read_meta_graphs(path)))


def model_kind(path: str, spec: ModelSpec) -> str:
    """How a model is to be evaluated: "tfma_eval", "tf_generic" or "tf_keras".

    Args:
        path: the model's directory, or a file of Keras.
        spec: its `model_type`, where it has one, decides; else what is at the path.

    Raises:
        ConfigError: `model_type` is unknown or not supported, or not what is at the path.
        ModelError: there is no model at the path.
    """
    given = spec.model_type
    if given and given not in KINDS:
        raise ConfigError(
            f"model_specs.model_type is {given!r}{nearest(given, KINDS)}; supported are "
            f"{', '.join(KINDS)}, or none, by which the model tells what it is. Export another "
            "kind of model as a SavedModel."
        )
    if is_keras_file(path):
        if given == TFMA_EVAL:
            raise _mismatch(path, given, "a file of Keras")
        return TF_KERAS
    meta_graphs = read_meta_graphs(path)
    is_eval = any(map(_is_eval, meta_graphs))
    if given == TFMA_EVAL:
        return TFMA_EVAL
    if given:
        if is_eval and all(map(_is_eval, meta_graphs)):
            raise _mismatch(path, given, "an EvalSavedModel")
        return given
    if is_eval:
        return TFMA_EVAL
    return TF_KERAS if any(map(is_keras, meta_graphs)) else TF_GENERIC


def is_keras(meta_graph: meta_graph_pb2.MetaGraphDef) -> bool:
    """Whether Keras 2 saved the SavedModel; Keras 3 exports plain ones."""
    nodes = meta_graph.object_graph_def.nodes
    return bool(nodes) and nodes[0].user_object.identifier.startswith("_tf_keras")


def serving_meta_graph(path: str) -> meta_graph_pb2.MetaGraphDef:
    """The meta graph that serves.

    Raises:
        ModelError: there is no SavedModel, or none of its meta graphs serves.
    """
    meta_graphs = [graph for graph in read_meta_graphs(path) if not _is_eval(graph)]
    serving = [graph for graph in meta_graphs if SERVE_TAG in graph.meta_info_def.tags]
    if serving:
        return min(serving, key=lambda graph: len(graph.meta_info_def.tags))
    if len(meta_graphs) == 1:
        return meta_graphs[0]
    tags = [sorted(graph.meta_info_def.tags) for graph in meta_graphs]
    raise ModelError(
        f"{path!r} is a SavedModel without a meta graph for serving (tag {SERVE_TAG!r}); beside "
        f"those for evaluation it has {tags or 'none'}. {_HOW_TO_EXPORT}."
    )


def _is_eval(meta_graph: Any) -> bool:
    tags = meta_graph.meta_info_def.tags
    return EVAL_TAG in tags or _OLD_EVAL_COLLECTION in meta_graph.collection_def


def _mismatch(path: str, given: str, found: str) -> ConfigError:
    return ConfigError(
        f"model_specs.model_type is {given!r}, but {path!r} is {found}. Leave model_type empty, "
        "or give the path of such a model."
    )
