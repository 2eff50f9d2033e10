"""The same cases through TFMA 0.46's own validation."""

from __future__ import annotations

import pytest
from google.protobuf import json_format
from tensorflow_model_analysis.evaluators import metrics_validator
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as writer

from microtome.metrics.keys import MetricKey
from tests.validation import records
from tests.validation.cases import CASES, Case


def tfma_verdict(case: Case) -> bool:
    """Whether TFMA calls the model good."""
    config = json_format.ParseDict(
        json_format.MessageToDict(records.config_of(case)), config_pb2.EvalConfig()
    )
    combiner = writer.CombineValidations(config, rubber_stamp=False)
    accumulated = combiner.create_accumulator()
    for key, value in case.slices.items():
        metrics = {tfma_key(name): number for name, number in records.metrics_of(value).items()}
        accumulated = combiner.add_input(
            accumulated, metrics_validator.validate_metrics((key, metrics), config)
        )
    return bool(combiner.extract_output(accumulated).validation_ok)


def tfma_key(key: MetricKey) -> metric_types.MetricKey:
    return metric_types.MetricKey(
        key.name,
        model_name=key.model_name,
        output_name=key.output_name,
        example_weighted=key.example_weighted,
        is_diff=key.is_diff,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_tfma_says_the_same_but_where_it_is_told(case: Case) -> None:
    expected = case.verdict == "BLESSED" if case.tfma is None else case.tfma[0]
    assert tfma_verdict(case) == expected
    assert case.tfma is None or case.tfma[0] != (case.verdict == "BLESSED")
