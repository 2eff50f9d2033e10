"""What a server shows of folders and of stores: which runs, read when, and from where."""

from __future__ import annotations

import json
import os
import pathlib
import shutil

import pytest

from microtome.errors import ConfigError, DataError
from microtome.results import loader, names
from microtome.tracking import schema
from microtome.view import kept_results, served_folders, sources
from microtome.view.sources import Source
from tests.results import made
from tests.tracking import recorded
from tests.view.schema import checked

pytestmark = pytest.mark.current

CROSSED = (("carrier", "UA"), ("month", 7))
NUMBERS: recorded.Numbers = {
    (): (400, {"accuracy": 0.5}),
    recorded.UA: (100, {"accuracy": 0.25}),
}


def runs(report: dict) -> list[str]:
    return [run["id"] for run in checked(report)["runs"]]


def notes(report: dict) -> list[str]:
    return [one["why"] for one in report.get("omitted", []) if not one["slice"]]


def number(report: dict, run: str, metric: str, slice_name: str = "Overall") -> float | None:
    row = report["slices"]["name"].index(slice_name)
    column = report["values"][run][metric]["v"]
    return column[row] if row < len(column) else None


def written(path: pathlib.Path, accuracy: float, seconds: int) -> str:
    """A result of so many seconds after 1970."""
    made.write(path, {(): {"accuracy": accuracy}, CROSSED: {"accuracy": 1 - accuracy}})
    os.utime(path / names.EVAL_CONFIG, (seconds, seconds))
    return str(path)


def damage(path: str) -> None:
    (metrics,) = pathlib.Path(path).glob("metrics-*")
    metrics.write_bytes(b"damaged")


@pytest.fixture
def two(tmp_path) -> pathlib.Path:
    """A folder of two results; the second is the newer, though not by name."""
    written(tmp_path / "served" / "b", 0.25, 1000)
    written(tmp_path / "served" / "a", 0.75, 2000)
    return tmp_path / "served"


@pytest.fixture
def loads(monkeypatch) -> list[str]:
    """The results that are loaded, as it happens."""
    found: list[str] = []

    def load(path: str) -> object:
        found.append(os.path.basename(path))
        return loader.load_eval_result(path)

    monkeypatch.setattr(served_folders, "load_eval_result", load)
    return found


# folders


def test_a_folder(two):
    source = Source.open(two)
    report = source.report()
    assert runs(report) == ["b", "a"]
    assert report["title"] == "served"
    assert list(report["values"]) == ["a"]
    assert number(report, "a", "accuracy") == 0.75
    earlier = checked(source.run("b"))
    assert number(earlier, "b", "accuracy", "carrier_X_month:UA_X_7") == 0.75
    assert len(source) == 2


@pytest.mark.parametrize("form", ["{}", "{}/", "{}/*", "{}/[ab]"])
def test_ways_to_name_a_folder(two, form):
    assert runs(Source.open(form.format(two)).report()) == ["b", "a"]


def test_one_result(two):
    source = Source.open(two / "a")
    assert runs(source.report()) == ["a"]
    assert source.title == "a"


def test_the_working_directory(two, monkeypatch):
    monkeypatch.chdir(two)
    assert runs(Source.open(".").report()) == ["b", "a"]
    assert Source.open(".").title == "served"
    assert runs(Source.open("a").report()) == ["a"]


def test_a_result_of_tfma(tmp_path, make_tfma):
    report = Source.open(make_tfma(tmp_path / "tfma")).report()
    assert runs(report) == ["tfma"]
    assert number(report, "tfma", "accuracy") == 0.75
    assert report["slices"]["name"] == ["Overall", "carrier:AA", "carrier:UA"]


@pytest.fixture
def make_tfma():
    def make(path: pathlib.Path) -> pathlib.Path:
        made.write(path)
        # what TFMA does not write
        for name in (names.RUN_INFO, names.METRICS_TABLE):
            (path / name).unlink(missing_ok=True)
        return path

    return make


def test_runs_whose_folders_have_one_name(tmp_path):
    for day in (1, 2):
        written(tmp_path / f"day-{day}" / "evaluation", day / 4, day)
    source = Source.open(tmp_path)
    report = source.report()
    assert runs(report) == ["day-1/evaluation", "day-2/evaluation"]
    assert [run["name"] for run in report["runs"]] == runs(report)
    assert number(checked(source.run("day-1/evaluation")), "day-1/evaluation", "accuracy") == 0.25


