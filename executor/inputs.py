"""From TFX's input artifacts to paths: the EvalSavedModel, and the files of the evaluated splits.

Only `executor.py` and this module know TFX.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from microtome import strict_proto
from microtome.errors import ConfigError, DataError, ModelError

_HOW_TO_EXPORT = (
    "Export one in the Trainer's run_fn: microtome.export.export_eval_savedmodel(estimator=..., "
    "export_dir_base=..., eval_input_receiver_fn=...), and copy what it returns to "
    "fn_args.eval_model_dir."
)


def eval_saved_model_path(model: Artifact) -> str:
    """The EvalSavedModel inside a model artifact.

    TFX's own function gives the serving model where there is none; but its graph has no metrics.

    Raises:
        ModelError: There is none, or more than one.
    """
    folder = path_utils.eval_model_dir(model.uri, path_utils.is_old_model_artifact(model))
    if fileio.exists(os.path.join(folder, "saved_model.pb")):
        return folder
    if not fileio.isdir(folder):
        there = _names(model.uri)
        raise ModelError(
            f"The model artifact {model.uri} has no EvalSavedModel: {folder} is not there. It "
            f"holds {there}. {_HOW_TO_EXPORT}"
        )
    # the Trainer of the first TFX versions wrote a folder named by time
    exports = [
        path
        for name in fileio.listdir(folder)
        if fileio.exists(os.path.join(path := os.path.join(folder, name), "saved_model.pb"))
    ]
    if len(exports) != 1:
        raise ModelError(
            f"The model artifact {model.uri} must have one EvalSavedModel in {folder}, and has "
            f"{len(exports)}. It holds {_names(folder)}. {_HOW_TO_EXPORT}"
        )
    return exports[0]


def split_folders(examples: Sequence[Artifact], splits: Sequence[str]) -> list[tuple[str, str]]:
    """The folders of the given splits in all examples artifacts, each with its split's name.

    Raises:
        ConfigError: An artifact has no such split.
        DataError: There are no examples, they are not TFRecords, or a split's folder is missing.
    """
    if not examples:
        raise DataError("There are no examples to evaluate on: the input `examples` is empty.")
    folders = []
    for artifact in examples:
        _check_format(artifact)
        available = artifact_utils.decode_split_names(artifact.split_names)
        for split in splits:
            if split not in available:
                raise ConfigError(
                    f"example_splits names {split!r}, but the examples in {artifact.uri} have the "
                    f"splits: {', '.join(available) or 'none'}."
                    f"{strict_proto.did_you_mean(split, available)}"
                )
            folder = artifact_utils.get_split_uri([artifact], split)
            if not fileio.isdir(folder):
                raise DataError(
                    f"The examples' split {split!r} is not there: {folder} is not a folder. "
                    "The files were deleted, or the pipeline's root is not the one they were "
                    "written to."
                )
            folders.append((split, folder))
    return folders


def files_in(folder: str) -> list[tuple[str, str]]:
    """Name and path of each file directly in a folder."""
    names = sorted(fileio.listdir(folder))
    paths = [(name, os.path.join(folder, name)) for name in names]
    return [(name, path) for name, path in paths if not fileio.isdir(path)]


def artifact_number(artifact: Artifact, name: str) -> str:
    """A whole number of an examples artifact, such as its span, as text; empty if it has none."""
    for properties in (artifact.mlmd_artifact.custom_properties, artifact.mlmd_artifact.properties):
        if name in properties:
            value = properties[name]
            kind = value.WhichOneof("value")
            # Kubeflow makes floats of integers, and text of both in its custom properties
            return str(int(float(getattr(value, kind)))) if kind else ""
    return ""


def _check_format(examples: Artifact) -> None:
    file_format = examples.get_string_custom_property("file_format") or "tfrecords_gzip"
    if not file_format.startswith("tfrecord"):
        raise DataError(
            f"The examples in {examples.uri} are files of format {file_format!r}; an "
            "EvalSavedModel reads records, from TFRecord files. Let ExampleGen write "
            "output_file_format FORMAT_TFRECORDS_GZIP."
        )


def _names(folder: str) -> str:
    names = sorted(fileio.listdir(folder)) if fileio.isdir(folder) else []
    return ", ".join(names) or "nothing"
