"""`module_file`: a user's metrics, callbacks and model in the component."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import apache_beam as beam
import pytest
from tfx.dsl.components.common import importer
from tfx.orchestration import data_types, metadata, pipeline
from tfx.orchestration.local import local_dag_runner
from tfx.types import channel_utils, standard_artifacts

from microtome.component import SlicedEvaluator
from microtome.errors import ConfigError
from microtome.executor import keys, module_file, user_code
from microtome.metrics import metric as metric_module
from microtome.proto.config_pb2 import EvalConfig
from microtome.results.loader import load_eval_result

MODULE = '''
"""Metrics of a pipeline's own."""
import dataclasses
import tensorflow as tf
from microtome import metrics, post_export_metrics

SCALE = 100.0


def error(rows):
    return SCALE * (rows.predictions - rows.labels)


@metrics.register
@dataclasses.dataclass(frozen=True)
class PercentError(metrics.Metric):
    name: str = "percent_error"
    parts = (metrics.Sum(error), metrics.WEIGHTS)

    def compute(self, sums):
        return metrics.divide(sums[metrics.Sum(error)], sums[metrics.WEIGHTS])


def mean_target(features, predictions, labels):
    return {"mean_target": tf.compat.v1.metrics.mean(labels)}


def add_metrics_callbacks():
    return [mean_target, post_export_metrics.calibration()]
