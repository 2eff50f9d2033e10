"""Evaluations that must fail, and what must hold of every failure."""

from __future__ import annotations

import os
import pathlib
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import tensorflow as tf

import microtome
from microtome.errors import MicrotomeError


@pytest.fixture(scope="session")
def people(committed_model):
    """A small model that checks nothing of its examples but that they can be parsed."""
    return committed_model("handmade_serve_tf1")


@pytest.fixture
def evaluate(people, tmp_path):
    """A function that evaluates `people`, or what it is given instead."""

    def run(model: Any = None, data: Any = None, **options: Any) -> microtome.EvalResult:
        path = people.model_path if model is None else str(getattr(model, "model_path", model))
        columns = options.pop("slices", ["country"])
        if "slice_spec" not in options and "eval_config" not in options:
            specs = [microtome.SingleSliceSpec(columns=[column]) for column in columns]
            options["slice_spec"] = [microtome.SingleSliceSpec(), *specs]
        weight = options.pop("weight", None)
        callbacks = options.pop("callbacks", None)
        options.setdefault("output_path", str(tmp_path / "result"))
        return microtome.run_model_analysis(
            microtome.default_eval_shared_model(
                path, example_weight_key=weight, add_metrics_callbacks=callbacks
            ),
            people.data_path if data is None else data,
            **options,
        )

    return run


@pytest.fixture
def refuse(evaluate, tmp_path):
    """A function that evaluates, and returns the message of the error that must come."""

    def run(error_class: type[MicrotomeError], *args: Any, **options: Any) -> str:
        before = contents(tmp_path)
        with pytest.raises(MicrotomeError) as caught:
            evaluate(*args, **options)
        assert type(caught.value) is error_class
        message = str(caught.value)
        # sentences for people
        assert message.endswith(".")
        assert "\n" not in message
        assert "Graph execution error" not in message
        assert "{{" not in message
        assert "Traceback" not in message
        # no frames of the runner
        frames = "".join(traceback.format_exception(caught.value))
        assert "apache_beam" not in frames
        # nothing written, nothing changed, nothing left behind
        assert contents(tmp_path) == before
        return message

    return run


@pytest.fixture
def write_records(tmp_path):
    """A function that writes records to a TFRecord file, and returns its path."""

    def write(name: str, records: Sequence[bytes], compression: str = "") -> str:
        path = str(tmp_path / name)
        with tf.io.TFRecordWriter(path, compression) as writer:
            for record in records:
                writer.write(record)
        return path

    return write


def contents(directory: pathlib.Path) -> dict[str, Any]:
    """All files below a directory with their bytes, and all directories."""
    found: dict[str, Any] = {}
    for home, folders, files in os.walk(directory):
        found.update({os.path.join(home, folder): None for folder in folders})
        for name in files:
            path = os.path.join(home, name)
            found[path] = pathlib.Path(path).read_bytes()
    return found


def changed(record: bytes, **features: Any) -> bytes:
    """An example with other features: a list of values, or None for none."""
    example = tf.train.Example.FromString(record)
    for name, values in features.items():
        feature = example.features.feature
        feature.pop(name, None)
        if values is None:
            continue
        kind = {float: "float_list", int: "int64_list", bytes: "bytes_list"}[type(values[0])]
        getattr(feature[name], kind).value.extend(values)
    return example.SerializeToString(deterministic=True)


Refuse = Callable[..., str]
