from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterable

import pytest
from google.protobuf import text_format

from microtome.proto import result_pb2
from microtome.results import names, tfrecord
from tests.results.made import write


@pytest.fixture
def result_path(tmp_path: pathlib.Path) -> str:
    return write(tmp_path / "result")


@pytest.fixture
def make_directory(tmp_path: pathlib.Path) -> Callable[..., str]:
    """Makes result directories of text protos, as other writers would, under any file names."""
    messages = {
        names.METRICS: result_pb2.MetricsForSlice,
        names.PLOTS: result_pb2.PlotsForSlice,
        names.ATTRIBUTIONS: result_pb2.AttributionsForSlice,
        names.VALIDATIONS: result_pb2.ValidationResult,
    }

    def make(eval_config: str | None = "{}", **files: Iterable[str]) -> str:
        directory = tmp_path / f"made-{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        for name, texts in files.items():
            kind = next(kind for kind in messages if name.startswith(kind))
            with open(directory / name, "wb") as file:
                for text in texts:
                    message = text_format.Parse(text, messages[kind]())
                    tfrecord.write_record(file, message.SerializeToString())
        if eval_config is not None:
            (directory / names.EVAL_CONFIG).write_text(eval_config)
        return str(directory)

    return make
