"""Builds a virtual environment from its committed lock: `python bootstrap.py estimator`.

Runs on any Python from 3.7 with the standard library alone. Finds the interpreter that the
environment needs, makes the environment, installs exactly what `requirements/<name>.txt` pins
(hashes checked), then Microtome itself as an editable install. A call that finds everything in
place returns at once. An environment whose installation was interrupted is built anew.

uv does the work where it is on PATH or can be had from the package index; else pip does. pip's
settings (an index, certificates, a proxy) are handed on to uv.
"""

from __future__ import annotations

import ast
import contextlib
import fcntl
import glob
import hashlib
import os
import pathlib
import platform
import re
import shlex
import shutil
import subprocess
import sys
import time
from typing import Iterator, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
HOME = pathlib.Path.home()


class Line(NamedTuple):
    """An environment: where it stands and which Python it needs.

    `compiles`: a package of its lock has no wheel and takes a C++ compiler. `package`: Microtome
    itself is installed too.
    """

    name: str
    folder: str
    python: str
    compiles: bool = False
    package: bool = True

    @property
    def path(self) -> pathlib.Path:
        """The environment's folder."""
        return ROOT / self.folder

    @property
    def lock(self) -> pathlib.Path:
        """The file of pinned requirements."""
        return LOCKS / f"{self.name}.txt"

    @property
    def variable(self) -> str:
        """The variable that names the interpreter to use."""
        return "PYTHON" + self.python.replace(".", "_")


LINES = {
    "estimator": Line("estimator", ".venv", "3.10", compiles=True),
    "current": Line("current", ".venv-current", "3.12"),
    "kubeflow-v1": Line("kubeflow_v1", ".venv-kubeflow-v1", "3.10", compiles=True),
    "engines": Line("engines", ".venv-engines", "3.10", package=False),
    "proto": Line("proto", ".venv-proto", "3.10", package=False),
}

# Holds the key of what was installed, written last; while an installation runs, BUILDING.
STAMP = "microtome.stamp"
BUILDING = "building"

EDITABLE = ("--no-deps", "--no-build-isolation", "--editable", str(ROOT))

# Prints the version if the interpreter is fit to run TensorFlow, else says why it is not.
PROBE = """
import os, platform, sys, sysconfig
if platform.python_implementation() != "CPython" or sys.maxsize < 2**32:
    sys.exit("not a 64-bit CPython")
for name in ("bz2", "ctypes", "lzma", "sqlite3", "ssl", "zlib"):
    try:
        __import__(name)
    except ImportError:
        sys.exit("built without " + name)
include = sysconfig.get_paths()["include"]
if "compiles" in sys.argv and not os.path.exists(os.path.join(include, "Python.h")):
    sys.exit("without its headers (Debian and Ubuntu: pythonX.Y-dev)")
print(platform.python_version())
"""


class BootstrapError(Exception):
    """Something that the user has to mend; the message says how."""


def say(message: str) -> None:
    print(f"[microtome] {message}", file=sys.stderr, flush=True)


def short(path: pathlib.Path | str) -> str:
    """Returns the path as a person would write it."""
    path = pathlib.Path(path)
    for base, prefix in ((ROOT, ""), (HOME, "~/")):
        with contextlib.suppress(ValueError):
            return prefix + str(path.relative_to(base))
    return str(path)


def main(arguments: list[str]) -> int:
    try:
        if arguments[:1] == ["uv"]:
            run_uv(arguments[1:])
        elif len(arguments) == 1 and arguments[0] in LINES:
            ensure(LINES[arguments[0]])
        else:
            print(f"usage: bootstrap.py {'|'.join(LINES)}|uv ARGUMENTS...", file=sys.stderr)
            return 2
    except BootstrapError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next call starts the installation anew")
        return 130
    return 0


