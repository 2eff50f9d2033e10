"""What metrics see of examples: numbers that are missing, classes, features."""

from __future__ import annotations

import numpy as np
import pytest

from microtome.errors import ConfigError, DataError
from microtome.metrics import means
from microtome.metrics.collection import Collection
from microtome.metrics.metric import Sum
from microtome.metrics.specs import ModelColumns, computations
from microtome.metrics.views import Examples, Source, View, one_hot
from microtome.proto.config_pb2 import MetricsSpec
from tests.metrics.summed import sums_of

pytestmark = pytest.mark.current

LABEL, SCORE, WEIGHT = Source("labels"), Source("predictions"), Source("features", "w")
MODEL = ModelColumns(labels={"": LABEL}, predictions={"": SCORE}, weights={})


def examples(**columns: list[float]) -> Examples:
    sources = {"label": LABEL, "score": SCORE, "w": WEIGHT}
    given = {sources[name]: np.array(column, float) for name, column in columns.items()}
    return Examples(len(next(iter(given.values()))), given)


@pytest.mark.parametrize("name", ["label", "score", "w"])
def test_a_missing_number_is_named(name: str) -> None:
    columns = {"label": [0, 1, 1], "score": [0.1, 0.2, 0.3], "w": [1, 1, 1]}
    columns[name][1] = np.nan
    with pytest.raises(DataError, match="of row 1 of these is NaN"):
        View(weight=WEIGHT).rows(examples(**columns))


@pytest.mark.parametrize("label", [1.5, -2, 3, 9])
def test_labels_that_are_no_class(label: float) -> None:
    with pytest.raises(DataError, match=f"label of row 1 of these is {label:g}.*of 3 classes"):
        one_hot(np.array([0, label, 2]), 3)
    scores = [[0.2, 0.3, 0.5]] * 2
    for view in (View(is_flattened=True), View(class_id=0), View(of_classes=True), View(k=1)):
        with pytest.raises(DataError, match="of 3 classes"):
            view.rows(examples(label=[2, label], score=scores))


def test_labels_of_no_class() -> None:
    assert one_hot(np.array([-1, 2]), 3).tolist() == [[0, 0, 0], [0, 0, 1]]
    with pytest.raises(DataError, match="label of row 0 of these is -1"):
        View(of_classes=True).rows(examples(label=[-1, 2], score=[[0.2, 0.3, 0.5]] * 2))


def test_features_of_one_number_a_row() -> None:
    rows = View(features=(WEIGHT,)).rows(examples(label=[0], score=[0.5], w=[[2.0]]))
    assert rows.features["w"].tolist() == [2.0]


@pytest.mark.parametrize(("path", "mean"), [("labels", 0.5), ("predictions", 0.4)])
def test_mean_of_labels_and_predictions(path: str, mean: float) -> None:
    spec = MetricsSpec(
        metrics=[{"class_name": "Mean", "config": f'"feature_key_path": ["{path}"]'}]
    )
    found = computations([spec], [MODEL])
    assert isinstance(found[0].metric, means.Mean)
    collection = Collection(found)
    values = collection.compute(
        sums_of(collection, examples(label=[0, 1], score=[0.3, 0.5], w=[1, 1]))
    )
    assert next(iter(values.values()))[0] == pytest.approx(mean)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"metrics": [{"class_name": "AUC"}, {"class_name": "AUC", "config": '"curve": "PR"'}]},
            r"metrics\[1\]: another metric is called 'auc'",
        ),
        (
            {"metrics": [{"class_name": "AUC"}], "aggregate": {"class_weights": {1: 2.0}}},
            "not how they are averaged",
        ),
        (
            {
                "metrics": [{"class_name": "AUC"}],
                "aggregate": {"macro_average": True, "class_weights": {1: 2.0}},
                "binarize": {"k_list": {"values": [1]}},
            },
            "cannot stand beside aggregate.macro_average",
        ),
    ],
)
def test_specs_that_contradict_themselves(spec: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        computations([MetricsSpec(**spec)], [MODEL])


def test_equal_metrics_are_one() -> None:
    spec = MetricsSpec(metrics=[{"class_name": "AUC"}, {"class_name": "AUC"}])
    assert len(computations([spec], [MODEL])) == 1


def test_a_function_that_travelled_is_the_same() -> None:
    def made(shift: float):  # type: ignore[no-untyped-def]
        return lambda rows: rows.labels + shift

    assert Sum(made(1)) == Sum(made(1))
    assert Sum(made(1)) != Sum(made(2))
    assert len({Sum(made(1)), Sum(made(1)), Sum(made(1), is_weighted=False)}) == 2
