"""The whole way of a model: transformed, trained, evaluated, pushed; what was pushed answers."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Iterator, Mapping

import grpc
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import yaml
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)
from tfx.dsl.components.common import importer
from tfx.orchestration import metadata
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.local import local_dag_runner
from tfx.types import standard_artifacts

from microtome.component import SlicedEvaluator, kubeflow
from microtome.errors import ConfigError, DataError
from microtome.executor import sources
from microtome.model.feeding import BatchRunner
from microtome.model.loading import load_model
from microtome.pipelines import full, local
from microtome.pipelines.flights import data, transform
from microtome.proto import config_pb2
from microtome.results.eval_result import EvalResult
from microtome.results.loader import load_eval_result
from tests import oracle
from tests.pipelines.serving import serving
from tests.zoo.models import ZooModel

# a whole pipeline, in a fixture
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

MONTH = 2
ROWS_PER_MONTH = 600
MODEL = "flights"
RAW = ("carrier", "month", "origin", "late")
TRANSFORMED = ("distance_bucket_xf", "departure_bucket_xf", "late_xf")
Stub = prediction_service_pb2_grpc.PredictionServiceStub


@pytest.fixture(scope="module")
def root(flights: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where the command left everything."""
    folder = tmp_path_factory.mktemp("full")
    data.write_span(flights, str(folder / "data"), MONTH, rows_per_month=ROWS_PER_MONTH)
    command = ["full", "--data", str(folder / "data"), "--root", str(folder / "root")]
    started = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", [*command, "--train-steps", "30"])
        full.main()
    print(f"\nThe full pipeline took {time.monotonic() - started:.0f} s.")
    return folder / "root"


@pytest.fixture(scope="module")
def store(root: pathlib.Path) -> metadata_store.MetadataStore:
    connection = metadata.sqlite_metadata_connection_config(str(root / local.METADATA_FILE))
    return metadata_store.MetadataStore(connection)


def uri(store: metadata_store.MetadataStore, type_name: str) -> str:
    (artifact,) = store.get_artifacts_by_type(type_name)
    return str(artifact.uri)


@pytest.fixture(scope="module")
def result(store: metadata_store.MetadataStore) -> EvalResult:
    return load_eval_result(uri(store, "ModelEvaluation"))


@pytest.fixture(scope="module")
def examples_file(root: pathlib.Path) -> str:
    """The raw examples that were evaluated."""
    (file,) = root.glob(f"ImportExampleGen/examples/*/Split-{data.NEXT_MONTH}/*")
    return str(file)


@pytest.fixture(scope="module")
def records(examples_file: str) -> list[bytes]:
    (batch,) = sources.read_batches(examples_file, "tfrecords")
    return list(batch.records)


@pytest.fixture(scope="module")
def table(records: list[bytes], store: metadata_store.MetadataStore) -> pd.DataFrame:
    """One row an example: its raw features, and its transformed ones by Transform's own graph."""
    transformed = tft.TFTransformOutput(uri(store, "TransformGraph"))
    raw = tf.io.parse_example(records, transformed.raw_feature_spec())
    made = transformed.transform_features_layer()(raw)
    columns = {name: raw[name][:, 0] for name in RAW} | {name: made[name] for name in TRANSFORMED}
    values = {name: tensor.numpy() for name, tensor in columns.items()}
    return pd.DataFrame(
        {
            name: [one.decode() for one in array] if array.dtype == object else array
            for name, array in values.items()
        }
    )


@pytest.fixture(scope="module")
def stub(root: pathlib.Path) -> Iterator[Stub]:
    """A client of a server of the pushed model."""
    with serving(MODEL, root / full.SERVING_FOLDER) as stub:
        yield stub


