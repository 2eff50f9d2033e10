"""What the demo shows while it runs, and what it keeps off the terminal."""

from __future__ import annotations

import pathlib
import subprocess
import sys

_PROGRAM = """
import logging, os, subprocess, sys
from microtome.pipelines.progress import Progress
print("before", flush=True)
with Progress(sys.argv[1]) as progress:
    with progress.step("reading"):
        print("python says")
        os.write(2, b"C++ says\\n")
        subprocess.run(["echo", "a child says"], check=True)
    logging.getLogger("absl").info("Component %s is running.", "Trainer")
    logging.getLogger("absl").info("Component %s is finished.", "Trainer")
    progress.say("done")
print("after")
"""


def test_steps_are_shown_and_noise_goes_to_the_log(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "demo.log"
    process = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(log)], capture_output=True, text=True, check=True
    )
    shown = [line.split() for line in process.stdout.splitlines()]
    assert [line[0] for line in shown] == ["before", "reading", "Trainer", "done", "after"]
    assert shown[1][2] == shown[2][2] == "s"
    assert process.stderr == ""
    logged = log.read_text().splitlines()
    assert {"python says", "C++ says", "a child says"} <= set(logged)
