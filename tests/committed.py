"""Models that are committed, with data and TFMA's metrics of it: for the line without Estimators.

`tests/data/make_models.py` makes them, on the estimator line. Each is a directory with

* `model.tar.xz`: the EvalSavedModel (`model/`) and the data (`data.tfrecord`);
* `expected.json`: what the model is, and TFMA 0.46's metrics of the data, a slice an item.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import tarfile
from typing import Any

import tensorflow as tf

HOME = pathlib.Path(__file__).parent / "data" / "models"
NAMES = sorted(path.parent.name for path in HOME.glob("*/expected.json"))

SliceKey = tuple[tuple[str, Any], ...]


@dataclasses.dataclass(frozen=True)
class CommittedModel:
    """A model of the zoo, unpacked.

    Attributes:
      name: its name in the zoo.
      model_path: directory of the EvalSavedModel.
      data_path: TFRecord file of the examples.
      records: the serialised examples.
      slice_features: the features that `expected` is sliced by, one at a time.
      example_weight_key: feature that the metrics are weighted by.
      era: "signature", "collections" or "serve", as in the zoo.
      uncut: metrics that cannot be cut, as in the zoo.
      expected: TFMA's metrics by slice key: numbers, or nested lists of them.
    """

    name: str
    model_path: str
    data_path: str
    records: list[bytes]
    slice_features: list[str]
    example_weight_key: str | None
    era: str
    uncut: list[str]
    expected: dict[SliceKey, dict[str, Any]]


def unpack(name: str, directory: pathlib.Path) -> CommittedModel:
    """Unpacks the committed model `name` into `directory`."""
    home = directory / name
    with tarfile.open(HOME / name / "model.tar.xz") as archive:
        # the first releases of Python 3.10 have no filters
        filtered = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(home, **filtered)
    card = json.loads((HOME / name / "expected.json").read_text())
    results = {
        tuple((column, value) for column, value in item["slice"]): item["metrics"]
        for item in card.pop("results")
    }
    data_path = str(home / "data.tfrecord")
    return CommittedModel(
        name=name,
        model_path=str(home / "model"),
        data_path=data_path,
        records=list(tf.data.TFRecordDataset(data_path).as_numpy_iterator()),
        expected=results,
        **card,
    )
