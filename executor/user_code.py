"""Code of users that workers have not: it travels with what is made of it.

Beam's workers import what they are sent by the name of its module. They cannot where that is a
`module_file`, a notebook, the script that was started, or a file beside it. So what a user may have
written travels as `packed`: functions and classes that have no module to import are pickled whole,
as cloudpickle does it, and the sources of modules that are not installed go along.
"""

from __future__ import annotations

import copyreg
import dataclasses
import hashlib
import importlib
import importlib.util
import inspect
import io
import linecache
import os
import pickle
import site
import sys
import sysconfig
import threading
import types
from collections.abc import Iterable, Mapping
from typing import Any

from apache_beam.internal.cloudpickle import cloudpickle
from apache_beam.io.filesystems import FileSystems

from microtome.errors import ConfigError
from microtome.metrics.collection import Collection

# of modules that were made of files: sources by name
_installed: dict[str, str] = {}
_installing = threading.RLock()


def read_module_file(path: str) -> str:
    """The source of a module file, from any file system that Beam knows.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        with FileSystems.open(path) as file:
            return str(file.read().decode("utf-8"))
    except (OSError, ValueError, UnicodeDecodeError, ImportError) as error:
        raise ConfigError(
            f"The module_file {path!r} cannot be read: {error}. Name a Python file."
        ) from error


def digest(source: str) -> str:
    """Tells sources apart, 16 hexadecimal digits."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def load_module_file(path: str, source: str | None = None) -> types.ModuleType:
    """Imports a module file; what it registers is known from then on.

    Args:
        path: the file, in any file system that Beam knows.
        source: what stands in it, if it has been read.

    Raises:
        ConfigError: it cannot be read or imported.
    """
    source = read_module_file(path) if source is None else source
    # two files of one name are two modules, and so are two versions of one
    name = f"{_stem(path)}_{digest(source)}"
    try:
        return _install(name, source, path)
    except Exception as error:
        raise ConfigError(
            f"The module_file {path!r} cannot be imported: {type(error).__name__}: {error}"
            f"{_line_of(error, path)}"
        ) from error


def module_of(name: str) -> types.ModuleType:
    """A module: that of the last module file of the name, or one that Python finds.

    Raises:
        ImportError: there is none.
    """
    of_files = [found for found in _installed if found.rpartition("_")[0] == name]
    return sys.modules[of_files[-1]] if of_files else importlib.import_module(name)


def _stem(path: str) -> str:
    stem = os.path.splitext(path.rstrip("/").rpartition("/")[2])[0]
    return "".join(c if c.isalnum() else "_" for c in stem)


def _line_of(error: Exception, path: str) -> str:
    if isinstance(error, SyntaxError):
        return ""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" (line {line})" if line else ""


def _install(name: str, source: str, path: str) -> types.ModuleType:
    with _installing:
        if name in _installed:
            # the last one that is loaded is the last of its name, and what it registers counts
            _installed[name] = _installed.pop(name)
        else:
            module = types.ModuleType(name)
            module.__file__ = path
            # for tracebacks, dataclasses and pickles
            linecache.cache[path] = len(source), None, source.splitlines(True), path
            sys.modules[name] = module
            try:
                exec(compile(source, path, "exec"), module.__dict__)
            except BaseException:
                del sys.modules[name]
                raise
            _installed[name] = source
        return sys.modules[name]


def packed(value: Any) -> tuple[dict[str, tuple[str, str]], bytes]:
    """A value for workers: sources of modules, (source, path) by name, and the pickled value."""
    stream = io.BytesIO()
    pickler = _Pickler(stream)
    pickler.dump(value)
    return _sources(pickler.modules), stream.getvalue()


def unpacked(sources: Mapping[str, tuple[str, str]], pickled: bytes) -> Any:
    """The value of `packed`; modules are made of their sources where there are none."""
    for name, (source, path) in sources.items():
        if not _is_there(name):
            _install(name, source, path)
    return pickle.loads(pickled)


class _Pickler(cloudpickle.Pickler):
    """Notes the modules that functions and classes are imported from."""

    def __init__(self, file: Any):
        super().__init__(file)
        self.modules: dict[str, None] = {}

    def persistent_id(self, value: Any) -> None:
        if isinstance(value, type | types.FunctionType | types.ModuleType):
            named = value.__name__ if isinstance(value, types.ModuleType) else value.__module__
            self.modules[named or ""] = None


def _sources(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    found = {}
    for name in names:
        module = sys.modules.get(name)
        path = getattr(module, "__file__", None) or ""
        if name in _installed:
            found[name] = _installed[name], path
        elif module is not None and _is_users(name, path):
            try:
                found[name] = inspect.getsource(module), path
            except (OSError, TypeError):
                # compiled, perhaps: workers must have it
                continue
    return found


def _is_users(name: str, path: str) -> bool:
    top = name.partition(".")[0]
    if top in ("__main__", "microtome") or top in sys.stdlib_module_names or not path:
        return False
    installed = {sysconfig.get_path(key) for key in ("purelib", "platlib", "stdlib")}
    installed |= {*site.getsitepackages(), site.getusersitepackages()}
    return not os.path.abspath(path).startswith(tuple(installed))


def _is_there(name: str) -> bool:
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def reduce_packed(value: Any) -> tuple[Any, ...]:
    """`__reduce__` of a dataclass in whose fields a user's code may stand."""
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return _restored, packed((type(value), fields))


def _restored(sources: Mapping[str, tuple[str, str]], pickled: bytes) -> Any:
    kind, fields = unpacked(sources, pickled)
    return kind(**fields)


# the room of metrics does not know of Beam
copyreg.pickle(Collection, reduce_packed)
