"""Holds an evaluation against earlier ones, as `Tracking.history_checks` of its config says.

Synopsis:

    verdict, reasons = check_history(selection, earlier, eval_config.tracking.history_checks)
    print(summary(verdict, reasons))

Each reason is a JSON object with `rule`, `failed` (true or false) and `message`, a sentence for
people. Those of `rule` `max_relative_drop` or `max_absolute_drop` tell of one slice that fell too
far, the worst first:

| name | what |
| --- | --- |
| `slice`, `metric` | what fell |
| `value`, `examples` | its value, and on how many examples |
| `reference`, `reference_value` | `BEST`, `PREVIOUS`, …, and the value of that |
| `evaluation` | id of the evaluation that it is from; of `MEAN`, all ids, separated by commas |
| `allowed`, `limit` | the fall that passes, and the value that would just have passed |

The others never fail: `checked` (how many slices of a `metric` were held against a `reference`),
`new_slices` and `vanished_slices` (`slices`, `count`), `no_blessed`, `no_history`, `no_checks`,
`nothing_compared`, and `more_failures` (`count`), where more slices fell than are told one by one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from microtome import strict_proto
from microtome.errors import ConfigError
from microtome.proto.config_pb2 import HistoryCheck
from microtome.slicing.keys import SliceKey, stringify_slice_key
from microtome.slicing.spec import SingleSliceSpec
from microtome.tracking import direction, schema
from microtome.tracking.aligned import align
from microtome.tracking.block import Block, make_block
from microtome.tracking.evaluations import Evaluation
from microtome.tracking.selection import Selection, json_value

Reason: TypeAlias = dict[str, Any]
_Floats: TypeAlias = npt.NDArray[np.float64]

# The reasons are one property of an artifact, and must fit into one message with many others.
MAX_FAILURES = 200
MAX_NAMED_SLICES = 50

# Metrics of a model's graph have 32 bits: two that differ by less than one step are equal.
_STEP = float(np.finfo(np.float32).eps)


def check_history(
    current: Selection | Block, earlier: Sequence[Evaluation], checks: Sequence[HistoryCheck]
) -> tuple[str, list[Reason]]:
    """Judges an evaluation by its own history.

    A slice is compared where it has at least `min_examples` now, and has, in at least one of the
    evaluations that the check refers to, as many examples and a finite value. A slice that is new
    or has vanished is told and does not fail. A value that is NaN now and was a number fails. A
    fall that is exactly the largest allowed passes, in the precision of 32-bit floats.

    Args:
        current: The tracked slices of the evaluation.
        earlier: The evaluations before it, in any order.
        checks: What to hold them to.

    Returns:
        The verdict and its reasons, failures first. `BLESSED`: slices were compared and none fell
        too far. `NOT_BLESSED`: one did. `NOT_VALIDATED`: there are no checks, no earlier
        evaluations, or nothing in them to compare with. For `LATEST_BLESSED` an evaluation passes
        where none before it was judged, as the first to be blessed must.

    Raises:
        ConfigError: A check names a metric that the evaluation does not have as a number.
    """
    block = make_block(current.records) if isinstance(current, Selection) else current
    if not checks:
        return schema.NOT_VALIDATED, [_note("no_checks", "The config has no history_checks.")]
    if not earlier:
        message = "There are no earlier evaluations yet to hold this one against."
        return schema.NOT_VALIDATED, [_note("no_history", message)]
    if block.keys:
        _check_metrics(block, checks)
    newest_first = sorted(earlier, key=lambda one: (one.time, len(one.id), one.id), reverse=True)
    outcomes = [_outcome(block, newest_first, check) for check in checks]
    failures = sorted(
        (failure for outcome in outcomes for failure in outcome.failures),
        key=lambda failure: -failure[0],
    )
    reasons = [reason for _, reason in failures[:MAX_FAILURES]]
    if len(failures) > MAX_FAILURES:
        more = len(failures) - MAX_FAILURES
        reasons.append(_note("more_failures", f"{more} more fell too far.", count=more))
    reasons += [note for outcome in outcomes for note in outcome.notes]
    if failures:
        return schema.NOT_BLESSED, reasons
    if any(outcome.undecided for outcome in outcomes):
        return schema.NOT_VALIDATED, reasons
    if not any(outcome.passed for outcome in outcomes):
        message = "No slice has enough examples and a value, both now and earlier."
        return schema.NOT_VALIDATED, [*reasons, _note("nothing_compared", message)]
    return schema.BLESSED, reasons


def higher_is_better(check: HistoryCheck) -> bool:
    """Which way the metric of a check is better: as it says, or else as the name tells."""
    if check.HasField("higher_is_better"):
        return bool(check.higher_is_better.value)
    return not direction.is_lower_better(check.metric)


def summary(verdict: str, reasons: Sequence[Reason], most: int = 10) -> str:
    """The verdict and its reasons in lines for people, with `most` failures at most."""
    failed = [reason["message"] for reason in reasons if reason["failed"]]
    others = [reason["message"] for reason in reasons if not reason["failed"]]
    if len(failed) > most:
        failed = [*failed[:most], f"… and {len(failed) - most} more."]
    return "\n  ".join([f"Held against its history: {verdict}", *failed, *others])


@dataclasses.dataclass(frozen=True)
class _Outcome:
    """What one check found.

    Attributes:
        failures: With how far each is beyond its limit.
        notes: What does not fail.
        passed: Whether it says that the evaluation is good, unless there are failures.
        undecided: Whether it cannot say.
    """

    failures: list[tuple[float, Reason]]
    notes: list[Reason]
    passed: bool
    undecided: bool = False


def _check_metrics(block: Block, checks: Sequence[HistoryCheck]) -> None:
    unknown = [check.metric for check in checks if check.metric not in block.metrics]
    if unknown:
        hints = "".join(strict_proto.did_you_mean(name, block.metrics) for name in unknown)
        raise ConfigError(
            f"tracking.history_checks names {', '.join(map(repr, unknown))}, which the evaluation "
            f"does not have as one number.{hints} It has: {', '.join(block.metrics)}."
        )


def _outcome(block: Block, newest_first: Sequence[Evaluation], check: HistoryCheck) -> _Outcome:
    referred = _referred(newest_first, check)
    if not referred:
        return _without_blessed(newest_first, check)
    specs = [SingleSliceSpec.from_proto(spec) for spec in check.slicing_specs]
    values = block.column(check.metric)
    asked = _in_scope(block.keys, specs) & (block.counts >= check.min_examples)
    reference, sources = _reference(block, referred, check)
    known = ~np.isnan(reference)
    compared = asked & known
    failures = [
        failure
        for rule in ("max_relative_drop", "max_absolute_drop")
        if check.HasField(rule)
        for failure in _failures(block, values, reference, sources, compared, check, rule)
    ]
    fallen = len({failure["slice"] for _, failure in failures})
    name = _reference_name(check, len(referred))
    message = f"{check.metric}: {_slices(int(compared.sum()))} held against {name}, {fallen} fell."
    notes = [
        _note(
            "checked",
            message,
            metric=check.metric,
            reference=HistoryCheck.Reference.Name(check.reference),
            evaluations=[one.id for one in referred],
            count=int(compared.sum()),
        )
    ]
    new = _texts(block.keys, np.flatnonzero(asked & ~known & np.isfinite(values)))
    gone = _vanished(block, asked, referred[0], specs, check)
    notes += _slices_note("new_slices", new, check, "with nothing earlier to compare with")
    notes += _slices_note("vanished_slices", gone, check, "gone, or with too few now")
    return _Outcome(failures, notes, passed=bool(compared.any()))


def _referred(newest_first: Sequence[Evaluation], check: HistoryCheck) -> Sequence[Evaluation]:
    """The evaluations that a check refers to, the newest first."""
    if check.reference == HistoryCheck.PREVIOUS:
        return newest_first[:1]
    if check.reference == HistoryCheck.LATEST_BLESSED:
        return [one for one in newest_first if one.verdict == schema.BLESSED][:1]
    return newest_first[: check.last_runs or None]


def _without_blessed(newest_first: Sequence[Evaluation], check: HistoryCheck) -> _Outcome:
    refused = sum(one.verdict == schema.NOT_BLESSED for one in newest_first)
    message = f"{check.metric}: none of the {len(newest_first)} earlier evaluations is blessed"
    message += (
        "; let the history hold more of them (latest_blessed=True)."
        if refused
        else ", and none was judged: this one begins."
    )
    note = _note("no_blessed", message, metric=check.metric)
    return _Outcome([], [note], passed=not refused, undecided=bool(refused))


def _reference(
    block: Block, referred: Sequence[Evaluation], check: HistoryCheck
) -> tuple[_Floats, list[str]]:
    """The value to compare each slice with, NaN where there is none, and the evaluation it is of.

    Returns:
        Of the slices of `block`, in its order.
    """
    aligned = align(referred, block.keys, [check.metric])
    values = aligned.values[:, :, 0]
    usable = np.isfinite(values) & (aligned.counts >= max(check.min_examples, 1))
    ids = [one.id for one in referred]
    if check.reference == HistoryCheck.MEAN:
        number = usable.sum(axis=0)
        total = np.where(usable, values, 0.0).sum(axis=0)
        mean = np.where(number > 0, total / np.maximum(number, 1), np.nan)
        return mean, [
            ",".join(np.array(ids, object)[chosen]) if chosen.any() else "" for chosen in usable.T
        ]
    sign = _sign(check)
    ranked = np.where(usable, sign * values, -np.inf)
    best = ranked.argmax(axis=0)  # of equal ones the newest
    reference = np.where(usable.any(axis=0), sign * ranked.max(axis=0), np.nan)
    return reference, [ids[index] for index in best]


def _failures(
    block: Block,
    values: _Floats,
    reference: _Floats,
    sources: Sequence[str],
    compared: npt.NDArray[np.bool_],
    check: HistoryCheck,
    rule: str,
) -> Iterator[tuple[float, Reason]]:
    allowed = getattr(check, rule).value
    sign = _sign(check)
    with np.errstate(over="ignore", invalid="ignore"):
        fall = allowed * np.abs(reference) if rule == "max_relative_drop" else allowed
        limit = reference - sign * fall
        tolerance = _STEP * np.maximum(np.abs(reference), np.abs(limit))
        # of NaN too this is false
        passes = sign * values >= sign * limit - tolerance
        beyond = sign * (limit - values) / np.maximum(np.abs(reference), _STEP)
    beyond = np.where(np.isnan(beyond), np.inf, beyond)
    for index in np.flatnonzero(compared & ~passes):
        name = stringify_slice_key(block.keys[index])
        value, was, bound = values[index], reference[index], limit[index]
        shown = f"{allowed:.4g}" if rule == "max_absolute_drop" else f"{100 * allowed:.4g} %"
        yield (
            float(beyond[index]),
            {
                "rule": rule,
                "failed": True,
                "slice": name,
                "metric": check.metric,
                "value": json_value(value),
                "reference": HistoryCheck.Reference.Name(check.reference),
                "reference_value": json_value(was),
                "allowed": allowed,
                "limit": json_value(bound),
                "examples": int(block.counts[index]),
                "evaluation": sources[index],
                "message": (
                    f"{name}: {check.metric} is {value:.6g} on {block.counts[index]} examples, "
                    f"{_REFERENCES[check.reference]} is {was:.6g}; "
                    f"at most {shown} worse passes, which is {bound:.6g}."
                ),
            },
        )


def _vanished(
    block: Block,
    asked: npt.NDArray[np.bool_],
    last: Evaluation,
    specs: Sequence[SingleSliceSpec],
    check: HistoryCheck,
) -> list[str]:
    """The slices that a check would have been of in the newest evaluation, and is not of now."""
    before = last.block
    enough = before.counts >= max(check.min_examples, 1)
    counted = enough & np.isfinite(before.column(check.metric)) & _in_scope(before.keys, specs)
    here = set(_texts(block.keys, np.flatnonzero(asked)))
    return [name for name in _texts(before.keys, np.flatnonzero(counted)) if name not in here]


def _in_scope(keys: Sequence[SliceKey], specs: Sequence[SingleSliceSpec]) -> npt.NDArray[np.bool_]:
    applicable = (not specs or any(spec.is_slice_applicable(key) for spec in specs) for key in keys)
    return np.fromiter(applicable, bool, len(keys))


def _texts(keys: Sequence[SliceKey], indices: npt.NDArray[np.intp]) -> list[str]:
    return [stringify_slice_key(keys[index]) for index in indices]


def _sign(check: HistoryCheck) -> int:
    return 1 if higher_is_better(check) else -1


_REFERENCES = {
    HistoryCheck.BEST: "its best",
    HistoryCheck.PREVIOUS: "its previous",
    HistoryCheck.MEAN: "its mean",
    HistoryCheck.LATEST_BLESSED: "that of the latest blessed",
}


def _reference_name(check: HistoryCheck, evaluations: int) -> str:
    if check.reference == HistoryCheck.PREVIOUS:
        return "the previous evaluation"
    if check.reference == HistoryCheck.LATEST_BLESSED:
        return "the latest blessed evaluation"
    kind = "best" if check.reference == HistoryCheck.BEST else "mean"
    return f"the {kind} of {evaluations} evaluation{'s' if evaluations > 1 else ''}"


def _slices(count: int) -> str:
    return "1 slice" if count == 1 else f"{count} slices"


def _slices_note(
    rule: str, names: Sequence[str], check: HistoryCheck, where: str
) -> Iterator[Reason]:
    if names:
        shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        message = f"{check.metric}: {_slices(len(names))} {where}: {shown}."
        yield _note(
            rule,
            message,
            metric=check.metric,
            slices=list(names[:MAX_NAMED_SLICES]),
            count=len(names),
        )


def _note(rule: str, message: str, **more: Any) -> Reason:
    return {"rule": rule, "failed": False, **more, "message": message}
