"""TFMA's own messages are taken as they are."""

import pytest
from google.protobuf import text_format

from microtome.config import check_supported, parse_eval_config
from microtome.errors import ConfigError

tfma_config = pytest.importorskip("tensorflow_model_analysis.proto.config_pb2")

TEXT = """
model_specs { signature_name: "eval" example_weight_key: "w" }
slicing_specs {} slicing_specs { feature_keys: "a" feature_values { key: "b" value: "1" } }
metrics_specs { aggregate { macro_average: true class_weights { key: 1 value: 0.1 } } }
options { min_slice_size { value: 1 } }
"""


def test_message_of_tfma():
    theirs = text_format.Parse(TEXT, tfma_config.EvalConfig())
    ours = parse_eval_config(theirs)
    assert text_format.MessageToString(ours) == text_format.MessageToString(theirs)
    assert parse_eval_config(theirs.SerializeToString()) == ours
    with pytest.raises(ConfigError, match="metrics_specs"):
        check_supported(ours)


def test_another_message_of_tfma():
    with pytest.raises(ConfigError, match=r"tensorflow_model_analysis\.EvalRun was given"):
        parse_eval_config(tfma_config.EvalRun(version="1"))
