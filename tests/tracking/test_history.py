"""The eight questions, on evaluations whose answers can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from microtome.errors import ConfigError, DataError
from microtome.tracking import schema
from microtome.tracking.history import COLUMNS
from tests.tracking import recorded
from tests.tracking.recorded import B6, UA, evaluation

pytestmark = pytest.mark.current

OVERALL = ()


def numbers(overall: float, ua: float, b6: float | None = None, n: int = 1000, **more: float):
    made = {
        OVERALL: (4 * n, {"accuracy": overall, "average_loss": 1 - overall, **more}),
        UA: (n, {"accuracy": ua, "average_loss": 1 - ua, **more}),
    }
    if b6 is not None:
        made[B6] = (n // 10, {"accuracy": b6, "average_loss": 1 - b6, **more})
    return made


@pytest.fixture
def history():
    return recorded.history(
        evaluation(1, numbers(0.80, 0.80, 0.9), schema.BLESSED),
        evaluation(2, numbers(0.82, 0.90), schema.NOT_BLESSED, [{"slice": "carrier:UA"}]),
        evaluation(3, numbers(0.81, 0.70, 0.2)),
    )


def test_the_table_has_a_row_a_run_slice_and_metric(history):
    table = history.table()
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 2 * (3 + 2 + 3)
    assert table["time"].is_monotonic_increasing
    assert str(table["time"].dtype).endswith("UTC]")
    first = table.iloc[0]
    assert (first["run"], first["slice"], first["n"]) == ("run-1", "Overall", 4000)
    assert (first["span"], first["model_uri"], first["verdict"]) == ("1", "models/1", "BLESSED")


def test_question_1_how_a_metric_went(history):
    found = history.metric("accuracy", "carrier:UA")
    assert found["value"].tolist() == [0.8, 0.9, 0.7]
    assert history.metric("accuracy", UA, last=2)["run"].tolist() == ["run-2", "run-3"]
    assert history.metric("accuracy", B6)["run"].tolist() == ["run-1", "run-3"]
    assert history.metric("accuracy", since="2024-01-03")["run"].tolist() == ["run-2", "run-3"]


def test_question_2_against_the_previous_run(history):
    found = history.regressions(metrics=["accuracy"]).set_index("slice")
    ua = found.loc["carrier:UA"]
    assert (ua["value"], ua["reference"], ua["reference_run"]) == (0.7, 0.9, "run-2")
    error = math.sqrt(0.7 * 0.3 / 1000 + 0.9 * 0.1 / 1000)
    assert ua["standard_error"] == pytest.approx(error)
    assert ua["p_value"] == pytest.approx(scipy.stats.norm.sf(0.2 / error))
    assert ua["change"] == pytest.approx(-0.2)
    assert ua["relative_change"] == pytest.approx(-0.2 / 0.9)
    assert bool(ua["regressed"])
    # Overall fell by 0.01, which is 1.2 standard errors
    assert not found.loc["Overall", "regressed"]
    # not in the run before
    assert "carrier:B6" not in found.index


def test_question_2_against_the_latest_blessed_and_the_best(history):
    blessed = history.regressions(against="latest_blessed", metrics=["accuracy"])
    assert set(blessed["reference_run"]) == {"run-1"}
    assert set(blessed["slice"]) == {"Overall", "carrier:UA", "carrier:B6"}
    assert blessed.set_index("slice").loc["carrier:B6", "regressed"]
    best = history.regressions(against="best", metrics=["accuracy"]).set_index("slice")
    assert best["reference"].to_dict() == {"Overall": 0.82, "carrier:UA": 0.9, "carrier:B6": 0.9}
    assert best.loc["carrier:B6", "reference_run"] == "run-1"


def test_less_loss_is_better(history):
    best = history.regressions(against="best", metrics=["average_loss"]).set_index("slice")
    assert best.loc["carrier:UA", "reference"] == pytest.approx(0.1)
    assert best.loc["carrier:UA", "change"] == pytest.approx(0.2)
    # of a loss nothing is known but how it varied, and two runs are too few
    assert best["regressed"].isna().all()


def test_the_noise_of_other_metrics_is_how_they_varied():
    steady = [evaluation(day, numbers(0.8, 0.5 + 0.001 * (day % 2))) for day in range(1, 8)]
    worse = evaluation(8, numbers(0.8, 0.4))
    options = {"metrics": ["average_loss"], "against": "previous"}
    found = recorded.history(*steady, worse).regressions(**options).set_index("slice")
    assert found.loc["carrier:UA", "noise"] == "runs"
    assert found.loc["carrier:UA", "standard_error"] == pytest.approx(1.4826 * 0.001)
    assert found.loc["carrier:UA", "regressed"]
    # it never varied, and did not now
    assert not found.loc["Overall", "regressed"]


def test_shares_of_few_examples_are_noisy():
    """Precision is a share of nobody knows how many; an AUC's noise is that of the rarer label."""
    rare = {"label/mean": 0.01, "precision": 0.0, "auc": 0.6, "recall": 0.0}
    often = {"label/mean": 0.01, "precision": 1.0, "auc": 0.7, "recall": 0.1}
    found = recorded.history(
        evaluation(1, {OVERALL: (1000, often)}), evaluation(2, {OVERALL: (1000, rare)})
    )
    found = found.regressions().set_index("metric")
    assert found["noise"].to_dict() == {"precision": "", "auc": "examples", "recall": "examples"}
    assert found.loc["auc", "standard_error"] == pytest.approx(
        math.sqrt(0.7 * 0.3 / 10 + 0.6 * 0.4 / 10)
    )
    least = 1 / 12
    assert found.loc["recall", "standard_error"] == pytest.approx(
        math.sqrt(0.1 * 0.9 / 10 + least * (1 - least) / 10)
    )
    assert found["regressed"].isna().to_dict()["precision"]
    assert not found["regressed"].fillna(False).any()


