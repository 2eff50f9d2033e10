"""Where the processor's time of a million-row evaluation goes, by py-spy."""

from __future__ import annotations

import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable

from microtome_bench import contest, models

RATE = 200
_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TENSORFLOW, READING, KERNELS = "TensorFlow", "reading", "numpy, scipy, Arrow"
# the innermost frame that has one of these decides
_PLACES = (
    ("microtome/executor/sources.py", READING),
    ("tf_record_iterator", READING),
    ("tensorflow", TENSORFLOW),
    ("numpy", KERNELS),
    ("scipy", KERNELS),
    ("pyarrow", KERNELS),
    ("pandas", KERNELS),
    ("libarrow", KERNELS),
    ("openblas", KERNELS),
    ("apache_beam", "Beam"),
    ("microtome/", "Microtome's Python"),
)


def shares(stacks: Iterable[str], seconds: float) -> dict[str, float]:
    """Seconds of the processor by place.

    Args:
        stacks: lines of py-spy's raw format, outermost frame first: `frame;frame;... samples`.
        seconds: of the processor in the run. What the samples do not explain, which are of
            Python's threads alone, TensorFlow's own threads took.
    """
    spent: collections.Counter[str] = collections.Counter()
    for line in stacks:
        frames, _, samples = line.rpartition(" ")
        if _is_of_run(frames):
            spent[_place(frames.split(";"))] += int(samples) / RATE
    spent[TENSORFLOW] += max(0.0, seconds - sum(spent.values()))
    return dict(spent.most_common())


def _is_of_run(frames: str) -> bool:
    return "run (microtome_bench/contenders.py" in frames or "_bootstrap (threading.py" in frames


def _place(frames: list[str]) -> str:
    for frame in reversed(frames):
        for part, place in _PLACES:
            if part in frame:
                return place
    return "others"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default=os.path.join(_HOME, "data"), help="for models and data")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", help="a file for the stacks, for speedscope or flamegraph.pl")
    args = parser.parse_args()
    job = contest.Job("microtome", models.FLIGHTS, args.rows)
    place = job.prepare(os.path.abspath(args.folder))
    with tempfile.TemporaryDirectory() as folder:
        path = args.keep or os.path.join(folder, "stacks.txt")
        spy = ["py-spy", "record", "--native", "--rate", str(RATE), "--format", "raw"]
        program = [sys.executable, "-W", "ignore", "-m", "microtome_bench.contenders", "microtome"]
        done = subprocess.run(
            [*spy, "--output", path, "--", *program, *place],
            cwd=_HOME,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(done.stderr[-4000:])
        (figures,) = (line for line in done.stdout.splitlines() if line.startswith("{"))
        with open(path, encoding="utf-8") as stacks:
            spent = shares(stacks, json.loads(figures)["cpu_seconds"])
    total = sum(spent.values())
    for name, seconds in spent.items():
        print(f"{name:20} {seconds:6.2f} s {seconds / total:6.1%}")
    outside = sum(s for name, s in spent.items() if name not in (TENSORFLOW, READING, KERNELS))
    print(f"outside TensorFlow, reading and kernels: {outside / total:.1%}")


if __name__ == "__main__":
    main()
