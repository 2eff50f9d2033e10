"""Small trained models with data, of every kind that Microtome has to read.

They are built on the estimator line only.

Synopsis:

    model = zoo.build("dnn_binary_v2", directory)
    model.model_path, model.data_path, model.records, model.slice_features, model.example_weight_key
"""

from __future__ import annotations

import os
from collections.abc import Callable

from tests.zoo import canned, custom, uncut
from tests.zoo.models import Built, ZooModel, load, save

MODELS: dict[str, Callable[[str], Built]] = {
    **canned.MODELS,
    **custom.MODELS,
    **uncut.MODELS,
}


def build(name: str, directory: str | os.PathLike[str]) -> ZooModel:
    """Builds the model `name` under `directory`, or finds it there."""
    home = os.path.join(os.fspath(directory), name)
    found = load(home)
    if found is None:
        os.makedirs(home, exist_ok=True)
        found = save(home, name, MODELS[name](home))
    return found
