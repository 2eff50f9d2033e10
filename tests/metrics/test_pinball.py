"""The pinball loss against scikit-learn; and what adding a metric takes."""

from __future__ import annotations

import pathlib
import subprocess

import numpy as np
import pytest
from sklearn import metrics as sk

from microtome.errors import ConfigError
from microtome.metrics import pinball
from microtome.metrics.metric import make_metric
from tests.metrics.test_collection import LABEL, SCORE, WEIGHT, random_examples, value_of

pytestmark = pytest.mark.current

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("alpha", [0, 0.1, 0.5, 0.9, 1])
def test_like_scikit_learn(alpha: float) -> None:
    examples = random_examples()
    columns = examples.columns
    value = value_of(
        make_metric("MeanPinballLoss", {"alpha": alpha}),
        examples,
        label=LABEL,
        prediction=SCORE,
        weight=WEIGHT,
    )
    expected = sk.mean_pinball_loss(
        columns[LABEL], columns[SCORE], sample_weight=columns[WEIGHT], alpha=alpha
    )
    assert value == pytest.approx(expected, rel=1e-12)


def test_nothing_without_weight() -> None:
    metric = pinball.MeanPinballLoss()
    sums = dict.fromkeys(metric.parts, np.zeros(1))
    assert np.isnan(metric.compute(sums)[0])


def test_quantile_that_is_none() -> None:
    with pytest.raises(ConfigError, match="alpha is 2; a quantile is between 0 and 1"):
        make_metric("MeanPinballLoss", {"alpha": 2})


def test_adding_it_took_one_short_file() -> None:
    """No other file of the product knows of it."""
    assert len(pathlib.Path(pinball.__file__).read_text(encoding="utf-8").splitlines()) < 60
    found = subprocess.run(
        ["grep", "-rliE", "--include=*.py", "pinball", "microtome", "executor", "component"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["microtome/metrics/pinball.py"]
