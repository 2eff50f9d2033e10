"""Configs that are nearly right: what is wrong with them is said, by field or metric."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

import microtome
from microtome.config import parse_eval_config
from microtome.errors import MicrotomeError
from microtome.executor import sources
from microtome.executor.analysis import _Work
from microtome.frames.dataframe import frame_batches
from microtome.metrics import metric

ROWS = 8
FRAME = pd.DataFrame(
    {
        "label": [0, 1, 1, 0, 1, 0, 0, 1],
        "score": np.linspace(0.05, 0.95, ROWS),
        "classes": list(np.random.default_rng(0).dirichlet([1, 1, 1], ROWS)),
        "hot": list(np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]]),
        "weight": np.linspace(0.5, 2, ROWS),
        "side": ["left", "right"] * 4,
        "query": ["a", "a", "b", "b", "c", "c", "d", "d"],
        "ragged": [[1.0], [1.0, 2.0], [], [3.0], [1.0], [2.0], [2.0], [1.0]],
    }
)
CLASS_NAMES = sorted(metric.registered_metrics())
COLUMNS = ["label", "score", "classes", "hot", "weight", "side", "query", "ragged", "absent", ""]
# what must stand in each message, for the user to know where to look
NAMED = (
    "model_specs", "metrics_specs", "slicing_specs", "options", "label_key", "prediction_key",
    "example_weight", "column", "The metric", "cross_slicing_specs", *CLASS_NAMES,
)  # fmt: skip

small = st.integers(-2, 5)
columns = st.sampled_from(COLUMNS)
junk = st.one_of(small, st.floats(), st.booleans(), st.none(), st.text(max_size=4), st.lists(small))


def _settings_of(name: str) -> list[str]:
    return [field.name for field in dataclasses.fields(metric.metric_class(name))]


def near(words: list[str]) -> st.SearchStrategy[str]:
    """One of the words, mostly; some with a letter more or less."""
    word = st.sampled_from(words)
    return st.one_of(
        word, word, word, word, word.map(lambda w: w[:-1]), word.map(lambda w: w + "s")
    )


def sometimes(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings of any of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


numbers = st.one_of(st.floats(0, 1), small, junk)
lists = st.one_of(st.lists(st.floats(0, 1), max_size=3), junk)
settings = sometimes(
    name=st.one_of(st.just("own"), junk),
    thresholds=lists,
    num_thresholds=st.one_of(small, junk),
    threshold=numbers,
    class_id=st.one_of(small, junk),
    top_k=st.one_of(small, junk),
    k=small,
    num_buckets=st.one_of(small, junk),
    left=numbers,
    right=numbers,
    curve=st.one_of(st.sampled_from(["ROC", "PR", "roc"]), junk),
    summation_method=st.one_of(st.just("majoring"), junk),
    recall=numbers,
    precision=numbers,
    specificity=numbers,
    sensitivity=numbers,
    gain_key=st.one_of(columns, junk),
    top_k_list=st.one_of(st.lists(small, max_size=3), junk),
    label_key=st.one_of(columns, junk),
    feature_key_path=st.one_of(st.lists(columns, max_size=2), junk),
    label_smoothing=numbers,
    from_logits=junk,
    dtype=junk,
)
known_settings = st.sampled_from(CLASS_NAMES).flatmap(
    lambda name: st.tuples(
        st.just(name),
        sometimes(
            **{
                field: st.one_of(numbers, lists, columns, st.lists(columns, max_size=2))
                for field in _settings_of(name)
            }
        ),
    )
)
configs = st.one_of(
    settings.map(json.dumps),
    settings.map(json.dumps),
    st.sampled_from(["", "{", "[]", "null", '"name"', '"name": ', "{}}", '"a": 1, "a": 2', "7"]),
)
metrics = st.one_of(
    st.fixed_dictionaries({"class_name": near(CLASS_NAMES)}, optional={"config": configs}),
    *[known_settings.map(lambda pair: {"class_name": pair[0], "config": json.dumps(pair[1])})] * 3,
    sometimes(class_name=st.text(max_size=5), module=st.text(max_size=5), config=configs),
)
values = st.fixed_dictionaries({"values": st.lists(small, max_size=2)})
weights = st.dictionaries(small.map(str), st.floats(-1, 3), max_size=3)
averages = st.one_of(
    *(
        sometimes(**{kind: st.booleans(), "class_weights": weights, "top_k_list": values})
        for kind in ("micro_average", "macro_average", "weighted_macro_average")
    )
)
metrics_specs = st.fixed_dictionaries(
    {"metrics": st.lists(metrics, max_size=3)},
    optional={
        "binarize": sometimes(class_ids=values, k_list=values, top_k_list=values),
        "aggregate": averages,
        "example_weights": sometimes(weighted=st.booleans(), unweighted=st.booleans()),
        "query_key": near(COLUMNS[:-1]),
        "output_names": st.lists(st.sampled_from(["", "a", "b", "score"]), max_size=2),
        "model_names": st.lists(st.sampled_from(["", "new", "old", "od"]), max_size=2),
    },
)
keys = st.dictionaries(st.sampled_from(["a", "b"]), columns, max_size=2)
model_specs = sometimes(
    name=st.sampled_from(["", "new", "old"]),
    label_key=near(COLUMNS),
    label_keys=keys,
    prediction_key=near(COLUMNS),
    prediction_keys=keys,
    example_weight_key=near(COLUMNS),
    example_weight_keys=keys,
    is_baseline=st.booleans(),
    signature_name=st.sampled_from(["", "eval"]),
)
right_model = st.one_of(
    st.just({"label_key": "label", "prediction_key": "score"}),
    st.just({"label_key": "label", "prediction_key": "classes", "example_weight_key": "weight"}),
    st.just({"label_key": "hot", "prediction_key": "classes"}),
)
eval_configs = st.fixed_dictionaries(
    {
        "model_specs": st.one_of(
            right_model.map(lambda spec: [spec]), st.lists(model_specs, max_size=3)
        ),
        "metrics_specs": st.lists(metrics_specs, min_size=1, max_size=2),
    },
    optional={
        "slicing_specs": st.lists(
            sometimes(
                feature_keys=st.lists(columns, max_size=2),
                feature_values=st.dictionaries(columns, st.text(max_size=3), max_size=1),
            ),
            max_size=2,
        ),
        "options": sometimes(min_slice_size=small, batch_size=small),
    },
)


def checked(mapping: dict[str, Any]) -> bool:
    """Whether a config passes all that is checked before a pipeline runs.

    Raises:
        Exception: what is wrong is not said to a user.
    """
    try:
        work = _Work(None, parse_eval_config(mapping))
        batches = [sources.Batch(batch, "the data") for batch in frame_batches(FRAME, ROWS)]
        work.subject.check(work.features)
        work.plan(batches)
    except MicrotomeError as error:
        words = str(error)
    else:
        return True
    assert any(name in words for name in NAMED), words
    return False


@hypothesis.given(eval_configs)
@hypothesis.settings(max_examples=200, deadline=None)
def test_what_is_wrong_is_named(mapping) -> None:
    checked(mapping)


@pytest.mark.slow
@hypothesis.given(eval_configs.filter(checked))
@hypothesis.settings(
    max_examples=12, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)
def test_what_passes_the_checks_runs(mapping) -> None:
    result = microtome.analyze_raw_data(FRAME, mapping)
    assert result.slicing_metrics
