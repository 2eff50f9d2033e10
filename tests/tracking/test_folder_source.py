"""Evaluations in folders: found, and read no further than is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from microtome.errors import DataError, OutputError
from microtome.results import load_description, load_eval_result
from microtome.tracking import folder_source
from microtome.tracking.history import History
from tests.results import made

pytestmark = pytest.mark.current


def test_a_result_that_is_read_later_tells_the_same(tmp_path):
    path = made.write(tmp_path / "evaluation")
    at_once = folder_source.read_result(path)
    later = folder_source.read_result(path, later=load_eval_result)
    assert later.provenance == at_once.provenance
    assert later.provenance.model_uri == "/models/7"
    assert (later.time, later.run, later.verdict) == (at_once.time, at_once.run, at_once.verdict)
    assert later.block.slice_keys == ["Overall", "carrier:UA", "carrier:AA"]
    np.testing.assert_array_equal(later.block.values, at_once.block.values)
    np.testing.assert_array_equal(later.block.counts, [300, 200, 100])


def test_what_is_read_later_is_of_any_slice(tmp_path):
    crossed = (("carrier", "UA"), ("month", 7))
    path = made.write(
        tmp_path, {(): {"auc": 0.5}, (("month", 7),): {"auc": 0.75}, crossed: {"auc": 0.25}}
    )
    # without numbers of examples, as some of TFMA's
    block = folder_source.read_result(path, later=load_eval_result).block
    assert block.slice_keys == ["Overall", "carrier_X_month:UA_X_7", "month:7"]
    assert block.column("auc").tolist() == [0.5, 0.25, 0.75]


def test_numbers_are_not_read_before_they_are_asked_for(tmp_path):
    path = made.write(tmp_path / "evaluation")
    (metrics,) = (tmp_path / "evaluation").glob("metrics-*")
    metrics.write_bytes(b"damaged")
    one = folder_source.read_result(path, later=load_eval_result)
    with pytest.raises(OutputError):
        one.block.counts.sum()
    with pytest.raises(OutputError):
        folder_source.read_result(path)


def test_a_folder_with_a_name_like_a_pattern(tmp_path):
    path = made.write(tmp_path / "run[1]" / "evaluation")
    assert folder_source.find_results(str(tmp_path / "run[1]")) == [path]
    assert len(History.open(tmp_path / "run[1]")) == 1


def test_a_description_has_no_slices(tmp_path):
    path = made.write(tmp_path, counts={"examples": 300})
    described, whole = load_description(path), load_eval_result(path)
    assert described.slicing_metrics == []
    for name in ("config", "data_location", "model_location", "run_info", "output_path"):
        assert getattr(described, name) == getattr(whole, name)


@pytest.mark.parametrize(
    ("where", "is_one"),
    [("here", True), ("he*", True), ("file", False), ("none", False), ("mysql://here", False)],
)
def test_what_names_folders(tmp_path, monkeypatch, where, is_one):
    (tmp_path / "here").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    assert folder_source.are_folders(where) is is_one


def test_no_results(tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        folder_source.find_results(str(tmp_path / "none"))
    with pytest.raises(DataError, match="holds a finished evaluation"):
        folder_source.find_results(str(tmp_path))
