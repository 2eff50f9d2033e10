"""One line a step with its time; all that TFX and its companions say goes to a file."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterator

# what TFX's local runner logs around each node
_STARTED = "Component %s is running."
_FINISHED = "Component %s is finished."


class Progress:
    """Prints steps to the terminal.

    Example:
        with Progress("demo.log") as progress:
            with progress.step("reading"):
                ...
            progress.say("done")
    """

    def __init__(self, log_file: str):
        """Initialises it; the log is appended to `log_file` while the context is entered."""
        self.log_file = log_file
        self._begun = time.monotonic()
        self._since: dict[str, float] = {}

    def __enter__(self) -> Progress:
        sys.stdout.flush()
        sys.stderr.flush()
        # File descriptors, not sys.stdout: TensorFlow's C++ and pip's child processes write too.
        self._saved = os.dup(1), os.dup(2)
        self._terminal = os.fdopen(os.dup(1), "w", buffering=1)
        with open(self.log_file, "ab") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        self._handler = _NodeHandler(self)
        self._logger = logging.getLogger("absl")
        self._level = self._logger.level
        self._logger.setLevel(logging.INFO)
        self._logger.addHandler(self._handler)
        return self

    def __exit__(self, *exception: object) -> None:
        self._logger.removeHandler(self._handler)
        self._logger.setLevel(self._level)
        sys.stdout.flush()
        sys.stderr.flush()
        for number, saved in zip((1, 2), self._saved, strict=True):
            os.dup2(saved, number)
            os.close(saved)
        self._terminal.close()

    def say(self, text: str = "") -> None:
        """Prints a line of text."""
        self._terminal.write(text + "\n")

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Prints the step's name when it begins, and its time when it has ended."""
        self.begin(name)
        yield
        self.end(name)

    def begin(self, name: str) -> None:
        """A step begins."""
        self._since[name] = time.monotonic()
        self._terminal.write(f"  {name:<44}")
        self._terminal.flush()

    def end(self, name: str) -> None:
        """The step that began last has ended."""
        now = time.monotonic()
        self._terminal.write(f"{now - self._since.pop(name):6.1f} s\n")

    @property
    def seconds(self) -> float:
        """Time since this object was made."""
        return time.monotonic() - self._begun


class _NodeHandler(logging.Handler):
    """Turns the local runner's log of its nodes into steps."""

    def __init__(self, progress: Progress):
        super().__init__()
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == _STARTED:
            self._progress.begin(str(record.args[0]))  # type: ignore[index]
        elif record.msg == _FINISHED:
            self._progress.end(str(record.args[0]))  # type: ignore[index]
