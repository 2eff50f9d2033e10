"""What TensorFlow says of failed ops comes out as sentences, on both lines' forms of it."""

from __future__ import annotations

import pytest
import tensorflow as tf

from microtome.model.op_errors import op_error_text

pytestmark = pytest.mark.current

TRACE = "Detected at node 'a/b' defined at (most recent call last):\n"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("Read less bytes than requested", "Read less bytes than requested."),
        (
            "Graph execution error:\n\nassertion failed: [Labels must be >= 0.  ] "
            "[Condition x >= 0 did not hold element-wise:] [x (labels:0) = ] [[1][-1]]\n"
            "\t [[{{node Assert}}]]",
            "Labels must be >= 0. Condition x >= 0 did not hold element-wise: x (labels:0) = "
            "[1][-1].",
        ),
        (
            "assertion failed: [too large] [x (a:0) = ] [48] [y (b:0) = ] [16]",
            "too large. x (a:0) = 48, y (b:0) = 16.",
        ),
        (
            f"Graph execution error:\n\n{TRACE}Node: 'a/b'\nName: <unknown>, Feature: age is "
            "required.\n\t [[{{node a/b}}]]\n\nOriginal stack trace for 'a/b':\n  File x\n",
            "Feature: age is required.",
        ),
        (
            f'Graph execution error:\n\n{TRACE}  File "m.py", line 3, in <module>\n    run()\n'
            "Node: 'a/b'\n2 root error(s) found.\n  (0) INVALID_ARGUMENT:  bad\n"
            "\t [[{{node a/b}}]]\n  (1) INVALID_ARGUMENT:  worse\n0 successful operations.",
            "bad.",
        ),
        (
            "Restoring from checkpoint failed. This is most likely due to a mismatch. Original "
            f"error:\n\nGraph execution error:\n\n{TRACE}Node: 'a/b'\n/m/variables.data; No such "
            "file\n",
            "/m/variables.data; No such file.",
        ),
        (
            "{{function_node f}} /x; Is a directory [Op:IteratorGetNext] name: ",
            "/x; Is a directory.",
        ),
        ("value: 'a\x00\x1bb'", r"value: 'a\x00\x1bb'."),
        ("", "InvalidArgumentError."),
    ],
)
def test_text(message, text):
    assert op_error_text(tf.errors.InvalidArgumentError(None, None, message)) == text


def test_long_values_are_cut():
    text = op_error_text(tf.errors.InvalidArgumentError(None, None, "value: " + "x" * 10**6))
    assert text.startswith("value: xxx")
    assert len(text) < 500


def test_other_errors():
    assert op_error_text(OSError("The path is wrong")) == "The path is wrong."
