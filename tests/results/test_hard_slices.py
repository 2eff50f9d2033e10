"""Withheld slices, and two slices compared, in everything that takes a result."""

from __future__ import annotations

import math

import pytest

import microtome
from microtome import view
from microtome.proto import config_pb2
from microtome.results import EvalResult, load_eval_result
from microtome.results.dataframes import auto_pivot, metrics_as_dataframes, plots_as_dataframes
from microtome.results.loader import load_metrics, load_plots
from microtome.tracking import folder_source, recording, selection
from microtome.tracking.history import History
from microtome.view import contract
from microtome.view.sources import Source
from tests.view.schema import checked

pytestmark = pytest.mark.current

A3, A4, B1 = (("a", 3),), (("a", 4),), (("b", "x"),)
WHY = "Example count for this slice key is lower than the minimum required value: 5. No data"
PLOT = "calibration_histogram_buckets { buckets { num_weighted_examples { value: 2 } } }"


def single(key: str) -> str:
    return f"slice_key {{ single_slice_keys {{ {key} }} }}"


def metrics(auc: float, count: float) -> str:
    return f"""metric_keys_and_values {{
        key {{ name: "auc" }} value {{ double_value {{ value: {auc} }} }} }}
      metric_keys_and_values {{
        key {{ name: "example_count" }} value {{ double_value {{ value: {count} }} }} }}"""


OF_A3, OF_A4, OF_B1 = (
    single(key)
    for key in ('column: "a" int64_value: 3', 'column: "a" int64_value: 4',
                'column: "b" bytes_value: "x"')
)  # fmt: skip
CROSS = """cross_slice_key { baseline_slice_key {} comparison_slice_key {
              single_slice_keys { column: "a" int64_value: 3 } } }"""
METRICS = [
    f"slice_key {{}} {metrics(0.5, 30)}",
    f"{OF_A3} {metrics(0.25, 20)}",
    f'{OF_A4} metrics {{ key: "__ERROR__" value {{ debug_message: "{WHY}" }} }}',
    f"""{OF_B1} metric_keys_and_values {{
          key {{ name: "__ERROR__" }} value {{ debug_message: "{WHY}" }} }}""",
    f"""{CROSS} metric_keys_and_values {{
          key {{ name: "lift" }} value {{ double_value {{ value: 0.125 }} }} }}""",
]
PLOTS = [
    f"{key} plot_keys_and_values {{ key {{}} value {{ {PLOT} }} }}"
    for key in ("slice_key {}", CROSS)
]
CONFIG = """{"evalConfig": {"modelSpecs": [{}], "slicingSpecs": [{}, {"featureKeys": ["a"]}]},
             "version": "0.46.0", "modelLocations": {"": "/models/1"}, "dataLocation": "/data"}"""


@pytest.fixture
def path(make_directory) -> str:
    return make_directory(
        CONFIG,
        **{"metrics-00000-of-00001.tfrecord": METRICS, "plots-00000-of-00001.tfrecord": PLOTS},
    )


@pytest.fixture
def result(path) -> EvalResult:
    return load_eval_result(path)


def test_a_result_tells_what_is_withheld(result):
    assert result.get_slice_names() == [(), A3, A4, B1, ((), A3)]
    assert result.withheld_slices() == {A4: WHY, B1: WHY}
    assert result.get_metric_names() == ["auc", "example_count", "lift"]
    assert result.get_metrics_for_slice(A4) == {"__ERROR__": {"debugMessage": WHY}}
    assert result.get_metrics_for_slice(((), A3)) == {"lift": {"doubleValue": 0.125}}


def test_it_prints(result):
    lines = str(result).splitlines()
    (head,) = (line for line in lines if line.startswith("slice"))
    assert head.split() == ["slice", "examples", "auc", "lift"]
    assert [line.split()[0] for line in lines if line.startswith(("Overall", "a:", "b:"))] == [
        "Overall",
        "a:3",
        "Overall__XX__a:3",
    ]
    assert "2 slices have too few examples to be shown: see withheld_slices()" in lines
    assert "__ERROR__" not in str(result) + result._repr_html_()
    assert "Overall__XX__a:3" in result._repr_html_()


def test_only_withheld_slices_print(result):
    hidden = [item for item in result.slicing_metrics if item[0] in (A4, B1)]
    alone = result.with_slicing_metrics(hidden)
    assert "2 slices have too few" in str(alone)
    assert alone.to_dataframe().empty