@pytest.fixture(scope="module")
def served(stub: Stub, records: list[bytes], table: pd.DataFrame) -> pd.DataFrame:
    """`table`, with what the server answers: the probability of being late, and the class."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = MODEL, "predict"
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto(records))
    response = stub.Predict(request)
    outputs = {key: tf.make_ndarray(value) for key, value in response.outputs.items()}
    classes = [name.decode() for name in outputs["classes"][:, 0]]
    return table.assign(probability=outputs["probabilities"][:, 1], predicted=classes)


def numbers(result: EvalResult, columns: tuple[str, ...], metric: str) -> dict[tuple, float]:
    """A metric of the slices of these columns, by their values in the order of `columns`."""
    found = {}
    for key, values in result.slices():
        by_column = dict(key)
        if set(by_column) == set(columns):
            found[tuple(by_column[column] for column in columns)] = values[metric]
    return found


def parted(rows: pd.DataFrame, columns: tuple[str, ...]) -> dict[tuple, pd.DataFrame]:
    """The rows of each slice of these columns, by their values in the order of `columns`."""
    if not columns:
        return {(): rows}
    if len(columns) == 1:
        return {(value,): part for value, part in rows.groupby(columns[0])}
    return dict(iter(rows.groupby(list(columns))))


def test_every_node_ran(store: metadata_store.MetadataStore, root: pathlib.Path) -> None:
    executions = store.get_executions()
    for execution in executions:
        name = execution.type.rpartition(".")[2]
        took = execution.last_update_time_since_epoch - execution.create_time_since_epoch
        print(f"{name:20}{took / 1000:6.1f} s")
        assert execution.last_known_state == metadata_store_pb2.Execution.COMPLETE
    assert len(executions) == 8
    (pushed,) = store.get_artifacts_by_type("PushedModel")
    (version,) = (root / full.SERVING_FOLDER).iterdir()
    assert pushed.custom_properties["pushed_destination"].string_value == str(version)


def test_nothing_falls_back_to_the_reference_path(result: EvalResult) -> None:
    paths = {name: account["path"] for name, account in result.run_info["metrics"].items()}
    assert {"accuracy", "auc", "average_loss"} <= set(paths)
    assert set(paths.values()) == {"cut"}


@pytest.mark.parametrize("columns", full.SLICES, ids=" ".join)
def test_the_pushed_model_is_the_evaluated_one(
    result: EvalResult, served: pd.DataFrame, columns: tuple[str, ...]
) -> None:
    """Slices of raw and of transformed features, computed from what the server answers."""
    late = served["late"] == 1
    assert (late == (served["late_xf"] == "late")).all()
    right = np.where(late, served["probability"], 1 - served["probability"])
    rows = served.assign(
        example_count=1.0,
        accuracy=(served["predicted"] == served["late_xf"]).astype(float),
        average_loss=-np.log(right),
        mean=late.astype(float),
    )
    for metric, name, aggregate in (
        ("post_export_metrics/example_count", "example_count", "sum"),
        ("accuracy", "accuracy", "mean"),
        ("average_loss", "average_loss", "mean"),
        ("label/mean", "mean", "mean"),
    ):
        expected = {key: part[name].agg(aggregate) for key, part in parted(rows, columns).items()}
        found = numbers(result, columns, metric)
        assert found == pytest.approx(expected, rel=1e-5)
        assert len(found) > 1 or columns in ((), ("month",))


def test_the_numbers_are_those_of_tfma(
    store: metadata_store.MetadataStore, result: EvalResult, examples_file: str
) -> None:
    model = ZooModel(
        model_path=f"{uri(store, 'Model')}/Format-TFMA",
        records=[],
        slice_features=[],
        data_path=examples_file,
    )
    theirs = oracle.evaluate(model, full.SLICES)
    ours = {_comparable(key): metrics for key, metrics in result.slices()}
    assert ours.keys() == {_comparable(key) for key in theirs}
    for key, metrics in theirs.items():
        found = {name: ours[_comparable(key)][name] for name in metrics}
        assert found == pytest.approx(metrics, rel=1e-5, abs=1e-6, nan_ok=True)


def _comparable(key: tuple) -> tuple:
    return tuple(sorted((column, str(value)) for column, value in key))


def test_the_served_probabilities_are_the_evaluated_ones(
    store: metadata_store.MetadataStore, records: list[bytes], served: pd.DataFrame
) -> None:
    model = load_model(f"{uri(store, 'Model')}/Format-TFMA")
    try:
        ((evaluated,),) = BatchRunner(model, [model.predictions["logistic"]])(records)
    finally:
        model.close()
    np.testing.assert_allclose(served["probability"], evaluated[:, 0], rtol=1e-6)


def test_kubeflow_takes_it_and_pushes_only_what_was_evaluated(tmp_path: pathlib.Path) -> None:
    publish = config_pb2.Tracking.SINGLE
    roots = [f"gs://bucket/{name}" for name in ("root", "data", "serving")]
    pipeline = full.create_pipeline(full.PIPELINE_NAME, *roots, publish=publish)
    kubeflow.write_pipeline(pipeline, str(tmp_path / "full.yaml"), image="image:1")
    tasks = yaml.safe_load((tmp_path / "full.yaml").read_text())["root"]["dag"]["tasks"]
    assert len(tasks) == 8
    assert "SlicedEvaluator" in tasks["Pusher"]["dependentTasks"]


def _without_label(record: bytes) -> tf.train.Example:
    example = tf.train.Example.FromString(record)
    del example.features.feature[transform.LABEL]
    return example


def test_classify_and_regress_raw_examples_without_labels(
    stub: Stub, records: list[bytes], served: pd.DataFrame
) -> None:
    few = [_without_label(record) for record in records[:50]]
    classify = classification_pb2.ClassificationRequest()
    regress = regression_pb2.RegressionRequest()
    regress.model_spec.signature_name = "regression"
    for request in (classify, regress):
        request.model_spec.name = MODEL
        request.input.example_list.examples.extend(few)
    answer = stub.Classify(classify)
    assert answer.model_spec.signature_name == "serving_default"
    scores = [{c.label: c.score for c in row.classes} for row in answer.result.classifications]
    assert all(set(row) == set(transform.CLASSES) for row in scores)
    expected = served["probability"][:50]
    np.testing.assert_allclose([row["late"] for row in scores], expected, rtol=1e-6)
    values = [one.value for one in stub.Regress(regress).result.regressions]
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_a_poison_request_is_refused_and_the_next_is_answered(
    stub: Stub, records: list[bytes]
) -> None:
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = MODEL, "predict"
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto([b"poison"]))
    with pytest.raises(grpc.RpcError, match="Could not parse example input"):
        stub.Predict(request)
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto(records[:1]))
    assert stub.Predict(request).outputs["classes"].tensor_shape.dim[0].size == 1


def evaluate(
    store: metadata_store.MetadataStore, folder: pathlib.Path, examples: str, **config: object
) -> None:
    """Runs SlicedEvaluator alone on what the pipeline left; `examples` is a producing node."""
    kinds: Mapping[str, str] = {"ImportExampleGen": "examples", "Transform": "transformed_examples"}
    (artifact,) = (
        one
        for one in store.get_artifacts_by_type("Examples")
        if f"/{examples}/{kinds[examples]}/" in one.uri
    )
    model = importer.Importer(
        source_uri=uri(store, "Model"), artifact_type=standard_artifacts.Model
    ).with_id("model")
    data_ = importer.Importer(
        source_uri=artifact.uri,
        artifact_type=standard_artifacts.Examples,
        properties={"split_names": artifact.properties["split_names"].string_value},
    ).with_id("examples")
    evaluator = SlicedEvaluator(
        examples=data_.outputs["result"],
        model=model.outputs["result"],
        eval_config=config,
        example_splits=[data.TRAIN],
    )
    local_dag_runner.LocalDagRunner().run(
        tfx_pipeline.Pipeline(
            pipeline_name="again",
            pipeline_root=str(folder / "root"),
            components=[model, data_, evaluator],
            metadata_connection_config=metadata.sqlite_metadata_connection_config(
                str(folder / "metadata.sqlite")
            ),
        )
    )


def test_transformed_examples_are_refused(
    store: metadata_store.MetadataStore, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(DataError) as caught:
        evaluate(store, tmp_path, "Transform", slicing_specs=[{}])
    message = str(caught.value)
    assert "transformed_examples" in message
    assert "it has none of the features that are parsed" in message
    assert "The model parses the features arrival, carrier, day, " in message
    assert "it has: arrival_xf, carrier_xf, " in message
    assert "raw examples and not what TensorFlow Transform made of them" in message


@pytest.mark.parametrize(
    ("feature", "hint"),
    [("haul", "eval_input_receiver_fn"), ("distance_bucket", "'distance_bucket_xf'")],
)
def test_a_feature_that_neither_was_parsed_nor_transformed(
    store: metadata_store.MetadataStore, tmp_path: pathlib.Path, feature: str, hint: str
) -> None:
    with pytest.raises(ConfigError, match=f"no feature '{feature}' to slice by.*{hint}"):
        evaluate(store, tmp_path, "ImportExampleGen", slicing_specs=[{"feature_keys": [feature]}])
