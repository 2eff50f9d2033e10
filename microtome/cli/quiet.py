"""Keeps what TensorFlow, Beam and their companions say to themselves off the terminal."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any, TextIO


def prepare(debug: bool) -> None:
    """Sets up logging, before anything heavy is imported.

    Microtome's own log goes to stderr, and others' errors; with `debug` all of it.
    """
    logging.basicConfig(
        format="%(levelname)s %(name)s: %(message)s" if debug else "%(message)s",
        level=logging.INFO if debug else logging.ERROR,
        stream=sys.stderr,
    )
    if debug:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    # ml_metadata's, whose errors are told in the message
    os.environ.setdefault("GLOG_minloglevel", "3")
    logging.getLogger("microtome").setLevel(logging.INFO)
    # which metrics are not cut is told with the result
    logging.getLogger("microtome.model.planning").setLevel(logging.ERROR)
    # Beam ignores arguments that it does not know, and says so here
    logging.getLogger("apache_beam.options").setLevel(logging.WARNING)
    warnings.simplefilter("ignore")
    warnings.filterwarnings("default", module="microtome")
    warnings.showwarning = _show_warning


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print(f"microtome: {message}", file=sys.stderr)


@contextlib.contextmanager
def silent_imports(debug: bool) -> Iterator[None]:
    """Keeps back what libraries print while they are imported, unless that fails.

    TensorFlow's C++ code writes to the file descriptor, whatever its log level, until it is set up.
    """
    if debug:
        yield
        return
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(saved, 2)
            said.seek(0)
            _copy(said)
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _copy(said: Any) -> None:
    with contextlib.suppress(OSError):
        os.write(2, said.read())
