"""Evaluations recorded outside TFX: their shape, what they join, and what a retry does."""

from __future__ import annotations

import dataclasses
import datetime
import json
import logging
import math
import pathlib
import subprocess
import sys
import textwrap
from typing import Any

import pytest

import microtome
from microtome.errors import ConfigError, DataError, OutputError
from microtome.proto import config_pb2
from microtome.results import load_eval_result
from microtome.results.eval_result import EvalResult
from microtome.tracking import digests, schema
from microtome.tracking.history import History
from tests.results import made, test_output

pytestmark = pytest.mark.current
pytest.importorskip("ml_metadata")

from ml_metadata.metadata_store import metadata_store  # noqa: E402
from ml_metadata.proto import metadata_store_pb2 as pb  # noqa: E402

from microtome.tracking import mlmd_writer, recording  # noqa: E402
from microtome.tracking.stores import open_store  # noqa: E402

PIPELINE = "flights"
KINDS = {pb.Event.INPUT: "in", pb.Event.OUTPUT: "out"}


def result_of(folder: pathlib.Path, name: str = "result", accuracy: float = 1 / 3) -> str:
    slices: dict[tuple, dict[str, Any]] = {
        (): {"accuracy": accuracy, "post_export_metrics/example_count": 300.0},
        (("carrier", "AA"),): {"accuracy": 0.5, "post_export_metrics/example_count": 100.0},
        (("carrier", "UÄ"),): {"accuracy": math.nan, "post_export_metrics/example_count": 200.0},
        (("carrier", "AA"), ("hour", 5)): {"post_export_metrics/example_count": 10.0},
    }
    return made.write(folder / name, slices)


@pytest.fixture
def result(tmp_path: pathlib.Path) -> str:
    return result_of(tmp_path)


@pytest.fixture
def where(tmp_path: pathlib.Path) -> str:
    """An SQLite store that is not there yet."""
    return str(tmp_path / "metadata.sqlite")


def events_of(store: metadata_store.MetadataStore, execution_id: int) -> list[tuple[Any, ...]]:
    found = []
    for event in store.get_events_by_execution_ids([execution_id]):
        key, index = event.path.steps
        (artifact,) = store.get_artifacts_by_id([event.artifact_id])
        found.append((KINDS[event.type], key.key, index.index, artifact.type))
    return sorted(found)


def counts(store: metadata_store.MetadataStore) -> tuple[int, int, int]:
    """How many artifacts, executions and contexts there are."""
    return len(store.get_artifacts()), len(store.get_executions()), len(store.get_contexts())


def test_shape_is_tfx_s(store_url: str, result: str) -> None:
    recorded = recording.record(result, store_url, pipeline=PIPELINE, run="monday", span=4)
    store = open_store(store_url)
    (execution,) = store.get_executions()
    assert (execution.id, execution.type) == (recorded.execution_id, "microtome.record")
    assert execution.last_known_state == pb.Execution.COMPLETE
    assert events_of(store, execution.id) == [
        ("in", "examples", 0, "Examples"),
        ("in", "model", 0, "Model"),
        ("out", "evaluation", 0, "ModelEvaluation"),
        *(("out", "sliced_metrics", index, "microtome.SlicedMetrics") for index in range(3)),
    ]
    assert {artifact.state for artifact in store.get_artifacts()} == {pb.Artifact.LIVE}
    contexts = {context.type: context for context in store.get_contexts_by_execution(execution.id)}
    assert {kind: context.name for kind, context in contexts.items()} == {
        "pipeline": "flights",
        "pipeline_run": "monday",
        "node": "flights.microtome.record",
    }
    for context in contexts.values():
        assert len(store.get_artifacts_by_context(context.id)) == 6
    parents = store.get_parent_contexts_by_context(contexts["pipeline_run"].id)
    assert [parent.name for parent in parents] == ["flights"]


def test_history_reads_what_was_recorded(store_url: str, result: str) -> None:
    recorded = recording.record(load_eval_result(result), store_url, pipeline=PIPELINE, run="1")
    (evaluation,) = History.open(store_url, pipeline=PIPELINE).evaluations
    assert evaluation.id == str(recorded.evaluation_id)
    assert (evaluation.run, evaluation.node) == ("1", "microtome.record")
    assert evaluation.provenance.evaluation_uri == result
    assert evaluation.block.slice_keys == ["Overall", "carrier:UÄ", "carrier:AA"]
    assert evaluation.number((), "accuracy") == 1 / 3
    assert math.isnan(evaluation.number((("carrier", "UÄ"),), "accuracy"))
    assert evaluation.not_tracked == "1 slice that tracking does not name"


