"""Runs the contenders in turn and prints what they took."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

from microtome_bench import prepare

_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows for Microtome and TFMA")
    parser.add_argument(
        "--limit-rows", type=int, default=1_000_000, help="rows for Microtome and the limit"
    )
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--tfma-repeat", type=int, default=1)
    parser.add_argument("--folder", default=os.path.join(_HOME, "data"), help="for model and data")
    parser.add_argument("--output", help="a file for the figures, as JSON")
    args = parser.parse_args()
    _start("microtome_bench.prepare", args.folder, str(args.rows), str(args.limit_rows))
    figures = {
        f"{args.rows} rows": _compare(
            args.folder, args.rows, {"microtome": args.repeat, "tfma": args.tfma_repeat}
        ),
        f"{args.limit_rows} rows": _compare(
            args.folder, args.limit_rows, {"microtome": args.repeat, "limit": args.repeat}
        ),
    }
    for title, runs in figures.items():
        _print(title, runs)
    if args.output:
        with open(args.output, "w") as file:
            json.dump(figures, file, indent=1)


def _compare(folder: str, rows: int, repeats: dict[str, int]) -> dict[str, list[dict]]:
    """Runs the contenders in turn; a slow machine is slow for all."""
    runs: dict[str, list[dict]] = {name: [] for name in repeats}
    for round_ in range(max(repeats.values())):
        for name, repeat in repeats.items():
            if round_ < repeat:
                data = prepare.data_folder(folder, rows)
                model = os.path.join(folder, "model")
                out = _start("microtome_bench.contenders", name, "--model", model, "--data", data)
                runs[name].append(json.loads(out.strip().splitlines()[-1]))
                print(f"{name}, {rows} rows: {runs[name][-1]}", file=sys.stderr, flush=True)
    return runs


def _start(module: str, *args: str) -> str:
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-W", "ignore", "-m", module, *args]
    done = subprocess.run(command, cwd=_HOME, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-4000:]}")
    return done.stdout


def _print(title: str, runs: dict[str, list[dict]]) -> None:
    print(f"\n{title}\n\n| contender | seconds | spread | peak MB | Microtome is |")
    print("|---|---|---|---|---|")
    seconds = {name: [run["seconds"] for run in of_name] for name, of_name in runs.items()}
    own = statistics.median(seconds["microtome"])
    for name, times in seconds.items():
        median = statistics.median(times)
        peak = max(run["peak_mb"] for run in runs[name])
        ratio = "" if name == "microtome" else f"{median / own:.2f} × as fast"
        spread = f"{min(times):.2f}–{max(times):.2f}"
        print(f"| {name} | {median:.2f} | {spread} | {peak:.0f} | {ratio} |")


if __name__ == "__main__":
    main()
