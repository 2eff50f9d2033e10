"""What an EvalSavedModel declares: its inputs, features, labels, predictions and metrics.

Three eras of the format are read (TFMA releases that wrote them in brackets):

* `signature` (0.12 and later): everything stands in the signature `eval`.
* `collections` (0.9 to 0.11): the signature has the one input; features, labels and example
  references stand in collections.
* `serve` (0.6): no signature; everything stands in collections, under the tag `serve`.
"""

from __future__ import annotations

import dataclasses
import enum
import os
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf import message
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from microtome.errors import ModelError
from microtome.model.op_errors import op_error_text
from microtome.model.parsing import parsed_names

EVAL_TAG = "eval"
SERVE_TAG = "serve"
_ROOT = "evaluation_only"
_HOW_TO_EXPORT = (
    "Export one from the Trainer with microtome.export.export_eval_savedmodel(estimator=..., "
    "export_dir_base=..., eval_input_receiver_fn=...)"
)


class Era(str, enum.Enum):
    """Which generation of the format a model directory is written in."""

    SIGNATURE = "signature"
    COLLECTIONS = "collections"
    SERVE = "serve"


@dataclasses.dataclass(frozen=True)
class MetricTensors:
    """The two tensors of a metric; `update` adds a batch, `value` reads the result."""

    value: meta_graph_pb2.TensorInfo
    update: meta_graph_pb2.TensorInfo


@dataclasses.dataclass(frozen=True)
class ModelSignature:
    """The declared parts of an EvalSavedModel. A lone tensor of a group is keyed `__<group>`.

    Attributes:
        parsed: names of the features that its graph parses from the examples, as far as it tells;
            not all need be among `features`.
    """

    path: str
    era: Era
    tags: tuple[str, ...]
    version: str
    inputs: Mapping[str, meta_graph_pb2.TensorInfo]
    input_refs: meta_graph_pb2.TensorInfo | None
    features: Mapping[str, meta_graph_pb2.TensorInfo]
    labels: Mapping[str, meta_graph_pb2.TensorInfo]
    predictions: Mapping[str, meta_graph_pb2.TensorInfo]
    metrics: Mapping[str, MetricTensors]
    iterator_initializer: str | None
    additional: Mapping[str, Mapping[str, meta_graph_pb2.TensorInfo]]
    parsed: frozenset[str] = frozenset()


def read_signature(
    path: str, additional_prefixes: tuple[str, ...] = (), tags: tuple[str, ...] | None = None
) -> ModelSignature:
    """Reads the declaration of the EvalSavedModel in directory `path`.

    Args:
        path: the directory that holds `saved_model.pb`.
        additional_prefixes: groups of extra tensors (`<prefix>/<key>` among the signature's inputs)
            to read.
        tags: the meta graph's tags; by default whichever EvalSavedModels carry.

    Raises:
        ModelError: the directory holds no EvalSavedModel.
    """
    meta_graphs = read_saved_model(path).meta_graphs
    meta_graph = _choose_meta_graph(path, meta_graphs, tags)
    signature = meta_graph.signature_def.get("eval")
    if signature is None:
        return _from_serve_collections(path, meta_graph)
    return _from_signature(path, meta_graph, signature, additional_prefixes)


def read_saved_model(
    path: str, wanted: str = "EvalSavedModel", how_to_export: str = _HOW_TO_EXPORT
) -> saved_model_pb2.SavedModel:
    """Reads `saved_model.pb` in directory `path`.

    Args:
        wanted: what is looked for there, for messages.
        how_to_export: a sentence without its full stop, for messages.

    Raises:
        ModelError: there is none, or it is damaged.
    """
    import tensorflow as tf

    file = os.path.join(path, "saved_model.pb")
    if not tf.io.gfile.exists(file):
        raise ModelError(f"No {wanted} in {path!r}: {_what_is_there(path, how_to_export)}.")
    try:
        with tf.io.gfile.GFile(file, "rb") as stream:
            content = stream.read()
    except tf.errors.OpError as error:
        raise ModelError(f"{file!r} cannot be read: {op_error_text(error)}") from error
    saved_model = _parsed(content)
    if saved_model is None or not saved_model.meta_graphs:
        raise ModelError(
            f"{file!r} ({len(content)} bytes) is not a SavedModel protocol buffer, or is cut off. "
            "Copy the model's directory anew from where it was exported."
        )
    return saved_model


def _parsed(content: bytes) -> saved_model_pb2.SavedModel | None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            saved_model = saved_model_pb2.SavedModel.FromString(content)
        except message.DecodeError:
            return None
    # some implementations of protobuf warn instead of failing
    return None if caught else saved_model


