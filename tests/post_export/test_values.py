"""Values by hand and by scikit-learn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics as sk

from microtome import post_export_metrics as pe
from microtome.errors import DataError
from microtome.metrics.collection import Collection
from microtome.metrics.views import LABELS, PREDICTIONS
from microtome.post_export_metrics.codes import coded, joint_codes
from tests.post_export.values import tensors_of, values_of

pytestmark = pytest.mark.current

ROWS = 400
RNG = np.random.default_rng(5)
LABEL = RNG.integers(0, 2, (ROWS, 1)).astype(np.float64)
# multiples of 1/64: 64 buckets tell them all apart
SCORE = np.round(64 * np.clip(0.3 * LABEL + 0.7 * RNG.random((ROWS, 1)), 0, 1)) / 64
WEIGHT = RNG.integers(1, 5, (ROWS, 1)).astype(np.float64)
GROUP = RNG.integers(0, 2, (ROWS, 1))


def value_of(metric: pe.PostExportMetric, **columns: npt.NDArray[Any]) -> Any:
    """The only value of a metric."""
    labels = {"__labels": columns.pop("labels", LABEL)}
    features = {"weight": WEIGHT, "group": GROUP}
    found = values_of([metric], labels, columns or {"logistic": SCORE}, features)
    ((value,),) = found.values()
    return value


@pytest.mark.parametrize("weight", [None, "weight"])
def test_area_as_in_scikit_learn(weight: str | None) -> None:
    found = value_of(pe.auc(weight, num_buckets=64))
    weights = None if weight is None else WEIGHT[:, 0]
    expected = sk.roc_auc_score(LABEL[:, 0], SCORE[:, 0], sample_weight=weights)
    assert found.value.value == pytest.approx(expected, rel=1e-12)
    assert found.lower_bound.value < expected < found.upper_bound.value
    assert found.methodology == found.RIEMANN_SUM


def test_bounds_of_precision_over_recall() -> None:
    found = value_of(pe.auc(curve="PR", num_buckets=64))
    expected = sk.average_precision_score(LABEL[:, 0], SCORE[:, 0])
    assert found.lower_bound.value < found.value.value < found.upper_bound.value
    assert found.lower_bound.value < expected < found.upper_bound.value


def test_area_at_its_ends() -> None:
    assert value_of(pe.auc(), logistic=LABEL).value.value == 1
    for label, curve in ((0, "ROC"), (1, "ROC"), (0, "PR")):
        found = value_of(pe.auc(curve=curve), labels=np.full((ROWS, 1), float(label)))
        numbers = (found.value, found.lower_bound, found.upper_bound)
        assert all(math.isnan(number.value) for number in numbers)


def test_correlation() -> None:
    found = value_of(pe.squared_pearson_correlation("weight"))
    covariance = np.cov(LABEL[:, 0], SCORE[:, 0], aweights=WEIGHT[:, 0])
    expected = covariance[0, 1] ** 2 / (covariance[0, 0] * covariance[1, 1])
    assert found.value.value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("subgroup", GROUP == 1),
        ("bpsn", GROUP != LABEL),
        ("bnsp", GROUP == LABEL),
    ],
)
def test_fairness_areas(group: str, expected: npt.NDArray[np.bool_]) -> None:
    metric = pe.fairness_auc("group", "weight", num_buckets=64)
    columns = {"__labels": LABEL}, {"logistic": SCORE}, {"weight": WEIGHT, "group": GROUP}
    (found,) = values_of([metric], *columns)[f"post_export_metrics/fairness/auc/{group}_auc/group"]
    rows = expected[:, 0]
    area = sk.roc_auc_score(LABEL[rows, 0], SCORE[rows, 0], sample_weight=WEIGHT[rows, 0])
    assert found.value.value == pytest.approx(area, rel=1e-12)


def test_matrix_at_a_prediction_of_32_bits() -> None:
    label, score = (
        np.array([[1.0], [0.0], [1.0]]),
        np.array([[0.1], [0.7], [0.1000001]], np.float32),
    )
    found = value_of(
        pe.confusion_matrix_at_thresholds([0.7, 0.1]), labels=label, logistic=score
    ).matrices
    assert [matrix.threshold for matrix in found] == np.array([0.1, 0.7], np.float32).tolist()
    low, high = found
    # what equals a threshold is not above it
    assert (low.true_positives, low.false_negatives, low.false_positives) == (1, 1, 1)
    assert low.bounded_precision.value.value == low.precision == 0.5
    assert low.t_distribution_recall.unsampled_value.value == low.recall == 0.5
    assert math.isnan(high.precision)
    assert high.recall == 0


def test_names_of_rates() -> None:
    def names(thresholds: list[float]) -> set[str]:
        computations = pe.fairness_indicators(thresholds, metric_tag="t").computations(
            tensors_of({"__labels": LABEL}, {"logistic": SCORE}, {})
        )
        return {item.key.partition("@")[2] for item in computations} - {""}

    assert names([0.5, 1.0]) == {"0.50", "1.00"}
    assert names([0.5, 0.125]) == {"0.500", "0.125"}
    assert names([1e-7, 2e-7]) == {"0.0000001", "0.0000002"}


def test_rates_of_nothing() -> None:
    found = values_of(
        [pe.fairness_indicators([0.5])], {"__labels": np.zeros((2, 1))}, {"logistic": SCORE[:2]}
    )
    assert math.isnan(found["post_export_metrics/true_positive_rate@0.50"][0])


def test_each_class_of_a_row_is_a_row() -> None:
    labels, scores = np.eye(3), np.array([[0.5, 0.5, 0.0], [0.25, 0.5, 0.25], [1.0, 0.0, 0.0]])
    found = values_of(
        [pe.mean_absolute_error("weight")],
        {"y": labels},
        {"probabilities": scores},
        {"weight": np.array([[1.0], [1.0], [2.0]])},
    )
    errors = np.abs(labels - scores).sum(axis=1)
    assert found["post_export_metrics/mean_absolute_error"] == [errors @ [1, 1, 2] / (3 * 4)]


@pytest.mark.parametrize(
    ("labels", "score", "message"),
    [
        (LABEL, 2 * SCORE - 1, r"predictions lie outside \[0, 1\], such as .* Name probabilities"),
        (3 * LABEL, SCORE, r"labels lie outside \[0, 1\], such as 3"),
    ],
)
def test_what_is_no_probability(labels: Any, score: Any, message: str) -> None:
    for metric in (pe.auc(), pe.auc_plots(), pe.fairness_auc("group")):
        with pytest.raises(DataError, match=message):
            value_of(metric, labels=labels, logistic=score)


def test_predictions_that_are_no_number_are_named() -> None:
    scores = np.array([[0.25], [np.nan], [1.0]])
    metric = pe.calibration_plot_and_prediction_histogram(num_buckets=2)
    with pytest.raises(DataError, match="prediction of row 1 of these is NaN"):
        values_of([metric], {"__labels": np.ones((3, 1))}, {"logistic": scores}, plots=True)


def test_one_histogram_for_all_thresholds() -> None:
    metrics = [
        pe.auc(),
        pe.auc(curve="PR", num_buckets=64),
        pe.auc_plots(num_buckets=1000),
        pe.confusion_matrix_at_thresholds([0.123]),
        pe.fairness_indicators(),
    ]
    given = tensors_of({"__labels": LABEL}, {"logistic": SCORE}, {})
    found = Collection(tuple(item for metric in metrics for item in metric.computations(given)))
    assert len(found.layout.scattered) == 1


CLASSES = np.array(["a", "b", "c"])
RANKED = np.array(
    [
        [0.1, 0.2, 0.7],
        [0.3, 0.3, 0.4],
        [0.8, 0.1, 0.1],
        [0.2, 0.5, 0.3],
        [0.25, 0.5, 0.25],
        [0.6, 0.3, 0.1],
    ]
)
# "q" is no class; nothing, and a label twice
SEVERAL = np.array([["c", "a"], ["a", ""], ["a", "q"], ["b", "c"], ["", ""], ["b", "b"]])


def at_k(metric: pe.PostExportMetric, labels: npt.NDArray[Any], **columns: Any) -> Any:
    predictions = {"probabilities": RANKED, **columns}
    (found,) = values_of([metric], {"__labels": labels}, predictions)[
        f"post_export_metrics/{metric.name}"
    ]
    for pair in found.values:
        forms = (pair.bounded_value.value.value, pair.t_distribution_value.unsampled_value.value)
        np.testing.assert_equal(forms, (pair.value, pair.value))
    return {pair.cutoff: pair.value for pair in found.values}


def test_several_labels_at_k() -> None:
    names = np.tile(CLASSES, (6, 1))
    cutoffs = [2, 0, 1, 5]
    found = at_k(pe.precision_at_k(cutoffs), SEVERAL, all_classes=names)
    assert list(found) == cutoffs
    assert found == {1: 3 / 6, 2: 5 / 12, 0: 7 / 18, 5: 7 / 18}
    found = at_k(pe.recall_at_k(cutoffs), SEVERAL, all_classes=names)
    assert found == {1: 3 / 8, 2: 5 / 8, 0: 7 / 8, 5: 7 / 8}


NUMBERS = np.array([[2], [0], [0], [1], [2], [1]])


@pytest.mark.parametrize(
    ("labels", "columns"),
    [
        (NUMBERS, {}),
        (NUMBERS.astype(np.float32), {}),
        (NUMBERS, {"all_classes": np.tile(CLASSES, (6, 1))}),
        (CLASSES[NUMBERS], {"all_classes": np.tile(CLASSES, (6, 1))}),
        (NUMBERS.astype(np.float32), {"classes": np.tile(["0", "1", "2"], (6, 1))}),
        (NUMBERS + 40, {"classes": np.tile([40, 41, 42], (6, 1))}),
        (CLASSES[NUMBERS].astype("S"), {"classes": np.tile(CLASSES, (6, 1))}),
    ],
)
def test_forms_of_labels_at_k(labels: Any, columns: Any) -> None:
    assert at_k(pe.recall_at_k([1, 2, 3]), labels, **columns) == {1: 3 / 6, 2: 5 / 6, 3: 1}


def test_recall_of_no_label() -> None:
    found = at_k(pe.recall_at_k([1]), np.full((6, 1), ""), classes=np.tile(CLASSES, (6, 1)))
    assert math.isnan(found[1])


def test_classes_that_are_not_as_many_as_probabilities() -> None:
    with pytest.raises(DataError, match="There are 6 x 2 classes, but predictions of 6 x 3"):
        at_k(pe.recall_at_k([1], classes_key="some"), NUMBERS, some=np.tile([0, 1], (6, 1)))


def test_joint_codes() -> None:
    label, number = coded(LABELS, "y"), coded(PREDICTIONS, "classes")
    found = joint_codes(
        {
            label: np.array([[b"1"], [b""], [b"2.5"]], object),
            number: np.array([[1.0, 2.5], [np.nan, 7.0], [2.5, 1.0]], np.float32),
        }
    )
    one, half = found[number][0]
    assert found[label].tolist() == [[one], [-1], [half]]
    assert found[number].tolist()[1:] == [[-1, found[number][1, 1]], [half, one]]
    assert len({one, half, found[number][1, 1], -1}) == 4
