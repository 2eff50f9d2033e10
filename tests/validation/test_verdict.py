"""What decides beyond single thresholds: intervals, missing baselines, the history."""

from __future__ import annotations

import json

import pytest

from microtome.config import check_supported, parse_eval_config
from microtome.errors import ConfigError
from microtome.metrics.keys import MetricKey
from microtome.proto import result_pb2
from microtome.results import verdict as verdict_lib
from microtome.results.values import metrics_for_slice
from microtome.validation import Verdict, combined, rules_of, validate

pytestmark = pytest.mark.current

AUC = MetricKey("auc", example_weighted=False)
LOWER = {"value_threshold": {"lower_bound": 0.7}}
CHANGE = {"change_threshold": {"absolute": -0.1, "direction": "HIGHER_IS_BETTER"}}


def config(*thresholds, **more):
    metrics = [
        {"class_name": "AUC", **({"threshold": threshold} if threshold else {})}
        for threshold in thresholds
    ]
    return parse_eval_config({"metrics_specs": [{"metrics": metrics}], **more})


def record(value, interval=None, key=AUC, slice_key=()):
    message = metrics_for_slice(slice_key, {key: value, MetricKey("example_count"): 20.0})
    if interval is not None:
        item = next(i for i in message.metric_keys_and_values if i.key.name == "auc")
        item.confidence_interval.lower_bound.double_value.value = interval[0]
        item.confidence_interval.upper_bound.double_value.value = interval[1]
    return message


def rules(verdict):
    return [reason["rule"] for reason in verdict.failures]


@pytest.mark.parametrize(
    ("interval", "failures"),
    [
        ((0.71, 0.9), []),
        ((0.7, 0.9), []),
        ((0.69, 0.9), ["value_lower"]),
        (None, ["no_interval"]),
        ((float("nan"), 0.9), ["value_lower"]),
    ],
)
def test_the_whole_interval_must_lie_inside(interval, failures):
    asked = {**LOWER, "whole_interval": True}
    verdict = validate([record(0.8, interval)], rules_of(config(asked)))
    assert rules(verdict) == failures
    # without that wish the value decides
    assert validate([record(0.8, interval)], rules_of(config(LOWER))).is_blessed


def test_the_interval_of_a_change_is_that_of_the_difference():
    asked = {**CHANGE, "whole_interval": True}
    two = [{"name": "a"}, {"name": "b", "is_baseline": True}]
    of_a = AUC._replace(model_name="a")
    values = {of_a: 0.7, of_a._replace(model_name="b"): 0.75, of_a._replace(is_diff=True): -0.05}
    message = metrics_for_slice((), values)
    difference = next(i for i in message.metric_keys_and_values if i.key.is_diff)
    for lower, failures in ((-0.08, []), (-0.12, ["change_absolute"])):
        difference.confidence_interval.lower_bound.double_value.value = lower
        difference.confidence_interval.upper_bound.double_value.value = 0.0
        verdict = validate([message], rules_of(config(asked, model_specs=two)))
        assert rules(verdict) == failures
    (reason,) = verdict.failures
    assert reason["interval"] == [-0.12, 0.0]
    assert (reason["value"], reason["reference_value"], reason["change"]) == (0.7, 0.75, -0.05)


@pytest.mark.parametrize(
    ("on_missing", "value", "verdict", "failures"),
    [
        ("VALUE_THRESHOLDS_ONLY", 0.8, "BLESSED", []),
        ("VALUE_THRESHOLDS_ONLY", 0.6, "NOT_BLESSED", ["value_lower"]),
        ("BLOCK", 0.8, "NOT_BLESSED", ["no_baseline"]),
        ("BLESS", 0.8, "BLESSED", []),
        ("BLESS", 0.6, "NOT_BLESSED", ["value_lower"]),
    ],
)
def test_without_a_baseline_the_config_decides(on_missing, value, verdict, failures):
    both = {**LOWER, **CHANGE}
    asked = rules_of(config(both, validation={"on_missing_baseline": on_missing}))
    found = validate([record(value)], asked)
    assert (found.verdict, rules(found)) == (verdict, failures)
    assert (found.baseline, found.without_baseline) == (None, on_missing)
    assert "no_baseline" in [reason["rule"] for reason in found.reasons]


@pytest.mark.parametrize(
    ("on_missing", "verdict"),
    [
        ("VALUE_THRESHOLDS_ONLY", "NOT_VALIDATED"),
        ("BLOCK", "NOT_BLESSED"),
        ("BLESS", "BLESSED"),
    ],
)
def test_thresholds_of_changes_alone_without_a_baseline(on_missing, verdict):
    asked = rules_of(config(CHANGE, validation={"on_missing_baseline": on_missing}))
    assert validate([record(0.8)], asked).verdict == verdict


def test_no_thresholds():
    verdict = validate([record(0.8)], rules_of(config()))
    assert verdict.verdict == "NOT_VALIDATED"
    assert verdict.is_unasked
    assert verdict.told() == ("NOT_VALIDATED", [])


