"""The errors that Microtome raises for its users.

Each message says what was looked for, what is there, and what to do. Every class takes one message, so that an
error survives pickling on its way from a Beam worker.
"""


class MicrotomeError(Exception):
    """Base of all errors that a user of Microtome can mend."""


class ConfigError(MicrotomeError, ValueError):
    """A configuration or argument is wrong, or names something that is not there."""


class DataError(MicrotomeError, ValueError):
    """The examples cannot be read, or do not fit the model."""


class ModelError(MicrotomeError, ValueError):
    """The model directory is not what was looked for, or cannot be evaluated."""


class OutputError(MicrotomeError, OSError):
    """Results cannot be written, or cannot be read back."""
