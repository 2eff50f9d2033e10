"""Trains a wide-and-deep Estimator on the flights; exports it to serve and to be evaluated.

TFX's Trainer calls `run_fn`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tfx.components.trainer import fn_args_utils
from tfx.utils import io_utils

from microtome import export

LABEL = "late"
BATCH_SIZE = 512
LEARNING_RATE = 0.01

NUMERIC = {  # name: (default where missing, mean, scale)
    "departure": (720, 800.0, 300.0),
    "arrival": (720, 900.0, 300.0),
    "distance": (1000, 1000.0, 700.0),
    "plane_year": (2001, 2001.0, 7.0),
    "plane_seats": (137, 137.0, 70.0),
}
CATEGORIES = {"hour": 24, "weekday": 7}
VOCABULARY = {"origin": ("EWR", "JFK", "LGA")}
HASHED = {"carrier": 64, "dest": 512, "plane_type": 16}

# The model must not see the month: the one that it will be judged by is not among those that it
# learns from.
SLICING_ONLY = ("month",)


def feature_spec() -> dict[str, tf.io.FixedLenFeature | tf.io.VarLenFeature]:
    """The features that the model reads; strings are sparse, as some rows lack them."""
    spec: dict[str, tf.io.FixedLenFeature | tf.io.VarLenFeature] = {}
    for name, (default, _, _) in NUMERIC.items():
        spec[name] = tf.io.FixedLenFeature([], tf.int64, default)
    for name in CATEGORIES:
        spec[name] = tf.io.FixedLenFeature([], tf.int64)
    for name in (*VOCABULARY, *HASHED):
        spec[name] = tf.io.VarLenFeature(tf.string)
    return spec


def labelled_spec() -> dict[str, tf.io.FixedLenFeature | tf.io.VarLenFeature]:
    """`feature_spec`, the label, and what serves to slice by only."""
    spec = feature_spec()
    for name in (*SLICING_ONLY, LABEL):
        spec[name] = tf.io.FixedLenFeature([], tf.int64)
    return spec


def build_estimator(fn_args: fn_args_utils.FnArgs) -> tf.estimator.Estimator:
    """A linear model of crossed features beside a network of embeddings."""
    column = tf.feature_column
    numeric = [
        # the defaults bind mean and scale of this very column
        column.numeric_column(
            name, normalizer_fn=lambda x, m=mean, s=scale: (tf.cast(x, tf.float32) - m) / s
        )
        for name, (_, mean, scale) in NUMERIC.items()
    ]
    categories = {
        name: column.categorical_column_with_identity(name, n) for name, n in CATEGORIES.items()
    }
    for name, words in VOCABULARY.items():
        categories[name] = column.categorical_column_with_vocabulary_list(name, words)
    for name, buckets in HASHED.items():
        categories[name] = column.categorical_column_with_hash_bucket(name, buckets)
    wide = [
        *categories.values(),
        column.crossed_column(["origin", "carrier"], 256),
        column.crossed_column(["carrier", "dest"], 2048),
        column.crossed_column(["origin", categories["hour"]], 256),
    ]
    deep = [
        *numeric,
        *(column.embedding_column(categories[name], 8) for name in ("carrier", "dest", "hour")),
        *(column.indicator_column(categories[name]) for name in ("origin", "weekday")),
    ]
    return wide_and_deep(fn_args, wide, deep)


def wide_and_deep(
    fn_args: fn_args_utils.FnArgs,
    wide: Sequence[Any],
    deep: Sequence[Any],
    label_vocabulary: Sequence[str] | None = None,
) -> tf.estimator.Estimator:
    """A linear model of the columns `wide` beside a network of the columns `deep`."""
    return tf.estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=wide,
        linear_optimizer=lambda: tf.keras.optimizers.legacy.Ftrl(LEARNING_RATE),
        dnn_feature_columns=deep,
        dnn_optimizer=lambda: tf.keras.optimizers.legacy.Adagrad(5 * LEARNING_RATE),
        dnn_hidden_units=[64, 32],
        label_vocabulary=label_vocabulary,
        model_dir=fn_args.model_run_dir,
        config=tf.estimator.RunConfig(
            tf_random_seed=2013,
            save_checkpoints_steps=fn_args.train_steps,
            save_summary_steps=fn_args.train_steps,
        ),
    )


def input_fn(patterns: list[str], spec: Mapping[str, Any], label: str) -> tf.data.Dataset:
    """Shuffled batches of (features, label), over and over.

    Args:
        patterns: Of gzipped TFRecord files of examples.
        spec: What to parse of them, the label too.
        label: The feature that is the label.
    """
    files = tf.io.gfile.glob(patterns)
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP")
    dataset = dataset.shuffle(100_000, seed=2013).repeat().batch(BATCH_SIZE)
    dataset = dataset.map(lambda rows: tf.io.parse_example(rows, spec))
    return dataset.map(lambda features: (features, features.pop(label))).prefetch(2)


def eval_input_receiver_fn() -> export.EvalInputReceiver:
    """What the EvalSavedModel reads: also labels, and features that only slices know."""
    examples = tf.compat.v1.placeholder(tf.string, [None], name="input_example_tensor")
    features = tf.io.parse_example(examples, labelled_spec())
    miles = features["distance"]
    features["haul"] = tf.where(miles < 700, "short", tf.where(miles < 1800, "medium", "long"))
    return export.EvalInputReceiver(
        features=features, labels=features[LABEL], receiver_tensors={"examples": examples}
    )


def run_fn(fn_args: fn_args_utils.FnArgs) -> None:
    """Trains for `fn_args.train_steps` and writes both models where TFX looks for them.

    Args:
        fn_args: TFX's; `serving_model_dir` receives the serving model, `eval_model_dir` the
            EvalSavedModel.
    """
    estimator = build_estimator(fn_args)
    spec = {**feature_spec(), LABEL: tf.io.FixedLenFeature([], tf.int64)}
    estimator.train(
        lambda: input_fn(fn_args.train_files, spec, LABEL), max_steps=fn_args.train_steps
    )
    serving_receiver_fn = tf.estimator.export.build_parsing_serving_input_receiver_fn(
        feature_spec()
    )
    export_models(estimator, fn_args, serving_receiver_fn, eval_input_receiver_fn)


def export_models(
    estimator: tf.estimator.Estimator,
    fn_args: fn_args_utils.FnArgs,
    serving_receiver_fn: Callable[[], Any],
    eval_receiver_fn: Callable[[], export.EvalInputReceiver],
) -> None:
    """Exports the serving model and the EvalSavedModel to where TFX looks for them."""
    with tempfile.TemporaryDirectory() as folder:
        serving = estimator.export_saved_model(os.path.join(folder, "serving"), serving_receiver_fn)
        io_utils.copy_dir(tf.compat.as_str(serving), fn_args.serving_model_dir)
        evaluated = export.export_eval_savedmodel(
            estimator=estimator,
            export_dir_base=os.path.join(folder, "eval"),
            eval_input_receiver_fn=eval_receiver_fn,
        )
        io_utils.copy_dir(tf.compat.as_str(evaluated), fn_args.eval_model_dir)
