"""Errors of Beam pipelines, as the user's own errors again."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from microtome import errors

_STEP = re.compile(r" \[while running '.*?'\]")
_NAMED = re.compile(r"microtome\.errors\.(\w+): (.*)")
_CLASSES = {
    cls.__name__: cls
    for cls in (errors.ConfigError, errors.DataError, errors.ModelError, errors.OutputError)
}


@contextlib.contextmanager
def as_user_errors() -> Iterator[None]:
    """Raises Microtome's own errors, which runners wrap or turn into text, as themselves.

    What a user can mend stands in the message; the frames of the runner tell nothing more.
    """
    try:
        yield
    except errors.MicrotomeError as error:
        raise _clean(type(error), str(error)) from error.__cause__
    except Exception as error:
        found = _find(error)
        if found is None:
            raise
        raise found from None


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
