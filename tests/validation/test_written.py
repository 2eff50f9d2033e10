"""The verdict in the files of a result, as it is written and read, TFMA reading too."""

from __future__ import annotations

import json
import pathlib
import types

import pandas as pd
import pytest
import tensorflow_model_analysis as tfma

import microtome
from microtome.errors import ConfigError, OutputError
from microtome.executor import publish
from microtome.results import names
from microtome.view import contract
from tests.view.schema import checked

ROWS = pd.DataFrame(
    {
        "label": [0, 1, 1, 0] * 5,
        "score": [0.1, 0.8, 0.4, 0.6] * 5,
        "country": ["de", "de", "fr", "fr"] * 5,
    }
)
LOWER = {"value_threshold": {"lower_bound": 0.7}}


def evaluated(path: pathlib.Path, threshold: dict | None, **more: object) -> microtome.EvalResult:
    metric = {"class_name": "AUC", **({"threshold": threshold} if threshold else {})}
    config = {
        "model_specs": [{"label_key": "label", "prediction_key": "score"}],
        "slicing_specs": [{}, {"feature_keys": ["country"]}],
        "metrics_specs": [{"metrics": [metric]}],
        **more,
    }
    return microtome.analyze_raw_data(ROWS, config, str(path))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> microtome.EvalResult:
    return evaluated(tmp_path_factory.mktemp("result") / "result", LOWER)


def test_the_verdict_lies_beside_the_result(result: microtome.EvalResult) -> None:
    content = json.loads(pathlib.Path(result.output_path, "verdict.json").read_text())
    assert content["verdict"] == "NOT_BLESSED"
    assert (content["checked"], content["failed"]) == (3, 1)
    (reason,) = [reason for reason in content["reasons"] if reason["failed"]]
    assert reason["message"] == "country:fr: auc is 0, not at least 0.7."
    told = ("rule", "slice", "metric", "value", "limit", "examples")
    assert [reason[name] for name in told] == ["value_lower", "country:fr", "auc", 0.0, 0.7, 10]
    assert result.verdict.to_json() == content
    assert result.with_slicing_metrics([]).verdict == result.verdict


def test_tfma_reads_the_verdict(result: microtome.EvalResult) -> None:
    theirs = tfma.load_validation_result(result.output_path)
    assert not theirs.validation_ok
    assert not theirs.missing_thresholds
    assert not theirs.rubber_stamp
    (record,) = theirs.metric_validations_per_slice
    (failure,) = record.failures
    assert record.slice_key.single_slice_keys[0].bytes_value == b"fr"
    assert failure.metric_key.name == "auc"
    assert failure.metric_threshold.value_threshold.lower_bound.value == 0.7
    assert failure.metric_value.double_value.value == 0
    (details,) = theirs.validation_details.slicing_details
    assert details.num_matching_slices == 3
    assert result.validation_result.SerializeToString() == theirs.SerializeToString()
    # fields of our own are not in what TFMA reads
    assert tfma.load_eval_result(result.output_path).config.metrics_specs[0].metrics


def test_the_verdict_is_printed_and_reported(result: microtome.EvalResult) -> None:
    text = str(result)
    assert "Verdict: NOT_BLESSED (3 checks, 1 failed)\n  country:fr: auc is 0" in text
    report = checked(contract.report_of(result))
    (verdict,) = report["verdicts"].values()
    assert verdict["verdict"] == "NOT_BLESSED"
    assert verdict["reasons"][0]["slice"] == "country:fr"
    page = pathlib.Path(result.output_path, names.REPORT).read_text()
    assert "auc is 0, not at least 0.7" in page


def test_a_good_model(tmp_path: pathlib.Path) -> None:
    found = evaluated(tmp_path / "result", {"value_threshold": {"upper_bound": 1}})
    assert found.verdict.is_blessed
    assert tfma.load_validation_result(found.output_path).validation_ok


def test_without_thresholds(tmp_path: pathlib.Path) -> None:
    found = evaluated(tmp_path / "result", None)
    assert found.verdict.verdict == "NOT_VALIDATED"
    assert found.validation_result is None
    assert "Verdict" not in str(found)
    assert "verdicts" not in contract.report_of(found)
    with pytest.raises(OutputError, match="was not validated"):
        microtome.load_validation_result(found.output_path)


