"""Models whose predictions are numbers in the data, in every way that data may come in.

What is expected is computed from the records with numpy.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions

import microtome
from microtome.executor.shared_model import default_eval_shared_model
from tests.executor.rows import columns_of
from tests.zoo import fixed

COUNT, WEIGHT = "post_export_metrics/example_count", "post_export_metrics/example_weight"
# a row as the metrics see it: its columns, with `prediction`, `label` and maybe `weight` numbers
Row = dict[str, Any]


def evaluate(
    model: Any, columns: Iterable[Sequence[str]] = ((),), **options: Any
) -> dict[Any, dict[str, Any]]:
    shared = default_eval_shared_model(
        model.model_path, example_weight_key=model.example_weight_key
    )
    specs = [microtome.SingleSliceSpec(columns=names) for names in columns]
    result = microtome.run_model_analysis(shared, model.data_path, slice_spec=specs, **options)
    return dict(result.slices())


def rows_of_examples(records: Sequence[bytes]) -> list[Row]:
    rows = []
    for record in records:
        columns = columns_of(record)
        numbers = {name: columns[name][0] for name in ("prediction", "label", "weight")}
        rows.append({**columns, **numbers})
    return rows


def rows_of_lists(records: Sequence[bytes]) -> list[Row]:
    """A row for each of an example's predictions."""
    rows = []
    for record in records:
        columns = columns_of(record)
        if "prediction" in columns:
            lists = zip(columns["prediction"], columns["label"], columns["language"], strict=True)
            rows += [
                {
                    "prediction": prediction,
                    "label": label,
                    "language": [language],
                    "slice_key": columns["slice_key"],
                }
                for prediction, label, language in lists
            ]
    return rows


def rows_of_csv(records: Sequence[bytes]) -> list[Row]:
    rows = []
    for record in records:
        prediction, label, language, slice_key = record.decode().split(",")
        rows.append(
            {
                "prediction": float(prediction),
                "label": float(label),
                "language": [language],
                "slice_key": [slice_key],
            }
        )
    return rows


def rows_of_sequences(records: Sequence[bytes]) -> list[Row]:
    rows = []
    for record in records:
        example = tf.train.SequenceExample.FromString(record)
        scores = example.feature_lists.feature_list["scores"].feature
        context = columns_of(tf.train.Example(features=example.context).SerializeToString())
        rows.append(
            {
                "prediction": max(step.float_list.value[0] for step in scores),
                "label": context["label"][0],
                "language": context["language"],
            }
        )
    return rows


def expected_metrics(rows: Sequence[Row], weighted: bool) -> dict[str, float]:
    prediction, label = (np.array([row[name] for row in rows]) for name in ("prediction", "label"))
    weight = np.array([row.get("weight", np.nan) for row in rows])
    return {
        # tf.round goes to the even number, as numpy does
        "accuracy": np.mean(np.round(prediction) == label),
        "mean_label": np.mean(label),
        "mean_prediction": np.mean(prediction),
        "mean_weighted": np.average(prediction, weights=weight),
        "auc": trapezoidal_auc(prediction, label),
        COUNT: len(rows),
        WEIGHT: np.sum(weight) if weighted else len(rows),
    }


def trapezoidal_auc(prediction: np.ndarray, label: np.ndarray) -> float:
    """As tf.metrics.auc has it: 200 thresholds, a millionth against division by zero."""
    thresholds = np.array([-1e-7, *(np.arange(1, 199) / 199), 1 + 1e-7], np.float32)
    above = prediction[np.newaxis].astype(np.float32) > thresholds[:, np.newaxis]
    positive = label > 0
    true, false = above[:, positive].sum(axis=1), above[:, ~positive].sum(axis=1)
    recall = (true + 1e-6) / (positive.sum() + 1e-6)
    fall_out = false / ((~positive).sum() + 1e-6)
    return float(np.sum((fall_out[:-1] - fall_out[1:]) * (recall[:-1] + recall[1:]) / 2))


