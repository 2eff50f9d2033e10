"""Reports of results and of the history keep their schema and say what was computed."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from microtome.errors import ConfigError
from microtome.results.eval_result import DATA_CENTRIC_MODE, EvalResult, EvalResults
from microtome.results.loader import load_eval_result
from microtome.tracking import schema
from microtome.view import contract
from microtome.view.numbers import unpacked
from tests.results import made
from tests.tracking.recorded import B6, UA, evaluation, history
from tests.view import hostile
from tests.view.schema import checked

pytestmark = pytest.mark.current

COUNT = "post_export_metrics/example_count"


def result(**slices):
    return EvalResult(
        [
            (key, {"": {"": {name: hostile.value(v) for name, v in metrics.items()}}})
            for key, metrics in slices.get("of", made.SLICES).items()
        ]
    )


def column(report, run, metric, part="v"):
    return unpacked(report["values"][run][metric][part]).tolist()


def test_report_of_a_result(tmp_path):
    path = made.write(tmp_path / "result-7", counts={"examples": 300, "rows": 300})
    report = checked(contract.report_of(load_eval_result(path)))
    (run,) = report["runs"]
    assert (run["id"], run["name"], run["path"]) == ("result-7", "result-7", path)
    assert (run["model"], run["data"]) == ("7", "data")
    assert run["started"].endswith("Z")
    assert ["Examples", "300"] in run["info"]
    names = report["slices"]["name"]
    assert sorted(names) == ["Overall", "carrier:AA", "carrier:UA"]
    values = dict(zip(names, column(report, "result-7", "accuracy"), strict=True))
    assert values == {"Overall": 0.75, "carrier:AA": 0.5, "carrier:UA": 0.875}
    assert report["weight"] == COUNT
    assert report["baseline_slice"] == "Overall"
    told = {metric["id"]: metric for metric in report["metrics"]}
    assert told["accuracy"]["better"] == "up"
    assert told["accuracy"]["range"] == [0, 1]
    assert "predicted class" in told["accuracy"]["doc"]
    assert (told[COUNT]["kind"], told[COUNT]["label"]) == ("count", "example_count")


def test_several_results_have_their_mode_names_and_ids(tmp_path):
    paths = [made.write(tmp_path / day / "evaluation") for day in ("mon", "tue")]
    results = [load_eval_result(path) for path in paths]
    report = checked(contract.report_of(EvalResults(results, DATA_CENTRIC_MODE)))
    assert [run["id"] for run in report["runs"]] == ["evaluation", "evaluation~2"]
    assert report["mode"] == DATA_CENTRIC_MODE
    named = checked(contract.report_of({"old": results[0], "new": results[1]}))
    assert [run["name"] for run in named["runs"]] == ["old", "new"]
    with pytest.raises(ConfigError, match="no result"):
        contract.report_of([])
    with pytest.raises(ConfigError, match="load_eval_result"):
        contract.report_of([paths[0]])


def test_slices_of_one_name_are_told_apart_and_floats_are_short():
    slices = {
        (("a", "5"),): {"m": 1.0},
        (("a", 5),): {"m": 2.0},
        (("a", float(np.float32(0.1))),): {"m": 3.0},
        ((("a", "x"),), (("a", "y"),)): {"m": 4.0},
    }
    report = checked(contract.report_of(result(of=slices)))
    assert report["slices"]["name"] == ["a:5", "a:5~2", "a:0.1", "a:x__XX__a:y"]
    assert report["slices"]["keys"][2] == [["a", "0.1"]]
    assert column(report, "r1", "m") == [1, 2, 3, 4]
    assert "baseline_slice" not in report


def test_keys_keep_values_with_separators_whole():
    key = (("a_X_b", "v:1_X_2"), ("c", "x:y"))
    report = checked(contract.report_of(result(of={key: {"m": 1.0}})))
    assert report["slices"]["keys"] == [[["a_X_b", "v:1_X_2"], ["c", "x:y"]]]


def test_what_is_no_number_has_a_reason():
    slices = {
        (): {"m": math.nan, "n": 1.0},
        (("a", 1),): {"m": math.inf},
        (("a", 2),): {"m": -math.inf},
        (("a", 3),): {"m": 2.0},
    }
    one = result(of=slices)
    one.slicing_metrics.append(((("a", 4),), {"": {"": {"m": {"debugMessage": "no labels"}}}}))
    small = {"": {"": {"__ERROR__": {"debugMessage": "too few"}}}}
    one.slicing_metrics.append(((("a", 5),), small))
    report = checked(contract.report_of(one))
    m = report["values"]["r1"]["m"]
    assert m["v"] == [None, None, None, 2, None]
    assert m["why"] == {"0": "NaN", "1": "Infinity", "2": "-Infinity", "4": "no labels"}
    assert "complex" not in report
    assert report["omitted"] == [{"slice": "a:5", "why": "too few"}]


def test_intervals_and_structures():
    bounded = {"value": 0.5, "lowerBound": 0.25, "upperBound": 0.75}
    inner = {"boundedValue": {**bounded, "methodology": "RIEMANN_SUM"}}
    t_values = {"sampleMean": 1.0, "sampleStandardDeviation": 0.5, "unsampledValue": 1.1}
    metrics = {
        "auc": {"boundedValue": bounded},
        "inner": inner,
        "t": {"tDistributionValue": {**t_values, "sampleDegreesOfFreedom": "9"}},
        "matrix": {"confusionMatrixAtThresholds": {"matrices": [{"threshold": 0.5}]}},
        "cut": {"valueAtCutoffs": {"values": [{"cutoff": 1, "value": 0.5}]}},
        "array": {"arrayValue": {"dataType": "FLOAT32", "float32Values": [1.0], "shape": [1]}},
        "text": {"bytesValue": "YQ=="},
        "what": {"unknownType": {}},
    }
    report = checked(contract.report_of(EvalResult([((), {"out": {"classId:3": metrics}})])))
    values = report["values"]["r1"]
    auc = values["out/auc (classId:3)"]
    assert (auc["v"], auc["lo"], auc["hi"], auc["level"]) == ([0.5], [0.25], [0.75], 0.95)
    assert values["out/inner (classId:3)"]["method"] == "riemann_sum"
    assert "level" not in values["out/inner (classId:3)"]
    t = values["out/t (classId:3)"]
    assert t["v"] == [1.1]
    # the quantile of Student's t at 0.975 with 9 degrees of freedom is 2.262157
    np.testing.assert_allclose([t["lo"][0], t["hi"][0]], [-0.1310786, 2.1310786], rtol=1e-6)
    kinds = {m["key"]["name"]: m["kind"] for m in report["metrics"]}
    complex_kinds = {"matrix": "matrix", "cut": "cutoffs", "array": "array", "text": "text"}
    assert {name: kinds[name] for name in complex_kinds} == complex_kinds
    assert kinds["what"] == "other"
    assert report["complex"]["r1"]["out/matrix (classId:3)"]["0"] == metrics["matrix"]
    key = next(m["key"] for m in report["metrics"] if m["id"] == "out/auc (classId:3)")
    assert key == {"name": "auc", "output": "out", "sub_key": "classId:3"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("average_loss", {"better": "down", "kind": "float"}),
        ("label/mean", {"better": "none", "kind": "float", "doc": "Mean of the labels."}),
        ("post_export_metrics/example_weight", {"better": "none", "kind": "count"}),
        ("weighted_example_count", {"better": "none", "kind": "count"}),
        ("true_positives@0.5", {"better": "none", "kind": "count", "threshold": 0.5}),
        (
            "post_export_metrics/false_positive_rate@0.50",
            {"better": "down", "family": "false_positive_rate", "threshold": 0.5},
        ),
        (
            "fairness_indicators_metrics/positive_rate@0.3",
            {"better": "none", "family": "positive_rate", "threshold": 0.3},
        ),
        ("ndcg@10", {"better": "up", "family": "ndcg", "threshold": 10.0, "range": [0, 1]}),
        ("mail@home", {"better": "up"}),
        ("BinaryAccuracy", {"better": "up", "range": [0, 1]}),
    ],
)
def test_what_is_told_of_a_metric(name, told):
    report = checked(contract.report_of(result(of={(): {name: 1.0}})))
    (metric,) = report["metrics"]
    assert {key: metric.get(key) for key in told} == told
    assert ("threshold" in metric) == ("threshold" in told)


def test_differences_to_a_baseline_model_are_told():
    report = checked(
        contract.report_of(result(of={(): {"auc": 0.5, "auc_diff": 0.1, "x_diff": 1}}))
    )
    told = {metric["id"]: metric for metric in report["metrics"]}
    assert told["auc_diff"]["key"] == {"name": "auc", "is_diff": True}
    assert told["auc_diff"]["range"] == [-1, 1]
    assert told["x_diff"]["key"] == {"name": "x_diff"}


def test_weights_count_where_the_config_names_them():
    from microtome.proto.config_pb2 import EvalConfig

    slices = {(): {"example_count": 3.0, "weighted_example_count": 4.5, "mine": 1.0}}
    one = result(of=slices)
    assert contract.report_of(one)["weight"] == "example_count"
    one.config = EvalConfig(model_specs=[{"is_baseline": True}, {"example_weight_key": "w"}])
    assert contract.report_of(one)["weight"] == "weighted_example_count"
    assert contract.report_of(one, weighted_example_column="mine")["weight"] == "mine"
    assert contract.report_of(one, weighted_example_column="no")["weight"] == (
        "weighted_example_count"
    )
    assert "weight" not in contract.report_of(result(of={(): {"auc": 1.0}}))


def test_hostile_texts_and_numbers_stay_json():
    report = checked(contract.report_of(hostile.result()))
    names = report["slices"]["name"]
    assert names[1].startswith("<script>")
    assert any(len(name) > 10_000 for name in names)
    assert all(len(report["values"]["r1"][f"m{text}"]["v"]) for text in hostile.TEXTS[:5])
    assert "\\ud800" in json.dumps(names).replace("\\\\", "\\")


def test_ten_thousand_slices_are_small():
    """TFMA sends 10,000 slices of 13 metrics, 3 with intervals, as 7.3 MB and more."""
    generator = np.random.default_rng(1)
    numbers_ = generator.random((10_000, 10))
    half = generator.random((10_000, 3)) / 10
    items = []
    for row, key in enumerate([(), *((("slice", str(i)),) for i in range(1, 10_000))]):
        metrics = {f"m{j}": {"doubleValue": float(v)} for j, v in enumerate(numbers_[row])}
        for j in range(3):
            value = float(numbers_[row, j])
            bounds = {"lowerBound": value - half[row, j], "upperBound": value + half[row, j]}
            metrics[f"i{j}"] = {"boundedValue": {"value": value, **bounds}}
        items.append((key, {"": {"": metrics}}))
    report = contract.report_of(EvalResult(items))
    text = json.dumps(report, separators=(",", ":"))
    assert len(text) <= 2_200_000
    checked(report)
    np.testing.assert_array_equal(column(report, "r1", "m3"), numbers_[:, 3])


# the history


def days(count=3, **more):
    return [
        evaluation(
            day,
            {
                (): (1000, {"auc": 0.5 + day / 8, COUNT: 1000.0}),
                UA: (400, {"auc": 0.7, COUNT: 400.0}),
                **({B6: (100, {"auc": math.nan})} if day else {}),
            },
            **more,
        )
        for day in range(count)
    ]


def test_report_of_a_history():
    report = checked(contract.report_of_history(history(*days())))
    assert [run["id"] for run in report["runs"]] == ["0", "1", "2"]
    first = report["runs"][0]
    assert (first["name"], first["model"], first["data"]) == ("run-0", "0", "span 0")
    assert (first["pipeline"], first["node"]) == ("flights", "evaluator")
    assert first["started"] == "2024-01-01T00:00:00Z"
    assert report["slices"]["name"] == ["Overall", "carrier:UA", "carrier:B6"]
    assert column(report, "2", "auc")[:2] == [0.75, 0.7]
    # the first evaluation has no such slice
    assert len(column(report, "0", "auc")) == 2
    assert report["weight"] == COUNT
    assert report["verdicts"]["2"]["verdict"] == "NOT_VALIDATED"


def test_a_run_of_which_slices_are_not_tracked_is_not_complete():
    import dataclasses

    first, second = days(2)
    second = dataclasses.replace(second, not_tracked="9 slices over the limit")
    report = checked(contract.report_of_history(history(first, second)))
    assert [run.get("complete", True) for run in report["runs"]] == [True, False]
    assert ["Not recorded", "9 slices over the limit"] in report["runs"][1]["info"]


def test_a_run_that_is_not_told_is_named_by_its_id():
    (run,) = checked(contract.report_of_history(history(*days(1, pipeline_run=""))))["runs"]
    assert (run["id"], run["name"]) == ("0", "0")


def test_report_of_some_slices_of_a_history():
    opened = history(*days())
    report = checked(contract.report_of_history(opened, ["carrier:UA"], ["auc"]))
    assert report["slices"]["name"] == ["carrier:UA"]
    assert {m["id"] for m in report["metrics"]} == {"auc", COUNT}
    assert not any(run["complete"] for run in report["runs"])
    assert contract.report_of_history(opened, [UA])["slices"]["name"] == ["carrier:UA"]
    with pytest.raises(ConfigError, match="did you mean 'carrier:UA'"):
        contract.report_of_history(opened, ["carrier:UB"])
    with pytest.raises(ConfigError, match="did you mean 'auc'"):
        contract.report_of_history(opened, None, ["auk"])


def test_reasons_of_the_history_become_the_reports():
    reasons = (
        {
            "rule": "max_relative_drop",
            "failed": True,
            "slice": "carrier:UA",
            "metric": "auc",
            "value": 0.7,
            "reference_value": 0.75,
            "limit": "NaN",
            "message": "carrier:UA: auc is 0.7 …",
        },
        {"rule": "checked", "failed": False, "metric": "auc", "message": "3 slices."},
    )
    newest = evaluation(9, {UA: (400, {"auc": 0.7})}, verdict=schema.NOT_BLESSED, reasons=reasons)
    report = checked(contract.report_of_history(history(newest)))
    verdict = report["verdicts"]["9"]
    assert verdict["verdict"] == "NOT_BLESSED"
    first, second = verdict["reasons"]
    assert first["failed"]
    assert (first["value"], first["baseline"], first["limit"]) == (0.7, 0.75, None)
    assert first["slice"] in report["slices"]["name"]
    assert second == {"failed": False, "rule": "checked", "metric": "auc", "message": "3 slices."}


def test_parts_that_a_host_gives_on_demand(tmp_path):
    path = made.write(tmp_path / "result")
    old, new = days(2)
    new = evaluation(1, {(): (300, {"accuracy": 0.75})}, evaluation_uri=path)
    opened = history(old, new)

    first = checked(contract.report_of_runs(opened))
    assert [run.get("complete") for run in first["runs"]] == [False, True]
    assert list(first["values"]) == ["1"]
    # from the files, where more stands than is tracked
    assert "carrier:AA" in first["slices"]["name"]
    assert set(first["on_demand"]) >= {"run", "plots", "series"}

    tracked = checked(contract.report_of_run(opened, "0"))
    assert tracked["runs"][0]["complete"]
    assert column(tracked, "0", "auc") == [0.5, 0.7]

    series = checked(contract.report_of_series(opened, ["Overall", "carrier:UA", "not:there"]))
    assert series["slices"]["name"] == ["Overall", "carrier:UA"]
    assert list(series["values"]) == ["0", "1"]
    # what the page knows of the runs stays as it is
    assert not any("complete" in run for run in series["runs"])

    assert checked(contract.report_of_plots(opened, "1", "Overall")).get("plots") == []
    with pytest.raises(ConfigError, match="no run '7'"):
        contract.report_of_run(opened, "7")


def test_an_evaluation_that_cannot_be_read_does_not_hide_the_others():
    import dataclasses

    broken = dataclasses.replace(days(2)[1], packed="AAAA")
    report = checked(contract.report_of_history(history(days(1)[0], broken)))
    assert len(report["runs"]) == 2
    assert "run-1" in report["omitted"][0]["why"]
    assert checked(contract.report_of_runs(history(broken)))["runs"]
    assert checked(contract.report_of_runs(history()))["runs"] == []
