"""`microtome check`: what it tells of a config, and that it does nothing else."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from microtome.cli import arguments, check
from microtome.errors import ConfigError, DataError

pytestmark = pytest.mark.current

CONFIG = {
    "slicing_specs": [{}, {"feature_keys": ["country"]}],
    "metrics_specs": [
        {
            "metrics": [{"class_name": "AUC"}],
            "thresholds": {"accuracy": {"value_threshold": {"lower_bound": 0.5}}},
            "per_slice_thresholds": {
                "auc": {
                    "thresholds": [
                        {
                            "slicing_specs": [{"feature_keys": ["country"]}],
                            "threshold": {
                                "change_threshold": {
                                    "relative": -0.01,
                                    "direction": "HIGHER_IS_BETTER",
                                }
                            },
                        }
                    ]
                }
            },
        }
    ],
}


@pytest.fixture
def checked(tmp_path, capsys, monkeypatch):
    """A function that checks a config with the given arguments, and returns what is printed."""
    monkeypatch.chdir(tmp_path)

    def run(config, *args):
        (tmp_path / "config.json").write_text(json.dumps(config))
        before = sorted(tmp_path.iterdir())
        check.run(arguments.parse(["check", "config.json", *args]))
        assert sorted(tmp_path.iterdir()) == before
        return capsys.readouterr().out

    return run


def test_with_model_and_data(checked, committed_model):
    model = committed_model("handmade_serve_tf1")
    text = checked(CONFIG, "--model", model.model_path, "--data", model.data_path)
    assert f"model: {model.model_path}\n" in text
    assert "slices (2):\n  Overall\n  country\n" in text
    assert "  accuracy: cut\n" in text
    assert "  auc: " in text
    assert "thresholds (2):\n  accuracy >= 0.5 in all slices\n" in text
    assert "  auc change >= -1 % in country: without a baseline, VALUE_THRESHOLDS_ONLY\n" in text
    assert "confidence intervals: none" in text
    told = json.loads(text.partition("\nconfig:\n")[2])
    assert told["slicing_specs"] == [{}, {"feature_keys": ["country"]}]


def test_without_data_paths_are_what_the_graph_tells(checked, committed_model):
    model = committed_model("handmade_serve_tf1")
    text = checked({}, "--model", model.model_path)
    assert "data: none" in text
    assert "  accuracy: cut\n" in text
    assert "slices (1):\n  Overall\n" in text


def test_predictions_in_the_data(checked, tmp_path):
    frame = pd.DataFrame({"label": [0, 1], "score": [0.1, 0.8], "country": ["de", "fr"]})
    frame.to_parquet(tmp_path / "scored.parquet")
    config = {
        "model_specs": [{"label_key": "label", "prediction_key": "score"}],
        "slicing_specs": [{"feature_keys": ["country"]}],
        "metrics_specs": [{"metrics": [{"class_name": "AUC"}, {"class_name": "CalibrationPlot"}]}],
    }
    data = ("--data", "scored.parquet", "--format", "parquet")
    text = checked(config, *data)
    assert "the first 2 examples were looked at" in text
    assert "  auc: outside the graph\n  calibration_plot: outside the graph, a plot\n" in text
    config["slicing_specs"] = [{"feature_keys": ["city"]}]
    with pytest.raises((ConfigError, DataError), match="city"):
        checked(config, *data)


def test_with_a_baseline(checked, committed_model):
    model = committed_model("handmade_serve_tf1")
    models = ("--model", model.model_path, "--baseline", model.model_path)
    for data in ((), ("--data", model.data_path)):
        text = checked(CONFIG, *models, *data)
        assert "model 'candidate': " in text
        assert "model 'baseline': " in text
        assert "  accuracy (candidate): cut\n" in text
        assert "  accuracy (baseline): cut\n" in text
        assert "  auc change >= -1 % in country\n" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slicing_specs": [{"feature_keys": ["county"]}]}, "no slices of country are computed"),
        (
            {"metrics_specs": [{"thresholds": {"Accuracy": {"value_threshold": {}}}}]},
            r"'Accuracy' \(did you mean 'accuracy'\? Names differ in upper and lower case\)",
        ),
    ],
)
def test_wrong_configs(checked, committed_model, change, message):
    model = committed_model("handmade_serve_tf1")
    with pytest.raises(ConfigError, match=message):
        checked({**CONFIG, **change}, "--model", model.model_path)
