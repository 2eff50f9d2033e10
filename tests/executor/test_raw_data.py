"""Tables of predictions, from config to values, against scikit-learn and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

import microtome
from microtome.errors import ConfigError
from microtome.metrics.left_out import LEFT_OUT

pytestmark = pytest.mark.current

ROWS = 400
GENERATOR = np.random.default_rng(3)
SCORES = GENERATOR.dirichlet([1, 1, 1], ROWS).round(3)
FRAME = pd.DataFrame(
    {
        "label": GENERATOR.integers(0, 2, ROWS),
        "score": GENERATOR.random(ROWS).round(3),
        "other": GENERATOR.random(ROWS).round(3),
        "weight": GENERATOR.random(ROWS).round(2),
        "kind": GENERATOR.choice(3, ROWS, p=[0.6, 0.3, 0.1]),
        "scores": list(SCORES),
        "query": GENERATOR.integers(0, 40, ROWS),
        "country": ["tiny"] * 3 + ["de"] * 197 + ["fr"] * 200,
    }
)
BINARY = {"label_key": "label", "prediction_key": "score"}
CLASSES = {"label_key": "kind", "prediction_key": "scores"}


def evaluated(models: Any, *specs: Any, **config: Any) -> microtome.EvalResult:
    models = models if isinstance(models, list) else [models]
    return microtome.analyze_raw_data(
        FRAME, {"model_specs": models, "metrics_specs": list(specs), **config}
    )


def overall(result: microtome.EvalResult) -> dict[str, float]:
    """Values by the class or number of top classes, where there is one, and the name."""
    frame = result.to_dataframe().query("slice == 'Overall'")
    names = [f"{row.sub_key} {row.metric}".strip() for row in frame.itertuples()]
    return dict(zip(names, frame.value, strict=True))


def metrics(*names: str, **more: Any) -> dict[str, Any]:
    return {"metrics": [{"class_name": name} for name in names], **more}


def test_small_slices_are_withheld() -> None:
    specs = [{}, {"feature_keys": ["country"]}]
    options = {"min_slice_size": 100}
    result = evaluated(BINARY, metrics("MeanLabel"), slicing_specs=specs, options=options)
    values = dict(result.slicing_metrics)
    assert set(values) == {(), (("country", "de"),), (("country", "fr"),), (("country", "tiny"),)}
    assert result.to_dataframe().query("metric == 'mean_label'").slice.nunique() == 3
    assert "mean_label" not in str(values[("country", "tiny"),])


def test_weights() -> None:
    weighted = {**BINARY, "example_weight_key": "weight"}
    both = {"weighted": True, "unweighted": True}
    found = overall(
        evaluated(weighted, metrics("ExampleCount", "WeightedExampleCount", "MeanLabel"))
    )
    # TFMA weighs this count
    assert found["example_count"] == ROWS
    assert found["weighted_example_count"] == pytest.approx(FRAME.weight.sum())
    mean = np.average(FRAME.label, weights=FRAME.weight)
    assert found["mean_label"] == pytest.approx(mean)
    result = evaluated(weighted, metrics("MeanLabel", example_weights=both))
    frame = microtome.metrics_as_dataframes(microtome.load_metrics(result.output_path)).double_value
    keys = frame["metric_keys"]
    values = frame["metric_values"].double_value[keys.name == "mean_label"]
    is_weighted = keys.example_weighted[values.index].astype(bool)
    assert values[is_weighted].tolist() == pytest.approx([mean])
    assert values[~is_weighted].tolist() == pytest.approx([FRAME.label.mean()])


def test_areas_of_classes_are_averaged() -> None:
    binarize = {"class_ids": {"values": [0, 1, 2]}}
    found = overall(
        evaluated(
            CLASSES,
            metrics("AUC", aggregate={"micro_average": True}),
            metrics("AUC", binarize=binarize, aggregate={"macro_average": True}),
            metrics("AUC", binarize=binarize, aggregate={"weighted_macro_average": True}),
        )
    )
    each = [sk.roc_auc_score(FRAME.kind == i, SCORES[:, i]) for i in range(3)]
    for i, area in enumerate(each):
        assert found[f"classId:{i} auc"] == pytest.approx(area, abs=2e-4)
    micro = sk.roc_auc_score(np.eye(3)[FRAME.kind].ravel(), SCORES.ravel())
    assert found["micro_average_auc"] == pytest.approx(micro, abs=2e-4)
    assert found["macro_average_auc"] == pytest.approx(np.mean(each), abs=2e-4)
    shares = np.bincount(FRAME.kind) / ROWS
    # in TFMA it stands under the name of the other
    assert found["weighted_macro_average_auc"] == pytest.approx(each @ shares, abs=2e-4)


def test_the_highest_classes() -> None:
    spec = metrics("Precision", "Recall", binarize={"top_k_list": {"values": [2]}})
    found = overall(evaluated(CLASSES, spec))
    within = sk.top_k_accuracy_score(FRAME.kind, SCORES, k=2)
    assert found["topK:2 recall"] == pytest.approx(within)
    assert found["topK:2 precision"] == pytest.approx(within / 2)


def test_queries() -> None:
    ndcg = {"class_name": "NDCG", "config": '"gain_key": "label", "top_k_list": [3]'}
    spec = metrics("MinLabelPosition", "QueryStatistics", query_key="query")
    spec["metrics"].append(ndcg)
    found = overall(evaluated(BINARY, spec))
    groups = [group for _, group in FRAME.groupby("query")]
    assert found["total_queries"] == len(groups)
    assert found["max_documents"] == max(map(len, groups))
    gains = [
        sk.ndcg_score([group.label], [group.score], k=3) if group.label.any() else 0.0
        for group in groups
    ]
    assert found["topK:3 ndcg"] == pytest.approx(np.mean(gains))
    ranked = [group.sort_values("score", ascending=False).label.to_numpy() for group in groups]
    places = [np.argmax(labels) + 1 for labels in ranked if labels.any()]
    assert found["min_label_position"] == pytest.approx(np.mean(places))


def test_models_are_compared() -> None:
    models = [
        {**BINARY, "name": "new"},
        {**BINARY, "name": "old", "prediction_key": "other", "is_baseline": True},
    ]
    found = overall(evaluated(models, metrics("AUC", "BooleanFlipRates")))
    new, old = FRAME.score > 0.5, FRAME.other > 0.5
    assert found["flip_rate_diff"] == np.mean(new != old)
    assert found["neg_to_pos_flip_rate_diff"] == np.mean(new & ~old)
    areas = [sk.roc_auc_score(FRAME.label, FRAME[name]) for name in ("score", "other")]
    assert found["auc"] == pytest.approx(areas[0], abs=2e-4)
    assert found["auc_diff"] == pytest.approx(areas[0] - areas[1], abs=4e-4)


def test_slices_are_compared() -> None:
    country = {"feature_keys": ["country"]}
    result = evaluated(
        BINARY,
        metrics("MeanLabel"),
        slicing_specs=[{}, country],
        cross_slicing_specs=[{"baseline_spec": {}, "slicing_specs": [country]}],
    )
    found = {key: values["mean_label"] for key, values in result.slices() if "mean_label" in values}
    germans = FRAME.label[FRAME.country == "de"].mean()
    pair = found[(), (("country", "de"),)]
    # TFMA's sign: the baseline less the other
    assert pair == pytest.approx(FRAME.label.mean() - germans)


def test_plots() -> None:
    result = evaluated(BINARY, metrics("CalibrationPlot", "ConfusionMatrixPlot"))
    ((key, plots),) = result.plots
    assert key == ()
    assert "calibrationHistogramBuckets" in str(plots) or "calibration_histogram" in str(plots)
    assert "confusionMatrixAtThresholds" in str(plots) or "confusion_matrix_at" in str(plots)


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_metrics_that_are_left_out_say_why(name: str) -> None:
    with pytest.raises(ConfigError, match=f"does not compute the metric '{name}': it "):
        evaluated(BINARY, metrics(name))


@pytest.mark.parametrize(
    "more",
    [
        {"options": {"disabled_outputs": {"values": ["plots"]}}},
        {"slicing_specs": [{"slice_keys_sql": "SELECT 1"}]},
        {"metrics_specs": [{"output_weights": {"a": 1}}]},
        {"model_specs": [{**BINARY, "padding_options": {"label_int_padding": 0}}]},
    ],
    ids=str,
)
def test_fields_that_do_nothing_yet_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="does not support yet"):
        microtome.analyze_raw_data(FRAME, {"model_specs": [BINARY], **more})
