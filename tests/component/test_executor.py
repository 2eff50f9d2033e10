"""`Do` on real artifacts: what it writes, and what it says of wrong ones."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any

import pytest
from tfx.types import artifact_utils, standard_artifacts

from microtome import config
from microtome.component import SlicedMetrics
from microtome.errors import ConfigError, DataError, ModelError
from microtome.executor import inputs, keys
from microtome.executor.executor import Executor
from microtome.results.loader import load_eval_result
from tests import zoo
from tests.view.test_page import embedded

# rows of the split `eval`
EVAL_COUNT = 201

SLICES = {
    "slicing_specs": [{}, {"feature_keys": ["country"]}, {"feature_keys": ["level", "age_group"]}]
}


class Run:
    """One execution with its artifacts, as TFX's launcher hands them out."""

    def __init__(self, folder: pathlib.Path, model_uri: str, examples_uris: list[str]) -> None:
        self.model = standard_artifacts.Model()
        self.model.uri = model_uri
        self.model.id = 7
        self.examples = [self._examples(uri, i) for i, uri in enumerate(examples_uris)]
        self.evaluation = standard_artifacts.ModelEvaluation()
        self.evaluation.uri = str(folder / "evaluation" / "9")
        self.blessing = standard_artifacts.ModelBlessing()
        self.blessing.uri = str(folder / "blessing" / "9")
        self.base = SlicedMetrics()
        self.base.uri = str(folder / "sliced_metrics" / "9")
        self.root = pathlib.Path(self.base.uri)
        for artifact in (self.evaluation, self.blessing, self.base):
            pathlib.Path(artifact.uri).mkdir(parents=True)
        self.outputs: dict[str, list[Any]] = {}

    @staticmethod
    def _examples(uri: str, number: int) -> Any:
        examples = standard_artifacts.Examples()
        examples.uri = uri
        examples.id = 3 + number
        examples.span = 11 + number
        examples.split_names = artifact_utils.encode_split_names(["eval", "next"])
        return examples

    def do(
        self,
        eval_config: Any = SLICES,
        splits: Any = ("eval",),
        history: Any = (),
        baseline: Any = None,
    ) -> list[Any]:
        self.outputs = {
            keys.EVALUATION: [self.evaluation],
            keys.BLESSING: [self.blessing],
            keys.SLICED_METRICS: [self.base],
        }
        Executor().Do(
            {
                keys.MODEL: [self.model],
                keys.EXAMPLES: self.examples,
                keys.HISTORY: list(history),
                **({} if baseline is None else {keys.BASELINE_MODEL: list(baseline)}),
            },
            self.outputs,
            {
                keys.EVAL_CONFIG: json.dumps(eval_config),
                keys.EXAMPLE_SPLITS: json.dumps(splits),
                keys.MICROTOME_VERSION: "1",
            },
        )
        return self.outputs[keys.SLICED_METRICS]

    def wrote_nothing(self) -> bool:
        folders = [pathlib.Path(self.evaluation.uri), pathlib.Path(self.blessing.uri), self.root]
        return (
            not any(path.is_file() for folder in folders for path in folder.rglob("*"))
            and self.outputs[keys.SLICED_METRICS] == [self.base]
            and not self.base.mlmd_artifact.custom_properties
        )


@pytest.fixture(scope="module")
def done(
    tmp_path_factory: pytest.TempPathFactory, model_uri: str, examples_uri: str
) -> tuple[Run, list[Any]]:
    """One execution, and the artifacts of its slices."""
    run = Run(tmp_path_factory.mktemp("done"), model_uri, [examples_uri])
    return run, run.do()


@pytest.fixture
def run(tmp_path: pathlib.Path, model_uri: str, examples_uri: str) -> Run:
    return Run(tmp_path, model_uri, [examples_uri])


def test_one_artifact_a_tracked_slice(done: tuple[Run, list[Any]]) -> None:
    run, artifacts = done
    assert artifacts[0] is run.base
    names = [artifact.get_string_custom_property("slice_key") for artifact in artifacts]
    assert names[0] == "Overall"
    assert {name.partition(":")[0] for name in names[1:]} == {"country"}
    paths = [pathlib.Path(artifact.uri) for artifact in artifacts]
    assert all(path.parent == run.root and path.is_dir() for path in paths)


