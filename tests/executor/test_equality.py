"""Every metric of every slice equals the graph itself, and what TFMA makes of it.

Every head of the zoo that is not among the committed models, which `test_committed` has; against
TFMA, which takes minutes, all of them, in the slow tests.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest

import microtome
from microtome.model.feeding import RowFeeder
from microtome.model.loading import load_model
from microtome.model.reference import ReferenceGraph
from microtome.model.structure import analyze
from microtome.results import EvalResult
from tests import committed, zoo
from tests.executor import exceptions
from tests.executor.rows import stands_in

TRAINED = [
    *zoo.canned.MODELS,
    *zoo.custom.MODELS,
    *zoo.uncut.MODELS,
    *zoo.handmade.MODELS,
    *(name for name in zoo.MODELS if name.startswith("tf1_")),
]
UNCOMMITTED = [name for name in TRAINED if name not in committed.NAMES]
EXAMPLE_COUNT = "post_export_metrics/example_count"


def specs_of(model: zoo.ZooModel) -> list[tuple[str, ...]]:
    """Overall, each feature, and a cross of one with one that has several values a row."""
    features = model.slice_features
    return [(), *((feature,) for feature in features), tuple(features[:2])]


@pytest.fixture(scope="module")
def evaluated(zoo_model):
    """A function that evaluates a model of the zoo."""

    @functools.cache
    def evaluate(name: str) -> EvalResult:
        model = zoo_model(name)
        return microtome.run_model_analysis(
            microtome.default_eval_shared_model(
                model.model_path, example_weight_key=model.example_weight_key
            ),
            model.data_path,
            slice_spec=[microtome.SingleSliceSpec(columns=names) for names in specs_of(model)],
        )

    return evaluate


@pytest.mark.parametrize("name", UNCOMMITTED)
def test_equal_to_the_graph(evaluated, zoo_model, name):
    model, found = zoo_model(name), dict(evaluated(name).slices())
    loaded = load_model(model.model_path)
    with loaded.graph.as_default():
        structure = analyze(loaded)
        metrics = list(structure.reads)
        graph = ReferenceGraph(loaded, metrics, metrics, structure.written_by(metrics))
        feed = RowFeeder(loaded).load(model.records)
    assert () in found
    for key, values in found.items():
        rows = np.array([i for i, r in enumerate(model.records) if stands_in(r, key)])
        assert values[EXAMPLE_COUNT] == len(rows), key
        for metric, value in graph.values([(feed, rows)]).items():
            exceptions.assert_equal(values[metric], value, name, metric, key)
    loaded.close()
    # no slice is missing
    covered = itertools.chain(*(key for key in found))
    assert {column for column, _ in covered} == set(model.slice_features)


@pytest.mark.parametrize("name", UNCOMMITTED)
def test_paths(evaluated, name):
    how = evaluated(name).metric_paths
    paths = {metric: said["path"] for metric, said in how.items()}
    assert paths == {metric: exceptions.path(name, metric) for metric in paths}
    assert all(said["path"] == "cut" or said["reason"] for said in how.values())


def test_canned_heads_are_cut_but_for_losses_of_batches():
    """What `test_paths` holds them to."""
    uncut = {
        (model, metric)
        for model, metric in exceptions.PATHS
        if model in zoo.canned.MODELS or model.startswith("tf1_")
    }
    assert uncut == {("multi_head_v2", "loss/*")}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in TRAINED if (name, "*") not in exceptions.NOT_AS_TFMA]
)
def test_equal_to_tfma(evaluated, zoo_model, name):
    from tests import oracle

    model, found = zoo_model(name), dict(evaluated(name).slices())
    theirs = oracle.evaluate(model, specs_of(model))
    assert set(found) == set(theirs)
    for key, values in theirs.items():
        for metric, value in values.items():
            exceptions.assert_equal(found[key][metric], value, name, metric, key)
