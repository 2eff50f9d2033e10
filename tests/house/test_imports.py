"""Who may import whom (DESIGN, section 1), read off the sources; and what importing costs."""

from __future__ import annotations

import ast
import importlib
import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

pytestmark = pytest.mark.current

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ("component", "executor", "pipelines", "proto")

# A room or module imports from those above it, or from itself.
ORDER = (
    ("errors", "messages", "version"),
    ("proto",),
    ("strict_proto",),
    ("slicing", "statistics"),
    ("metrics",),
    ("post_export_metrics",),
    ("threshold_problems",),
    ("config",),
    ("frames",),
    ("export", "model"),
    ("exporter", "results", "slicer"),
    ("experimental",),
    ("tracking", "validation"),
    ("view",),
    ("executor",),
    ("cli", "component"),
    ("__main__", "pipelines"),
)
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}

# Third-party packages that only these rooms import; everyone else stays free of them.
RESERVED = {
    # in `results` for its file systems only, and only when a file is opened
    "apache_beam": {"cli", "component", "executor", "pipelines", "results"},
    "ml_metadata": {"pipelines", "tracking"},
    # in `frames` for tf.Examples only, and only when one is decoded
    "tensorflow": {"executor", "export", "frames", "model", "pipelines"},
    "tensorflow_model_analysis": set(),
    "tfx": {"component", "executor", "pipelines"},
}


def sources() -> Iterator[tuple[str, pathlib.Path]]:
    """Yields the product's modules as (dotted name, path)."""
    for folder in ("microtome", *ROOMS):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            parts = parts if folder == "microtome" else ("microtome", *parts)
            yield ".".join(parts).removesuffix(".__init__"), path


def imports(name: str, path: pathlib.Path) -> Iterator[str]:
    """Yields the dotted names that a module imports anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(name: str) -> str | None:
    """Returns the room of a dotted name below `microtome`, e.g. `slicing`; None for `microtome`."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else None


IMPORTS = [(name, path, imported) for name, path in sources() for imported in imports(name, path)]


ROOMS_HERE = {room for name, _ in sources() if (room := room_of(name))}


def test_every_room_has_its_place_in_the_order() -> None:
    assert set(RANK) >= ROOMS_HERE


def test_imports_run_downward() -> None:
    upward = []
    for name, _, imported in IMPORTS:
        importer, target = room_of(name), room_of(imported)
        if importer is None or imported.split(".")[0] != "microtome" or target not in RANK:
            continue
        if target != importer and RANK[target] >= RANK[importer]:
            upward.append(f"{name} imports {imported}")
    assert not upward


@pytest.mark.parametrize("package", RESERVED)
def test_heavy_packages_stay_in_their_rooms(package: str) -> None:
    strays = [
        f"{name} imports {imported}"
        for name, _, imported in IMPORTS
        if imported.split(".")[0] == package and room_of(name) not in RESERVED[package]
    ]
    assert not strays


def test_of_the_executor_only_the_tfx_executor_knows_tfx() -> None:
    importers = {name for name, _, imported in IMPORTS if imported.split(".")[0] == "tfx"}
    executor = {name for name in importers if room_of(name) == "executor"}
    assert executor <= {"microtome.executor.executor"}


def test_tfx_is_never_imported_whole() -> None:
    assert not [name for name, _, imported in IMPORTS if imported.startswith("tfx.v1")]


@pytest.mark.parametrize("room", sorted(ROOMS_HERE - {"component", "pipelines"}))
def test_room_imports(room: str) -> None:
    assert importlib.import_module(f"microtome.{room}").__name__ == f"microtome.{room}"


def test_importing_microtome_loads_nothing_but_itself() -> None:
    program = (
        "import json, sys; before = set(sys.modules); import microtome;"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    loaded = json.loads(output)
    foreign = {name.split(".")[0] for name in loaded} - sys.stdlib_module_names
    assert foreign == {"microtome"}
    # itself, its version, and no room; the standard library's share is small as well
    assert len([name for name in loaded if name.startswith("microtome")]) <= 3
    assert len(loaded) <= 40


@pytest.mark.parametrize("room", ["config", "frames", "results", "slicing"])
def test_data_only_rooms_load_neither_tensorflow_nor_beam(room: str) -> None:
    program = (
        f"import sys, microtome.{room}; print({{'tensorflow', 'apache_beam'}} & set(sys.modules))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert output == "set()\n"
