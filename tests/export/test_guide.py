"""The guide "Get Started with TensorFlow Model Analysis" (July 2019), its export code as it stands.

Its code is kept word for word, but for its `...` and for `categorical_column_with_hash`: no
TensorFlow ever had that name (it is `categorical_column_with_hash_bucket`).
"""

from __future__ import annotations

import pytest
import tensorflow as tf

import microtome as tfma
import microtome.export
from tests.export.test_savedmodel import signature
from tests.zoo import data

RECEIVER = """
country = tf.feature_column.categorical_column_with_hash_bucket('country', 100)
language = tf.feature_column.categorical_column_with_hash_bucket('language', 100)
age = tf.feature_column.numeric_column('age')
label = tf.feature_column.numeric_column('label')

def eval_input_receiver_fn():
  serialized_tf_example = tf.compat.v1.placeholder(
      dtype=tf.string, shape=[None], name='input_example_placeholder')

  # This *must* be a dictionary containing a single key 'examples', which
  # points to the input placeholder.
  receiver_tensors = {'examples': serialized_tf_example}

  feature_spec =  tf.feature_column.make_parse_example_spec(
      [country, language, age, label])
  features = tf.io.parse_example(serialized_tf_example, feature_spec)

  return tfma.export.EvalInputReceiver(
    features=features,
    receiver_tensors=receiver_tensors,
    labels=features['label'])
"""

EXPORT = """
# Also export the EvalSavedModel
tfma.export.export_eval_savedmodel(
  estimator=estimator, export_dir_base=export_dir,
  eval_input_receiver_fn=eval_input_receiver_fn)
"""

RECORDS = [
    data.example(
        {"country": ["de"], "language": ["c", "go"], "age": [40.0 + row], "label": [float(row % 2)]}
    )
    for row in range(8)
]


@pytest.mark.parametrize("era", [tf.estimator, tf.compat.v1.estimator], ids=["v2", "v1"])
def test_the_guides_export(era, tmp_path):
    names = {"tf": tf, "tfma": tfma, "export_dir": str(tmp_path / "eval")}
    exec(RECEIVER, names)
    estimator = era.LinearClassifier(
        [names["country"], names["language"], names["age"]], model_dir=str(tmp_path / "model")
    )
    spec = tf.feature_column.make_parse_example_spec(
        [names["country"], names["language"], names["age"], names["label"]]
    )

    def input_fn():
        parsed = tf.io.parse_example(tf.constant(RECORDS), spec)
        return {name: parsed[name] for name in ("country", "language", "age")}, parsed["label"]

    estimator.train(input_fn, steps=2)
    exec(EXPORT, {**names, "estimator": estimator})
    (path,) = (tmp_path / "eval").iterdir()
    inputs = signature(str(path)).inputs
    assert {key for key in inputs if key.startswith("features/")} == {
        "features/country",
        "features/language",
        "features/age",
        "features/label",
    }
    assert inputs["labels"] == inputs["features/label"]
    assert tfma.export is microtome.export
