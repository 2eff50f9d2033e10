"""Where TensorFlow has no Estimators: everything imports, and says what is missing when asked."""

from __future__ import annotations

import pytest
import tensorflow as tf

import microtome.exporter as exporters
from microtome.errors import ConfigError
from microtome.export import export_eval_savedmodel

pytestmark = [
    pytest.mark.current,
    pytest.mark.skipif(hasattr(tf, "estimator"), reason="this TensorFlow has Estimators"),
]

MATCH = r"needs tf\.estimator.*removed in TensorFlow 2\.16.*estimator line"


def test_export(tmp_path):
    with pytest.raises(ConfigError, match="export_eval_savedmodel " + MATCH):
        export_eval_savedmodel(
            estimator=object(), export_dir_base=str(tmp_path), eval_input_receiver_fn=lambda: None
        )


def test_exporters():
    with pytest.raises(ConfigError, match="FinalExporter " + MATCH):
        exporters.FinalExporter("name", lambda: None)
    with pytest.raises(ConfigError, match="LatestExporter " + MATCH):
        exporters.LatestExporter("name", lambda: None)
    with pytest.raises(ConfigError, match="adapt_to_remove_metrics " + MATCH):
        exporters.adapt_to_remove_metrics(object(), ["auc"])
