"""Verdicts that lie beside results, of the component's history and of TFMA's thresholds."""

from __future__ import annotations

import json

import pytest
from google.protobuf import text_format

from microtome.proto import result_pb2
from microtome.results import names, tfrecord
from microtome.results.loader import load_eval_result
from microtome.view import contract, verdicts
from tests.results import made
from tests.view.schema import checked

pytestmark = pytest.mark.current


def validation(text):
    return verdicts.of_validation(text_format.Parse(text, result_pb2.ValidationResult()))


def failure(threshold, value=0.5, key='name: "auc"'):
    return (
        "metric_validations_per_slice { slice_key { single_slice_keys { "
        'column: "carrier" bytes_value: "UA" } } failures { '
        f"metric_key {{ {key} }} metric_threshold {{ {threshold} }} "
        f"metric_value {{ double_value {{ value: {value} }} }} message: 'fell' }} }}"
    )


BOUNDS = "value_threshold { lower_bound { value: 0.6 } upper_bound { value: 0.9 } }"


@pytest.mark.parametrize(
    ("threshold", "value", "told"),
    [
        (BOUNDS, 0.5, {"rule": "value_lower", "limit": 0.6, "lower": 0.6, "upper": 0.9}),
        (BOUNDS, 0.95, {"rule": "value_upper", "limit": 0.9, "lower": 0.6, "upper": 0.9}),
        (BOUNDS, "nan", {"rule": "value_lower", "value": None}),
        ("value_threshold { upper_bound { value: 0.4 } }", 0.5, {"rule": "value_upper"}),
        ("change_threshold { absolute { value: -0.1 } }", -0.2, {"rule": "change_absolute"}),
        (
            "change_threshold { relative { value: 0.1 } }",
            0.05,
            {"rule": "change_relative", "limit": 0.1, "value": 0.05},
        ),
    ],
)
def test_what_a_failure_says(threshold, value, told):
    found = validation(failure(threshold, value))
    assert found["verdict"] == "NOT_BLESSED"
    (reason,) = found["reasons"]
    assert (reason["failed"], reason["slice"], reason["metric"]) == (True, "carrier:UA", "auc")
    assert reason["message"] == "fell"
    assert {name: reason[name] for name in told} == told


def test_metrics_are_named_as_in_the_report():
    key = 'name: "auc" output_name: "out" sub_key { class_id { value: 3 } } is_diff: true'
    (reason,) = validation(failure(BOUNDS, key=key))["reasons"]
    assert reason["metric"] == "out/auc_diff (classId:3)"


def test_verdicts():
    assert validation("validation_ok: true") == {"verdict": "BLESSED", "reasons": []}
    assert validation("missing_thresholds: true")["verdict"] == "NOT_VALIDATED"
    stamped = validation("validation_ok: true rubber_stamp: true")
    assert stamped["verdict"] == "BLESSED"
    assert "no baseline" in stamped["note"]
    missing = validation(
        'missing_slices { feature_keys: "a" feature_values { key: "b" value: "c" } } '
        "missing_cross_slices { baseline_spec {} slicing_specs { feature_keys: 'a' } }"
    )
    assert missing["missing_slices"] == ["a, b=c", "a against Overall"]


def test_the_verdict_beside_a_result_is_found(tmp_path):
    path = tmp_path / "result"
    made.write(path)
    assert "verdicts" not in contract.report_of(load_eval_result(path))
    message = text_format.Parse(failure(BOUNDS), result_pb2.ValidationResult())
    with open(path / names.record_file(names.VALIDATIONS), "wb") as file:
        tfrecord.write_record(file, message.SerializeToString())
    report = checked(contract.report_of(load_eval_result(path)))
    assert report["verdicts"]["result"]["verdict"] == "NOT_BLESSED"


def test_the_verdict_of_the_history_is_found(tmp_path):
    path = tmp_path / "result"
    made.write(path)
    reasons = [{"rule": "checked", "failed": False, "message": "1 slice."}]
    content = {"verdict": "BLESSED", "reasons": reasons}
    (path / names.TRACKING).write_text(json.dumps(content))
    report = checked(contract.report_of(load_eval_result(path)))
    assert report["verdicts"]["result"] == content


def test_a_verdict_that_cannot_be_read_is_told(tmp_path):
    path = tmp_path / "result"
    made.write(path)
    for broken in ("{", "[]", '{"verdict": "BLESSED"}'):
        (path / names.TRACKING).write_text(broken)
        verdict = checked(contract.report_of(load_eval_result(path)))["verdicts"]["result"]
        assert verdict["verdict"] == "NOT_VALIDATED"
        assert "cannot be read" in verdict["note"]
