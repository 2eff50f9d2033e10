"""What the output artifacts hold, put into a real ML Metadata store and read back."""

from __future__ import annotations

import json
import math
import pathlib
from typing import Any

import pytest
from google.protobuf import json_format
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.types import standard_artifacts

from microtome.component import SlicedMetrics
from microtome.executor import publish
from microtome.proto import config_pb2
from microtome.tracking import schema
from microtome.tracking import selection as tracking

PER_SLICE, SINGLE = config_pb2.Tracking.PER_SLICE, config_pb2.Tracking.SINGLE

PROVENANCE = schema.Provenance(
    model_uri="models/7",
    model_id="7",
    model_digest="ab",
    data_uri="examples/3,examples/4",
    data_id="3,4",
    data_digest="cd",
    span="3,4",
    data_version="0,0",
    split="eval",
    config_digest="ef",
    evaluation_uri="evaluation/9",
    component_id="SlicedEvaluator-hold-out",
    pipeline_name="flights",
    pipeline_run="",
    microtome_version="1",
)

METRICS = {
    "auc": 1 / 3,
    "tiny": 4e-7,
    "huge": -1e300,
    "empty": math.nan,
    "above": math.inf,
    "curve": [0.1, math.nan],
    "loss/head": 0.25,
    "split": 0.5,  # the name of one of our own properties,
    "state": 0.75,  # of one of TFX's
}


def record(key: tuple[Any, ...] = (), count: int = 10) -> tracking.SliceRecord:
    metrics = {name: tracking.json_value(value) for name, value in METRICS.items()}
    return tracking.SliceRecord(key, metrics, count, example_weight=count / 3)


def selection(count: int = 3) -> tracking.Selection:
    keys = [(), *((("carrier", f"C{i}"),) for i in range(1, count))]
    return tracking.Selection(tuple(map(record, keys)), computed=count + 2, over_limit=0)


def base(folder: pathlib.Path) -> SlicedMetrics:
    artifact = SlicedMetrics()
    artifact.uri = str(folder / "sliced_metrics" / "5")
    return artifact


def stored(artifacts: list[Any]) -> list[metadata_store_pb2.Artifact]:
    """The artifacts as a store gives them back."""
    config = metadata_store_pb2.ConnectionConfig()
    config.fake_database.SetInParent()
    store = metadata_store.MetadataStore(config)
    type_id = store.put_artifact_type(artifacts[0].artifact_type)
    for artifact in artifacts:
        artifact.type_id = type_id
    ids = store.put_artifacts([artifact.mlmd_artifact for artifact in artifacts])
    return store.get_artifacts_by_id(ids)


def test_one_artifact_a_slice(tmp_path: pathlib.Path) -> None:
    given = base(tmp_path)
    root = given.uri
    artifacts, published = publish.publish_slices(given, selection(), PROVENANCE, PER_SLICE)
    assert artifacts[0] is given
    assert len(artifacts) == len(published.records) == 3
    assert [artifact.uri for artifact in artifacts] == [f"{root}/slice-0000{i}" for i in range(3)]
    assert not any(artifact.name for artifact in artifacts)
    properties = [artifact.custom_properties for artifact in stored(artifacts)]
    assert [p["slice_key"].string_value for p in properties] == [
        "Overall",
        "carrier:C1",
        "carrier:C2",
    ]
    assert [p["slice"].string_value for p in properties[:2]] == ["[]", '[["carrier", "C1"]]']


def test_metrics_in_the_store(tmp_path: pathlib.Path) -> None:
    artifacts, _ = publish.publish_slices(base(tmp_path), selection(1), PROVENANCE, PER_SLICE)
    properties = stored(artifacts)[0].custom_properties
    full = json_format.MessageToDict(properties["metrics"].struct_value)
    assert {name: full[name] for name in ("auc", "tiny", "huge", "empty", "above", "curve")} == {
        **{name: METRICS[name] for name in ("auc", "tiny", "huge")},
        "empty": "NaN",
        "above": "Infinity",
        "curve": [0.1, "NaN"],
    }
    doubles = {
        name: value.double_value
        for name, value in properties.items()
        if value.WhichOneof("value") == "double_value"
    }
    assert doubles == {
        "auc": 0.333333,
        "tiny": 0.0,
        "huge": -1e300,
        "loss/head": 0.25,
        "metric/split": 0.5,
        "metric/state": 0.75,
        "example_weight": 3.333333,
    }
    assert properties["example_count"].int_value == 10
    assert properties["split"].string_value == "eval"
    assert properties["model_id"].string_value == "7"
    # what is not known is not there
    assert "pipeline_run" not in properties


@pytest.mark.parametrize("form", [PER_SLICE, SINGLE])
def test_file_is_strict_json_at_full_precision(tmp_path: pathlib.Path, form: Any) -> None:
    artifacts, _ = publish.publish_slices(base(tmp_path), selection(), PROVENANCE, form)
    contents = [
        json.loads(
            pathlib.Path(artifact.uri, "metrics.json").read_text(), parse_constant=pytest.fail
        )
        for artifact in artifacts
    ]
    slices = contents[0]["slices"] if form == SINGLE else contents
    assert [one["slice_key"] for one in slices] == ["Overall", "carrier:C1", "carrier:C2"]
    assert slices[0]["metrics"]["auc"] == 1 / 3
    assert contents[0]["provenance"]["data_id"] == "3,4"


