"""EvalSavedModels written without any exporter, in each format that TFMA has had.

| era         | TFMA      | what says where things are                                          |
| ----------- | --------- | ------------------------------------------------------------------- |
| signature   | >= 0.12   | the signature `eval`; no collections                                |
| collections | 0.9–0.11  | features and labels in collections; the rest in the signature       |
| serve       | 0.6       | everything in collections, the meta graph tagged as a serving model |
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
from google.protobuf import any_pb2

from tests.zoo import data
from tests.zoo.models import Built
from tests.zoo.training import tf1_style

v1 = tf.compat.v1
LABEL_GRAPH = "evaluation_only/label_graph"


def _model() -> tuple[tf.Tensor, dict[str, Any], dict[str, tf.Tensor], dict[str, Any]]:
    """A logistic regression with set weights: input, features, predictions, metrics."""
    examples = v1.placeholder(tf.string, [None], name="input_example")
    features = tf.io.parse_example(examples, data.SPEC)
    weights = v1.get_variable("weights", initializer=tf.constant([[0.03], [0.4]]))
    bias = v1.get_variable("bias", initializer=tf.constant([-2.9]))
    table = tf.lookup.StaticVocabularyTable(
        tf.lookup.KeyValueTensorInitializer(
            tf.constant(data.COUNTRIES), tf.range(len(data.COUNTRIES), dtype=tf.int64)
        ),
        num_oov_buckets=1,
    )
    effect = v1.get_variable("effect", initializer=tf.linspace(-0.3, 0.3, len(data.COUNTRIES) + 1))
    numbers = tf.concat([features["age"], tf.cast(features["level"], tf.float32)], axis=1)
    logits = (
        tf.matmul(numbers, weights) + bias + tf.gather(effect, table.lookup(features["country"]))
    )
    logistic = tf.sigmoid(logits)
    label, weight = features["label"], features["weight"]
    predictions = {"logistic": logistic, "logits": logits}
    metrics = {
        "accuracy": v1.metrics.accuracy(label, tf.round(logistic)),
        "auc": v1.metrics.auc(label, logistic, weight),
        "average_loss": v1.metrics.mean(
            tf.nn.sigmoid_cross_entropy_with_logits(labels=label, logits=logits), weight
        ),
        "prediction/mean": v1.metrics.mean(logistic),
    }
    return examples, features, predictions, metrics


def _signature(
    inputs: Mapping[str, Any], predictions: Mapping[str, Any], metrics: Mapping[str, Any]
) -> dict[str, Any]:
    info = v1.saved_model.build_tensor_info
    outputs = {f"predictions/{key}": tensor for key, tensor in predictions.items()}
    for key, (value, update) in metrics.items():
        outputs[f"metrics/{key}/value"] = value
        outputs[f"metrics/{key}/update_op"] = update
    signature = v1.saved_model.build_signature_def(
        {key: info(tensor) for key, tensor in inputs.items()},
        {key: info(tensor) for key, tensor in outputs.items()},
        "tensorflow/supervised/eval",
    )
    return {"eval": signature}


def _collect(name: str, tensors: Mapping[str | tuple[str, ...], Any], nodes: str = "node") -> None:
    for key, tensor in tensors.items():
        v1.add_to_collection(f"{name}/key", _encoded(key))
        v1.add_to_collection(f"{name}/{nodes}", _packed(tensor))


def _encoded(key: str | tuple[str, ...]) -> bytes:
    if isinstance(key, str):
        return b"$Bytes$" + key.encode()
    parts = [part.encode() for part in key]
    lengths = [str(len(part)).encode() for part in parts]
    return b"$Tuple$" + b"$".join([str(len(parts)).encode(), *lengths, *parts])


def _packed(tensor: Any) -> any_pb2.Any:
    message = any_pb2.Any()
    message.Pack(v1.saved_model.build_tensor_info(tensor))
    return message


def _write_signature(path: str) -> None:
    examples, features, predictions, metrics = _model()
    inputs = {
        "inputs/examples": examples,
        "input_refs": tf.range(tf.size(examples)),
        "labels": features["label"],
        "tfma/version": tf.constant("0.12.0"),
        **{f"features/{key}": tensor for key, tensor in features.items()},
    }
    _save(path, "eval", _signature(inputs, predictions, metrics))


def _write_collections(path: str, example_ref: bool) -> None:
    examples, features, predictions, metrics = _model()
    _collect(f"{LABEL_GRAPH}/features", features)
    _collect(f"{LABEL_GRAPH}/labels", {"__labels": features["label"]})
    if example_ref:
        refs = _packed(tf.range(tf.size(examples)))
        v1.add_to_collection(f"{LABEL_GRAPH}/example_ref", refs)
    v1.add_to_collection("evaluation_only/metadata/tfma_version", b"0.9.2")
    _save(path, "eval", _signature({"examples": examples}, predictions, metrics))


def _write_serve(path: str) -> None:
    examples, features, predictions, metrics = _model()
    _collect(f"{LABEL_GRAPH}/features", features)
    _collect(f"{LABEL_GRAPH}/labels", {"__labels": features["label"]})
    v1.add_to_collection(f"{LABEL_GRAPH}/input_example", _packed(examples))
    named = {"logistic": predictions["logistic"], ("head", "logits"): predictions["logits"]}
    _collect("evaluation_only/predictions", named)
    for key, (value, update) in metrics.items():
        v1.add_to_collection("evaluation_only/metrics/key", _encoded(key))
        v1.add_to_collection("evaluation_only/metrics/value_op", _packed(value))
        v1.add_to_collection("evaluation_only/metrics/update_op", _packed(update))
    _save(path, "serve", None)


def _save(path: str, tag: str, signatures: dict[str, Any] | None) -> None:
    init = tf.group(v1.local_variables_initializer(), v1.tables_initializer())
    saver = v1.train.Saver(sharded=True)
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(path)
        how = {"legacy_init_op": init} if tag == "serve" else {"main_op": init}
        builder.add_meta_graph_and_variables(
            session, [tag], signatures, saver=saver, strip_default_attrs=True, **how
        )
        builder.save()


def _builder(
    write: Callable[..., None], era: str, old: bool = False, **arguments: Any
) -> Callable[[str], Built]:
    def build(home: str) -> Built:
        path = os.path.join(home, "export", "1500000000")
        with tf1_style() if old else contextlib.nullcontext(), tf.Graph().as_default():
            write(path, **arguments)
        return Built(
            model_path=path,
            records=data.people(),
            slice_features=[name for name in data.SLICE_FEATURES if name != "age_group"],
            example_weight_key="weight",
            era=era,
        )

    return build


MODELS: dict[str, Callable[[str], Built]] = {
    "handmade_signature": _builder(_write_signature, "signature"),
    "handmade_signature_tf1": _builder(_write_signature, "signature", old=True),
    "handmade_collections": _builder(_write_collections, "collections", example_ref=True),
    "handmade_collections_tf1": _builder(
        _write_collections, "collections", old=True, example_ref=False
    ),
    "handmade_serve_tf1": _builder(_write_serve, "serve", old=True),
}
