"""Where the time of a million-row evaluation goes, by py-spy."""

from __future__ import annotations

import argparse
import collections
import linecache
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable

from microtome_bench import contest, models

RATE = 100
_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_ROOT = os.path.dirname(_HOME)
TENSORFLOW, READING, KERNELS = "TensorFlow", "reading", "numpy, scipy, Arrow"
# the innermost frame that has one of these decides
_PLACES = (
    ("tensorflow", TENSORFLOW),
    ("numpy", KERNELS),
    ("scipy", KERNELS),
    ("pyarrow", KERNELS),
    ("pandas", KERNELS),
    ("apache_beam", "Beam"),
    ("(executor/", "Microtome's Python"),
    ("(microtome/", "Microtome's Python"),
)
_LINE = re.compile(r"\(((?:executor|microtome)/.*):(\d+)\)$")
_CALL = re.compile(r"\b(?:np|pd|pa|pq|sparse)\.\w")
_RUN = "run (microtome_bench/contenders.py"
_READS = "read_batches (executor/sources.py"
# the thread that sums waits for those that run the session
_WAITS = "result (concurrent/futures/_base.py"


def shares(stacks: Iterable[str]) -> dict[str, float]:
    """Shares of the time of the thread that all the work is done or waited for in.

    Args:
        stacks: lines of py-spy's raw format, outermost frame first: `frame;frame;... samples`.
    """
    samples: collections.Counter[str] = collections.Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        if _RUN in stack:
            samples[_place(stack.split(";"))] += int(count)
    total = sum(samples.values())
    return {name: count / total for name, count in samples.most_common()}


def _place(frames: list[str]) -> str:
    for part, place in ((_READS, READING), (_WAITS, TENSORFLOW)):
        if any(part in frame for frame in frames):
            return place
    if _calls_kernel(frames[-1]):
        return KERNELS
    for frame in reversed(frames):
        for part, place in _PLACES:
            if part in frame:
                return place
    return "others"


def _calls_kernel(frame: str) -> bool:
    """Whether a line of Microtome's calls a kernel, in which py-spy sees no frame of its own."""
    found = _LINE.search(frame)
    if found is None:
        return False
    line = linecache.getline(os.path.join(_ROOT, found[1]), int(found[2]))
    return _CALL.search(line) is not None


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
        spy = ["py-spy", "record", "--idle", "--nonblocking", "--rate", str(RATE)]
        program = [sys.executable, "-W", "ignore", "-m", "microtome_bench.contenders", "microtome"]
        done = subprocess.run(
            [*spy, "--format", "raw", "--output", path, "--", *program, *place],
            cwd=_HOME,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(done.stderr[-4000:])
        with open(path, encoding="utf-8") as stacks:
            found = shares(stacks)
    for name, share in found.items():
        print(f"{name:20} {share:6.1%}")
    outside = sum(s for name, s in found.items() if name not in (TENSORFLOW, READING, KERNELS))
    print(f"outside TensorFlow, reading and kernels: {outside:.1%}")


if __name__ == "__main__":
    main()