def test_p_values_are_adjusted_for_the_number_of_slices():
    generator = np.random.default_rng(3)
    keys = [(("dest", f"D{i}"),) for i in range(400)]

    def run(day: int):
        right = generator.binomial(500, 0.8, len(keys)) / 500
        pairs = zip(keys, right, strict=True)
        return evaluation(day, {key: (500, {"accuracy": value}) for key, value in pairs})

    found = recorded.history(run(1), run(2)).regressions()
    assert (found["p_value"] < 0.05).sum() > 5
    assert found["regressed"].sum() == 0


def test_small_slices_and_small_changes_are_left_out_on_request(history):
    found = history.regressions(against="best", metrics=["accuracy"], min_examples=500)
    assert "carrier:B6" not in set(found["slice"])
    found = history.regressions(metrics=["accuracy"], min_change=0.5)
    assert not found["regressed"].any()


def test_a_first_run_has_no_regressions(history):
    assert history.regressions("run-1").empty
    assert history.slice_changes("run-1").empty


def test_question_3_worst_slices(history):
    found = history.worst("accuracy", run=-1)
    assert found["slice"].tolist() == ["carrier:B6", "carrier:UA"]
    assert found["to_overall"].tolist() == pytest.approx([0.2 - 0.81, 0.7 - 0.81])
    assert history.worst("accuracy", -1, min_examples=500)["slice"].tolist() == ["carrier:UA"]
    assert history.worst("average_loss", count=1)["run"].tolist() == ["run-1", "run-2", "run-3"]


def test_question_3_new_and_vanished_slices(history):
    assert history.slice_changes("run-2")["change"].tolist() == ["vanished"]
    assert history.slice_changes("run-3")[["slice", "change"]].values.tolist() == [
        ["carrier:B6", "new"]
    ]
    fewer = {**numbers(0.8, 0.8, 0.9), UA: (300, {"accuracy": 0.8})}
    shrunk = recorded.history(history.evaluations[0], evaluation(2, fewer)).slice_changes()
    assert shrunk[["slice", "change", "n", "n_reference"]].values.tolist() == [
        ["carrier:UA", "shrunk", 300, 1000]
    ]


def test_question_5_by_model_and_by_data(history):
    assert set(history.of_model("models/2")["run"]) == {"run-2"}
    assert set(history.of_model("m3", metrics=["accuracy"])["metric"]) == {"accuracy"}
    assert set(history.of_data("1", slices=["carrier:UA"])["run"]) == {"run-1"}
    with pytest.raises(ConfigError, match=r"no model 'models/9'.*did you mean"):
        history.of_model("models/9")


def test_question_6_models_by_data():
    later = {"model_uri": "models/1", "model_digest": "m1"}
    history = recorded.history(
        evaluation(1, numbers(0.8, 0.8)),
        evaluation(2, numbers(0.7, 0.7), **later),
        evaluation(3, numbers(0.9, 0.9), data_digest="d2", span="2"),
    )
    matrix = history.matrix("accuracy")
    assert matrix.index.tolist() == ["models/1", "models/3"]
    assert matrix.columns.tolist() == ["1 eval", "2 eval"]
    np.testing.assert_array_equal(matrix.to_numpy(), [[0.8, 0.7], [np.nan, 0.9]])


def test_question_7_verdicts(history):
    found = history.verdicts()
    assert found["verdict"].tolist() == ["BLESSED", "NOT_BLESSED", "NOT_VALIDATED"]
    assert found["slice"].tolist()[1] == "carrier:UA"


def test_question_8_is_it_like_with_like(history):
    different = history.compare(-1, -2)
    assert not different.is_valid
    assert "span 3 and span 2" in str(different)
    same = recorded.history(
        evaluation(1, numbers(0.8, 0.8)), evaluation(2, numbers(0.7, 0.7), data_digest="d1")
    ).compare(-1, -2)
    assert same.is_valid
    assert (same.same_data, same.same_model) == (True, False)


def test_each_node_is_held_against_its_own_past():
    history = recorded.history(
        evaluation(1, numbers(0.8, 0.8), node="hold-out"),
        evaluation(1, numbers(0.6, 0.6), node="next-day"),
        evaluation(2, numbers(0.8, 0.8), node="hold-out"),
        evaluation(2, numbers(0.6, 0.6), node="next-day"),
    )
    assert not history.regressions(metrics=["accuracy"])["change"].any()
    with pytest.raises(ConfigError, match="hold-out, next-day"):
        history.compare(-1, -2)
    assert history.compare(-1, -2, node="hold-out").same_config


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda h: h.metric("acuracy"), "did you mean 'accuracy'"),
        (lambda h: h.metric("accuracy", "carrier:UB"), "did you mean 'carrier:UA'"),
        (lambda h: h.select("run-7"), "no run 'run-7'"),
        (lambda h: h.select(5), "there are 3 runs"),
        (lambda h: h.select(node="x"), "no node 'x'"),
        (lambda h: h.regressions(against="yesterday"), "'latest_blessed'"),
        (lambda h: h.select(since="soon"), "'2024-06-01'"),
        (lambda h: h.lineage(), "open the history from there"),
        (lambda h: h.worst("auc"), "no metric 'auc'"),
    ],
)
def test_errors_say_what_there_is(history, ask, told):
    with pytest.raises(ConfigError, match=told):
        ask(history)


def test_an_empty_history_says_what_to_do():
    empty = recorded.history()
    assert empty.table().empty
    with pytest.raises(DataError, match="SlicedEvaluator"):
        empty.regressions()
