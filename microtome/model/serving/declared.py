"""What a serving model declares, read from its `saved_model.pb` alone."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from microtome.errors import ConfigError, ModelError
from microtome.messages import nearest
from microtome.model.serving import kinds
from microtome.model.width import row_bytes
from microtome.proto.config_pb2 import ModelSpec

DEFAULT_SIGNATURE = "serving_default"
# the model itself, called as a function
CALL = "__call__"

_PARSERS = re.compile(r"Parse\w*Example|DecodeProto")
_EXAMPLES_NAME = re.compile("example|serialized", re.IGNORECASE)
# of most tensors' elements; a function's nodes tell shapes, but not always types
_ELEMENT_BYTES = 4


@dataclasses.dataclass(frozen=True)
class Declared:
    """The functions of a serving model.

    Attributes:
        tags: of the meta graph.
        signatures: the signatures' inputs and outputs, by name.
        attributes: names of what hangs on the model and may be a function.
        call_inputs: the keys of the features that the model itself takes as a dict; None where it
            takes none such.
    """

    path: str
    tags: tuple[str, ...]
    signatures: Mapping[str, Any]
    attributes: frozenset[str]
    call_inputs: frozenset[str] | None
    is_keras: bool
    graph_def: Any

    def listing(self) -> str:
        """Words for the functions that there are."""
        text = f"The model has the signatures {', '.join(sorted(self.signatures)) or '(none)'}"
        if self.attributes:
            text += f" and the attributes {', '.join(sorted(self.attributes))}"
        return f"{text}."

    def takes_examples(self, signature: str) -> bool:
        """Whether a signature takes serialized examples, rather than features.

        It does if it has one input, of one string a row, and what is computed of it parses
        examples, or its name says so.
        """
        inputs = dict(self.signatures[signature].inputs)
        if len(inputs) != 1:
            return False
        ((name, info),) = inputs.items()
        shape = info.tensor_shape
        is_text = info.dtype == tf.string.as_datatype_enum and info.WhichOneof("encoding") == "name"
        if not is_text or not (shape.unknown_rank or len(shape.dim) == 1):
            return False
        return names_examples(name) or parses_examples(self._nodes(signature))

    def row_bytes(self) -> int:
        """Bytes a row of the widest tensor of which the model's functions tell the shape."""
        return max(map(_widest, _all_nodes(self.graph_def)), default=1)

    def _nodes(self, signature: str) -> Iterator[Any]:
        """The nodes that a signature's outputs are computed by, also in functions."""
        outputs = self.signatures[signature].outputs.values()
        nodes = {node.name: node for node in self.graph_def.node}
        waiting = [name for info in outputs for name in _node_names([info.name])]
        seen, found = set(waiting), []
        while waiting:
            node = nodes.get(waiting.pop())
            if node is None:
                continue
            found.append(node)
            new = set(_node_names(node.input)) - seen
            seen |= new
            waiting.extend(new)
        yield from _with_functions(found, self.graph_def)


def read_declared(path: str) -> Declared:
    """Reads what the SavedModel in a directory declares for serving.

    Raises:
        ModelError: there is none.
    """
    meta_graph = kinds.serving_meta_graph(path)
    return Declared(
        path=path,
        tags=tuple(meta_graph.meta_info_def.tags),
        signatures={
            name: signature
            for name, signature in meta_graph.signature_def.items()
            if not name.startswith("__saved_model_")
        },
        attributes=frozenset(_attributes(meta_graph)),
        call_inputs=_call_inputs(meta_graph),
        is_keras=kinds.is_keras(meta_graph),
        graph_def=meta_graph.graph_def,
    )


def chosen_function(declared: Declared, spec: ModelSpec) -> str:
    """The name of the function that predicts: a signature, an attribute, or `CALL`.

    Without `signature_name` it is the signature `serving_default`, else the only one, else the
    model itself. A Keras model of features is called itself in place of such a signature of
    features, as TFMA does: Keras names the signature's outputs by layers and not by the model's own
    keys, and gives the parts of sparse and ragged features made-up names.

    Raises:
        ConfigError: there is none of the name in the config, or the choice is not clear.
        ModelError: the model has no function at all.
    """
    if spec.signature_name:
        return checked_name(declared, spec.signature_name, "signature_name")
    default = _default_signature(declared)
    if default is None and declared.call_inputs is not None:
        return CALL
    if default is None and not declared.signatures:
        raise ModelError(
            f"The model {declared.path!r} has no signature, and cannot be called with a dict of "
            "features. Export it with signatures={'serving_default': ...}."
        )
    if default is None:
        raise ConfigError(
            f"The model {declared.path!r} has several signatures and none is called "
            f"{DEFAULT_SIGNATURE!r}: {', '.join(sorted(declared.signatures))}. Name one in "
            "model_specs.signature_name."
        )
    if (
        declared.is_keras
        and declared.call_inputs is not None
        and not declared.takes_examples(default)
    ):
        return CALL
    return default


