"""The history as a pipeline author meets it, and what the strategy chooses of artifacts."""

from __future__ import annotations

import json
import math
import pathlib
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.common import resolver
from tfx.orchestration import data_types, pipeline
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
from tfx.types import channel_utils, standard_artifacts

from microtome.component import LastEvaluationsStrategy, SlicedEvaluator, last_evaluations
from microtome.errors import ConfigError, HistoryError
from microtome.executor import history, keys
from microtome.proto import config_pb2
from microtome.tracking import block, schema, texts
from microtome.tracking.schema import Provenance
from microtome.tracking.selection import Selection, SliceRecord

LIVE = metadata_store_pb2.Artifact.LIVE
EXAMPLES = channel_utils.as_channel([standard_artifacts.Examples()])
MODEL = channel_utils.as_channel([standard_artifacts.Model()])
CHECK = config_pb2.HistoryCheck(metric="auc", max_absolute_drop={"value": 0.1})


def selection(auc: float, slices: int = 1) -> Selection:
    """Overall and slices by hour, with various numbers."""
    records = tuple(
        SliceRecord((("hour", i),) if i else (), {"auc": auc + math.sin(i)}, 100, 100.0)
        for i in range(slices)
    )
    return Selection(records, computed=slices, over_limit=0)


def evaluation(
    number: int,
    *,
    created: int | None = None,
    state: int = LIVE,
    auc: float = 0.9,
    tracked: bool = True,
    slices: int = 1,
    **properties: str,
) -> Any:
    artifact = standard_artifacts.ModelEvaluation()
    artifact.id = number
    artifact.mlmd_artifact.state = state
    artifact.mlmd_artifact.create_time_since_epoch = number if created is None else created
    if tracked:
        packed = block.pack(block.make_block(selection(auc, slices).records))
        properties |= texts.text_properties(schema.TRACKED, packed)
    for name, value in properties.items():
        artifact.set_string_custom_property(name, value)
    return artifact


def with_id(kind: type, number: int) -> Any:
    artifact = kind()
    artifact.id = number
    return artifact


def resolved(
    strategy: LastEvaluationsStrategy, evaluations: list[Any], **more: list[Any]
) -> list[int]:
    inputs = {keys.HISTORY: evaluations, **more}
    outputs = strategy.resolve_artifacts(None, inputs)
    assert set(outputs) == set(inputs)
    return [artifact.id for artifact in outputs[keys.HISTORY]]


def test_the_last_by_creation_newest_first() -> None:
    found = [evaluation(1, created=30), evaluation(2, created=10), evaluation(3, created=20)]
    assert resolved(LastEvaluationsStrategy(2), found) == [1, 3]
    assert resolved(LastEvaluationsStrategy(9), found) == [1, 3, 2]
    assert resolved(LastEvaluationsStrategy(9), []) == []


def test_those_recorded_afterwards_stand_where_they_belong() -> None:
    hour = 3_600_000
    found = [evaluation(1, created=1 * hour), evaluation(2, created=3 * hour)]
    found.append(evaluation(3, created=9 * hour, evaluated_at="1970-01-01T02:00:00+00:00"))
    assert resolved(LastEvaluationsStrategy(), found) == [2, 3, 1]


def test_only_live_ones_of_microtome() -> None:
    found = [
        evaluation(1),
        evaluation(2, tracked=False),
        evaluation(3, state=metadata_store_pb2.Artifact.PENDING),
        evaluation(4, state=metadata_store_pb2.Artifact.ABANDONED),
    ]
    assert resolved(LastEvaluationsStrategy(), found) == [1]


def test_only_those_of_the_node() -> None:
    found = [evaluation(1, component_id="a"), evaluation(2, component_id="b"), evaluation(3)]
    assert resolved(LastEvaluationsStrategy(node="a"), found) == [1]
    assert resolved(LastEvaluationsStrategy(), found) == [3, 2, 1]


def test_the_latest_blessed_comes_along() -> None:
    verdicts = [schema.BLESSED, schema.BLESSED, schema.NOT_BLESSED, schema.NOT_BLESSED]
    found = [evaluation(number, verdict=verdict) for number, verdict in enumerate(verdicts)]
    assert resolved(LastEvaluationsStrategy(2, latest_blessed=True), found) == [3, 2, 1]
    assert resolved(LastEvaluationsStrategy(3, latest_blessed=True), found) == [3, 2, 1]


def test_the_same_model_on_the_same_data_is_left_out() -> None:
    found = [
        evaluation(1, model_id="7", data_id="3,4"),
        evaluation(2, model_id="8", data_id="3,4"),
        evaluation(3, model_id="8", data_id="3"),
    ]
    models = [with_id(standard_artifacts.Model, number) for number in (8, 7)]
    examples = [with_id(standard_artifacts.Examples, number) for number in (3, 4)]
    assert resolved(LastEvaluationsStrategy(), found, model=models, examples=examples) == [3, 1]
    # where the model comes from nowhere yet
    assert resolved(LastEvaluationsStrategy(), found, model=[], examples=examples) == [3, 2, 1]


