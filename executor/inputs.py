"""Checks what a TFX pipeline hands to the executor, before any of it is read.

The artifacts' paths are found by TFX's rules in `executor.py`; what is said where they do not fit
is here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from google.protobuf import json_format

from microtome import strict_proto
from microtome.errors import ConfigError, DataError, ModelError
from microtome.proto.config_pb2 import EvalConfig

# TFX's name for a value that is no object, in a property that holds one
_SINGLE_VALUE = "__value__"

_HOW_TO_EXPORT = (
    "Export one in the Trainer's run_fn: call microtome.export.export_eval_savedmodel(estimator="
    "..., export_dir_base=..., eval_input_receiver_fn=...) and copy the folder that it returns to "
    "fn_args.eval_model_dir."
)


def find_model(
    eval_folder: str, serving_folder: str, model_uri: str, eval_config: EvalConfig
) -> str:
    """The model to evaluate in a model artifact.

    The serving model is evaluated where the config says so (its spec has a signature_name other
    than "eval", or a model_type other than "tfma_eval"), or where it names metrics and there is no
    EvalSavedModel. Else there is no falling back to it: its graph has no metrics.

    Args:
        eval_folder, serving_folder: Where the artifact has its EvalSavedModel and serving model.
        model_uri: The artifact.
        eval_config: The config.

    Raises:
        ModelError: There is none.
    """
    is_served = tf.io.gfile.exists(os.path.join(serving_folder, "saved_model.pb"))
    has_eval = tf.io.gfile.isdir(eval_folder)
    if is_served and (_wants_serving(eval_config) or (eval_config.metrics_specs and not has_eval)):
        return serving_folder
    return find_eval_saved_model(eval_folder, model_uri)


def _wants_serving(eval_config: EvalConfig) -> bool:
    return any(
        spec.model_type not in ("", "tfma_eval") or spec.signature_name not in ("", "eval")
        for spec in eval_config.model_specs
    )


def find_eval_saved_model(folder: str, model_uri: str) -> str:
    """The EvalSavedModel in a folder of a model artifact.

    Args:
        folder: Where the artifact has it.
        model_uri: The artifact.

    Raises:
        ModelError: There is none, or more than one.
    """
    if tf.io.gfile.exists(os.path.join(folder, "saved_model.pb")):
        return folder
    if not tf.io.gfile.isdir(folder):
        raise ModelError(
            f"The model artifact {model_uri} has no EvalSavedModel: {folder} is not there. The "
            f"artifact holds: {_names(model_uri)}. {_HOW_TO_EXPORT}"
        )
    # the Trainer of the first TFX versions wrote a folder in it, named by the time
    inner = [os.path.join(folder, name) for name in _list(folder)]
    found = [path for path in inner if tf.io.gfile.exists(os.path.join(path, "saved_model.pb"))]
    if len(found) != 1:
        raise ModelError(
            f"The model artifact {model_uri} must have one EvalSavedModel in {folder}, and has "
            f"{len(found)}. The folder holds: {_names(folder)}. {_HOW_TO_EXPORT}"
        )
    return found[0]


def check_splits(splits: Sequence[str], available: Sequence[str], examples_uri: str) -> None:
    """Raises a ConfigError if examples lack one of the splits to evaluate."""
    for split in splits:
        if split not in available:
            raise ConfigError(
                f"example_splits names {split!r}, but the examples in {examples_uri} have the "
                f"splits: {', '.join(available) or 'none'}."
                f"{strict_proto.did_you_mean(split, available)}"
            )


def check_file_format(file_format: str, examples_uri: str) -> None:
    """Raises a DataError if examples are not TFRecord files."""
    if not file_format.startswith("tfrecord"):
        raise DataError(
            f"The examples in {examples_uri} are files of format {file_format!r}, but an "
            "EvalSavedModel reads TFRecord files. Let ExampleGen write them, as it does unless it "
            "is told otherwise."
        )


def files_in(folder: str) -> list[tuple[str, str]]:
    """Name and path of each file directly in a folder.

    Raises:
        DataError: The folder is not there.
    """
    if not tf.io.gfile.isdir(folder):
        raise DataError(
            f"The examples are not there: {folder} is not a folder. Either the files were "
            "deleted, or the pipeline's root is another than when they were written."
        )
    paths = [(name, os.path.join(folder, name)) for name in _list(folder)]
    return [(name, path) for name, path in paths if not tf.io.gfile.isdir(path)]


def artifact_number(artifact: Any, name: str) -> str:
    """A whole number of an artifact, such as its span, as text; empty if it has none."""
    for properties in (artifact.mlmd_artifact.custom_properties, artifact.mlmd_artifact.properties):
        if name in properties:
            kind = properties[name].WhichOneof("value")
            value = getattr(properties[name], kind) if kind else ""
            if kind == "struct_value":
                # as TFX hands on all that Kubeflow v2 knows of an artifact
                value = json_format.MessageToDict(value).get(_SINGLE_VALUE, "")
            # Kubeflow makes floats of integers
            return str(int(float(value))) if value != "" else ""
    return ""


def _list(folder: str) -> list[str]:
    return sorted(str(name).rstrip("/") for name in tf.io.gfile.listdir(folder))


def _names(folder: str) -> str:
    names = _list(folder) if tf.io.gfile.isdir(folder) else []
    return ", ".join(names) or "nothing"
