"""Trains the flights' Estimator on transformed features; exports it with the transformation inside.

TFX's Trainer calls `run_fn`. Both exported models take raw examples: the serving model as they come
from a client, the EvalSavedModel with labels and with what serves to slice by.
"""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer import fn_args_utils

from microtome import export
from microtome.pipelines.flights import trainer, transform

LABEL = transform.transformed_name(transform.LABEL)


def build_estimator(
    fn_args: fn_args_utils.FnArgs, transformed: tft.TFTransformOutput
) -> tf.estimator.Estimator:
    """A linear model of categories and crosses beside a network of embeddings and z-scores."""
    column = tf.feature_column
    sizes = {
        name: transformed.vocabulary_size_by_name(name) + transform.OOV_BUCKETS
        for name in transform.VOCABULARIES
    }
    categories = {
        name: column.categorical_column_with_identity(transform.transformed_name(name), size)
        for name, size in {**sizes, **transform.CATEGORIES}.items()
    }
    buckets = [
        column.categorical_column_with_identity(transform.bucket_name(name), size)
        for name, size in transform.BUCKETS.items()
    ]
    numeric = [column.numeric_column(transform.transformed_name(name)) for name in transform.SCALED]
    wide = [
        *categories.values(),
        *buckets,
        column.crossed_column([categories["origin"], categories["carrier"]], 256),
        column.crossed_column([categories["carrier"], categories["dest"]], 2048),
    ]
    deep = [
        *numeric,
        *(column.embedding_column(categories[name], 8) for name in ("carrier", "dest", "hour")),
        *(column.indicator_column(categories[name]) for name in ("origin", "weekday")),
    ]
    return trainer.wide_and_deep(fn_args, wide, deep, transform.CLASSES)


def serving_input_receiver_fn(
    transformed: tft.TFTransformOutput,
) -> tf.estimator.export.ServingInputReceiver:
    """What the serving model reads: raw examples without a label."""
    spec = transformed.raw_feature_spec()
    spec.pop(transform.LABEL)
    parsed = tf.estimator.export.build_parsing_serving_input_receiver_fn(spec)()
    features = transformed.transform_raw_features(parsed.features)
    return tf.estimator.export.ServingInputReceiver(features, parsed.receiver_tensors)


def eval_input_receiver_fn(transformed: tft.TFTransformOutput) -> export.EvalInputReceiver:
    """What the EvalSavedModel reads: raw examples with their labels.

    Its features are the transformed ones, which the model needs, and the raw ones, which slices may
    need; the transformed label is among them.
    """
    examples = tf.compat.v1.placeholder(tf.string, [None], name="input_example_tensor")
    raw = tf.io.parse_example(examples, transformed.raw_feature_spec())
    features: dict[str, Any] = transformed.transform_raw_features(raw)
    return export.EvalInputReceiver(
        features={**raw, **features},
        labels=features[LABEL],
        receiver_tensors={"examples": examples},
    )


def run_fn(fn_args: fn_args_utils.FnArgs) -> None:
    """Trains for `fn_args.train_steps` and writes both models where TFX looks for them.

    Args:
        fn_args: TFX's; `train_files` are transformed examples, `transform_graph_path` is where
            Transform left its graph; `serving_model_dir` receives the serving model,
            `eval_model_dir` the EvalSavedModel.
    """
    transformed = tft.TFTransformOutput(fn_args.transform_graph_path)
    estimator = build_estimator(fn_args, transformed)
    spec = transformed.transformed_feature_spec()
    estimator.train(
        lambda: trainer.input_fn(fn_args.train_files, spec, LABEL), max_steps=fn_args.train_steps
    )
    trainer.export_models(
        estimator,
        fn_args,
        functools.partial(serving_input_receiver_fn, transformed),
        functools.partial(eval_input_receiver_fn, transformed),
    )
