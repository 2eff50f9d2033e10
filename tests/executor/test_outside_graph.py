"""Metrics outside a graph, end to end: of data with predictions, and of models of every kind."""

from __future__ import annotations

import pathlib
from typing import Any

import apache_beam as beam
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf
from sklearn import metrics as sk

import microtome
from microtome import post_export_metrics
from microtome.errors import ConfigError, DataError
from microtome.executor import queries
from microtome.results.slice_keys import is_cross_slice_key

ROWS = 400
METRICS = """
metrics_specs {
  metrics { class_name: "AUC" } metrics { class_name: "Recall" }
  metrics { class_name: "MeanLabel" } metrics { class_name: "ConfusionMatrixPlot" }
}
slicing_specs {} slicing_specs { feature_keys: "country" }
"""
IN_DATA = 'model_specs { label_key: "label" prediction_key: "score" example_weight_key: "weight" }'


def table() -> pd.DataFrame:
    generator = np.random.default_rng(5)
    labels = generator.integers(0, 2, ROWS)
    return pd.DataFrame(
        {
            "label": labels,
            "score": np.clip(0.3 * labels + 0.7 * generator.random(ROWS), 0, 1),
            "weight": generator.random(ROWS),
            "country": generator.choice(["de", "fr", "in"], ROWS, p=[0.6, 0.38, 0.02]),
            "query": generator.integers(0, 50, ROWS),
            "gain": generator.integers(0, 4, ROWS),
        }
    )


def as_example(row: dict[str, Any]) -> bytes:
    example = tf.train.Example()
    for name, value in row.items():
        feature = example.features.feature[name]
        if isinstance(value, str):
            feature.bytes_list.value.append(value.encode())
        elif isinstance(value, int):
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.append(value)
    return example.SerializeToString()


def numbers(result: Any, model_name: str | None = None) -> dict[Any, dict[str, Any]]:
    if model_name is not None:
        result = microtome.load_eval_result(result.output_path, model_name=model_name)
    return dict(result.slices())


def assert_same(one: Any, other: Any, rel: float = 1e-6) -> None:
    assert set(one) == set(other)
    for key, metrics in one.items():
        assert other[key] == pytest.approx(metrics, rel=rel, nan_ok=True)


@pytest.fixture(scope="module")
def of_frame() -> Any:
    return microtome.analyze_raw_data(table(), IN_DATA + METRICS)


def test_frame_as_scikit_learn(of_frame: Any) -> None:
    for key, metrics in numbers(of_frame).items():
        data = table() if not key else table().query(f"country == {key[0][1]!r}")
        weights = data["weight"]
        expected = sk.roc_auc_score(data["label"], data["score"], sample_weight=weights)
        assert metrics["auc"] == pytest.approx(expected, rel=1e-3)
        recall = sk.recall_score(data["label"], data["score"] > 0.5, sample_weight=weights)
        assert metrics["recall"] == pytest.approx(recall)
        assert metrics["example_count"] == len(data)
        assert metrics["weighted_example_count"] == pytest.approx(weights.sum())


@pytest.mark.parametrize("file_format", ["parquet", "arrow", "csv", "tfrecords"])
def test_files_as_the_frame(of_frame: Any, tmp_path: pathlib.Path, file_format: str) -> None:
    path = str(tmp_path / f"data.{file_format}")
    data = table()
    if file_format == "parquet":
        data.to_parquet(path)
    elif file_format == "arrow":
        with pa.OSFile(path, "wb") as sink:
            arrow = pa.Table.from_pandas(data)
            with pa.ipc.new_file(sink, arrow.schema) as writer:
                writer.write_table(arrow, max_chunksize=99)
    elif file_format == "csv":
        data.to_csv(path, index=False)
    else:
        with tf.io.TFRecordWriter(path) as writer:
            for row in data.to_dict("records"):
                writer.write(as_example(row))
    result = microtome.run_model_analysis(
        data_location=path,
        file_format=file_format,
        eval_config=IN_DATA + METRICS + "options { batch_size: 37 }",
    )
    # tf.Examples hold 32 bits
    assert_same(numbers(of_frame), numbers(result), 1e-3 if file_format == "tfrecords" else 1e-9)


