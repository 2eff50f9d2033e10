"""Contenders that are given ready predictions and labels, and need no model."""

from __future__ import annotations

import argparse
import os
from typing import Any

from microtome_bench import models, slices

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

    session, signature, examples = models.load(args.model)
    columns = slices.slices_of(os.path.basename(args.model), "300")
    features = sorted({name for each in columns for name in each})
    found = {
        "label": signature.inputs["labels"],
        "prediction": signature.outputs["predictions/logistic"],
        **{name: signature.inputs[f"features/{name}"] for name in features},
    }
    find = session.graph.get_tensor_by_name
    # A sparse feature of one value a row is as good as its values.
    tensors = {
        name: find(info.name or info.coo_sparse.values_tensor_name) for name, info in found.items()
    }
    run = session.make_callable(tensors, [examples])
    files = sorted(glob.glob(os.path.join(args.data, "*.tfrecord")))
    batches = tf.data.TFRecordDataset(files).batch(16384).as_numpy_iterator()
    parts = [run(batch) for batch in batches]
    frame = pd.DataFrame(
        {name: np.concatenate([part[name].reshape(-1) for part in parts]) for name in found}
    )
    for name in frame.select_dtypes(object):
        frame[name] = frame[name].str.decode("utf-8")
    frame.to_parquet(path + ".unfinished")
    os.replace(path + ".unfinished", path)


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
        return metrics.roc_auc_score(y, p) if y.min() < y.max() else 0.0

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