def test_single_artifact_is_a_table_of_names_and_values(tmp_path: pathlib.Path) -> None:
    given = base(tmp_path)
    artifacts, _ = publish.publish_slices(given, selection(), PROVENANCE, SINGLE)
    assert artifacts == [given]
    (artifact,) = stored(artifacts)
    properties = artifact.custom_properties
    # no JSON to bury the numbers
    assert {value.WhichOneof("value") for value in properties.values()} == {
        *("string_value", "double_value", "int_value")
    }
    assert max(len(value.string_value) for value in properties.values()) < 200
    assert properties["auc"].double_value == 0.333333
    assert properties["tracked_slice_count"].int_value == 3
    rows = {name: value.string_value for name, value in properties.items() if "slice " in name}
    line = "10 examples, auc 0.333333, tiny 0, huge -1e+300, loss/head 0.25, split 0.5, state 0.75"
    assert rows == {"slice carrier:C1": line, "slice carrier:C2": line}
    assert "slice_key" not in properties


def test_slices_of_any_name_have_rows(tmp_path: pathlib.Path) -> None:
    """MySQL takes names for equal that differ in case, in accents, or in blanks at the end."""
    values = ["UA", "ua", "é", "back\\slash", "blank ", "x" * 300]
    records = [record(), *(record((("carrier", value),)) for value in values)]
    of_any_name = tracking.Selection(tuple(records), computed=7, over_limit=0)
    artifacts, _ = publish.publish_slices(base(tmp_path), of_any_name, PROVENANCE, SINGLE)
    properties = stored(artifacts)[0].custom_properties
    rows = sorted(name for name in properties if name.startswith("slice "))
    assert rows == [*(f"slice #{i}" for i in range(2, 7)), "slice carrier:UA"]
    assert properties["slice #2"].string_value.startswith("carrier:ua: 10 examples, ")


@pytest.mark.parametrize("form", [PER_SLICE, SINGLE])
def test_never_more_than_one_message_takes(
    tmp_path: pathlib.Path, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "_MESSAGE_BYTES", 10_000)
    artifacts, published = publish.publish_slices(base(tmp_path), selection(100), PROVENANCE, form)
    assert 1 < len(published.records) < 100
    assert sum(artifact.mlmd_artifact.ByteSize() for artifact in artifacts) < 12_000
    assert published.over_limit == 100 - len(published.records)
    folders = list(pathlib.Path(tmp_path).rglob("metrics.json"))
    assert len(folders) == len(artifacts)


def test_a_thousand_slices_of_twenty_metrics_fit(tmp_path: pathlib.Path) -> None:
    metrics = {f"metric_of_a_longer_name_{i}": i / 7 for i in range(20)}
    records = tuple(
        tracking.SliceRecord((("carrier", f"C{i}"),), metrics, 1000 - i, 1.0) for i in range(1000)
    )
    everything = tracking.Selection(records, computed=1000, over_limit=0)
    _, published = publish.publish_slices(base(tmp_path), everything, PROVENANCE, PER_SLICE)
    assert len(published.records) == 1000


def test_headline_of_the_evaluation() -> None:
    evaluation = standard_artifacts.ModelEvaluation()
    publish.describe_evaluation(evaluation, selection(), PROVENANCE)
    (artifact,) = stored([evaluation])
    properties = artifact.custom_properties
    assert properties["example_count"].int_value == 10
    assert properties["slice_count"].int_value == 5
    assert properties["tracked_slice_count"].int_value == 3
    assert properties["not_tracked"].string_value == "2 slices that tracking does not name"
    assert properties["auc"].double_value == 0.333333
    assert properties["config_digest"].string_value == "ef"
    summary = json_format.MessageToDict(properties["summary"].struct_value)
    assert summary["overall"]["metrics"]["auc"] == 1 / 3


def test_headline_has_at_most_twenty_metrics() -> None:
    metrics = {f"m{i}": float(i) for i in range(50)}
    evaluation = standard_artifacts.ModelEvaluation()
    overall = tracking.SliceRecord((), metrics, 10, 10.0)
    publish.describe_evaluation(
        evaluation, tracking.Selection((overall,), computed=1, over_limit=0), PROVENANCE
    )
    named = [name for name in evaluation.mlmd_artifact.custom_properties if name in metrics]
    assert len(named) == 20


def test_headline_without_overall() -> None:
    evaluation = standard_artifacts.ModelEvaluation()
    only = tracking.Selection((record((("carrier", "C1"),)),), computed=1, over_limit=0)
    publish.describe_evaluation(evaluation, only, PROVENANCE)
    properties = evaluation.mlmd_artifact.custom_properties
    assert "auc" not in properties
    assert properties["tracked_slice_count"].int_value == 1
