"""The command `microtome`: evaluate a model, show a result, inspect an EvalSavedModel."""

from microtome.cli.entry import main

__all__ = ["main"]