'''
CONFIG = {
    "slicing_specs": [{}],
    "metrics_specs": [{"metrics": [{"class_name": "PercentError"}]}],
}


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    metric_module.registered_names()
    monkeypatch.setattr(metric_module, "_REGISTERED", dict(metric_module._REGISTERED))
    monkeypatch.setattr(user_code, "_installed", {})


def evaluator(**more: Any) -> SlicedEvaluator:
    return SlicedEvaluator(
        examples=channel_utils.as_channel([standard_artifacts.Examples()]),
        model=channel_utils.as_channel([standard_artifacts.Model()]),
        **more,
    )


def written(folder: pathlib.Path, text: str = MODULE) -> str:
    path = folder / "my_metrics.py"
    path.write_text(text)
    return str(path)


@pytest.mark.e2e
def test_metrics_of_a_module_file_in_worker_processes(
    tmp_path: pathlib.Path, model_uri: str, examples_uri: str
) -> None:
    """In a pipeline: a class, a TF function and a post_export_metric; a changed file runs anew."""
    path = written(tmp_path)
    states = []
    for text in (MODULE, MODULE, MODULE.replace("100.0", "10.0")):
        written(tmp_path, text)
        run_pipeline(tmp_path, model_uri, examples_uri, path)
        states.append(len(list((tmp_path / "root/SlicedEvaluator/evaluation").iterdir())))
    assert states == [1, 1, 2]
    folders = sorted((tmp_path / "root/SlicedEvaluator/evaluation").iterdir(), key=by_number)
    first, second = (dict(load_eval_result(str(f)).slices())[()] for f in folders)
    assert {"percent_error", "mean_target", "average_loss"} <= set(first)
    assert any("calibration" in name for name in first)
    assert first["percent_error"] == pytest.approx(10 * second["percent_error"], nan_ok=True)


def by_number(path: pathlib.Path) -> int:
    return int(path.name)


def run_pipeline(folder: pathlib.Path, model_uri: str, examples_uri: str, path: str) -> None:
    model = importer.Importer(source_uri=model_uri, artifact_type=standard_artifacts.Model).with_id(
        "model"
    )
    examples = importer.Importer(
        source_uri=examples_uri,
        artifact_type=standard_artifacts.Examples,
        properties={"split_names": '["eval", "next"]'},
    ).with_id("examples")
    component = SlicedEvaluator(
        examples=examples.outputs["result"],
        model=model.outputs["result"],
        eval_config=CONFIG,
        example_splits=["next"],
        module_file=path,
    ).with_beam_pipeline_args(["--direct_running_mode=multi_processing", "--direct_num_workers=2"])
    local_dag_runner.LocalDagRunner().run(
        pipeline.Pipeline(
            pipeline_name="people",
            pipeline_root=str(folder / "root"),
            components=[model, examples, component],
            enable_cache=True,
            metadata_connection_config=metadata.sqlite_metadata_connection_config(
                str(folder / "mlmd.sqlite")
            ),
        )
    )


def test_digest_tells_files_apart(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path)
    first = evaluator(module_file=path).exec_properties
    assert first[keys.MODULE_FILE] == path
    assert evaluator(module_file=path).exec_properties == first
    written(tmp_path, MODULE + "\n")
    changed = evaluator(module_file=path).exec_properties
    assert changed[keys.MODULE_DIGEST] != first[keys.MODULE_DIGEST]
    with pytest.raises(ConfigError, match=r"my_metrics.py' is another than when the pipeline"):
        module_file.user_module(first)


def test_without_a_module_nothing_is_new_to_the_cache() -> None:
    assert not {keys.MODULE_FILE, keys.MODULE_PATH, keys.MODULE_DIGEST} & {
        name for name, value in evaluator().exec_properties.items() if value is not None
    }


def test_runtime_parameter_is_taken() -> None:
    path = data_types.RuntimeParameter(name="module", ptype=str)
    assert evaluator(module_file=path).exec_properties[keys.MODULE_FILE] is path


def test_file_and_path_exclude_each_other(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match=r"Both module_file .* and module_path"):
        evaluator(module_file=written(tmp_path), module_path="a.b")


def test_file_that_is_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match=r"The module_file '.*nowhere.py' cannot be read"):
        evaluator(module_file=str(tmp_path / "nowhere.py"))


def test_file_of_another_file_system(tmp_path: pathlib.Path) -> None:
    """Beam's are used: what they decompress, for one, `open` would not."""
    path = str(tmp_path / "zipped.py.gz")
    with beam.io.filesystems.FileSystems.create(path) as file:
        file.write(b"ANSWER = 42\n")
    assert user_code.load_module_file(path).ANSWER == 42


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_thing\n", r"cannot be imported: ModuleNotFoundError.*\(line 1\)"),
        ("\nx = 1 / 0\n", r"cannot be imported: ZeroDivisionError: division by zero \(line 2\)"),
        ("def f(:\n", r"cannot be imported: SyntaxError.*line 1"),
        ("def add_metrics_callbacks(): return 3\n", "must return a list of metrics.* returns 3"),
        ("def add_metrics_callbacks(): 1 / 0\n", "callbacks of the module_file .* raises Zero"),
        (
            "def custom_eval_shared_model(eval_saved_model_path, model_name, **kwargs): pass\n",
            "custom_eval_shared_model of the module_file .* it returns None",
        ),
    ],
)
def test_file_that_is_wrong(tmp_path: pathlib.Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError, match=said) as raised:
        module_file.user_module({keys.MODULE_FILE: path}).shared_model("/model", EvalConfig())
    assert path in str(raised.value)


def test_module_that_is_not_installed() -> None:
    with pytest.raises(ConfigError, match=r"The module_path .no.such' cannot be imported"):
        module_file.user_module({keys.MODULE_PATH: "no.such"})


def test_model_of_the_users_own(tmp_path: pathlib.Path) -> None:
    text = """
        import microtome
        def custom_eval_shared_model(eval_saved_model_path, model_name, eval_config, **kwargs):
            return microtome.default_eval_shared_model(
                eval_saved_model_path,
                include_default_metrics=False,
                model_name=model_name,
                example_weight_key=eval_config.model_specs[0].example_weight_key,
            )
    """
    users = module_file.user_module({keys.MODULE_FILE: written(tmp_path, dedented(text))})
    spec = {"name": "it", "example_weight_key": "w"}
    model = users.shared_model("/model", EvalConfig(model_specs=[spec]))
    assert (model.model_path, model.model_name, model.example_weight_key) == ("/model", "it", "w")
    assert not model.include_default_metrics


def dedented(text: str) -> str:
    return "\n".join(line[8:] for line in text.splitlines())


def test_module_is_found_by_its_name(tmp_path: pathlib.Path) -> None:
    """A config may say where a class is, as TFMA's do."""
    from microtome.executor.metric_makers import make_any_metric

    user_code.load_module_file(written(tmp_path))
    metric_module._REGISTERED.pop("PercentError")
    assert make_any_metric("PercentError", "my_metrics", {}).name == "percent_error"
    assert json.dumps(sorted(user_code._installed)).count("my_metrics_") == 1