def test_files_are_read_when_they_are_asked_for(two, loads):
    source = Source.open(two)
    assert loads == []
    source.report()
    assert loads == ["a"]
    source.run("b")
    source.run("a")
    source.report()
    assert loads == ["a", "b"]


def test_new_runs_are_found(two, loads):
    source = Source.open(two)
    source.report()
    written(two / "c", 0.5, 3000)
    report = source.report()
    assert runs(report) == ["b", "a", "c"]
    assert list(report["values"]) == ["c"]
    assert loads == ["a", "c"]
    shutil.rmtree(two / "c")
    assert runs(source.report()) == ["b", "a"]
    with pytest.raises(ConfigError, match="no run 'c'"):
        source.run("c")


def test_a_run_that_has_come_since_the_list(two):
    source = Source.open(two)
    written(two / "c", 0.5, 3000)
    assert number(checked(source.run("c")), "c", "accuracy") == 0.5


def test_what_has_changed_is_read_again(two):
    source = Source.open(two)
    assert number(source.report(), "a", "accuracy") == 0.75
    shutil.rmtree(two / "a")
    written(two / "a", 0.5, 2000)
    assert number(checked(source.run("a")), "a", "accuracy") == 0.5
    assert number(source.report(), "a", "accuracy") == 0.5


def test_all_runs_gone(two):
    source = Source.open(two)
    shutil.rmtree(two)
    assert runs(source.report()) == []


def test_few_results_are_kept(tmp_path, loads, monkeypatch):
    monkeypatch.setattr(kept_results, "_KEPT_RESULTS", 2)
    for day in range(4):
        written(tmp_path / str(day), day / 4, day)
    source = Source.open(tmp_path)
    for day in (0, 1, 0, 2, 0, 1):
        source.run(str(day))
    assert loads == ["0", "1", "2", "1"]
    monkeypatch.setattr(kept_results, "_KEPT_SLICES", 3)
    for day in (3, 3, 1):
        source.run(str(day))
    assert loads[4:] == ["3", "1"]


def test_a_report_of_a_run_is_made_once(two):
    source = Source.open(two)
    first = source.run("a")
    first["title"] = "changed by whoever got it"
    second = source.run("a")
    assert second["title"] == "a"
    assert second["slices"] is first["slices"]
    assert source.report()["slices"] is first["slices"]
    shutil.rmtree(two / "b")
    assert runs(source.report()) == ["a"]
    assert source.run("a")["slices"] is not first["slices"]


def test_a_damaged_run(two):
    damage(str(two / "a"))
    report = Source.open(two).report()
    # the newest is not shown, the one before is
    assert runs(report) == ["b"]
    assert number(report, "b", "accuracy") == 0.25
    assert any(note.startswith("Run a is not shown: ") for note in notes(report))


def test_an_earlier_damaged_run(two):
    damage(str(two / "b"))
    source = Source.open(two)
    assert runs(source.report()) == ["b", "a"]
    with pytest.raises(OSError, match="metrics-"):
        source.run("b")
    report = checked(source.series(["Overall"]))
    assert "accuracy" not in report["values"]["b"]
    assert number(report, "a", "accuracy") == 0.75
    assert any(note.startswith("Run b is not shown: ") for note in notes(report))


def test_a_folder_that_says_nonsense(two):
    (two / "a" / names.EVAL_CONFIG).write_text("[]")
    report = Source.open(two).report()
    assert runs(report) == ["b"]
    assert any(note.startswith("a is not shown: ") for note in notes(report))


def test_an_unfinished_run_is_not_there_yet(two):
    (two / "a" / names.EVAL_CONFIG).unlink()
    source = Source.open(two)
    assert runs(source.report()) == ["b"]


@pytest.mark.parametrize("form", ["{}/served", "{}/served/*"])
def test_folders_linked_from_elsewhere(tmp_path, two, form):
    outside = written(tmp_path / "outside", 0.5, 3000)
    (two / "link").symlink_to(outside)
    (two / "latest").symlink_to("a")
    source = Source.open(form.format(tmp_path))
    report = source.report()
    assert runs(report) == ["b", "a"]
    assert "0.5" not in json.dumps(report["values"])
    if form.endswith("*"):
        assert any("a link out of the folder" in note for note in notes(report))
    with pytest.raises(ConfigError):
        source.run("link")


