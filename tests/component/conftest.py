"""A small model and its data, as TFX's artifacts have them."""

from __future__ import annotations

import pathlib
import shutil

import pytest
import tensorflow as tf

from tests import zoo


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> zoo.ZooModel:
    return zoo.build("dnn_regression_v2", tmp_path_factory.mktemp("zoo"))


@pytest.fixture(scope="session")
def model_uri(model: zoo.ZooModel, tmp_path_factory: pytest.TempPathFactory) -> str:
    uri = tmp_path_factory.mktemp("artifacts") / "model"
    shutil.copytree(model.model_path, uri / "Format-TFMA")
    return str(uri)


@pytest.fixture(scope="session")
def examples_uri(model: zoo.ZooModel, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Splits `eval` of 201 rows and `next` of the other 100.

    In `eval` one row, the only one of country `xx`, has no number for a target.
    """
    uri = tmp_path_factory.mktemp("artifacts") / "examples"
    odd = tf.train.Example.FromString(model.records[0])
    odd.features.feature["country"].bytes_list.value[:] = [b"xx"]
    odd.features.feature["target"].float_list.value[:] = [float("nan")]
    parts = {
        "eval": [*model.records[:200], odd.SerializeToString()],
        "next": model.records[200:],
    }
    for split, records in parts.items():
        write_records(uri / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz", records)
    return str(uri)


def write_records(path: pathlib.Path, records: list[bytes]) -> None:
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for record in records:
            writer.write(record)
