"""The verdict on an evaluation, and its file `verdict.json`.

The file holds one JSON object:

| name | what |
| --- | --- |
| `verdict` | `BLESSED`, `NOT_BLESSED` or `NOT_VALIDATED` |
| `checked`, `failed` | how many checks were made, each of a rule in a slice, and how many failed |
| `baseline` | name of the model that change thresholds compare with; null if there is none |
| `without_baseline` | what was done with change thresholds for want of one: a value of \
`Validation.OnMissingBaseline`; empty where nothing had to be |
| `reasons` | a list of objects, failures first |
| `passed` | such objects of the checks that passed, at most 10,000, the largest slices first |

Each reason has `rule`, `failed` (true or false) and `message`, a sentence for people. Those of a
slice and a metric also have what is known of:

| name | what |
| --- | --- |
| `slice`, `metric` | as texts, such as `carrier:UA` and `auc` |
| `value`, `limit` | the metric's value, and the bound that it, or its change, was held to |
| `interval` | [lower, upper], the confidence interval of the value or of the change |
| `reference_value`, `change` | the baseline's value, and value less baseline's value |
| `examples` | of the slice |

Numbers that JSON does not have are the texts `NaN`, `Infinity` and `-Infinity`.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

BLESSED = "BLESSED"
NOT_BLESSED = "NOT_BLESSED"
NOT_VALIDATED = "NOT_VALIDATED"
VERDICTS = (BLESSED, NOT_BLESSED, NOT_VALIDATED)

NO_THRESHOLDS = "no_thresholds"
MORE_FAILURES = "more_failures"

# failures that are told outside of the result files: in reports and in ML Metadata
MAX_TOLD = 200

Reason: TypeAlias = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether a model may ship, and why.

    Attributes:
        verdict: `BLESSED`, `NOT_BLESSED` or `NOT_VALIDATED`.
        reasons: What led to it, failures first; see the module.
        checked: How many checks were made, each of a rule in a slice.
        failed: How many of them failed.
        baseline: The model that change thresholds compare with; None without one.
        without_baseline: What was done with change thresholds for want of a baseline; empty where
            nothing had to be.
        passed: The checks that passed, such as `reasons` are, those of the largest slices first, at
            most 10,000.
    """

    verdict: str
    reasons: tuple[Reason, ...] = ()
    checked: int = 0
    failed: int = 0
    baseline: str | None = None
    without_baseline: str = ""
    passed: tuple[Reason, ...] = ()

    @property
    def is_blessed(self) -> bool:
        """Whether the model may ship."""
        return self.verdict == BLESSED

    @property
    def failures(self) -> list[Reason]:
        """The reasons that speak against the model."""
        return [reason for reason in self.reasons if reason["failed"]]

    @property
    def is_unasked(self) -> bool:
        """Whether nothing was to be validated."""
        return bool(self.reasons) and all(r["rule"] == NO_THRESHOLDS for r in self.reasons)

    def to_json(self) -> dict[str, Any]:
        """The content of `verdict.json`."""
        return {
            **dataclasses.asdict(self),
            "reasons": [dict(reason) for reason in self.reasons],
            "passed": [dict(reason) for reason in self.passed],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Verdict:
        """The verdict that `to_json` told.

        Raises:
            ValueError: The content is another.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        said = {name: content[name] for name in known & set(content)}
        reasons, passed = said.get("reasons", []), said.get("passed", [])
        if said.get("verdict") not in VERDICTS or not all(map(_is_reason, [*reasons, *passed])):
            raise ValueError("no verdict with reasons")
        return cls(**{**said, "reasons": tuple(reasons), "passed": tuple(passed)})

    def told(self) -> tuple[str, list[Reason]]:
        """The verdict and its main reasons, as ML Metadata and reports have them.

        Without reasons where nothing was to be validated.
        """
        reasons = () if self.is_unasked else self.first_failures(MAX_TOLD).reasons
        return self.verdict, list(reasons)

    def first_failures(self, most: int) -> Verdict:
        """The verdict with at most so many failures among its reasons; how many more is told."""
        failures = self.failures
        if len(failures) <= most:
            return self
        told = sum(reason.get("count", 1) for reason in failures[most:])
        others = [reason for reason in self.reasons if not reason["failed"]]
        more = reason_of(MORE_FAILURES, f"{told} more checks failed.", failed=True, count=told)
        return dataclasses.replace(self, reasons=(*failures[:most], more, *others))

    def summary(self, most: int = 10) -> str:
        """The verdict and its reasons in lines for people, with `most` failures at most."""
        shown = self.first_failures(most)
        checks = "1 check" if self.checked == 1 else f"{self.checked} checks"
        counts = f" ({checks}, {self.failed} failed)" if self.checked else ""
        lines = [reason["message"] for reason in shown.reasons]
        return "\n  ".join([f"Verdict: {self.verdict}{counts}", *lines])


def reason_of(rule: str, message: str, *, failed: bool, **more: Any) -> dict[str, Any]:
    """A reason, with numbers as JSON has them and without what is None."""
    told = {name: _told(value) for name, value in more.items() if value is not None}
    return {"rule": rule, "failed": failed, **told, "message": message}


def to_text(verdict: Verdict) -> str:
    """The content of `verdict.json` as text."""
    return json.dumps(verdict.to_json(), allow_nan=False, indent=1) + "\n"


def from_text(text: str | bytes) -> Verdict:
    """The verdict of the file.

    Raises:
        ValueError: It holds another content.
    """
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("no JSON object")
    return Verdict.from_json(content)


def _is_reason(reason: Any) -> bool:
    return isinstance(reason, dict) and {"rule", "failed", "message"} <= set(reason)


def _told(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_told(item) for item in value]
    return value
