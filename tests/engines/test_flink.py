"""Evaluations on a Flink cluster of two task managers."""

from __future__ import annotations

import collections
import pathlib
from collections.abc import Callable
from concurrent import futures
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from tfx.dsl.components.common import importer
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local import local_dag_runner
from tfx.types import standard_artifacts

import microtome
from microtome.component import SlicedEvaluator
from microtome.errors import DataError
from microtome.results.loader import load_eval_result
from tests.engines import cases, flink, programs

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_two_task_managers(
    case: cases.Case, flink_cluster: flink.Cluster, tmp_path: pathlib.Path
) -> None:
    with cases.timed() as seconds:
        result = case.evaluate(tmp_path / "out", flink_cluster.beam_args)
    case.check(result)
    # the files were spread over both
    assert len(result.run_info["workers"]) == 2
    assert task_managers(flink_cluster) == {"tm0", "tm1"}
    cases.told("Flink", flink_cluster.ask("/config")["flink-version"], result, *seconds)


def test_one_task(case: cases.Case, flink_cluster: flink.Cluster, tmp_path: pathlib.Path) -> None:
    result = case.evaluate(tmp_path / "out", [*flink_cluster.beam_args, "--parallelism=1"])
    case.check(result)
    assert len(result.run_info["workers"]) == 1


def test_the_command_with_a_job_server_of_its_own(
    case: cases.Case, flink_cluster: flink.Cluster, tmp_path: pathlib.Path
) -> None:
    cases.check_command(case, "FlinkRunner", flink_cluster.runner_args, tmp_path / "out", 2)


def test_a_pipeline_of_tfx(
    case: cases.Case, flink_cluster: flink.Cluster, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/Format-TFMA").symlink_to(case.model_path)
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples/Split-eval").symlink_to(case.folder)
    model = importer.Importer(
        source_uri=str(tmp_path / "model"), artifact_type=standard_artifacts.Model
    ).with_id("model")
    examples = importer.Importer(
        source_uri=str(tmp_path / "examples"),
        artifact_type=standard_artifacts.Examples,
        properties={"split_names": '["eval"]'},
    ).with_id("examples")
    evaluator = SlicedEvaluator(
        examples=examples.outputs["result"],
        model=model.outputs["result"],
        eval_config={"slicing_specs": [{"feature_keys": keys} for keys in cases.SLICES]},
    )
    local_dag_runner.LocalDagRunner().run(
        pipeline.Pipeline(
            pipeline_name="people",
            pipeline_root=str(tmp_path / "root"),
            components=[model, examples, evaluator],
            metadata_connection_config=metadata.sqlite_metadata_connection_config(
                str(tmp_path / "mlmd.sqlite")
            ),
            beam_pipeline_args=flink_cluster.beam_args,
        )
    )
    (output,) = tmp_path.glob("root/SlicedEvaluator/evaluation/*")
    result = load_eval_result(str(output))
    case.check(result)
    assert len(result.run_info["workers"]) == 2


def test_a_beam_pipeline_of_the_users_own(
    case: cases.Case, flink_cluster: flink.Cluster, tmp_path: pathlib.Path
) -> None:
    """Its examples come in other batches, in which the model's float32 numbers round otherwise."""
    with beam.Pipeline(options=PipelineOptions(flink_cluster.beam_args)) as own:
        _ = (
            own
            | beam.io.ReadFromTFRecord(case.pattern)
            | microtome.ExtractEvaluateAndWriteResults(
                microtome.default_eval_shared_model(case.model_path),
                str(tmp_path / "out"),
                slice_spec=[microtome.SingleSliceSpec(columns) for columns in cases.SLICES],
            )
        )
    case.check(load_eval_result(str(tmp_path / "out")), rtol=1e-6)


def test_a_broken_example_is_named(
    case: cases.Case, flink_cluster: flink.Cluster, tmp_path: pathlib.Path
) -> None:
    bad = tmp_path / "bad.tfrecord"
    with tf.io.TFRecordWriter(str(bad)) as writer:
        writer.write(b"\x07no example")
    good = next(case.folder.iterdir())
    with pytest.raises(DataError, match=r"Example 0 of '.*bad\.tfrecord'"):
        cases.evaluate(
            case.model_path, [str(good), str(bad)], tmp_path / "out", flink_cluster.beam_args
        )
    assert not (tmp_path / "out").exists()


def test_a_task_manager_is_killed(case: cases.Case, zoo_model: Any, tmp_path: pathlib.Path) -> None:
    """Its own cluster: it is one task manager short afterwards."""
    folder = tmp_path / "data"
    cases.write(folder, zoo_model("dnn_regression_v2").records, 100)
    expected = cases.evaluate(case.model_path, str(folder / "*"), tmp_path / "direct", [])
    (tmp_path / "cluster").mkdir()
    with flink.cluster(tmp_path / "cluster", 8) as cluster, cases.timed() as seconds:
        arguments = case.model_path, str(folder / "*"), tmp_path / "out", cluster.beam_args
        with futures.ThreadPoolExecutor(1) as thread:
            evaluating = thread.submit(cases.evaluate, *arguments)
            read = files_read(cluster, folder)
            programs.wait_until(
                lambda: evaluating.done() or max(map(len, read()), default=0) >= 3,
                "a worker has read two files and begun a third",
                seconds=240,
            )
            assert not evaluating.done()
            victim = cluster.task_managers[int(busy(cluster)[0].removeprefix("tm"))]
            victim.kill()
            result = evaluating.result(timeout=300)
        attempts = [task["attempt"] for task in tasks(cluster)]
    cases.Case(case.model_path, folder, expected).check(result)
    assert max(attempts) >= 1, "nothing was done anew"
    cases.told("Flink, a task manager killed", flink.VERSION, result, *seconds)


def files_read(cluster: flink.Cluster, folder: pathlib.Path) -> Callable[[], list[set[str]]]:
    """A function that gives the data files that each worker was seen to read so far."""
    seen: dict[int, set[str]] = collections.defaultdict(set)

    def look() -> list[set[str]]:
        for worker, files in cluster.pool.open_files().items():
            seen[worker] |= {file for file in files if file.startswith(str(folder))}
        return list(seen.values())

    return look


def tasks(cluster: flink.Cluster) -> list[dict[str, Any]]:
    """All subtasks of the last job."""
    job = cluster.last_job()
    if job is None:
        return []
    return [
        task
        for vertex in job["vertices"]
        for task in cluster.ask(f"/jobs/{job['jid']}/vertices/{vertex['id']}")["subtasks"]
    ]


def task_managers(cluster: flink.Cluster) -> set[str]:
    return {task["taskmanager-id"] for task in tasks(cluster)}


def busy(cluster: flink.Cluster) -> list[str]:
    """The task managers that run something just now."""
    return [task["taskmanager-id"] for task in tasks(cluster) if task["status"] == "RUNNING"]
