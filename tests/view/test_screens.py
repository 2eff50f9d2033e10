"""What users call, by TFMA's names and rules and by ours."""

from __future__ import annotations

import json
import urllib.parse

import pytest

from microtome import view
from microtome.errors import ConfigError
from microtome.proto import config_pb2
from microtome.results.eval_result import MODEL_CENTRIC_MODE, EvalResult, EvalResults
from microtome.results.loader import load_eval_result
from microtome.slicing.spec import SingleSliceSpec
from microtome.view import contract
from tests.results import made
from tests.tracking.recorded import UA, evaluation, history
from tests.view.schema import checked

pytestmark = pytest.mark.current

SLICES = {
    **made.SLICES,
    (("carrier", "AA"), ("hour", 5)): {"accuracy": 0.25, "post_export_metrics/example_count": 9.0},
    (("hour", 5),): {"accuracy": 0.5, "post_export_metrics/example_count": 50.0},
}
BUCKET = {"numWeightedExamples": 2.0, "upperThresholdExclusive": 0.5}
CALIBRATION = {"calibrationHistogramBuckets": {"buckets": [BUCKET, {**BUCKET}]}}
THRESHOLDS = {"confusionMatrixAtThresholds": {"matrices": [{"threshold": 0.5, "truePositives": 1}]}}


@pytest.fixture
def result(tmp_path) -> EvalResult:
    return load_eval_result(made.write(tmp_path / "result", SLICES))


@pytest.fixture
def plotted(result) -> EvalResult:
    result.plots = [
        ((), {"": {"": CALIBRATION}}),
        (
            (("carrier", "UA"),),
            {"a": {"classId:1": THRESHOLDS, "k:2": THRESHOLDS}, "b": {"": {"x": CALIBRATION}}},
        ),
        ((("carrier", "AA"),), {}),
    ]
    return result


def names(shown: view.View) -> set[str]:
    return set(checked(shown.report)["slices"]["name"])


ALL = {"Overall", "carrier:AA", "carrier:UA", "carrier_X_hour:AA_X_5", "hour:5"}


def test_ours_shows_all_slices(result):
    shown = view.slicing(result)
    assert names(shown) == ALL
    assert shown.state == "v=slices"
    assert names(view.slicing(result, "carrier")) == {"Overall", "carrier:AA", "carrier:UA"}
    assert names(view.slicing(result.output_path)) == ALL


def test_tfma_shows_overall_where_nothing_else_is_asked(result):
    shown = view.render_slicing_metrics(result)
    assert names(shown) == {"Overall"}
    assert shown.report["screens"] == ["slices"]


def test_tfmas_column_is_all_values_of_exactly_that_feature(result):
    shown = view.render_slicing_metrics(result, slicing_column="carrier")
    assert names(shown) == {"carrier:AA", "carrier:UA"}
    with pytest.raises(ConfigError, match="did you mean 'carrier'") as told:
        view.render_slicing_metrics(result, slicing_column="carier")
    assert "carrier × hour" in str(told.value)


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        (SingleSliceSpec(columns=["hour"]), {"hour:5"}),
        (SingleSliceSpec(features=[("carrier", "UA")]), {"carrier:UA"}),
        (SingleSliceSpec(["hour"], [("carrier", "AA")]), {"carrier_X_hour:AA_X_5"}),
        (config_pb2.SlicingSpec(feature_keys=["carrier"]), {"carrier:AA", "carrier:UA"}),
        (config_pb2.SlicingSpec(), {"Overall"}),
    ],
)
def test_a_spec_counts_before_a_column(result, spec, found):
    shown = view.render_slicing_metrics(result, slicing_column="carrier", slicing_spec=spec)
    assert names(shown) == found
    assert names(view.slicing(result, slicing_spec=spec)) == found | {"Overall"}


def test_a_spec_must_be_one_and_match(result):
    with pytest.raises(ConfigError, match="SingleSliceSpec or a SlicingSpec"):
        view.render_slicing_metrics(result, slicing_spec="carrier")
    with pytest.raises(ConfigError, match="There are slices of: Overall, carrier"):
        view.render_slicing_metrics(result, slicing_spec=SingleSliceSpec(columns=["day"]))


def test_the_weight_column(result):
    shown = view.render_slicing_metrics(result, weighted_example_column="accuracy")
    assert shown.report["weight"] == "accuracy"
    weight = view.render_slicing_metrics(result).report["weight"]
    assert weight == "post_export_metrics/example_count"


def test_handlers_by_event_or_tfmas_single_one(result):
    seen = []
    for handlers in ({"slice-selected": seen.append}, seen.append):
        shown = view.render_slicing_metrics(result, event_handlers=handlers)
        shown._tell("slice-selected", {"slice_name": "a"})
    assert len(seen) == 2
    with pytest.raises(ConfigError, match="no event"):
        view.render_slicing_metrics(result, event_handlers={"slice_select": print})


