"""Exporters under tf.estimator.train_and_evaluate."""

from __future__ import annotations

import logging
import os

import pytest
import tensorflow as tf

import microtome.exporter as exporters
from microtome.errors import ConfigError
from microtome.export import build_parsing_eval_input_receiver_fn
from tests.export.test_savedmodel import signature
from tests.zoo import fixed, training


def receiver_fn():
    return build_parsing_eval_input_receiver_fn(fixed.SPEC, "label")


def input_fn() -> tf.data.Dataset:
    column = tf.constant([[0.0], [1.0]])
    return tf.data.Dataset.from_tensors(({"prediction": column}, column)).repeat()


def new_estimator(home) -> tf.estimator.Estimator:
    config = training.run_config(str(home)).replace(save_checkpoints_steps=2)
    return tf.estimator.Estimator(fixed.model_fn, config=config, params={})


def metrics_of(path) -> set[str]:
    outputs = signature(str(path)).outputs
    return {key.split("/")[1] for key in outputs if key.startswith("metrics/")}


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Directory that a training with two evaluations exported to, by several exporters."""
    home = tmp_path_factory.mktemp("train_and_evaluate")
    estimator = new_estimator(home)
    directory = home / "train" / "export"
    for name in ("1500000000", "1500000001", "150000000", "temp-1500000000", "best"):
        (directory / "latest" / name).mkdir(parents=True)
    without = exporters.adapt_to_remove_metrics(
        exporters.FinalExporter("without", receiver_fn()), ["auc", "accurracy"]
    )
    spec = tf.estimator.EvalSpec(
        input_fn,
        steps=1,
        exporters=[
            exporters.FinalExporter("final", receiver_fn()),
            exporters.LatestExporter("latest", receiver_fn(), exports_to_keep=3),
            without,
        ],
        start_delay_secs=0,
        throttle_secs=0,
    )
    tf.estimator.train_and_evaluate(estimator, tf.estimator.TrainSpec(input_fn, max_steps=4), spec)
    return directory


def test_final_exporter_exports_once(exports):
    (name,) = os.listdir(exports / "final")
    assert len(name) == 10
    assert metrics_of(exports / "final" / name) == {
        "accuracy",
        "auc",
        "mean_label",
        "mean_prediction",
        "mean_weighted",
    }


def test_latest_exporter_keeps_the_newest_of_its_own(exports):
    names = sorted(os.listdir(exports / "latest"))
    own = [name for name in names if len(name) == 10 and name.isdigit()]
    assert len(own) == 3
    assert own[0] == "1500000001"
    # two evaluations, two exports
    assert all((exports / "latest" / name / "saved_model.pb").exists() for name in own[1:])
    assert set(names) - set(own) == {"150000000", "temp-1500000000", "best"}


def test_metrics_are_removed(exports):
    (name,) = os.listdir(exports / "without")
    assert metrics_of(exports / "without" / name) == {
        "accuracy",
        "mean_label",
        "mean_prediction",
        "mean_weighted",
    }


def test_metrics_are_removed_by_a_function_with_a_word_about_unknown_ones(tmp_path, caplog):
    estimator = new_estimator(tmp_path)
    estimator.train(input_fn, steps=1)
    arguments = (estimator, str(tmp_path / "out"), None, None, True)
    final = exporters.FinalExporter("name", receiver_fn())
    by_function = exporters.adapt_to_remove_metrics(final, lambda name: name.startswith("mean"))
    assert by_function.name == "name"
    assert metrics_of(by_function.export(*arguments).decode()) == {"accuracy", "auc"}
    with caplog.at_level(logging.WARNING):
        exporters.adapt_to_remove_metrics(final, ["accurracy"]).export(*arguments)
    assert "no metric 'accurracy' to remove. Did you mean 'accuracy'?" in caplog.text


def test_keeps_all(tmp_path):
    estimator = new_estimator(tmp_path)
    estimator.train(input_fn, steps=1)
    for number in range(8):
        (tmp_path / "out" / f"150000000{number}").mkdir(parents=True)
    latest = exporters.LatestExporter("name", receiver_fn(), exports_to_keep=None)
    latest.export(estimator, str(tmp_path / "out"), None, None, False)
    assert len(os.listdir(tmp_path / "out")) == 9


def test_bad_arguments():
    with pytest.raises(ConfigError, match="FinalExporter needs a name"):
        exporters.FinalExporter("", receiver_fn())
    with pytest.raises(ConfigError, match="at least 1, or None to keep all; it is 0"):
        exporters.LatestExporter("name", receiver_fn(), exports_to_keep=0)
    with pytest.raises(ConfigError, match=r"write \['auc'\]"):
        exporters.adapt_to_remove_metrics(exporters.FinalExporter("name", receiver_fn()), "auc")
