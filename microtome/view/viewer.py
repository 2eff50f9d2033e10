"""A view of a report: in a notebook, as a file, as text."""

from __future__ import annotations

import importlib.util
import json
import os
import urllib.parse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from microtome.errors import ConfigError
from microtome.messages import nearest
from microtome.view import environment, frame, page, static_table
from microtome.view.numbers import unpacked

if TYPE_CHECKING:
    import pandas as pd

    from microtome.view.widget import ReportWidget

Report: TypeAlias = dict[str, Any]
# {"kind": "run" | "plots" | "series" | "attributions", …}, as the page asks
Supply: TypeAlias = Callable[[dict[str, Any]], Report]
Handler: TypeAlias = Callable[[dict[str, Any]], None]

EVENTS = ("slice-selected", "filter-changed", "state-changed")

# Notebook servers hold back what a kernel sends at more than a megabyte a second.
_OUTPUT_BYTES = 2_500_000
_WIDGET = "application/vnd.jupyter.widget-view+json"


class View:
    """What is shown of a report, the same in every environment.

    As the last value of a notebook's cell it shows itself: as a widget in a live notebook, as a
    page within a frame in one that is executed with nobody there, as text in a terminal. A table
    without JavaScript stands beside it always.

    Example:
        >>> shown = microtome.view.slicing(result)
        >>> shown.on("slice-selected", lambda data: print(data["slice_name"]))
        >>> shown                                  # in a notebook
        >>> shown.to_html("report.html")           # for everyone else
        >>> shown.selected                         # the row that was clicked, as a DataFrame
    """

    def __init__(
        self,
        report: Report,
        *,
        mode: str = "auto",
        state: str | None = None,
        height: int | None = None,
        supply: Supply | None = None,
        event_handlers: Mapping[str, Handler] | None = None,
    ):
        """Makes a view.

        Args:
            report: As `microtome.view.contract` makes it.
            mode: "widget", "html", "text", or "auto", which finds out; so does the environment
                variable MICROTOME_VIEW.
            state: What it shows first, in the grammar of the page's addresses; by default what the
                report says.
            height: In pixels; by default as high as what is shown.
            supply: Gives parts that are not in the report, as the widget asks for them.
            event_handlers: Functions by event, as `on` takes them.

        Raises:
            ConfigError: There is no such mode or event.
        """
        if mode not in environment.MODES:
            raise ConfigError(
                f"mode must be one of {', '.join(environment.MODES)}, is {mode!r}"
                f"{nearest(str(mode), environment.MODES)}."
            )
        self.report = report
        self.mode = mode
        self.height = height
        self._state = report.get("initial", "") if state is None else state.lstrip("#")
        self._supply = supply
        self._handlers: dict[str, list[Handler]] = {name: [] for name in EVENTS}
        self._widget: ReportWidget | None = None
        for event, handler in (event_handlers or {}).items():
            self.on(event, handler)

    def on(self, event: str, handler: Handler) -> View:
        """Calls a function whenever something happens in the widget.

        Args:
            event: `slice-selected`: data `slice` {feature: value}, `slice_name`, `run`, and, as in
                TFMA, `sliceName` and `sliceValue`. `filter-changed`. `state-changed`.
            handler: Takes the data, a dictionary.

        Returns:
            The view.

        Raises:
            ConfigError: There is no such event.
        """
        if event not in self._handlers:
            raise ConfigError(
                f"There is no event {event!r}{nearest(event, EVENTS)}; there are: "
                f"{', '.join(EVENTS)}."
            )
        self._handlers[event].append(handler)
        return self

    @property
    def state(self) -> str:
        """What is shown, as text: the part of an address after `#`. Setting it moves the widget."""
        return self._state if self._widget is None else str(self._widget.state)

    @state.setter
    def state(self, text: str) -> None:
        self._state = text.lstrip("#")
        if self._widget is not None:
            self._widget.state = self._state

    @property
    def selected(self) -> pd.DataFrame:
        """The selected slice's numbers, a row for each metric of each run; empty if none is.

        Columns: `slice`, `run`, `metric`, `value`, `lower_bound`, `upper_bound`.
        """
        import pandas as pd

        name = _parsed(self.state).get("sel", "")
        names = self.report["slices"]["name"]
        rows = _rows_of(self.report, names.index(name), name) if name in names else []
        columns = ["slice", "run", "metric", "value", "lower_bound", "upper_bound"]
        return pd.DataFrame(rows, columns=columns)

    def url(self, base: str) -> str:
        """The address of a report's page, or a server, that shows what this view shows.

        Args:
            base: The page's address, such as that of a `report.html`.
        """
        return f"{base.partition('#')[0]}#{self.state}"

    def to_html(
        self, path: str | os.PathLike[str] | None = None, max_bytes: int = page.MAX_BYTES
    ) -> str:
        """The view as an HTML page that needs nothing else, and no network.

        Args:
            path: Where to write it; by default it is only returned.
            max_bytes: The most that it may have. Plots that do not fit are left out first, then
                the smallest slices; the page says so.

        Raises:
            OutputError: The views' scripts are missing.
        """
        text = page.to_page(self._as_shown(), max_bytes)
        if path is not None:
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(text)
        return text

    def to_json(self) -> str:
        """The report as JSON, of the form that `microtome/view/report.schema.json` describes."""
        return json.dumps(self._as_shown(), allow_nan=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the view to a file, `.html` or `.json`.

        Raises:
            ConfigError: The file's name has another ending.
        """
        ending = os.path.splitext(os.fspath(path))[1].lower()
        if ending in (".html", ".htm"):
            self.to_html(path)
        elif ending == ".json":
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.to_json())
        else:
            raise ConfigError(f"A view is saved as .html or .json, not as {ending or 'nothing'}.")

    @property
    def widget(self) -> ReportWidget:
        """The widget, made when it is first asked for.

        Raises:
            ConfigError: The package anywidget is not installed.
            OutputError: The views' scripts are missing.
        """
        if self._widget is None:
            if importlib.util.find_spec("anywidget") is None:
                raise ConfigError(
                    "A widget needs the package anywidget: pip install 'microtome[notebook]'. "
                    "Without it, use mode='html'."
                )
            from microtome.view.widget import ReportWidget

            self._widget = ReportWidget(
                self.report, self._state, self.height or 0, self._supply, self._tell
            )
        return self._widget

    def __repr__(self) -> str:
        return static_table.to_text(self.report)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What a notebook shows; text and a table without JavaScript always are in it."""
        mode = environment.detect() if self.mode == "auto" else self.mode
        bundle: dict[str, Any] = {"text/plain": repr(self)}
        if mode == environment.TEXT:
            return bundle
        table = static_table.to_html(self.report)
        if mode == environment.WIDGET:
            bundle["text/html"] = table
            bundle[_WIDGET] = {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.widget.model_id,
            }
            return bundle
        text = self.to_html(max_bytes=_OUTPUT_BYTES)
        bundle["text/html"] = frame.in_frame(text, table, self.report["title"], self.height)
        return bundle

    def _display_(self) -> Any:
        """What marimo shows."""
        return self.widget

    def _as_shown(self) -> Report:
        """The report with the present state, for where nobody can be asked for more."""
        kept = {name: part for name, part in self.report.items() if name != "on_demand"}
        return {**kept, "initial": self.state}

    def _tell(self, event: str, data: dict[str, Any]) -> None:
        for handler in self._handlers.get(event, ()):
            handler(data)


def _parsed(state: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in state.split("&") if part)
    return {name: urllib.parse.unquote_plus(value) for name, _, value in pairs}


def _rows_of(report: Report, row: int, name: str) -> list[tuple[Any, ...]]:
    found = []
    for run, columns in report["values"].items():
        for metric, column in columns.items():
            numbers = [_at(column.get(part), row) for part in ("v", "lo", "hi")]
            if not np.isnan(numbers[0]) or str(row) in column.get("why", {}):
                found.append((name, run, metric, *numbers))
    return found


def _at(column: Any, row: int) -> float:
    values = unpacked(column) if column is not None else ()
    return float(values[row]) if row < len(values) else float("nan")