def test_frames(result, path):
    frame = result.to_dataframe()
    assert frame.slice.tolist() == ["Overall"] * 2 + ["a:3"] * 2 + ["Overall__XX__a:3"]
    assert frame.value.tolist() == [0.5, 30, 0.25, 20, 0.125]
    assert frame.a.tolist() == [None, None, 3, 3, None]
    assert result.plots_dataframe().slice.tolist() == ["Overall", "Overall__XX__a:3"]
    frames = metrics_as_dataframes(load_metrics(path))
    assert len(frames.debug_message) == 2
    wide = auto_pivot(frames.double_value)
    assert wide["lift"]["Overall__XX__a:3"] == 0.125
    assert math.isnan(wide["auc"]["Overall__XX__a:3"])
    plots = plots_as_dataframes(load_plots(path)).calibration_histogram_buckets
    assert len(plots) == 2


def test_a_report_leaves_out_what_is_withheld(result):
    report = checked(contract.report_of(result))
    assert report["slices"]["name"] == ["Overall", "a:3", "Overall__XX__a:3"]
    assert report["slices"]["keys"][2] == [["slice", "a:3"], ["against", "Overall"]]
    assert report["omitted"] == [{"slice": "a:4", "why": WHY}, {"slice": "b:x", "why": WHY}]
    assert {metric["id"] for metric in report["metrics"]} == {"auc", "example_count", "lift"}
    assert [plot["slice"] for plot in report["plots"]] == ["Overall", "Overall__XX__a:3"]


@pytest.mark.parametrize(
    "show",
    [
        view.slicing,
        view.plots,
        view.fairness,
        view.render_slicing_metrics,
        view.render_plot,
        lambda result: view.slicing(result, slicing_column="a"),
        lambda result: view.render_slicing_metrics(
            result, slicing_spec=microtome.SingleSliceSpec(columns=["a"])
        ),
        lambda result: view.render_fairness_indicator(result, slicing_column="a"),
        lambda result: view.time_series([result, result]),
        lambda result: view.render_time_series(microtome.make_eval_results([result, result])),
        lambda result: view.compare(result, result),
    ],
)
def test_every_view_shows_it(result, show):
    shown = show(result)
    checked(shown.report)
    assert "Overall" in shown.report["slices"]["name"] or "a:3" in shown.report["slices"]["name"]
    assert "__ERROR__" not in str(shown)
    assert "</html>" in shown.to_html()


def test_a_server_shows_it(path):
    source = Source.open(path)
    report = checked(source.report())
    run = report["runs"][-1]["id"]
    assert set(report["slices"]["name"]) == {"Overall", "a:3", "Overall__XX__a:3"}
    assert {one["slice"] for one in report["omitted"]} >= {"a:4", "b:x"}
    assert checked(source.plots(run, "Overall__XX__a:3"))["plots"]
    series = checked(source.series(["Overall", "a:3", "a:4"]))
    assert series["slices"]["name"] == ["Overall", "a:3"]


def test_tracking_takes_slices_with_counts(result):
    chosen = selection.select_slices(selection.counted_slices(result), config_pb2.EvalConfig())
    assert [record.slice_key for record in chosen.records] == ["Overall", "a:3"]
    assert [record.example_count for record in chosen.records] == [30, 20]
    assert (chosen.computed, chosen.withheld) == (5, 2)
    assert chosen.left_out_note() == (
        "1 slice that tracking does not name, and 2 slices with too few examples to be shown"
    )


@pytest.mark.parametrize("later", [None, load_eval_result])
def test_a_folder_tracks_them(path, later):
    block = folder_source.read_result(path, later=later).block
    assert block.slice_keys == ["Overall", "a:3"]
    assert block.counts.tolist() == [30, 20]
    assert block.column("auc").tolist() == [0.5, 0.25]


def test_they_are_recorded(path, result, tmp_path):
    pytest.importorskip("ml_metadata")
    store = str(tmp_path / "metadata.sqlite")
    assert recording.record(result, store, pipeline="p").slice_count == 2
    (one,) = History.open(store, "p").evaluations
    assert one.block.slice_keys == ["Overall", "a:3"]
    assert checked(view.history(History.open(path)).report)["slices"]["name"] == ["Overall", "a:3"]
