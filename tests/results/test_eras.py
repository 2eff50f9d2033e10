"""Directories as TFMA wrote them from 0.6 to 0.52: their files' names, messages and configs.

Written here by hand, as `reference/result_files.md` of the design describes each era.
"""

from __future__ import annotations

import json
import os
import pathlib
import warnings

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import microtome
from microtome.errors import ConfigError
from microtome.results import load_eval_result, load_eval_results, load_metrics, load_plots
from microtome.results.dataframes import metrics_as_dataframes
from microtome.results.loader import load_validation_result

pytestmark = pytest.mark.current

US = 'slice_key { single_slice_keys { column: "country" bytes_value: "us" } }'
MAP = """metrics { key: "accuracy" value { double_value { value: 0.75 } } }
metrics { key: "post_export_metrics/example_count" value { double_value { value: 4 } } }
metrics { key: "post_export_metrics/auc" value { bounded_value {
  lower_bound { value: 0.5 } upper_bound { value: 0.7 } value { value: 0.6 }
  methodology: RIEMANN_SUM } } }
metrics { key: "post_export_metrics/calibration" value { bounded_value { value { value: 1 } } } }
metrics { key: "post_export_metrics/precision_at_k" value { value_at_cutoffs {
  values { cutoff: 1 value: 0.5 } values { cutoff: 2 value: 0.25 } } } }
metrics { key: "post_export_metrics/confusion_matrix_at_thresholds" value {
  confusion_matrix_at_thresholds { matrices { threshold: 0.5 true_positives: 3 precision: 0.75
    bounded_true_positives { value { value: 3 } }
    t_distribution_true_positives { unsampled_value { value: 3 } } } } } }"""
# with confidence intervals, before they had messages of their own
SAMPLED = """metrics { key: "accuracy" value { bounded_value { lower_bound { value: 0.5 }
    upper_bound { value: 1 } value { value: 0.75 } methodology: POISSON_BOOTSTRAP } } }
metrics { key: "loss" value { t_distribution_value { sample_mean { value: 0.26 }
    sample_standard_deviation { value: 0.1 } sample_degrees_of_freedom { value: 19 }
    unsampled_value { value: 0.25 } } } }
metrics { key: "post_export_metrics/recall_at_k" value { value_at_cutoffs {
  values { cutoff: 1 t_distribution_value { unsampled_value { value: 0.5 } } } } } }"""
KEYED = """metric_keys_and_values { key { name: "auc" } value { double_value { value: 0.5 } }
  confidence_interval { lower_bound { double_value { value: 0.25 } }
                        upper_bound { double_value { value: 0.75 } } } }
metric_keys_and_values { key { name: "example_count" example_weighted {} }
                         value { double_value { value: 4 } } }"""
BUCKETS = "calibration_histogram_buckets { buckets { lower_threshold_inclusive: -inf } }"
OLDEST_PLOT = f"plot_data {{ {BUCKETS} }}"
MAP_PLOT = f'plots {{ key: "post_export_metrics" value {{ {BUCKETS} }} }}'
KEYED_PLOT = f"plot_keys_and_values {{ key {{}} value {{ {BUCKETS} }} }}"

# 0.15: fields that were taken away later
CONFIG_15 = {
    "evalConfig": {
        "inputDataSpecs": [{"location": "/data/eval-*"}],
        "modelSpecs": [{"location": "/models/7", "exampleWeightKey": "w"}],
        "outputDataSpecs": [{"defaultLocation": "/out"}],
        "slicingSpecs": [{}, {"featureKeys": ["country"]}],
    },
    "version": "0.15.4",
}
CONFIG_22 = {
    "evalConfig": {"modelSpecs": [{}], "slicingSpecs": [{}, {"featureKeys": ["country"]}]},
    "version": "0.22.0",
    "dataLocation": "/data/eval-*",
    "fileFormat": "tfrecords",
    "modelLocations": {"": "/models/7"},
}
# 0.47 and later say more than 0.46 knows
CONFIG_52 = {
    **CONFIG_22,
    "version": "0.52.0",
    "evalConfig": {**CONFIG_22["evalConfig"], "someLaterField": 1},
}


