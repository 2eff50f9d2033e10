"""From thresholds and a result to a verdict with its reasons.

Synopsis:

    rules = rules_of(eval_config)
    verdict = validate(load_metrics(path), rules)
    print(verdict.summary())

`docs/validation.md` tells the rules.
"""

from microtome.results.verdict import BLESSED, NOT_BLESSED, NOT_VALIDATED, Verdict
from microtome.validation.rules import Rule, Rules, rules_of
from microtome.validation.validator import Validator, combined, validate

__all__ = [
    "BLESSED",
    "NOT_BLESSED",
    "NOT_VALIDATED",
    "Rule",
    "Rules",
    "Validator",
    "Verdict",
    "combined",
    "rules_of",
    "validate",
]
