"""What may not stand in committed files, and what the locks must hold."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

pytestmark = pytest.mark.current

ROOT = pathlib.Path(__file__).resolve().parents[2]

REGISTRIES = re.compile(
    r"pypi\.org|python[h]osted|registry\.npmjs|repo1?\.maven|maven\.org|deb\.debian|proxy\.golang"
)
# a path of one machine, and not part of a longer path or an address
MACHINE_PATHS = re.compile(r"(^|[^\w.~)}/-])/(work|root|farm|home/\w+)/")
INDEX_OPTIONS = re.compile(r"^\s*(--(extra-)?index-url|--find-links|-i |-f |--trusted-host)", re.M)


def committed() -> list[pathlib.Path]:
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a git checkout")
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [ROOT / name for name in names.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_registry_and_no_machine_path_in_committed_files() -> None:
    found = []
    for path in committed():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
            if REGISTRIES.search(line) or MACHINE_PATHS.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line[:120]}")
    assert not found


def pinned(lock: pathlib.Path) -> dict[str, tuple[Version, int]]:
    """Returns what a lock pins: name → version and number of hashes."""
    pins = {}
    for block in re.split(r"\n(?=[a-z0-9])", lock.read_text(encoding="utf-8"), flags=re.I):
        match = re.match(r"([A-Za-z0-9._-]+)==(\S+)", block)
        assert match, f"{lock.name}: not a pinned requirement: {block[:80]}"
        pins[canonicalize_name(match[1])] = (Version(match[2]), block.count("--hash=sha256:"))
    return pins


LOCKS = sorted(path.stem for path in (ROOT / "requirements").glob("*.in"))


@pytest.mark.parametrize("name", LOCKS)
def test_lock_pins_all_that_is_asked_for(name: str) -> None:
    pins = pinned(ROOT / "requirements" / f"{name}.txt")
    lines = (ROOT / "requirements" / f"{name}.in").read_text(encoding="utf-8").splitlines()
    asked = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    assert asked
    for requirement in asked:
        version, _ = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version, prereleases=True), requirement


@pytest.mark.parametrize("name", LOCKS)
def test_lock_has_hashes_and_no_index(name: str) -> None:
    lock = ROOT / "requirements" / f"{name}.txt"
    assert all(hashes > 0 for _, hashes in pinned(lock).values())
    assert not INDEX_OPTIONS.search(lock.read_text(encoding="utf-8"))
