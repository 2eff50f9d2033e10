"""Objects that travel to workers without what they can compute again."""

from __future__ import annotations

from functools import cached_property
from typing import Any


class Light:
    """Is pickled without its cached properties.

    Beam pickles what a step needs once a step, and compresses it: ten thousand thresholds of a
    curve take it longer than working them out anew.
    """

    def __getstate__(self) -> dict[str, Any]:
        own = type(self)
        return {
            name: value
            for name, value in vars(self).items()
            if not isinstance(getattr(own, name, None), cached_property)
        }
