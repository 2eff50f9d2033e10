"""Which metrics there are by name, and what is said of those that there are not."""

from __future__ import annotations

import pytest

from microtome.errors import ConfigError
from microtome.metrics.left_out import LEFT_OUT
from microtome.metrics.means import Mean
from microtome.metrics.metric import make_metric, metric_class, registered_metrics

pytestmark = pytest.mark.current


def test_short_names_name_their_values() -> None:
    assert make_metric("TPR", {}).name == "tpr"
    assert make_metric("TruePositives", {}).name == "true_positives"


def test_what_is_left_out_says_why() -> None:
    with pytest.raises(ConfigError, match="does not compute the metric 'Bleu': it compares texts"):
        metric_class("Bleu")
    assert not LEFT_OUT.keys() & registered_metrics().keys()


def test_means_are_named_by_what_they_are_of() -> None:
    assert (
        make_metric("Mean", {"feature_key_path": ["features", "age"]}).name == "mean_features.age"
    )
    with pytest.raises(ConfigError, match=r"path \['age'\]; it must be"):
        Mean(("age",))


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("ConfusionMatrixAtThresholds", {}, "has no thresholds; give at least one"),
        ("FairnessIndicators", {"thresholds": []}, "has no thresholds; give at least one"),
        ("NDCG", {}, "has no gain_key"),
        ("NDCG", {"gain_key": "g", "top_k_list": [0]}, "each must be at least 1"),
        ("CalibrationPlot", {"num_buckets": 0}, "num_buckets=0; it must be at least 1"),
        ("CalibrationPlot", {"left": 1, "right": 0}, "right must be greater"),
        ("MultiClassConfusionMatrixPlot", {"num_thresholds": 1}, "it must be at least 2"),
    ],
)
def test_settings_that_cannot_be(name: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_metric(name, settings)
