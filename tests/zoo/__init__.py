"""Small trained models with data, of every kind that Microtome has to read.

They are built on the estimator line only.

Synopsis:

    model = zoo.build("dnn_binary_v2", directory)
    model.model_path, model.data_path, model.records, model.slice_features, model.example_weight_key
"""

from __future__ import annotations

import os
from collections.abc import Callable

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


def build(name: str, directory: str | os.PathLike[str]) -> ZooModel:
    """Builds the model `name` under `directory`, or finds it there."""
    home = os.path.join(os.fspath(directory), name)
    found = load(home)
    if found is None:
        os.makedirs(home, exist_ok=True)
        found = save(home, name, MODELS[name](home))
    return found
