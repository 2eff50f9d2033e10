"""Where Microtome does not follow TFMA 0.46, and why. All else is the same."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.message import Message

_WEIGHTED = r" example_weighted \{ value: true \}"
_NAN = float("nan")


@dataclass(frozen=True)
class Difference:
    """One way in which results differ on purpose.

    Attributes:
        why: the reason.
        key: a pattern of the keys, as text.
        is_so: whether the values, None where there is none, differ as is said.
        cases: those of `cases.CASES` in which it is so; none: all.
    """

    why: str
    key: str
    is_so: Callable[[Message | None, Message | None], bool]
    cases: tuple[str, ...] = ()

    def explains(self, case: str, key: str, theirs: Message | None, ours: Message | None) -> bool:
        """Whether values of a key differ in this way."""
        of_case = not self.cases or case in self.cases
        return bool(of_case and re.fullmatch(self.key, key) and self.is_so(theirs, ours))


def _is(theirs: float | None = None, ours: float | None = None) -> Callable[..., bool]:
    """Both have numbers, of which some are as given."""

    def is_so(their_value: Message | None, our_value: Message | None) -> bool:
        pairs = ((their_value, theirs), (our_value, ours))
        return all(message is not None and _equal(_number(message), n) for message, n in pairs)

    return is_so


def _number(message: Message) -> float:
    return float(message.double_value.value)  # type: ignore[attr-defined]


def _equal(value: float, wanted: float | None) -> bool:
    return wanted is None or value == wanted or (math.isnan(value) and math.isnan(wanted))


def _only_ours(theirs: Message | None, ours: Message | None) -> bool:
    return theirs is None and ours is not None


def _only_theirs(theirs: Message | None, ours: Message | None) -> bool:
    return theirs is not None and ours is None


def _near(theirs: Message | None, ours: Message | None) -> bool:
    if theirs is None or ours is None:
        return False
    return abs(_number(theirs) - _number(ours)) < 2e-4


def _whole(theirs: Message | None, ours: Message | None) -> bool:
    """Ours is the number of rows."""
    if theirs is None or ours is None:
        return False
    return math.isclose(_number(ours), round(_number(ours)), abs_tol=1e-9)


def _not_finite(theirs: Message | None, ours: Message | None) -> bool:
    is_finite = [math.isfinite(_number(each)) for each in (theirs, ours) if each is not None]
    return is_finite == [False, True]


DIFFERENCES = (
    Difference(
        "example_count counts examples, whatever they weigh; TFMA's is their weight, which "
        "weighted_example_count gives",
        r'name: "example_count".*' + _WEIGHTED,
        _whole,
    ),
    Difference(
        "the numbers of examples and their weight stand in every result",
        r'name: "(weighted_)?example_count"',
        _only_ours,
    ),
    Difference(
        "of one class there is no curve; TFMA's area is 0.0",
        r'name: "(auc|auc_precision_recall|over|under|of_three)".*',
        _is(0.0, _NAN),
    ),
    Difference(
        "the rectangles reach to where nothing is predicted positive; TFMA leaves out the last, "
        "in which precision is 0 / 0",
        f'name: "over"{_WEIGHTED}',
        lambda theirs, ours: _is()(theirs, ours) and _number(theirs) < _number(ours),
    ),
    Difference(
        "at given thresholds a curve begins and ends where all and nothing is predicted positive, "
        "as in Keras; TFMA's has no ends",
        f'name: "of_three"{_WEIGHTED}',
        lambda theirs, ours: _is()(theirs, ours) and _number(theirs) < _number(ours),
    ),
    Difference(
        "thresholds are 1/10000 apart, TFMA's of this metric 1/9999",
        r'name: "threshold_at_recall".*',
        _near,
    ),
    Difference(
        "predictions of exactly 0 and 1 have a finite loss, as in Keras; TFMA's is 0 · log 0",
        f'name: "(binary_crossentropy|smoothed)"{_WEIGHTED}',
        _not_finite,
        ("binary",),
    ),
    Difference(
        "recall is of all labels; TFMA leaves out labels that are not among the top k, and always "
        "says 1.0",
        r'name: "recall" sub_key \{ top_k .*micro_average.*',
        _is(1.0),
    ),
    Difference(
        "a curve over the top k ends where all of them are positive; TFMA's has one point",
        r'name: "auc" sub_key \{ top_k .*',
        _is(0.0),
    ),
    Difference(
        "the least and the greatest number of documents are numbers of rows; TFMA multiplies them "
        "by weights",
        f'name: "(min|max)_documents"{_WEIGHTED}',
        _whole,
    ),
    Difference(
        "matrices are not subtracted; TFMA's precision of negative counts means nothing",
        r'name: "confusion_matrix_at_thresholds" .*is_diff: true.*',
        _only_theirs,
    ),
)

# what has another name here: words of their keys, and the same words here
RENAMED = {
    # a slip of the pen
    "coefficient_of_discimination": "coefficient_of_discrimination",
}
RENAMED_IN = {
    # TFMA gives both means the same key, so that one hides the other
    "weighted macro": {"macro_average": "weighted_macro_average"},
}