def test_time_series(result):
    results = EvalResults([result, result], MODEL_CENTRIC_MODE)
    shown = view.render_time_series(results)
    assert names(shown) == {"Overall"}
    assert shown.report["mode"] == MODEL_CENTRIC_MODE
    assert len(shown.report["runs"]) == 2
    assert shown.report["runs"][0]["model"] == "7"
    assert shown.state == "v=history&hs=Overall"
    full = view.render_time_series(results, display_full_path=True).report["runs"][0]
    assert (full["model"], full["data"]) == ("/models/7", "/data/eval-*")
    spec = SingleSliceSpec(features=[("carrier", "UA")])
    assert names(view.render_time_series(results, spec)) == {"carrier:UA"}
    with pytest.raises(ConfigError, match="matches 2 slices"):
        view.render_time_series(results, SingleSliceSpec(columns=["carrier"]))
    ours = view.time_series(results, SingleSliceSpec(columns=["carrier"]))
    assert names(ours) == ALL
    assert "hs=carrier%3AAA,carrier%3AUA" in ours.state


def test_plots_of_one_slice(plotted):
    shown = view.render_plot(plotted)
    (plot,) = checked(shown.report)["plots"]
    assert (plot["slice"], plot["type"]) == ("Overall", "calibration")
    assert plot["columns"]["lo"] == [0, 0]
    assert plot["columns"]["hi"] == [0.5, 0.5]
    assert shown.state == "v=plots&ps=Overall"
    assert names(shown) == {"Overall"}

    ua = SingleSliceSpec(features=[("carrier", "UA")])

    def found(**wanted):
        report = checked(view.render_plot(plotted, ua, **wanted).report)
        return [
            (plot["type"], plot.get("output"), plot.get("sub_key"), plot.get("name"))
            for plot in report["plots"]
        ]

    first, second = [("thresholds", "a", key, None) for key in ("classId:1", "k:2")]
    third = ("calibration", "b", None, "x")
    assert found() == [first, second, third]
    assert found(output_name="a") == [first, second]
    assert found(class_id=1) == [first]
    assert found(k=2) == [second]
    assert found(label="x") == [third]
    with pytest.raises(ConfigError, match="output 'a' sub-key 'classId:1'"):
        found(output_name="c")
    with pytest.raises(ConfigError, match="cannot stand beside"):
        found(k=2, class_id=1)


def test_plots_that_are_not_there(plotted, result, tmp_path):
    with pytest.raises(ConfigError, match="No slice"):
        view.render_plot(plotted, SingleSliceSpec(features=[("carrier", "AA")]))
    plotted.plots.append(((("carrier", "AA"),), {"": {"": CALIBRATION}}))
    with pytest.raises(ConfigError, match="matches 2 slices"):
        view.render_plot(plotted, SingleSliceSpec(columns=["carrier"]))
    bare = load_eval_result(made.write(tmp_path / "bare"))
    for call in (view.render_plot, view.plots):
        with pytest.raises(ConfigError, match="no plots"):
            call(bare)


def test_our_plots_are_of_all_slices(plotted):
    shown = view.plots(plotted, SingleSliceSpec(features=[("carrier", "UA")]))
    report = checked(shown.report)
    assert {plot["slice"] for plot in report["plots"]} == {"Overall", "carrier:UA"}
    assert report["plot_slices"] == {"result": ["Overall", "carrier:UA"]}
    assert shown.state == "v=plots&ps=carrier%3AUA"
    assert "on_demand" not in report


def test_many_plots_are_given_on_demand(result):
    keys = [(("i", i),) for i in range(30)]
    counts = {"post_export_metrics/example_count": {"doubleValue": 5.0}}
    result.slicing_metrics += [(key, {"": {"": counts}}) for key in keys]
    result.plots = [(key, {"": {"": CALIBRATION}}) for key in keys]
    shown = view.plots(result)
    report = checked(shown.report)
    assert len(report["plots"]) == contract.MAX_PLOT_SLICES
    assert len(report["plot_slices"]["result"]) == 30
    assert report["on_demand"] == ["plots"]
    absent = set(report["plot_slices"]["result"]) - {plot["slice"] for plot in report["plots"]}
    name = absent.pop()
    part = checked(shown._supply({"kind": "plots", "run": "result", "slice": name}))
    assert [plot["slice"] for plot in part["plots"]] == [name]
    with pytest.raises(ConfigError, match="no run 'x'"):
        shown._supply({"kind": "plots", "run": "x", "slice": name})
    with pytest.raises(ConfigError, match="nothing more"):
        shown._supply({"kind": "series"})


