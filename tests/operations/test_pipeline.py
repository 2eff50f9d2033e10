"""A pipeline's evaluation is killed, cannot be published, or loses its model on the way."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import threading
import time
from collections.abc import Callable

import pytest
from ml_metadata.proto import metadata_store_pb2

from microtome.errors import ModelError
from microtome.results import load_eval_result, names
from microtome.tracking import recording
from microtome.tracking.history import History
from tests.component.test_local_run import Pipeline
from tests.operations.conftest import staged, write_countries
from tests.operations.pipeline_process import TRACKING
from tests.operations.test_store_away import locking

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

Execution = metadata_store_pb2.Execution


class Flights:
    """A pipeline with many slices.

    Attributes:
        pipeline: Runs it here.
        args: What a process takes to run it.
        store: The path of its store.
        evaluations: The folder of the evaluator's outputs, each named by its execution.
        model: The folder of the EvalSavedModel.
    """

    def __init__(self, folder: pathlib.Path, people) -> None:
        self.model = folder / "model" / "Format-TFMA"
        shutil.copytree(people.model_path, self.model)
        examples = folder / "examples" / "Split-eval"
        examples.mkdir(parents=True)
        (folder / "examples" / "Split-next").mkdir()
        write_countries(str(examples / "data"), people.records, 4000)
        uris = str(self.model.parent), str(examples.parent)
        self.args = [str(folder), *uris]
        self.pipeline = Pipeline(folder, *uris)
        self.store = folder / "mlmd.sqlite"
        self.evaluations = folder / "root" / "SlicedEvaluator" / "evaluation"

    def run(self) -> None:
        self.pipeline.run(tracking=TRACKING)

    def is_writing(self) -> bool:
        return self.evaluations.is_dir() and bool(staged(self.evaluations))

    def has_written(self) -> bool:
        return any(self.evaluations.glob(f"*/{names.EVAL_CONFIG}"))


@pytest.fixture
def flights(people, tmp_path) -> Flights:
    return Flights(tmp_path, people)


def once(happened: Callable[[], bool], act: Callable[[], object]) -> threading.Thread:
    """Does something in a thread as soon as something has happened."""

    def wait() -> None:
        while not happened():
            time.sleep(0.001)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_killed_executor(start, flights):
    process = start("tests.operations.pipeline_process", *flights.args, PYTHONPATH=os.getcwd())
    process.wait_until(flights.is_writing)
    assert process.end(signal.SIGKILL) == -9
    assert flights.pipeline.states() == [Execution.RUNNING]
    assert not flights.has_written()
    assert len(staged(flights.evaluations)) == 1
    assert flights.pipeline.sliced_metrics() == []
    assert len(History.open(flights.store)) == 0
    # the next run is another execution, and clears away what the killed one was writing
    flights.run()
    assert flights.pipeline.states() == [Execution.RUNNING, Execution.COMPLETE]
    assert staged(flights.evaluations) == []
    (evaluation,) = History.open(flights.store).evaluations
    assert evaluation.number((), "accuracy") > 0
    assert len(flights.pipeline.sliced_metrics()) == TRACKING["max_slices"]
    # the history needs no files
    shutil.rmtree(flights.evaluations)
    (again,) = History.open(flights.store).evaluations
    assert again.number((), "accuracy") == evaluation.number((), "accuracy")


def test_a_store_that_is_locked_for_a_moment_at_the_publish(flights):
    """TFX opens the store up to ten times, and each time ml_metadata tries for a while."""
    _ = flights.pipeline.store
    with locking(flights.store) as lock:
        thread = once(flights.has_written, lambda: lock("moment"))
        flights.run()
        thread.join()
    assert flights.pipeline.states() == [Execution.COMPLETE]


def test_a_store_that_is_away_at_the_publish(flights):
    """Its disk is unmounted, say: there is no file any more."""
    aside = flights.store.with_suffix(".aside")

    def take_away() -> None:
        flights.store.rename(aside)
        flights.store.mkdir()

    thread = once(flights.has_written, take_away)
    started = time.monotonic()
    with pytest.raises(RuntimeError, match="unable to open database file"):
        flights.run()
    print(f"publish refused: {time.monotonic() - started:.0f} s with the evaluation")
    thread.join()
    flights.store.rmdir()
    aside.rename(flights.store)
    # whole result files, and nothing of them in the store
    (folder,) = flights.evaluations.iterdir()
    assert len(load_eval_result(folder).get_slice_names()) > 4000
    assert flights.pipeline.states() == [Execution.RUNNING]
    assert len(History.open(flights.store)) == 0
    # on it goes with the files, or with another run
    again = recording.record(folder, flights.store, pipeline="people", run="by hand")
    assert again.is_new
    flights.run()
    assert flights.pipeline.states() == [Execution.RUNNING, Execution.COMPLETE]
    assert len(History.open(flights.store, pipeline="people")) == 2


@pytest.mark.parametrize("fate", ["overwritten", "removed"])
def test_a_model_that_changes_under_way(flights, fate):
    def change() -> None:
        if fate == "removed":
            shutil.rmtree(flights.model)
        else:
            (variables,) = (flights.model / "variables").glob("*.data*")
            variables.write_bytes(variables.read_bytes()[::-1])

    thread = once(flights.is_writing, change)
    with pytest.raises(ModelError, match=r"Format-TFMA changed while it was evaluated\. "):
        flights.run()
    thread.join()
    assert flights.pipeline.states() == [Execution.FAILED]
    assert flights.pipeline.sliced_metrics() == []
    assert len(History.open(flights.store)) == 0
