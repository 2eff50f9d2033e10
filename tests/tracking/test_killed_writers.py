"""Two pipelines write to one store at once, and are killed at it."""

from __future__ import annotations

import collections
import subprocess
import sys
import time

import pytest

pytest.importorskip("ml_metadata")

from microtome.tracking import schema
from microtome.tracking.history import History
from microtome.tracking.stores import open_store
from tests.tracking import killed_writer
from tests.tracking.killed_writer import SLICES

pytestmark = pytest.mark.e2e

PIPELINES = ("flights", "other")


def start(url: str, pipeline: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", killed_writer.__name__, url, pipeline]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def told(store_url):
    """How many evaluations each of two writers, killed in the middle of the next, had written."""
    open_store(store_url, writable=True)
    writers = {pipeline: start(store_url, pipeline) for pipeline in PIPELINES}
    try:
        for writer in writers.values():
            assert writer.stdout is not None
            assert writer.stdout.readline() == "1\n"
        # not in step with the writers
        time.sleep(1.37)
    finally:
        for writer in writers.values():
            writer.kill()
    counts = {}
    for pipeline, writer in writers.items():
        assert writer.stdout is not None
        # not communicate(), which passes over what readline() has buffered
        counts[pipeline] = 1 + len(writer.stdout.read().split())
        writer.stdout.close()
        writer.wait(timeout=60)
    return counts


def test_whole_evaluations_stand_in_the_store_and_nothing_is_mixed(store_url, told):
    for pipeline, count in told.items():
        history = History.open(store_url, pipeline=pipeline)
        # what was written last may not have been told any more
        assert len(history) in (count, count + 1)
        assert history.runs == [f"run-{day}" for day in range(1, len(history) + 1)]
        for day, one in enumerate(history.evaluations, start=1):
            assert one.block.values[:, 0].tolist() == [day + i / 7 for i in range(SLICES)]
    assert len(History.open(store_url)) == sum(
        len(History.open(store_url, pipeline=pipeline)) for pipeline in PIPELINES
    )


def test_no_evaluation_has_half_of_its_slices(store_url, told):
    by_evaluation = collections.Counter(
        artifact.custom_properties["evaluation_uri"].string_value
        for artifact in open_store(store_url).get_artifacts_by_type(schema.SLICED_METRICS_TYPE)
    )
    assert set(by_evaluation.values()) == {SLICES}
    told_of = {one.provenance.evaluation_uri for one in History.open(store_url).evaluations}
    assert set(by_evaluation) == told_of


def test_the_killed_one_goes_on_where_it_was(store_url, told):
    from microtome.tracking import mlmd_writer

    before = History.open(store_url, pipeline="flights").runs
    store = open_store(store_url, writable=True)
    for day in range(1, len(before) + 2):
        _, is_new = mlmd_writer.write(store, killed_writer.entry(day, "flights"))
        assert is_new == (day > len(before))
    assert History.open(store_url, pipeline="flights").runs == [*before, f"run-{len(before) + 1}"]
