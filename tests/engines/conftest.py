"""The clusters, and what they evaluate."""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engines import flink, spark
from tests.engines.cases import Case, evaluate, write
from tests.needed import skip_or_fail
from tests.processes import NotInstalledError


@pytest.fixture(scope="session")
def case(zoo_model: Any, tmp_path_factory: pytest.TempPathFactory) -> Case:
    model = zoo_model("dnn_regression_v2")
    folder = tmp_path_factory.mktemp("engines") / "data"
    write(folder, model.records, 20)
    output = tmp_path_factory.mktemp("engines") / "direct"
    expected = evaluate(model.model_path, str(folder / "*"), output, [])
    return Case(model.model_path, folder, expected)


def _cluster(engine: Any) -> Iterator[Any]:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="microtome-engine-"))
        try:
            running = stack.enter_context(engine.cluster(pathlib.Path(folder)))
        except NotInstalledError as error:
            skip_or_fail(str(error))
        yield running


@pytest.fixture(scope="session")
def flink_cluster() -> Iterator[flink.Cluster]:
    yield from _cluster(flink)


@pytest.fixture(scope="session")
def spark_cluster() -> Iterator[spark.Cluster]:
    yield from _cluster(spark)
