"""The rooms that need TFX; the others are in test_imports.py."""

import importlib

import pytest


@pytest.mark.parametrize("room", ["component", "executor.executor", "pipelines"])
def test_room_imports(room: str) -> None:
    assert importlib.import_module(f"microtome.{room}").__name__ == f"microtome.{room}"
