"""`add_metrics_callbacks`: metrics that the user adds to the loaded graph."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import microtome
from microtome.errors import ConfigError, DataError
from microtome.model.loading import load_model
from tests.executor.rows import columns_of, stands_in

pytestmark = pytest.mark.current

v1 = tf.compat.v1
COUNTS = {"post_export_metrics/example_count", "post_export_metrics/example_weight"}


def squared_error(features, predictions, labels):
    return {"squared_error": v1.metrics.mean(tf.square(predictions["logistic"] - labels))}


def scores_and_ages(features, predictions, labels):
    """Of a sparse feature, and with weights."""
    assert set(predictions) > {"logistic", "logits"}
    return {
        "sum_of_scores": summed(tf.sparse.reduce_sum(features["scores"])),
        "weighted_age": v1.metrics.mean(features["age"], features["weight"]),
        "auc_by_age": v1.metrics.auc(labels, tf.sigmoid((features["age"] - 50) / 20)),
    }


def summed(amount: tf.Tensor) -> tuple[tf.Tensor, tf.Operation]:
    """The update is an op, not a tensor."""
    state = v1.get_local_variable("sum_of_scores", [], initializer=v1.zeros_initializer())
    return state.read_value(), tf.group(state.assign_add(tf.reshape(amount, [])))


def looked_up(features, predictions, labels):
    """Needs a table of its own, and variables that are no metric's."""
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["de", "fr"], [1.0, 10.0]), default_value=100.0
    )
    scale = v1.get_variable("scale", initializer=2.0, trainable=False)
    return {"worth": v1.metrics.mean(scale * table.lookup(features["country"]))}


class Largest:
    """A callback that is an object; its metric cannot be cut."""

    name = "largest_metric"

    def __call__(self, features, predictions, labels):
        state = v1.get_local_variable("largest", [], initializer=v1.zeros_initializer())
        update = state.assign(tf.maximum(state.read_value(), tf.reduce_max(features["age"])))
        return {"largest_age": (state.read_value(), update)}


@pytest.fixture(scope="module")
def model(committed_model):
    return committed_model("linear_binary_v1")


@pytest.fixture(scope="module")
def result(model):
    callbacks = [squared_error, scores_and_ages, looked_up, Largest()]
    before = list(callbacks)
    found = microtome.run_model_analysis(
        microtome.default_eval_shared_model(model.model_path, add_metrics_callbacks=callbacks),
        model.data_path,
        slice_spec=[microtome.SingleSliceSpec(), microtome.SingleSliceSpec(columns=["country"])],
    )
    assert callbacks == before
    return found


def test_beside_the_own_metrics(model, result):
    found = dict(result.slices())
    own = {name for name in model.expected[()] if name not in COUNTS}
    added = {"squared_error", "sum_of_scores", "weighted_age", "auc_by_age", "worth", "largest_age"}
    assert set(found[()]) == own | COUNTS | added
    for name in own:
        assert found[()][name] == pytest.approx(model.expected[()][name], rel=1e-6)


def test_cut_like_the_own_metrics(result):
    paths = result.metric_paths
    uncut = {name: how["path"] for name, how in paths.items() if how["path"] != "cut"}
    assert uncut == {
        "largest_age": "reference, all rows",
        "sum_of_scores": "reference, summed",
    }
    assert "not an addition" in paths["largest_age"]["reason"]
    # a sparse feature's values do not come in rows
    assert "SparseReduceSum" in paths["sum_of_scores"]["reason"]


def test_values_by_slice(model, result):
    found = dict(result.slices())
    assert len(found) == 7
    for key, metrics in found.items():
        rows = [columns_of(record) for record in model.records if stands_in(record, key)]
        ages = np.array([row["age"][0] for row in rows])
        weights = np.array([row["weight"][0] for row in rows])
        scores = sum(sum(row["scores"]) for row in rows)
        assert metrics["sum_of_scores"] == pytest.approx(scores, rel=1e-6)
        assert metrics["weighted_age"] == pytest.approx(np.average(ages, weights=weights), rel=1e-6)
        assert metrics["largest_age"] == pytest.approx(ages.max(), rel=1e-7)
        worth = [{"de": 2, "fr": 20}.get(row["country"][0], 200) for row in rows]
        assert metrics["worth"] == pytest.approx(np.mean(worth), rel=1e-12)
    # no slicing by what only callbacks use
    assert found[()]["squared_error"] < 0.5


def test_only_the_callbacks(model):
    found = microtome.run_model_analysis(
        microtome.default_eval_shared_model(
            model.model_path,
            add_metrics_callbacks=[squared_error],
            include_default_metrics=False,
        ),
        model.data_path,
    )
    assert set(found.get_metric_names()) == {"squared_error"} | COUNTS


def load_with(model, *callbacks):
    load_model(model.model_path, callbacks).close()


def test_name_of_an_own_metric(model):
    with pytest.raises(ConfigError, match="adds the metric 'auc', a name already taken"):
        load_with(model, lambda *_: {"auc": v1.metrics.mean([1.0])})


def test_name_of_another_callbacks_metric(model):
    with pytest.raises(
        ConfigError, match="'squared_error' adds the metric 'squared_error', a name already taken"
    ):
        load_with(model, squared_error, squared_error)


def test_callback_that_fails(model):
    def typo(features, predictions, labels):
        return {"mean": v1.metrics.mean(features["agee"])}

    with pytest.raises(ConfigError, match="callback 'typo' raised KeyError: 'agee'") as caught:
        load_with(model, typo)
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("returned", [None, [], {"a": 1.0}, {"a": (1.0,)}])
def test_callback_that_returns_something_else(model, returned):
    def odd(features, predictions, labels):
        return returned

    with pytest.raises(
        ConfigError, match=r"callback 'odd' returned .* must return \{name: \(value"
    ):
        load_with(model, odd)


def test_op_that_fails_names_the_example(model, tmp_path):
    """Of the second of two files, in its second batch."""
    paths = [str(tmp_path / f"{number}.tfrecord") for number in range(2)]
    for path, rows in zip(paths, (model.records[:40], model.records[40:80]), strict=True):
        with tf.io.TFRecordWriter(path) as writer:
            for record in rows:
                writer.write(record)
    culprit = tf.train.Example.FromString(model.records[70])
    country = culprit.features.feature["country"].bytes_list.value[0]
    age = culprit.features.feature["age"].float_list.value[0]

    def picky(features, predictions, labels):
        # dense or sparse, as the receiver parses it
        found = features["country"]
        found = tf.sparse.to_dense(found) if isinstance(found, tf.SparseTensor) else found
        is_bad = tf.logical_and(
            tf.equal(tf.reshape(found, [-1]), country),
            tf.equal(tf.reshape(features["age"], [-1]), age),
        )
        check = v1.assert_equal(is_bad, tf.zeros_like(is_bad), message="a rare country")
        with tf.control_dependencies([check]):
            return {"ages": v1.metrics.mean(tf.identity(features["age"]))}

    with pytest.raises(
        DataError, match=r"Example 30 of '.*1.tfrecord' .*a rare country.*callback 'picky'"
    ):
        microtome.run_model_analysis(
            microtome.default_eval_shared_model(model.model_path, add_metrics_callbacks=[picky]),
            str(tmp_path / "*.tfrecord"),
            desired_batch_size=16,
        )
