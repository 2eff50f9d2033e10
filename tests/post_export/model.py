"""A model whose predictions are numbers in the data, with two labels and three classes."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from microtome.export import EvalInputReceiver, export_eval_savedmodel
from tests.zoo import data, training

CLASSES = ("no", "maybe", "yes")
ROWS = 240

_SPEC: dict[str, Any] = {
    "score": tf.io.FixedLenFeature([1], tf.float32),
    "scores": tf.io.FixedLenFeature([3], tf.float32),
    "share": tf.io.FixedLenFeature([1], tf.float32),
    "answer": tf.io.FixedLenFeature([1], tf.string),
    "weight": tf.io.FixedLenFeature([1], tf.float32),
    "group": tf.io.FixedLenFeature([1], tf.int64),
    "side": tf.io.FixedLenFeature([1], tf.string),
}


def columns() -> dict[str, npt.NDArray[Any]]:
    """The data: `score` and `scores` are predictions, `share` and `answer` labels.

    Scores have two decimals, so that many lie on thresholds and edges.
    """
    rng = np.random.default_rng(7)
    share = rng.choice([0.0, 0.0, 0.25, 1.0, 1.0], (ROWS, 1))
    answers = rng.integers(0, 4, ROWS)
    # every other row has classes of equal scores
    scores = np.tile([[0.1, 0.31, 0.59], [0.2, 0.4, 0.4]], (ROWS // 2, 1))
    scores = rng.permuted(scores, axis=1)
    return {
        "score": np.round(0.4 * share + 0.6 * rng.random((ROWS, 1)), 2).astype(np.float32),
        "scores": scores.astype(np.float32),
        "share": share.astype(np.float32),
        # one answer is no class
        "answer": np.array([*CLASSES, "perhaps"])[answers][:, None],
        "weight": (rng.integers(1, 9, (ROWS, 1)) / 4).astype(np.float32),
        "group": rng.integers(0, 2, (ROWS, 1)),
        "side": rng.choice(["left", "right"], (ROWS, 1)),
    }


def export(home: str) -> tuple[str, str]:
    """Writes the model and its data; returns their paths."""
    found = columns()
    path = os.path.join(home, "data.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for row in range(ROWS):
            writer.write(data.example({name: found[name][row].tolist() for name in found}))
    estimator = tf.estimator.Estimator(_model_fn, config=training.run_config(home))
    estimator.train(_train_input, steps=1)
    exported = export_eval_savedmodel(
        estimator=estimator,
        export_dir_base=os.path.join(home, "export"),
        eval_input_receiver_fn=_receiver,
    )
    return exported.decode(), path


def _model_fn(features: Any, labels: Any, mode: str) -> Any:
    tf.compat.v1.get_variable("unused", [1])
    step = tf.compat.v1.assign_add(tf.compat.v1.train.get_or_create_global_step(), 1)
    rows = tf.shape(features["score"])[0]
    predictions = {
        "logistic": features["score"],
        "probabilities": features["scores"],
        "all_classes": tf.tile(tf.constant([CLASSES]), [rows, 1]),
    }
    loss = tf.reduce_mean(features["score"])
    return tf.estimator.EstimatorSpec(mode, predictions=predictions, loss=loss, train_op=step)


def _train_input() -> tf.data.Dataset:
    features = {"score": tf.constant([[0.5]]), "scores": tf.constant([[0.2, 0.3, 0.5]])}
    return tf.data.Dataset.from_tensors((features, {"share": tf.constant([[1.0]])}))


def _receiver() -> EvalInputReceiver:
    examples = tf.compat.v1.placeholder(tf.string, [None], name="input_example")
    features = tf.io.parse_example(examples, _SPEC)
    labels = {name: features[name] for name in ("share", "answer")}
    return EvalInputReceiver(
        features=features, labels=labels, receiver_tensors={"examples": examples}
    )