@pytest.mark.parametrize("limit", [0, -1, "5", True, 2.5])
def test_limit_must_be_a_number(limit: Any) -> None:
    with pytest.raises(ConfigError, match="limit must be a number of evaluations"):
        last_evaluations(limit)


def test_node_of_the_pipeline() -> None:
    node = last_evaluations(3, "SlicedEvaluator", latest_blessed=True)
    assert node.id == "LastEvaluations-SlicedEvaluator"
    assert last_evaluations().id == "LastEvaluations"
    assert set(node.outputs) == {"history"}
    config = node.exec_properties[resolver.RESOLVER_CONFIG]
    assert config == json.loads(json.dumps(config))
    assert isinstance(LastEvaluationsStrategy(**config), resolver.ResolverStrategy)
    with pytest.raises(ConfigError, match="needs both `model` and `examples`"):
        last_evaluations(model=MODEL)


def evaluator(**more: Any) -> SlicedEvaluator:
    return SlicedEvaluator(examples=EXAMPLES, model=MODEL, **more)


CHECKED = config_pb2.EvalConfig(tracking=config_pb2.Tracking(history_checks=[CHECK]))


def test_input_of_the_component() -> None:
    past = last_evaluations().outputs["history"]
    component = evaluator(history=past, eval_config=CHECKED)
    assert component.inputs["history"] is past
    assert component.spec.is_optional_input("history")
    assert "history" not in evaluator().inputs
    with pytest.raises(TypeError, match="ModelEvaluation"):
        evaluator(history=MODEL)


def test_checks_need_a_history() -> None:
    with pytest.raises(ConfigError, match=r"tracking\.history_checks, but .* no `history`"):
        evaluator(eval_config=CHECKED)
    parameter = data_types.RuntimeParameter(name="config", ptype=str)
    assert "history" not in evaluator(eval_config=parameter).inputs


def test_kubeflow_v2_refuses_the_resolver(tmp_path: pathlib.Path) -> None:
    """Where it would otherwise compile a pipeline that cannot run."""
    past = last_evaluations()
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(default_image="image:1")
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config, str(tmp_path), "out.yaml")
    parts = [past, evaluator(history=past.outputs["history"])]
    with pytest.raises(TypeError, match="LastEvaluationsStrategy"):
        runner.run(pipeline.Pipeline("p", "gs://bucket/root", components=parts))
    assert not (tmp_path / "out.yaml").exists()


NOW = Provenance(model_digest="m2", data_digest="d2", split="eval")


def judged(artifacts: list[Any], **tracking: Any) -> tuple[str, list[str]]:
    message = config_pb2.Tracking(**{"history_checks": [CHECK], **tracking})
    verdict, reasons = history.judge(selection(0.5), artifacts, NOW, message)
    return verdict, [str(reason["rule"]) for reason in reasons]


def test_judged_by_what_the_artifacts_hold() -> None:
    past = [evaluation(4, model_digest="m1"), evaluation(5, tracked=False)]
    assert judged(past) == (schema.NOT_BLESSED, ["max_absolute_drop", "checked"])
    assert judged(past[1:]) == (schema.NOT_VALIDATED, ["no_history"])
    assert judged(past, history_checks=[]) == (schema.NOT_VALIDATED, ["no_checks"])
    assert judged([], history_checks=[]) == (schema.NOT_VALIDATED, [])


def test_an_earlier_evaluation_of_the_same_is_no_history() -> None:
    same = {"model_digest": "m2", "data_digest": "d2", "split": "eval"}
    assert judged([evaluation(4, **same)]) == (schema.NOT_VALIDATED, ["no_history"])
    for other in ("model_digest", "data_digest", "split"):
        past = [evaluation(4, **{**same, other: "other"})]
        assert judged(past)[0] == schema.NOT_BLESSED


def test_many_slices_are_read_from_several_properties() -> None:
    past = evaluation(4, auc=0.9, slices=500)
    assert f"{schema.TRACKED}~1" in past.mlmd_artifact.custom_properties
    tracking = config_pb2.Tracking(history_checks=[CHECK])
    verdict, reasons = history.judge(selection(0.85, 500), [past], NOW, tracking)
    assert (verdict, reasons[0]["count"]) == (schema.BLESSED, 500)


def test_failure_lists_the_slices() -> None:
    fail = config_pb2.Tracking.FAIL
    with pytest.raises(HistoryError, match=r"(?s)NOT_BLESSED\n  Overall: auc is 0\.5 .*FAIL"):
        judged([evaluation(4)], on_history_failure=fail)
    assert judged([evaluation(4, auc=0.55)], on_history_failure=fail)[0] == schema.BLESSED
