"""`tools/bootstrap.py` for real: small projects of a one-wheel lock, built without a network."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools/bootstrap.py"

# A build backend of the standard library: an editable install of a project with one module.
BACKEND = """
import pathlib, zipfile

INFO = "microtome-1.0.dist-info"

def build_editable(directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(pathlib.Path(directory) / "microtome-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("microtome.pth", str(pathlib.Path.cwd()))
        wheel.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\\nName: microtome\\nVersion: 1.0")
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any")
        wheel.writestr(f"{INFO}/RECORD", "")
    return "microtome-1.0-py3-none-any.whl"
"""


def record_line(name: str, content: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"{name},sha256={digest.rstrip('=')},{len(content)}\n"


def write_wheel(folder: pathlib.Path, version: str) -> str:
    """Writes a wheel of the package `leaf`, and returns the line that a lock has for it."""
    info = f"leaf-{version}.dist-info"
    files = {
        "leaf.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: leaf\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(record_line(*item) for item in files.items())
    path = folder / f"leaf-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
    return f"leaf=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


class Project:
    """A checkout in small: the bootstrap, a lock, and a package that installs editable."""

    def __init__(self, root: pathlib.Path, installer: str) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.lock = root / "requirements/estimator.txt"
        self.wheels = root / "wheels"
        for folder in ("tools", "requirements", "microtome", "wheels", "home"):
            (root / folder).mkdir()
        shutil.copy(SCRIPT, root / "tools")
        (root / "microtome/version.py").write_text('__version__ = "1.0"\n')
        (root / "setup.py").write_text("")
        (root / "backend.py").write_text(BACKEND)
        build = {"requires": [], "build-backend": "backend", "backend-path": ["."]}
        lines = [f"{key} = {json.dumps(value)}" for key, value in build.items()]
        (root / "pyproject.toml").write_text("\n".join(["[build-system]", *lines]))
        self.lock.write_text(write_wheel(self.wheels, "1.0"))
        self.environment = {
            "HOME": str(root / "home"),
            "PATH": os.pathsep.join(["/usr/bin", "/bin"]),
            "MICROTOME_INSTALLER": installer,
            "PYTHON3_10": sys.executable,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": str(self.wheels),
            "UV_CACHE_DIR": str(root / "cache"),
        }

    def call(self, line: str = "estimator", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(self.root / "tools/bootstrap.py"), line],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
        )

    def ask(self, expression: str) -> str:
        """Returns what the environment's Python prints for an expression."""
        program = f"import leaf, microtome.version; print({expression})"
        command = [str(self.venv / "bin/python"), "-I", "-c", program]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def uv_folder() -> str | None:
    """Returns the folder of a uv that runs."""
    for candidate in (shutil.which("uv"), str(ROOT / ".venv-tools/bin/uv")):
        if candidate and os.path.exists(candidate):
            real = subprocess.run([candidate, "--version"], capture_output=True)
            if real.returncode == 0:
                return os.path.dirname(candidate)
    return None


def project_with(installer: str, folder: pathlib.Path) -> Project:
    """Returns a new project; one that installs with pip where uv is asked for but not there."""
    uv = uv_folder() if installer == "uv" else None
    project = Project(folder, "uv" if uv else "pip")
    if uv:
        project.environment["PATH"] = os.pathsep.join([uv, os.environ["PATH"]])
    return project


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    return project_with("uv", tmp_path)


@pytest.mark.parametrize("installer", ["uv", pytest.param("pip", marks=pytest.mark.slow)])
def test_builds_once_then_leaves_alone(installer: str, tmp_path: pathlib.Path) -> None:
    project = project_with(installer, tmp_path)
    first = project.call()
    assert first.returncode == 0, first.stderr
    assert ".venv is ready" in first.stderr
    assert project.ask("leaf.VERSION, microtome.version.__version__") == "1.0 1.0"
    stamp = project.venv / "microtome.stamp"
    before = stamp.stat().st_mtime_ns
    second = project.call()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert stamp.stat().st_mtime_ns == before


def test_interrupted_installation_is_built_anew(project: Project) -> None:
    assert project.call().returncode == 0
    (project.venv / "microtome.stamp").write_text("building")
    debris = project.venv / "lib/debris"
    debris.write_text("")
    again = project.call()
    assert "did not finish" in again.stderr
    assert again.returncode == 0, again.stderr
    assert not debris.exists()
    assert project.ask("leaf.VERSION") == "1.0"


def test_changed_lock_updates_in_place(project: Project) -> None:
    assert project.call().returncode == 0
    kept = project.venv / "lib/kept"
    kept.write_text("")
    project.lock.write_text(write_wheel(project.wheels, "2.0"))
    assert project.call().returncode == 0
    assert kept.exists()
    assert project.ask("leaf.VERSION") == "2.0"


@pytest.mark.slow
def test_wrong_hash_installs_nothing_and_can_be_mended(project: Project) -> None:
    right = project.lock.read_text()
    project.lock.write_text(right.split("sha256:")[0] + "sha256:" + "0" * 64 + "\n")
    failed = project.call()
    assert failed.returncode == 1
    assert "error: " in failed.stderr
    assert "is ready" not in failed.stderr
    project.lock.write_text(right)
    assert project.call().returncode == 0
    assert project.ask("leaf.VERSION") == "1.0"


def test_removed_python_is_noticed(project: Project) -> None:
    assert project.call().returncode == 0
    for python in (project.venv / "bin").glob("python*"):
        python.unlink()
    again = project.call()
    assert again.returncode == 0, again.stderr
    assert project.ask("leaf.VERSION") == "1.0"


def test_says_what_to_do_without_the_right_python(tmp_path: pathlib.Path) -> None:
    project = Project(tmp_path, "pip")
    script = tmp_path / "tools/bootstrap.py"
    # a version that no machine has
    script.write_text(script.read_text().replace('"3.10"', '"3.99"'))
    bare = project.call()
    assert bare.returncode == 1
    assert "found no Python 3.99" in bare.stderr
    assert "pyenv install 3.99" in bare.stderr
    assert "PYTHON3_99=" in bare.stderr
    named = project.call(PYTHON3_99=sys.executable)
    assert "is not a Python 3.99: it is 3.10." in named.stderr
    assert not project.venv.exists()


def test_usage(tmp_path: pathlib.Path) -> None:
    wrong = Project(tmp_path, "pip").call("nonsense")
    assert wrong.returncode == 2
    assert "estimator|current|kubeflow-v1|engines|proto" in wrong.stderr


@pytest.fixture
def bootstrap(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    """The script as a module, in a home directory of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PYENV_ROOT", "XDG_DATA_HOME", "CONDA_PREFIX", "MAMBA_ROOT_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_python(path: pathlib.Path, *lines: str) -> str:
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return str(path)


def test_pyenv_is_searched_without_its_shims_newest_first(bootstrap, tmp_path) -> None:
    versions = ("3.10.9", "3.10.13", "3.1.4", "3.11.0")
    for version in versions:
        name = "python" + version.rpartition(".")[0]
        write_python(tmp_path / ".pyenv/versions" / version / "bin" / name)
    found = [path for path in bootstrap.known_places("python3.10", "3.10") if ".pyenv" in path]
    assert [pathlib.Path(path).parts[-3] for path in found] == ["3.10.13", "3.10.9"]


def test_unfit_pythons_are_passed_over_with_the_reason(bootstrap, tmp_path, monkeypatch) -> None:
    line, real = bootstrap.LINES["estimator"], sys.executable
    # a shim for a version that is not selected, a build without ssl, and the real one
    shims = tmp_path / "shims"
    write_python(shims / "python3.10", "exit 127")
    broken = tmp_path / ".pyenv/versions/3.10.99/bin/python3.10"
    write_python(broken, "echo built without ssl >&2", "exit 1")
    monkeypatch.setenv("PATH", str(shims))
    monkeypatch.setattr(bootstrap.sys, "executable", str(broken))
    monkeypatch.setattr(bootstrap.glob, "glob", lambda pattern: [])
    with pytest.raises(bootstrap.BootstrapError, match=r"3\.10\.99.*: built without ssl"):
        bootstrap.find_python(line, None, {})
    monkeypatch.setattr(bootstrap.glob, "glob", lambda pattern: [real])
    # of an environment in the checkout it takes the interpreter that made it
    assert bootstrap.find_python(line, None, {}) in (real, os.path.realpath(real))


def test_pip_settings_reach_uv_unless_uv_has_its_own(bootstrap, tmp_path, monkeypatch) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\ncert = /certificates.pem\nindex-url = https://mirror.invalid/simple\n"
        "extra-index-url =\n  https://a.invalid\n  https://b.invalid\n"
    )
    for name in ("SSL_CERT_FILE", "UV_DEFAULT_INDEX", "PIP_CERT", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "7")
    monkeypatch.setenv("PIP_TIMEOUT", "99")
    environment = bootstrap.install_environment()
    assert environment["SSL_CERT_FILE"] == "/certificates.pem"
    assert environment["UV_DEFAULT_INDEX"] == "https://mirror.invalid/simple"
    assert environment["UV_INDEX"] == "https://a.invalid https://b.invalid"
    assert environment["UV_HTTP_TIMEOUT"] == "7"
    assert "PYTHONPATH" not in environment


def test_another_platform_is_told_so(bootstrap, monkeypatch) -> None:
    monkeypatch.setattr(bootstrap.platform, "machine", lambda: "arm64")
    with pytest.raises(bootstrap.BootstrapError, match="Linux x86_64 only"):
        bootstrap.check_platform(bootstrap.LINES["estimator"])
    bootstrap.check_platform(bootstrap.LINES["current"])


def test_a_missing_compiler_is_told_before_anything_is_downloaded(bootstrap, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(bootstrap.BootstrapError, match=r"C\+\+ compiler"):
        bootstrap.check_platform(bootstrap.LINES["estimator"])
