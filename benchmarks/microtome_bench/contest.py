"""Runs contenders in turn, each in a process of its own, and compares them."""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from microtome_bench import datasets, models

Figures = dict[str, Any]
_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@dataclasses.dataclass(frozen=True)
class Mark:
    """What a ratio of two contenders is to be.

    Attributes:
        text: what the ratio tells.
        numerator, denominator: labels of contenders.
        least, most: bounds; None where there is none.
        of: which figure.
    """

    text: str
    numerator: str
    denominator: str
    least: float | None = None
    most: float | None = None
    of: str = "seconds"

    def ratios(self, runs: Mapping[str, Sequence[Figures]]) -> list[float]:
        """The ratio in each round; a contender with fewer rounds counts by its median."""
        labels = self.numerator, self.denominator
        above, below = ([run[self.of] for run in runs[label]] for label in labels)
        rounds = max(len(above), len(below))
        above, below = (
            values if len(values) == rounds else [statistics.median(values)] * rounds
            for values in (above, below)
        )
        return [a / b for a, b in zip(above, below, strict=True)]

    def is_met(self, ratio: float) -> bool:
        """Whether a ratio is within the bounds."""
        return (self.least is None or ratio >= self.least) and (
            self.most is None or ratio <= self.most
        )

    @property
    def asked(self) -> str:
        """The bounds in words."""
        return f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}"


@dataclasses.dataclass(frozen=True)
class Job:
    """What a contender does.

    Attributes:
        contender: one of `microtome_bench.contenders`.
        model: one of `models.MODELS`.
        rows: of the model's data.
        more: further arguments of the contender.
    """

    contender: str
    model: str
    rows: int
    more: Sequence[str] = ()

    def prepare(self, folder: str) -> list[str]:
        """Makes the model and the data where they are not there; returns the arguments for both."""
        kind = models.data_of(self.model)
        start("microtome_bench.models", folder, self.model, f"{kind}-{self.rows}")
        data = datasets.folder_of(folder, kind, self.rows)
        return ["--model", models.folder_of(folder, self.model), "--data", data]


@dataclasses.dataclass(frozen=True)
class Contest:
    """Contenders on the same task.

    Attributes:
        title: of the task.
        jobs: by label of a contender.
        marks: what is looked at.
        repeats: for some labels, rounds where they are not as many as for all.
        environment: for some labels, variables of their process.
        check: ends this program if what the contenders computed differs.
    """

    title: str
    jobs: Mapping[str, Job]
    marks: Sequence[Mark] = ()
    repeats: Mapping[str, int] = dataclasses.field(default_factory=dict)
    environment: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    check: Callable[[Mapping[str, Sequence[Figures]]], None] | None = None

    def run(self, folder: str, rounds: int) -> dict[str, list[Figures]]:
        """Runs all contenders in turn, so that a slow machine is slow for all.

        Args:
            folder: of models and data.
            rounds: how often.
        """
        runs: dict[str, list[Figures]] = {label: [] for label in self.jobs}
        places = {label: job.prepare(folder) for label, job in self.jobs.items()}
        for number in range(rounds):
            for label, job in self.jobs.items():
                if number >= self.repeats.get(label, rounds):
                    continue
                runs[label].append(
                    figures_of(
                        "microtome_bench.contenders",
                        *(job.contender, *places[label], *job.more),
                        **self.environment.get(label, {}),
                    )
                )
                print(f"{self.title}, {label}: {runs[label][-1]}", file=sys.stderr, flush=True)
        if self.check is not None:
            self.check(runs)
        return runs


def figures_of(module: str, *arguments: str, **environment: str) -> Figures:
    """What a module prints last, as JSON."""
    return dict(json.loads(start(module, *arguments, **environment).strip().splitlines()[-1]))


def start(module: str, *arguments: str, **environment: str) -> str:
    """Runs a module in a process of its own; returns what it prints, or ends this program."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    done = subprocess.run(
        command,
        cwd=_HOME,
        env={**os.environ, **quiet, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-4000:]}")
    return done.stdout


def described(contest: Contest, runs: Mapping[str, Sequence[Figures]]) -> str:
    """A contest as Markdown: what each took, and the marks."""
    lines = [f"### {contest.title}", "", "| contender | seconds | peak MB | slices |"]
    lines.append("| --- | --- | --- | --- |")
    for label, of_label in runs.items():
        seconds = _spread([run["seconds"] for run in of_label])
        peak = max(run["peak_mb"] for run in of_label)
        lines.append(f"| {label} | {seconds} | {peak:.0f} | {of_label[0].get('slices', '')} |")
    if contest.marks:
        lines += ["", "| mark | asked | measured | met |", "| --- | --- | --- | --- |"]
    for mark in contest.marks:
        ratios = mark.ratios(runs)
        met = "yes" if mark.is_met(statistics.median(ratios)) else "**no**"
        lines.append(f"| {mark.text} | {mark.asked} | {_spread(ratios)} | {met} |")
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> str:
    middle = statistics.median(values)
    if len(values) == 1:
        return f"{middle:.2f}"
    return f"{middle:.2f} ({min(values):.2f}–{max(values):.2f})"
