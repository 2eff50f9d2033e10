"""The errors that Microtome raises for its users.

Each message says what was looked for, what is there, and what to do. All survive
pickling on their way from a Beam worker.
"""


class MicrotomeError(Exception):
    """Base of all errors that a user of Microtome can mend."""


class ConfigError(MicrotomeError, ValueError):
    """A configuration or argument is wrong, or names something that is not there."""


class DataError(MicrotomeError, ValueError):
    """The examples cannot be read, or do not fit the model."""


class RefusedExampleError(DataError):
    """The model refuses one example.

    Attributes:
        number: of the example in its batch.
        reason: what the model says of it, a sentence.
        remedy: what to do, a sentence.
    """

    def __init__(self, number: int, reason: str, remedy: str = ""):
        self.number = number
        self.reason = reason
        self.remedy = remedy or (
            "Mend or remove the example, or mend what makes the model's labels and features of it."
        )
        super().__init__(self.placed(f"Example {number} of the batch"))

    def placed(self, example: str) -> str:
        """The message, with words for which example it is."""
        return f"{example} is refused by the model: {self.reason} {self.remedy}"

    def __reduce__(self) -> tuple[type, tuple[int, str, str]]:
        return type(self), (self.number, self.reason, self.remedy)


class UnusableExampleError(RefusedExampleError):
    """One example lacks what is needed of it; no model was asked.

    Attributes:
        number: of the example in its batch.
        reason: what is wrong with it, a sentence that begins with a small letter.
        remedy: what to do, a sentence.
    """

    def __init__(self, number: int, reason: str, remedy: str = ""):
        super().__init__(number, reason, remedy or "Mend the example or leave it out.")

    def placed(self, example: str) -> str:
        """The message, with words for which example it is."""
        return f"{example} cannot be evaluated: {self.reason} {self.remedy}"


class MetricError(DataError):
    """A metric outside a graph cannot be computed from some rows, or from their sums.

    Attributes:
        metric: which, in words.
        reason: what it says.
        source: what it cannot be computed from, in words.
    """

    def __init__(self, metric: str, reason: str, source: str = "these rows"):
        self.metric = metric
        self.reason = reason
        self.source = source
        super().__init__(self.placed(source))

    def placed(self, source: str) -> str:
        """The message, with words for what it cannot be computed from."""
        return f"{self.metric} cannot be computed from {source}: {self.reason}"

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.metric, self.reason, self.source)


class ModelError(MicrotomeError, ValueError):
    """The model directory is not what was looked for, or cannot be evaluated."""


class HistoryError(MicrotomeError):
    """An evaluation fell behind its own history, and its config says that it fails then."""


class OutputError(MicrotomeError, OSError):
    """Results cannot be written, or cannot be read back."""


class WorkerError(MicrotomeError, RuntimeError):
    """A worker of the runner was lost, and the runner does not try again."""