def check(found: dict[Any, dict[str, Any]], rows: Sequence[Row], weighted: bool = False) -> None:
    """Compares all slices, and sees that no other is there."""
    columns = {key[0][0] for key in found if key}
    keys = {((c, value),) for row in rows for c in columns for value in row.get(c, ())}
    assert set(found) == {(), *keys}
    for key, values in found.items():
        inside = [row for row in rows if all(value in row.get(c, ()) for c, value in key)]
        expected = expected_metrics(inside, weighted)
        # the epsilons of the graph are 32-bit numbers
        assert values.pop("auc") == pytest.approx(expected["auc"], rel=1e-6, abs=1e-9)
        assert values == pytest.approx({name: expected[name] for name in values}, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "rows_of"),
    [
        ("fixed", rows_of_examples),
        ("fixed_bare_predictions", rows_of_examples),
        ("fixed_ragged", rows_of_examples),
        ("fixed_csv", rows_of_csv),
        ("rows_of_inputs", rows_of_lists),
        # makes batches of 16 rows, whatever is fed
        ("iterator", rows_of_examples),
    ],
)
def test_numbers_in_numbers_out(zoo_model, name, rows_of: Callable[..., list[Row]]):
    model = zoo_model(name)
    found = evaluate(model, [(), ("language",), ("slice_key",)])
    assert {"accuracy", "mean_label", "mean_prediction", COUNT, WEIGHT} < set(found[()])
    check(found, rows_of(model.records), model.example_weight_key is not None)


def test_sequences(zoo_model):
    model = zoo_model("fixed_sequences")
    check(evaluate(model, [(), ("language",)]), rows_of_sequences(model.records))


def test_bare_features_and_no_labels(zoo_model):
    """A model without named features can be evaluated, if not sliced."""
    model = zoo_model("fixed_bare_features")
    check(evaluate(model), rows_of_examples(model.records))
    model = zoo_model("fixed_no_labels")
    found = evaluate(model, [(), ("slice_key",)])
    assert len(found) == 8
    predictions = np.array([columns_of(record)["prediction"][0] for record in model.records])
    assert found[()]["mean"] == pytest.approx(predictions.mean(), rel=1e-12)
    assert found[()]["mean_square"] == pytest.approx(np.mean(predictions**2), rel=1e-12)


def test_examples_of_several_rows_count_each_row_once(zoo_model, tmp_path):
    """TFMA counts 1² + 3² + 2² = 14 rows here, and gives slices rows that are not theirs."""
    model = zoo_model("rows_of_inputs")
    by_size = {len(columns_of(r).get("prediction", ())): r for r in model.records}
    records = [by_size[size] for size in (1, 3, 2, 0)]
    path = str(tmp_path / "three.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)
    shared = default_eval_shared_model(model.model_path)
    result = microtome.run_model_analysis(
        shared,
        path,
        slice_spec=[
            microtome.SingleSliceSpec(),
            microtome.SingleSliceSpec(columns=["language"]),
            microtome.SingleSliceSpec(columns=["slice_key"]),
        ],
    )
    found = dict(result.slices())
    assert found[()][COUNT] == 6
    by_language = [
        values[COUNT] for key, values in found.items() if key and key[0][0] == "language"
    ]
    assert sum(by_language) == 6
    check(found, rows_of_lists(records))
    assert result.run_info["counts"]["examples"] == 4
    assert result.run_info["counts"]["rows"] == 6


def test_batches_that_the_model_refuses_are_halved(zoo_model):
    """It refuses more than eight rows; the metrics are cut all the same."""
    model = zoo_model("fixed_batch_limit")
    assert len(model.records) > fixed.BATCH_LIMIT
    result = microtome.run_model_analysis(
        default_eval_shared_model(model.model_path), model.data_path
    )
    assert {how["path"] for how in result.metric_paths.values()} == {"cut"}
    check(dict(result.slices()), rows_of_examples(model.records))


def test_lines_of_text(zoo_model, tmp_path):
    """Plain and compressed, with and without an end of the last line, with ends of Windows."""
    model = zoo_model("fixed_csv")
    records = model.records
    (tmp_path / "a.csv").write_bytes(b"\n".join(records[:40]))
    (tmp_path / "b.csv").write_bytes(b"\r\n".join(records[40:80]) + b"\r\n")
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(b"\n".join(records[80:]) + b"\n"))
    found = microtome.run_model_analysis(
        default_eval_shared_model(model.model_path),
        str(tmp_path / "*.csv*"),
        file_format="text",
        slice_spec=[microtome.SingleSliceSpec(), microtome.SingleSliceSpec(columns=["slice_key"])],
    )
    assert found.file_format == "text"
    check(dict(found.slices()), rows_of_csv(records))


