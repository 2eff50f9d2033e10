"""What a zoo model is, and how it is kept on disk."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil

import tensorflow as tf

CARD = "zoo.json"
DATA = "data.tfrecord"


@dataclasses.dataclass(frozen=True)
class Built:
    """What a builder gives: an exported model, and its data.

    Attributes:
      model_path: directory of the EvalSavedModel.
      records: serialised examples.
      slice_features: features worth slicing by.
      example_weight_key: feature that the model's metrics are weighted by.
      era: "signature" (TFMA >= 0.12), "collections" (0.9 to 0.11) or "serve" (0.6).
      uncut: metrics that cannot be cut at batch sums: for those the graph itself must be run.
    """

    model_path: str
    records: list[bytes]
    slice_features: list[str]
    example_weight_key: str | None = None
    era: str = "signature"
    uncut: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class ZooModel(Built):
    """A model of the zoo that stands on disk, with its records in the TFRecord file `data_path`."""

    name: str = ""
    data_path: str = ""


def save(home: str, name: str, built: Built) -> None:
    """Writes the records, and a card from which `load` finds it all again; drops checkpoints."""
    with tf.io.TFRecordWriter(os.path.join(home, DATA)) as writer:
        for record in built.records:
            writer.write(record)
    shutil.rmtree(os.path.join(home, "train"), ignore_errors=True)
    card = {field.name: getattr(built, field.name) for field in dataclasses.fields(built)}
    card.update(name=name, model_path=os.path.relpath(built.model_path, home), records=None)
    with open(os.path.join(home, CARD), "w", encoding="utf-8") as file:
        json.dump(card, file)


def load(home: str) -> ZooModel | None:
    """The model that `save` put under `home`, if any."""
    path = os.path.join(home, CARD)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        card = json.load(file)
    data_path = os.path.join(home, DATA)
    card["model_path"] = os.path.join(home, card["model_path"])
    card["records"] = list(tf.data.TFRecordDataset(data_path).as_numpy_iterator())
    card["uncut"] = tuple(card["uncut"])
    return ZooModel(**card, data_path=data_path)
