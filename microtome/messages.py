"""Small helpers for messages to users."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` where a known name resembles `name`, else nothing."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" (did you mean {matches[0]!r}?)" if matches else ""


def nearest_feature(name: str, known: Iterable[str]) -> str:
    """As `nearest`, but a name of more words, or of fewer, comes first, such as `age_xf` for `age`.

    Features are often called so before and after a transformation.
    """
    names, words = list(known), _words(name)
    kin = [n for n in names if words != _words(n) and (words <= _words(n) or _words(n) <= words)]
    if not kin:
        return nearest(name, names)
    best = max(kin, key=lambda n: difflib.SequenceMatcher(None, name, n).ratio())
    return f" (did you mean {best!r}?)"


def _words(name: str) -> set[str]:
    return set(filter(None, re.split(r"[\W_]+", name)))