@pytest.mark.parametrize("name", ["metrics-00000-of-00001.tfrecord", names.EVAL_CONFIG])
def test_files_linked_from_elsewhere(tmp_path, two, name):
    outside = pathlib.Path(written(tmp_path / "outside", 0.5, 3000))
    (two / "a" / name).unlink()
    (two / "a" / name).symlink_to(outside / name)
    source = Source.open(two)
    report = source.report()
    assert runs(report) == ["b"]
    assert any("a link out of the folder" in note for note in notes(report))


def test_a_link_that_comes_later(tmp_path, two):
    source = Source.open(two)
    source.report()
    outside = pathlib.Path(written(tmp_path / "outside", 0.5, 3000))
    (metrics,) = (two / "a").glob("metrics-*")
    metrics.unlink()
    metrics.symlink_to(outside / metrics.name)
    with pytest.raises(OSError, match="a link out of the folder"):
        source.run("a")
    assert not source.series(["Overall"])["values"]["a"].get("accuracy")
    assert runs(source.report()) == ["b"]


def test_a_served_folder_that_is_a_link(tmp_path, two):
    (tmp_path / "link").symlink_to(two)
    assert runs(Source.open(tmp_path / "link").report()) == ["b", "a"]


def test_tracked_folders_say_where_else_they_were(tmp_path, two):
    """A copied folder is shown, not what it says that it was copied from."""
    outside = written(tmp_path / "outside", 0.5, 3000)
    tracked = recorded.evaluation(1, NUMBERS, evaluation_uri=outside)
    content = {
        "provenance": vars(tracked.provenance),
        schema.VERDICT: schema.BLESSED,
        schema.REASONS: [],
        schema.NOT_TRACKED: "",
        schema.TRACKED: tracked.packed,
    }
    (two / "a" / names.TRACKING).write_text(json.dumps(content))
    report = Source.open(two).report()
    (run,) = [run for run in report["runs"] if run["id"] == "a"]
    assert run["name"] == "run-1 evaluator"
    assert number(report, "a", "accuracy") == 0.75
    assert report["verdicts"]["a"]["verdict"] == schema.BLESSED


# series


def test_a_series_reads_once(two, loads):
    source = Source.open(two)
    source.report()
    source.series(["Overall"])
    source.series(["carrier_X_month:UA_X_7"])
    # the first as it was asked for, the other for its numbers alone
    assert loads == ["a", "b"]
    source.run("b")
    assert loads == ["a", "b", "b"]


def test_series(two):
    source = Source.open(two)
    report = checked(source.series(["Overall", "carrier_X_month:UA_X_7"], ["accuracy"]))
    assert runs(report) == ["b", "a"]
    for run, overall in (("b", 0.25), ("a", 0.75)):
        assert number(report, run, "accuracy") == overall
        assert number(report, run, "accuracy", "carrier_X_month:UA_X_7") == 1 - overall
    missing = checked(source.series(["carrier:ZZ"]))
    assert missing["slices"]["name"] == []
    assert [one["slice"] for one in missing["omitted"]] == ["carrier:ZZ"]


def test_a_question_takes_only_so_long(two, monkeypatch):
    monkeypatch.setattr(sources, "_READING_SECONDS", -1)
    source = Source.open(two)
    report = checked(source.series(["Overall"]))
    assert runs(report) == ["b", "a"]
    assert notes(report) == ["2 earlier runs are being read. Ask again for more of them."]
    # the newest first
    assert source.read_ahead()
    again = source.series(["Overall"])
    assert number(again, "a", "accuracy") == 0.75
    assert notes(again) == ["1 earlier run is being read. Ask again for more of them."]
    assert source.read_ahead()
    assert not source.read_ahead()
    last = source.series(["Overall"])
    assert number(last, "b", "accuracy") == 0.25
    assert notes(last) == []


def test_nothing_damaged_is_read_ahead_for_ever(two):
    damage(str(two / "a"))
    source = Source.open(two)
    assert [source.read_ahead() for _ in range(3)] == [True, True, False]
    # another try, once something has changed
    shutil.rmtree(two / "a")
    written(two / "a", 0.5, 2000)
    assert runs(source.report()) == ["b", "a"]
    assert source.read_ahead()


# stores


class Store:
    """A store with evaluations, as TFX's launcher records them."""

    def __init__(self, folder: pathlib.Path):
        from ml_metadata.proto import metadata_store_pb2

        from microtome.tracking.stores import open_store

        self.path = str(folder / "metadata.sqlite")
        store = open_store(self.path, writable=True)
        self._launcher = recorded.Launcher(store, metadata_store_pb2)

    def add(self, day: int, uri: str = "", **options) -> str:
        """Records an evaluation; returns its run's id in reports."""
        ids = self._launcher.evaluate(day, NUMBERS, evaluation_uri=uri, **options)
        return str(ids[0])


