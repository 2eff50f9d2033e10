"""Evaluations on a Spark cluster of two workers."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from microtome.results.loader import load_eval_result
from tests.engines import cases, spark

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_two_workers(
    case: cases.Case, spark_cluster: spark.Cluster, tmp_path: pathlib.Path
) -> None:
    with cases.timed() as seconds:
        result = case.evaluate(tmp_path / "out", spark_cluster.beam_args)
    case.check(result)
    assert len(result.run_info["workers"]) == 2
    cases.told("Spark", spark.VERSION, result, *seconds)


def test_the_command(
    case: cases.Case, spark_cluster: spark.Cluster, tmp_path: pathlib.Path
) -> None:
    runner, *others = [arg for arg in spark_cluster.beam_args if not arg.startswith("--files")]
    slices = [f"--slice={','.join(columns)}" for columns in cases.SLICES if columns]
    command = [sys.executable, "-m", "microtome", "evaluate", "--model", case.model_path]
    command += ["--data", case.pattern, "--output", str(tmp_path / "out"), *slices]
    done = subprocess.run(
        [*command, "--runner", runner.removeprefix("--runner="), "--", *others],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Overall" in done.stdout
    case.check(load_eval_result(str(tmp_path / "out")))
