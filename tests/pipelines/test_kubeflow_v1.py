"""The pipeline on Kubeflow v1: compiled in its environment, run through its entry point.

The entry point's main function is called for each step of the compiled workflow, in the order and
with the arguments of the workflow, in this process: it is TFX's own launcher, against ML Metadata's
service over gRPC.
"""

from __future__ import annotations

import logging
import pathlib
import re
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
import yaml
from tfx.orchestration.kubeflow import container_entrypoint
from tfx.orchestration.portable import launcher

import microtome
from microtome.pipelines.flights import data, pipeline
from microtome.results.loader import load_eval_result
from microtome.tracking import History, schema
from microtome.tracking.stores import open_store
from tests.needed import skip_or_fail
from tests.tracking.servers import metadata_server

# a process that imports TFX and Kubeflow's first client, and two runs
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PYTHON = pathlib.Path(__file__).resolve().parents[2] / ".venv-kubeflow-v1" / "bin" / "python"
NODES = {
    "ImportExampleGen",
    "Trainer",
    pipeline.HOLD_OUT_EVALUATOR,
    pipeline.NEXT_MONTH_EVALUATOR,
    f"LastEvaluations-{pipeline.NEXT_MONTH_EVALUATOR}",
}
MONTHS = (2, 3)
ROWS_PER_MONTH = 600
ROOT_PARAMETER = "{{inputs.parameters.pipeline-root}}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("kubeflow-v1")


@pytest.fixture(scope="module")
def steps(folder: pathlib.Path) -> list[dict[str, Any]]:
    """The workflow's containers, each after those that it depends on."""
    if not PYTHON.exists():
        skip_or_fail("no .venv-kubeflow-v1 here: tools/bootstrap.py kubeflow-v1 makes it")
    output = folder / "flights-v1.yaml"
    command = [str(PYTHON), "-W", "ignore", "-m", "microtome.pipelines.kubeflow_v1"]
    options = {
        "root": folder / "root",
        "data": folder / "data",
        "image": "image:1",
        "output": output,
        "train-steps": 5,
    }
    started = time.monotonic()
    compiled = subprocess.run(
        [*command, *(f"--{name}={value}" for name, value in options.items())],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stderr[-5000:]
    print(f"\ncompiled in {time.monotonic() - started:.1f} s")
    templates = yaml.safe_load(output.read_text())["spec"]["templates"]
    by_name = {template["name"]: template for template in templates}
    (graph,) = [template["dag"]["tasks"] for template in templates if "dag" in template]
    ordered: list[str] = []
    while len(ordered) < len(graph):
        ordered += [
            task["name"]
            for task in graph
            if task["name"] not in ordered and set(task.get("dependencies", [])) <= set(ordered)
        ]
    return [by_name[name]["container"] for name in ordered]


@pytest.fixture(scope="module")
def store(
    steps: list[dict[str, Any]], flights: pd.DataFrame, folder: pathlib.Path
) -> Iterator[str]:
    """The URL of ML Metadata after two runs."""
    level = logging.getLogger().level
    with metadata_server(folder / "metadata.sqlite") as url, pytest.MonkeyPatch.context() as patch:
        host, port = url.removeprefix("grpc://").split(":")
        patch.setenv("METADATA_GRPC_SERVICE_HOST", host)
        patch.setenv("METADATA_GRPC_SERVICE_PORT", port)
        patch.setenv("KFP_POD_NAME", "pod")
        # the entry point puts its own there; here it is given back in the end
        patch.setattr(launcher, "_register_execution", launcher._register_execution)
        started = time.monotonic()
        for month in MONTHS:
            data.write_span(flights, str(folder / "data"), month, rows_per_month=ROWS_PER_MONTH)
            patch.setenv("WORKFLOW_ID", f"flights-{month}")
            for step in steps:
                container_entrypoint.main(arguments(step, folder))
        print(f"{len(MONTHS)} runs of {len(steps)} steps: {time.monotonic() - started:.1f} s")
        yield url
    logging.getLogger().setLevel(level)


def arguments(step: dict[str, Any], folder: pathlib.Path) -> list[str]:
    """A container's, with its parameters filled in, and paths of this machine."""
    root, page = str(folder / "root"), str(folder / "page.json")
    words = [word.replace(ROOT_PARAMETER, root) for word in step["args"]]
    words[words.index("--metadata_ui_path") + 1] = page
    assert not [word for word in words if re.search(r"\{\{", word)]
    return words


def told(step: dict[str, Any], name: str) -> str:
    return str(step["args"][step["args"].index(name) + 1])


def test_every_node_is_a_container_of_the_image(steps: list[dict[str, Any]]) -> None:
    assert {told(step, "--node_id") for step in steps} == NODES
    assert {step["image"] for step in steps} == {"image:1"}
    assert {tuple(step["command"]) for step in steps} == {
        ("python", "-m", container_entrypoint.__name__)
    }


def test_what_steps_write_beside_is_where_the_images_user_can_write(
    steps: list[dict[str, Any]],
) -> None:
    pages = {told(step, "--metadata_ui_path") for step in steps}
    assert {str(pathlib.PurePosixPath(page).parent) for page in pages} == {"/tmp"}


def test_an_artifact_a_slice(store: str) -> None:
    opened = open_store(store)
    artifacts = opened.get_artifacts_by_type(schema.SLICED_METRICS_TYPE)
    assert {one.state for one in artifacts} == {artifacts[0].LIVE}
    history = History.open(store)
    recorded = sum(len(one.block.keys) for one in history.evaluations)
    assert len(artifacts) == recorded > 100
    keys = {one.custom_properties["slice_key"].string_value for one in artifacts}
    assert {"Overall", "origin:JFK", "haul:long"} <= keys


def test_the_history_reads_both_runs(store: str) -> None:
    history = History.open(store, pipeline="flights")
    assert history.runs == [f"flights-{month}" for month in MONTHS]
    assert [one.provenance.span for one in history.evaluations] == ["2", "2", "3", "3"]
    for one in history.evaluations:
        found = load_eval_result(one.provenance.evaluation_uri).to_dataframe()
        overall = found[found["slice"] == "Overall"].set_index("metric")["value"]
        assert one.number((), "auc") == overall["auc"]


def test_a_run_is_held_against_the_one_before(store: str) -> None:
    history = History.open(store, pipeline="flights")
    first, second = (
        one for one in history.evaluations if one.node == pipeline.NEXT_MONTH_EVALUATOR
    )
    assert first.verdict == schema.NOT_VALIDATED
    (checked,) = (reason for reason in second.reasons if reason["rule"] == "checked")
    assert checked["evaluations"] == [first.id]
    assert second.verdict in (schema.BLESSED, schema.NOT_BLESSED)


def test_the_numbers_are_those_of_microtome_alone(store: str) -> None:
    last = History.open(store, pipeline="flights").one(-1, pipeline.NEXT_MONTH_EVALUATOR)
    alone = microtome.run_model_analysis(
        microtome.default_eval_shared_model(f"{last.provenance.model_uri}/Format-TFMA"),
        f"{last.provenance.data_uri}/Split-{data.NEXT_MONTH}/*",
        file_format="tfrecords",
        eval_config=pipeline.eval_config(),
    )
    found = load_eval_result(last.provenance.evaluation_uri)
    tables = [
        one.to_dataframe().set_index(["slice", "metric"])["value"].sort_index()
        for one in (found, alone)
    ]
    pd.testing.assert_series_equal(*tables, check_exact=True)
