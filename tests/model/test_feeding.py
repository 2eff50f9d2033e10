"""Rows are chosen from batches of any form as TensorFlow's own ops choose them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from microtome.model.feeding import BatchRunner, RowFeeder, flat_parts
from microtome.model.loading import LoadedModel
from tests.model import graphs
from tests.model.graphs import v1

pytestmark = pytest.mark.current

NUMBERS = np.random.default_rng(4).integers(-5, 6, size=(23, 4)) / 2


def forms_of(x: tf.Tensor, group: tf.Tensor) -> dict[str, Any]:
    """The same rows in every form of features."""
    ragged = tf.RaggedTensor.from_tensor(x, lengths=tf.cast(tf.abs(x[:, 0]), tf.int64))
    lengths = tf.cast(tf.abs(x[:, 1]), tf.int64)
    count = tf.reduce_sum(lengths)
    inner = tf.RaggedTensor.from_row_lengths(
        tf.repeat(x[:, 2], 2 * lengths), tf.fill([count], np.int64(2))
    )
    nested = tf.RaggedTensor.from_row_lengths(inner, lengths)
    return {
        "dense": x,
        "flat": group,
        "sparse": tf.sparse.from_dense(tf.nn.relu(x)),
        "sparse cube": tf.sparse.from_dense(tf.reshape(tf.nn.relu(x), [-1, 2, 2])),
        "ragged": ragged,
        "nested": nested,
        "words": tf.strings.as_string(tf.cast(x[:, :2], tf.int32)),
    }


def make_model(batch: int | None) -> LoadedModel:
    """A model of rows in all forms; with an iterator, so many rows a step."""
    model = graphs.make_model(4, lambda x: {"mean": v1.metrics.mean(x)})
    graph = tf.Graph()
    with graph.as_default():
        examples = v1.placeholder(tf.string, [None])
        initializer, serialized = None, examples
        if batch is not None:
            dataset = tf.data.Dataset.from_tensor_slices(examples).batch(batch)
            iterator = v1.data.make_initializable_iterator(dataset)
            initializer, serialized = iterator.initializer, iterator.get_next()
        numbers = tf.ensure_shape(tf.io.decode_raw(serialized, tf.float32), [None, 5])
        features = forms_of(numbers[:, :4], numbers[:, 4])
        refs = tf.range(tf.shape(numbers)[0])
    return dataclasses.replace(
        model,
        graph=graph,
        session=v1.Session(graph=graph),
        inputs=[examples],
        input_refs=refs,
        features=features,
        metrics={},
        iterator_initializer=initializer,
    )


def gathered(model: LoadedModel, records: list[bytes], rows: np.ndarray) -> list[np.ndarray]:
    """What TensorFlow chooses."""
    with model.graph.as_default():
        chosen = {
            name: _gather(tensor, tf.constant(rows)) for name, tensor in model.features.items()
        }
        runner = BatchRunner(model, flat_parts(chosen))
    (values,) = runner(records)
    return values


def _gather(tensor: Any, rows: tf.Tensor) -> Any:
    if not isinstance(tensor, tf.SparseTensor):
        return tf.gather(tensor, rows)
    dense = tf.sparse.to_dense(tensor)
    sparse = tf.sparse.from_dense(tf.gather(dense, rows))
    shape = tf.concat([sparse.dense_shape[:1], tensor.dense_shape[1:]], 0)
    return tf.SparseTensor(sparse.indices, sparse.values, shape)


@pytest.mark.parametrize("batch", [None, 23, 7, 1])
@pytest.mark.parametrize("rows", [[0], [22], [3, 4, 5, 9, 21], list(range(23)), []])
def test_chosen_rows(batch, rows):
    records = graphs.examples(NUMBERS, np.arange(23))
    chosen = np.array(rows, np.int64)
    model = make_model(batch)
    feed = RowFeeder(model).load(records)(chosen)
    expected = gathered(make_model(None), records, chosen)
    parts = flat_parts(model.features)
    assert len(parts) == len(expected) == len(feed)
    for part, value in zip(parts, expected, strict=True):
        np.testing.assert_array_equal(feed[part], value, part.name)
        assert np.shape(feed[part]) == np.shape(value)


def test_examples_are_fed_where_each_is_a_row():
    model = dataclasses.replace(make_model(None), input_refs=None)
    records = graphs.examples(NUMBERS, np.arange(23))
    feed = RowFeeder(model).load(records)(np.array([2, 5]))
    assert set(feed) == set(model.inputs)
    assert feed[model.inputs[0]].tolist() == [records[2], records[5]]