def test_values_are_those_of_the_result_files(done: tuple[Run, list[Any]]) -> None:
    run, artifacts = done
    result = load_eval_result(run.evaluation.uri)
    in_files = {json.dumps(list(map(list, key))): metrics for key, metrics in result.slices()}
    for artifact in artifacts:
        slice_json = artifact.get_string_custom_property("slice")
        expected = in_files[slice_json]
        recorded = artifact.get_json_value_custom_property("metrics")
        content = json.loads(pathlib.Path(artifact.uri, "metrics.json").read_text())
        assert recorded == content["metrics"]
        assert {name: float(value) for name, value in recorded.items()} == pytest.approx(
            expected, rel=0, abs=0, nan_ok=True
        )
        assert (
            artifact.get_int_custom_property("example_count")
            == expected["post_export_metrics/example_count"]
        )


def test_slice_without_a_number_is_published_as_nan(done: tuple[Run, list[Any]]) -> None:
    artifacts = {a.get_string_custom_property("slice_key"): a for a in done[1]}
    odd = artifacts["country:xx"]
    assert odd.get_json_value_custom_property("metrics")["average_loss"] == "NaN"
    assert not odd.has_custom_property("average_loss")
    assert artifacts["country:de"].has_custom_property("average_loss")


def test_what_was_evaluated_on_what(done: tuple[Run, list[Any]]) -> None:
    run, artifacts = done
    told = {
        "model_uri": run.model.uri,
        "model_id": "7",
        "data_uri": run.examples[0].uri,
        "data_id": "3",
        "span": "11",
        "split": "eval",
        "evaluation_uri": run.evaluation.uri,
    }
    for artifact in (artifacts[0], artifacts[-1], run.evaluation):
        assert {name: artifact.get_string_custom_property(name) for name in told} == told
        for digest in ("model_digest", "data_digest", "config_digest"):
            assert len(artifact.get_string_custom_property(digest)) == 32


def test_headline_of_the_evaluation(done: tuple[Run, list[Any]]) -> None:
    run, artifacts = done
    result = load_eval_result(run.evaluation.uri)
    evaluation = run.evaluation
    assert evaluation.get_int_custom_property("example_count") == EVAL_COUNT
    assert evaluation.get_int_custom_property("slice_count") == len(result.slicing_metrics)
    assert evaluation.get_int_custom_property("tracked_slice_count") == len(artifacts)
    untracked = len(result.slicing_metrics) - len(artifacts)
    assert evaluation.get_string_custom_property("not_tracked").startswith(f"{untracked} slices")
    overall = evaluation.get_json_value_custom_property("summary")["overall"]
    assert overall["metrics"]["prediction/mean"] == dict(result.slices())[()]["prediction/mean"]


def test_page_beside_the_results(done: tuple[Run, list[Any]]) -> None:
    run, _ = done
    folder = pathlib.Path(run.evaluation.uri)
    report = embedded((folder / "report.html").read_text(encoding="utf-8"))
    (shown,) = report["runs"]
    assert (shown["id"], shown["path"]) == ("9", str(folder))
    assert ["Model id", "7"] in shown["info"]
    assert shown["data"] == "span 11"
    assert report["verdicts"]["9"]["verdict"] == "NOT_VALIDATED"
    result = load_eval_result(run.evaluation.uri)
    assert len(report["slices"]["name"]) == len(result.slicing_metrics)
    # nothing is left of writing it
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_page_shows_the_history(run: Run, done: tuple[Run, list[Any]]) -> None:
    earlier, _ = done
    earlier.evaluation.id = 4
    checks = [{"metric": "average_loss", "max_relative_drop": 0.5, "min_examples": 5}]
    config = {**SLICES, "tracking": {"history_checks": checks}}
    # other data, or the first would not be its history
    run.do(config, splits=["eval", "next"], history=[earlier.evaluation])
    page = pathlib.Path(run.evaluation.uri) / "report.html"
    report = embedded(page.read_text(encoding="utf-8"))
    assert [one["id"] for one in report["runs"]] == ["4", "9"]
    assert report["verdicts"]["9"]["verdict"] in ("BLESSED", "NOT_BLESSED")
    assert report["verdicts"]["9"]["reasons"]
    assert set(report["values"]) == {"4", "9"}


