"""What a model's declaration says of its tensors."""

from __future__ import annotations

import dataclasses

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2


@dataclasses.dataclass(frozen=True)
class TensorForm:
    """A declared tensor.

    Attributes:
        dtype: such as "float32" or "string", of the values where there are several parts; empty
            where it is not declared.
        shape: the dimensions, None where one is open; None where the rank is.
        kind: "dense", "sparse", or the class of another composite, such as "ragged".
    """

    dtype: str
    shape: tuple[int | None, ...] | None
    kind: str

    @property
    def may_be_number(self) -> bool:
        dtype = tf.as_dtype(self.dtype) if self.dtype else None
        return dtype is None or dtype.is_integer or dtype.is_floating or dtype.is_bool


def tensor_form(info: meta_graph_pb2.TensorInfo) -> TensorForm:
    """What a TensorInfo declares."""
    encoding = info.WhichOneof("encoding")
    if encoding == "composite_tensor":
        spec = info.composite_tensor.type_spec
        kind = spec.type_spec_class_name.rpartition(".")[2].removesuffix("TensorSpec").lower()
        dtype = info.composite_tensor.components[0].dtype
        state = spec.type_state.tuple_value.values
        shapes = [
            value.tensor_shape_value for value in state if value.HasField("tensor_shape_value")
        ]
        return TensorForm(_dtype(dtype), _shape(shapes[0]) if shapes else None, kind)
    kind = "sparse" if encoding == "coo_sparse" else "dense"
    return TensorForm(_dtype(info.dtype), _shape(info.tensor_shape), kind)


def _dtype(number: int) -> str:
    return tf.as_dtype(number).name if number else ""


def _shape(proto: object) -> tuple[int | None, ...] | None:
    shape = tf.TensorShape(proto)
    return None if shape.rank is None else tuple(shape.as_list())
