"""Microtome's version; part of TFX's cache key."""

__version__ = "0.1.0"
