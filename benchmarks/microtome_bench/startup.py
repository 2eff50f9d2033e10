"""What is over before the first batch: importing, loading the model, planning, starting Beam."""

from __future__ import annotations

import collections
import json
import statistics
import subprocess
import sys
import time
from typing import Any

from microtome_bench import contest, models

_IMPORT = "import sys, microtome; sys.exit('tensorflow' in sys.modules)"
_NOTHING = "pass"


def measure(folder: str, rounds: int) -> dict[str, Any]:
    """Seconds of each part, medians of the rounds; models and data are in the folder."""
    place = contest.Job("microtome", models.FLIGHTS, 100_000).prepare(folder)
    imports, parts = [], []
    for _ in range(rounds):
        imports.append(_seconds(_IMPORT) - _seconds(_NOTHING))
        parts.append(contest.figures_of("microtome_bench.startup", *place))
    figures = {name: statistics.median(part[name] for part in parts) for name in parts[0]}
    return {"import microtome": statistics.median(imports), **figures}


def _seconds(program: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - started


def described(figures: dict[str, Any]) -> str:
    """The parts as Markdown."""
    lines = ["", "| | |", "| --- | --- |"]
    lines += [f"| {name} | {value:.2f} |" for name, value in figures.items()]
    return "\n".join(lines)


def main() -> None:
    """Prints the seconds of one evaluation's parts, TensorFlow and Beam being imported."""
    import argparse
    import glob
    import os
    import tempfile

    import apache_beam  # noqa: F401
    import tensorflow  # noqa: F401

    import microtome
    import microtome.model.evaluator
    import microtome.model.loading as loading
    import microtome.model.planning as planning

    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    parser.add_argument("--data")
    args = parser.parse_args()
    spent: dict[str, list[float]] = collections.defaultdict(list)
    to_first_batch: list[float] = []

    def timed(module: Any, name: str) -> None:
        function = getattr(module, name)

        def wrapper(*given: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*given, **named)
            finally:
                spent[name].append(time.perf_counter() - started)

        setattr(module, name, wrapper)

    def timed_contributions(evaluator: Any, records: Any) -> Any:
        to_first_batch.append(time.perf_counter() - started)
        return contributions(evaluator, records)

    timed(loading, "load_model")
    timed(planning, "make_plan")
    evaluator = microtome.model.evaluator.ModelEvaluator
    contributions = evaluator.contributions
    evaluator.contributions = timed_contributions
    file = sorted(glob.glob(os.path.join(args.data, "*.tfrecord")))[0]
    started = time.perf_counter()
    microtome.run_model_analysis(
        microtome.default_eval_shared_model(args.model), file, output_path=tempfile.mkdtemp()
    )
    figures = {
        "run_model_analysis to the first batch, s": to_first_batch[0],
        "of it loading the model, s": sum(spent["load_model"]),
        "of it planning, s": sum(spent["make_plan"]),
        "loads of the model": len(spent["load_model"]),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
