"""The graph collections in which TFMA before 0.12 looked for features and labels.

Since 0.12 all of it stands in the signature; the collections are written as well, so that an older
reader finds them. Named tensors are a pair of parallel collections: the keys, and the tensors as
`TensorInfo` messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from google.protobuf import any_pb2

FEATURES = "evaluation_only/label_graph/features"
LABELS = "evaluation_only/label_graph/labels"
INPUT_REFS = "evaluation_only/label_graph/example_ref"
VERSION = "evaluation_only/metadata/tfma_version"


def write_tensors(name: str, tensors: Mapping[str, Any]) -> None:
    """Sets the collections `<name>/key` and `<name>/node` of the default graph."""
    _set(f"{name}/key", [b"$Bytes$" + key.encode() for key in tensors])
    _set(f"{name}/node", [_packed(tensor) for tensor in tensors.values()])


def write_tensor(name: str, tensor: tf.Tensor) -> None:
    """Sets the collection `name` of the default graph to the one tensor."""
    _set(name, [_packed(tensor)])


def write_text(name: str, text: str) -> None:
    """Sets the collection `name` of the default graph to the one string."""
    _set(name, [text.encode()])


def _set(name: str, items: list[Any]) -> None:
    # a second receiver in the same graph replaces the first
    tf.compat.v1.get_collection_ref(name)[:] = items


def _packed(tensor: Any) -> any_pb2.Any:
    message = any_pb2.Any()
    message.Pack(tf.compat.v1.saved_model.build_tensor_info(tensor))
    return message
