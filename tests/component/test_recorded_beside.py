"""An evaluation that is recorded outside TFX, beside the pipeline's own in one store."""

from __future__ import annotations

import pathlib

import pytest
from ml_metadata.proto import metadata_store_pb2

from microtome.results.loader import load_eval_result
from microtome.tracking import record
from microtome.tracking.history import History
from tests.component.test_local_run import Pipeline

pytestmark = pytest.mark.e2e

Artifact = metadata_store_pb2.Artifact

# which TFX gives to all artifacts
TFX_OWN = {"is_external", "tfx_version"}


@pytest.fixture
def people(tmp_path: pathlib.Path, model_uri: str, examples_uri: str) -> Pipeline:
    """A pipeline that has run once."""
    ran = Pipeline(tmp_path, model_uri, examples_uri)
    ran.run()
    return ran


def kinds(artifact: Artifact) -> dict[str, str]:
    """The properties' names and types, but for TFX's own."""
    return {
        name: value.WhichOneof("value")
        for name, value in artifact.custom_properties.items()
        if name not in TFX_OWN
    }


def test_it_is_of_the_same_shape_and_lineage(tmp_path: pathlib.Path, people: Pipeline) -> None:
    (own,) = History.open(str(tmp_path / "mlmd.sqlite")).evaluations
    result = load_eval_result(own.provenance.evaluation_uri)
    before = (
        people.store.get_artifacts_by_type("Model"),
        people.store.get_artifacts_by_type("Examples"),
    )
    recorded = record(result, people.store, pipeline="people", run="by hand")
    assert recorded.is_new

    evaluations = sorted(
        people.store.get_artifacts_by_type("ModelEvaluation"), key=lambda one: one.id
    )
    assert kinds(evaluations[0]) == kinds(evaluations[1])
    slices = people.sliced_metrics()
    by_key = {}
    for artifact in sorted(slices, key=lambda one: one.id):
        key = artifact.custom_properties["slice_key"].string_value
        by_key.setdefault(key, []).append(artifact)
    assert len(slices) == 2 * len(by_key)
    for theirs, ours in by_key.values():
        assert kinds(theirs) == kinds(ours)
        assert theirs.custom_properties["metrics"] == ours.custom_properties["metrics"]

    # no model and no examples but the pipeline's
    after = (
        people.store.get_artifacts_by_type("Model"),
        people.store.get_artifacts_by_type("Examples"),
    )
    assert after == before
    ours = History.open(str(tmp_path / "mlmd.sqlite")).evaluations[-1]
    differ = {
        name
        for name in vars(own.provenance)
        if getattr(own.provenance, name) != getattr(ours.provenance, name)
    }
    assert differ == {"component_id", "pipeline_run"}
    assert ours.packed == own.packed


def test_what_tfx_recorded_is_not_recorded_again(tmp_path: pathlib.Path, people: Pipeline) -> None:
    (own,) = History.open(str(tmp_path / "mlmd.sqlite")).evaluations
    recorded = record(own.provenance.evaluation_uri, people.store, pipeline="people", run=own.run)
    assert not recorded.is_new
    assert str(recorded.evaluation_id) == own.id
    assert len(people.store.get_artifacts_by_type("ModelEvaluation")) == 1


def test_the_pipeline_goes_on_in_a_store_that_recording_made(
    tmp_path: pathlib.Path, people: Pipeline, model_uri: str, examples_uri: str
) -> None:
    """Its types do not clash with those that are there; it imports the same model."""
    (own,) = History.open(str(tmp_path / "mlmd.sqlite")).evaluations
    folder = tmp_path / "later"
    folder.mkdir()
    later = Pipeline(folder, model_uri, examples_uri)
    record(own.provenance.evaluation_uri, folder / "mlmd.sqlite", pipeline="people", run="first")
    later.run()
    evaluations = History.open(str(folder / "mlmd.sqlite"), pipeline="people").evaluations
    assert [one.node for one in evaluations] == ["microtome.record", "SlicedEvaluator"]
    assert len({one.provenance.data_digest for one in evaluations}) == 1
    (context,) = later.store.get_contexts_by_type("pipeline")
    assert len(later.store.get_children_contexts_by_context(context.id)) == 2
