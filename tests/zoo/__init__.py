"""Small trained models with data, of every kind that Microtome has to read.

They are built on the estimator line only.

Synopsis:

    model = zoo.build("dnn_binary_v2", directory)
    model.model_path, model.data_path, model.records, model.slice_features, model.example_weight_key
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable

import tensorflow as tf

import microtome.export
from tests.zoo import canned, custom, fixed, handmade, uncut
from tests.zoo.models import Built, ZooModel, load, save
from tests.zoo.training import tf1_style

Builder = Callable[[str], Built]


def _old(builder: Builder) -> Builder:
    def build(home: str) -> Built:
        with tf1_style():
            return builder(home)

    return build


MODELS: dict[str, Builder] = {
    **canned.MODELS,
    **custom.MODELS,
    **uncut.MODELS,
    **fixed.MODELS,
    **handmade.MODELS,
    # ref variables, and control flow by Switch and Merge
    "tf1_dnn_binary": _old(canned.MODELS["dnn_binary_v1"]),
    "tf1_linear_named_classes_assets": _old(canned.MODELS["linear_named_classes_assets_v1"]),
    "tf1_tf_metrics": _old(custom.MODELS["tf_metrics"]),
}

# Models that no one can evaluate: their graphs call Python functions that went with their process.
BROKEN: dict[str, Builder] = {"python_metrics": uncut.python_metrics}


def build(name: str, directory: str | os.PathLike[str]) -> ZooModel:
    """Builds the model `name` under `directory`, or finds it there.

    Several processes may share a directory.
    """
    home = os.path.join(os.fspath(directory), name)
    found = load(home)
    if found is not None:
        return found
    os.makedirs(directory, exist_ok=True)
    # whoever is first gives it its name, whole
    building = tempfile.mkdtemp(prefix=f"{name}-", dir=directory)
    save(building, name, {**MODELS, **BROKEN}[name](building))
    try:
        os.rename(building, home)
    except OSError:
        shutil.rmtree(building)
    found = load(home)
    assert found is not None
    return found


def digest() -> str:
    """Changes whenever the zoo, or what exports it, does."""
    sources = [
        *pathlib.Path(__file__).parent.glob("*.py"),
        *pathlib.Path(microtome.export.__file__).parent.glob("*.py"),
    ]
    content = b"".join(path.read_bytes() for path in sorted(sources))
    return hashlib.sha256(tf.__version__.encode() + content).hexdigest()[:12]
