"""Which of Beam's runners are refused, and what is said of options that Beam refuses."""

from __future__ import annotations

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

import microtome
from microtome.errors import ConfigError
from microtome.executor import runners
from tests import zoo

DASK = "apache_beam.runners.dask.dask_runner.DaskRunner"


@pytest.fixture(scope="module")
def model(zoo_model) -> zoo.ZooModel:
    return zoo_model("dnn_regression_v2")


def options(*arguments: str) -> PipelineOptions:
    return PipelineOptions(list(arguments))


@pytest.mark.parametrize("name", ["DaskRunner", DASK])
def test_dask_is_refused_before_anything_runs(model, tmp_path, name):
    with pytest.raises(ConfigError, match=r"silently loses data.*docs/engines\.md"):
        microtome.run_model_analysis(
            microtome.default_eval_shared_model(model.model_path),
            model.data_path,
            output_path=str(tmp_path / "out"),
            pipeline_options=options(f"--runner={name}"),
        )
    assert list(tmp_path.iterdir()) == []


def test_dask_is_refused_in_a_pipeline_of_the_users_own(model, tmp_path):
    pipeline = beam.Pipeline(options=options(f"--runner={DASK}"))
    examples = pipeline | beam.Create(model.records)
    with pytest.raises(ConfigError, match="silently loses data"):
        _ = examples | microtome.ExtractEvaluateAndWriteResults(
            microtome.default_eval_shared_model(model.model_path), str(tmp_path / "out")
        )


def test_dask_is_seen_through_a_class_of_the_users_own():
    from apache_beam.runners.dask import dask_runner

    class Mine(dask_runner.DaskRunner):
        pass

    with pytest.raises(ConfigError, match="DaskRunner is refused"):
        runners.check_runner(Mine())
    runners.check_runner(beam.Pipeline().runner)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--runner=NoSuchRunner"], "Unexpected pipeline runner: NoSuchRunner.*Valid values are"),
        (["--runner=DataflowRunner"], "Missing required option: project"),
        (["--runner=no.such.Runner"], "No module named 'no'"),
    ],
)
def test_options_that_beam_refuses(model, tmp_path, arguments, said):
    with pytest.raises(ConfigError, match=f"(?s){said}.*beam_pipeline_args"):
        microtome.run_model_analysis(
            microtome.default_eval_shared_model(model.model_path),
            model.data_path,
            output_path=str(tmp_path / "out"),
            pipeline_options=options(*arguments),
        )
