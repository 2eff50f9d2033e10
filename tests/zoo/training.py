"""How the zoo's estimators are trained and exported."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from microtome.export import EvalInputReceiver, export_eval_savedmodel
from tests.zoo import data

STEPS = 30
BATCH = 64


def run_config(home: str) -> tf.estimator.RunConfig:
    session = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
    )
    return tf.estimator.RunConfig(
        model_dir=os.path.join(home, "train"),
        tf_random_seed=1,
        session_config=session,
        log_step_count_steps=None,
    )


def feature_columns() -> list[Any]:
    """Columns for age, level, country and languages."""
    categorical = tf.feature_column.categorical_column_with_vocabulary_list
    return [
        tf.feature_column.numeric_column("age", normalizer_fn=lambda age: (age - 50) / 20),
        tf.feature_column.numeric_column("level", dtype=tf.int64),
        tf.feature_column.indicator_column(categorical("country", data.COUNTRIES)),
        tf.feature_column.indicator_column(
            tf.feature_column.categorical_column_with_hash_bucket("languages", 8)
        ),
    ]


def sparse_columns() -> list[Any]:
    """Columns as linear models like them."""
    categorical = tf.feature_column.categorical_column_with_vocabulary_list
    return [
        tf.feature_column.numeric_column("age", normalizer_fn=lambda age: (age - 50) / 20),
        categorical("country", data.COUNTRIES),
        categorical("languages", data.LANGUAGES),
    ]


def input_fn(records: Sequence[bytes], labels: str | Mapping[str, str] | None) -> Callable[[], Any]:
    """An endless training input; `labels` is a column, or columns by head."""

    def read() -> tf.data.Dataset:
        dataset = tf.data.Dataset.from_tensor_slices(list(records)).repeat().batch(BATCH)
        return dataset.map(
            lambda batch: split_labels(tf.io.parse_example(batch, data.SPEC), labels)
        )

    return read


def split_labels(parsed: dict[str, Any], labels: str | Mapping[str, str] | None) -> Any:
    features = {name: value for name, value in parsed.items() if name not in data.LABELS}
    if labels is None:
        return features
    if isinstance(labels, str):
        return features, parsed[labels]
    return features, {head: parsed[column] for head, column in labels.items()}


def eval_input_receiver_fn(
    labels: str | Mapping[str, str] | None,
) -> Callable[[], EvalInputReceiver]:
    """Parses everything, and adds the slicing-only feature `age_group`."""

    def receiver_fn() -> EvalInputReceiver:
        examples = tf.compat.v1.placeholder(tf.string, [None], name="input_example_placeholder")
        parsed = tf.io.parse_example(examples, data.SPEC)
        features = dict(parsed)
        features["age_group"] = tf.strings.as_string(tf.cast(parsed["age"] // 20, tf.int64) * 20)
        if labels is None:
            columns = None
        elif isinstance(labels, str):
            columns = parsed[labels]
        else:
            columns = {head: parsed[column] for head, column in labels.items()}
        return EvalInputReceiver(
            features=features, labels=columns, receiver_tensors={"examples": examples}
        )

    return receiver_fn


def train_and_export(
    estimator: Any,
    records: Sequence[bytes],
    home: str,
    labels: str | Mapping[str, str] | None,
    steps: int = STEPS,
) -> str:
    """Trains for a few steps and exports; gives the model's path."""
    estimator.train(input_fn(records, labels), max_steps=steps)
    path = export_eval_savedmodel(
        estimator=estimator,
        export_dir_base=os.path.join(home, "export"),
        eval_input_receiver_fn=eval_input_receiver_fn(labels),
    )
    return path.decode()


@contextlib.contextmanager
def tf1_style() -> Iterator[None]:
    """Makes graphs as TensorFlow 1 did: ref variables, and control flow by Switch and Merge."""
    tf.compat.v1.disable_resource_variables()
    tf.compat.v1.disable_control_flow_v2()
    try:
        yield
    finally:
        tf.compat.v1.enable_control_flow_v2()
        tf.compat.v1.enable_resource_variables()
