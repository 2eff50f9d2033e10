"""What is over before the first batch: importing, loading the model, planning, starting Beam."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from microtome_bench.suites import Place

_IMPORT = "import sys, microtome; sys.exit('tensorflow' in sys.modules)"
_NOTHING = "pass"


def measure(place: Place, rounds: int) -> dict[str, Any]:
    """Seconds of each part, medians of the rounds."""
    from microtome_bench import contest, models

    arguments = place.arguments("microtome", models.FLIGHTS, 100_000)
    imports, parts = [], []
    for _ in range(rounds):
        imports.append(_seconds(_IMPORT) - _seconds(_NOTHING))
        out = contest.start("microtome_bench.startup", *arguments[1:])
        parts.append(json.loads(out.strip().splitlines()[-1]))
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
    spent: dict[str, float] = {}
    loads: list[float] = []

    def timed(module: Any, name: str, what: str) -> None:
        function = getattr(module, name)

        def wrapper(*given: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*given, **named)
            finally:
                spent[what] = spent.get(what, 0) + time.perf_counter() - started

        setattr(module, name, wrapper)

    def first(evaluator: Any, records: Any) -> Any:
        spent.setdefault("run_model_analysis to the first batch, s", time.perf_counter() - started)
        return contributions(evaluator, records)

    load_model = loading.load_model

    def load(*given: Any, **named: Any) -> Any:
        loads.append(time.perf_counter())
        return load_model(*given, **named)

    loading.load_model = load
    timed(loading, "load_model", "of it loading the model, s")
    timed(planning, "make_plan", "of it planning, s")
    evaluator = microtome.model.evaluator.ModelEvaluator
    contributions = evaluator.contributions
    evaluator.contributions = first
    file = sorted(glob.glob(os.path.join(args.data, "*.tfrecord")))[0]
    started = time.perf_counter()
    microtome.run_model_analysis(
        microtome.default_eval_shared_model(args.model), file, output_path=tempfile.mkdtemp()
    )
    print(json.dumps({**spent, "loads of the model": len(loads)}))


if __name__ == "__main__":
    main()
