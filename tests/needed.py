"""Programs that tests start and that may not be on the machine."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def skip_or_fail(reason: str) -> NoReturn:
    """Skips a test, saying why; in CI, which installs all that tests start, it fails instead."""
    if "CI" in os.environ:
        pytest.fail(f"CI must not skip this: {reason}", pytrace=False)
    pytest.skip(reason)
