"""The history on real stores: what is read, and what is not."""

from __future__ import annotations

import pytest

metadata_store_pb2 = pytest.importorskip("ml_metadata.proto.metadata_store_pb2")

from microtome.tracking import schema  # noqa: E402
from microtome.tracking.history import History  # noqa: E402
from microtome.tracking.stores import open_store  # noqa: E402
from tests.tracking.recorded import UA, Launcher  # noqa: E402


def numbers(accuracy: float):
    return {(): (100, {"accuracy": accuracy}), UA: (40, {"accuracy": accuracy / 3})}


@pytest.fixture
def launcher(store_url):
    return Launcher(open_store(store_url, writable=True), metadata_store_pb2)


def test_numbers_come_back_with_all_their_bits(store_url, launcher):
    launcher.evaluate(1, numbers(0.1))
    launcher.evaluate(2, numbers(0.2))
    found = History.open(store_url, pipeline="flights").metric("accuracy", "carrier:UA")
    assert found["value"].tolist() == [0.1 / 3, 0.2 / 3]
    assert found["run"].tolist() == ["run-1", "run-2"]
    assert found["span"].tolist() == ["1", "2"]
    assert found["n"].tolist() == [40, 40]


def test_only_complete_runs_of_the_pipeline_are_told(store_url, launcher):
    launcher.evaluate(1, numbers(0.1))
    launcher.evaluate(2, numbers(0.2), pipeline="other")
    launcher.evaluate(3, numbers(0.3), state="FAILED")
    # a process that was killed while it published, as Airflow leaves it
    launcher.evaluate(4, numbers(0.4), state="RUNNING", live=False)
    launcher.evaluate(5, numbers(0.5), state="RUNNING")
    assert History.open(store_url, pipeline="flights").runs == ["run-1"]
    assert History.open(store_url).pipelines == ["flights", "other"]


def test_runs_that_no_property_tells_are_told_by_their_contexts(store_url, launcher):
    launcher.evaluate(1, numbers(0.1), pipeline="", pipeline_run="")
    launcher.evaluate(2, numbers(0.2), pipeline="", pipeline_run="")
    history = History.open(store_url, pipeline="flights")
    assert history.runs == ["run-1", "run-2"]
    assert History.open(store_url, pipeline="other").runs == []


def test_evaluations_of_kubeflow_are_read_too(store_url, launcher):
    launcher.evaluate(1, numbers(0.1))
    launcher.evaluate(2, numbers(0.2), kind=schema.KUBEFLOW_EVALUATION_TYPE)
    assert History.open(store_url, pipeline="flights").runs == ["run-1", "run-2"]


def test_kubeflow_tells_pipeline_run_and_task_in_its_own_way(store_url):
    launcher = Launcher(open_store(store_url, writable=True), metadata_store_pb2, kubeflow=True)
    kind = schema.KUBEFLOW_EVALUATION_TYPE
    for day in (1, 2):
        launcher.evaluate(day, numbers(0.1), kind=kind, pipeline="", pipeline_run="")
    (first, second) = History.open(store_url, pipeline="flights").evaluations
    assert (first.pipeline, first.run, first.node) == ("flights", "run-1", "evaluator")
    assert second.run == "run-2"
    assert History.open(store_url, pipeline="other").runs == []


def test_what_is_recorded_later_is_read_on_refresh(store_url, launcher):
    launcher.evaluate(1, numbers(0.1))
    history = History.open(store_url)
    launcher.evaluate(2, numbers(0.2), verdict=schema.BLESSED)
    assert len(history) == 1
    history.refresh()
    assert history.verdicts()["verdict"].tolist() == ["NOT_VALIDATED", "BLESSED"]


def test_lineage_leads_to_the_model_its_trainer_and_its_examples(store_url, launcher):
    model = launcher.train(1)
    launcher.evaluate(1, numbers(0.1), model)
    found = History.open(store_url).lineage()
    told = [(one.depth, one.kind, one.type, one.role) for one in found]
    assert told == [
        (0, "artifact", "ModelEvaluation", ""),
        (1, "execution", "SlicedEvaluator", ""),
        (2, "artifact", "Model", "model"),
        (3, "execution", "Trainer", ""),
        (4, "artifact", "Examples", "examples"),
    ]
    assert found[1].name == "run run-1, flights.evaluator"
    assert found[4].properties == {"span": "1"}


def test_a_store_without_evaluations_is_empty(store_url):
    open_store(store_url, writable=True)
    assert len(History.open(store_url)) == 0


def test_any_number_and_any_name_of_slices(store_url, launcher):
    """PostgreSQL refuses long texts and backslashes, MySQL names that differ in case only."""
    names = ["é", 'a"b', "back\\slash", "%q", "100 %", *(f"D{i}" for i in range(300))]
    numbers = {
        (("dest", name),): (2000 - i, {"auc": i / 7, "AUC": i / 9, "curve": [0.5] * 300 * (i == 0)})
        for i, name in enumerate(names)
    }
    reasons = [{"slice": name, "message": "fell \\ far"} for name in names]
    launcher.evaluate(
        1, numbers, reasons=reasons, data_uri=",".join(f"span/{i}" for i in range(400))
    )
    history = History.open(store_url)
    (one,) = history.evaluations
    assert [dict(key)["dest"] for key in one.block.keys] == names
    assert one.number((("dest", "back\\slash"),), "auc") == 2 / 7
    assert one.number((("dest", "D299"),), "AUC") == 304 / 9
    assert list(one.reasons) == reasons
    assert one.provenance.data_uri.endswith(",span/399")
