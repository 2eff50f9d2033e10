"""All metrics: importing this registers them, for `metric_class` to find by name.

A metric is known by standing in a module of this folder; there is no list of them.
"""

from __future__ import annotations

import importlib
import pkgutil

from microtome import metrics

MODULES = tuple(
    importlib.import_module(f"{metrics.__name__}.{found.name}")
    for found in pkgutil.iter_modules(metrics.__path__)
    if found.name != __name__.rpartition(".")[2]
)
