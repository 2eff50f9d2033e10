"""Plots how cost grows, from the figures of `make bench ARGS="--output figures.json"`."""

from __future__ import annotations

import argparse
import json
import statistics
from typing import Any

Runs = dict[str, list[dict[str, Any]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", help="what --output of the benchmarks wrote")
    parser.add_argument("image", help="the file to draw, .png or .svg")
    args = parser.parse_args()
    with open(args.figures, encoding="utf-8") as file:
        figures = json.load(file)
    suites = {name.partition(":")[0]: runs for name, runs in figures.items()}
    draw(suites, args.image)


def draw(suites: dict[str, Runs], image: str) -> None:
    """Draws seconds and memory over rows, slices and metrics, and seconds of processes.

    Args:
        suites: the runs of the suites `rows`, `slices`, `metrics` and `processes`.
        image: the file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3), layout="constrained")
    panels = (
        ("rows", "million rows", 1e6),
        ("slices", "thousand slices of a million rows", 1e3),
        ("metrics", "more metrics on one histogram", 1),
    )
    *grown, processes = figure.subplots(1, len(panels) + 1)
    for axes, (suite, label, unit) in zip(grown, panels, strict=True):
        runs = suites[suite]
        numbers = [int(name.split()[0].replace(",", "")) / unit for name in runs]
        seconds, megabytes = _medians(runs, "seconds"), _medians(runs, "peak_mb")
        axes.plot(numbers, seconds, "o-")
        axes.set(xlabel=label, ylabel="seconds", ylim=(0, 1.1 * max(seconds)))
        memory = axes.twinx()
        memory.plot(numbers, megabytes, "s--", color="tab:gray")
        memory.set(ylabel="peak memory, MB (dashed)", ylim=(0, 1.5 * max(megabytes)))
    runs = suites["processes"]
    processes.barh([name.replace(" on ", "\non ") for name in runs], _medians(runs, "seconds"))
    processes.invert_yaxis()
    processes.set_xlabel("seconds, 4 million rows")
    figure.savefig(image, dpi=110)


def _medians(runs: Runs, figure: str) -> list[float]:
    return [statistics.median(run[figure] for run in of_label) for of_label in runs.values()]


if __name__ == "__main__":
    main()