def test_splits_and_artifacts_are_evaluated_together(
    tmp_path: pathlib.Path, model: zoo.ZooModel, model_uri: str, examples_uri: str
) -> None:
    copy = shutil.copytree(examples_uri, tmp_path / "copy")
    run = Run(tmp_path, model_uri, [examples_uri, str(copy)])
    overall = run.do(eval_config={}, splits=["eval", "next"])[0]
    rows = len(model.records) + 1
    assert overall.get_int_custom_property("example_count") == 2 * rows
    assert overall.get_string_custom_property("split") == "eval,next"
    assert overall.get_string_custom_property("data_id") == "3,4"
    assert overall.get_string_custom_property("span") == "11,12"


def test_single_artifact(run: Run) -> None:
    config = {**SLICES, "tracking": {"publish": "SINGLE"}}
    artifacts = run.do(config)
    assert artifacts == [run.base]
    assert run.base.uri == str(run.root)
    rows = [name for name in run.base.mlmd_artifact.custom_properties if name.startswith("slice ")]
    slices = json.loads(pathlib.Path(run.base.uri, "metrics.json").read_text())["slices"]
    assert slices[0]["slice_key"] == "Overall"
    assert len(slices) == len(rows) + 1 == run.base.get_int_custom_property("tracked_slice_count")


def test_serving_model_is_no_way_out(
    tmp_path: pathlib.Path, model_uri: str, examples_uri: str
) -> None:
    serving = tmp_path / "model" / "Format-Serving"
    shutil.copytree(pathlib.Path(model_uri) / "Format-TFMA", serving)
    run = Run(tmp_path, str(serving.parent), [examples_uri])
    with pytest.raises(
        ModelError, match=r"has no EvalSavedModel.*Format-Serving.*export_eval_savedmodel"
    ):
        run.do()
    assert run.wrote_nothing()


def test_which_model_of_an_artifact(tmp_path: pathlib.Path, model_uri: str) -> None:
    shutil.copytree(pathlib.Path(model_uri) / "Format-TFMA", tmp_path / "Format-Serving")
    eval_folder, serving = str(tmp_path / "Format-TFMA"), str(tmp_path / "Format-Serving")
    native = config.parse_eval_config('metrics_specs { metrics { class_name: "AUC" } }')
    assert inputs.find_model(eval_folder, serving, str(tmp_path), native) == serving
    shutil.copytree(serving, eval_folder)
    assert inputs.find_model(eval_folder, serving, str(tmp_path), native) == eval_folder
    for spec in ('model_type: "tf_keras"', 'signature_name: "serving_default"'):
        served = config.parse_eval_config(f"model_specs {{ {spec} }}")
        assert inputs.find_model(eval_folder, serving, str(tmp_path), served) == serving


def test_model_under_a_time_stamp(
    tmp_path: pathlib.Path, model_uri: str, examples_uri: str
) -> None:
    stamped = tmp_path / "model" / "Format-TFMA" / "1577836800"
    shutil.copytree(pathlib.Path(model_uri) / "Format-TFMA", stamped)
    run = Run(tmp_path, str(tmp_path / "model"), [examples_uri])
    assert run.do(eval_config={})[0].get_int_custom_property("example_count") == EVAL_COUNT
    shutil.copytree(stamped, stamped.with_name("1577836801"))
    with pytest.raises(ModelError, match=r"must have one EvalSavedModel .* has 2"):
        run.do()


def test_split_that_is_not_there(run: Run) -> None:
    with pytest.raises(
        ConfigError, match=r"'evl'.* have the splits: eval, next\. Did you mean eval\?"
    ):
        run.do(splits=["eval", "evl"])
    assert run.wrote_nothing()


@pytest.mark.parametrize("splits", ["eval", [], {}, [1]])
def test_splits_of_a_runtime_parameter_are_checked(run: Run, splits: Any) -> None:
    with pytest.raises(ConfigError, match="must be a JSON list of names"):
        run.do(splits=splits)


def test_config_of_a_runtime_parameter_is_checked(run: Run) -> None:
    with pytest.raises(ConfigError, match="slicing_specs"):
        run.do(eval_config={"slicing_spec": []})
    assert run.wrote_nothing()


def test_unknown_slicing_feature(run: Run) -> None:
    with pytest.raises(ConfigError, match=r"county.*country"):
        run.do(eval_config={"slicing_specs": [{"feature_keys": ["county"]}]})
    assert run.wrote_nothing()


