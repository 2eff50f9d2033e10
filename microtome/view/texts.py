"""Texts of data, made fit for JSON and HTML."""

from __future__ import annotations

from typing import Any


def clean(text: str) -> str:
    """The text without lone surrogates, which could not be encoded: they are shown escaped."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def clean_json(value: Any) -> Any:
    """A JSON value with clean texts, and null for numbers that JSON does not have."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(name)): clean_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
