"""`Do` with a model and its baseline: one result of both, and what is recorded is the model's."""

from __future__ import annotations

import pathlib
import shutil
from typing import Any

import numpy as np
import pytest
from tfx.types import standard_artifacts

from microtome.errors import ConfigError, ModelError
from microtome.results.loader import load_eval_result
from tests import zoo
from tests.component.test_executor import SLICES, Run

NAMED = {"model_specs": [{"name": "new"}, {"name": "old", "is_baseline": True}], **SLICES}


@pytest.fixture(scope="session")
def older_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model of the same examples, in an artifact."""
    model = zoo.build("dnn_regression_v1", tmp_path_factory.mktemp("zoo"))
    uri = tmp_path_factory.mktemp("artifacts") / "older"
    shutil.copytree(model.model_path, uri / "Format-TFMA")
    return str(uri)


def artifact(uri: str) -> standard_artifacts.Model:
    model = standard_artifacts.Model()
    model.uri = uri
    model.id = 5
    return model


def slices_of(run: Run, name: str | None = None) -> dict[Any, dict[str, Any]]:
    return dict(load_eval_result(run.evaluation.uri, model_name=name).slices())


def assert_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, 1e-12, err_msg=name)


@pytest.fixture
def new_run(tmp_path: pathlib.Path, examples_uri: str) -> Any:
    return lambda name, uri: Run(tmp_path / name, uri, [examples_uri])


@pytest.mark.parametrize("config", [SLICES, NAMED], ids=["unnamed", "named"])
def test_both_in_one_pass(new_run, model_uri, older_uri, config):
    run, alone, older = (
        new_run(name, uri)
        for name, uri in (("both", model_uri), ("alone", model_uri), ("older", older_uri))
    )
    artifacts = run.do(config, baseline=[artifact(older_uri)])
    of_alone = alone.do()
    older.do()
    found, first, second = slices_of(run), slices_of(alone), slices_of(older)
    of_baseline = slices_of(run, "old" if config is NAMED else "baseline")
    assert set(found) == set(first)
    for key, values in first.items():
        assert_equal(found[key], values)
        assert_equal(of_baseline[key], second[key])
        difference = values["average_loss"] - second[key]["average_loss"]
        np.testing.assert_allclose(found[key]["average_loss_diff"], difference, atol=1e-12)

    told = run.evaluation
    assert told.get_string_custom_property("model_id") == "7"
    for each in (told, *artifacts):
        assert each.get_string_custom_property("baseline_model_uri") == older_uri
        assert each.get_string_custom_property("baseline_model_id") == "5"
    assert not alone.evaluation.has_custom_property("baseline_model_id")
    # what is recorded is the model's
    recorded = [each.get_json_value_custom_property("metrics") for each in artifacts]
    assert len(recorded) == len(of_alone)
    for each, other in zip(recorded, of_alone, strict=True):
        expected = other.get_json_value_custom_property("metrics")
        assert {name: each[name] for name in expected} == expected
        assert "average_loss_diff" in each
    same = ("model_digest", "data_digest", "config_digest")
    for name in same if config is SLICES else same[:2]:
        ours, theirs = (r.evaluation.get_string_custom_property(name) for r in (run, alone))
        assert ours == theirs


def test_a_first_run_has_no_baseline(new_run, model_uri, older_uri):
    """The config is that of later runs: what compares models is left out, and is no error."""
    metrics = [{"class_name": "MeanPrediction"}, {"class_name": "SymmetricPredictionDifference"}]
    config = {
        **NAMED,
        "metrics_specs": [{"metrics": metrics}, {"metrics": metrics[1:], "model_names": ["new"]}],
        "tracking": {
            "metrics": ["average_loss", "average_loss_diff"],
            "history_checks": [{"metric": "mean_prediction_diff", "max_absolute_drop": 1}],
        },
    }
    config["tracking"]["metrics"].append("mean_prediction_diff")
    first, second = new_run("first", model_uri), new_run("second", model_uri)
    (overall, *_) = first.do(config, baseline=[])
    assert set(overall.get_json_value_custom_property("metrics")) == {"average_loss"}
    values = slices_of(first)[()]
    assert "mean_prediction" in values
    assert not [name for name in values if "diff" in name]
    assert load_eval_result(first.evaluation.uri).config.model_specs[0].name == ""

    (overall, *_) = second.do(config, baseline=[artifact(older_uri)])
    recorded = overall.get_json_value_custom_property("metrics")
    assert set(recorded) == {"average_loss", "average_loss_diff", "mean_prediction_diff"}
    assert "symmetric_prediction_difference_diff" in slices_of(second)[()]
    digests = [r.evaluation.get_string_custom_property("config_digest") for r in (first, second)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize(("policy", "verdict"), [("BLOCK", "NOT_BLESSED"), ("BLESS", "BLESSED")])
def test_thresholds_of_comparisons_wait_for_a_baseline(new_run, model_uri, policy, verdict):
    """They are told, and mean what the config says, though the metrics are not computed."""
    limit = {"value_threshold": {"upper_bound": 0.5}}
    config = {
        **NAMED,
        "metrics_specs": [
            {
                "metrics": [{"class_name": "SymmetricPredictionDifference", "threshold": limit}],
                "thresholds": {
                    "symmetric_prediction_difference": limit,
                    "post_export_metrics/example_count": {"value_threshold": {"lower_bound": 1}},
                },
            }
        ],
        "validation": {"on_missing_baseline": policy},
    }
    run = new_run(policy, model_uri)
    run.do(config, baseline=[])
    found = load_eval_result(run.evaluation.uri).verdict
    assert (found.verdict, found.without_baseline) == (verdict, policy), found.summary()
    (told,) = [reason for reason in found.reasons if reason["rule"] == "no_baseline"]
    assert told["metric"] == "symmetric_prediction_difference"
    # the thresholds of others hold
    passed = {reason["metric"] for reason in found.passed}
    assert passed == {"post_export_metrics/example_count"}


def test_a_difference_that_no_run_has_is_refused(new_run, model_uri):
    config = {**SLICES, "tracking": {"metrics": ["average_loss_diff"]}}
    with pytest.raises(ConfigError, match="'average_loss_diff', which the evaluation does not"):
        new_run("alone", model_uri).do(config)


@pytest.mark.parametrize(
    "specs",
    [
        [{"name": "a"}, {"name": "b"}],
        [{"name": "a"}, {"name": "b", "is_baseline": True}, {"name": "c"}],
    ],
)
def test_models_that_the_component_does_not_have(new_run, model_uri, older_uri, specs):
    run = new_run("run", model_uri)
    with pytest.raises(ConfigError, match=r"model_specs names [23] models"):
        run.do({**SLICES, "model_specs": specs}, baseline=[artifact(older_uri)])
    assert run.wrote_nothing()


def test_a_baseline_without_an_eval_saved_model(new_run, model_uri, tmp_path):
    run, empty = new_run("run", model_uri), str(tmp_path / "empty")
    pathlib.Path(empty).mkdir()
    with pytest.raises(ModelError, match=f"{empty} has no EvalSavedModel"):
        run.do(baseline=[artifact(empty)])
    assert run.wrote_nothing()