def test_unknown_tracked_metric(run: Run) -> None:
    with pytest.raises(ConfigError, match=r"tracking\.metrics names 'average_lost'.*average_loss"):
        run.do(eval_config={"tracking": {"metrics": ["average_lost"]}})
    assert run.wrote_nothing()


def test_files_that_are_gone(tmp_path: pathlib.Path, model_uri: str) -> None:
    run = Run(tmp_path, model_uri, [str(tmp_path / "gone")])
    with pytest.raises(DataError, match="are not there"):
        run.do()
    assert run.wrote_nothing()


def test_examples_that_are_no_tfrecords(run: Run) -> None:
    run.examples[0].set_string_custom_property("file_format", "parquet")
    with pytest.raises(DataError, match="'parquet'"):
        run.do()


def test_cut_off_file_leaves_nothing(
    tmp_path: pathlib.Path, model_uri: str, examples_uri: str
) -> None:
    shutil.copytree(examples_uri, tmp_path / "examples")
    file = next((tmp_path / "examples" / "Split-eval").iterdir())
    file.write_bytes(file.read_bytes()[:-100])
    run = Run(tmp_path, model_uri, [str(tmp_path / "examples")])
    with pytest.raises(DataError, match=file.name):
        run.do()
    assert run.wrote_nothing()


def limited(upper: float) -> dict[str, Any]:
    """`SLICES`, with an upper bound of the loss over all."""
    threshold = {"value_threshold": {"upper_bound": upper}}
    of_overall = {"thresholds": [{"slicing_specs": [{}], "threshold": threshold}]}
    return {**SLICES, "metrics_specs": [{"per_slice_thresholds": {"average_loss": of_overall}}]}


def blessing_files(run: Run) -> list[str]:
    return sorted(path.name for path in pathlib.Path(run.blessing.uri).iterdir())


def test_blessing_of_a_good_model(run: Run) -> None:
    run.do(limited(1e9), splits=["next"])
    assert blessing_files(run) == ["BLESSED"]
    assert run.blessing.get_int_custom_property("blessed") == 1
    assert run.blessing.get_string_custom_property("current_model") == run.model.uri
    assert run.blessing.get_int_custom_property("current_model_id") == run.model.id
    assert not run.blessing.has_custom_property("baseline_model_id")
    assert run.evaluation.get_string_custom_property("verdict") == "BLESSED"


def test_blessing_of_a_bad_model(run: Run) -> None:
    run.do(limited(-1), splits=["next"])
    assert blessing_files(run) == ["NOT_BLESSED"]
    assert run.blessing.has_custom_property("blessed")
    assert run.blessing.get_int_custom_property("blessed") == 0


def test_what_is_not_validated_is_not_blessed(run: Run) -> None:
    run.do()
    assert blessing_files(run) == []
    assert not run.blessing.has_custom_property("blessed")
    assert run.blessing.get_string_custom_property("verdict") == "NOT_VALIDATED"


def test_thresholds_and_history_come_to_one_verdict(run: Run, done: tuple[Run, list[Any]]) -> None:
    """The model is within its limits, and below its past: nothing passes a fall of less than 0."""
    earlier, _ = done
    config = limited(1e9)
    check = {"metric": "average_loss", "max_absolute_drop": 0.0, "higher_is_better": True}
    country = [{"feature_keys": ["country"]}]
    config["tracking"] = {"history_checks": [{**check, "slicing_specs": country}]}
    run.do(config, splits=["next"], history=[earlier.evaluation])
    found = load_eval_result(run.evaluation.uri)
    tracked = json.loads(pathlib.Path(run.evaluation.uri, "tracking.json").read_text())
    assert {reason["rule"] for reason in found.verdict.failures} == {"max_absolute_drop"}
    assert "average_loss <= 1e+09 in Overall: 1 checked, 0 failed." in [
        reason["message"] for reason in found.verdict.reasons
    ]
    assert found.verdict.verdict == tracked["verdict"] == "NOT_BLESSED"
    assert tracked["reasons"] == list(found.verdict.reasons)
    assert not found.validation_result.validation_ok
    assert blessing_files(run) == ["NOT_BLESSED"]


def test_a_threshold_of_an_unknown_metric(run: Run) -> None:
    specs = [{"thresholds": {"Average_loss": {"value_threshold": {"upper_bound": 1}}}}]
    with pytest.raises(ConfigError, match="did you mean 'average_loss'"):
        run.do({**SLICES, "metrics_specs": specs})
    assert run.wrote_nothing()
