"""Models without weights to learn: the predictions are numbers in the data.

So results can be told by hand. With them the unusual ways in: several rows an input, an iterator,
CSV, sequences, ragged features.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from microtome.export import EvalInputReceiver, export_eval_savedmodel
from tests.zoo import data, training
from tests.zoo.models import Built

Receiver = Callable[[tf.Tensor], EvalInputReceiver]

SPEC: dict[str, Any] = {
    "prediction": tf.io.FixedLenFeature([1], tf.float32),
    "label": tf.io.FixedLenFeature([1], tf.float32),
    "weight": tf.io.FixedLenFeature([1], tf.float32),
    "language": tf.io.VarLenFeature(tf.string),
    "slice_key": tf.io.FixedLenFeature([1], tf.string, default_value=[""]),
}


def fixed_records(num_rows: int = 200, seed: int = 3) -> list[bytes]:
    """Examples of `SPEC`: predictions are multiples of 1/64, so that sums of them are exact."""
    rng = np.random.default_rng(seed)
    records = []
    for row in range(num_rows):
        columns: dict[str, Any] = {
            "prediction": [float(rng.integers(0, 65) / 64)],
            "label": [float(rng.random() < 0.4)],
            "weight": [float(rng.integers(1, 9) / 4)],
            "language": [str(value) for value in rng.choice(["en", "zh"], size=row % 3)],
            "slice_key": [f"key{row % 7}"],
        }
        records.append(data.example(columns))
    return records


def _train_op() -> tf.Operation:
    # an Estimator exports from a checkpoint, so there must be a variable
    tf.compat.v1.get_variable("unused", [1])
    return tf.compat.v1.assign_add(tf.compat.v1.train.get_or_create_global_step(), 1)


def model_fn(features: Any, labels: Any, mode: str, params: Any) -> Any:
    """Predicts the feature `prediction`.

    `params` may limit the rows of a batch, or make features or predictions one bare tensor.
    """
    prediction = features if params.get("bare_features") else features["prediction"]
    limit = params.get("batch_limit")
    if limit is not None and mode == tf.estimator.ModeKeys.EVAL:
        with tf.control_dependencies(
            [
                tf.debugging.assert_less_equal(
                    tf.shape(prediction)[0], limit, message="batch too large"
                )
            ]
        ):
            prediction = tf.identity(prediction)
    predictions = prediction if params.get("bare_predictions") else {"logistic": prediction}
    metrics = tf.compat.v1.metrics
    train_op = _train_op()
    if labels is None:
        loss = tf.reduce_mean(prediction)
        ops = {"mean": metrics.mean(prediction), "mean_square": metrics.mean(tf.square(prediction))}
    else:
        loss = tf.reduce_mean(tf.square(prediction - labels))
        ops = {
            "accuracy": metrics.accuracy(labels, tf.round(prediction)),
            "mean_label": metrics.mean(labels),
            "mean_prediction": metrics.mean(prediction),
            "auc": metrics.auc(labels, prediction),
        }
        if isinstance(features, dict) and "weight" in features:
            ops["mean_weighted"] = metrics.mean(prediction, features["weight"])
    return tf.estimator.EstimatorSpec(
        mode, predictions=predictions, loss=loss, train_op=train_op, eval_metric_ops=ops
    )


def _builder(
    receiver: Receiver,
    records: Callable[[], list[bytes]] = fixed_records,
    slice_features: Sequence[str] = ("language", "slice_key"),
    weight: str | None = None,
    serving: bool = False,
    **params: Any,
) -> Callable[[str], Built]:
    """A builder of the fixed-prediction model whose inputs `receiver` parses."""

    def eval_input_receiver_fn() -> EvalInputReceiver:
        return receiver(tf.compat.v1.placeholder(tf.string, [None], name="input_example"))

    def train_input_fn() -> tf.data.Dataset:
        column = tf.constant([[0.0], [1.0]])
        features = column if params.get("bare_features") else {"prediction": column}
        return tf.data.Dataset.from_tensors((features, column))

    def serving_input_receiver_fn() -> Any:
        examples = tf.compat.v1.placeholder(tf.string, [None], name="serving_example")
        features = tf.io.parse_example(examples, {"prediction": SPEC["prediction"]})
        return tf.estimator.export.ServingInputReceiver(features, {"examples": examples})

    def build(home: str) -> Built:
        config = training.run_config(home)
        estimator = tf.estimator.Estimator(model_fn, config=config, params=params)
        estimator.train(train_input_fn, steps=1)
        path = export_eval_savedmodel(
            estimator=estimator,
            export_dir_base=os.path.join(home, "export"),
            eval_input_receiver_fn=eval_input_receiver_fn,
            serving_input_receiver_fn=serving_input_receiver_fn if serving else None,
        )
        return Built(
            model_path=path.decode(),
            records=records(),
            slice_features=list(slice_features),
            example_weight_key=weight,
        )

    return build


def _plain(examples: tf.Tensor) -> EvalInputReceiver:
    features = tf.io.parse_example(examples, SPEC)
    return EvalInputReceiver(
        features=features, labels=features["label"], receiver_tensors={"examples": examples}
    )


def _no_labels(examples: tf.Tensor) -> EvalInputReceiver:
    spec = {key: SPEC[key] for key in ("prediction", "language", "slice_key")}
    features = tf.io.parse_example(examples, spec)
    return EvalInputReceiver(features=features, receiver_tensors={"examples": examples})


def _bare_features(examples: tf.Tensor) -> EvalInputReceiver:
    parsed = tf.io.parse_example(examples, SPEC)
    return EvalInputReceiver(
        features=parsed["prediction"],
        labels=parsed["label"],
        receiver_tensors={"examples": examples},
    )


def _ragged(examples: tf.Tensor) -> EvalInputReceiver:
    ragged = tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64)
    features = tf.io.parse_example(examples, {**SPEC, "language": ragged})
    return EvalInputReceiver(
        features=features, labels=features["label"], receiver_tensors={"examples": examples}
    )


def _csv(examples: tf.Tensor) -> EvalInputReceiver:
    prediction, label, language, slice_key = tf.io.decode_csv(examples, [[0.0], [0.0], [""], [""]])
    return EvalInputReceiver(
        features={
            "prediction": prediction[:, None],
            "language": language[:, None],
            # one-dimensional: slicing must take it too
            "slice_key": slice_key,
        },
        labels=label[:, None],
        receiver_tensors={"examples": examples},
    )


def csv_records() -> list[bytes]:
    """Rows of CSV: prediction, label, language, slice key."""
    rng = np.random.default_rng(5)
    records = []
    for row in range(120):
        prediction, label = rng.integers(0, 65) / 64, rng.integers(0, 2)
        records.append(f"{prediction},{label},{('zh', 'en')[row % 2]},k{row % 3}".encode())
    return records


LISTS: dict[str, Any] = {
    "prediction": tf.io.VarLenFeature(tf.float32),
    "label": tf.io.VarLenFeature(tf.float32),
    "language": tf.io.VarLenFeature(tf.string),
    "slice_key": tf.io.FixedLenFeature([1], tf.string),
}


def _rows_of_inputs(examples: tf.Tensor) -> EvalInputReceiver:
    parsed = tf.io.parse_example(examples, LISTS)
    refs = parsed["prediction"].indices[:, 0]
    return EvalInputReceiver(
        features={
            "prediction": parsed["prediction"].values[:, None],
            "language": parsed["language"].values[:, None],
            "slice_key": tf.gather(parsed["slice_key"], refs),
        },
        labels=parsed["label"].values[:, None],
        receiver_tensors={"examples": examples},
        input_refs=refs,
    )


def list_records() -> list[bytes]:
    """Inputs that make 0, 1, 2 or 3 rows each: lists of predictions, labels and languages."""
    rng = np.random.default_rng(9)
    records = []
    for index in range(80):
        rows = index % 4
        records.append(
            data.example(
                {
                    "prediction": [float(value / 64) for value in rng.integers(0, 65, rows)],
                    "label": [float(value) for value in rng.integers(0, 2, rows)],
                    "language": [str(value) for value in rng.choice(["en", "zh"], rows)],
                    "slice_key": [f"key{index % 5}"],
                }
            )
        )
    return records


def _iterator(examples: tf.Tensor) -> EvalInputReceiver:
    dataset = tf.data.Dataset.from_tensor_slices(
        (examples, tf.range(tf.size(examples, out_type=tf.int64)))
    )
    iterator = tf.compat.v1.data.make_initializable_iterator(dataset.batch(16))
    batch, refs = iterator.get_next()
    features = tf.io.parse_example(batch, SPEC)
    return EvalInputReceiver(
        features=features,
        labels=features["label"],
        receiver_tensors={"examples": examples},
        input_refs=refs,
        iterator_initializer=iterator.initializer,
    )


def _sequences(examples: tf.Tensor) -> EvalInputReceiver:
    context, steps, _ = tf.io.parse_sequence_example(
        examples,
        context_features={key: SPEC[key] for key in ("label", "language")},
        sequence_features={"scores": tf.io.VarLenFeature(tf.float32)},
    )
    prediction = tf.sparse.reduce_max(steps["scores"], axis=[1, 2])[:, None]
    return EvalInputReceiver(
        features={"prediction": prediction, "language": context["language"], **steps},
        labels=context["label"],
        receiver_tensors={"examples": examples},
    )


def sequence_records() -> list[bytes]:
    """`tf.SequenceExample`s with 1 to 4 steps of one score each."""
    rng = np.random.default_rng(11)
    records = []
    for index in range(60):
        context = tf.train.Example.FromString(
            data.example({"label": [float(index % 2)], "language": [("en", "zh")[index % 3 == 0]]})
        ).features
        steps = [
            tf.train.Feature(float_list=tf.train.FloatList(value=[value / 64]))
            for value in rng.integers(0, 65, size=1 + index % 4)
        ]
        lists = tf.train.FeatureLists(feature_list={"scores": tf.train.FeatureList(feature=steps)})
        records.append(
            tf.train.SequenceExample(context=context, feature_lists=lists).SerializeToString()
        )
    return records


BATCH_LIMIT = 8

MODELS: dict[str, Callable[[str], Built]] = {
    "fixed": _builder(_plain, weight="weight"),
    "fixed_with_serving": _builder(_plain, serving=True),
    "fixed_bare_predictions": _builder(_plain, bare_predictions=True),
    "fixed_bare_features": _builder(_bare_features, slice_features=(), bare_features=True),
    "fixed_no_labels": _builder(_no_labels),
    "fixed_ragged": _builder(_ragged, weight="weight"),
    "fixed_csv": _builder(_csv, csv_records),
    "fixed_sequences": _builder(_sequences, sequence_records, ["language"]),
    "fixed_batch_limit": _builder(_plain, batch_limit=BATCH_LIMIT),
    "rows_of_inputs": _builder(_rows_of_inputs, list_records),
    "iterator": _builder(_iterator),
}