def _what_is_there(path: str, how_to_export: str) -> str:
    import tensorflow as tf

    if not tf.io.gfile.exists(path):
        return f"there is no such directory. {how_to_export}"
    if not tf.io.gfile.isdir(path):
        return "it is a file, not a directory"
    entries = sorted(name.rstrip("/") for name in tf.io.gfile.listdir(path))
    for name in reversed(entries):
        if tf.io.gfile.exists(os.path.join(path, name, "saved_model.pb")):
            inner = os.path.join(path, name)
            return f"it holds no saved_model.pb, but {inner!r} does; name that directory"
    listing = ", ".join(entries[:5]) + (", ..." if len(entries) > 5 else "")
    return f"it holds no saved_model.pb (found: {listing or 'nothing'}). {how_to_export}"


def _choose_meta_graph(
    path: str, meta_graphs: Sequence[Any], tags: tuple[str, ...] | None
) -> meta_graph_pb2.MetaGraphDef:
    by_tags = {frozenset(m.meta_info_def.tags): m for m in meta_graphs}
    if tags is not None:
        if frozenset(tags) in by_tags:
            return by_tags[frozenset(tags)]
        raise ModelError(
            f"{path!r} has no meta graph with the tags {sorted(tags)}; {_tag_listing(by_tags)}."
        )
    if frozenset([EVAL_TAG]) in by_tags:
        return by_tags[frozenset([EVAL_TAG])]
    serving = by_tags.get(frozenset([SERVE_TAG]))
    if serving is not None and f"{_ROOT}/metrics/key" in serving.collection_def:
        return serving
    if serving is not None:
        raise ModelError(
            f"{path!r} is a serving model: it has the tag {SERVE_TAG!r} but no meta graph for "
            "evaluation (tag "
            f"{EVAL_TAG!r}), so it holds no metrics. {_HOW_TO_EXPORT}, beside the serving model; "
            "or name metrics in metrics_specs of an eval_config, which are of what it serves."
        )
    raise ModelError(
        f"{path!r} is a SavedModel without a meta graph for evaluation (tag {EVAL_TAG!r}); "
        f"{_tag_listing(by_tags)}. {_HOW_TO_EXPORT}."
    )


def _tag_listing(by_tags: Iterable[frozenset[str]]) -> str:
    return "its meta graphs have the tags " + (
        ", ".join(str(sorted(t)) for t in by_tags) or "(none)"
    )


def _from_signature(
    path: str, meta_graph: Any, signature: Any, additional_prefixes: tuple[str, ...]
) -> ModelSignature:
    inputs = dict(signature.inputs)
    if len(inputs) > 1:
        era = Era.SIGNATURE
        features, labels = _group(inputs, "features"), _group(inputs, "labels")
        receivers, input_refs = _group(inputs, "inputs"), inputs.get("input_refs")
        version = _string_constant(meta_graph.graph_def, inputs.get("tfma/version"))
    else:
        era = Era.COLLECTIONS
        collections = meta_graph.collection_def
        features = _collection_group(collections, "label_graph/features")
        labels = _collection_group(collections, "label_graph/labels")
        refs = _any_tensors(collections, f"{_ROOT}/label_graph/example_ref")
        receivers, input_refs = inputs, refs[0] if refs else None
        version = _collection_version(collections)
    return ModelSignature(
        path=path,
        era=era,
        tags=tuple(meta_graph.meta_info_def.tags),
        version=version,
        inputs=receivers,
        input_refs=input_refs,
        features=features,
        labels=labels,
        predictions=_group(dict(signature.outputs), "predictions"),
        metrics=_metrics(path, _group(dict(signature.outputs), "metrics")),
        iterator_initializer=_string_constant(
            meta_graph.graph_def, inputs.get("iterator_initializer")
        )
        or None,
        additional={prefix: _group(inputs, prefix) for prefix in additional_prefixes},
        parsed=_parsed_names(meta_graph, receivers),
    )


