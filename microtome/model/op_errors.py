"""What TensorFlow says of a failed op, for people."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import tensorflow as tf

_MAX_CHARACTERS = 400
_ROOT_ERROR = re.compile(r"root error\(s\) found\.\s*\(0\)(?: [A-Z_]+:)?\s*(.*)", re.DOTALL)
# lines that say where in a graph, or in a program, the op stands
_PLACE = re.compile(
    r"\s|Graph execution error|Detected at node|Node: |<stack traces unavailable>|$"
)
_NOISE = re.compile(r"\{\{function_node .*?\}\} ?|\[\[\{\{.*|\[Op:\w+\].*|Name: <unknown>, ")
_ASSERTION = "assertion failed: "


_CALLBACKS = "metrics_callback"
_OF_CALLBACK = re.compile(rf"{_CALLBACKS}/([^/:}}]+)")


def callback_scope(name: str) -> str:
    """The scope of the ops of a metrics callback, by which an op that fails tells whose it is."""
    return f"{_CALLBACKS}/{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}"


@contextlib.contextmanager
def decodable_errors() -> Iterator[None]:
    """Raises as an op's error what TensorFlow's bindings cannot decode.

    Such a message quotes bytes of an example.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        message = error.object.decode("utf-8", "backslashreplace")
        raise tf.errors.InvalidArgumentError(None, None, message) from error


def op_error_text(error: tf.errors.OpError | Exception) -> str:
    """The reason as one sentence or two, without the trace of where the op was made."""
    message = (getattr(error, "message", "") or str(error)).rpartition("Original error:")[2]
    callback = _OF_CALLBACK.search(message)
    message = message.partition("Original stack trace")[0]
    if root := _ROOT_ERROR.search(message):
        message = root[1]
    lines = [line for line in message.split("\n") if not _PLACE.match(line)]
    text = _NOISE.sub("", lines[0] if lines else type(error).__name__)
    if text.startswith(_ASSERTION):
        text = _assertion_text(text.removeprefix(_ASSERTION).strip())
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    if len(text) > _MAX_CHARACTERS:
        text = text[:_MAX_CHARACTERS] + "…"
    whose = f" (an op of the metrics callback {callback[1]!r})" if callback else ""
    return " ".join(text.split()).rstrip(". ") + f"{whose}."


def _assertion_text(text: str) -> str:
    """Joins the items of a failed assertion: `[Labels must be >= 0.] [x (labels:0) = ] [[-1]]`."""
    items = [item.strip() for item in text[1:-1].split("] [") if item.strip()]
    joined = ""
    for before, item in zip(["", *items], items, strict=False):
        if before.endswith(("=", ":", ",")):
            joined += f" {item}"
        elif joined.endswith(f"= {before}"):
            joined += f", {item}"
        else:
            joined = f"{joined.rstrip('.')}. {item}" if joined else item
    return joined or text
