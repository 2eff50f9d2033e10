"""Views of evaluations that open everywhere: notebook, HTML file, browser, terminal.

Synopsis:

    result = microtome.load_eval_result(path)
    microtome.view.slicing(result)                        # in a notebook: shows itself
    microtome.view.to_html(result, "report.html")         # a file that needs no network
    microtome.view.render_slicing_metrics(result, slicing_column="carrier")   # as in TFMA
    microtome.view.history("metadata.sqlite")             # tracked evaluations over time
    microtome.view.demo()                                 # with built-in data

All return a `View`. Nothing here needs a notebook's packages until a widget is made.
"""

from __future__ import annotations

import importlib
from typing import Any

_SCREENS = (
    *("compare", "demo", "fairness", "history", "plots", "slicing", "summary", "time_series"),
    *("render_fairness_indicator", "render_plot", "render_slicing_attributions"),
    *("render_slicing_metrics", "render_time_series", "to_html"),
)
_HOME = {"View": "viewer", **dict.fromkeys(_SCREENS, "screens")}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
