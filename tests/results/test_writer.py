"""A result appears as a whole or not at all."""

import json
import os
import pathlib
import signal
import stat
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from google.protobuf import json_format

from microtome.config import parse_eval_config
from microtome.errors import OutputError
from microtome.proto import config_pb2, result_pb2
from microtome.results import names
from microtome.results.loader import load_eval_result, load_metrics, load_plots, load_run_info
from microtome.results.values import metrics_for_slice
from microtome.results.writer import ResultsWriter
from tests.results.made import EVAL_RUN, SLICES, write

pytestmark = pytest.mark.current

FILES = [
    "eval_config.json",
    "metrics-00000-of-00001.tfrecord",
    "plots-00000-of-00001.tfrecord",
    "run.json",
    "sliced_metrics.parquet",
]


def tree(directory: pathlib.Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_files_and_content(tmp_path):
    path = write(tmp_path / "deep" / "result", rows=300)
    assert sorted(os.listdir(path)) == FILES
    records = list(load_metrics(path))
    assert [record.metrics["accuracy"].double_value.value for record in records] == [
        0.75,
        0.5,
        0.875,
    ]
    assert list(load_plots(path)) == []
    assert load_run_info(path)["rows"] == 300
    assert load_run_info(path)["slices"] == 3
    assert os.listdir(tmp_path / "deep") == ["result"]


def test_eval_config_is_that_of_tfma(result_path):
    written = json.loads(pathlib.Path(result_path, names.EVAL_CONFIG).read_text())
    assert written == {
        "evalConfig": {
            "modelSpecs": [{}],
            "slicingSpecs": [{}, {"featureKeys": ["carrier"]}],
        },
        "version": written["version"],
        "dataLocation": "/data/eval-*",
        "fileFormat": "tfrecords",
        "modelLocations": {"": "/models/7"},
    }
    assert written["version"]


def test_own_fields_are_kept_apart_and_come_back(tmp_path):
    config = parse_eval_config(
        """slicing_specs { feature_keys: "b" buckets { key: "a" value { edges: 3 } } }
           options { batch_size: 7 } tracking { max_slices: 3 }"""
    )
    with ResultsWriter(tmp_path / "result") as writer:
        writer.finish(config_pb2.EvalRun(eval_config=config))
    written = json.loads((tmp_path / "result" / names.EVAL_CONFIG).read_text())
    assert written["evalConfig"] == {"slicingSpecs": [{"featureKeys": ["b", "a"]}], "options": {}}
    assert load_eval_result(tmp_path / "result").config == config


def test_records_may_be_bytes(tmp_path):
    record = metrics_for_slice((), {"accuracy": 0.5})
    plots = result_pb2.PlotsForSlice(slice_key={})
    plots.plots["p"].debug_message = "d"
    with ResultsWriter(tmp_path / "result") as writer:
        writer.add_metrics([record.SerializeToString()])
        writer.add_plots([plots.SerializeToString(), plots])
        writer.add_attributions([result_pb2.AttributionsForSlice(slice_key={})])
        writer.finish(EVAL_RUN)
    assert list(load_metrics(tmp_path / "result")) == [record]
    assert list(load_plots(tmp_path / "result")) == [plots, plots]
    assert "attributions-00000-of-00001.tfrecord" in os.listdir(tmp_path / "result")


def test_run_info_takes_what_runs_say(tmp_path):
    info = {
        "a": np.int64(3),
        "b": np.array([1.5, np.nan]),
        "c": {1: (2, {"d": float("inf")})},
        "e": pathlib.Path("p"),
        "f": config_pb2.SlicingSpec(feature_keys=["x"]),
        "g": None,
    }
    loaded = load_run_info(write(tmp_path / "result", **info))
    assert loaded["a"] == 3
    assert loaded["b"] == [1.5, None]
    assert loaded["c"] == {"1": [2, {"d": None}]}
    assert loaded["e"] == "p"
    assert loaded["f"] == {"featureKeys": ["x"]}
    assert loaded["g"] is None


def test_target_may_be_empty(tmp_path):
    target = tmp_path / "result"
    target.mkdir()
    target.chmod(0o750)
    write(target)
    assert sorted(os.listdir(target)) == FILES
    assert stat.S_IMODE(target.stat().st_mode) == 0o750
    assert os.listdir(tmp_path) == ["result"]


def test_new_directory_has_the_mode_of_any_other(tmp_path):
    (tmp_path / "other").mkdir()
    write(tmp_path / "result")
    assert (tmp_path / "result").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_target_may_hold_an_older_result(tmp_path, make_directory):
    older = make_directory(
        **{
            "metrics": [""],
            "metrics-00000-of-00002.tfrecord": [""],
            "metrics-00001-of-00002.tfrecord": [""],
            "plots": [""],
            "attributions-00000-of-00001.tfrecord": [""],
            "validations.tfrecord": ["validation_ok: true"],
        }
    )
    before = set(os.listdir(tmp_path))
    for _ in range(2):
        write(older)
        assert sorted(os.listdir(older)) == FILES
        assert len(list(load_metrics(older))) == len(SLICES)
    assert set(os.listdir(tmp_path)) == before


def test_target_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert sorted(os.listdir(tmp_path / "real")) == FILES


def test_paths_with_a_scheme_and_a_slash(tmp_path):
    write(f"file://{tmp_path}/result/")
    assert sorted(os.listdir(tmp_path / "result")) == FILES


@pytest.mark.parametrize("older", [True, False])
def test_an_exception_leaves_the_target_untouched(tmp_path, older):
    target = tmp_path / "result"
    if older:
        write(target)
    before = tree(tmp_path)

    def breaks():
        yield metrics_for_slice((), {"accuracy": 0.1})
        raise ZeroDivisionError("midway")

    with pytest.raises(ZeroDivisionError, match="midway"), ResultsWriter(target) as writer:
        writer.add_metrics(breaks())
    assert tree(tmp_path) == before
    assert os.listdir(tmp_path) == (["result"] if older else [])


def test_records_that_are_none_leave_the_target_untouched(tmp_path):
    with pytest.raises(Exception, match=r"(?i)pars"), ResultsWriter(tmp_path / "result") as writer:
        writer.add_metrics([b"\xff\xff\xff"])
    assert os.listdir(tmp_path) == []


def test_without_finish_nothing_is_written(tmp_path):
    with pytest.raises(OutputError, match="finish"), ResultsWriter(tmp_path / "result") as writer:
        writer.add_metrics([metrics_for_slice((), {"accuracy": 0.5})])
    assert os.listdir(tmp_path) == []


def test_failure_to_rename_leaves_the_older_result(tmp_path, monkeypatch):
    target = tmp_path / "result"
    write(target)
    before = tree(target)
    rename = os.rename

    # only a full disk or a dying one does this at will
    calls = []

    def second_fails(source, destination):
        calls.append(source)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        rename(source, destination)

    monkeypatch.setattr(os, "rename", second_fails)
    with pytest.raises(OutputError, match="No space left"):
        write(target, {(): {"accuracy": 0.1}})
    assert len(calls) == 4
    assert tree(target) == before
    assert os.listdir(tmp_path) == ["result"]


def test_killed_midway_leaves_no_half_result_and_the_next_run_cleans_up(tmp_path):
    program = textwrap.dedent(
        """
        import sys, time
        from microtome.results.values import metrics_for_slice
        from microtome.results.writer import ResultsWriter

        def slices():
            for number in range(200_000):
                yield metrics_for_slice((("n", number),), {"accuracy": 0.5})
                if number == 20_000:
                    print("midway", flush=True)
                    time.sleep(600)

        with ResultsWriter(sys.argv[1]) as writer:
            writer.add_metrics(slices())
        """
    )
    target = tmp_path / "result"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "midway\n"
        half = [name for name in os.listdir(tmp_path) if name != "result"]
        # while it runs, another writer leaves its files alone
        write(target)
        assert sorted(os.listdir(tmp_path)) == sorted([*half, "result"])
        process.send_signal(signal.SIGKILL)
    assert len(half) == 1
    assert half[0].startswith(".result.")
    assert sorted(os.listdir(target)) == FILES
    write(target)
    assert os.listdir(tmp_path) == ["result"]


def test_memory_does_not_grow_with_the_slices(tmp_path):
    """Measured in a process of its own: the highest that it ever took."""
    program = textwrap.dedent(
        """
        import resource, sys
        import numpy as np
        from microtome.results import ResultsWriter, metrics_for_slice
        from microtome.proto.config_pb2 import EvalRun

        def write(count, path):
            with ResultsWriter(path) as writer:
                writer.add_metrics(
                    metrics_for_slice((("n", number),), {"a": np.arange(20_000.0) + number})
                    for number in range(count)
                )
                writer.finish(EvalRun())
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

        print(write(20, sys.argv[1]), write(220, sys.argv[1]))
        """
    )
    few, many = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "result")],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout.split()
    # the numbers of the 200 slices more are 32 MB, and several times that as Python's
    assert int(many) - int(few) < 25


def test_json_is_what_protobuf_writes(result_path):
    text = pathlib.Path(result_path, names.EVAL_CONFIG).read_text()
    parsed = json_format.Parse(text, config_pb2.EvalRun())
    assert json_format.MessageToJson(parsed) == text