def test_slices_that_are_withheld_are_no_slices_to_hold_to_a_threshold():
    withheld = result_pb2.MetricsForSlice()
    withheld.slice_key.single_slice_keys.add(column="country", bytes_value=b"de")
    withheld.metrics["__ERROR__"].debug_message = "too few"
    assert validate([record(0.8), withheld], rules_of(config(LOWER))).checked == 1
    of_slices = [{"slicing_specs": [{"feature_keys": ["country"]}], "threshold": LOWER}]
    metric = {"class_name": "AUC", "per_slice_thresholds": of_slices}
    asked = parse_eval_config({"metrics_specs": [{"metrics": [metric]}]})
    (reason,) = validate([record(0.8), withheld], rules_of(asked)).failures
    assert reason["rule"] == "missing_slice"
    assert "withheld" in reason["message"]


def test_what_is_no_number_fails():
    messages = [record([1.0, 2.0], key=AUC)]
    messages[0].metric_keys_and_values[0].value.array_value.float64_values.extend([1, 2])
    verdict = validate(messages, rules_of(config(LOWER)))
    assert rules(verdict) == ["not_a_number"]


def test_the_largest_slices_fail_first_and_all_are_counted():
    slices = [record(0.1, slice_key=(("n", i),)) for i in range(30)]
    for i, message in enumerate(slices):
        count = next(m for m in message.metric_keys_and_values if m.key.name == "example_count")
        count.value.double_value.value = i
    verdict = validate([*slices, record(0.1)], rules_of(config(LOWER)))
    names = [reason["slice"] for reason in verdict.failures]
    assert names[:3] == ["Overall", "n:29", "n:28"]
    assert (verdict.checked, verdict.failed) == (31, 31)
    text = verdict.summary(5)
    assert text.count("auc is 0.1") == 5
    assert "26 more checks failed" in text


@pytest.mark.parametrize(
    ("thresholds", "history", "expected"),
    [
        ("BLESSED", "BLESSED", "BLESSED"),
        ("BLESSED", "NOT_VALIDATED", "BLESSED"),
        ("BLESSED", "NOT_BLESSED", "NOT_BLESSED"),
        ("NOT_BLESSED", "BLESSED", "NOT_BLESSED"),
        ("NOT_VALIDATED", "BLESSED", "BLESSED"),
        ("NOT_VALIDATED", "NOT_VALIDATED", "NOT_VALIDATED"),
    ],
)
def test_neither_thresholds_nor_history_may_speak_against(thresholds, history, expected):
    reasons = [verdict_lib.reason_of("checked", "of the history", failed=False)]
    found = combined(Verdict(thresholds), history, reasons)
    assert (found.verdict, list(found.reasons)) == (expected, reasons)
    assert combined(Verdict(thresholds), "NOT_VALIDATED", []).verdict == thresholds


def test_the_file_says_all_of_it():
    verdict = validate([record(float("nan"))], rules_of(config(LOWER)))
    text = verdict_lib.to_text(verdict)
    assert verdict_lib.from_text(text) == verdict
    assert json.loads(text)["reasons"][0]["value"] == "NaN"
    for broken in ("[]", "{}", '{"verdict": "GOOD"}', '{"verdict": "BLESSED", "reasons": [1]}'):
        with pytest.raises(ValueError, match=r"verdict|object"):
            verdict_lib.from_text(broken)


SLICES = {"slicing_specs": [{}, {"feature_keys": ["country"]}]}


def by_slice(spec, threshold=LOWER):
    item = {"slicing_specs": spec, "threshold": threshold}
    return {"metrics": [{"class_name": "AUC", "per_slice_thresholds": [item]}]}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"thresholds": {"auc": {}}}, "thresholds\\['auc'\\]: sets no limit"),
        (
            {"thresholds": {"auc": {"value_threshold": {"lower_bound": 2, "upper_bound": 1}}}},
            "lower_bound 2 is above upper_bound 1",
        ),
        (
            {"thresholds": {"auc": {"value_threshold": {"lower_bound": "NaN"}}}},
            "lower_bound is NaN",
        ),
        (
            {"thresholds": {"auc": {"change_threshold": {"absolute": 0}}}},
            "tells no direction; set direction",
        ),
        (
            {"thresholds": {"auc": {**LOWER, "whole_interval": True}}},
            "there are no intervals; set options.compute_confidence_intervals",
        ),
        (by_slice([]), "names no slices; set slicing_specs"),
        (by_slice([{"feature_keys": ["city"]}]), "no slices of city are computed"),
        (
            by_slice([{"feature_values": {"country": "de", "city": "b"}}]),
            "no slices of city=b × country=de are computed",
        ),
        (
            {
                "cross_slice_thresholds": {
                    "auc": {
                        "thresholds": [
                            {
                                "cross_slicing_specs": [{"baseline_spec": {}}],
                                "threshold": LOWER,
                            }
                        ]
                    }
                }
            },
            "these slices are not compared; add them to cross_slicing_specs",
        ),
    ],
)
def test_wrong_thresholds_are_told_before_anything_runs(spec, message):
    with pytest.raises(ConfigError, match=message):
        check_supported(parse_eval_config({**SLICES, "metrics_specs": [spec]}))


