"""Directories that hold no EvalSavedModel, or not all of one."""

from __future__ import annotations

import pathlib
import shutil

import pytest
import tensorflow as tf

from microtome.errors import ConfigError, ModelError

pytestmark = pytest.mark.current

HOW_TO_EXPORT = "microtome.export.export_eval_savedmodel("


@pytest.fixture
def model_copy(committed_model, tmp_path):
    """A function that copies a committed model to where it can be damaged."""

    def copy(name: str = "handmade_serve_tf1") -> pathlib.Path:
        return pathlib.Path(shutil.copytree(committed_model(name).model_path, tmp_path / "model"))

    return copy


def test_missing_directory(refuse, tmp_path):
    path = str(tmp_path / "eval")
    message = refuse(ModelError, path)
    assert f"No EvalSavedModel in {path!r}: there is no such directory" in message
    assert HOW_TO_EXPORT in message


def test_file(refuse, people):
    assert "it is a file, not a directory" in refuse(ModelError, people.data_path)


def test_other_directory(refuse, tmp_path):
    (tmp_path / "model" / "train").mkdir(parents=True)
    message = refuse(ModelError, tmp_path / "model")
    assert "holds no saved_model.pb (found: train)" in message
    assert HOW_TO_EXPORT in message


def test_directory_above(refuse, model_copy, tmp_path):
    model_copy().rename(tmp_path / "1712345678")
    message = refuse(ModelError, tmp_path)
    assert f"{str(tmp_path / '1712345678')!r} does; name that directory" in message
    assert HOW_TO_EXPORT not in message


def test_serving_model(refuse, tmp_path):
    path = str(tmp_path / "serving")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, [None])
        weight = tf.compat.v1.get_variable("weight", initializer=2.0)
        session.run(weight.initializer)
        info = tf.compat.v1.saved_model.build_tensor_info
        signature = tf.compat.v1.saved_model.build_signature_def(
            {"x": info(x)}, {"y": info(weight * x)}, "tensorflow/serving/predict"
        )
        builder = tf.compat.v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()
    message = refuse(ModelError, path)
    assert f"{path!r} is a serving model" in message
    assert HOW_TO_EXPORT in message
    assert "beside the serving model" in message


def test_model_of_tensorflow_2(refuse, tmp_path):
    module = tf.Module()
    module.call = tf.function(lambda x: x, input_signature=[tf.TensorSpec([None])])
    tf.saved_model.save(module, str(tmp_path / "module"))
    assert "is a serving model" in refuse(ModelError, tmp_path / "module")


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.999])
def test_cut_off_graph(refuse, model_copy, kept):
    file = model_copy() / "saved_model.pb"
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content))])
    message = refuse(ModelError, file.parent)
    assert repr(str(file)) in message
    assert "is not a SavedModel protocol buffer, or is cut off" in message
    assert "Copy the model's directory anew" in message


def test_graph_file_of_another_kind(refuse, tmp_path):
    (tmp_path / "saved_model.pb").write_text("no graph, but a text in its place\n" * 20)
    assert "is not a SavedModel protocol buffer" in refuse(ModelError, tmp_path)


@pytest.mark.parametrize(
    "lost", ["variables", "variables/variables.index", "variables/variables.data-00000-of-00001"]
)
def test_missing_variables(refuse, model_copy, lost):
    model = model_copy()
    path = model / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    message = refuse(ModelError, model)
    assert f"The EvalSavedModel {str(model)!r} cannot be restored: " in message
    assert str(model / "variables" / "variables") in message
    assert "must hold saved_model.pb, variables/ and assets/ as they were exported" in message


def test_cut_off_variables(refuse, model_copy):
    file = model_copy() / "variables/variables.data-00000-of-00001"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert "cannot be restored: " in refuse(ModelError, file.parent.parent)


def test_missing_asset(refuse, model_copy):
    model = model_copy("linear_named_classes_assets_v1")
    (asset,) = (model / "assets").iterdir()
    asset.unlink()
    message = refuse(ModelError, model)
    assert str(asset) in message
    assert "must hold saved_model.pb, variables/ and assets/" in message


def test_path_in_place_of_the_shared_model(people):
    import microtome

    with pytest.raises(ConfigError, match=r"made with microtome\.default_eval_shared_model"):
        microtome.run_model_analysis(people.model_path, people.data_path)


@pytest.mark.parametrize(
    ("returned", "complaint"),
    [
        (None, "returned NoneType; it must return {name:"),
        ({"mean": "no pair"}, "returned str for 'mean'; it must return {name:"),
        ({"accuracy": (0.0, 0.0)}, "adds the metric 'accuracy', a name already taken"),
    ],
)
def test_callback_with_wrong_metrics(refuse, returned, complaint):
    def add_nothing(features, predictions, labels):
        return returned

    message = refuse(ConfigError, callbacks=[add_nothing])
    assert "The metrics callback 'add_nothing'" in message
    assert complaint in message


def test_callback_that_raises(refuse):
    def add_mean(features, predictions, labels):
        return {"mean": tf.compat.v1.metrics.mean(features["agee"])}

    message = refuse(ConfigError, callbacks=[add_mean])
    assert "The metrics callback 'add_mean' raised KeyError: 'agee'" in message
    assert "features: age, count, country, " in message
