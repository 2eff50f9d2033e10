"""The committed models are whole, and expect what their own graphs give.

Microtome's own reading of them is tested with `microtome.model`.
"""

from __future__ import annotations

import pytest
import tensorflow as tf

from tests import committed

pytestmark = pytest.mark.current


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("committed")


@pytest.mark.parametrize("name", committed.NAMES)
def test_archive_and_counts(name, directory):
    model = committed.unpack(name, directory)
    assert len(model.records) == 120
    counts = {
        key: metrics["post_export_metrics/example_count"] for key, metrics in model.expected.items()
    }
    assert counts[()] == 120
    assert sum(n for key, n in counts.items() if key and key[0][0] == "level") == 120
    assert {key[0][0] for key in counts if key} == set(model.slice_features)


@pytest.mark.parametrize(
    "name", ["dnn_multi_class_v2", "linear_binary_v1", "handmade_collections_tf1"]
)
def test_expected_metrics_are_those_of_the_graph(name, directory):
    model = committed.unpack(name, directory)
    values = run_graph(model)
    expected = model.expected[()]
    assert set(values) == {name for name in expected if not name.startswith("post_export_metrics")}
    for metric, value in values.items():
        assert value == pytest.approx(expected[metric], rel=1e-5), metric


def run_graph(model: committed.CommittedModel) -> dict:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta_graph = tf.compat.v1.saved_model.load(session, ["eval"], model.model_path)
        signature = meta_graph.signature_def["eval"]
        outputs = {key: info.name for key, info in signature.outputs.items()}
        inputs = signature.inputs
        key = "examples" if model.era == "collections" else "inputs/examples"
        updates = [name for key, name in outputs.items() if key.endswith("/update_op")]
        session.run(updates, {inputs[key].name: model.records})
        values = {
            key.removeprefix("metrics/").removesuffix("/value"): name
            for key, name in outputs.items()
            if key.endswith("/value")
        }
        return session.run(values)
