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
    """Draws seconds over rows, slices, metrics and processes, and memory where it is asked for.

    Args:
        suites: the runs of the suites `rows`, `slices`, `metrics` and `processes`.
        image: the file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3), layout="constrained")
    panels = (
        ("rows", "rows", "log"),
        ("slices", "slices (1,000,000 rows)", "log"),
        ("metrics", "more metrics on one histogram", "linear"),
        ("processes", "", "linear"),
    )
    for axes, (suite, label, scale) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        runs = suites[suite]
        if suite == "processes":
            axes.barh([name.replace(" on ", "\non ") for name in runs], _medians(runs, "seconds"))
            axes.invert_yaxis()
            axes.set_xlabel("seconds for 4,000,000 rows")
            continue
        numbers = [int(name.split()[0].replace(",", "")) for name in runs]
        axes.plot(numbers, _medians(runs, "seconds"), "o-")
        axes.set(xlabel=label, ylabel="seconds", xscale=scale, ylim=(0, None))
        if suite != "metrics":
            memory = axes.twinx()
            memory.plot(numbers, _medians(runs, "peak_mb"), "s--", color="tab:gray")
            memory.set(ylabel="peak memory, MB (dashed)", ylim=(0, None))
    figure.savefig(image, dpi=110)


def _medians(runs: Runs, figure: str) -> list[float]:
    return [statistics.median(run[figure] for run in of_label) for of_label in runs.values()]


if __name__ == "__main__":
    main()
