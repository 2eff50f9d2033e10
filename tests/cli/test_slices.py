"""`microtome slices`."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

import microtome
from microtome.cli import main

pytestmark = pytest.mark.current


@pytest.fixture(scope="module")
def path() -> str:
    generator = np.random.default_rng(0)
    labels, groups = generator.integers(0, 2, 900), np.arange(900) % 3
    wrong = generator.random(900) < np.where(groups == 0, 0.5, 0.1)
    frame = pd.DataFrame({"label": labels, "score": np.abs(labels - wrong), "group": groups})
    config = {
        "model_specs": [{"label_key": "label", "prediction_key": "score"}],
        "metrics_specs": [{"metrics": [{"class_name": "BinaryAccuracy"}]}],
        "slicing_specs": [{}, {"feature_keys": ["group"]}],
        "options": {"compute_confidence_intervals": True},
    }
    return microtome.analyze_raw_data(frame, config).output_path


def test_table(path: str, capsys: Any) -> None:
    assert main(["slices", path, "--metric", "binary_accuracy", "--slices", "2"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("binary_accuracy of Overall: 0.7")
    assert "3 of 3 slices differ from it; of such, at most 10% are expected not to." in told
    lines = told.splitlines()[2:]
    assert lines[0].split()[:3] == ["slice", "examples", "value"]
    assert lines[1].split()[:2] == ["group:0", "300"]
    assert len(lines) == 3


def test_csv_is_the_frame(path: str, capsys: Any) -> None:
    arguments = ["--baseline", "group:1", "--fdr", "0.01", "--csv"]
    assert main(["slices", path, "--metric", "binary_accuracy", *arguments]) == 0
    found = pd.read_csv(io.StringIO(capsys.readouterr().out))
    result = microtome.load_eval_result(path)
    expected = result.compare_slices("binary_accuracy", (("group", 1),), fdr=0.01)
    # pandas has its own type for texts from files, since 3.0
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--metric", "example_count"], "has no confidence interval"),
        (["--metric", "binary_acuracy"], "binary_accuracy"),
        (["--metric", "binary_accuracy", "--baseline", "group:9"], "no slice 'group:9'"),
    ],
)
def test_what_cannot_be_compared(path: str, more: list[str], text: str, capsys: Any) -> None:
    assert main(["slices", path, *more]) == 2
    assert text in capsys.readouterr().err
