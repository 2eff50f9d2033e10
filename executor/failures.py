"""Errors of Beam pipelines, as the user's own errors again."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

from microtome import errors

_STEP = re.compile(r" \[while running '.*?'\]")
_NAMED = re.compile(r"microtome\.errors\.(\w+): (.*)")
_CLASSES = {
    cls.__name__: cls
    for cls in (errors.ConfigError, errors.DataError, errors.ModelError, errors.OutputError)
}


# where runners log the errors of workers with all their frames
_LOGGERS = ("apache_beam.runners.common", "apache_beam.runners.portability.local_job_service")


@contextlib.contextmanager
def as_user_errors() -> Iterator[None]:
    """Raises Microtome's own errors, which runners wrap or turn into text, as themselves.

    What a user can mend stands in the message; the frames of the runner tell nothing more, neither
    with the error nor in the log.
    """
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(_is_not_ours)
    try:
        yield
    except Exception as error:
        found = _find(error)
        if found is None:
            raise
        raise found from None
    finally:
        for logger in loggers:
            logger.removeFilter(_is_not_ours)


def _is_not_ours(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, errors.MicrotomeError) and not _NAMED.search(record.getMessage())


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