@pytest.fixture
def store(tmp_path) -> Store:
    pytest.importorskip("ml_metadata")
    return Store(tmp_path)


def test_a_store(tmp_path, store):
    here = written(tmp_path / "evaluations" / "1", 0.75, 1)
    first, second = store.add(1, here), store.add(2, str(tmp_path / "gone"))
    source = Source.open(store.path)
    report = source.report()
    assert runs(report) == [first, second]
    assert [run["name"] for run in report["runs"]] == ["run-1", "run-2"]
    # of the second, only what is tracked
    assert number(report, second, "accuracy", "carrier:UA") == 0.25
    assert notes(report) == [
        f"Run run-2 is shown with what is tracked of it: {tmp_path}/gone, where its result files "
        "were, has none here."
    ]
    assert any(name == "Shown" for name, _ in report["runs"][-1]["info"])
    # of the first, every slice
    whole = checked(source.run(first))
    assert number(whole, first, "accuracy") == 0.75
    assert whole["slices"]["name"] == ["Overall", "carrier_X_month:UA_X_7"]
    assert "omitted" not in whole
    both = checked(source.series(["carrier:UA"]))
    assert [number(both, run, "accuracy", "carrier:UA") for run in (first, second)] == [0.25] * 2


def test_a_store_without_uris(store):
    only = store.add(1)
    report = Source.open(store.path).report()
    assert number(report, only, "accuracy") == 0.5


def test_new_runs_in_a_store(store):
    first = store.add(1)
    source = Source.open(f"sqlite:///{store.path}")
    assert runs(source.report()) == [first]
    second = store.add(2)
    assert runs(source.report()) == [first, second]
    third = store.add(3)
    assert runs(source.run(third)) == [third]


def test_an_empty_store(store):
    source = Source.open(store.path)
    report = source.report()
    assert runs(report) == []
    assert runs(checked(source.series(["Overall"]))) == []
    only = store.add(1)
    assert runs(source.report()) == [only]


def test_a_store_that_cannot_be_read_for_a_while(store, monkeypatch):
    first = store.add(1)
    source = Source.open(store.path)
    store.add(2)

    def fail() -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(source._history, "refresh", fail)
    report = source.report()
    assert runs(report) == [first]
    assert notes(report)[-1].startswith("New runs, if any: ")
    monkeypatch.undo()
    assert len(runs(source.report())) == 2
    assert not any(note.startswith("New runs") for note in notes(source.report()))


def test_results_of_a_store_linked_from_elsewhere(tmp_path, store):
    here = pathlib.Path(written(tmp_path / "evaluations" / "1", 0.75, 1))
    outside = pathlib.Path(written(tmp_path / "outside", 0.125, 1))
    (metrics,) = here.glob("metrics-*")
    metrics.unlink()
    metrics.symlink_to(outside / metrics.name)
    only = store.add(1, str(here))
    report = Source.open(store.path).report()
    assert number(report, only, "accuracy") == 0.5
    assert "a link out of the folder" in notes(report)[0]


def test_one_pipeline(tmp_path, store):
    store.add(1)
    taxi = store.add(2, pipeline="taxi")
    assert runs(Source.open(store.path, "taxi").report()) == [taxi]
    with pytest.raises(ConfigError, match=r"'taxis' \(did you mean 'taxi'\?\); there is: flights"):
        Source.open(store.path, "taxis")


def test_one_pipeline_of_folders(two):
    tracked = recorded.evaluation(1, NUMBERS)
    content = {
        "provenance": vars(tracked.provenance),
        schema.VERDICT: schema.BLESSED,
        schema.REASONS: [],
        schema.NOT_TRACKED: "",
        schema.TRACKED: tracked.packed,
    }
    (two / "a" / names.TRACKING).write_text(json.dumps(content))
    assert runs(Source.open(two, "flights").report()) == ["a"]
    with pytest.raises(ConfigError, match="there is: flights"):
        Source.open(two, "taxi")


# what is not there


def test_nothing_to_serve(tmp_path):
    with pytest.raises(DataError, match="holds a finished evaluation"):
        Source.open(tmp_path)
    pytest.importorskip("ml_metadata")
    with pytest.raises(ConfigError, match="There is no store"):
        Source.open(tmp_path / "none")