def records(metrics: str) -> list[str]:
    return [f"slice_key {{}} {metrics}", f"{US} {metrics}"]


def plots(text: str) -> list[str]:
    return [f"slice_key {{}} {text}", f"{US} {text}"]


ERAS = {
    "0.6": (None, {"metrics": records(MAP), "plots": plots(OLDEST_PLOT)}),
    "0.14": (None, {"metrics": records(MAP), "plots": plots(MAP_PLOT)}),
    "0.15": (CONFIG_15, {"metrics": records(MAP), "plots": plots(MAP_PLOT)}),
    "0.21": (CONFIG_22, {"metrics": records(KEYED), "plots": plots(KEYED_PLOT), "validations": []}),
    "0.22 sharded": (
        CONFIG_22,
        {
            "metrics-00000-of-00002.tfrecord": records(KEYED)[:1],
            "metrics-00001-of-00002.tfrecord": records(KEYED)[1:],
            "plots-00000-of-00001.tfrecord": plots(KEYED_PLOT),
            "validations.tfrecord": ["validation_ok: true"],
        },
    ),
    "0.38 of an estimator": (
        CONFIG_22,
        {
            "metrics-00000-of-00001.tfrecord": records(MAP),
            "plots-00000-of-00001.tfrecord": plots(MAP_PLOT),
        },
    ),
    "0.52": (
        CONFIG_52,
        {
            "metrics-00000-of-00001.tfrecord": records(KEYED),
            "plots-00000-of-00001.tfrecord": plots(KEYED_PLOT),
            "attributions-00000-of-00001.tfrecord": [],
            "validations.tfrecord": ["validation_ok: true rubber_stamp: true"],
        },
    ),
}


@pytest.mark.parametrize("era", ERAS)
def test_each_era_loads(make_directory, era):
    config, files = ERAS[era]
    path = make_directory(None if config is None else json.dumps(config), **files)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        result = load_eval_result(path)
    assert bool(told) == (era in ("0.15", "0.52"))
    assert result.get_slice_names() == [(), (("country", "us"),)]
    assert result.example_count() == 4
    assert len(result.plots) == 2
    assert result.plots_dataframe().lower_threshold_inclusive.tolist() == [-float("inf")] * 2
    assert len(list(load_metrics(path))) == len(list(load_plots(path))) == 2
    assert "country:us" in str(result)
    frame = result.to_dataframe().set_index(["slice", "metric"])
    if "auc" in result.get_metric_names():
        row = frame.loc["Overall", "auc"]
        assert (row.value, row.lower_bound, row.upper_bound) == (0.5, 0.25, 0.75)
    else:
        row = frame.loc["Overall", "post_export_metrics/auc"]
        assert (row.value, row.lower_bound, row.upper_bound) == (0.6, 0.5, 0.7)
    if config is not None:
        assert [list(spec.feature_keys) for spec in result.config.slicing_specs] == [
            [],
            ["country"],
        ]
        assert (result.model_location, result.data_location) == ("/models/7", "/data/eval-*")


def test_what_0_15_said_of_its_model_is_kept(make_directory):
    path = make_directory(json.dumps(CONFIG_15), metrics=records(MAP))
    with pytest.warns(UserWarning, match="EvalRun of another version: .*inputDataSpecs"):
        result = load_eval_result(path)
    assert result.config.model_specs[0].example_weight_key == "w"


