"""The widget: the views within a live notebook. Imported only where one is shown."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from microtome.errors import MicrotomeError
from microtome.view.numbers import with_bytes
from microtome.view.page import bundle

Report = dict[str, Any]

_LOG = logging.getLogger(__name__)


class ReportWidget(anywidget.AnyWidget):
    """Shows a report, tells Python what is clicked, and fetches from Python what is not in it."""

    _esm = traitlets.Unicode("").tag(sync=True)
    _report = traitlets.Dict().tag(sync=True)
    state = traitlets.Unicode("").tag(sync=True)
    height = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        report: Report,
        state: str,
        height: int,
        supply: Callable[[dict[str, Any]], Report] | None,
        tell: Callable[[str, dict[str, Any]], None],
    ):
        """Makes the widget.

        Args:
            report: What it shows.
            state: In the grammar of the page's addresses.
            height: In pixels; 0 for as high as it needs.
            supply: Gives a part of the report that the page asks for.
            tell: Called with the name and the data of each event.

        Raises:
            OutputError: The script has not been built.
        """
        super().__init__(
            _esm=bundle("widget.js"), _report=with_bytes(report), state=state, height=height
        )
        self._supply = supply
        self._tell = tell
        self.on_msg(self._receive)

    def _receive(self, _: Any, message: Any, __: Any) -> None:
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "event":
            self._tell(str(message.get("name")), dict(message.get("data") or {}))
        elif kind == "request":
            self._answer(message.get("id"), dict(message.get("what") or {}))

    def _answer(self, number: Any, what: dict[str, Any]) -> None:
        answer = {"type": "response", "id": number}
        try:
            if self._supply is None:
                raise MicrotomeError("All that there is stands in the view already.")
            self.send({**answer, "report": self._supply(what)})
        except MicrotomeError as error:
            self.send({**answer, "error": str(error)})
        except Exception as error:
            # the page waits for an answer, whatever happens
            _LOG.exception("The view's question %s was not answered", what)
            self.send({**answer, "error": f"{type(error).__name__}: {error}"})