def test_attributions_are_shown_as_metrics(result):
    def features(a, b):
        return {"a": {"doubleValue": a}, "b": {"doubleValue": b}}

    result.attributions = [
        ((), {"": {"": {"mean": features(0.25, -0.5), "total": features(1.0, 2.0)}}}),
        ((("carrier", "UA"),), {"": {"": {"mean": features(0.5, "NaN")}}}),
    ]
    shown = view.render_slicing_attributions(result, metric_name="mean")
    report = checked(shown.report)
    (values,) = report["values"].values()
    assert (values["a"]["v"], values["b"]["v"]) == ([0.25], [-0.5])
    assert report["weight"] == "post_export_metrics/example_count"
    by_carrier = view.render_slicing_attributions(result, "carrier", metric_name="mean")
    assert names(by_carrier) == {"carrier:UA"}
    with pytest.raises(ConfigError, match="mean, total"):
        view.render_slicing_attributions(result)
    with pytest.raises(ConfigError, match="did you mean 'total'"):
        view.render_slicing_attributions(result, metric_name="totals")
    whole = checked(view.slicing(result).report)
    assert whole["attributions"]["result"]["mean"]["0"] == {"a": 0.25, "b": -0.5}
    result.attributions = []
    with pytest.raises(ConfigError, match="no attributions"):
        view.render_slicing_attributions(result)


def test_fairness(result):
    shown = view.render_fairness_indicator(result, slicing_column="carrier")
    assert names(shown) == {"Overall", "carrier:AA", "carrier:UA"}
    assert shown.report["screens"] == ["fairness"]
    two = {"old": result, "new": result}
    both = view.render_fairness_indicator(
        multi_eval_results=two, output_name="o/1", multi_class_key="classId:3"
    )
    assert [run["name"] for run in both.report["runs"]] == ["old", "new"]
    pairs = dict(urllib.parse.parse_qsl(both.state))
    assert pairs == {
        "v": "fairness",
        "run": "result~2",
        "base": "result",
        "out": "o/1",
        "cls": "classId:3",
    }
    with pytest.raises(ConfigError, match="either"):
        view.render_fairness_indicator()
    with pytest.raises(ConfigError, match="either"):
        view.render_fairness_indicator(result, multi_eval_results=two)
    with pytest.raises(ConfigError, match="there are 1"):
        view.render_fairness_indicator(multi_eval_results={"a": result})


def test_compare_and_summary(result):
    shown = view.compare(result, result)
    assert shown.state == "v=compare&run=result~2&base=result"
    assert view.compare({"a": result, "b": result}).state == shown.state
    assert view.summary(result).state == "v=summary"
    with pytest.raises(ConfigError, match="two results"):
        view.compare(result)
    with pytest.raises(ConfigError, match="this is 5"):
        view.summary(5)


def test_history(tmp_path):
    made_history = history(
        *(evaluation(day, {(): (9, {"auc": 0.5}), UA: (5, {"auc": 0.25})}) for day in range(3))
    )
    shown = view.history(made_history)
    assert shown.state == "v=history"
    assert len(checked(shown.report)["runs"]) == 3
    assert names(shown) == {"Overall", "carrier:UA"}
    assert names(view.history(made_history, ["carrier:UA"])) == {"carrier:UA"}
    assert view.time_series(made_history).report["runs"] == shown.report["runs"]
    for what in (
        {"kind": "run", "run": "1"},
        {"kind": "plots", "run": "1", "slice": "Overall"},
        {"kind": "series", "slices": ["carrier:UA"]},
    ):
        checked(shown._supply(what))
    with pytest.raises(ConfigError, match="nothing of the kind"):
        shown._supply({"kind": "other"})
    for day in ("a", "b"):
        made.write(tmp_path / "runs" / day)
    assert len(view.history(str(tmp_path / "runs")).report["runs"]) == 2
    page = view.to_html(made_history)
    assert "microtome-report" in page


def test_a_long_history_is_fetched_as_it_is_asked_for(monkeypatch):
    monkeypatch.setattr("microtome.view.screens._MAX_NUMBERS", 3)
    shown = view.history(history(*(evaluation(day, {UA: (9, {"a": 1, "b": 2})}) for day in (1, 2))))
    report = checked(shown.report)
    assert [run.get("complete") for run in report["runs"]] == [False, True]
    assert list(report["values"]) == ["2"]


def test_to_html_has_all_plots(plotted, tmp_path):
    text = view.to_html(plotted, tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == text
    report = json.loads(text.partition('id="microtome-report">')[2].partition("</script>")[0])
    assert len(report["plots"]) == 4
