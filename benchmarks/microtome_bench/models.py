"""The models that are measured: the demo's, and wide-and-deep ones with 320 MB of embeddings."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import types
from typing import Any

from microtome_bench import datasets

FLIGHTS, BINARY, MULTI_CLASS, REGRESSION = "flights", "binary", "multi-class", "regression"
MODELS = (FLIGHTS, BINARY, MULTI_CLASS, REGRESSION)
_LABELS = {BINARY: "bought", MULTI_CLASS: "rating", REGRESSION: "spent"}
_TRAINED_ON = 50_000
_EMBEDDINGS = {"user": (1_000_000, 48), "item": (500_000, 64)}


def data_of(model: str) -> str:
    """The kind of data that a model is for."""
    return datasets.FLIGHTS if model == FLIGHTS else datasets.VISITS


def folder_of(folder: str, model: str) -> str:
    """Where an EvalSavedModel is."""
    return os.path.join(folder, "models", model)


def load(path: str) -> tuple[Any, Any, Any]:
    """Loads an EvalSavedModel with TensorFlow alone.

    Returns:
        A session of its graph, its signature, and the placeholder for the examples.
    """
    import tensorflow as tf

    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph)
    with graph.as_default():
        signature = tf.compat.v1.saved_model.load(session, ["eval"], path).signature_def["eval"]
    (examples,) = (
        graph.get_tensor_by_name(info.name)
        for key, info in signature.inputs.items()
        if key.startswith("inputs/")
    )
    return session, signature, examples


def prepare(folder: str, model: str) -> str:
    """Trains and exports a model where it is not there; returns the EvalSavedModel's folder."""
    target = folder_of(folder, model)
    if not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            exported = (_flights if model == FLIGHTS else _visits)(folder, model, work)
            shutil.move(exported, target)
    return target


def _training_file(folder: str, kind: str, work: str) -> str:
    import tensorflow as tf

    path = os.path.join(work, "train.gz")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for record in datasets.records(folder, kind, _TRAINED_ON):
            writer.write(record)
    return path


def _flights(folder: str, model: str, work: str) -> str:
    """The demo's model, which can be sliced by the plane and the day of the month, too."""
    import tensorflow as tf

    from microtome import export
    from microtome.pipelines.flights import trainer

    def eval_input_receiver_fn() -> export.EvalInputReceiver:
        receiver = trainer.eval_input_receiver_fn()
        examples = receiver.receiver_tensors["inputs/examples"]
        more = {
            "tailnum": tf.io.FixedLenFeature([], tf.string, ""),
            "day": tf.io.FixedLenFeature([], tf.int64),
        }
        return export.EvalInputReceiver(
            features={**receiver.features, **tf.io.parse_example(examples, more)},
            labels=receiver.labels,
            receiver_tensors={"examples": examples},
        )

    arguments = types.SimpleNamespace(
        train_files=[_training_file(folder, datasets.FLIGHTS, work)],
        train_steps=300,
        model_run_dir=os.path.join(work, "run"),
    )
    estimator = trainer.build_estimator(arguments)
    spec = {**trainer.feature_spec(), trainer.LABEL: tf.io.FixedLenFeature([], tf.int64)}
    estimator.train(
        lambda: trainer.input_fn(arguments.train_files, spec, trainer.LABEL), max_steps=300
    )
    return _export(estimator, work, eval_input_receiver_fn)


def _visits(folder: str, model: str, work: str) -> str:
    import tensorflow as tf

    from microtome import export
    from microtome.pipelines.flights import trainer

    label = _LABELS[model]

    def eval_input_receiver_fn() -> export.EvalInputReceiver:
        examples = tf.compat.v1.placeholder(tf.string, [None])
        features = tf.io.parse_example(examples, {**_visit_spec(), label: _label_spec(label)})
        return export.EvalInputReceiver(
            features=features, labels=features[label], receiver_tensors={"examples": examples}
        )

    estimator = _wide_and_deep(model, os.path.join(work, "run"))
    files = [_training_file(folder, datasets.VISITS, work)]
    spec = {**_visit_spec(), label: _label_spec(label)}
    estimator.train(lambda: trainer.input_fn(files, spec, label), max_steps=100)
    return _export(estimator, work, eval_input_receiver_fn)


def _visit_spec() -> dict[str, Any]:
    import tensorflow as tf

    words = {
        name: tf.io.FixedLenFeature([], tf.int64 if name in datasets.NUMBERED else tf.string)
        for name in datasets.VISIT_SIZES
    }
    numbers = {name: tf.io.FixedLenFeature([], tf.float32) for name in ("age", "price")}
    return {**words, **numbers}


def _label_spec(label: str) -> Any:
    import tensorflow as tf

    return tf.io.FixedLenFeature([], tf.float32 if label == "spent" else tf.int64)


def _wide_and_deep(model: str, model_dir: str) -> Any:
    import tensorflow as tf

    column = tf.feature_column
    hashed = {
        name: column.categorical_column_with_hash_bucket(name, size)
        for name, size in (("category", 100), ("country", 100), ("device", 10))
    }
    rare = {
        name: column.categorical_column_with_hash_bucket(name, size)
        for name, (size, _) in _EMBEDDINGS.items()
    }
    wide = [*hashed.values(), *rare.values(), column.crossed_column(["country", "device"], 1000)]
    deep = [
        *(column.numeric_column(name) for name in ("age", "price")),
        *(column.embedding_column(rare[name], width) for name, (_, width) in _EMBEDDINGS.items()),
        *(column.embedding_column(each, 8) for each in hashed.values()),
    ]
    arguments: dict[str, Any] = {
        "linear_feature_columns": wide,
        "linear_optimizer": lambda: tf.keras.optimizers.legacy.Ftrl(0.01),
        "dnn_feature_columns": deep,
        "dnn_optimizer": lambda: tf.keras.optimizers.legacy.Adagrad(0.05),
        "dnn_hidden_units": [128, 64],
        "model_dir": model_dir,
        "config": tf.estimator.RunConfig(tf_random_seed=2013, save_summary_steps=1000),
    }
    if model == REGRESSION:
        return tf.estimator.DNNLinearCombinedRegressor(**arguments)
    classes = 2 if model == BINARY else 10
    return tf.estimator.DNNLinearCombinedClassifier(n_classes=classes, **arguments)


def _export(estimator: Any, work: str, eval_input_receiver_fn: Any) -> str:
    import tensorflow as tf

    from microtome import export

    exported = export.export_eval_savedmodel(
        estimator=estimator,
        export_dir_base=os.path.join(work, "eval"),
        eval_input_receiver_fn=eval_input_receiver_fn,
    )
    return str(tf.compat.as_str(exported))


if __name__ == "__main__":
    # python -m microtome_bench.models FOLDER [MODEL ...] [ROWS ...]: in a process of its own, so
    # that no contender's memory holds what it took
    folder, *wanted = sys.argv[1:]
    for name in wanted:
        if name in MODELS:
            prepare(folder, name)
        else:
            kind, rows = name.split("-")
            datasets.prepare(folder, kind, int(rows))
