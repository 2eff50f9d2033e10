"""Which tensors of an EvalSavedModel are the labels and predictions of its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from microtome.errors import ConfigError
from microtome.messages import nearest
from microtome.metrics.specs import ModelColumns
from microtome.metrics.views import LABELS, PREDICTIONS, Source
from microtome.model.signature import ModelSignature
from microtome.post_export_metrics.tensors import STRING, Tensor, Tensors
from microtome.proto.config_pb2 import ModelSpec

# the first of these that a head predicts is what is evaluated
CHOICE = ("logistic", "predictions", "probabilities", "logits")
_LONE = ("__labels", "__predictions")


def model_columns(
    signature: ModelSignature, spec: ModelSpec, weights: Mapping[str, Source]
) -> ModelColumns:
    """The columns of a model, as the config's spec names them, else as Estimators name them.

    Raises:
        ConfigError: the spec names what the model does not have.
    """
    labels = _named(spec.label_key, spec.label_keys, signature.labels, "label")
    predictions = _named(
        spec.prediction_key, spec.prediction_keys, signature.predictions, "prediction"
    )
    return ModelColumns(
        labels=_sources(LABELS, labels or _outputs_of_labels(signature)),
        predictions=_sources(PREDICTIONS, predictions or _chosen(signature)),
        weights=dict(weights),
    )


def declared_tensors(signature: ModelSignature) -> Tensors:
    """The labels, predictions and features that a model declares."""
    groups = (signature.labels, signature.predictions, signature.features)
    return Tensors(*({name: _tensor(info) for name, info in group.items()} for group in groups))


def _tensor(info: meta_graph_pb2.TensorInfo) -> Tensor:
    dtype = tf.dtypes.as_dtype(info.dtype)
    kind = STRING if dtype == tf.string else np.dtype(dtype.as_numpy_dtype).kind
    shape = info.tensor_shape
    if shape.unknown_rank or info.WhichOneof("encoding") != "name":
        return Tensor(kind)
    sizes = [dim.size for dim in shape.dim]
    return Tensor(kind, len(sizes), sizes[-1] if sizes and sizes[-1] >= 0 else None)


def _sources(group: str, names: Mapping[str, str]) -> dict[str, Source]:
    return {output: Source(group, "" if name in _LONE else name) for output, name in names.items()}


def _named(
    key: str, keys: Mapping[str, str], there: Mapping[str, object], what: str
) -> dict[str, str]:
    named = {**({"": key} if key else {}), **keys}
    for name in named.values():
        if name not in there:
            known = ", ".join(sorted(there)) or "none"
            raise ConfigError(
                f"model_specs names the {what} {name!r}, which the EvalSavedModel does not "
                f"have{nearest(name, there)}. Its {what}s are: {known}."
            )
    return named


def _outputs_of_labels(signature: ModelSignature) -> dict[str, str]:
    names = sorted(signature.labels)
    return {"": names[0]} if len(names) == 1 else {name: name for name in names}


def _chosen(signature: ModelSignature) -> dict[str, str]:
    """By output the tensor that is evaluated. Heads name theirs `<head>/<tensor>`."""
    names = sorted(signature.predictions)
    if len(names) == 1:
        return {"": names[0]}
    lone = _first(names, "")
    if lone:
        return {"": lone}
    heads = sorted({name.rpartition("/")[0] for name in names} - {""})
    found = {head: _first(names, f"{head}/") for head in heads}
    return {head: name for head, name in found.items() if name}


def _first(names: Sequence[str], prefix: str) -> str:
    return next((f"{prefix}{name}" for name in CHOICE if f"{prefix}{name}" in names), "")
