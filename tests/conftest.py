"""What all tests share: a quiet TensorFlow on the CPU, a working directory, the two lines."""

from __future__ import annotations

import functools
import importlib.util
import os
import pathlib
import sys
from collections.abc import Iterator

# Read once, when TensorFlow or gRPC is first imported; workers inherit them.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

import hypothesis
import hypothesis.database
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent

# `python -m pytest` puts the root on sys.path, where `proto/` would hide the proto-plus package
# that Google's clients import. `tests` stays importable: pytest has registered it by its path.
sys.path[:] = [entry for entry in sys.path if pathlib.Path(entry or ".").resolve() != ROOT]

# A shared machine makes single examples slow; CI must not fail on a seed that nobody can repeat.
EXAMPLES = hypothesis.database.DirectoryBasedExampleDatabase(ROOT / ".hypothesis/examples")
hypothesis.settings.register_profile("here", deadline=None, database=EXAMPLES)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if "CI" in os.environ else "here")

ESTIMATOR_LINE = importlib.util.find_spec("tfx") is not None


def pytest_ignore_collect(collection_path: pathlib.Path) -> bool | None:
    """Where TFX is absent, leaves alone what is not `current`, and folders with nothing that is."""
    if ESTIMATOR_LINE or not collection_path.is_relative_to(ROOT / "tests"):
        return None
    if collection_path.is_dir():
        return None if any(map(_is_current, collection_path.rglob("test_*.py"))) else True
    is_test = collection_path.match("test_*.py")
    return True if is_test and not _is_current(collection_path) else None


def _is_current(module: pathlib.Path) -> bool:
    return "pytest.mark.current" in module.read_text(encoding="utf-8")


@pytest.fixture(scope="session", autouse=True)
def _working_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs tests outside the checkout: Beam's workers put their directory on sys.path.

    There they find `tests`, for functions that a test hands them, but not `proto`.
    """
    folder = tmp_path_factory.mktemp("cwd")
    (folder / "tests").symlink_to(ROOT / "tests")
    before = pathlib.Path.cwd()
    os.chdir(folder)
    yield
    os.chdir(before)


@pytest.fixture(scope="session")
def zoo_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A function that builds a model of the zoo by its name, or finds it in pytest's cache."""
    from tests import zoo  # it needs Estimators

    # without pytest's cacheprovider there is no cache
    cache = getattr(request.config, "cache", None)
    name = f"zoo-{zoo.digest()}"
    directory = tmp_path_factory.mktemp(name) if cache is None else cache.mkdir(name)
    return lambda name: zoo.build(name, directory)


@pytest.fixture(scope="session")
def committed_model(tmp_path_factory: pytest.TempPathFactory):
    """A function that unpacks a committed model by its name, once a session."""
    from tests import committed

    directory = tmp_path_factory.mktemp("committed")
    return functools.cache(lambda name: committed.unpack(name, directory))