def ensure(line: Line) -> None:
    """Brings the line's environment to what its lock says; does nothing if it is there already."""
    with locked(line.lock):
        if read_stamp(line) == key_of(line):
            return
        check_platform(line)
        start = time.monotonic()
        environment = install_environment()
        uv = find_uv(environment)
        if not reusable(line):
            create(line, uv, environment)
        write_stamp(line, BUILDING)
        install(line, uv, environment)
        write_stamp(line, key_of(line))
        say(f"{line.folder} is ready ({time.monotonic() - start:.0f} s)")


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
    """Lets one process at a time build: two calls of make may run side by side."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another call is building the environment; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        # an installer that outlives this process (killed, say) goes on holding the lock
        os.set_inheritable(file.fileno(), True)
        yield


def key_of(line: Line) -> str:
    """Returns a digest of what the installation depends on, its place and Python among them."""
    digest = hashlib.sha256(str(line.path).encode())
    sources = [line.lock, line.path / "pyvenv.cfg"]
    if line.package:
        sources += [ROOT / "setup.py", ROOT / "microtome/version.py"]
    for path in sources:
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def read_stamp(line: Line) -> str | None:
    """Returns what was written last, or None where there is no stamp or no working interpreter."""
    if not (line.path / "bin/python").exists():
        return None
    try:
        return (line.path / STAMP).read_text()
    except OSError:
        return None


def write_stamp(line: Line, text: str) -> None:
    temporary = line.path / (STAMP + ".new")
    temporary.write_text(text)
    temporary.replace(line.path / STAMP)


def reusable(line: Line) -> bool:
    """Says whether the environment that stands there can be brought up to date in place."""
    if read_stamp(line) == BUILDING:
        say(f"the last installation into {line.folder} did not finish; starting anew")
        return False
    return is_version(probe(line.path / "bin/python")[0], line.python)


def check_platform(line: Line) -> None:
    """TFX 1.15's companions (ml-metadata, tfx-bsl, …) have wheels for one platform only."""
    here = f"{platform.system()} {platform.machine()}"
    if line.compiles and here != "Linux x86_64":
        raise BootstrapError(
            f"this is {here}; TFX 1.15 and ml-metadata 1.15 have wheels for Linux x86_64 only."
            " Use such a machine or container."
        )
    compilers = (os.environ.get("CXX", "").split(" ")[0], "c++", "g++", "clang++")
    if line.compiles and not any(name and shutil.which(name) for name in compilers):
        raise BootstrapError(
            "found no C++ compiler, which pyfarmhash (needed by TFX, no wheel for Python"
            f" {line.python}) is built with. Debian and Ubuntu: apt-get install g++"
        )


# Python


def find_python(line: Line, uv: str | None, environment: dict[str, str]) -> str:
    """Returns the path of an interpreter of the line's version."""
    named = os.environ.get(line.variable)
    if named:
        version, lack = probe(named, line.compiles)
        if not is_version(version, line.python):
            why = lack or (f"it is {version}" if version else "it does not run")
            raise BootstrapError(f"{line.variable}={named} is not a Python {line.python}: {why}")
        return named
    rejected = []
    for candidate in candidates(line.python):
        version, lack = probe(candidate, line.compiles)
        if is_version(version, line.python):
            say(f"the {line.name} line uses Python {version} ({short(candidate)})")
            return candidate
        if lack:
            rejected.append(f"{short(candidate)}: {lack}")
    if uv:
        found = python_from_uv(line.python, uv, environment)
        if found:
            return found
    raise BootstrapError(no_python(line, rejected))


def is_version(full: str | None, version: str) -> bool:
    return full is not None and full.startswith(version + ".")


def candidates(version: str) -> Iterator[str]:
    """Yields the interpreters that may be of this version, the likeliest first, each once."""
    name = f"python{version}"
    seen = set()
    this = sys.executable if is_version(platform.python_version(), version) else None
    for path in (this, shutil.which(name), *known_places(name, version)):
        real = path and os.path.realpath(path)
        if real and real not in seen:
            seen.add(real)
            # an environment of this checkout may be about to be replaced: take what it is made from
            yield real if path.startswith(f"{ROOT}{os.sep}") else path