def _from_serve_collections(path: str, meta_graph: Any) -> ModelSignature:
    collections = meta_graph.collection_def
    if f"{_ROOT}/metrics/key" not in collections:
        raise ModelError(
            f"The meta graph {sorted(meta_graph.meta_info_def.tags)} of {path!r} has neither a "
            "signature 'eval' (it "
            f"has {sorted(meta_graph.signature_def) or 'none'}) nor the collections of older "
            "EvalSavedModels. "
            f"{_HOW_TO_EXPORT}."
        )
    keys = _keys(collections, f"{_ROOT}/metrics/key")
    values = _any_tensors(collections, f"{_ROOT}/metrics/value_op")
    updates = _any_tensors(collections, f"{_ROOT}/metrics/update_op")
    inputs = _any_tensors(collections, f"{_ROOT}/label_graph/input_example")
    refs = _any_tensors(collections, f"{_ROOT}/label_graph/example_ref")
    receivers = {"examples": inputs[0]} if inputs else {}
    return ModelSignature(
        path=path,
        era=Era.SERVE,
        tags=tuple(meta_graph.meta_info_def.tags),
        version=_collection_version(collections),
        inputs=receivers,
        input_refs=refs[0] if refs else None,
        features=_collection_group(collections, "label_graph/features"),
        labels=_collection_group(collections, "label_graph/labels"),
        predictions=_collection_group(collections, "predictions"),
        metrics={key: MetricTensors(v, u) for key, v, u in zip(keys, values, updates, strict=True)},
        iterator_initializer=None,
        additional={},
        parsed=_parsed_names(meta_graph, receivers),
    )


def _parsed_names(
    meta_graph: Any, receivers: Mapping[str, meta_graph_pb2.TensorInfo]
) -> frozenset[str]:
    return parsed_names(meta_graph.graph_def, [info.name for info in receivers.values()])


def _group(tensors: Mapping[str, meta_graph_pb2.TensorInfo], group: str) -> dict:
    """Picks a group by the format's rules: names that start with its word are not prefixed."""
    found: dict[str, meta_graph_pb2.TensorInfo] = {}
    for key, info in tensors.items():
        if not key.startswith(group):
            continue
        name = key[len(group) + 1 :] if key.startswith(group + "/") else key
        if name in found:
            raise ModelError(f"The model's signature names {name!r} twice among its {group}.")
        found[name] = info
    if list(found) == [group]:
        return {f"__{group}": found[group]}
    return found


def _metrics(
    path: str, tensors: Mapping[str, meta_graph_pb2.TensorInfo]
) -> dict[str, MetricTensors]:
    sides: dict[str, dict[str, meta_graph_pb2.TensorInfo]] = {}
    for key, info in tensors.items():
        name, _, side = key.rpartition("/")
        if side not in ("value", "update_op"):
            raise ModelError(
                f"The metric key {key!r} of {path!r} ends neither in '/value' nor in '/update_op'."
            )
        sides.setdefault(name, {})[side] = info
    incomplete = sorted(name for name, pair in sides.items() if len(pair) != 2)
    if incomplete:
        raise ModelError(
            f"Metrics of {path!r} lack their value or update_op: {', '.join(incomplete)}."
        )
    return {
        name: MetricTensors(sides[name]["value"], sides[name]["update_op"])
        for name in sorted(sides)
    }


def _string_constant(graph_def: graph_pb2.GraphDef, info: meta_graph_pb2.TensorInfo | None) -> str:
    if info is None:
        return ""
    name = info.name.partition(":")[0]
    for node in graph_def.node:
        if node.name == name and node.op == "Const":
            return node.attr["value"].tensor.string_val[0].decode()
    return ""


def _collection_version(collections: Any) -> str:
    values = collections[f"{_ROOT}/metadata/tfma_version"].bytes_list.value
    return values[0].decode() if values else ""


def _collection_group(collections: Any, name: str) -> dict[str, meta_graph_pb2.TensorInfo]:
    keys = _keys(collections, f"{_ROOT}/{name}/key")
    return dict(zip(keys, _any_tensors(collections, f"{_ROOT}/{name}/node"), strict=True))


def _keys(collections: Any, name: str) -> list[str]:
    if name not in collections:
        return []
    return [_decode_key(value) for value in collections[name].bytes_list.value]


def _decode_key(encoded: bytes) -> str:
    """Decodes `$Bytes$<key>` and `$Tuple$<n>$<len1>$...$<s1>$...`, parts joined by '/'."""
    if encoded.startswith(b"$Bytes$"):
        return encoded[len(b"$Bytes$") :].decode()
    match = re.match(rb"\$Tuple\$(\d+)\$", encoded)
    if not match:
        raise ModelError(
            f"The model's collections hold the key {encoded!r}, which is in no known encoding."
        )
    rest = encoded[match.end() :]
    lengths: list[int] = []
    parts: list[str] = []
    for _ in range(int(match.group(1))):
        digits, _, rest = rest.partition(b"$")
        lengths.append(int(digits))
    for length in lengths:
        parts.append(rest[:length].decode())
        rest = rest[length + 1 :]
    return "/".join(parts)


def _any_tensors(collections: Any, name: str) -> list[meta_graph_pb2.TensorInfo]:
    if name not in collections:
        return []
    return [
        meta_graph_pb2.TensorInfo.FromString(packed.value)
        for packed in collections[name].any_list.value
    ]
