"""Several models in one pass, EvalSavedModels among them: as in runs of their own, and compared."""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions

import microtome
from microtome import post_export_metrics
from microtome.errors import ConfigError, DataError
from tests.zoo import data as people

SLICES = 'slicing_specs {} slicing_specs { feature_keys: "country" }'
OUTSIDE = """
  metrics_specs {
    metrics { class_name: "AUC" } metrics { class_name: "MeanPrediction" }
    metrics { class_name: "CalibrationPlot" config: '{"num_buckets": 10}' }
  }
  metrics_specs { query_key: "level" metrics { class_name: "QueryStatistics" } }
"""
# with bounds, which have no difference
MESSAGES = ("post_export_metrics/auc",)
COUNTS = ("post_export_metrics/example_count", "post_export_metrics/example_weight")


def shared(model: Any, **settings: Any) -> microtome.EvalSharedModel:
    settings = {"example_weight_key": model.example_weight_key, **settings}
    return microtome.default_eval_shared_model(model.model_path, **settings)


def of_model(result: Any, name: str | None = None) -> dict[Any, dict[str, Any]]:
    """The metrics of one model in a result, by slice."""
    if name is not None:
        result = microtome.load_eval_result(result.output_path, model_name=name)
    return dict(result.slices())


def numbers(values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    arrays = {name: np.asarray(value) for name, value in values.items()}
    return {name: array for name, array in arrays.items() if array.dtype.kind in "biuf"}


def difference_of(name: str) -> str:
    """What the difference of a metric is called."""
    metric, space, how = name.partition(" ")
    return f"{metric}_diff{space}{how}"


def assert_as_alone(joint: Any, candidate: Any, baseline: Any) -> int:
    """Checks a run of two models against runs of each; returns how many differences there are."""
    first, second = of_model(candidate), of_model(baseline)
    found, of_baseline = of_model(joint), of_model(joint, "baseline")
    assert set(found) == set(first) == set(of_baseline) == set(second)
    differences = 0
    for key in first:
        plain = {name: value for name, value in found[key].items() if "_diff" not in name}
        for expected, values in ((first[key], plain), (second[key], of_baseline[key])):
            assert set(values) == set(expected)
            for name, value in numbers(expected).items():
                np.testing.assert_allclose(values[name], value, 1e-12, err_msg=f"{key} {name}")
        ours, theirs = numbers(first[key]), numbers(second[key])
        both = {
            name
            for name in {*ours} & {*theirs} - {*COUNTS, *MESSAGES}
            if ours[name].shape == theirs[name].shape
        }
        assert set(map(difference_of, both)) == set(found[key]) - set(plain)
        for name in both:
            expected = ours[name].astype(np.float64) - theirs[name]
            value = found[key][difference_of(name)]
            np.testing.assert_allclose(value, expected, 0, 1e-12, err_msg=name)
        differences += len(both)
    return differences


@pytest.mark.parametrize(
    ("candidate", "baseline", "differences"),
    [
        # other weights, and arrays of counts at thresholds
        ("dnn_binary_v2", "linear_binary_v1", 9),
        ("tf_metrics", "tf1_tf_metrics", 20),
        # losses of batches; nothing in common
        pytest.param("multi_head_v2", "handmade_serve_tf1", 0, marks=pytest.mark.slow),
    ],
)
def test_each_as_alone(committed_model, candidate, baseline, differences):
    first, second = committed_model(candidate), committed_model(baseline)
    specs = [microtome.SingleSliceSpec(columns=c) for c in ((), ("country",), ("languages",))]

    def run(models: Any) -> Any:
        return microtome.run_model_analysis(models, first.data_path, slice_spec=specs)

    joint = run([shared(first), shared(second, is_baseline=True)])
    slices = len(joint.slicing_metrics)
    found = assert_as_alone(joint, run(shared(first)), run(shared(second)))
    assert slices == 11
    assert found >= slices * differences
    assert joint.run_info["counts"]["rows"] == len(first.records)


def uncut(features: Any, predictions: Any, labels: Any) -> dict[str, Any]:
    """A metric for which the graph is run on each slice of a batch, and one for all at the end."""
    del features
    v1 = tf.compat.v1
    prediction = predictions["logistic"]
    total = v1.get_local_variable("total", [], initializer=v1.zeros_initializer())
    hits = tf.reduce_sum(tf.boolean_mask(prediction, labels > 0))
    largest = v1.get_local_variable("largest", [], initializer=v1.zeros_initializer())
    update = largest.assign(tf.maximum(largest.read_value(), tf.reduce_max(prediction)))
    return {
        "total_of_hits": (total.read_value(), total.assign_add(hits)),
        "largest": (largest.read_value(), update),
    }


def cut(features: Any, predictions: Any, labels: Any) -> dict[str, Any]:
    """A metric that one model sums, of the name of one for which the other needs all rows."""
    del features, labels
    return {"largest": tf.compat.v1.metrics.mean(predictions["logistic"])}


@pytest.mark.parametrize(
    ("of_candidate", "of_baseline"), [(uncut, uncut), (uncut, cut), (cut, uncut), (cut, cut)]
)
def test_the_reference_path(committed_model, of_candidate, of_baseline):
    first, second = committed_model("dnn_binary_v2"), committed_model("linear_binary_v1")
    config = f"{SLICES} options {{ batch_size: 50 }}"

    def run(models: Any) -> Any:
        return microtome.run_model_analysis(models, first.data_path, eval_config=config)

    candidate = shared(first, add_metrics_callbacks=[of_candidate], example_weight_key=None)
    baseline = shared(second, add_metrics_callbacks=[of_baseline])
    joint = run({"candidate": candidate, "baseline": baseline})
    # nine of the heads, and what both callbacks have
    both = {"largest", *(["total_of_hits"] if of_candidate is of_baseline is uncut else [])}
    found = assert_as_alone(joint, run(candidate), run(baseline))
    assert found == len(joint.slicing_metrics) * (9 + len(both))
    paths = {name: how["path"] for name, how in joint.metric_paths.items()}
    listed = "reference, all rows"
    assert paths["largest (candidate)"] == (listed if of_candidate is uncut else "cut")
    assert paths["largest (baseline)"] == (listed if of_baseline is uncut else "cut")


def test_metrics_outside_the_graphs(committed_model):
    first, second = committed_model("dnn_binary_v2"), committed_model("handmade_serve_tf1")
    callbacks = [
        post_export_metrics.auc(),
        post_export_metrics.calibration_plot_and_prediction_histogram(),
    ]

    def run(models: Any) -> Any:
        return microtome.run_model_analysis(models, first.data_path, eval_config=OUTSIDE + SLICES)

    candidate = shared(first, add_metrics_callbacks=callbacks)
    baseline = shared(second, add_metrics_callbacks=callbacks)
    joint = run({"candidate": candidate, "baseline": baseline})
    alone = run(candidate), run(baseline)
    assert assert_as_alone(joint, *alone) == 10 * len(joint.slicing_metrics)
    for name, expected in zip(("candidate", "baseline"), alone, strict=True):
        loaded = microtome.load_eval_result(joint.output_path, model_name=name)
        assert len(loaded.plots) == len(expected.plots) > 3
        of_alone = dict(expected.plots)
        for key, plots in loaded.plots:
            assert plots.keys() == of_alone[key].keys()


def test_a_pcollection_and_workers(committed_model, tmp_path):
    """The plan is made where a worker is, and travels."""
    first, second = committed_model("dnn_binary_v2"), committed_model("linear_binary_v1")
    models = [shared(first), shared(second, is_baseline=True)]
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(first.records)
            | microtome.ExtractEvaluateAndWriteResults(
                models, str(tmp_path / "result"), eval_config=SLICES
            )
        )
    found = of_model(microtome.load_eval_result(str(tmp_path / "result")))
    over_files = microtome.run_model_analysis(models, first.data_path, eval_config=SLICES)
    expected = of_model(over_files)
    assert set(found) == set(expected)
    for key, values in expected.items():
        assert found[key] == pytest.approx(values, rel=1e-6, abs=1e-6)


