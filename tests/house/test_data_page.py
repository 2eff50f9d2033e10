"""What docs/data.md says is so: its code runs, and gives what it says."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest

from microtome.proto.config_pb2 import ModelSpec

pytestmark = pytest.mark.current

PAGE = (pathlib.Path(__file__).resolve().parents[2] / "docs/data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.M | re.S)


def overall(result: Any) -> dict[str, float]:
    frame = result.to_dataframe()
    frame = frame[frame.slice == "Overall"]
    return dict(zip(frame.metric, frame.value, strict=True))


def test_its_code_runs(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from sklearn.metrics import roc_auc_score

    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    results = []
    for block in BLOCKS:
        names.pop("result", None)
        exec(block, names)
        results += [overall(names["result"])] if "result" in names else []
    in_memory, parquet, csv, examples, two, served, both = results
    frame = names["frame"]
    area = roc_auc_score(frame.bought, frame.score)
    assert in_memory["auc"] == pytest.approx(area, abs=1e-3)
    assert parquet["auc"] == in_memory["auc"]
    assert csv["auc"] == in_memory["auc"]
    assert csv["mean_label"] == frame.bought.mean()
    # tf.Examples hold 32 bits
    assert examples["auc"] == pytest.approx(in_memory["auc"], abs=1e-4)
    assert two["auc"] == in_memory["auc"]
    assert 0 < two["symmetric_flip_rate_diff"] < 1
    (old,) = names["old"].to_dataframe().query("slice == 'Overall' and metric == 'auc'").value
    assert old == pytest.approx(roc_auc_score(frame.bought, frame.old_score), abs=1e-3)
    given = {name: frame[[name]].to_numpy("float32") for name in ("age", "income")}
    expected = names["keras"].predict(given, verbose=0).mean()
    assert served["mean_prediction"] == pytest.approx(expected, rel=1e-5)
    assert both["symmetric_flip_rate_diff"] == 0
    assert "country:de" in capsys.readouterr().out


def test_settings_of_models_are_there() -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE, flags=re.M)
    named = [name for row in rows for name in re.findall(r"\w+", row)]
    assert len(named) == 7
    assert set(named) <= set(ModelSpec.DESCRIPTOR.fields_by_name)
