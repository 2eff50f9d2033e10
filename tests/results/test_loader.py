"""Results of any age load, and what is none is told apart."""

import os
import pathlib
import pickle
import warnings

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from microtome.errors import ConfigError, OutputError
from microtome.proto import result_pb2
from microtome.proto.config_pb2 import EvalConfig
from microtome.results import (
    DATA_CENTRIC_MODE,
    MODEL_CENTRIC_MODE,
    load_attributions,
    load_eval_result,
    load_eval_results,
    load_metrics,
    load_plots,
    load_run_info,
    load_validation_result,
    make_eval_results,
)
from tests.results.made import write

pytestmark = pytest.mark.current

OVERALL = 'slice_key {} metrics { key: "m" value { double_value { value: 1 } } }'
ONE = (
    'slice_key { single_slice_keys { column: "a" int64_value: 1 } } '
    'metrics { key: "m" value { double_value { value: 2 } } }'
)
RECORDS = [
    ((), {"": {"": {"m": {"doubleValue": 1.0}}}}),
    ((("a", 1),), {"": {"": {"m": {"doubleValue": 2.0}}}}),
]
MODELS = """{"evalConfig": {"modelSpecs": [{"name": "old", "isBaseline": true}, {"name": "new"}]},
"version": "0.46.0", "modelLocations": {"old": "/models/1", "new": "/models/2"}}"""


def keyed(name: str, model: str, value: float) -> str:
    return (
        f'metric_keys_and_values {{ key {{ name: "{name}" model_name: "{model}" }} '
        f"value {{ double_value {{ value: {value} }} }} }}"
    )


@pytest.mark.parametrize(
    "files",
    [
        {"metrics-00000-of-00001.tfrecord": [OVERALL, ONE]},
        {"metrics-00000-of-00002.tfrecord": [OVERALL], "metrics-00001-of-00002.tfrecord": [ONE]},
        {"metrics.tfrecord": [OVERALL, ONE]},
        {"metrics": [OVERALL, ONE], "plots": []},
        {"metrics-00000-of-00002": [OVERALL], "metrics-00001-of-00002": [ONE]},
        # with a suffix goes before without
        {"metrics-00000-of-00001.tfrecord": [OVERALL, ONE], "metrics": [OVERALL]},
    ],
)
@pytest.mark.parametrize("eval_config", ["{}", None])
def test_file_names_of_every_era(make_directory, files, eval_config):
    result = load_eval_result(make_directory(eval_config, **files))
    assert result.slicing_metrics == RECORDS
    assert result.plots == []
    assert result.config == (None if eval_config is None else EvalConfig())
    assert result.run_info == {}


def test_parquet_of_tfma(make_directory):
    path = make_directory("{}")
    records = list(load_metrics(make_directory("{}", metrics=[OVERALL, ONE])))
    table = pa.table(
        {
            "slice_key": pa.array([None, None], pa.string()),
            "serialized_value": [record.SerializeToString() for record in records],
        }
    )
    pq.write_table(table, os.path.join(path, "metrics-00000-of-00001.parquet"))
    for file_format in (None, "parquet"):
        assert load_eval_result(path, file_format).slicing_metrics == RECORDS
    assert load_eval_result(path, "tfrecord").slicing_metrics == []
    pq.write_table(pa.table({"a": [1]}), os.path.join(path, "metrics-00000-of-00001.parquet"))
    with pytest.raises(OutputError, match="no Parquet file of TFMA's"):
        load_eval_result(path)


def test_own_table_is_not_taken_for_records(result_path):
    assert "sliced_metrics.parquet" in os.listdir(result_path)
    assert load_eval_result(result_path, "parquet").slicing_metrics == []
    assert len(load_eval_result(result_path).slicing_metrics) == 3


def test_formats_are_checked(result_path):
    with pytest.raises(ConfigError, match="tfrecord, parquet or None, is 'csv'"):
        load_eval_result(result_path, "csv")


