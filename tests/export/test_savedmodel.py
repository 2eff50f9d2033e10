"""What export_eval_savedmodel writes, and what it refuses."""

from __future__ import annotations

import os
import pathlib

import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow.core.protobuf import saved_model_pb2

from microtome import export
from microtome.errors import ConfigError, ModelError
from tests.zoo import data, fixed, training


def meta_graphs(path: str | bytes) -> list:
    file = os.path.join(tf.compat.as_str(path), "saved_model.pb")
    return list(saved_model_pb2.SavedModel.FromString(pathlib.Path(file).read_bytes()).meta_graphs)


def signature(path: str | bytes):
    (meta_graph,) = (graph for graph in meta_graphs(path) if "eval" in graph.meta_info_def.tags)
    return meta_graph.signature_def["eval"]


@pytest.fixture(scope="module")
def estimator(tmp_path_factory):
    """A small trained estimator."""
    config = training.run_config(str(tmp_path_factory.mktemp("estimator")))
    estimator = tf.estimator.Estimator(fixed.model_fn, config=config, params={})
    batch = {"prediction": [[0.0]]}, [[1.0]]
    return estimator.train(lambda: tf.data.Dataset.from_tensors(batch), steps=1)


@pytest.fixture
def receiver_fn():
    return export.build_parsing_eval_input_receiver_fn(fixed.SPEC, "label")


def test_signature_and_collections(zoo_model):
    model = zoo_model("linear_binary_v1")
    (meta_graph,) = meta_graphs(model.model_path)
    assert list(meta_graph.meta_info_def.tags) == ["eval"]
    assert list(meta_graph.signature_def) == ["eval"]
    eval_signature = meta_graph.signature_def["eval"]
    assert eval_signature.method_name == "tensorflow/supervised/eval"
    features = {f"features/{name}" for name in {*data.SPEC, "age_group"}}
    assert set(eval_signature.inputs) == features | {
        "inputs/examples",
        "input_refs",
        "labels",
        "tfma/version",
        "microtome/version",
    }
    assert eval_signature.inputs["features/languages"].coo_sparse.values_tensor_name
    metrics = "accuracy accuracy_baseline auc auc_precision_recall average_loss label/mean"
    metrics += " precision prediction/mean recall"
    named = {key for key in eval_signature.outputs if key.startswith("metrics/")}
    assert named == {
        f"metrics/{name}/{part}" for name in metrics.split() for part in ("value", "update_op")
    }
    assert "predictions/logistic" in eval_signature.outputs
    collections = meta_graph.collection_def
    assert len(collections["metric_variables"].bytes_list.value) == 20
    assert len(collections["saved_model_main_op"].node_list.value) == 1
    keys = collections["evaluation_only/label_graph/features/key"].bytes_list.value
    nodes = collections["evaluation_only/label_graph/features/node"].any_list.value
    assert set(keys) == {b"$Bytes$" + name.removeprefix("features/").encode() for name in features}
    assert len(nodes) == len(keys)


def test_named_labels(zoo_model):
    inputs = signature(zoo_model("tf_metrics").model_path).inputs
    labels = {key for key in inputs if key.startswith("labels")}
    assert labels == {"labels/bin", "labels/mc", "labels/ml", "labels/reg"}


def test_no_labels(zoo_model):
    inputs = signature(zoo_model("fixed_no_labels").model_path).inputs
    assert not [key for key in inputs if key.startswith("labels")]


def test_bare_tensors(zoo_model):
    inputs = signature(zoo_model("fixed_bare_features").model_path).inputs
    assert [key for key in inputs if key.startswith("features")] == ["features"]
    outputs = signature(zoo_model("fixed_bare_predictions").model_path).outputs
    assert [key for key in outputs if key.startswith("predictions")] == ["predictions"]


def test_ragged_features(zoo_model):
    info = signature(zoo_model("fixed_ragged").model_path).inputs["features/language"]
    assert len(info.composite_tensor.components) == 2


def test_iterator_is_named(zoo_model):
    model = zoo_model("iterator")
    with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
        tf.compat.v1.saved_model.load(session, ["eval"], model.model_path)
        inputs = signature(model.model_path).inputs
        name = session.run(inputs["iterator_initializer"].name).decode()
        assert graph.get_operation_by_name(name).type == "MakeIterator"


def test_assets_are_exported(zoo_model):
    model = zoo_model("linear_named_classes_assets_v1")
    file = pathlib.Path(model.model_path, "assets", "languages.txt")
    assert file.read_text().split() == list(data.LANGUAGES)


def test_serving_graph_beside_it(zoo_model):
    graphs = meta_graphs(zoo_model("fixed_with_serving").model_path)
    assert sorted(tag for graph in graphs for tag in graph.meta_info_def.tags) == ["eval", "serve"]


def test_returns_the_path_as_bytes(estimator, receiver_fn, tmp_path):
    path = export.export_eval_savedmodel(
        estimator=estimator, export_dir_base=str(tmp_path), eval_input_receiver_fn=receiver_fn
    )
    assert isinstance(path, bytes)
    parent, name = os.path.split(path.decode())
    assert parent == str(tmp_path)
    assert name.isdigit()
    assert os.listdir(tmp_path) == [name]


def test_extra_assets_and_a_chosen_checkpoint(estimator, receiver_fn, tmp_path):
    extra = tmp_path / "notes.txt"
    extra.write_text("notes")
    path = export.export_eval_savedmodel(
        estimator=estimator,
        export_dir_base=str(tmp_path / "export"),
        eval_input_receiver_fn=receiver_fn,
        assets_extra={"about/notes.txt": str(extra)},
        checkpoint_path=estimator.latest_checkpoint(),
    )
    assert pathlib.Path(path.decode(), "assets.extra/about/notes.txt").read_text() == "notes"


