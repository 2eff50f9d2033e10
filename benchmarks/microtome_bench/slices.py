"""Which slices are formed."""

from __future__ import annotations

from microtome_bench import datasets, models

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
# as of the flights, but for a feature that the model makes
_SCORED = {
    **{number: specs for number, specs in _FLIGHTS.items() if number == "1"},
    "300": (
        (),
        ("carrier",),
        ("origin",),
        ("dest",),
        ("hour",),
        ("month",),
        ("weekday",),
        ("origin", "carrier"),
        ("origin", "weekday"),
        ("month", "weekday"),
    ),
    "10000": ((), ("dest", "month", "weekday")),
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
    of_model = {models.FLIGHTS: _FLIGHTS, datasets.SCORED: _SCORED}
    return of_model.get(model, _VISITS)[about]
