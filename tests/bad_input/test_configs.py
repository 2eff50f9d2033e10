"""Configurations that cannot be meant."""

from __future__ import annotations

import pytest

from microtome.errors import ConfigError

pytestmark = pytest.mark.current


@pytest.mark.parametrize(
    ("eval_config", "complaints"),
    [
        (
            'slicing_specs { feature_key: "country" }',
            ["SlicingSpec has no field 'feature_key'", "Did you mean feature_keys?"],
        ),
        ({"slicingSpec": []}, ["'slicingSpec'", "Did you mean slicing_specs?"]),
        ('{"slicing_specs": [', ["is not JSON", "line 1 column 20"]),
        ({"options": {"batch_size": "many"}}, ["options.batch_size", "'many'"]),
        ({"options": {"batch_size": -1}}, ["options.batch_size: must be 0 or more"]),
        (
            {"cross_slicing_specs": [{"baseline_spec": {"slice_keys_sql": "SELECT 1"}}]},
            ["cross_slicing_specs[0].baseline_spec.slice_keys_sql", "name the features"],
        ),
        ({"slicing_specs": [{"feature_keys": ["contry"]}]}, ["'contry'", "'country'"]),
        ({"model_specs": [{"example_weight_key": "wieght"}]}, ["'wieght'", "'weight'"]),
        (7, ["cannot be read from 7 (int)"]),
    ],
)
def test_wrong_config(evaluate, tmp_path, eval_config, complaints):
    with pytest.raises(ConfigError) as caught:
        evaluate(eval_config=eval_config)
    assert all(complaint in str(caught.value) for complaint in complaints), str(caught.value)
    assert not list(tmp_path.iterdir())


def test_weight_in_two_places(refuse):
    config = {"model_specs": [{"example_weight_key": "age"}]}
    message = refuse(ConfigError, eval_config=config, weight="weight")
    assert "'age'" in message
    assert "'weight'" in message
    assert "in one place" in message


def test_slices_in_two_places(refuse):
    assert "in one place" in refuse(ConfigError, eval_config={}, slice_spec=[])


@pytest.mark.parametrize("slice_spec", [[], ["country"]])
def test_wrong_slices(refuse, slice_spec):
    message = refuse(ConfigError, slice_spec=slice_spec)
    assert "slice_spec must be a list of microtome.SingleSliceSpec" in message


def test_no_batch(refuse):
    assert "desired_batch_size is 0" in refuse(ConfigError, desired_batch_size=0)
