"""Makes the committed models of `tests.committed`; run it on the estimator line:

    python tests/data/make_models.py [name ...]

It overwrites `tests/data/models/<name>/`.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import pathlib
import sys
import tarfile
import tempfile

# at the end: at the front the root's `proto/` would hide the package of that name (proto-plus)
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

import numpy as np
import tensorflow as tf

from tests import oracle, zoo
from tests.committed import HOME

ROWS = 120
SLICE_FEATURES = ["country", "languages", "level"]
NAMES = (
    "dnn_binary_v2",
    "linear_binary_v1",
    "dnn_multi_class_v2",
    "linear_named_classes_assets_v1",
    "dnn_regression_v1",
    "multi_head_v2",
    "multi_label_v2",
    "tf_metrics",
    "keras_metrics",
    "tf1_dnn_binary",
    "tf1_tf_metrics",
    "handmade_collections_tf1",
    "handmade_serve_tf1",
)
# TFMA 0.46 does not read the format of 0.6; the same model in today's format stands in for it
STANDS_IN = {"handmade_serve_tf1": "handmade_signature_tf1"}


def make(name: str, directory: str) -> None:
    """Builds the model `name` of the zoo, has TFMA evaluate it, and writes both down."""
    model = _first_rows(zoo.build(name, directory))
    judged = _first_rows(zoo.build(STANDS_IN.get(name, name), directory))
    expected = oracle.evaluate(judged, [(), *((feature,) for feature in SLICE_FEATURES)])
    home = HOME / name
    home.mkdir(parents=True, exist_ok=True)
    with tarfile.open(home / "model.tar.xz", "w:xz", preset=9) as archive:
        for path in sorted(pathlib.Path(model.model_path).rglob("*")):
            if path.is_file():
                inside = path.relative_to(model.model_path)
                _add(archive, f"model/{inside}", path.read_bytes())
        _add(archive, "data.tfrecord", pathlib.Path(model.data_path).read_bytes())
    (home / "expected.json").write_text(_card(model, expected))


def _first_rows(model: zoo.ZooModel) -> zoo.ZooModel:
    path = f"{model.data_path}.first"
    records = model.records[:ROWS]
    with tf.io.TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)
    return dataclasses.replace(model, records=records, data_path=path)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    # neither times nor owners, so that the same content makes the same archive
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def _card(model: zoo.ZooModel, expected: oracle.MetricsBySlice) -> str:
    head = {
        "slice_features": SLICE_FEATURES,
        "example_weight_key": model.example_weight_key,
        "era": model.era,
        "uncut": list(model.uncut),
    }
    items = [
        json.dumps({"slice": key, "metrics": {name: _plain(m[name]) for name in sorted(m)}})
        for key, m in sorted(expected.items(), key=lambda item: str(item[0]))
    ]
    # one slice a line
    return json.dumps(head)[:-1] + ', "results": [\n' + ",\n".join(items) + "\n]}\n"


def _plain(value: object) -> object:
    return value.tolist() if isinstance(value, np.ndarray) else value


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        # a graph holds the path of its vocabulary file: let it be a relative one
        os.chdir(directory)
        for name in names or NAMES:
            make(name, ".")
            size = sum(file.stat().st_size for file in (HOME / name).iterdir())
            print(f"{name}: {size:,} bytes", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
