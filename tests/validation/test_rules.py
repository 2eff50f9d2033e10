"""Thresholds to verdicts, case by case."""

from __future__ import annotations

import pytest

from microtome.validation import rules_of, validate
from tests.validation import records
from tests.validation.cases import CASES, Case

pytestmark = pytest.mark.current


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    verdict = validate(records.records_of(case.slices), rules_of(records.config_of(case)))
    assert verdict.verdict == case.verdict
    assert tuple(sorted(reason["rule"] for reason in verdict.failures)) == case.rules
    assert len({reason["message"] for reason in verdict.reasons}) == len(verdict.reasons)