def test_a_missing_baseline_is_written(tmp_path: pathlib.Path) -> None:
    change = {"change_threshold": {"absolute": 0, "direction": "HIGHER_IS_BETTER"}}
    validation = {"on_missing_baseline": "BLESS"}
    found = evaluated(tmp_path / "result", change, validation=validation)
    assert found.verdict.is_blessed
    assert found.verdict.without_baseline == "BLESS"
    assert tfma.load_validation_result(found.output_path).rubber_stamp
    # the result still says what was asked for
    assert found.config.validation.on_missing_baseline == 2


def test_an_older_verdict_does_not_stay(tmp_path: pathlib.Path) -> None:
    evaluated(tmp_path / "result", LOWER)
    evaluated(tmp_path / "result", None)
    found = microtome.load_eval_result(tmp_path / "result")
    assert found.verdict.verdict == "NOT_VALIDATED"
    assert found.validation_result is None


def test_a_damaged_verdict_is_told(tmp_path: pathlib.Path) -> None:
    evaluated(tmp_path / "result", LOWER)
    (tmp_path / "result" / "verdict.json").write_text("{")
    with pytest.raises(OutputError, match=r"verdict\.json is no verdict, or is cut off"):
        microtome.load_eval_result(tmp_path / "result")


def test_two_models_in_the_data(tmp_path: pathlib.Path) -> None:
    """A change against a baseline that predicts in the data, too: better but for France."""
    rows = ROWS.assign(before=[0.4, 0.6, 0.6, 0.4] * 5)
    change = {"change_threshold": {"absolute": -0.1, "direction": "HIGHER_IS_BETTER"}}
    config = {
        "model_specs": [
            {"name": "now", "label_key": "label", "prediction_key": "score"},
            {
                "name": "before",
                "label_key": "label",
                "prediction_key": "before",
                "is_baseline": True,
            },
        ],
        "slicing_specs": [{"feature_keys": ["country"]}],
        "metrics_specs": [{"metrics": [{"class_name": "AUC", "threshold": change}]}],
    }
    found = microtome.analyze_raw_data(rows, config, str(tmp_path / "result"))
    (reason,) = found.verdict.failures
    assert (reason["rule"], reason["slice"]) == ("change_absolute", "country:fr")
    numbers = [reason[name] for name in ("value", "reference_value", "change", "limit")]
    assert numbers == [0.0, 1.0, -1.0, -0.1]
    assert found.verdict.baseline == "before"
    assert not tfma.load_validation_result(found.output_path).validation_ok


def test_a_wrong_threshold_is_told_before_anything_is_written(tmp_path: pathlib.Path) -> None:
    spec = {"thresholds": {"AUC": LOWER}, "metrics": [{"class_name": "AUC"}]}
    with pytest.raises(ConfigError, match="did you mean 'auc'"):
        evaluated(tmp_path / "result", None, metrics_specs=[spec])
    assert not (tmp_path / "result").exists()


def test_counts_that_are_not_there_have_no_thresholds(tmp_path: pathlib.Path) -> None:
    count = {"value_threshold": {"lower_bound": 5}}
    specs = [{"metrics": [{"class_name": "AUC"}], "thresholds": {"example_count": count}}]
    found = evaluated(tmp_path / "data", None, metrics_specs=specs).verdict
    assert found.verdict == "BLESSED"
    for name in ("weighted_example_count", "post_export_metrics/example_count"):
        specs = [{"metrics": [{"class_name": "AUC"}], "thresholds": {name: count}}]
        with pytest.raises(ConfigError, match=f"there is no metric '{name}'"):
            evaluated(tmp_path / "none", None, metrics_specs=specs)


def test_a_history_that_blesses_is_no_missing_threshold(tmp_path: pathlib.Path) -> None:
    change = {"change_threshold": {"absolute": 0, "direction": "HIGHER_IS_BETTER"}}
    found = evaluated(tmp_path / "result", change)
    assert found.verdict.verdict == "NOT_VALIDATED"
    artifact = types.SimpleNamespace(uri=found.output_path)
    reasons = [{"rule": "passed", "failed": False, "message": "No slice fell."}]
    assert publish.settle_verdict(artifact, found, "BLESSED", reasons).is_blessed
    written = tfma.load_validation_result(found.output_path)
    assert (written.validation_ok, written.missing_thresholds) == (True, False)
    assert microtome.load_eval_result(found.output_path).verdict.is_blessed
