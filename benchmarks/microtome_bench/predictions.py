"""Contenders that are given ready predictions and labels, and need no model."""

from __future__ import annotations

import argparse
import os
from typing import Any

from microtome_bench import slices

THRESHOLD = 0.5


def table_of(args: argparse.Namespace) -> str:
    """A Parquet file of the predictions, labels and slicing features; written where missing."""
    path = os.path.join(args.data, "predictions.parquet")
    if not os.path.exists(path):
        _write(args, path)
    return path


def _write(args: argparse.Namespace, path: str) -> None:
    import glob

    import numpy as np
    import pandas as pd
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.load(session, ["eval"], args.model)
        signature = loaded.signature_def["eval"]
        names = {"label": "labels/__labels", "prediction": "predictions/logistic"}
        names.update({name: f"features/{name}" for name in _features(os.path.basename(args.model))})
        tensors = {
            name: tf.compat.v1.saved_model.utils.get_tensor_from_tensor_info(
                signature.outputs[key], graph
            )
            for name, key in names.items()
        }
        tensors = {
            name: tf.sparse.to_dense(each, default_value="")
            if isinstance(each, tf.SparseTensor)
            else each
            for name, each in tensors.items()
        }
        run = session.make_callable(tensors, [_examples(graph, signature)])
        parts = []
        for file in sorted(glob.glob(os.path.join(args.data, "*.tfrecord"))):
            for batch in tf.data.TFRecordDataset(file).batch(16384).as_numpy_iterator():
                parts.append({name: value.reshape(-1) for name, value in run(batch).items()})
    frame = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in names})
    for name in frame.select_dtypes(object):
        frame[name] = frame[name].str.decode("utf-8")
    frame.to_parquet(path + ".unfinished")
    os.replace(path + ".unfinished", path)


def _features(model: str) -> list[str]:
    return sorted(
        {name for each in slices.slices_of(os.path.basename(model), "300") for name in each}
    )


def _examples(graph: Any, signature: Any) -> Any:
    (info,) = (info for key, info in signature.inputs.items() if key.startswith("inputs/"))
    return graph.get_tensor_by_name(info.name)


def polars(args: argparse.Namespace, columns: slices.Slices) -> Any:
    """Counts, means, accuracy, precision and recall: what a group-by gives without a histogram."""
    import polars as pl

    path = table_of(args)
    positive, true = pl.col("prediction") > THRESHOLD, pl.col("label") == 1
    wanted = [
        pl.len().alias("examples"),
        pl.col("label").mean().alias("label/mean"),
        pl.col("prediction").mean().alias("prediction/mean"),
        (positive == true).mean().alias("accuracy"),
        ((positive & true).sum() / positive.sum()).alias("precision"),
        ((positive & true).sum() / true.sum()).alias("recall"),
    ]

    def run() -> dict[str, Any]:
        table = pl.read_parquet(path)
        found = [
            table.group_by(list(each)).agg(wanted) if each else table.select(wanted)
            for each in columns
        ]
        return {"slices": sum(map(len, found)), "rows": len(table)}

    return run


def metric_frame(args: argparse.Namespace, columns: slices.Slices) -> Any:
    """The same with fairlearn's MetricFrame and scikit-learn, and the area under ROC."""
    import pandas as pd
    from fairlearn.metrics import MetricFrame, count, mean_prediction
    from sklearn import metrics

    path = table_of(args)

    def at_threshold(metric: Any, **options: Any) -> Any:
        return lambda y, p: metric(y, p > THRESHOLD, **options)

    def area(y: Any, p: Any) -> float:
        return metrics.roc_auc_score(y, p) if y.nunique() > 1 else 0.0

    wanted = {
        "examples": count,
        "label/mean": lambda y, p: y.mean(),
        "prediction/mean": mean_prediction,
        "accuracy": at_threshold(metrics.accuracy_score),
        "precision": at_threshold(metrics.precision_score, zero_division=0),
        "recall": at_threshold(metrics.recall_score, zero_division=0),
        "auc": area,
    }

    def run() -> dict[str, Any]:
        table = pd.read_parquet(path)
        found = 0
        for each in columns:
            features = table[list(each)] if each else pd.Series("", table.index, name="all")
            frame = MetricFrame(
                metrics=wanted,
                y_true=table["label"],
                y_pred=table["prediction"],
                sensitive_features=features,
            )
            found += int(frame.by_group["examples"].notna().sum())
        return {"slices": found, "rows": len(table)}

    return run


CONTENDERS = {"polars": polars, "metric-frame": metric_frame}
