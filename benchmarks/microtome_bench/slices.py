"""Which slices are formed."""

from __future__ import annotations

from microtome_bench import models

Slices = tuple[tuple[str, ...], ...]

_FLIGHTS = {
    "1": ((),),
    "300": (
        (),
        ("carrier",),
        ("origin",),
        ("dest",),
        ("hour",),
        ("month",),
        ("haul",),
        ("weekday",),
        ("origin", "carrier"),
        ("origin", "haul"),
        ("month", "weekday"),
    ),
    "10000": ((), ("tailnum", "origin"), ("dest", "day")),
    "100000": (
        (),
        ("tailnum", "dest"),
        ("tailnum", "hour"),
        ("tailnum", "origin"),
        ("dest", "day"),
    ),
}
_VISITS = {
    "1": ((),),
    "300": (
        (),
        ("category",),
        ("country",),
        ("device",),
        ("hour",),
        ("weekday",),
        ("device", "country"),
        ("device", "weekday"),
    ),
}


def slices_of(model: str, about: str) -> Slices:
    """The columns of each spec that forms about so many slices of a model's data."""
    return (_FLIGHTS if model == models.FLIGHTS else _VISITS)[about]
