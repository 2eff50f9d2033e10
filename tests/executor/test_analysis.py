"""Evaluations as users start them: what they may give, and what they get."""

from __future__ import annotations

import os
import pathlib
import pickle
import shutil
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct import DirectRunner

import microtome
from microtome.errors import ConfigError, OutputError
from microtome.executor import analysis
from tests.executor.rows import columns_of
from tests.view.test_page import embedded

pytestmark = pytest.mark.current

COUNT, WEIGHT = "post_export_metrics/example_count", "post_export_metrics/example_weight"
SPECS = [microtome.SingleSliceSpec(), microtome.SingleSliceSpec(columns=["country"])]


@pytest.fixture(scope="module")
def model(committed_model):
    return committed_model("handmade_collections_tf1")


@pytest.fixture(scope="module")
def shared(model):
    return microtome.default_eval_shared_model(model.model_path)


@pytest.fixture(scope="module")
def whole(model, shared) -> dict[Any, dict[str, Any]]:
    """The metrics of all data, by slice."""
    return slices(microtome.run_model_analysis(shared, model.data_path, slice_spec=SPECS))


def slices(result: microtome.EvalResult) -> dict[Any, dict[str, Any]]:
    return dict(result.slices())


def assert_same(found: dict[Any, dict[str, Any]], expected: dict[Any, dict[str, Any]]) -> None:
    assert set(found) == set(expected)
    for key, values in expected.items():
        # to what TensorFlow rounds a row in another batch
        assert found[key] == pytest.approx(values, rel=3e-6)


def write(path: pathlib.Path, records: list[bytes], compression: str = "") -> None:
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record)


def test_result(model, shared, tmp_path):
    """What the first evaluation of a user looks like."""
    output = str(tmp_path / "result")
    result = microtome.run_model_analysis(
        eval_shared_model=shared,
        data_location=model.data_path,
        slice_spec=SPECS,
        output_path=output,
    )
    assert () in result.get_slice_names()
    assert result.model_location == model.model_path
    assert result.data_location == model.data_path
    assert result.file_format == "tfrecords"
    assert result.example_count() == len(model.records)
    counts = result.run_info["counts"]
    assert (counts["examples"], counts["rows"]) == (120, 120)
    assert result.output_path == output
    again = microtome.load_eval_result(output)
    assert slices(again) == slices(result)
    assert again.config == result.config
    assert set(os.listdir(output)) >= {"eval_config.json", "run.json", "report.html"}


def test_page_beside_the_result(model, shared, tmp_path):
    output = str(tmp_path / "result")
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(model.records)
            | microtome.ExtractEvaluateAndWriteResults(shared, output, slice_spec=SPECS)
        )
    report = embedded((tmp_path / "result" / "report.html").read_text(encoding="utf-8"))
    result = microtome.load_eval_result(output)
    whole = dict(result.slices())[()]
    row = report["slices"]["name"].index("Overall")
    values = {name: column["v"][row] for name, column in report["values"]["result"].items()}
    assert values == {name: v for name, v in whole.items() if name in values}
    assert values[COUNT] == len(model.records)
    assert len(report["slices"]["name"]) == len(result.slicing_metrics)


def test_only_overall_without_slices(model, shared):
    result = microtome.run_model_analysis(shared, model.data_path)
    assert result.get_slice_names() == [()]
    assert COUNT in result.get_metric_names()


def test_temporary_output(model, shared):
    first, second = (
        microtome.run_model_analysis(shared, model.data_path).output_path for _ in range(2)
    )
    assert first != second
    assert slices(microtome.load_eval_result(first)) == slices(microtome.load_eval_result(second))


@pytest.mark.parametrize("form", ["message", "mapping", "text"])
def test_eval_config(model, shared, whole, form):
    config: Any = {"slicingSpecs": [{}, {"featureKeys": ["country"]}]}
    if form == "message":
        config = microtome.parse_eval_config(config)
    elif form == "text":
        config = (
            'slicing_specs {} slicing_specs { feature_keys: "country" } options { batch_size: 50 }'
        )
    result = microtome.run_model_analysis(shared, model.data_path, eval_config=config)
    assert_same(slices(result), whole)
    assert len(result.config.slicing_specs) == 2


def test_slices_of_given_values_and_overlapping_specs(model, shared, whole):
    specs = [
        microtome.SingleSliceSpec(columns=["country"], features={"level": 3}),
        microtome.SingleSliceSpec(features=[("country", "de")]),
        # makes the slice above once more, and others
        microtome.SingleSliceSpec(columns=["country"]),
    ]
    found = slices(microtome.run_model_analysis(shared, model.data_path, slice_spec=specs))
    crossed = {key for key in found if len(key) == 2}
    assert {key: values for key, values in found.items() if key not in crossed} == {
        key: pytest.approx(values, rel=1e-6) for key, values in whole.items() if key
    }
    for key in crossed:
        rows = [columns_of(record) for record in model.records]
        inside = [row for row in rows if (row["country"][0], row["level"][0]) == (key[0][1], 3)]
        assert key[1] == ("level", 3)
        assert found[key][COUNT] == len(inside)


