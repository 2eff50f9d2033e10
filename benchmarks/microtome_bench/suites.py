"""What is measured: the contests of each suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from microtome_bench import datasets, models
from microtome_bench.contest import Contest, Job, Mark
from microtome_bench.native import METRICS, PARQUET, ScoredJob, check

SMALL, LARGE = 100_000, 1_000_000
# of which TFMA computes metrics outside of graphs in minutes
FEW = 10_000
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}
TWO_PROCESSES = ("--beam", "direct_running_mode=multi_processing", "direct_num_workers=2")


def speed() -> Iterator[Contest]:
    """Against TFMA, and against inference alone."""
    for rows, rival, text, least in (
        (SMALL, "tfma", "times as fast as TFMA 0.46", 100),
        (LARGE, "limit", "of the speed of inference alone", 0.9),
    ):
        for model in models.MODELS:
            yield Contest(
                f"{model}, {rows:,} rows, about 300 slices",
                {name: Job(name, model, rows) for name in ("microtome", rival)},
                [Mark(text, rival, "microtome", least=least)],
                repeats={"tfma": 1},
            )


def slices() -> Iterator[Contest]:
    """Many slices."""
    jobs = {
        f"{int(number):,} slices": Job("microtome", models.FLIGHTS, LARGE, ("--slices", number))
        for number in ("1", "300", "10000", "100000")
    }
    marks = [
        Mark("10,000 slices cost, times one", "10,000 slices", "1 slices", most=1.3),
        Mark("100,000 slices cost, times one", "100,000 slices", "1 slices", most=10),
    ]
    title = f"{models.FLIGHTS}, {LARGE:,} rows"
    yield Contest(title, jobs, marks, repeats={"100,000 slices": 1})


def rows() -> Iterator[Contest]:
    """Many rows."""
    jobs = {
        f"{number:,} rows": Job("microtome", models.FLIGHTS, number)
        for number in (SMALL, LARGE, 4 * LARGE)
    }
    mark = Mark("peak memory", "4,000,000 rows", "1,000,000 rows", most=1.1, of="peak_mb")
    yield Contest(f"{models.FLIGHTS}, about 300 slices", jobs, [mark])


def metrics() -> Iterator[Contest]:
    """Many metrics that share a histogram."""
    jobs = {
        f"{number} more metrics": Job(
            "microtome", models.FLIGHTS, LARGE, ("--metrics", str(number))
        )
        for number in (0, 12, 24)
    }
    mark = Mark("twice the metrics cost", "24 more metrics", "12 more metrics", most=1.1)
    yield Contest(f"{models.FLIGHTS}, {LARGE:,} rows, about 300 slices", jobs, [mark])


def processes() -> Iterator[Contest]:
    """Two processes against one, each on a core; TensorFlow with a thread a process."""
    jobs = {
        "one process on one core": Job("microtome", models.FLIGHTS, 4 * LARGE, ("--cores", "1")),
        "one process on two cores": Job("microtome", models.FLIGHTS, 4 * LARGE),
        "two processes": Job("microtome", models.FLIGHTS, 4 * LARGE, TWO_PROCESSES),
    }
    mark = Mark(
        "two processes are, times as fast", "one process on one core", "two processes", least=1.7
    )
    yield Contest(
        f"{models.FLIGHTS}, {4 * LARGE:,} rows, about 300 slices, TensorFlow with one thread",
        jobs,
        [mark],
        environment=dict.fromkeys(jobs, ONE_THREAD),
    )


def intervals() -> Iterator[Contest]:
    """Confidence intervals of 20 replicates, against none."""
    methods = {
        "without": (),
        "jackknife": ("--intervals", "JACKKNIFE"),
        "bootstrap": ("--intervals", "POISSON_BOOTSTRAP"),
    }
    marks = [
        Mark("the jackknife costs, times none", "jackknife", "without", most=1.5),
        Mark("… in processor time", "jackknife", "without", most=1.5, of="cpu_seconds"),
        Mark("the bootstrap costs, times none", "bootstrap", "without", most=2.5),
        Mark("… in processor time", "bootstrap", "without", most=2.5, of="cpu_seconds"),
        Mark("peak memory of the jackknife", "jackknife", "without", most=2, of="peak_mb"),
        Mark("peak memory of the bootstrap", "bootstrap", "without", most=2, of="peak_mb"),
    ]
    yield Contest(
        f"{models.FLIGHTS}, {LARGE:,} rows, about 300 slices",
        {name: Job("microtome", models.FLIGHTS, LARGE, how) for name, how in methods.items()},
        marks,
    )
    yield Contest(
        f"{len(METRICS)} metrics outside of graphs, {LARGE:,} rows, about 300 slices",
        {
            name: ScoredJob("microtome-native", datasets.SCORED, LARGE, ("--format", PARQUET, *how))
            for name, how in methods.items()
        },
        marks,
    )


def predictions() -> Iterator[Contest]:
    """Against programs that are given ready predictions; Microtome also runs the model."""
    jobs = {
        name: Job(name, models.FLIGHTS, LARGE) for name in ("microtome", "polars", "metric-frame")
    }
    mark = Mark("times as fast as MetricFrame", "metric-frame", "microtome", least=1)
    title = f"{models.FLIGHTS}, {LARGE:,} rows, about 300 slices, predictions ready for the others"
    yield Contest(title, jobs, [mark], repeats={"metric-frame": 1})


def native() -> Iterator[Contest]:
    """Metrics outside of graphs, of predictions that stand in the data, against TFMA."""
    jobs = {
        "microtome": ScoredJob("microtome-native", datasets.SCORED, FEW),
        "microtome, Parquet": ScoredJob(
            "microtome-native", datasets.SCORED, FEW, ("--format", PARQUET)
        ),
        "tfma": ScoredJob("tfma-native", datasets.SCORED, FEW),
    }
    marks = [
        Mark("times as fast as TFMA 0.46", "tfma", "microtome", least=50),
        Mark("times as fast as TFMA 0.46, from Parquet", "tfma", "microtome, Parquet", least=50),
        Mark("… in processor time", "tfma", "microtome", least=50, of="cpu_seconds"),
    ]
    title = f"{len(METRICS)} native metrics, {FEW:,} rows, about 300 slices"
    yield Contest(title, jobs, marks, repeats={"tfma": 1}, check=check)


SUITES: dict[str, Callable[[], Iterator[Contest]]] = {
    suite.__name__: suite
    for suite in (speed, slices, rows, metrics, intervals, processes, predictions, native)
}
