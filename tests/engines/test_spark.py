"""Evaluations on a Spark cluster of two workers."""

from __future__ import annotations

import pathlib

import pytest

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


def test_the_command_with_a_job_server_of_its_own_and_one_worker(
    case: cases.Case, spark_cluster: spark.Cluster, tmp_path: pathlib.Path
) -> None:
    one = [*spark_cluster.runner_args, "--job_server_jvm_properties=-Dspark.cores.max=1"]
    cases.check_command(case, "SparkRunner", one, tmp_path / "out", 1)
