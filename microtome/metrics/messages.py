"""Arrays of messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def objects(messages: Sequence[Any]) -> npt.NDArray[Any]:
    """`[messages]`, each an object."""
    array = np.empty(len(messages), object)
    array[:] = messages
    return array
