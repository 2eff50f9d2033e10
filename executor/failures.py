"""Errors of Beam pipelines, as the user's own errors again."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

import grpc

from microtome import errors
from microtome.executor import lost_workers

_STEP = re.compile(r" \[while running '.*?'\]")
_NAMED = re.compile(r"microtome\.errors\.(\w+): (.*)")
_CLASSES = {
    cls.__name__: cls
    for cls in (
        errors.ConfigError,
        errors.DataError,
        errors.ModelError,
        errors.OutputError,
        errors.WorkerError,
    )
}


# where runners log the errors of workers with all their frames
_LOGGERS = (
    "apache_beam.runners.common",
    "apache_beam.runners.portability.local_job_service",
    "apache_beam.runners.worker.data_plane",
)


@contextlib.contextmanager
def as_user_errors() -> Iterator[None]:
    """Raises Microtome's own errors, which runners wrap or turn into text, as themselves.

    What a user can mend stands in the message; the frames of the runner tell nothing more, neither
    with the error nor in the log. Of a lost worker process the runner says nothing a user would
    understand, or waits for ever: that is a WorkerError. Ctrl-C stays a KeyboardInterrupt.
    """
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(_is_not_ours)
    try:
        with lost_workers.noticed() as lost:
            yield
    except Exception as error:
        if _is_interrupt(error):
            raise KeyboardInterrupt from None
        found = _find(error) or lost.error
        if found is None:
            raise
        # what the runner made of a lost worker may be another error that came before
        raise found from (error if found is lost.error else None)
    finally:
        for logger in loggers:
            logger.removeFilter(_is_not_ours)


def _is_not_ours(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    # what the ends of connections to a lost worker are
    theirs = (errors.MicrotomeError, grpc.RpcError)
    message = record.getMessage()
    is_ours = isinstance(error, theirs) or _NAMED.search(message)
    return not (is_ours or _is_interrupt(error) or message.startswith("KeyboardInterrupt"))


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether it is Ctrl-C, of which runners make an error of the step that it came in."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _find(error: BaseException | None) -> errors.MicrotomeError | None:
    while error is not None:
        if isinstance(error, errors.MicrotomeError):
            return _clean(type(error), str(error))
        named = _NAMED.findall(str(error))
        if named and named[-1][0] in _CLASSES:
            name, message = named[-1]
            return _clean(_CLASSES[name], message)
        error = error.__cause__ or error.__context__
    return None


def _clean(cls: type[errors.MicrotomeError], message: str) -> errors.MicrotomeError:
    cls = cls if cls in _CLASSES.values() else errors.DataError
    return cls(_STEP.sub("", message))
