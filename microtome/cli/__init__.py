"""The command `microtome`: evaluate a model, show a result, inspect a model, ask the history."""

from microtome.cli.entry import main

__all__ = ["main"]