@pytest.mark.parametrize("form", ["dicts", "batches", "examples"])
def test_collections_as_the_frame(of_frame: Any, tmp_path: pathlib.Path, form: str) -> None:
    rows: list[Any] = table().to_dict("records")
    if form == "batches":
        rows = pa.Table.from_pandas(table()).to_batches(max_chunksize=111)
    elif form == "examples":
        rows = list(map(as_example, rows))
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(rows)
            | microtome.ExtractEvaluateAndWriteResults(
                output_path=str(tmp_path / "result"), eval_config=IN_DATA + METRICS
            )
        )
    result = microtome.load_eval_result(str(tmp_path / "result"))
    assert_same(numbers(of_frame), numbers(result), 1e-3 if form == "examples" else 1e-9)


def test_rows_of_a_query_come_together() -> None:
    config = (
        IN_DATA
        + """metrics_specs { query_key: "query"
          metrics { class_name: "NDCG" config: '"gain_key": "gain", "top_k_list": [1, 3]' }
          metrics { class_name: "QueryStatistics" } metrics { class_name: "MinLabelPosition" } }
        slicing_specs {} slicing_specs { feature_keys: "country" }"""
    )
    together = microtome.analyze_raw_data(table(), config)
    apart = microtome.analyze_raw_data(table(), config + "options { batch_size: 7 }")
    assert_same(numbers(together), numbers(apart), 1e-9)
    data = table()
    overall = numbers(together)[()]
    assert overall["max_documents"] == data.groupby("query").size().max()
    expected = [
        (sk.ndcg_score([part["gain"]], [part["score"]], k=3), part["weight"].mean())
        for _, part in data.groupby("query")
    ]
    ndcg, weights = np.array(expected).T
    assert overall["ndcg (topK:3)"] == pytest.approx(np.average(ndcg, weights=weights))


def test_slices_are_compared() -> None:
    cross = """cross_slicing_specs { baseline_spec {} slicing_specs { feature_keys: "country" } }
        cross_slicing_specs { baseline_spec { feature_values { key: "country" value: "de" } } }"""
    found = numbers(microtome.analyze_raw_data(table(), IN_DATA + METRICS + cross))
    overall, of_de = (), (("country", "de"),)
    crossed = set(filter(is_cross_slice_key, found))
    others = [key for key in found if key and key not in crossed]
    assert crossed == {
        *((overall, other) for other in others),
        *((of_de, other) for other in (overall, *others) if other != of_de),
    }
    for baseline, compared in crossed:
        for name, value in found[baseline, compared].items():
            assert value == pytest.approx(found[baseline][name] - found[compared][name], abs=1e-12)


def test_small_slices_are_withheld() -> None:
    small = table().query("country == 'in'")
    assert 0 < len(small) < 30
    config = IN_DATA + METRICS + "options { min_slice_size { value: 30 } }"
    result = microtome.analyze_raw_data(table(), config)
    withheld = (("country", "in"),)
    assert list(result.withheld_slices()) == [withheld]
    assert "30" in result.withheld_slices()[withheld]
    assert withheld not in dict(result.plots)
    assert set(dict(result.plots)) == {(), (("country", "de"),), (("country", "fr"),)}
    # the whole is told, however small
    of_few = microtome.analyze_raw_data(small, config)
    assert numbers(of_few)[()]["example_count"] == len(small)


