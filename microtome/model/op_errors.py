"""What TensorFlow says of a failed op, for people."""

from __future__ import annotations

import re

import tensorflow as tf

_MAX_CHARACTERS = 400
_ROOT_ERROR = re.compile(r"root error\(s\) found\.\s*\(0\)(?: [A-Z_]+:)?\s*(.*)", re.DOTALL)
# lines that say where in a graph, or in a program, the op stands
_PLACE = re.compile(
    r"\s|Graph execution error|Detected at node|Node: |<stack traces unavailable>|$"
)
_NOISE = re.compile(r"\{\{function_node .*?\}\} ?|\[\[\{\{.*|\[Op:\w+\].*|Name: <unknown>, ")
_ASSERTION = "assertion failed: "


def op_error_text(error: tf.errors.OpError | Exception) -> str:
    """The reason as one sentence or two, without the trace of where the op was made."""
    message = (getattr(error, "message", "") or str(error)).rpartition("Original error:")[2]
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
    return " ".join(text.split()).rstrip(". ") + "."


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
