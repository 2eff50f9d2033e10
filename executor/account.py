"""What a run tells of itself: how much was done, by whom, and how long each step took."""

from __future__ import annotations

import collections
import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any

from apache_beam.metrics import Metrics

NAMESPACE = "microtome"
# by which functions hand on what they tell
COUNTS_OUTPUT = "counts"
# steps of the work, in order; "plan" is known only where it precedes the pipeline
STEPS = ("plan", "read", "predict", "slice", "sum", "combine", "finish", "write")
_WORKER, _SECONDS = "worker", "seconds"
# what workers hand on: numbers by name, seconds by step, and who worked
Told = dict[str, Any]


class Stopwatch:
    """Seconds of work by step in one bundle; Beam's counters get them as `<step>_ms`.

    Attributes:
        seconds: by step.
    """

    def __init__(self) -> None:
        self.seconds: collections.Counter[str] = collections.Counter()

    @contextlib.contextmanager
    def timing(self, step: str) -> Iterator[None]:
        """Adds the seconds of the block to a step."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] += time.perf_counter() - start

    def told(self) -> Told:
        """What is handed on at the end of a bundle."""
        for step, seconds in self.seconds.items():
            Metrics.counter(NAMESPACE, f"{step}_ms").inc(round(1000 * seconds))
        return {_SECONDS: dict(self.seconds)}


def told_by_worker(counts: Mapping[str, int], stopwatch: Stopwatch) -> Told:
    """What a bundle hands on that went through examples."""
    return {**counts, **stopwatch.told(), _WORKER: f"{socket.gethostname()}/{os.getpid()}"}


class RunAccount:
    """Adds up what all bundles told.

    Args:
        seconds: of steps before the pipeline.
    """

    def __init__(self, seconds: Mapping[str, float]):
        self._counts: collections.Counter[str] = collections.Counter()
        self._seconds = collections.Counter(seconds)
        self._workers: dict[str, collections.Counter[str]] = {}

    def add(self, told: Told) -> None:
        """Adds what a bundle told."""
        self._seconds.update(told[_SECONDS])
        numbers = {k: v for k, v in told.items() if k not in (_SECONDS, _WORKER)}
        self._counts.update(numbers)
        if _WORKER in told:
            of_worker = self._workers.setdefault(told[_WORKER], collections.Counter())
            of_worker.update(numbers, bundles=1)

    def told(self) -> dict[str, Any]:
        """For `run.json`: `counts`, `workers` and `timings`."""
        timings = {step: self._seconds[step] for step in STEPS if step in self._seconds}
        return {"counts": dict(self._counts), "workers": self._workers, "timings": timings}