@pytest.mark.parametrize("run", ["monday", None])
def test_twice_is_once(
    store_url: str, result: str, run: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    first = recording.record(result, store_url, pipeline=PIPELINE, run=run)
    before = counts(open_store(store_url))
    with caplog.at_level(logging.INFO, "microtome"):
        second = recording.record(result, store_url, pipeline=PIPELINE, run=run)
    assert first.is_new
    assert second == dataclasses.replace(first, is_new=False)
    assert counts(open_store(store_url)) == before
    assert caplog.messages[-1].startswith(f"Recorded already: run {first.run} of pipeline flights")


def test_another_run_or_result_is_another_evaluation(tmp_path: pathlib.Path, where: str) -> None:
    one, other = result_of(tmp_path, "one"), result_of(tmp_path, "other")
    for path, run in ((one, "1"), (one, "2"), (other, "1"), (one, "1")):
        recording.record(path, where, pipeline=PIPELINE, run=run)
    store = open_store(where)
    assert len(store.get_executions()) == 3
    # they have the inputs in common
    assert len(store.get_artifacts_by_type("Model")) == 1
    assert len(store.get_artifacts_by_type("Examples")) == 1


def test_other_numbers_of_the_same_run_are_not_swallowed(
    tmp_path: pathlib.Path, result: str, where: str
) -> None:
    recording.record(result, where, pipeline=PIPELINE, run="1")
    assert result_of(tmp_path, accuracy=0.25) == result
    with pytest.raises(ConfigError, match=r"Overall: accuracy 0\.333333, now 0\.25.* another run"):
        recording.record(result, where, pipeline=PIPELINE, run="1")
    # other slices of the same numbers are no other result
    again = {"slicing_specs": [{"feature_keys": ["carrier"]}], "max_slices": 1}
    result_of(tmp_path)
    assert not recording.record(result, where, pipeline=PIPELINE, run="1", tracking=again).is_new
    # without a name for the run, it is another
    result_of(tmp_path, accuracy=0.25)
    assert recording.record(result, where, pipeline=PIPELINE).is_new


# Lineage


def tfx_store(where: str, examples_properties: dict[str, int]) -> metadata_store.MetadataStore:
    """A store with a model and examples of a pipeline's."""
    store = open_store(where, writable=True)
    model = store.put_artifact_type(pb.ArtifactType(name="Model"))
    examples = store.put_artifact_type(
        pb.ArtifactType(name="Examples", properties=examples_properties)
    )
    other = store.put_artifact_type(pb.ArtifactType(name="PushedModel"))
    store.put_artifacts(
        [
            pb.Artifact(type_id=model, uri="/runs/model/1", state=pb.Artifact.LIVE),
            pb.Artifact(type_id=model, uri="/runs/model/1", state=pb.Artifact.LIVE),
            pb.Artifact(type_id=model, uri="/runs/model/1", state=pb.Artifact.DELETED),
            pb.Artifact(type_id=other, uri="/runs/model/1", state=pb.Artifact.LIVE),
            *(
                pb.Artifact(
                    type_id=examples,
                    uri=f"/runs/examples/{span}",
                    properties={"span": pb.Value(int_value=span)},
                    state=pb.Artifact.LIVE,
                )
                for span in (5, 6)
            ),
        ]
    )
    return store


def test_inputs_are_the_pipeline_s_own(where: str, result: str) -> None:
    store = tfx_store(where, {"span": pb.INT, "version": pb.INT, "split_names": pb.STRING})
    before = store.get_artifacts()
    recorded = recording.record(
        result,
        where,
        pipeline=PIPELINE,
        model_uri="/runs/model/1/Format-TFMA",
        data_uri=["/runs/examples/5/Split-eval/*", "/runs/examples/6/Split-eval/data-?.gz"],
    )
    events = store.get_events_by_execution_ids([recorded.execution_id])
    inputs = {
        (event.path.steps[0].key, event.path.steps[1].index): event.artifact_id
        for event in events
        if event.type == pb.Event.INPUT
    }
    # the last of the live ones
    assert inputs == {("model", 0): 2, ("examples", 0): 5, ("examples", 1): 6}
    (evaluation,) = History.open(where).evaluations
    provenance = evaluation.provenance
    assert (provenance.model_uri, provenance.model_id) == ("/runs/model/1", "2")
    assert (provenance.data_uri, provenance.data_id) == ("/runs/examples/5,/runs/examples/6", "5,6")
    assert (provenance.span, provenance.split) == ("5,6", "eval")
    assert store.get_artifacts_by_id([one.id for one in before]) == before


def test_inputs_that_are_not_there_are_made(where: str, result: str) -> None:
    recording.record(
        result,
        where,
        pipeline=PIPELINE,
        model_uri="/runs/model/9/Format-TFMA/",
        data_uri="/runs/examples/7/Split-next/*",
        span=7,
        data_version="2",
    )
    store = open_store(where)
    (model,) = store.get_artifacts_by_type("Model")
    assert model.uri == "/runs/model/9"
    (examples,) = store.get_artifacts_by_type("Examples")
    assert examples.uri == "/runs/examples/7"
    assert {name: str(value).strip() for name, value in examples.properties.items()} == {
        "span": "int_value: 7",
        "version": "int_value: 2",
        "split_names": r'string_value: "[\"next\"]"',
    }
    # new artifacts have no ids before the transaction
    (evaluation,) = History.open(where).evaluations
    assert (evaluation.provenance.model_id, evaluation.provenance.span) == ("", "7")


@pytest.mark.parametrize(
    "declared", [{"span": pb.STRING}, {"span": pb.INT, "more": pb.STRING}], ids=["fewer", "others"]
)
def test_types_that_are_there_stay(where: str, result: str, declared: dict[str, int]) -> None:
    store = open_store(where, writable=True)
    store.put_artifact_type(pb.ArtifactType(name="Examples", properties=declared))
    store.put_context_type(pb.ContextType(name="pipeline", properties={"pipeline_name": pb.STRING}))
    recording.record(result, where, pipeline=PIPELINE, span=3, data_version=1)
    assert dict(store.get_artifact_type("Examples").properties) == declared
    (examples,) = store.get_artifacts_by_type("Examples")
    told = {**examples.properties, **examples.custom_properties}
    assert (told["span"].int_value, told["version"].int_value) == (3, 1)


def test_digests_are_those_of_a_pipeline(tmp_path: pathlib.Path, where: str, result: str) -> None:
    model, split = tmp_path / "model" / "Format-TFMA", tmp_path / "examples" / "Split-eval"
    for folder, name in ((model, "saved_model.pb"), (split, "data-0.gz"), (split, "data-1.gz")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    loaded = load_eval_result(result)
    loaded.model_location, loaded.data_location = str(model), f"{split}/*0.gz,{split}/*1.gz"
    recording.record(loaded, where, pipeline=PIPELINE)
    (evaluation,) = History.open(where).evaluations
    assert evaluation.provenance.model_digest == digests.digest_folder(str(model))
    # as the component's executor names them
    named = [(f"eval/{path.name}", str(path)) for path in split.iterdir()]
    assert evaluation.provenance.data_digest == digests.digest_files(named)
    assert evaluation.provenance.config_digest == digests.digest_config(loaded.config)


def test_remote_results(tmp_path: pathlib.Path, where: str, result: str) -> None:
    remote = f"{test_output.SchemeFileSystem.scheme()}://{result}"
    runs = {recording.record(remote, where, pipeline=PIPELINE).run for _ in range(2)}
    (evaluation,) = History.open(where).evaluations
    assert runs == {evaluation.run}
    assert evaluation.provenance.evaluation_uri == remote


def test_paths_are_absolute_and_names_are_none(
    tmp_path: pathlib.Path, where: str, result: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data-0").write_bytes(b"")
    recording.record(
        "result", where, pipeline=PIPELINE, model_uri="model", data_uri="data-*,project.table"
    )
    (evaluation,) = History.open(where).evaluations
    told = evaluation.provenance
    assert told.evaluation_uri == result
    assert told.model_uri == str(tmp_path / "model")
    assert told.data_uri == f"{tmp_path}/data-*,project.table"


def test_a_run_id_of_another_pipeline_is_another_run(where: str, result: str) -> None:
    for pipeline in ("one", "two", "two"):
        recording.record(result, where, pipeline=pipeline, run="2024-06-01")
    store = open_store(where)
    runs = {run.name: run for run in store.get_contexts_by_type("pipeline_run")}
    assert set(runs) == {"2024-06-01", "two.2024-06-01"}
    for run in runs.values():
        assert len(store.get_executions_by_context(run.id)) == 1
    (evaluation,) = History.open(where, pipeline="two").evaluations
    assert evaluation.run == "2024-06-01"


# What is recorded


def test_tracking_chooses(where: str, result: str) -> None:
    tracking = config_pb2.Tracking(
        slicing_specs=[{"feature_keys": ["carrier"]}], metrics=["accuracy"], max_slices=1
    )
    recorded = recording.record(result, where, pipeline=PIPELINE, tracking=tracking)
    assert recorded.slice_count == 1
    (evaluation,) = History.open(where).evaluations
    assert evaluation.block.slice_keys == ["carrier:UÄ"]
    assert evaluation.block.metrics == ("accuracy",)


def test_single_is_one_artifact(where: str, result: str) -> None:
    recording.record(result, where, pipeline=PIPELINE, tracking={"publish": "SINGLE"})
    (artifact,) = open_store(where).get_artifacts_by_type("microtome.SlicedMetrics")
    told = artifact.custom_properties
    assert told["tracked_slice_count"].int_value == 3
    assert "slice carrier:AA" in told
    assert told["slice #1"].string_value.startswith("carrier:UÄ: ")


def test_never_more_than_one_message_takes(
    where: str, result: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlmd_writer, "_MESSAGE_BYTES", 2000)
    recorded = recording.record(result, where, pipeline=PIPELINE)
    assert recorded.slice_count == 2
    (evaluation,) = History.open(where).evaluations
    assert evaluation.block.slice_keys == ["Overall", "carrier:UÄ"]
    assert "1 slice with fewest examples, over the limit" in evaluation.not_tracked
    assert len(open_store(where).get_artifacts_by_type("microtome.SlicedMetrics")) == 2


def test_verdict_reasons_and_time(where: str, result: str) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    reasons = [{"metric": "accuracy", "slice": "Overall", "value": 0.3, "bound": 'at "least" 0.5'}]
    first = recording.record(
        result,
        where,
        pipeline=PIPELINE,
        verdict=schema.NOT_BLESSED,
        reasons=reasons,
        time=datetime.datetime(2024, 6, 1, 1, 30, tzinfo=zone),
    )
    assert first.run.startswith("2024-05-31T23:30:00.000000-")
    (evaluation,) = History.open(where).evaluations
    assert (evaluation.verdict, list(evaluation.reasons)) == ("NOT_BLESSED", reasons)
    assert evaluation.time == datetime.datetime(2024, 5, 31, 23, 30, tzinfo=datetime.timezone.utc)


def test_results_of_tfma_count_by_another_name(tmp_path: pathlib.Path, where: str) -> None:
    path = made.write(tmp_path / "tfma", {(): {"auc": 0.5, "example_count": 7.0}})
    recording.record(path, where, pipeline=PIPELINE)
    (evaluation,) = History.open(where).evaluations
    assert evaluation.block.counts.tolist() == [7]


# Errors: told before anything is written


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"pipeline": ""}, "pipeline must be a name"),
        ({"pipeline": "p" * 200}, "has 200"),
        ({"run": 7}, "run must be a name, is 7"),
        ({"node": "a\x00b"}, "printable"),
        ({"verdict": "BLESED"}, "did you mean 'BLESSED'"),
        ({"reasons": "too low"}, "list of mappings"),
        ({"reasons": [{"value": math.nan}]}, "JSON"),
        ({"time": "2024-06-01"}, "datetime"),
        ({"tracking": {"metrics": ["accurcy"]}}, "Did you mean accuracy"),
        ({"tracking": {"max_slice": 3}}, "max_slices"),
        ({"tracking": {"slicing_specs": [{"feature_keys": ["hour"]}]}}, "no slices by hour"),
    ],
)
def test_wrong_arguments(
    where: str, result: str, arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        recording.record(result, where, **{"pipeline": PIPELINE, **arguments})
    assert not pathlib.Path(where).exists()


def test_wrong_results(tmp_path: pathlib.Path, where: str) -> None:
    with pytest.raises(ConfigError, match="is a dict"):
        recording.record({}, where, pipeline=PIPELINE)  # type: ignore[arg-type]
    with pytest.raises(OutputError, match="no such directory"):
        recording.record(tmp_path / "nothing", where, pipeline=PIPELINE)
    with pytest.raises(ConfigError, match="this result says it has none"):
        recording.record(EvalResult([]), where, pipeline=PIPELINE)
    countless = made.write(tmp_path / "countless", {(): {"auc": 0.5}})
    with pytest.raises(DataError, match="example_count"):
        recording.record(countless, where, pipeline=PIPELINE)
    assert not pathlib.Path(where).exists()


def test_a_store_that_refuses(where: str, result: str) -> None:
    recording.record(result, where, pipeline=PIPELINE, run="1")
    before = counts(open_store(where))
    with pytest.raises(OutputError, match=r"cannot be recorded in .*metadata\.sqlite.*nothing of"):
        recording.record(result, open_store(where), pipeline=PIPELINE, run="2")
    assert counts(open_store(where)) == before


def test_check_store_makes_nothing(tmp_path: pathlib.Path) -> None:
    recording.check_store(tmp_path / "new" / "metadata.sqlite")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="no folder to write to"):
        recording.check_store(tmp_path / "file" / "metadata.sqlite")
    (tmp_path / "file").write_text("no database at all, " * 100)
    with pytest.raises(ConfigError, match="It is not an SQLite file"):
        recording.check_store(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# Crashes and other writers


def run(program: str, *args: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-c", textwrap.dedent(program), *args]
    return subprocess.Popen(line, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


DIES = """
    import os, sys
    from ml_metadata.metadata_store import metadata_store
    from microtome.tracking import recording

    store, call = metadata_store.MetadataStore, sys.argv[3]
    setattr(store, call, lambda *args, **options: os.kill(os.getpid(), 9))
    recording.record(sys.argv[1], sys.argv[2], pipeline="flights", run="1")
"""


@pytest.mark.parametrize("call", ["put_execution", "put_parent_contexts"])
def test_whoever_was_killed_tries_again(where: str, result: str, call: str) -> None:
    process = run(DIES, result, where, call)
    process.communicate()
    assert process.returncode == -9
    done = int(call == "put_parent_contexts")
    assert len(History.open(where).evaluations) == done
    assert len(open_store(where).get_artifacts()) == 6 * done
    again = recording.record(result, where, pipeline=PIPELINE, run="1")
    assert again.is_new == (not done)
    store = open_store(where)
    assert counts(store) == (6, 1, 3)
    (context,) = store.get_contexts_by_type("pipeline_run")
    assert store.get_parent_contexts_by_context(context.id)


WRITES = """
    import json, sys
    from microtome.tracking import recording

    result, where, pipeline, runs = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
    print(json.dumps([
        recording.record(result, where, pipeline=pipeline, run=run).is_new for run in runs
    ]))
"""


def test_writers_at_once_lose_nothing(store_url: str, result: str) -> None:
    """Two pipelines; and two writers of one of them, of whose runs half are the same."""
    runs = [f"{i}" for i in range(30)]
    parts = [("flights", runs[:20]), ("flights", runs[10:]), ("trains", runs[:10])]
    processes = [run(WRITES, result, store_url, name, json.dumps(part)) for name, part in parts]
    new = []
    for process in processes:
        said, complained = process.communicate()
        assert process.returncode == 0, complained
        new.append(json.loads(said))
    assert sum(new[0]) + sum(new[1]) == 30
    assert all(new[2])
    store = open_store(store_url)
    assert len(store.get_executions()) == 40
    assert len(store.get_artifacts_by_type("ModelEvaluation")) == 40
    assert len(store.get_artifacts_by_type("microtome.SlicedMetrics")) == 120
    assert len(store.get_artifacts_by_type("Model")) == 1
    for pipeline, expected in (("flights", runs), ("trains", runs[:10])):
        evaluations = History.open(store_url, pipeline=pipeline).evaluations
        assert sorted(one.run for one in evaluations) == sorted(expected)
        assert {one.number((), "accuracy") for one in evaluations} == {1 / 3}


def test_public_names() -> None:
    assert microtome.record is microtome.tracking.record is recording.record
    assert microtome.History is History