def test_goes_with_receivers_and_exporters_of_tfma(estimator, tmp_path):
    arguments = {"estimator": estimator, "export_dir_base": str(tmp_path)}
    ours = export.export_eval_savedmodel(
        eval_input_receiver_fn=tfma.export.build_parsing_eval_input_receiver_fn(
            fixed.SPEC, "label"
        ),
        **arguments,
    )
    theirs = tfma.export.export_eval_savedmodel(
        eval_input_receiver_fn=export.build_parsing_eval_input_receiver_fn(fixed.SPEC, "label"),
        **arguments,
    )
    both = set(signature(ours).inputs), set(signature(theirs).inputs)
    assert both[1] == both[0] | {"microtome/version"}
    assert signature(ours).outputs.keys() == signature(theirs).outputs.keys()


def test_an_untrained_estimator(receiver_fn, tmp_path):
    untrained = tf.estimator.Estimator(fixed.model_fn, model_dir=str(tmp_path / "model"), params={})
    with pytest.raises(ModelError, match=r"no checkpoint .*/model'. Train it first"):
        export.export_eval_savedmodel(
            estimator=untrained,
            export_dir_base=str(tmp_path / "export"),
            eval_input_receiver_fn=receiver_fn,
        )
    assert not (tmp_path / "export").exists()


def test_a_checkpoint_that_is_not_there(estimator, receiver_fn, tmp_path):
    with pytest.raises(ModelError, match="no checkpoint at checkpoint_path 'nowhere'"):
        export.export_eval_savedmodel(
            estimator=estimator,
            export_dir_base=str(tmp_path),
            eval_input_receiver_fn=receiver_fn,
            checkpoint_path="nowhere",
        )


def test_something_else_than_an_estimator(receiver_fn, tmp_path):
    model = tf.keras.Sequential()
    with pytest.raises(ConfigError, match=r"not Sequential.*model_to_estimator"):
        export.export_eval_savedmodel(
            estimator=model, export_dir_base=str(tmp_path), eval_input_receiver_fn=receiver_fn
        )


def test_a_serving_receiver(estimator, tmp_path):
    serving = tf.estimator.export.build_parsing_serving_input_receiver_fn(fixed.SPEC)
    for wrong, match in ((serving, "returned a ServingInputReceiver"), (3, "it is a int")):
        with pytest.raises(ConfigError, match=match):
            export.export_eval_savedmodel(
                estimator=estimator,
                export_dir_base=str(tmp_path / "export"),
                eval_input_receiver_fn=wrong,
            )


def _asks_for_a_feature(features, labels, mode, params):
    return fixed.model_fn({"prediction": features["prediction_xf"]}, labels, mode, params)


def _asks_for_a_label(features, labels, mode, params):
    return fixed.model_fn(features, labels["label_xf"], mode, params)


@pytest.mark.parametrize("model_fn", [_asks_for_a_feature, _asks_for_a_label])
def test_what_the_model_asks_for_is_not_given(estimator, tmp_path, model_fn):
    """Trained on transformed features, exported with raw ones."""

    def eval_input_receiver_fn():
        examples = tf.compat.v1.placeholder(tf.string, [None])
        features = tf.io.parse_example(examples, fixed.SPEC)
        labels = {"label": features["label"]}
        return export.EvalInputReceiver(
            features=features, labels=labels, receiver_tensors={"examples": examples}
        )

    transformed = tf.estimator.Estimator(model_fn, model_dir=estimator.model_dir, params={})
    name = "prediction" if model_fn is _asks_for_a_feature else "label"
    with pytest.raises(ConfigError) as caught:
        export.export_eval_savedmodel(
            estimator=transformed,
            export_dir_base=str(tmp_path / "export"),
            eval_input_receiver_fn=eval_input_receiver_fn,
        )
    message = str(caught.value)
    assert f"feature or label '{name}_xf', which eval_input_receiver_fn does not give" in message
    assert f"(did you mean {name!r}?)" in message
    assert "features: label, language, prediction, slice_key, weight and the labels: label." in (
        message
    )
    assert "transform_raw_features" in message


def test_a_feature_column_whose_feature_is_not_given(tmp_path):
    columns = [tf.feature_column.numeric_column("prediction_xf")]
    config = training.run_config(str(tmp_path / "model"))
    estimator = tf.estimator.LinearClassifier(columns, config=config)
    batch = {"prediction_xf": [[0.0]]}, [[1.0]]
    estimator.train(lambda: tf.data.Dataset.from_tensors(batch), steps=1)
    with pytest.raises(ConfigError, match=r"'prediction_xf', which .* mean 'prediction'\?"):
        export.export_eval_savedmodel(
            estimator=estimator,
            export_dir_base=str(tmp_path / "export"),
            eval_input_receiver_fn=export.build_parsing_eval_input_receiver_fn(fixed.SPEC, "label"),
        )


def test_other_errors_of_a_model_are_its_own(estimator, receiver_fn, tmp_path):
    def model_fn(features, labels, mode, params):
        raise ValueError("no such optimizer")

    broken = tf.estimator.Estimator(model_fn, model_dir=estimator.model_dir, params={})
    with pytest.raises(ValueError, match="no such optimizer"):
        export.export_eval_savedmodel(
            estimator=broken,
            export_dir_base=str(tmp_path / "export"),
            eval_input_receiver_fn=receiver_fn,
        )


def test_arguments_are_keywords(estimator, receiver_fn, tmp_path):
    with pytest.raises(TypeError, match=r"write export_eval_savedmodel\(estimator=\.\.\., export_"):
        export.export_eval_savedmodel(estimator, str(tmp_path), receiver_fn)