@pytest.mark.slow
def test_two_processes_agree_to_twelve_digits(zoo_model, tmp_path):
    model = zoo_model("fixed")
    for i, part in enumerate(np.array_split(np.arange(len(model.records)), 5)):
        with tf.io.TFRecordWriter(str(tmp_path / f"part-{i}")) as writer:
            for row in part:
                writer.write(model.records[row])
    shared = default_eval_shared_model(model.model_path, example_weight_key="weight")
    specs = [
        microtome.SingleSliceSpec(columns=names) for names in ((), ("language",), ("slice_key",))
    ]

    def run(*flags: str) -> dict[Any, dict[str, Any]]:
        options = PipelineOptions(list(flags))
        result = microtome.run_model_analysis(
            shared, str(tmp_path / "part-*"), slice_spec=specs, pipeline_options=options
        )
        return dict(result.slices())

    found = run("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    expected = run("--direct_running_mode=in_memory")
    assert set(found) == set(expected)
    for key, values in expected.items():
        assert found[key] == pytest.approx(values, rel=1e-12)


def uncut(features, predictions, labels):
    """A metric for which the graph must be run on each slice's rows, and one for all at the end."""
    v1 = tf.compat.v1
    prediction = predictions["logistic"]
    total = v1.get_local_variable("total", [], initializer=v1.zeros_initializer())
    hits = tf.reduce_sum(tf.boolean_mask(prediction, labels > 0))
    largest = v1.get_local_variable("largest", [], initializer=v1.zeros_initializer())
    update = largest.assign(tf.maximum(largest.read_value(), tf.reduce_max(prediction)))
    return {
        "total_of_hits": (total.read_value(), total.assign_add(hits)),
        "largest": (largest.read_value(), update),
    }


@pytest.mark.parametrize(
    ("name", "rows_of"),
    [
        ("fixed_ragged", rows_of_examples),
        ("fixed_batch_limit", rows_of_examples),
        ("rows_of_inputs", rows_of_lists),
        ("iterator", rows_of_examples),
    ],
)
def test_uncut_metrics(zoo_model, name, rows_of: Callable[..., list[Row]]):
    """Slices get the rows that are theirs, whatever the examples that these stand in."""
    model = zoo_model(name)
    rows = rows_of(model.records)
    result = microtome.run_model_analysis(
        default_eval_shared_model(model.model_path, add_metrics_callbacks=[uncut]),
        model.data_path,
        slice_spec=[microtome.SingleSliceSpec(), microtome.SingleSliceSpec(columns=["language"])],
        desired_batch_size=64,
    )
    paths = {name: how["path"] for name, how in result.metric_paths.items()}
    assert paths["total_of_hits"] == "reference, summed"
    assert paths["largest"] == "reference, all rows"
    assert len(result.slicing_metrics) == 3
    for key, values in result.slices():
        inside = [row for row in rows if not key or key[0][1] in row.get("language", ())]
        hits = [row["prediction"] for row in inside if row["label"] > 0]
        assert values["total_of_hits"] == pytest.approx(sum(hits), rel=1e-6)
        assert values["largest"] == max(row["prediction"] for row in inside)
