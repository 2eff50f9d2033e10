"""What `setup.py` builds is the whole package, and works where no checkout is."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

pytestmark = pytest.mark.current

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("microtome", "component", "executor", "pipelines", "proto")
SHIPPED = {".py", ".pyi", ".proto", ".typed", ".json", ".js"}


def shipped_files() -> set[str]:
    """Returns the paths, inside the package, of the checkout's files that belong to users."""
    names = set()
    for folder in FOLDERS:
        base = ROOT if folder == "microtome" else ROOT / folder
        prefix = "" if folder == "microtome" else f"microtome/{folder}/"
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in SHIPPED and path.is_file():
                names.add(prefix + path.relative_to(base).as_posix())
    return names


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    source = tmp_path_factory.mktemp("source")
    for name in FOLDERS:
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, source / name, ignore=ignore)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    program = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    subprocess.run([sys.executable, "-c", program], cwd=source, check=True, capture_output=True)
    (path,) = (source / "dist").glob("microtome-*.whl")
    return zipfile.ZipFile(path)


def test_wheel_holds_every_file_of_every_room(wheel: zipfile.ZipFile) -> None:
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == shipped_files()
    others = {"microtome/py.typed", "microtome/proto/config.proto"}
    assert others | {f"microtome/view/static/{name}.js" for name in ("page", "widget")} <= held


def test_wheel_names_command_and_license(wheel: zipfile.ZipFile) -> None:
    info = {pathlib.PurePath(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    assert b"microtome = microtome.cli:main" in wheel.read(info["entry_points.txt"])
    assert "LICENSE" in info
    assert wheel.read(info["top_level.txt"]).split() == [b"microtome"]


def test_wheel_works_outside_the_checkout(wheel: zipfile.ZipFile, tmp_path: pathlib.Path) -> None:
    wheel.extractall(tmp_path / "site")
    rooms = ("config", "executor", "proto.result_pb2", "results", "slicing")
    program = "import sys; sys.path.insert(0, 'site')\n" + "".join(
        f"import microtome.{room} as room; print(room.__file__)\n" for room in rooms
    )
    output = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert len(output.split()) == len(rooms)
    for path in output.split():
        assert pathlib.Path(path).is_relative_to(tmp_path / "site")
