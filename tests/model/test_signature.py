"""What an EvalSavedModel declares is read in every generation of the format, or refused."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Callable

import pytest
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from microtome.errors import ModelError
from microtome.model.signature import Era, read_signature

pytestmark = pytest.mark.current

FEATURES = {
    *("age", "country", "languages", "level", "scores", "segment", "weight"),
    *("label", "label_class", "label_multi", "label_name", "target", "target_pair", "count"),
}


@pytest.fixture
def edited(committed_model, tmp_path):
    """A function that copies a committed model's declaration, changed by another function."""

    def edit(name: str, change: Callable[[meta_graph_pb2.MetaGraphDef], None]) -> str:
        source = pathlib.Path(committed_model(name).model_path, "saved_model.pb")
        message = saved_model_pb2.SavedModel.FromString(source.read_bytes())
        change(message.meta_graphs[0])
        (tmp_path / "saved_model.pb").write_bytes(message.SerializeToString())
        return str(tmp_path)

    return edit


def eval_signature(meta_graph: meta_graph_pb2.MetaGraphDef) -> meta_graph_pb2.SignatureDef:
    return meta_graph.signature_def["eval"]


@pytest.mark.parametrize(
    ("name", "era", "labels", "version"),
    [
        ("linear_binary_v1", Era.SIGNATURE, {"__labels"}, r"\d+\.\d+"),
        ("multi_head_v2", Era.SIGNATURE, {"bin", "mc", "reg", "ml"}, r"\d+\.\d+"),
        ("handmade_collections_tf1", Era.COLLECTIONS, {"__labels"}, r"0\.9\.2"),
        ("handmade_serve_tf1", Era.SERVE, {"__labels"}, ""),
    ],
)
def test_every_era(committed_model, name, era, labels, version):
    model = committed_model(name)
    signature = read_signature(model.model_path)
    assert signature.era is era
    assert signature.path == model.model_path
    assert signature.tags == (("serve",) if era is Era.SERVE else ("eval",))
    assert set(signature.features) - {"age_group"} == FEATURES
    assert set(signature.labels) == labels
    assert len(signature.inputs) == 1
    assert re.match(version, signature.version)
    (overall,) = (metrics for key, metrics in model.expected.items() if not key)
    own = {name for name in overall if not name.startswith("post_export_metrics/")}
    assert set(signature.metrics) == own
    assert signature.iterator_initializer is None


def test_encodings_of_tensors(committed_model):
    features = read_signature(committed_model("dnn_binary_v2").model_path).features
    assert features["languages"].WhichOneof("encoding") == "coo_sparse"
    assert features["age"].WhichOneof("encoding") == "name"


def test_keys_of_collections_may_be_tuples(committed_model):
    predictions = read_signature(committed_model("handmade_serve_tf1").model_path).predictions
    assert set(predictions) == {"logistic", "head/logits"}


def test_default_example_references_of_the_older_formats(committed_model):
    assert read_signature(committed_model("handmade_collections_tf1").model_path).input_refs is None
    assert read_signature(committed_model("dnn_binary_v2").model_path).input_refs is not None


@pytest.mark.parametrize(
    ("renamed", "found"),
    [
        # a name that starts with the group's word is not prefixed
        ({"predictions/logits": "predictions_of_mine"}, {"predictions_of_mine", "logistic"}),
        ({"predictions/logits": "predictions/a/b"}, {"a/b", "logistic"}),
        ({"predictions/logits": "predictions"}, {"predictions", "logistic"}),
        # a lone tensor without a name
        ({"predictions/logits": "predictions", "predictions/logistic": ""}, {"__predictions"}),
    ],
)
def test_prefixes_of_groups(edited, renamed, found):
    def change(meta_graph):
        outputs = eval_signature(meta_graph).outputs
        for key in [key for key in outputs if key.startswith("predictions")]:
            info = meta_graph_pb2.TensorInfo.FromString(outputs[key].SerializeToString())
            del outputs[key]
            new = renamed.get(key, key if key == "predictions/logistic" else "")
            if new:
                outputs[new].CopyFrom(info)

    assert set(read_signature(edited("linear_binary_v1", change)).predictions) == found


def test_additional_groups(edited):
    def change(meta_graph):
        signature = eval_signature(meta_graph)
        signature.inputs["embedding/first"].CopyFrom(signature.inputs["features/age"])

    path = edited("linear_binary_v1", change)
    assert read_signature(path).additional == {}
    assert set(read_signature(path, ("embedding",)).additional["embedding"]) == {"first"}
    assert "first" not in read_signature(path).features