@pytest.mark.parametrize("name", ["metrics", "metrics-00000-of-00001.tfrecord"])
def test_sampled_values_of_old(make_directory, name):
    path = make_directory(json.dumps(CONFIG_22), **{name: records(SAMPLED)})
    frame = load_eval_result(path).to_dataframe().set_index(["slice", "metric"]).loc["Overall"]
    assert frame.loc["accuracy"].tolist()[-4:-1] == [0.75, 0.5, 1.0]
    assert frame.loc["loss"].value == 0.25
    frames = metrics_as_dataframes(load_metrics(path))
    assert frames.value_at_cutoffs["metric_values", "value"].tolist() == [0.5, 0.5]
    loss = frames.t_distribution_value["metric_values"]
    assert loss.sample_degrees_of_freedom.tolist() == [19, 19]


def test_parquet_of_0_25(make_directory):
    path = make_directory(json.dumps(CONFIG_22))
    for kind, texts in (("metrics", records(KEYED)), ("plots", plots(KEYED_PLOT))):
        load = {"metrics": load_metrics, "plots": load_plots}[kind]
        messages = list(load(make_directory("{}", **{"metrics": [], kind: texts})))
        # the writer forgets the column's name
        single = {"column": None, "bytes_value": b"us", "float_value": None, "int64_value": None}
        table = pa.table(
            {
                "slice_key": pa.array(
                    [{"single_slice_specs": []}, {"single_slice_specs": [single]}],
                    pa.struct(
                        {
                            "single_slice_specs": pa.list_(
                                pa.struct(
                                    {
                                        "column": pa.string(),
                                        "bytes_value": pa.binary(),
                                        "float_value": pa.float32(),
                                        "int64_value": pa.int64(),
                                    }
                                )
                            )
                        }
                    ),
                ),
                "serialized_value": [message.SerializeToString() for message in messages],
            }
        )
        pq.write_table(table, os.path.join(path, f"{kind}-00000-of-00001.parquet"))
    for file_format in ("parquet", None, ""):
        result = load_eval_result(path, file_format)
        assert result.get_slice_names() == [(), (("country", "us"),)]
        assert result.get_metrics_for_slice()["example_count"] == {"doubleValue": 4.0}
        assert len(result.plots) == 2
    assert len(load_eval_results([path], "parquet", microtome.DATA_CENTRIC_MODE)) == 1


class _Bomb:
    def __reduce__(self):
        return (os.mkdir, ("/tmp/microtome-unpickled",))


@pytest.mark.parametrize("shown", [str, lambda result: result._repr_html_()])
def test_pickled_configs_are_told_and_left_alone(make_directory, shown):
    import pickle

    from microtome.results import tfrecord

    path = make_directory(None, metrics=records(MAP), plots=plots(MAP_PLOT))
    with open(os.path.join(path, "eval_config"), "wb") as file:
        tfrecord.write_record(file, pickle.dumps(_Bomb()))
    with pytest.warns(UserWarning, match=r"is a pickle, as TFMA up to 0\.14 wrote it.*not read"):
        result = load_eval_result(path)
    assert result.config is None
    assert not pathlib.Path("/tmp/microtome-unpickled").exists()
    assert "country:us" in shown(result)


def test_verdicts_of_both_forms(make_directory):
    for name in ("validations", "validations.tfrecord", "validations-00000-of-00001.tfrecord"):
        path = make_directory(
            json.dumps(CONFIG_22), **{"metrics": records(KEYED), name: ["validation_ok: true"]}
        )
        assert load_validation_result(path).validation_ok
        # as TFMA's default, which finds the format itself
        assert load_validation_result(path, "").validation_ok


def test_modes_are_tfmas(make_directory):
    path = make_directory(json.dumps(CONFIG_22), metrics=records(KEYED))
    assert microtome.MODEL_CENTRIC_MODE == "model_centric_mode"
    assert microtome.DATA_CENTRIC_MODE == "data_centric_mode"
    results = microtome.load_eval_results([path, path], mode=microtome.DATA_CENTRIC_MODE)
    assert results.get_mode() == "data_centric_mode"
    assert len(results.get_results()) == 2
    with pytest.raises(ConfigError, match="mode must be one of"):
        microtome.load_eval_results([path], mode="data")
