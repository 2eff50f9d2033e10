"""The flights, read once, and the pipeline's data made of few of them."""

from __future__ import annotations

import pandas as pd
import pytest

from microtome.pipelines.flights import data


@pytest.fixture(scope="session")
def flights() -> pd.DataFrame:
    return data.load_flights()
