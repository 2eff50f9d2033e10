"""Clear errors for calls of keyword-only functions with positional arguments."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])


def keyword_only(function: Function) -> Function:
    """Makes the error of a positional call to `function` show the call that works.

    Args:
      function: a function, or a method, all of whose parameters (but `self`) are keyword-only.

    Returns:
      The same function, with that TypeError.
    """
    parameters = inspect.signature(function).parameters.values()
    positional = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
    keywords = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    required = ", ".join(f"{p.name}=..." for p in keywords if p.default is p.empty)
    optional = ", ".join(p.name for p in keywords if p.default is not p.empty)
    name = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if len(args) > positional:
            raise TypeError(
                f"{name} takes keyword arguments only: write {name}({required}). "
                f"Optional: {optional}."
            )
        return function(*args, **kwargs)

    return cast(Function, checked)
