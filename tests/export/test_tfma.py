"""What we export, real TFMA loads and evaluates."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests import oracle
from tests.zoo import data, fixed


def run_graph(model, records) -> dict[str, np.ndarray]:
    """The model's metrics over `records`, by its own graph."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta_graph = tf.compat.v1.saved_model.load(session, ["eval"], model.model_path)
        signature = meta_graph.signature_def["eval"]
        outputs = {key: info.name for key, info in signature.outputs.items()}
        updates = [name for key, name in outputs.items() if key.endswith("/update_op")]
        session.run(updates, {signature.inputs["inputs/examples"].name: records})
        values = {key: name for key, name in outputs.items() if key.endswith("/value")}
        found = session.run(values)
    return {
        key.removeprefix("metrics/").removesuffix("/value"): value for key, value in found.items()
    }


def values_of(record: bytes, column: str) -> list:
    feature = tf.train.Example.FromString(record).features.feature[column]
    values = feature.float_list.value or feature.int64_list.value or feature.bytes_list.value
    return [value.decode() if isinstance(value, bytes) else value for value in values]


def without_counts(metrics: dict) -> dict:
    return {k: v for k, v in metrics.items() if not k.startswith("post_export_metrics/")}


@pytest.mark.parametrize("name", ["dnn_binary_v2", "linear_named_classes_assets_v1"])
def test_slices_of_trained_models(zoo_model, name):
    model = zoo_model(name)
    found = oracle.evaluate(model, [(), ("languages",), ("age_group",)])
    # the slicing-only feature, made by the receiver
    assert {key[0][1] for key in found if key and key[0][0] == "age_group"} == {
        *("0", "20", "40", "60", "80"),
    }
    rows = {(): model.records}
    for language in data.LANGUAGES:
        rows[(("languages", language),)] = [
            record for record in model.records if language in values_of(record, "languages")
        ]
    for key, records in rows.items():
        assert found[key]["post_export_metrics/example_count"] == len(records)
        expected = run_graph(model, records)
        assert without_counts(found[key]) == pytest.approx(expected, rel=1e-5)


def hand_computed(records: list[bytes]) -> dict[str, float]:
    columns = ("prediction", "label", "weight")
    prediction, label, weight = np.array([[values_of(r, c)[0] for c in columns] for r in records]).T
    return {
        "accuracy": np.mean(np.round(prediction) == label),
        "mean_label": np.mean(label),
        "mean_prediction": np.mean(prediction),
        "mean_weighted": np.average(prediction, weights=weight),
        "post_export_metrics/example_count": len(records),
        "post_export_metrics/example_weight": np.sum(weight),
    }


def test_numbers_in_numbers_out(zoo_model):
    model = zoo_model("fixed_ragged")
    found = oracle.evaluate(model, [(), ("language",)])
    assert len(found) == 3
    for key, metrics in found.items():
        records = [
            record
            for record in model.records
            if not key or key[0][1] in values_of(record, "language")
        ]
        expected = hand_computed(records)
        assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-6)


def test_bare_features_and_no_labels(zoo_model):
    model = zoo_model("fixed_bare_features")
    expected = hand_computed(model.records)
    (metrics,) = oracle.evaluate(model).values()
    assert metrics["mean_prediction"] == pytest.approx(expected["mean_prediction"], rel=1e-6)
    model = zoo_model("fixed_no_labels")
    (metrics,) = oracle.evaluate(model).values()
    assert metrics["mean"] == pytest.approx(expected["mean_prediction"], rel=1e-6)


def test_input_refs(zoo_model):
    model = zoo_model("rows_of_inputs")
    found = oracle.evaluate(model, [(), ("slice_key",)])
    # TFMA counts every row of an input as often as the input has rows
    sizes = [len(values_of(record, "prediction")) for record in model.records]
    assert found[()]["post_export_metrics/example_count"] == sum(size**2 for size in sizes)
    assert len(found) == 6


def test_parsed_examples_are_as_described():
    """Guards the helpers above: the data has rows without, with one and with several languages."""
    lengths = {len(values_of(record, "languages")) for record in data.people()}
    assert lengths == {0, 1, 2, 3}
    assert {len(values_of(record, "language")) for record in fixed.fixed_records()} == {0, 1, 2}
