"""Verdicts on an evaluation, from the numbers of earlier ones."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microtome.errors import ConfigError
from microtome.proto.config_pb2 import HistoryCheck
from microtome.slicing.keys import SliceKey
from microtome.tracking import block as block_lib
from microtome.tracking import schema
from microtome.tracking.evaluations import Evaluation
from microtome.tracking.history_checks import (
    MAX_FAILURES,
    MAX_NAMED_SLICES,
    check_history,
    higher_is_better,
    summary,
)
from microtome.tracking.schema import Provenance
from microtome.tracking.selection import Selection, SliceRecord, json_value

pytestmark = pytest.mark.current

EPOCH = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)


def key(name: str) -> SliceKey:
    return () if name == "Overall" else (("carrier", name),)


def selection(
    auc: Mapping[str, float], counts: Mapping[str, int] | None = None, metric: str = "auc"
) -> Selection:
    """Slices by carrier, each of 1,000 examples unless told otherwise."""
    records = tuple(
        SliceRecord(key(name), {metric: json_value(value)}, (counts or {}).get(name, 1000), 1.0)
        for name, value in auc.items()
    )
    return Selection(records, computed=len(records), over_limit=0)


def evaluation(
    number: int,
    auc: Mapping[str, float],
    counts: Mapping[str, int] | None = None,
    verdict: str = schema.NOT_VALIDATED,
    metric: str = "auc",
) -> Evaluation:
    """The evaluation of day `number`."""
    return Evaluation(
        id=str(number),
        execution_id="",
        time=EPOCH + datetime.timedelta(days=number),
        run=f"run {number}",
        provenance=Provenance(),
        verdict=verdict,
        packed=block_lib.pack(block_lib.make_block(selection(auc, counts, metric).records)),
    )


def check(metric: str = "auc", reference: str = "BEST", **more: Any) -> HistoryCheck:
    if not {"max_relative_drop", "max_absolute_drop"} & set(more):
        more["max_absolute_drop"] = 0.05
    for name in ("max_relative_drop", "max_absolute_drop", "higher_is_better"):
        if name in more:
            more[name] = {"value": more[name]}
    return HistoryCheck(metric=metric, reference=HistoryCheck.Reference.Value(reference), **more)


def failed(reasons: Sequence[Mapping[str, Any]]) -> list[str]:
    return [reason["slice"] for reason in reasons if reason["failed"]]


def rules(reasons: Sequence[Mapping[str, Any]]) -> list[str]:
    return [reason["rule"] for reason in reasons]


PAST = [
    evaluation(1, {"Overall": 0.80, "UA": 0.70}),
    evaluation(2, {"Overall": 0.90, "UA": 0.60}, verdict=schema.BLESSED),
    evaluation(3, {"Overall": 0.70, "UA": 0.80}, verdict=schema.NOT_BLESSED),
]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("BEST", {"Overall": (0.90, "2"), "carrier:UA": (0.80, "3")}),
        ("PREVIOUS", {"Overall": (0.70, "3"), "carrier:UA": (0.80, "3")}),
        ("MEAN", {"Overall": (0.80, "3,2,1"), "carrier:UA": (0.70, "3,2,1")}),
        ("LATEST_BLESSED", {"Overall": (0.90, "2"), "carrier:UA": (0.60, "2")}),
    ],
)
def test_references(reference: str, expected: dict[str, tuple[float, str]]) -> None:
    verdict, reasons = check_history(
        selection({"Overall": 0.1, "UA": 0.1}), PAST, [check(reference=reference)]
    )
    assert verdict == schema.NOT_BLESSED
    told = {r["slice"]: (r["reference_value"], r["evaluation"]) for r in reasons if r["failed"]}
    assert {name: value for name, (value, _) in told.items()} == pytest.approx(
        {name: value for name, (value, _) in expected.items()}
    )
    assert {name: one for name, (_, one) in told.items()} == {
        name: one for name, (_, one) in expected.items()
    }


def test_reason_tells_all() -> None:
    current = selection({"Overall": 0.89, "UA": 0.5}, {"UA": 77})
    verdict, (reason, *notes) = check_history(
        current, PAST, [check(max_relative_drop=0.25, reference="BEST")]
    )
    assert verdict == schema.NOT_BLESSED
    message = reason.pop("message")
    assert {name: reason.pop(name) for name in ("limit",)} == pytest.approx({"limit": 0.6})
    assert reason == {
        "rule": "max_relative_drop",
        "failed": True,
        "slice": "carrier:UA",
        "metric": "auc",
        "value": 0.5,
        "reference": "BEST",
        "reference_value": 0.8,
        "allowed": 0.25,
        "examples": 77,
        "evaluation": "3",
    }
    assert message == (
        "carrier:UA: auc is 0.5 on 77 examples, its best is 0.8; "
        "at most 25 % worse passes, which is 0.6."
    )
    assert rules(notes) == ["checked"]
    assert notes[0]["count"] == 2
    assert notes[0]["message"] == "auc: 2 slices held against the best of 3 evaluations, 1 fell."


def test_blessed_where_nothing_fell() -> None:
    verdict, reasons = check_history(
        selection({"Overall": 0.95, "UA": 0.76}), PAST, [check(), check(reference="MEAN")]
    )
    assert verdict == schema.BLESSED
    assert failed(reasons) == []
    assert rules(reasons) == ["checked", "checked"]


def test_nothing_to_say_without_checks_or_history() -> None:
    current = selection({"Overall": 0.9})
    verdict, reasons = check_history(current, PAST, [])
    assert (verdict, rules(reasons)) == (schema.NOT_VALIDATED, ["no_checks"])
    verdict, reasons = check_history(current, [], [check()])
    assert (verdict, rules(reasons)) == (schema.NOT_VALIDATED, ["no_history"])


def test_only_the_last_runs_count() -> None:
    current = selection({"Overall": 0.70, "UA": 0.78})
    assert check_history(current, PAST, [check(last_runs=1)])[0] == schema.BLESSED
    assert check_history(current, PAST, [check(last_runs=2)])[0] == schema.NOT_BLESSED


@pytest.mark.parametrize(
    ("was", "now", "limit"),
    [
        (0.9, 0.882, {"max_relative_drop": 0.02}),
        (0.8, 0.7, {"max_absolute_drop": 0.1}),
        (0.3, 0.2, {"max_absolute_drop": 0.1}),
        (0.7, 0.7, {"max_relative_drop": 0.0}),
        (-0.5, -0.51, {"max_relative_drop": 0.02}),
        (0.0, 0.0, {"max_relative_drop": 0.5}),
    ],
)
@pytest.mark.parametrize("precision", [np.float64, np.float32])
def test_a_fall_exactly_at_the_limit_passes(
    was: float, now: float, limit: dict[str, float], precision: type
) -> None:
    was, now = float(precision(was)), float(precision(now))
    past = [evaluation(1, {"Overall": was})]
    assert check_history(selection({"Overall": now}), past, [check(**limit)])[0] == schema.BLESSED
    below = selection({"Overall": now - 1e-5})
    assert check_history(below, past, [check(**limit)])[0] == schema.NOT_BLESSED


def test_both_limits_hold() -> None:
    past = [evaluation(1, {"Overall": 0.5, "UA": 0.9})]
    both = check(max_relative_drop=0.1, max_absolute_drop=0.07)
    _, reasons = check_history(selection({"Overall": 0.44, "UA": 0.82}), past, [both])
    assert [(r["slice"], r["rule"]) for r in reasons if r["failed"]] == [
        ("Overall", "max_relative_drop"),
        ("carrier:UA", "max_absolute_drop"),
    ]


@pytest.mark.parametrize(
    ("metric", "given_direction", "expected"),
    [
        ("auc", None, True),
        ("average_loss", None, False),
        ("mean_squared_error", None, False),
        ("average_loss", True, True),
        ("auc", False, False),
    ],
)
def test_direction(metric: str, given_direction: bool | None, expected: bool) -> None:
    more = {} if given_direction is None else {"higher_is_better": given_direction}
    one = check(metric, **more)
    assert higher_is_better(one) is expected
    past = [
        evaluation(1, {"Overall": 0.5}, metric=metric),
        evaluation(2, {"Overall": 0.6}, metric=metric),
    ]
    for now, verdict in (
        (0.9, schema.BLESSED if expected else schema.NOT_BLESSED),
        (0.2, schema.NOT_BLESSED if expected else schema.BLESSED),
    ):
        told, reasons = check_history(selection({"Overall": now}, metric=metric), past, [one])
        assert told == verdict
        if verdict == schema.NOT_BLESSED:
            assert reasons[0]["reference_value"] == (0.6 if expected else 0.5)


def test_small_slices_are_left_alone_now_and_then() -> None:
    past = [
        evaluation(1, {"Overall": 0.9, "UA": 0.99, "AA": 0.9}, {"UA": 10}),
        evaluation(2, {"Overall": 0.9, "UA": 0.70, "AA": 0.9}),
    ]
    current = selection({"Overall": 0.9, "UA": 0.70, "AA": 0.1}, {"AA": 499})
    assert check_history(current, past, [check(min_examples=500)])[0] == schema.BLESSED
    _, reasons = check_history(current, past, [check(min_examples=10)])
    assert sorted(failed(reasons)) == ["carrier:AA", "carrier:UA"]


def test_only_the_slices_of_the_specs() -> None:
    current = selection({"Overall": 0.1, "UA": 0.1, "AA": 0.1})
    past = [evaluation(1, {"Overall": 0.9, "UA": 0.9, "AA": 0.9})]
    for specs, expected in (
        ([{}], ["Overall"]),
        ([{"feature_keys": ["carrier"]}], ["carrier:AA", "carrier:UA"]),
        ([{"feature_values": {"carrier": "UA"}}], ["carrier:UA"]),
        ([], ["Overall", "carrier:AA", "carrier:UA"]),
    ):
        _, reasons = check_history(current, past, [check(slicing_specs=specs)])
        assert sorted(failed(reasons)) == expected


def test_new_and_vanished_slices_are_told_and_do_not_fail() -> None:
    current = selection({"Overall": 0.9, "B6": 0.1})
    verdict, reasons = check_history(current, PAST, [check()])
    assert verdict == schema.BLESSED
    told = {reason["rule"]: reason.get("slices") for reason in reasons}
    assert told["new_slices"] == ["carrier:B6"]
    assert told["vanished_slices"] == ["carrier:UA"]


def test_number_that_became_nan_fails_and_one_that_always_was_does_not() -> None:
    past = [evaluation(1, {"Overall": 0.9, "UA": 0.9, "AA": math.nan})]
    current = selection({"Overall": 0.9, "UA": math.nan, "AA": math.nan})
    verdict, reasons = check_history(current, past, [check()])
    assert (verdict, failed(reasons)) == (schema.NOT_BLESSED, ["carrier:UA"])
    assert reasons[0]["value"] == "NaN"
    json.dumps(reasons, allow_nan=False)


def test_infinities_are_no_reference() -> None:
    past = [evaluation(1, {"Overall": math.inf}), evaluation(2, {"Overall": 0.5})]
    assert check_history(selection({"Overall": 0.5}), past, [check()])[0] == schema.BLESSED
    verdict, reasons = check_history(selection({"Overall": -math.inf}), past, [check()])
    assert (verdict, reasons[0]["value"]) == (schema.NOT_BLESSED, "-Infinity")


def test_metric_that_no_earlier_evaluation_has() -> None:
    past = [evaluation(1, {"Overall": 0.9}, metric="other")]
    verdict, reasons = check_history(selection({"Overall": 0.9}), past, [check()])
    assert verdict == schema.NOT_VALIDATED
    assert rules(reasons) == ["checked", "new_slices", "nothing_compared"]


def test_unknown_metric() -> None:
    with pytest.raises(ConfigError, match=r"names 'aucc'.* Did you mean auc\? It has: auc"):
        check_history(selection({"Overall": 0.9}), PAST, [check("aucc")])


def test_first_to_be_blessed() -> None:
    """Otherwise none would ever be."""
    current = selection({"Overall": 0.1})
    checks = [check(reference="LATEST_BLESSED")]
    verdict, reasons = check_history(current, PAST[:1], checks)
    assert (verdict, rules(reasons)) == (schema.BLESSED, ["no_blessed"])
    # but not because the blessed one is no longer among those at hand
    verdict, reasons = check_history(current, PAST[2:], checks)
    assert (verdict, rules(reasons)) == (schema.NOT_VALIDATED, ["no_blessed"])
    assert check_history(current, PAST[2:], [*checks, check()])[0] == schema.NOT_BLESSED


def test_many_failures_are_counted_and_the_worst_told() -> None:
    names = [f"C{number}" for number in range(MAX_FAILURES + 20)]
    past = [evaluation(1, dict.fromkeys(names, 0.9))]
    fallen = {name: 0.8 - number / 1000 for number, name in enumerate(names)}
    verdict, reasons = check_history(selection(fallen), past, [check()])
    assert verdict == schema.NOT_BLESSED
    assert len(failed(reasons)) == MAX_FAILURES
    assert failed(reasons)[0] == f"carrier:{names[-1]}"
    assert reasons[MAX_FAILURES]["count"] == 20
    lines = summary(verdict, reasons, most=3).splitlines()
    assert lines[0] == "Held against its history: NOT_BLESSED"
    assert lines[4].strip() == f"… and {MAX_FAILURES - 3} more."

    _, reasons = check_history(selection(fallen), [evaluation(1, {"Overall": 1.0})], [check()])
    new = next(reason for reason in reasons if reason["rule"] == "new_slices")
    assert (len(new["slices"]), new["count"]) == (MAX_NAMED_SLICES, len(names))


def test_a_block_will_do() -> None:
    current = selection({"Overall": 0.6, "UA": 0.7})
    block = block_lib.make_block(current.records)
    assert check_history(block, PAST, [check()]) == check_history(current, PAST, [check()])


numbers = st.floats(0, 1) | st.just(math.nan)
slices = st.dictionaries(st.sampled_from(["Overall", "UA", "AA", "B6"]), numbers, min_size=1)


@given(
    st.lists(slices, min_size=1, max_size=6).flatmap(
        lambda past: st.tuples(st.just(past), st.permutations(range(len(past))))
    ),
    slices,
    st.sampled_from(["BEST", "MEAN"]),
    st.floats(0, 0.5),
)
def test_order_of_history_is_of_no_account(
    past: tuple[list[dict[str, float]], list[int]],
    now: dict[str, float],
    reference: str,
    drop: float,
) -> None:
    """Neither the order in which it is given nor, but for what vanished, that of time."""
    values, order = past
    checks = [check(reference=reference, max_relative_drop=drop)]
    history = [evaluation(number, one) for number, one in enumerate(values)]
    current = selection(now)
    outcome = check_history(current, history, checks)
    assert check_history(current, [history[number] for number in order], checks) == outcome

    in_other_order = [evaluation(number, values[old]) for number, old in enumerate(order)]
    verdict, reasons = check_history(current, in_other_order, checks)
    assert verdict == outcome[0]
    assert sorted(failed(reasons)) == sorted(failed(outcome[1]))


@given(slices, slices, st.floats(0, 1))
def test_against_its_definition(was: dict[str, float], now: dict[str, float], drop: float) -> None:
    _, reasons = check_history(
        selection(now), [evaluation(1, was)], [check(max_absolute_drop=drop)]
    )
    expected = {
        "Overall" if name == "Overall" else f"carrier:{name}"
        for name, value in now.items()
        if not math.isnan(was.get(name, math.nan)) and not value >= was[name] - drop - 1.2e-7
    }
    # of falls within the tolerance either may be said
    close = {
        "Overall" if name == "Overall" else f"carrier:{name}"
        for name, value in now.items()
        if name in was and abs(was[name] - drop - value) < 1e-6
    }
    assert set(failed(reasons)) - close == expected - close
