"""Features that are not there, and examples that the model refuses."""

from __future__ import annotations

import logging

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

import microtome
from microtome.errors import ConfigError, DataError
from tests.bad_input.conftest import changed

pytestmark = pytest.mark.current

FIRST = 3
# beyond the examples that the evaluation is planned with
LATE = 100


def test_unknown_slice_feature(refuse, people):
    message = refuse(ConfigError, slices=["contry"])
    assert "no feature 'contry' to slice by (did you mean 'country'?)" in message
    assert people.model_path in message
    assert "age, count, country, " in message
    assert "eval_input_receiver_fn" in message


def test_unknown_feature_in_a_slice_value(refuse):
    spec = microtome.SingleSliceSpec(features=[("langauges", "py")])
    message = refuse(ConfigError, slice_spec=[spec])
    assert "did you mean 'languages'?" in message


def test_unknown_weight(refuse):
    message = refuse(ConfigError, weight="wieght")
    assert "no feature 'wieght' to weigh examples by (did you mean 'weight'?)" in message


def test_weight_that_is_no_number(refuse):
    message = refuse(ConfigError, weight="country")
    assert "'country' to weigh examples by is of type string" in message
    assert "age, count, " in message


def test_feature_missing_from_some_rows(evaluate, people, write_records):
    """Such rows stand in no slice of it; with a default, in the default's."""
    records = [
        changed(record, languages=None, country=None) if i % 2 else changed(record, country=[b"de"])
        for i, record in enumerate(people.records)
    ]
    result = evaluate(
        data=write_records("eval", records), slices=["languages", "country"], weight="weight"
    )
    counts = {key: result.example_count(key) for key in result.get_slice_names()}
    assert counts[()] == len(records)
    assert counts[(("country", "de"),)] == counts[(("country", ""),)] == len(records) / 2
    languages = {key[0][1] for key in counts if key and key[0][0] == "languages"}
    assert languages
    assert "" not in languages
    assert all(counts[(("languages", name),)] <= len(records) / 2 for name in languages)


@pytest.mark.parametrize("place", [FIRST, LATE])
def test_needed_feature_missing_from_one_row(refuse, people, write_records, place):
    records = [*people.records]
    records.insert(place, changed(people.records[0], age=None))
    path = write_records("eval", records)
    message = refuse(DataError, data=path)
    assert f"Example {place} of {path!r} is refused by the model: Feature: age" in message
    assert "is required but could not be found. Mend or remove the example" in message


def test_needed_feature_missing_from_all_rows(refuse, people, write_records):
    path = write_records("eval", [changed(record, weight=None) for record in people.records])
    message = refuse(DataError, data=path, weight="weight")
    assert f"Example 0 of {path!r} is refused by the model: Feature: weight" in message
    assert "So are all 48 examples that were tried" in message
    assert "The model parses the features age, count, country, " in message


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        ([b"old"], "Key: age, Index: 0. Data types don't match. Data type: string but expected"),
        ([40.0, 41.0], "Key: age, Index: 0. Number of float values != expected."),
    ],
)
def test_feature_of_another_form(refuse, people, write_records, age, reason):
    records = [*people.records[:FIRST], changed(people.records[0], age=age), *people.records]
    path = write_records("eval", records)
    message = refuse(DataError, data=path)
    assert f"Example {FIRST} of {path!r} is refused by the model: {reason}" in message


@pytest.mark.parametrize(
    ("name", "label", "bound"),
    [
        ("dnn_multi_class_v2", {"label_class": [3]}, "Labels must be <= n_classes - 1"),
        ("dnn_multi_class_v2", {"label_class": [-1]}, "Labels must be >= 0"),
        ("linear_binary_v1", {"label": [7.0]}, "Labels must <= n_classes - 1"),
    ],
)
def test_label_out_of_range(refuse, committed_model, write_records, name, label, bound):
    model = committed_model(name)
    records = [*model.records[:FIRST], changed(model.records[0], **label), *model.records]
    path = write_records("eval", records)
    message = refuse(DataError, model, data=path)
    assert f"Example {FIRST} of {path!r} is refused by the model: {bound}" in message
    (value,) = next(iter(label.values()))
    assert f"labels:0) = [{value:g}]" in message
    assert "Mend or remove the example" in message


def test_label_out_of_range_beyond_the_first_examples(refuse, committed_model, write_records):
    model = committed_model("dnn_multi_class_v2")
    records = [*model.records[:LATE], changed(model.records[0], label_class=[3]), *model.records]
    path = write_records("eval", records)
    message = refuse(DataError, model, data=path)
    assert f"Example {LATE} of {path!r} is refused by the model: Labels must be <=" in message
    assert "labels:0) = [3]" in message


def test_poison_in_the_middle_of_another_file(refuse, people, tmp_path, write_records, caplog):
    write_records("eval-0", people.records)
    path = write_records("eval-1", [*people.records * 3, b"poison", *people.records])
    with caplog.at_level(logging.WARNING):
        message = refuse(DataError, data=str(tmp_path / "eval-*"), desired_batch_size=200)
    assert f"Example 360 of {path!r} is refused by the model" in message
    assert "Could not parse example input, value: 'poison'" in message
    assert "poison" not in caplog.text


@pytest.mark.parametrize("place", [FIRST, LATE])
def test_poison_that_is_no_text(refuse, people, write_records, place):
    """TensorFlow's Python bindings fail to decode the message that quotes it."""
    records = [*people.records]
    records.insert(place, b"\x86\xff poison")
    path = write_records("eval", records)
    message = refuse(DataError, data=path)
    assert f"Example {place} of {path!r} is refused by the model" in message
    assert r"value: '\x86\xff poison'" in message


def test_other_data(refuse, tmp_path):
    path = tmp_path / "eval.csv"
    path.write_text("carrier,delay\n" + "UA,7\n" * 10)
    message = refuse(DataError, data=str(path), file_format="text")
    assert f"Example 0 of {str(path)!r} is refused by the model" in message
    assert "value: 'carrier,delay'" in message
    assert "So are all 11 examples that were tried" in message


def test_poison_in_a_collection(people, tmp_path):
    output = tmp_path / "result"
    transform = microtome.ExtractEvaluateAndWriteResults(
        microtome.default_eval_shared_model(people.model_path), str(output)
    )
    # runners of other people's pipelines wrap the error
    message = r"its 6 bytes begin b'poison'\) is refused"
    with pytest.raises(Exception, match=message), beam.Pipeline() as pipeline:
        _ = pipeline | beam.Create([*people.records, b"poison"]) | transform
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_poison_in_another_process(refuse, people, write_records):
    """There the error comes back as the text of a traceback."""
    path = write_records("eval", [*people.records, b"poison"])
    options = PipelineOptions(["--direct_running_mode=multi_processing", "--direct_num_workers=2"])
    message = refuse(DataError, data=path, pipeline_options=options)
    assert f"Example {len(people.records)} of {path!r} is refused by the model" in message