def test_what_was_evaluated(tmp_path):
    result = load_eval_result(write(tmp_path / "result", rows=3))
    assert result.config.slicing_specs[1].feature_keys == ["carrier"]
    assert result.data_location == "/data/eval-*"
    assert result.file_format == "tfrecords"
    assert result.model_location == "/models/7"
    assert result.run_info["rows"] == 3
    assert result.output_path == str(tmp_path / "result")
    assert load_run_info(tmp_path / "result") == result.run_info


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("the pickle was run",)


def test_a_pickled_config_is_never_run(make_directory):
    path = make_directory(None, metrics=[OVERALL])
    pathlib.Path(path, "eval_config").write_bytes(pickle.dumps(Bomb()))
    with pytest.warns(UserWarning, match="eval_config is a pickle, .* not read"):
        result = load_eval_result(path)
    assert result.config is None
    assert result.slicing_metrics == RECORDS[:1]


def test_a_config_of_another_version_loads_as_far_as_it_is_known(make_directory):
    text = '{"evalConfig": {"inputDataSpecs": [{}], "slicingSpecs": [{}]}, "version": "0.15.4"}'
    path = make_directory(text, metrics=[OVERALL])
    with pytest.warns(UserWarning, match="EvalRun of another version: .*inputDataSpecs"):
        result = load_eval_result(path)
    assert len(result.config.slicing_specs) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "eval_config.json is not JSON, or is cut off"),
        ("[]", "eval_config.json: a JSON object was expected"),
        ('{"version": 3}', "no readable EvalRun"),
        ("\xff", "eval_config.json is not JSON"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*another version")
def test_damaged_configs(make_directory, text, words):
    path = make_directory(None, metrics=[OVERALL])
    pathlib.Path(path, "eval_config.json").write_text(text, encoding="latin-1")
    with pytest.raises(OutputError, match=words):
        load_eval_result(path)
    assert len(list(load_metrics(path))) == 1


def test_loading_warns_of_nothing_else(result_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_eval_result(result_path)


def test_what_is_no_result(tmp_path, result_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "saved_model.pb").write_text("")
    (tmp_path / "evaluation" / "5").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    write(tmp_path / "evaluation" / "12")
    cases = {
        "other": "looked for, there is saved_model.pb",
        "empty": "looked for, there is nothing",
        "evaluation": f"Results are in: {tmp_path}/evaluation/12",
        "resul": rf"no such directory\. {tmp_path} has no 'resul'\. .*{tmp_path}/result\?",
        "nothing/like/it": f"no such directory. {tmp_path} has no 'nothing'",
        "result/run.json": f"is a file; .* perhaps {tmp_path}/result",
    }
    for path, words in cases.items():
        for load in (load_eval_result, load_metrics, load_plots, load_run_info):
            with pytest.raises(OutputError, match=words):
                list(load(tmp_path / path))


def test_unfinished_results_are_refused(result_path):
    os.remove(os.path.join(result_path, "eval_config.json"))
    with pytest.raises(OutputError, match="unfinished result"):
        load_eval_result(result_path)


@pytest.mark.parametrize("cut", [1, 20])
def test_cut_files_are_named(result_path, cut):
    file = pathlib.Path(result_path, "metrics-00000-of-00001.tfrecord")
    file.write_bytes(file.read_bytes()[:-cut])
    with pytest.raises(OutputError, match=rf"{file} is cut off: .* record 2 "):
        load_eval_result(result_path)
    whole = load_metrics(result_path)
    assert next(whole).metrics["accuracy"].double_value.value == 0.75


def test_records_of_another_kind_are_named(make_directory):
    path = make_directory("{}", metrics=[OVERALL])
    from microtome.results import tfrecord

    with open(os.path.join(path, "metrics"), "ab") as file:
        tfrecord.write_record(file, b"\xff\xff")
    with pytest.raises(OutputError, match=r"metrics: record 1 is no MetricsForSlice"):
        load_eval_result(path)


def test_models_are_told_apart(make_directory):
    record = "slice_key {} " + keyed("auc", "old", 0.5) + keyed("auc", "new", 0.75)
    only_old = ONE.split("metrics")[0] + keyed("auc", "old", 0.25)
    path = make_directory(MODELS, metrics=[record, only_old])
    by_model = {name: load_eval_result(path, model_name=name) for name in (None, "old", "new")}
    found = {
        name: [
            metrics[""][""]["auc"]["doubleValue"] for _, metrics in by_model[name].slicing_metrics
        ]
        for name in by_model
    }
    assert found == {None: [0.75], "old": [0.5, 0.25], "new": [0.75]}
    assert by_model[None].model_location == "/models/2"
    assert by_model["old"].model_location == "/models/1"
    with pytest.raises(ConfigError, match=r"no metrics of a model 'olt' .*'old'.*: 'new', 'old'"):
        load_eval_result(path, model_name="olt")


def test_models_without_a_config(make_directory):
    record = "slice_key {} " + keyed("auc", "old", 0.5) + keyed("auc", "new", 0.75)
    path = make_directory(None, metrics=[record])
    assert load_eval_result(path).get_metrics_for_slice() == {"auc": {"doubleValue": 0.5}}
    new = load_eval_result(path, model_name="new")
    assert new.get_metrics_for_slice() == {"auc": {"doubleValue": 0.75}}
    with pytest.raises(ConfigError, match="no metrics of a model 'x'"):
        load_eval_result(path, model_name="x")


def test_metrics_that_name_no_model_are_of_every_model(make_directory):
    path = make_directory(MODELS, metrics=[OVERALL])
    for name in (None, "old", "new"):
        assert load_eval_result(path, model_name=name).slicing_metrics == RECORDS[:1]


def test_validation_results(make_directory):
    path = make_directory("{}", **{"validations.tfrecord": ["validation_ok: true"]})
    assert load_validation_result(path) == result_pb2.ValidationResult(validation_ok=True)
    with pytest.raises(OutputError, match=r"has 0 validation results\. The model was not"):
        load_validation_result(make_directory("{}", metrics=[OVERALL]))
    with pytest.raises(OutputError, match=r"has 2 validation results\."):
        load_validation_result(make_directory("{}", validations=["", ""]))


def test_plots_and_attributions(make_directory):
    plots = """slice_key {}
      plot_keys_and_values { key { output_name: "o" sub_key { class_id { value: 1 } } }
                             value { debug_message: "d" } }"""
    one = 'slice_key {} plots { key: "p" value { debug_message: "d" } }'
    two = f'{one} plots {{ key: "q" value {{ debug_message: "e" }} }}'
    oldest = 'slice_key {} plot_data { debug_message: "d" }'
    attributions = """slice_key {}
      attributions_keys_and_values { key { name: "n" is_diff: true }
        values { key: "f" value { double_value { value: 1 } } } }"""
    path = make_directory("{}", plots=[plots, one, two, oldest], attributions=[attributions])
    result = load_eval_result(path)
    assert result.plots == [
        ((), {"o": {"classId:1": {"debugMessage": "d"}}}),
        ((), {"": {"": {"debugMessage": "d"}}}),
        ((), {"": {"": {"p": {"debugMessage": "d"}, "q": {"debugMessage": "e"}}}}),
        ((), {"": {"": {"debugMessage": "d"}}}),
    ]
    assert result.attributions == [((), {"": {"": {"n_diff": {"f": {"doubleValue": 1.0}}}}})]
    assert [len(list(load(path))) for load in (load_plots, load_attributions)] == [4, 1]


def test_several_results(tmp_path):
    paths = [write(tmp_path / name) for name in ("a", "b")]
    results = load_eval_results(paths)
    assert [result.output_path for result in results.get_results()] == paths
    assert results.get_mode() == MODEL_CENTRIC_MODE
    assert len(results) == 2
    assert results[1].output_path == paths[1]
    assert len(load_eval_results(paths[0], mode=DATA_CENTRIC_MODE)) == 1
    assert make_eval_results(results, DATA_CENTRIC_MODE).get_mode() == "data_centric_mode"
    assert paths[0] in repr(results)
    with pytest.raises(ConfigError, match="mode must be one of model_centric_mode, data_c"):
        load_eval_results(paths, mode="model")