def checked_name(declared: Declared, name: str, field: str) -> str:
    """A name of the config, if the model has a signature or attribute of it.

    Raises:
        ConfigError: it has none.
    """
    known = {*declared.signatures, *declared.attributes, CALL}
    if name not in known:
        raise ConfigError(
            f"model_specs.{field} names {name!r}, which the model {declared.path!r} does not "
            f"have{nearest(name, known)}. {declared.listing()}"
        )
    return name


def _default_signature(declared: Declared) -> str | None:
    if DEFAULT_SIGNATURE in declared.signatures:
        return DEFAULT_SIGNATURE
    return next(iter(declared.signatures)) if len(declared.signatures) == 1 else None


def names_examples(name: str) -> bool:
    """Whether an input is called as those of serialized examples are."""
    return bool(_EXAMPLES_NAME.search(name))


def parses_examples(nodes: Iterable[Any]) -> bool:
    """Whether among a graph's nodes is one that parses examples."""
    return any(_PARSERS.search(node.op) for node in nodes)


def graph_parses_examples(graph_def: Any) -> bool:
    """Whether a graph or any of its functions parses examples."""
    return parses_examples(_all_nodes(graph_def))


def _all_nodes(graph_def: Any) -> Iterator[Any]:
    yield from graph_def.node
    for function in graph_def.library.function:
        yield from function.node_def


def _with_functions(nodes: Sequence[Any], graph_def: Any) -> Iterator[Any]:
    functions = {function.signature.name: function for function in graph_def.library.function}
    waiting = list(nodes)
    seen: set[str] = set()
    while waiting:
        node = waiting.pop()
        yield node
        called = {name for attr in node.attr.values() for name in _called(attr)} - seen
        seen |= called
        for name in called & set(functions):
            waiting.extend(functions[name].node_def)


def _called(attr: Any) -> list[str]:
    if attr.WhichOneof("value") == "func":
        return [attr.func.name]
    return [function.name for function in attr.list.func]


def _node_names(tensors: Iterable[str]) -> list[str]:
    return [name.removeprefix("^").partition(":")[0] for name in tensors]


def _widest(node: Any) -> int:
    shapes = node.attr["_output_shapes"].list.shape if "_output_shapes" in node.attr else ()
    sizes = (
        [None if dim.size < 0 else dim.size for dim in shape.dim]
        for shape in shapes
        if not shape.unknown_rank
    )
    return max((row_bytes(each, _ELEMENT_BYTES) for each in sizes), default=1)


def _attributes(meta_graph: meta_graph_pb2.MetaGraphDef) -> Iterator[str]:
    """The model's children that are functions, or objects that can be called."""
    nodes = meta_graph.object_graph_def.nodes
    if not nodes:
        return
    for child in nodes[0].children:
        node = nodes[child.node_id]
        is_function = node.WhichOneof("kind") in ("function", "bare_concrete_function")
        is_callable = any(inner.local_name == CALL for inner in node.children)
        if (is_function or is_callable) and not _is_of_keras(child.local_name):
            yield child.local_name


def _is_of_keras(name: str) -> bool:
    return name.startswith(("_", "layer-", "layer_with_weights-", "call_and_return"))


def _call_inputs(meta_graph: meta_graph_pb2.MetaGraphDef) -> frozenset[str] | None:
    """The keys of the dict that the model's call takes first."""
    objects = meta_graph.object_graph_def
    for child in objects.nodes[0].children if objects.nodes else ():
        if child.local_name != CALL:
            continue
        for name in objects.nodes[child.node_id].function.concrete_functions:
            function = objects.concrete_functions[name]
            arguments = function.canonicalized_input_signature.tuple_value.values
            positional = arguments[0].tuple_value.values if arguments else ()
            if positional and positional[0].WhichOneof("kind") == "dict_value":
                return frozenset(positional[0].dict_value.fields)
    return None
