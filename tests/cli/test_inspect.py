"""`microtome inspect`, on models of every era and with metrics that cannot be cut."""

from __future__ import annotations

import json
import re

import pytest

from microtome.cli import arguments, inspect
from microtome.errors import ConfigError, DataError, ModelError

pytestmark = pytest.mark.current


@pytest.fixture
def inspected(capsys):
    """A function that inspects with the given arguments, and returns what is printed."""

    def run(*args: str) -> str:
        inspect.run(arguments.parse(["inspect", *args]))
        return capsys.readouterr().out

    return run


def test_from_the_graph_alone(inspected, committed_model):
    model = committed_model("handmade_serve_tf1")
    text = inspected(model.model_path)
    assert f"EvalSavedModel: {model.model_path}" in text
    assert "format: serve (of TFMA 0.6); tags: serve" in text
    assert "  age          float32 [?, 1]\n" in text
    assert "  languages    string  [?, ?]  sparse\n" in text
    assert "labels:\n  labels  float32 [?, 1]\n" in text
    assert "  logistic     float32 [?, 1]\n" in text
    assert "metrics (4), provisional" in text
    assert "  accuracy: cut\n" in text
    assert "bytes are fetched" not in text


def test_settled_with_data(inspected, committed_model):
    model = committed_model("handmade_serve_tf1")
    text = inspected(model.model_path, "--data", model.data_path, "--weight", "weight")
    assert "metrics (4), as settled and checked with examples" in text
    assert "  average_loss: cut\n" in text
    found = re.search(
        r"(\d+) bytes are fetched a row. A slice's sums are (\d+) numbers and \d+ bins of (\d+)",
        text,
    )
    num_bytes, columns, histograms = map(int, found.groups())
    # of each histogram a bin and a value
    assert num_bytes == 8 * columns + 16 * histograms
    assert columns > 2
    assert histograms > 0


def test_what_is_not_cut_and_why(inspected, committed_model):
    model = committed_model("multi_head_v2")
    content = json.loads(inspected(model.model_path, "--json"))
    assert content["era"] == "signature"
    assert content["settled"] is False
    assert set(content["labels"]) == {"bin", "mc", "reg", "ml"}
    assert content["features"]["label_multi"] == {
        "dtype": "int64",
        "shape": [None, 3],
        "kind": "dense",
    }
    metrics = {metric["name"]: metric for metric in content["metrics"]}
    uncut = {name for name, metric in metrics.items() if metric["path"] != "cut"}
    assert uncut == set(model.uncut)
    assert all(metrics[name]["reason"] for name in uncut)
    assert not any(metric["reason"] for metric in metrics.values() if metric["path"] == "cut")
    accuracy = metrics["accuracy/bin"]["variables"]
    assert {len(variable["sums"]) for variable in accuracy} == {1}


@pytest.mark.parametrize(
    ("args", "error", "complaint"),
    [
        (["{data}"], ModelError, "it is a file"),
        (["{model}", "--data", "{model}"], DataError, "is a directory"),
        (["{model}", "--data", "{data}", "--weight", "wieght"], ConfigError, "'weight'"),
        (["{model}", "--data", "{data}", "--format", "text"], DataError, "'tfrecords'"),
    ],
)
def test_errors(inspected, committed_model, args, error, complaint):
    model = committed_model("handmade_serve_tf1")
    with pytest.raises(error, match=complaint):
        inspected(*(arg.format(model=model.model_path, data=model.data_path) for arg in args))