@pytest.mark.slow
def test_two_processes_agree(committed_model, tmp_path):
    first, second = committed_model("dnn_binary_v2"), committed_model("linear_binary_v1")
    for number in range(4):
        with tf.io.TFRecordWriter(str(tmp_path / f"part-{number}")) as writer:
            for record in first.records[number::4]:
                writer.write(record)
    models = [
        shared(first, add_metrics_callbacks=[uncut]),
        shared(second, is_baseline=True, add_metrics_callbacks=[uncut]),
    ]

    def run(*flags: str) -> Any:
        return microtome.run_model_analysis(
            models,
            str(tmp_path / "part-*"),
            eval_config=SLICES,
            pipeline_options=PipelineOptions(list(flags)),
        )

    in_two = run("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    expected = of_model(run())
    found = of_model(in_two)
    assert len(in_two.run_info["workers"]) == 2
    assert set(found) == set(expected)
    for key, values in expected.items():
        assert found[key] == pytest.approx(values, rel=1e-12, abs=1e-12)


# a model that serves, of the zoo's people, beside one with a graph


def save_model(path: str) -> str:
    specs = {name: people.SPEC[name] for name in ("age", "level")}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        columns = tf.io.parse_example(examples, specs)
        level = tf.cast(columns["level"][:, 0], tf.float32)
        return {"score": tf.sigmoid(0.02 * (columns["age"][:, 0] - 40) + 0.3 * (level - 3))}

    tf.saved_model.save(tf.Module(), path, signatures=serve)
    return path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_model(str(tmp_path_factory.mktemp("served")))


def scores(records: list[bytes]) -> Iterator[float]:
    for record in records:
        features = tf.train.Example.FromString(record).features.feature
        (age,), (level,) = features["age"].float_list.value, features["level"].int64_list.value
        yield 1 / (1 + np.exp(-(0.02 * (age - 40) + 0.3 * (level - 3))))


MIXED = """
  model_specs { name: "graph" }
  model_specs { name: "serves" label_key: "label" }
  metrics_specs { metrics { class_name: "AUC" } metrics { class_name: "MeanPrediction" } }
  slicing_specs {} slicing_specs { feature_keys: "country" }
"""


@pytest.mark.parametrize("baseline", ["graph", "serves"])
def test_a_graph_and_a_model_that_serves(committed_model, served, baseline):
    model = committed_model("linear_binary_v1")
    models = {
        "graph": shared(model),
        "serves": microtome.default_eval_shared_model(served),
    }
    config = microtome.parse_eval_config(MIXED)
    for spec in config.model_specs:
        spec.is_baseline = spec.name == baseline
    joint = microtome.run_model_analysis(models, model.data_path, eval_config=config)
    candidate = next(name for name in models if name != baseline)
    for name, alone in models.items():
        del config.model_specs[:]
        if name == "serves":
            config.model_specs.add(label_key="label")
        expected = of_model(
            microtome.run_model_analysis(alone, model.data_path, eval_config=config)
        )
        found = of_model(joint, name)
        # the graph has a country for rows without one
        assert set(found) ^ set(expected) <= {(("country", ""),)}
        assert (set(found) == set(expected)) == (name == candidate)
        for key in set(found) & set(expected):
            values = expected[key]
            assert {n: found[key][n] for n in values} == pytest.approx(values, rel=1e-12)
    compared, other = of_model(joint), of_model(joint, baseline)
    for key, values in compared.items():
        # the graph has an auc of its own, too
        aucs = [
            of["auc (unweighted)" if "auc (unweighted)" in of else "auc"]
            for of in (values, other[key])
        ]
        assert values["auc_diff"] == pytest.approx(aucs[0] - aucs[1], abs=1e-12)
        difference = values["mean_prediction"] - other[key]["mean_prediction"]
        assert values["mean_prediction_diff"] == pytest.approx(difference, abs=1e-12)
    whole = of_model(joint, "serves")[()]["mean_prediction"]
    assert whole == pytest.approx(np.mean(list(scores(model.records))), rel=1e-6)
    assert "average_loss" in of_model(joint, "graph")[()]
    assert "average_loss" not in of_model(joint, "serves")[()]
    assert joint.model_location == models[candidate].model_path


def test_flips_between_a_graph_and_a_model_that_serves(committed_model, served):
    model = committed_model("linear_binary_v1")
    config = microtome.parse_eval_config(
        MIXED + 'metrics_specs { metrics { class_name: "BooleanFlipRates" } }'
    )
    config.model_specs[1].is_baseline = True
    models = {"graph": shared(model), "serves": microtome.default_eval_shared_model(served)}
    result = microtome.run_model_analysis(models, model.data_path, eval_config=config)
    loaded = tf.compat.v1.saved_model
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        signature = loaded.load(session, ["eval"], model.model_path).signature_def["eval"]
        tensor = signature.outputs["predictions/logistic"].name
        feed = {signature.inputs["inputs/examples"].name: model.records}
        graph = session.run(tensor, feed).reshape(-1)
    was, now = np.array(list(scores(model.records))) > 0.5, graph > 0.5
    values = of_model(result)[()]
    assert 0 < np.mean(was & ~now) + np.mean(~was & now) < 1
    flips = {name: value for name, value in values.items() if "to_" in name}
    assert flips == pytest.approx(
        {
            "pos_to_neg_flip_rate_diff": np.mean(was & ~now),
            "neg_to_pos_flip_rate_diff": np.mean(~was & now),
            "pos_to_pos_flip_rate_diff": np.mean(was & now),
            "neg_to_neg_flip_rate_diff": np.mean(~was & ~now),
        }
    )


# names, features, errors


def names_of(result: Any) -> dict[str, bool]:
    return {spec.name: spec.is_baseline for spec in result.config.model_specs}


def test_names(committed_model):
    model = committed_model("handmade_serve_tf1")
    other = committed_model("handmade_collections_tf1")

    def run(first: dict[str, Any], second: dict[str, Any], config: str = "") -> dict[str, bool]:
        models = [shared(model, **first), shared(other, **second)]
        result = microtome.run_model_analysis(models, model.data_path, eval_config=config + SLICES)
        found = names_of(result)
        candidate = next(name for name, is_baseline in found.items() if not is_baseline)
        assert result.model_location == model.model_path
        assert of_model(result, candidate) == of_model(result)
        assert "accuracy_diff" in of_model(result)[()]
        return found

    ours = {"candidate": False, "baseline": True}
    assert run({}, {"is_baseline": True}) == ours
    assert run({"model_name": "candidate"}, {"model_name": "baseline"}) == ours
    assert run({"model_name": "new"}, {"model_name": "old", "is_baseline": True}) == {
        "new": False,
        "old": True,
    }
    assert run({}, {"is_baseline": True}, 'model_specs { name: "new" }') == {
        "new": False,
        "baseline": True,
    }
    named = 'model_specs { name: "b" is_baseline: true } model_specs { name: "a" }'
    assert run({"model_name": "a"}, {"model_name": "b"}, named) == {"a": False, "b": True}
    assert run({}, {"is_baseline": True}, named) == {"a": False, "b": True}


def test_what_the_config_says_of_the_model_holds_for_both(committed_model):
    model = committed_model("handmade_serve_tf1")
    models = [
        microtome.default_eval_shared_model(model.model_path),
        microtome.default_eval_shared_model(model.model_path, is_baseline=True),
    ]
    config = """model_specs { example_weight_key: "weight" prediction_key: "head/logits" }
                metrics_specs { model_names: "" metrics { class_name: "MeanPrediction" } }"""
    result = microtome.run_model_analysis(models, model.data_path, eval_config=config + SLICES)
    for name in ("candidate", "baseline"):
        count, weight = (of_model(result, name)[()][each] for each in COUNTS)
        assert count < weight
    differences = [v for n, v in of_model(result)[()].items() if n.endswith("_diff")]
    assert differences == [0.0] * 5
    assert not 0 < of_model(result, "baseline")[()]["mean_prediction"] < 1


def test_as_tfma_names_a_baseline(committed_model):
    model = committed_model("handmade_serve_tf1")
    config = microtome.parse_eval_config(
        'model_specs { name: "a" } model_specs { name: "b" is_baseline: true }' + SLICES
    )
    models = [
        microtome.default_eval_shared_model(model.model_path, model_name=n, eval_config=config)
        for n in "ab"
    ]
    assert [each.is_baseline for each in models] == [False, True]
    with pytest.raises(ConfigError, match=r"no model_specs of the name 'c'.*'a', 'b'"):
        microtome.default_eval_shared_model(model.model_path, model_name="c", eval_config=config)
    assert (microtome.CANDIDATE_KEY, microtome.BASELINE_KEY) == ("candidate", "baseline")


@pytest.mark.parametrize(
    ("names", "config", "message"),
    [
        (("a", "a"), "", "Several models have one name: .* as 'a', .* as 'a'"),
        (("", ""), "", "Several models have one name: .*is_baseline=True"),
        (("a", "b"), 'model_specs { name: "a" } model_specs { name: "c" }', "the name 'b'"),
        (("a",), 'model_specs { name: "a" } model_specs { name: "b" }', "names the models 'b'"),
    ],
)
def test_names_that_do_not_fit(committed_model, names, config, message):
    model = committed_model("handmade_serve_tf1")
    models = [shared(model, model_name=name) for name in names]
    with pytest.raises(ConfigError, match=message):
        microtome.run_model_analysis(models, model.data_path, eval_config=config + SLICES)


def test_a_baseline_that_the_config_does_not_say(committed_model):
    model = committed_model("handmade_serve_tf1")
    models = [shared(model, model_name="a"), shared(model, model_name="b", is_baseline=True)]
    config = 'model_specs { name: "a" } model_specs { name: "b" }' + SLICES
    with pytest.raises(ConfigError, match="'b', which is its, has no is_baseline: true"):
        microtome.run_model_analysis(models, model.data_path, eval_config=config)


def test_metrics_of_a_model_that_serves_are_named(committed_model, served):
    model = committed_model("handmade_serve_tf1")
    models = [shared(model), microtome.default_eval_shared_model(served, is_baseline=True)]
    with pytest.raises(ConfigError, match=r"metrics_specs is empty, and .* is no EvalSavedModel"):
        microtome.run_model_analysis(models, model.data_path, eval_config=SLICES)


def test_features_come_from_the_candidate_or_else_from_another(zoo_model, tmp_path):
    """`slice_key` is made by the receiver of one of the models alone."""
    model, without = zoo_model("fixed"), zoo_model("fixed_bare_features")
    config = 'slicing_specs { feature_keys: "slice_key" }'
    alone = of_model(
        microtome.run_model_analysis(shared(model), model.data_path, eval_config=config)
    )
    for first, second in itertools.permutations([model, without]):
        models = [shared(first), shared(second, is_baseline=True)]
        result = microtome.run_model_analysis(models, model.data_path, eval_config=config)
        assert set(of_model(result)) == set(alone)
    with pytest.raises(ConfigError, match="no feature 'slice_kex' to slice by"):
        microtome.run_model_analysis(
            [shared(model), shared(without, is_baseline=True)],
            model.data_path,
            eval_config=config.replace('key"', 'kex"'),
        )


def test_models_that_make_other_rows_of_the_examples(zoo_model, tmp_path):
    rows = zoo_model("rows_of_inputs")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"length": tf.cast(tf.strings.length(examples), tf.float32)}

    tf.saved_model.save(tf.Module(), str(tmp_path / "lengths"), signatures=serve)
    models = {
        "rows": shared(rows),
        "lengths": microtome.default_eval_shared_model(str(tmp_path / "lengths")),
    }
    config = """model_specs { name: "rows" } model_specs { name: "lengths" }
                metrics_specs { metrics { class_name: "MeanPrediction" } }"""
    message = r"the model 'rows' \(.* makes \d+ rows and the model 'lengths' .* \d+\."
    with pytest.raises(DataError, match=message):
        microtome.run_model_analysis(models, rows.data_path, eval_config=config)


def test_which_model_refuses_an_example(committed_model, tmp_path: pathlib.Path):
    model, path = committed_model("handmade_serve_tf1"), str(tmp_path / "data")
    good = model.records[0]
    example = tf.train.Example.FromString(good)
    del example.features.feature["age"]
    with tf.io.TFRecordWriter(path) as writer:
        for record in (good, good, example.SerializeToString()):
            writer.write(record)
    models = [shared(model), shared(model, is_baseline=True)]
    with pytest.raises(DataError, match=r"refused by the model: the model 'candidate' \(/"):
        microtome.run_model_analysis(models, path, eval_config=SLICES)
