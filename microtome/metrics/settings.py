"""Settings of metrics as configs give them: each must be of the type that its field says."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from typing import Any

from microtome.errors import ConfigError

_WORDS = {
    bool: "true or false",
    int: "an integer",
    float: "a finite number",
    str: "a text",
    type(None): "null",
}


def frozen(value: Any) -> Any:
    """A value of JSON, whose lists become tuples."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value


def check_settings(owner: type, settings: Mapping[str, Any]) -> None:
    """Compares settings with the types of the fields of a metric's class.

    Types other than numbers, texts, tuples and unions of these are the class's own to check.

    Raises:
        ConfigError: a setting is of another type.
    """
    try:
        hints = typing.get_type_hints(owner)
    except NameError:
        # names that are imported for type checkers alone
        hints = {}
    for name, value in settings.items():
        hint = hints.get(name, Any)
        if not _is_of(value, hint):
            raise ConfigError(
                f"The metric {owner.__name__} has {name}={value!r}; it must be {_words(hint)}."
            )


def _is_of(value: Any, hint: Any) -> bool:
    options = _options(hint)
    if options:
        return any(_is_of(value, option) for option in options)
    if typing.get_origin(hint) is tuple:
        of_each = typing.get_args(hint)[0]
        return isinstance(value, tuple) and all(_is_of(each, of_each) for each in value)
    if hint is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and math.isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return hint not in _WORDS or isinstance(value, hint)


def _words(hint: Any) -> str:
    options = _options(hint)
    if options:
        return " or ".join(map(_words, options))
    if typing.get_origin(hint) is tuple:
        return f"a list, each {_words(typing.get_args(hint)[0])}"
    return _WORDS.get(hint, str(hint))


def _options(hint: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if is_union else ()