def test_given_values_are_of_a_feature_that_is_sliced_by():
    spec = by_slice([{}, {"feature_values": {"country": "de"}}])
    check_supported(parse_eval_config({**SLICES, "metrics_specs": [spec]}))
    fixed = {"slicing_specs": [{"feature_values": {"country": "fr"}}]}
    with pytest.raises(ConfigError, match="no slices of country=de are computed"):
        check_supported(parse_eval_config({**fixed, "metrics_specs": [spec]}))


def test_names_are_of_metrics_that_are_there():
    asked = parse_eval_config({"metrics_specs": [{"thresholds": {"AUC": LOWER}}]})
    with pytest.raises(ConfigError, match=r"did you mean 'auc'\? Names differ in upper and lower"):
        rules_of(asked, known=["auc", "accuracy"])
    # what cannot be told beforehand, the verdict says
    (reason,) = validate([record(0.8)], rules_of(asked)).failures
    assert reason["rule"] == "missing_metric"


def test_a_threshold_on_a_plot_is_refused():
    plot = parse_eval_config(
        {"metrics_specs": [{"metrics": [{"class_name": "CalibrationPlot", "threshold": LOWER}]}]}
    )
    with pytest.raises(ConfigError, match="CalibrationPlot is a plot"):
        rules_of(plot)


def test_a_metric_of_many_names_is_asked_for_by_name():
    settings = json.dumps({"thresholds": [0.5]})
    metric = {"class_name": "FairnessIndicators", "config": settings}
    asked = parse_eval_config({"metrics_specs": [{"metrics": [{**metric, "threshold": LOWER}]}]})
    with pytest.raises(ConfigError, match="by one of these names: fairness_indicators_metrics"):
        rules_of(asked)


def test_what_passed_is_told_with_its_numbers():
    slices = [record(0.8, (0.75, 0.85)), record(0.6, slice_key=(("a", "x"),))]
    verdict = validate(slices, rules_of(config(LOWER)))
    assert rules(verdict) == ["value_lower"]
    (passed,) = verdict.passed
    assert passed == {
        "rule": "value_lower",
        "failed": False,
        "slice": "Overall",
        "metric": "auc",
        "value": 0.8,
        "limit": 0.7,
        "interval": [0.75, 0.85],
        "examples": 20,
        "message": "Overall: auc is 0.8, at least 0.7.",
    }
    assert verdict_lib.from_text(verdict_lib.to_text(verdict)) == verdict
    assert verdict.told()[1] == list(verdict.reasons)


def test_a_metric_of_the_config_is_found_by_its_name():
    """Also where it is not known which metrics a model's graph has."""
    asked = config(None)
    asked.metrics_specs[0].thresholds["auc"].value_threshold.lower_bound.value = 0.7
    asked.metrics_specs[0].thresholds["loss"].value_threshold.upper_bound.value = 1
    message = record(0.8)
    message.metric_keys_and_values.add(key={"name": "loss"}, value={"double_value": {"value": 2}})
    verdict = validate([message], rules_of(asked))
    assert [(r["metric"], r["rule"]) for r in verdict.failures] == [("loss", "value_upper")]
    assert [r["metric"] for r in verdict.passed] == ["auc"]


def test_an_only_model_is_no_baseline():
    alone = config(LOWER, model_specs=[{"name": "a", "is_baseline": True}])
    assert validate([record(0.6)], rules_of(alone)).verdict == "NOT_BLESSED"


def test_reasons_tell_models_and_weights_apart():
    specs = [{"name": name, "example_weight_key": "w"} for name in "ab"]
    asked = config(LOWER, model_specs=specs)
    asked.metrics_specs[0].example_weights.weighted = True
    asked.metrics_specs[0].example_weights.unweighted = True
    told = {rule.metric for rule in rules_of(asked).rules}
    assert told == {
        f"auc ({how}) ({model})" for how in ("weighted", "unweighted") for model in "ab"
    }


def test_a_change_without_the_baselines_value_says_so():
    two = [{"name": "a"}, {"name": "b", "is_baseline": True}]
    message = record(0.8, key=AUC._replace(model_name="a"))
    (reason,) = validate([message], rules_of(config(CHANGE, model_specs=two))).failures
    assert reason["message"] == "Overall: auc has no value of the baseline."
    assert reason["value"] == 0.8


def test_differences_of_slices_have_no_intervals():
    pair = {"baseline_spec": {}, "slicing_specs": [{"feature_keys": ["country"]}]}
    metric = {
        "class_name": "AUC",
        "cross_slice_thresholds": [
            {"cross_slicing_specs": [pair], "threshold": {**LOWER, "whole_interval": True}}
        ],
    }
    asked = parse_eval_config(
        {
            "slicing_specs": [{}, {"feature_keys": ["country"]}],
            "cross_slicing_specs": [pair],
            "metrics_specs": [{"metrics": [metric]}],
            "options": {"compute_confidence_intervals": True},
        }
    )
    with pytest.raises(ConfigError, match="differences of slices have no intervals"):
        check_supported(asked)
