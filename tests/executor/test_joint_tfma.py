"""A model and its baseline, both EvalSavedModels: TFMA 0.46 has the same values and differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from google.protobuf import text_format

import microtome
from microtome.results.loader import load_metrics
from microtome.results.metric_keys import metric_key_from_proto
from microtome.results.values import array_from_proto

pytestmark = pytest.mark.slow

CONFIG = """
  model_specs { name: "candidate" signature_name: "eval" }
  model_specs { name: "baseline" signature_name: "eval" is_baseline: true }
  slicing_specs {} slicing_specs { feature_keys: "country" } slicing_specs { feature_keys: "level" }
  options { include_default_metrics { value: true } }
"""


def values(path: str) -> dict[tuple[Any, ...], Any]:
    """By slice, metric, model, and whether it is a difference."""
    found = {}
    for record in load_metrics(path):
        slice_key = record.slice_key.SerializeToString()
        for item in record.metric_keys_and_values:
            key = metric_key_from_proto(item.key)
            kind = item.value.WhichOneof("type")
            value = (
                item.value.double_value.value
                if kind == "double_value"
                else array_from_proto(item.value.array_value)
            )
            assert kind in ("double_value", "array_value")
            # of a head, TFMA says the name as an output
            name = "/".join(filter(None, (key.name, key.output_name)))
            found[slice_key, name, key.model_name, key.is_diff] = value
    return found


PAIRS = [("dnn_binary_v2", "linear_binary_v1"), ("dnn_binary_v2", "handmade_collections_tf1")]


@pytest.fixture(scope="module", params=PAIRS)
def paths(request, committed_model, tmp_path_factory) -> tuple[str, str]:
    """Results of both, of the first model with the second as its baseline."""
    models = dict(zip(("candidate", "baseline"), map(committed_model, request.param), strict=True))
    folder = tmp_path_factory.mktemp("joint")
    theirs, ours = str(folder / "tfma"), str(folder / "microtome")
    config = text_format.Parse(CONFIG, tfma.EvalConfig())
    data = models["candidate"].data_path
    tfma.run_model_analysis(
        eval_shared_model=[
            tfma.default_eval_shared_model(
                eval_saved_model_path=model.model_path, model_name=name, eval_config=config
            )
            for name, model in models.items()
        ],
        eval_config=config,
        data_location=data,
        output_path=theirs,
    )
    microtome.run_model_analysis(
        {
            name: microtome.default_eval_shared_model(model.model_path)
            for name, model in models.items()
        },
        data,
        output_path=ours,
        eval_config=CONFIG,
    )
    return theirs, ours


def test_values_and_differences_are_tfmas(paths):
    theirs, ours = map(values, paths)
    # the models see the same rows: there is no need to compare their counts
    counts = {key for key in theirs if key[1].endswith("/example_count") and key[3]}
    assert counts
    assert all(theirs[key] == 0 for key in counts)
    assert {key for key in theirs if key not in counts} <= set(ours)
    compared = 0
    for key, value in theirs.items():
        if key in counts:
            continue
        # TFMA sums in 32 bits
        np.testing.assert_allclose(ours[key], value, 1e-5, 2e-6, err_msg=str(key))
        compared += key[3] and abs(value) > 1e-4
    assert compared >= 4 * 11


def test_tfma_loads_it(paths):
    theirs, ours = paths
    for name in ("candidate", "baseline"):
        loaded = dict(tfma.load_eval_result(ours, model_name=name).slicing_metrics)
        expected = dict(tfma.load_eval_result(theirs, model_name=name).slicing_metrics)
        assert set(loaded) == set(expected)
        for key, by_output in loaded.items():
            accuracy = by_output[""][""]["accuracy"]["doubleValue"]
            assert math.isclose(
                accuracy, expected[key][""][""]["accuracy"]["doubleValue"], rel_tol=1e-6
            )
        assert ("accuracy_diff" in loaded[()][""][""]) == (name == "candidate")