def save_model(path: str, bias: float) -> str:
    """Saves a model whose prediction is the score plus a bias."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = tf.io.parse_example(examples, {"score": tf.io.FixedLenFeature([], tf.float32)})
        return {"output": tf.clip_by_value(scores["score"] + bias, 0.0, 1.0)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def transform(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        labels = tf.io.parse_example(examples, {"label": tf.io.FixedLenFeature([], tf.int64)})
        return {"opposite": 1 - labels["label"]}

    signatures = {"serving_default": serve, "transform": transform}
    tf.saved_model.save(tf.Module(), path, signatures=signatures)
    return path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("served")
    with tf.io.TFRecordWriter(str(home / "data")) as writer:
        for row in table().to_dict("records"):
            writer.write(as_example(row))
    models = {name: save_model(str(home / name), bias) for name, bias in (("a", 0), ("b", 0.2))}
    return {"data": str(home / "data"), **models}


def test_model_that_serves(of_frame: Any, served: dict[str, str]) -> None:
    result = microtome.run_model_analysis(
        microtome.default_eval_shared_model(served["a"]),
        served["data"],
        eval_config='model_specs { label_key: "label" example_weight_key: "weight" }' + METRICS,
    )
    assert_same(numbers(of_frame), numbers(result), 1e-3)


def test_labels_that_the_model_transforms(served: dict[str, str]) -> None:
    spec = 'model_specs { label_key: "opposite" preprocessing_function_names: "transform" }'
    result = microtome.run_model_analysis(
        microtome.default_eval_shared_model(served["a"]),
        served["data"],
        eval_config=spec + METRICS,
    )
    assert numbers(result)[()]["mean_label"] == pytest.approx(1 - table()["label"].mean())


def test_several_models(served: dict[str, str]) -> None:
    models = [
        microtome.default_eval_shared_model(served[name], model_name=name) for name in ("a", "b")
    ]
    specs = """model_specs { name: "a" label_key: "label" }
               model_specs { name: "b" label_key: "label" is_baseline: true }"""
    result = microtome.run_model_analysis(models, served["data"], eval_config=specs + METRICS)
    data = table()
    for name, bias in (("a", 0.0), ("b", 0.2)):
        recall = sk.recall_score(data["label"], data["score"] + bias > 0.5)
        assert numbers(result, name)[()]["recall"] == pytest.approx(recall)
    with pytest.raises(ConfigError, match="no model_specs of the name 'c'"):
        microtome.run_model_analysis(
            [microtome.default_eval_shared_model(served["a"], model_name="c"), models[1]],
            served["data"],
            eval_config=specs + METRICS,
        )


def test_eval_saved_model_takes_no_columns(committed_model: Any, tmp_path: pathlib.Path) -> None:
    table().to_parquet(tmp_path / "data.parquet")
    model = microtome.default_eval_shared_model(committed_model("handmade_serve_tf1").model_path)
    with pytest.raises(DataError, match="parses serialized examples, but the data are rows"):
        microtome.run_model_analysis(model, str(tmp_path / "data.parquet"), "parquet")


def test_callbacks_of_one_name(committed_model: Any) -> None:
    model = committed_model("handmade_serve_tf1")
    twice = [post_export_metrics.calibration(), post_export_metrics.calibration()]
    shared = microtome.default_eval_shared_model(model.model_path, add_metrics_callbacks=twice)
    with pytest.raises(ConfigError, match=r"'post_export_metrics/calibration' more than once"):
        microtome.run_model_analysis(shared, model.data_path)


def test_eval_saved_model(committed_model: Any) -> None:
    model = committed_model("handmade_serve_tf1")
    shared = microtome.default_eval_shared_model(
        model.model_path, add_metrics_callbacks=[post_export_metrics.calibration()]
    )
    config = """metrics_specs { metrics { class_name: "MeanPrediction" }
                  metrics { class_name: "MeanLabel" } }
                slicing_specs {} slicing_specs { feature_keys: "country" }"""
    result = microtome.run_model_analysis(shared, model.data_path, eval_config=config)
    in_graph = microtome.run_model_analysis(
        microtome.default_eval_shared_model(model.model_path),
        model.data_path,
        eval_config='slicing_specs {} slicing_specs { feature_keys: "country" }',
    )
    for key, metrics in numbers(in_graph).items():
        found = numbers(result)[key]
        assert {name: found[name] for name in metrics} == metrics
        ratio = found["mean_prediction"] / found["mean_label"]
        assert found["post_export_metrics/calibration"] == pytest.approx(ratio)


def test_a_column_of_csv_has_one_type(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.csv").write_text("label,score,zip\n1,0.5,5\n0,0.2,6\n")
    (tmp_path / "b.csv").write_text("label,score,zip\n1,1,5\n0,0,x\n")
    result = microtome.run_model_analysis(
        data_location=str(tmp_path / "*.csv"),
        file_format="csv",
        eval_config="""model_specs { label_key: "label" prediction_key: "score" }
            metrics_specs { metrics { class_name: "MeanLabel" } }
            slicing_specs { feature_keys: "zip" }""",
    )
    counts = {key[0][1]: metrics["example_count"] for key, metrics in numbers(result).items()}
    assert counts == {"5": 2, "6": 1, "x": 1}


def test_a_query_is_one_whatever_its_type() -> None:
    assert queries._shard(queries._distinct(np.array([5.0, 5.5]))[0][0], 16) == queries._shard(
        queries._distinct(np.array([5]))[0][0], 16
    )
    names, codes = queries._distinct(np.array(["a", b"a", "b", None], object))
    assert names == [b"a", b"b"]
    assert codes.tolist() == [0, 0, 1, -1]
