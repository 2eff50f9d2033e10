"""Shows how far an evaluation has come, while it runs in this process."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

_LOG = logging.getLogger(__name__)
_HEARTBEAT_SECONDS = 30.0
_BAR_FORMAT = "{percentage:3.0f}%|{bar:20}| {elapsed}<{remaining}{postfix}"
# by the token that travels in the functions; workers elsewhere find nothing
_shown: dict[str, Progress] = {}


class Progress:
    """What has been done so far.

    Args:
        total_bytes: of all files; 0 where it is not known.

    Attributes:
        has_bar: whether it is shown as it goes.
    """

    def __init__(self, total_bytes: int):
        self._total_bytes = total_bytes
        self._bytes = self._rows = self._slices = 0
        self._started = time.monotonic()
        # a terminal or a notebook shows a bar, anything else gets lines of the log
        self.has_bar = sys.stderr.isatty() or _is_in_notebook()
        self._bar: Any = tqdm(
            total=total_bytes or None,
            bar_format=_BAR_FORMAT,
            leave=False,
            disable=not self.has_bar,
        )

    def read(self, num_bytes: int) -> None:
        """So many more bytes of the files were read."""
        self._bytes += num_bytes
        self._bar.update(num_bytes)

    def summed(self, num_rows: int, num_slices: int) -> None:
        """So many more rows were evaluated; they stand in so many slices as are known now."""
        self._rows += num_rows
        self._slices = max(self._slices, num_slices)
        self._bar.set_postfix_str(self._counted())

    def close(self) -> None:
        """Takes the bar away."""
        self._bar.close()

    def __str__(self) -> str:
        seconds = time.monotonic() - self._started
        if not self._rows:
            return f"{seconds:.0f} s"
        share = f", {self._bytes / self._total_bytes:.0%} read" if self._total_bytes else ""
        return f"{seconds:.0f} s: {self._counted()}{share}"

    def _counted(self) -> str:
        rate = self._rows / (time.monotonic() - self._started)
        return f"{self._rows:,} rows, {rate:,.0f} rows/s, {self._slices:,} slices"


def _is_in_notebook() -> bool:
    # TFX imports IPython everywhere
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def of(token: str) -> Progress | None:
    """The progress that is shown under this token in this very process."""
    return _shown.get(token)


@contextlib.contextmanager
def shown(token: str, total_bytes: int) -> Iterator[None]:
    """Shows the progress of what goes on meanwhile.

    Args:
        token: by which functions find it.
        total_bytes: of the files that are read.
    """
    progress = _shown[token] = Progress(total_bytes)
    done = threading.Event()
    thread = threading.Thread(target=_beat, args=(progress, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        del _shown[token]
        done.set()
        thread.join()
        progress.close()


def _beat(progress: Progress, done: threading.Event) -> None:
    """Says now and then that the work goes on, where no bar does."""
    while not done.wait(_HEARTBEAT_SECONDS):
        if not progress.has_bar:
            _LOG.info("... %s", progress)
