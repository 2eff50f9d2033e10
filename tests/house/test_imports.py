import importlib

import pytest

pytestmark = pytest.mark.current


@pytest.mark.parametrize(
    "room", ["export", "model", "slicing", "metrics", "results", "executor", "proto"]
)
def test_room_imports(room: str) -> None:
    assert importlib.import_module(f"microtome.{room}").__name__ == f"microtome.{room}"
