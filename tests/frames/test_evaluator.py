"""Metrics of predictions that stand in the data, over slices, in every form of data."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from microtome.errors import ConfigError, DataError, ModelError, UnusableExampleError
from microtome.executor.sources import read_batches
from microtome.frames.dataframe import batch_of_dicts
from microtome.frames.evaluator import FrameEvaluator
from microtome.frames.examples import ExampleSchema
from microtome.metrics import confusion, means, regression
from microtome.metrics.collection import Collection, Computation
from microtome.metrics.metric import Metric
from microtome.metrics.views import Source, View
from microtome.slicing import Layout, SingleSliceSpec, Slicer, SliceSums
from tests.frames.examples import serialized

pytestmark = pytest.mark.current

SPECS = [
    SingleSliceSpec(),
    SingleSliceSpec(columns=["country"]),
    SingleSliceSpec(columns=["tags", "country"]),
    SingleSliceSpec(columns=["year"]),
]
SLICED_BY = ["country", "tags", "year"]
LABEL, SCORE = Source("labels", "label"), Source("predictions", "score")
METRICS: tuple[Metric, ...] = (
    confusion.BinaryAccuracy(),
    regression.MeanSquaredError(),
    means.MeanPrediction(),
)


def rows_of(number: int, seed: int = 0) -> list[dict[str, Any]]:
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(number):
        row: dict[str, Any] = {
            "label": int(generator.integers(2)),
            "score": float(np.float32(generator.random())),
            "weight": float(np.float32(generator.random())),
            "tags": [str(tag) for tag in generator.choice(["x", "y", "z"], generator.integers(4))],
            "year": int(generator.integers(2018, 2021)),
        }
        if generator.random() < 0.8:
            row["country"] = str(generator.choice(["nl", "at", "é"]))
        rows.append(row)
    return rows


def collection_of(view: View, metrics: Sequence[Metric] = METRICS) -> Collection:
    return Collection(tuple(Computation(each.name, each, (view,)) for each in metrics))


def values(
    evaluator: FrameEvaluator, collection: Collection, batches: Sequence[Any], weights: int = 0
) -> dict[Any, dict[str, float]]:
    """The metrics of each slice; "" is the number of examples and "w" the weight."""
    slicer = Slicer(SPECS)
    first = 1 + weights
    sums = SliceSums(Layout(first + collection.layout.dense, collection.layout.scattered))
    for batch in batches:
        found = evaluator.contributions(batch)
        assignments = slicer.assign(found.columns, found.num_rows)
        sums.add(assignments, len(slicer.keys), found.dense, found.scattered)
    computed = collection.compute(sums.sums[:, first:])
    return {
        key: {
            "": sums.sums[i, 0],
            **({"w": sums.sums[i, 1]} if weights else {}),
            **{name: of_slices[i] for name, of_slices in computed.items()},
        }
        for i, key in enumerate(slicer.keys)
    }


def members(rows: Sequence[Mapping[str, Any]], key: Any) -> list[Mapping[str, Any]]:
    def has(row: Mapping[str, Any], column: str, value: Any) -> bool:
        cell = row.get(column, [])
        return value in (cell if isinstance(cell, list) else [cell])

    return [row for row in rows if all(has(row, column, value) for column, value in key)]


def test_slices_of_columns() -> None:
    rows = rows_of(200)
    collection = collection_of(View(LABEL, SCORE))
    evaluator = FrameEvaluator(collection, SLICED_BY, None)
    found = values(evaluator, collection, [batch_of_dicts(rows[:70]), batch_of_dicts(rows[70:])])
    assert len(found) == 1 + 3 + 9 + 3
    for key, of_slice in found.items():
        inside = members(rows, key)
        labels, scores = np.array([[row["label"], row["score"]] for row in inside]).T
        assert of_slice[""] == len(inside)
        assert of_slice["binary_accuracy"] == pytest.approx(np.mean(labels == (scores > 0.5)))
        squared = np.mean((labels - scores) ** 2)
        assert of_slice["mean_squared_error"] == pytest.approx(squared, rel=1e-12)


def test_weights() -> None:
    rows = rows_of(100)
    collection = collection_of(View(LABEL, SCORE, weight=Source("features", "weight")))
    evaluator = FrameEvaluator(collection, SLICED_BY, "weight")
    for key, of_slice in values(evaluator, collection, [batch_of_dicts(rows)], 1).items():
        scores, weights = np.array([[row["score"], row["weight"]] for row in members(rows, key)]).T
        assert of_slice["w"] == pytest.approx(weights.sum(), rel=1e-12)
        assert of_slice["mean_prediction"] == pytest.approx(
            np.average(scores, weights=weights), rel=1e-12
        )


def test_parquet_is_as_examples(tmp_path) -> None:
    rows = rows_of(300)
    collection = collection_of(View(LABEL, SCORE, weight=Source("features", "weight")))
    evaluator = FrameEvaluator(collection, SLICED_BY, "weight")
    expected = values(evaluator, collection, np.array_split(serialized(rows), 3), 1)
    evaluator.close()

    path = str(tmp_path / "eval.parquet")
    pq.write_table(pa.Table.from_batches([batch_of_dicts(rows)]), path, row_group_size=90)
    batches = list(read_batches(path, "parquet", 40, columns=evaluator.columns))
    assert len(batches) > 5
    assert batches[0].records.schema.names == evaluator.columns
    found = values(evaluator, collection, [batch.records for batch in batches], 1)
    assert found.keys() == expected.keys()
    for key, of_slice in expected.items():
        assert found[key] == pytest.approx(of_slice, rel=1e-12)


def test_threads_share_an_evaluator() -> None:
    records = serialized(rows_of(200))
    collection = collection_of(View(LABEL, SCORE))
    evaluator = FrameEvaluator(collection, ["country"], None)
    parts = np.array_split(records, 8)
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        found = list(threads.map(evaluator.contributions, parts))
    expected = [evaluator.contributions(part) for part in parts]
    evaluator.close()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.dense, other.dense)
        assert one.columns["country"].flat.tolist() == other.columns["country"].flat.tolist()


class Predicting:
    """A model that needs no columns, and makes none."""

    needed_columns = ()

    def preprocess(self, records: Any, frame: pa.RecordBatch | None) -> dict[str, Any]:
        return {}


class Doubling(Predicting):
    """A model that says twice what a column says, for one output or two."""

    def __init__(self, *names: str):
        self.names = names
        self.frames: list[pa.RecordBatch | None] = []

    def predict(self, records: Any, frame: pa.RecordBatch | None) -> dict[str, np.ndarray]:
        self.frames.append(frame)
        doubled = 2.0 * np.arange(len(records))
        return {name: doubled + i for i, name in enumerate(self.names)}


def test_models_are_asked_once_a_batch() -> None:
    model, other = Doubling("a", "b"), Doubling("only")
    views = [
        View(None, Source("predictions", name, which))
        for name, which in [("a", "m"), ("b", "m"), ("", "n"), ("score", "data")]
    ]
    mean = means.MeanPrediction()
    collection = Collection(tuple(Computation(i, mean, (view,)) for i, view in enumerate(views)))
    evaluator = FrameEvaluator(collection, [], None, {"m": model, "n": other})
    assert evaluator.columns == ["score"]
    batch = batch_of_dicts(rows_of(4))
    found = values_of_overall(evaluator, collection, batch)
    assert found == pytest.approx([3.0, 4.0, 3.0, np.mean(batch["score"].to_pylist())])
    assert model.frames == [batch]
    assert other.frames == [batch]


def values_of_overall(
    evaluator: FrameEvaluator, collection: Collection, batch: Any
) -> list[np.float64]:
    sums = evaluator.contributions(batch).dense[:, 1:].sum(axis=0)[None]
    return [of_slices[0] for of_slices in collection.compute(sums).values()]


def test_examples_of_which_nothing_is_decoded() -> None:
    model = Doubling("a")
    collection = collection_of(View(None, Source("predictions")), [means.MeanPrediction()])
    evaluator = FrameEvaluator(collection, [], None, {"": model})
    # lines of text, that the model alone can read
    records = np.array([b"1,2", b"3,4", b"5,6"], object)
    assert values_of_overall(evaluator, collection, records) == [2.0]
    assert model.frames == [None]


@pytest.mark.parametrize(
    ("output", "shape", "words"),
    [
        ("c", (3,), "The model 'm' has no output 'c'. It has: 'a', 'ab'."),
        ("a", (2,), "gives 'a' of the shape \\[2\\] for 3 examples"),
        ("a", (3, 1, 1), "of the shape \\[3, 1, 1\\]"),
    ],
)
def test_models_that_do_not_give_it(output, shape, words) -> None:
    class Model(Predicting):
        def predict(self, records: Any, frame: Any) -> dict[str, np.ndarray]:
            return {"a": np.zeros(shape), "ab": np.zeros(3)}

    collection = collection_of(View(None, Source("predictions", output, "m")), METRICS[2:])
    evaluator = FrameEvaluator(collection, [], None, {"m": Model()})
    with pytest.raises(ModelError, match=words):
        evaluator.contributions(batch_of_dicts(rows_of(3)))


def test_labels_that_are_words() -> None:
    rows = [{"label": "cat", "score": 0.5}, {"label": "dog", "score": 0.5}]
    collection = collection_of(View(LABEL, SCORE), [means.MeanLabel()])
    named = FrameEvaluator(collection, [], None, vocabularies={"label": ["cat", "dog"]})
    for batch in (batch_of_dicts(rows), serialized(rows)):
        assert values_of_overall(named, collection, batch) == [0.5]
    named.close()
    with pytest.raises(DataError, match="numbers of the classes"):
        FrameEvaluator(collection, [], None).contributions(batch_of_dicts(rows))


def test_an_example_without_a_label() -> None:
    rows = rows_of(5)
    del rows[3]["label"]
    evaluator = FrameEvaluator(collection_of(View(LABEL, SCORE)), [], None)
    with pytest.raises(UnusableExampleError, match="'label' is missing") as caught:
        evaluator.contributions(batch_of_dicts(rows))
    assert caught.value.number == 3
    schema = ExampleSchema.infer(serialized(rows))
    evaluator = FrameEvaluator(collection_of(View(LABEL, SCORE)), [], None, schema=schema)
    with pytest.raises(UnusableExampleError, match="'label' has no value") as caught:
        evaluator.contributions(serialized(rows))
    assert caught.value.number == 3
    evaluator.close()


def test_a_column_that_is_not_said() -> None:
    with pytest.raises(ConfigError, match=r"use as predictions is not said\. .* prediction_key"):
        FrameEvaluator(collection_of(View(LABEL, Source("predictions"))), [], None)


def test_weights_are_one_number() -> None:
    batch = pa.RecordBatch.from_pydict({"label": [1], "score": [0.5], "w": [[1.0, 2.0]]})
    evaluator = FrameEvaluator(collection_of(View(LABEL, SCORE)), [], "w")
    with pytest.raises(DataError, match="'w', to weigh examples by, has 2 values a row"):
        evaluator.contributions(batch)
