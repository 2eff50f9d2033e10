"""What a zoo model is, and how it is kept on disk."""

from __future__ import annotations

import dataclasses
import json
import os

import tensorflow as tf

CARD = "zoo.json"


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


def save(home: str, name: str, built: Built) -> ZooModel:
    """Writes the records, and then a card from which `load` finds it all again."""
    data_path = os.path.join(home, "data.tfrecord")
    with tf.io.TFRecordWriter(data_path) as writer:
        for record in built.records:
            writer.write(record)
    card = {field.name: getattr(built, field.name) for field in dataclasses.fields(built)}
    card.update(name=name, data_path=data_path)
    with open(os.path.join(home, CARD), "w", encoding="utf-8") as file:
        json.dump({**card, "records": None}, file)
    return ZooModel(**card)


def load(home: str) -> ZooModel | None:
    """The model that `save` put under `home`, if any."""
    path = os.path.join(home, CARD)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        card = json.load(file)
    card["records"] = [
        bytes(record) for record in tf.data.TFRecordDataset(card["data_path"]).as_numpy_iterator()
    ]
    card["uncut"] = tuple(card["uncut"])
    return ZooModel(**card)