def test_a_name_given_twice(edited):
    def change(meta_graph):
        outputs = eval_signature(meta_graph).outputs
        # once with the prefix, once bare
        for key in ("predictions/predictions_x", "predictions_x"):
            outputs[key].CopyFrom(outputs["predictions/logits"])

    with pytest.raises(ModelError, match="names 'predictions_x' twice among its predictions"):
        read_signature(edited("linear_binary_v1", change))


def test_a_metric_key_of_no_known_side(edited):
    def change(meta_graph):
        outputs = eval_signature(meta_graph).outputs
        outputs["metrics/auc/variance"].CopyFrom(outputs["metrics/auc/value"])

    with pytest.raises(
        ModelError, match=r"'auc/variance' .* neither in '/value' nor in '/update_op"
    ):
        read_signature(edited("linear_binary_v1", change))


def test_a_metric_without_its_update(edited):
    def change(meta_graph):
        del eval_signature(meta_graph).outputs["metrics/auc/update_op"]

    with pytest.raises(ModelError, match=r"lack their value or update_op: auc\."):
        read_signature(edited("linear_binary_v1", change))


def test_an_unknown_key_encoding(edited):
    def change(meta_graph):
        keys = meta_graph.collection_def["evaluation_only/label_graph/features/key"]
        keys.bytes_list.value[0] = b"$Pickle$age"

    with pytest.raises(ModelError, match=re.escape(r"b'$Pickle$age'")):
        read_signature(edited("handmade_collections_tf1", change))


def test_serving_model_says_how_to_export(edited):
    def change(meta_graph):
        meta_graph.meta_info_def.tags[:] = ["serve"]

    with pytest.raises(ModelError, match=r"is a serving model.*export_eval_savedmodel\("):
        read_signature(edited("linear_binary_v1", change))


def test_other_tags_are_named(edited):
    def change(meta_graph):
        meta_graph.meta_info_def.tags[:] = ["gpu", "train"]

    path = edited("linear_binary_v1", change)
    with pytest.raises(ModelError, match=r"tags \['gpu', 'train'\]"):
        read_signature(path)
    with pytest.raises(ModelError, match=r"no meta graph with the tags \['eval'\].*'train'"):
        read_signature(path, tags=("eval",))
    assert read_signature(path, tags=("train", "gpu")).tags == ("gpu", "train")


def test_no_signature_at_all(edited):
    def change(meta_graph):
        meta_graph.signature_def["predict"].CopyFrom(eval_signature(meta_graph))
        del meta_graph.signature_def["eval"]

    with pytest.raises(ModelError, match=r"neither a signature 'eval' \(it has \['predict'\]\)"):
        read_signature(edited("linear_binary_v1", change))


def test_directory_of_timestamps_names_the_newest(committed_model, tmp_path):
    source = pathlib.Path(committed_model("linear_binary_v1").model_path, "saved_model.pb")
    for stamp in ("1500000000", "1600000000", "temp-1"):
        (tmp_path / stamp).mkdir()
    for stamp in ("1500000000", "1600000000"):
        (tmp_path / stamp / "saved_model.pb").write_bytes(source.read_bytes())
    newest = os.path.join(str(tmp_path), "1600000000")
    with pytest.raises(ModelError, match=f"but {newest!r} does; name that directory"):
        read_signature(str(tmp_path))


def test_what_is_there_instead(tmp_path):
    with pytest.raises(ModelError, match="there is no such directory"):
        read_signature(str(tmp_path / "missing"))
    file = tmp_path / "model.h5"
    file.write_bytes(b"x")
    with pytest.raises(ModelError, match="it is a file, not a directory"):
        read_signature(str(file))
    with pytest.raises(ModelError, match=r"found: model\.h5.*export_eval_savedmodel"):
        read_signature(str(tmp_path))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_declaration_cut_off(committed_model, tmp_path, share):
    source = pathlib.Path(committed_model("linear_binary_v1").model_path, "saved_model.pb")
    content = source.read_bytes()
    (tmp_path / "saved_model.pb").write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match=r"saved_model\.pb.* or is cut off"):
        read_signature(str(tmp_path))


def test_declaration_of_something_else(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"this is a text, not a protocol buffer")
    with pytest.raises(ModelError, match="not a SavedModel protocol buffer"):
        read_signature(str(tmp_path))
