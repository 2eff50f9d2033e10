"""Exporters for `tf.estimator.train_and_evaluate`, under the name that TFMA gave their module."""

from microtome.export.exporter import FinalExporter, LatestExporter, adapt_to_remove_metrics

__all__ = ["FinalExporter", "LatestExporter", "adapt_to_remove_metrics"]
