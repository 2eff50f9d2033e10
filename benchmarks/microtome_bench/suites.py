"""What is measured: the contests of each suite."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from microtome_bench import contest, datasets, models
from microtome_bench.contest import Contest, Mark

SMALL, LARGE = 100_000, 1_000_000
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}
TWO_PROCESSES = ["--beam", "direct_running_mode=multi_processing", "direct_num_workers=2"]


class Place:
    """The folder of models and data."""

    def __init__(self, folder: str):
        self.folder = os.path.abspath(folder)

    def arguments(self, contender: str, model: str, rows: int, *more: str) -> list[str]:
        """A contender's arguments; what they name is made first."""
        kind = models.data_of(model)
        contest.start("microtome_bench.models", self.folder, model, f"{kind}-{rows}")
        paths = ["--model", os.path.join(self.folder, "models", model)]
        return [contender, *paths, "--data", datasets.folder_of(self.folder, kind, rows), *more]


def speed(place: Place) -> Iterator[Contest]:
    """Against TFMA, and against inference alone."""
    for model in models.MODELS:
        yield Contest(
            f"{model}, {SMALL:,} rows, about 300 slices",
            {
                "microtome": place.arguments("microtome", model, SMALL),
                "tfma": place.arguments("tfma", model, SMALL),
            },
            [Mark("times as fast as TFMA 0.46", "tfma", "microtome", least=100)],
            repeats={"tfma": 1},
        )
    for model in models.MODELS:
        yield Contest(
            f"{model}, {LARGE:,} rows, about 300 slices",
            {
                "microtome": place.arguments("microtome", model, LARGE),
                "limit": place.arguments("limit", model, LARGE),
            },
            [Mark("of the speed of inference alone", "limit", "microtome", least=0.9)],
        )


def slices(place: Place) -> Iterator[Contest]:
    """Many slices."""
    jobs = {
        f"{int(number):,} slices": place.arguments(
            "microtome", models.FLIGHTS, LARGE, "--slices", number
        )
        for number in ("1", "10000", "100000")
    }
    yield Contest(
        f"{models.FLIGHTS}, {LARGE:,} rows",
        jobs,
        [
            Mark("10,000 slices cost, times one", "10,000 slices", "1 slices", most=1.3),
            Mark("100,000 slices cost, times one", "100,000 slices", "1 slices", most=10),
        ],
    )


def rows(place: Place) -> Iterator[Contest]:
    """Many rows."""
    jobs = {
        f"{number:,} rows": place.arguments("microtome", models.FLIGHTS, number)
        for number in (LARGE, 4 * LARGE)
    }
    mark = Mark("peak memory", "4,000,000 rows", "1,000,000 rows", most=1.1, of="peak_mb")
    yield Contest(f"{models.FLIGHTS}, about 300 slices", jobs, [mark])


def metrics(place: Place) -> Iterator[Contest]:
    """Many metrics that share a histogram."""
    jobs = {
        f"{number} more metrics": place.arguments(
            "microtome", models.FLIGHTS, LARGE, "--metrics", str(number)
        )
        for number in (12, 24)
    }
    mark = Mark("twice the metrics cost", "24 more metrics", "12 more metrics", most=1.1)
    yield Contest(f"{models.FLIGHTS}, {LARGE:,} rows, about 300 slices", jobs, [mark])


def processes(place: Place) -> Iterator[Contest]:
    """Two processes with a thread of TensorFlow each, against one."""
    rows = 4 * LARGE
    jobs = {
        "one process": place.arguments("microtome", models.FLIGHTS, rows),
        "two processes": place.arguments("microtome", models.FLIGHTS, rows, *TWO_PROCESSES),
    }
    mark = Mark("two processes are, times as fast", "one process", "two processes", least=1.7)
    yield Contest(
        f"{models.FLIGHTS}, {rows:,} rows, about 300 slices, TensorFlow with one thread",
        jobs,
        [mark],
        environment=dict.fromkeys(jobs, ONE_THREAD),
    )


def predictions(place: Place) -> Iterator[Contest]:
    """Against programs that are given ready predictions; Microtome also runs the model."""
    jobs = {
        name: place.arguments(name, models.FLIGHTS, LARGE)
        for name in ("microtome", "polars", "metric-frame")
    }
    marks = [
        Mark("times as fast as MetricFrame", "metric-frame", "microtome", least=1),
        Mark("times the time of Polars", "microtome", "polars", least=0),
    ]
    title = f"{models.FLIGHTS}, {LARGE:,} rows, about 300 slices, predictions ready for the others"
    yield Contest(title, jobs, marks)


SUITES: dict[str, Callable[[Place], Iterator[Contest]]] = {
    suite.__name__: suite for suite in (speed, slices, rows, metrics, processes, predictions)
}
