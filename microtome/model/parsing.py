"""What a model parses from its examples, and whether examples have it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf import message

# ops through which the examples reach the parser unchanged
_PASSING = ("Identity", "Reshape")

HOW_TO_GIVE = (
    "Give the examples that the Trainer's eval_input_receiver_fn parses: a model that transforms "
    "its features itself takes raw examples and not what TensorFlow Transform made of them (in "
    "TFX, ExampleGen's examples and not Transform's transformed_examples)."
)


def parsed_names(graph_def: Any, examples: Iterable[str]) -> frozenset[str]:
    """The features that a graph parses from serialized `tf.Example`s.

    Args:
        graph_def: the GraphDef.
        examples: names of the tensors that receive the examples.

    Returns:
        Their names; none where the graph parses in another way, such as in a `tf.data` pipeline.
    """
    parsers = [node for node in graph_def.node if node.op in _KEYS]
    if not parsers:
        return frozenset()
    nodes = {node.name: node for node in graph_def.node}
    receivers = {name.partition(":")[0] for name in examples}
    found: set[str] = set()
    for parser in parsers:
        if _source(parser.input[0], nodes) in receivers:
            for name in _KEYS[parser.op](parser):
                found |= _strings(nodes.get(_node_name(name)))
    return frozenset(found)


def _keys_of_v1(parser: Any) -> Sequence[str]:
    # serialized, names, sparse keys, dense keys, defaults
    count = parser.attr["Nsparse"].i + parser.attr["Ndense"].i
    return list(parser.input)[2 : 2 + count]


def _keys_of_v2(parser: Any) -> Sequence[str]:
    # serialized, names, sparse keys, dense keys, ragged keys, defaults
    return list(parser.input)[2:5]


_KEYS = {"ParseExample": _keys_of_v1, "ParseExampleV2": _keys_of_v2}


def _source(name: str, nodes: Mapping[str, Any]) -> str:
    node = nodes.get(_node_name(name))
    while node is not None and node.op in _PASSING:
        node = nodes.get(_node_name(node.input[0]))
    return "" if node is None else node.name


def _node_name(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]


def _strings(node: Any) -> set[str]:
    import tensorflow as tf

    if node is None or node.op != "Const":
        return set()
    values = tf.make_ndarray(node.attr["value"].tensor)
    return {value.decode(errors="backslashreplace") for value in values.reshape(-1)}


def feature_names(example: bytes) -> frozenset[str]:
    """The features that a serialized `tf.Example` has; none if it is no such message."""
    import tensorflow as tf

    with warnings.catch_warnings():
        # of what is no such message, which the C++ parser says besides raising an error, or instead
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            return frozenset(tf.train.Example.FromString(example).features.feature)
        except message.DecodeError:
            return frozenset()


def are_of_other_features(parsed: frozenset[str], examples: Iterable[bytes]) -> bool:
    """Whether examples have features, but none that the model parses."""
    has_any = False
    for example in examples:
        names = feature_names(example)
        if not parsed or parsed & names:
            return False
        has_any |= bool(names)
    return has_any


def compared(parsed: frozenset[str], example: bytes) -> str:
    """Sentences that say which of the features that a model parses an example has."""
    names = feature_names(example)
    text = f"The model parses the features {_listed(parsed)}"
    if not names or parsed <= names:
        return f"{text}."
    lacking = "none of these" if not parsed & names else f"not {_listed(parsed - names)}"
    return f"{text}. The example has {lacking}; it has: {_listed(names)}."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
