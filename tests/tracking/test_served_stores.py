"""The server of the views, on a store of each kind: read in a thread that did not open it."""

from __future__ import annotations

import pytest

metadata_store_pb2 = pytest.importorskip("ml_metadata.proto.metadata_store_pb2")

from microtome.tracking.stores import open_store  # noqa: E402
from microtome.view import sources  # noqa: E402
from microtome.view.server import Server  # noqa: E402
from microtome.view.sources import Source  # noqa: E402
from tests.tracking import recorded  # noqa: E402
from tests.tracking.recorded import Launcher  # noqa: E402
from tests.view.served import Client  # noqa: E402

NUMBERS: recorded.Numbers = {(): (400, {"accuracy": 0.5}), recorded.UA: (100, {"accuracy": 0.25})}


def test_runs_come_while_it_serves(store_url, monkeypatch):
    # servers are not asked again at once
    monkeypatch.setattr(sources, "_PATIENCE_SECONDS", 0)
    launcher = Launcher(open_store(store_url, writable=True), metadata_store_pb2)
    launcher.evaluate(1, NUMBERS)
    launcher.evaluate(2, NUMBERS, pipeline="other")
    with Server(Source.open(store_url, "flights")) as server:
        ask = Client(server)
        assert [run["name"] for run in ask("/api/report").report["runs"]] == ["run-1"]
        launcher.evaluate(3, NUMBERS)
        report = ask("/api/report").report
        assert [run["name"] for run in report["runs"]] == ["run-1", "run-3"]
        (newest,) = report["values"]
        assert report["values"][newest]["accuracy"]["v"] == [0.5, 0.25]
        series = ask("/api/series?slice=carrier:UA").report
        assert [run["accuracy"]["v"] for run in series["values"].values()] == [[0.25]] * 2


def test_servers_are_left_in_peace_between_questions(store_url):
    launcher = Launcher(open_store(store_url, writable=True), metadata_store_pb2)
    launcher.evaluate(1, NUMBERS)
    source = Source.open(store_url)
    launcher.evaluate(2, NUMBERS)
    # that a file has changed is seen; a server would have to be asked
    assert len(source.report()["runs"]) == (2 if store_url.startswith("sqlite") else 1)
