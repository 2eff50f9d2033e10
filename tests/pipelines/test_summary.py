"""The tables that the demo makes of the history."""

from __future__ import annotations

import pytest

from microtome.pipelines import summary
from microtome.tracking import History
from tests.tracking import recorded

NODE = "next"
AUC = {
    1: {"Overall": 0.7, "carrier:AA": 0.6, "carrier:UA": 0.8, "hour:5": 1 / 3},
    2: {"Overall": 0.72, "carrier:AA": 0.65, "carrier:UA": 0.4, "hour:5": 0.1},
}
COUNTS = {"Overall": 1000, "carrier:AA": 600, "carrier:UA": 400, "hour:5": 20}


@pytest.fixture
def history() -> History:
    evaluations = []
    for day, of_slices in AUC.items():
        numbers = {}
        for name, auc in of_slices.items():
            column, _, value = name.partition(":")
            metrics = {**dict.fromkeys(summary.METRICS, 0.5), "auc": auc}
            numbers[((column, value),) if value else ()] = (COUNTS[name], metrics)
        evaluations.append(recorded.evaluation(day, numbers, node=NODE))
    return recorded.history(*evaluations)


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_overall(history: History) -> None:
    shown = lines(summary.overall(history, {NODE: "next month"}))
    assert shown[0] == ["examples", *summary.METRICS]
    assert [row[:6] for row in shown[1:]] == [
        ["run", "1,", "next", "month", "1000", "0.5000"],
        ["run", "2,", "next", "month", "1000", "0.5000"],
    ]
    assert [row[6] for row in shown[1:]] == ["0.7000", "0.7200"]


def test_worst_leaves_out_small_slices_and_overall(history: History) -> None:
    shown = lines(summary.worst(history, NODE, min_examples=100))
    assert shown[1:] == [
        ["carrier:UA", "400", "0.4000", "0.3200"],
        ["carrier:AA", "600", "0.6500", "0.0700"],
    ]


def test_changed_is_sorted_from_fall_to_rise(history: History) -> None:
    shown = lines(summary.changed(history, NODE, min_examples=100))
    assert [row[0] for row in shown[1:]] == ["carrier:UA", "Overall", "carrier:AA"]
    assert shown[1][-2:] == ["-0.400", "yes"]
    assert shown[3][-1] == "+0.050"