def known_places(name: str, version: str) -> Iterator[str]:
    """Yields where `name` stands in the folders that Pythons are usually installed in."""
    data = os.environ.get("XDG_DATA_HOME") or str(HOME / ".local/share")
    pyenvs = [os.environ.get("PYENV_ROOT"), f"{HOME}/.pyenv"]
    condas = [os.environ.get("CONDA_PREFIX"), os.environ.get("MAMBA_ROOT_PREFIX")]
    condas += [f"{HOME}/{folder}" for folder in ("miniconda3", "anaconda3", "miniforge3")]
    folders = [
        *(f"{root}/versions/{version}*/bin" for root in pyenvs if root),
        "/usr/bin",
        "/usr/local/bin",
        "/opt/python*/bin",
        f"{data}/uv/python/cpython-{version}*/bin",
        f"{data}/mise/installs/python/{version}*/bin",
        f"{HOME}/.asdf/installs/python/{version}*/bin",
        *(f"{root}{folder}" for root in condas if root for folder in ("/bin", "/envs/*/bin")),
    ]
    for folder in folders:
        yield from sorted(glob.glob(f"{folder}/{name}"), key=numbers, reverse=True)


def numbers(text: str) -> list[int]:
    """Returns the numbers in a path: 3.10.9 comes before 3.10.13."""
    return [int(digits) for digits in re.findall(r"\d+", text)]


def probe(python: pathlib.Path | str, compiles: bool = False) -> tuple[str | None, str]:
    """Returns an interpreter's version; or None and why it will not do ("": it does not run)."""
    command = [str(python), "-I", "-c", PROBE, *(["compiles"] if compiles else [])]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None, ""
    if result.returncode == 0:
        return result.stdout.strip(), ""
    # 127: a shim of pyenv or asdf for a version that is not selected
    return None, "" if result.returncode == 127 else result.stderr.strip().split("\n")[-1]


def python_from_uv(version: str, uv: str, environment: dict[str, str]) -> str | None:
    """Asks uv for a Python that it knows; as the last resort lets it download one."""
    find = [uv, "python", "find", "--no-project", "--no-python-downloads", version]
    found = output_of(find, environment)
    if found is None:
        say(f"no Python {version} on this machine; asking uv to download one")
        subprocess.run([uv, "python", "install", version], env=environment)
        found = output_of(find, environment)
    return found


def no_python(line: Line, rejected: list[str]) -> str:
    version = line.python
    lines = [f"found no Python {version}, which the {line.name} line needs."]
    if rejected:
        lines += ["Passed over:", *(f"  {item}" for item in rejected)]
    lines += [
        "Install one by any of these, then call make again:",
        f"  pyenv install {version}",
        f"  uv python install {version}",
        f"  conda create -n python{version} python={version}",
        f"  apt-get install python{version} python{version}-venv   (where the distribution has it)",
        f"Or name one that stands elsewhere: make ... {line.variable}=/path/to/python{version}",
    ]
    return "\n".join(lines)


# Installing


def create(line: Line, uv: str | None, environment: dict[str, str]) -> None:
    """Makes the environment, empty, in place of whatever stands there."""
    python = find_python(line, uv, environment)
    if line.path.exists():
        shutil.rmtree(line.path)
    if uv:
        run(
            [uv, "venv", "--quiet", "--no-project", "--python", python, str(line.path)], environment
        )
        return
    try:
        run([python, "-m", "venv", str(line.path)], environment)
    except BootstrapError as error:
        raise BootstrapError(
            f"{error}\n{python} cannot make environments: install uv, or on Debian and Ubuntu"
            f" python{line.python}-venv."
        ) from error


def install(line: Line, uv: str | None, environment: dict[str, str]) -> None:
    """Installs the lock, then Microtome as it stands in the checkout."""
    count = sum("==" in text for text in line.lock.read_text().splitlines())
    say(
        f"installing {count} packages of {short(line.lock)} into {line.folder}"
        " (minutes where they have to be downloaded)"
    )
    python = str(line.path / "bin/python")
    if uv:
        try:
            install_with_uv(line, uv, python, environment)
            return
        except BootstrapError as error:
            say(f"{error}; trying with pip")
            run([python, "-m", "ensurepip", "--upgrade"], environment)
    install_with_pip(line, python, environment)


def install_with_uv(line: Line, uv: str, python: str, environment: dict[str, str]) -> None:
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    to = ["--python", python]
    # what has no wheel is built with the lock's setuptools, not with the latest
    locked_to = ["--require-hashes", "--build-constraints", str(line.lock), str(line.lock)]
    run([uv, "pip", "sync", *quiet, *to, *locked_to], environment)
    if line.package:
        run([uv, "pip", "install", "--quiet", *to, *EDITABLE], environment)