def test_files_globs_and_compressions(model, shared, whole, tmp_path):
    """Several patterns; a file that two of them match is read once."""
    records = model.records
    write(tmp_path / "a-0.tfrecord.gz", records[:40], "GZIP")
    write(tmp_path / "a-1.tfrecord", records[40:70])
    write(tmp_path / "b.zlib", records[70:], "ZLIB")
    patterns = [str(tmp_path / "a-*"), str(tmp_path / "b.zlib"), str(tmp_path / "*.zlib")]
    found = microtome.run_model_analysis(shared, patterns, slice_spec=SPECS)
    assert_same(slices(found), whole)
    assert found.data_location == ",".join(patterns)


def test_paths_may_be_bytes_and_path_objects(model, tmp_path):
    """As export functions and pathlib give them."""
    shared = microtome.default_eval_shared_model(model.model_path.encode())
    assert shared.model_path == model.model_path
    shared = microtome.default_eval_shared_model(model_path=pathlib.Path(model.model_path))
    result = microtome.run_model_analysis(shared, model.data_path.encode())
    assert result.example_count() == len(model.records)


@pytest.mark.parametrize(
    "paths",
    [
        {},
        {"eval_saved_model_path": "a", "model_path": "b"},
    ],
)
def test_one_name_of_the_model(paths):
    with pytest.raises(ConfigError, match="one of them"):
        microtome.default_eval_shared_model(**paths)


def test_pipeline_options(model, shared, whole):
    options = PipelineOptions(["--runner=DirectRunner", "--direct_num_workers=1"])
    result = microtome.run_model_analysis(
        shared, model.data_path, slice_spec=SPECS, pipeline_options=options
    )
    assert_same(slices(result), whole)


def test_weights(model):
    """One for each output, dense and sparse, of floats and of integers."""
    shared = microtome.default_eval_shared_model(
        model.model_path, example_weight_key={"a": "weight", "b": "scores", "c": "level"}
    )
    found = slices(microtome.run_model_analysis(shared, model.data_path, slice_spec=SPECS))
    for key, metrics in found.items():
        rows = [columns_of(record) for record in model.records]
        rows = [row for row in rows if not key or row["country"] == [key[0][1]]]
        for output, column in {"a": "weight", "b": "scores", "c": "level"}.items():
            total = sum(np.sum(np.float64(row[column])) for row in rows)
            name = f"post_export_metrics/{output}/example_weight"
            assert metrics[name] == pytest.approx(total, rel=1e-12)
        assert metrics[COUNT] == len(rows)


def test_weight_of_the_config(model, shared):
    config = {"modelSpecs": [{"exampleWeightKey": "weight"}]}
    found = slices(microtome.run_model_analysis(shared, model.data_path, eval_config=config))
    weights = [columns_of(record)["weight"][0] for record in model.records]
    assert found[()][WEIGHT] == pytest.approx(sum(weights), rel=1e-12)


def test_pipeline_of_ones_own(model, shared, whole, tmp_path):
    """The first guide's way: a source of Beam's, then everything in one transform."""
    output = str(tmp_path / "result")
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | "ReadData" >> beam.io.ReadFromTFRecord(model.data_path)
            | "ExtractEvaluateAndWriteResults"
            >> microtome.ExtractEvaluateAndWriteResults(
                eval_shared_model=shared,
                output_path=output,
                display_only_data_location=model.data_path,
                display_only_file_format="tfrecords",
                slice_spec=SPECS,
            )
        )
    result = microtome.load_eval_result(output)
    assert_same(slices(result), whole)
    assert result.data_location == model.data_path
    assert result.model_location == model.model_path
    paths = {how["path"] for how in result.metric_paths.values()}
    assert paths == {"cut"}


def test_pipeline_without_examples(shared, tmp_path):
    with (
        pytest.raises(Exception, match="There are no examples") as caught,
        beam.Pipeline() as pipeline,
    ):
        _ = (
            pipeline
            | beam.Create([], reshuffle=False)
            | microtome.ExtractEvaluateAndWriteResults(shared, str(tmp_path / "result"))
        )
    # runners of other people's pipelines wrap the error
    assert "nothing to evaluate" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_transform_checks_before_the_pipeline_runs(shared, tmp_path):
    with pytest.raises(ConfigError, match=r"'county'.*did you mean 'country'"):
        microtome.ExtractEvaluateAndWriteResults(
            shared,
            str(tmp_path / "result"),
            slice_spec=[microtome.SingleSliceSpec(columns=["county"])],
        )


def test_models_travel(shared):
    """A worker loads the model from what it is told; nothing of TensorFlow is pickled."""
    again = pickle.loads(pickle.dumps(shared))
    assert again == shared


def test_an_older_result_is_not_taken_for_that_of_workers_elsewhere(model, shared, tmp_path):
    """Workers that do not share the output path leave what lies there as it is."""
    output, elsewhere = str(tmp_path / "result"), str(tmp_path / "elsewhere")
    microtome.run_model_analysis(shared, model.data_path, output_path=output)

    class Elsewhere(DirectRunner):
        def run_pipeline(self, pipeline, options):
            done = super().run_pipeline(pipeline, options)
            done.wait_until_finish()
            os.rename(output, elsewhere)
            os.rename(older, output)
            return done

    older = shutil.copytree(output, str(tmp_path / "older"))
    with pytest.raises(OutputError, match=r"is of another evaluation\. Elsewhere has run"):
        analysis.evaluate_files(
            lambda: beam.Pipeline(runner=Elsewhere()),
            shared,
            microtome.EvalConfig(slicing_specs=[{}]),
            [model.data_path],
            output,
        )
    assert microtome.load_eval_result(elsewhere).example_count() == len(model.records)