def install_with_pip(line: Line, python: str, environment: dict[str, str]) -> None:
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--no-deps", "--require-hashes", "-r", str(line.lock)], environment)
    if line.package:
        run([*pip, *EDITABLE], environment)


def find_uv(environment: dict[str, str]) -> str | None:
    """Returns a uv that runs, the user's or one of our own; None if neither is to be had."""
    if os.environ.get("MICROTOME_INSTALLER") == "pip":
        return None
    own = ROOT / ".venv-tools/bin/uv"
    for candidate in (
        shutil.which("uv"),
        f"{HOME}/.local/bin/uv",
        f"{HOME}/.cargo/bin/uv",
        str(own),
    ):
        # a shim on PATH may stand for a uv that is not there
        if candidate and output_of([candidate, "--version"], environment):
            return candidate
    python = next(
        filter(takes_uv, (sys.executable, *candidates("3.10"), *candidates("3.12"))), None
    )
    if python is None:
        say("found neither uv nor a Python that can make an environment for it; going on with pip")
        return None
    try:
        install_own_uv(python, environment)
    except BootstrapError as error:
        say(f"{error}; going on with pip")
        return None
    return str(own)


def takes_uv(python: str) -> bool:
    """Says whether an environment with uv in it can be made from this Python."""
    # Debian's python3 has no ensurepip
    check = "import ensurepip, sys; sys.exit(sys.version_info < (3, 8))"
    return output_of([python, "-c", check], dict(os.environ)) is not None


def install_own_uv(python: str, environment: dict[str, str]) -> None:
    lock = LOCKS / "tools.txt"
    say(f"installing uv from {short(lock)} into .venv-tools")
    run([python, "-m", "venv", "--clear", str(ROOT / ".venv-tools")], environment)
    own = str(ROOT / ".venv-tools/bin/python")
    pip = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "-r", str(lock)], environment)


def run_uv(arguments: list[str]) -> None:
    """Runs uv as an installation would: the same program, the same settings."""
    environment = install_environment()
    uv = find_uv(environment)
    if uv is None:
        raise BootstrapError("this needs uv: install it and call make again")
    run([uv, *arguments], environment, ROOT)


def install_environment() -> dict[str, str]:
    """Returns the process environment without what misleads installers, with pip's settings."""
    environment = dict(os.environ)
    for name in ("PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "VIRTUAL_ENV"):
        environment.pop(name, None)
    handed_on = {
        "cert": "SSL_CERT_FILE",
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "proxy": "HTTPS_PROXY",
        "timeout": "UV_HTTP_TIMEOUT",
        "default-timeout": "UV_HTTP_TIMEOUT",
    }
    settings = pip_settings(environment)
    for option, variable in handed_on.items():
        if option in settings:
            environment.setdefault(variable, settings[option])
    # the machine's own certificates, as pip does
    environment.setdefault("UV_SYSTEM_CERTS", "true")
    if environment.get("PYTHONDONTWRITEBYTECODE"):
        # nothing else would: TensorFlow and Beam would be compiled at every import, for 13 s
        environment.setdefault("UV_COMPILE_BYTECODE", "true")
    return environment


def pip_settings(environment: dict[str, str]) -> dict[str, str]:
    """Returns pip's options from its configuration files and variables, the strongest winning."""
    listed = output_of([sys.executable, "-m", "pip", "config", "list"], environment) or ""
    settings = {}
    for text in listed.splitlines():
        name, _, value = text.partition("=")
        section, _, option = name.rpartition(".")
        if section in ("global", "install", ":env:"):
            settings[option] = " ".join(str(ast.literal_eval(value)).split())
    return settings


def output_of(command: list[str], environment: dict[str, str]) -> str | None:
    """Returns what the command prints, or None if it fails or is not there."""
    try:
        result = subprocess.run(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    except OSError:
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def run(command: list[str], environment: dict[str, str], folder: pathlib.Path = LOCKS) -> None:
    """Runs a command, by default in a folder where nothing of the checkout is on its sys.path."""
    result = subprocess.run(command, env=environment, cwd=str(folder), close_fds=False)
    if result.returncode != 0:
        shown = " ".join(shlex.quote(part) for part in command[:4])
        raise BootstrapError(f"`{shown} ...` failed (exit code {result.returncode})")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
